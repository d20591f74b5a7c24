//! Floods and crowds: attacks that take seconds and hundreds of megabytes.
//!
//! `ulimit -n 20000; cargo test --release -p wirelet-cli --test attacks_slow`

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
    let server = Running::serve(&["--mode", "echo"]);
    let before = server.rss_kib();
    let mut sockets: Vec<_> = (0..CONNECTIONS).map(|_| handshake(server.addr)).collect();
    let per_connection =
        |server: &Running| server.rss_kib().saturating_sub(before) * 1024 / CONNECTIONS as u64;
    println!("{} bytes of memory per idle connection", per_connection(&server));
    assert!(per_connection(&server) < 1024);
    let mut one_more = harness::tcp(server.addr);
    one_more.write_all(upgrade_request().as_bytes()).unwrap();
    assert!(harness::read_head(&mut one_more).starts_with("HTTP/1.1 503 "));

    // All send at a time, and each has its own back.
    for round in 0..3_usize {
        let message = |i: usize| format!("{round} {i} ").repeat(1000 / (i % 100 + 10));
        for (i, socket) in sockets.iter_mut().enumerate() {
            socket.write_all(&frame(TEXT, message(i).as_bytes())).unwrap();
        }
        for (i, socket) in sockets.iter_mut().enumerate() {
            assert_eq!(read_frame(socket), (TEXT, message(i).into_bytes()));
        }
    }
    // Long ones, too, and their memory is given back.
    let long = frame(BINARY, &vec![7; 1 << 20]);
    for socket in &mut sockets[..500] {
        socket.write_all(&long).unwrap();
        assert_eq!(read_frame(socket).1.len(), 1 << 20);
    }
    let settled = || per_connection(&server) < 1024;
    harness::within(Duration::from_secs(10), settled);
    println!("{} bytes after messages of 1 KB and 1 MB", per_connection(&server));
}

#[test]
fn a_broadcast_reaches_ten_thousand() {
    let server = Running::serve(&["--mode", "chat"]);
    let mut sockets: Vec<_> = (0..10_000).map(|_| handshake(server.addr)).collect();
    for round in 0..3 {
        let message = vec![b'a' + round; 1024];
        let sender = usize::from(round) * 4999;
        sockets[sender].write_all(&frame(TEXT, &message)).unwrap();
        for socket in &mut sockets {
            assert!(read_frame(socket) == (TEXT, message.clone()));
        }
    }
    harness::settle(&mut sockets);
}

#[test]
fn a_storm_of_resets_leaves_nothing_behind() {
    let server = Running::serve(&["--max-connections", "100"]);
    let mut bystander = handshake(server.addr);
    let before = server.rss_kib();
    for i in 0..5000 {
        let mut socket = harness::tcp(server.addr);
        let stream = [upgrade_request().as_bytes(), &frame(TEXT, &[b'x'; 1000])].concat();
        socket.write_all(&stream[..i % stream.len()]).unwrap();
        harness::reset(socket);
    }
    harness::settle(std::slice::from_mut(&mut bystander));
    // Every slot is free again.
    harness::within(Duration::from_secs(10), || {
        let sockets: Vec<_> = (0..99).map_while(|_| harness::try_handshake(server.addr)).collect();
        sockets.len() == 99
    });
    let growth = server.rss_kib().saturating_sub(before);
    assert!(growth < GROWTH_KIB, "{growth} KiB");
}

#[test]
fn a_signal_in_the_middle_of_traffic_tells_every_sender_what_was_taken() {
    let mut server = Running::serve(&[]);
    let addr = server.addr;
    let clients: Vec<_> = (0..20)
        .map(|_| {
            let mut socket = handshake(addr);
            let mut sender = socket.try_clone().unwrap();
            let sending = std::thread::spawn(move || {
                for i in 0_u32.. {
                    let message = [&i.to_be_bytes()[..], &[7; 500]].concat();
                    if sender.write_all(&frame(BINARY, &message)).is_err() {
                        break;
                    }
                }
            });
            std::thread::spawn(move || {
                // Echoes without a gap, and then a close: what is not echoed was not taken.
                let mut n = 0_u32;
                loop {
                    match read_frame(&mut socket) {
                        (BINARY, message) => assert_eq!(message[..4], n.to_be_bytes()),
                        (CLOSE, payload) => break assert_eq!(payload, b"\x03\xe9"),
                        other => panic!("{other:?}"),
                    }
                    n += 1;
                }
                socket.shutdown(std::net::Shutdown::Both).unwrap();
                sending.join().unwrap();
                n
            })
        })
        .collect();
    std::thread::sleep(Duration::from_millis(500));
    server.signal("TERM");
    let counts: Vec<u32> = clients.into_iter().map(|client| client.join().unwrap()).collect();
    assert!(counts.iter().all(|n| *n > 0), "{counts:?}");
    assert_eq!(server.wait_within(Duration::from_secs(15)), Some(0));
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
