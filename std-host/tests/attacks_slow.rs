//! Floods and crowds: attacks that take seconds and hundreds of megabytes.
//!
//! `ulimit -n 20000; cargo test --release -p wirelet-host --test attacks_slow`

mod harness;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use harness::{BINARY, CLOSE, PING, Running, TEXT, frame, handshake, read_frame, upgrade_request};

/// What the program may grow by, whatever is thrown at it.
const GROWTH_KIB: u64 = 16 * 1024;

#[test]
fn a_peer_that_never_reads_stops_being_read_and_memory_stays_flat() {
    let server = Running::serve(&[]);
    let mut bystander = handshake(server.addr);
    let before = server.rss_kib();
    for flood in [frame(PING, &[b'p'; 125]).repeat(500), frame(TEXT, &vec![b't'; 60_000])] {
        let mut socket = handshake(server.addr);
        socket.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
        let mut sent = 0_usize;
        while sent < 150 << 20 {
            match socket.write(&flood) {
                Ok(n) => sent += n,
                Err(_) => break, // the server has stopped reading
            }
        }
        assert!(sent < 150 << 20, "the server took it all");
        bystander.write_all(&frame(TEXT, b"still here")).unwrap();
        assert_eq!(read_frame(&mut bystander), (TEXT, b"still here".to_vec()));
    }
    let growth = server.rss_kib().saturating_sub(before);
    assert!(growth < 16 * 1024, "{growth} KiB");
}

#[test]
fn a_slow_reader_of_a_broadcast_is_closed_and_disturbs_nobody() {
    let server = Running::serve(&["--mode", "chat", "--close-time", "1"]);
    let slow = handshake(server.addr);
    let mut fast = handshake(server.addr);
    harness::settle(std::slice::from_mut(&mut fast));
    let before = server.rss_kib();
    let message = vec![b'x'; 20_000];
    for _ in 0..1000 {
        fast.write_all(&frame(BINARY, &message)).unwrap();
        assert_eq!(read_frame(&mut fast).1.len(), message.len());
    }
    let growth = server.rss_kib().saturating_sub(before);
    assert!(growth < 16 * 1024, "{growth} KiB");
    // What the slow one finds, when it reads at last, ends before all was sent to it.
    let mut slow = slow;
    slow.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut received = 0;
    let mut buf = vec![0; 1 << 20];
    while let Ok(n @ 1..) = slow.read(&mut buf) {
        received += n;
    }
    assert!(received < 1000 * message.len(), "{received}");
}

#[test]
fn a_message_of_300_mb_in_fragments_ends_at_the_limit() {
    let server = Running::serve(&["--max-message", "8388608"]);
    let before = server.rss_kib();
    let mut socket = handshake(server.addr);
    socket.write_all(&frame(0x02, b"begin")).unwrap();
    let fragment = frame(0x00, &[7; 10_000]);
    let sent = send_until_answered(&mut socket, &fragment, 30_000);
    assert!(sent < 30_000, "the server took it all");
    assert_eq!(read_frame(&mut socket), (CLOSE, b"\x03\xf1".to_vec()));
    drop(socket);
    harness::within(Duration::from_secs(5), || server.rss_kib() < before + GROWTH_KIB);
    harness::settle(&mut [handshake(server.addr)]);
}

#[test]
fn endless_empty_fragments_end_at_their_limit() {
    let server = Running::serve(&[]);
    let mut socket = handshake(server.addr);
    socket.write_all(&frame(0x01, b"")).unwrap();
    let fragments = frame(0x00, b"").repeat(100);
    let sent = send_until_answered(&mut socket, &fragments, 10_000);
    assert!(sent < 10_000, "the server took them all");
    assert_eq!(read_frame(&mut socket), (CLOSE, b"\x03\xf0".to_vec()));
}

#[test]
fn ten_thousand_connections_are_served_and_one_more_is_told_503() {
    const CONNECTIONS: usize = 10_000; // the default limit
    let server = Running::serve(&[]);
    let before = server.rss_kib();
    let mut sockets: Vec<_> = (0..CONNECTIONS).map(|_| handshake(server.addr)).collect();
    let per_connection = (server.rss_kib() - before) * 1024 / CONNECTIONS as u64;
    println!("{per_connection} bytes of memory per idle connection");
    assert!(per_connection < 8 * 1024, "{per_connection}");
    let mut one_more = harness::tcp(server.addr);
    one_more.write_all(upgrade_request().as_bytes()).unwrap();
    assert!(harness::read_head(&mut one_more).starts_with("HTTP/1.1 503 "));
    harness::settle(&mut sockets); // nobody was dropped
}

#[test]
fn a_server_without_file_descriptors_pauses_and_recovers() {
    let server = Running::serve_with_files(40, &[]);
    let held: Vec<_> = (0..100).map(|_| harness::tcp(server.addr)).collect();
    std::thread::sleep(Duration::from_secs(2));
    let cpu = server.cpu_ms();
    std::thread::sleep(Duration::from_secs(1));
    let spent = server.cpu_ms() - cpu;
    assert!(spent < 200, "a busy loop: {spent} ms of a second");
    drop(held);
    harness::within(Duration::from_secs(10), || harness::try_handshake(server.addr).is_some());
}

/// Sends `bytes` again and again until the server says something; returns how often.
fn send_until_answered(socket: &mut TcpStream, bytes: &[u8], most: usize) -> usize {
    let is_answered = |socket: &TcpStream| {
        socket.set_nonblocking(true).unwrap();
        let answered = socket.peek(&mut [0]).is_ok();
        socket.set_nonblocking(false).unwrap();
        answered
    };
    (0..most).take_while(|_| !is_answered(socket) && socket.write_all(bytes).is_ok()).count()
}
