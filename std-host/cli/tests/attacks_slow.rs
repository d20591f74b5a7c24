//! Floods and crowds: attacks that take seconds and hundreds of megabytes.
//!
//! `ulimit -n 20000; cargo test --release -p wirelet-cli --test attacks_slow`

mod harness;

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use harness::{
    BINARY, CLOSE, LIMIT, PING, PONG, Running, TEXT, frame, get, handshake, read_frame,
    upgrade_request, within,
};

/// What the program may grow by, whatever is thrown at it.
const GROWTH_KIB: u64 = 16 * 1024;

/// What the server tells of itself.
fn figure(server: &Running, pointer: &str) -> u64 {
    let (_, status) = get(server.addr, "/status.json");
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    status.pointer(pointer).and_then(serde_json::Value::as_u64).expect(pointer)
}

#[test]
fn a_peer_that_does_not_read_is_read_no_more_until_it_does_and_memory_stays_flat() {
    // One thread: when it has served the bystander, it has looked at the flood, too.
    let server = Running::serve(&["--threads", "1"]);
    let mut bystander = handshake(server.addr);
    let before = server.rss_kib();
    let ping = (frame(PING, &[b'p'; 125]), PONG);
    let text = (frame(TEXT, &vec![b't'; 60_000]), TEXT);
    for (flood, answer) in [ping, text] {
        let mut socket = handshake(server.addr);
        socket.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
        let frames = flood.repeat(60_000_usize.div_ceil(flood.len()));
        let sent = harness::stuff(&mut socket, &frames, 150 << 20, || {
            harness::settle(std::slice::from_mut(&mut bystander));
        });
        // When it reads, the server reads on, and has lost nothing.
        let mut read_answer = || {
            let (first, payload) = read_frame(&mut socket);
            assert!(first == answer && flood.len() >= payload.len() + 6, "{first:#x}");
        };
        for _ in 0..sent / flood.len() {
            read_answer();
        }
        socket.set_write_timeout(Some(LIMIT)).unwrap();
        let rest = &flood[sent % flood.len()..];
        socket.write_all(&[rest, &frame(CLOSE, b"\x03\xe8")].concat()).unwrap();
        assert_eq!(read_frame(&mut socket).0, answer);
        assert_eq!(read_frame(&mut socket), (CLOSE, b"\x03\xe8".to_vec()));
        harness::ended(&mut socket);
        let grown = server.peak_kib().saturating_sub(before);
        assert!(grown < GROWTH_KIB, "{grown} KiB");
    }
}

#[test]
fn peers_that_never_read_are_gone_after_their_time_and_their_memory_too() {
    const LEN: usize = 4 << 20;
    let flags = ["--ping-interval", "1", "--ping-timeout", "1", "--close-time", "1"];
    let server = Running::serve(&flags);
    let (before, mut start) = (server.rss_kib(), Instant::now());
    let flood = frame(BINARY, &vec![7; LEN]);
    let _peers = [(); 20].map(|()| {
        start = Instant::now();
        let mut peer = harness::narrow(server.addr);
        peer.write_all(&flood).unwrap();
        peer
    });
    within(LIMIT, || figure(&server, "/connections") == 0);
    assert_eq!(figure(&server, "/totals/opened"), 20);
    assert!(start.elapsed() >= Duration::from_secs(2), "the last after {:?}", start.elapsed());
    within(LIMIT, || server.rss_kib() < before + GROWTH_KIB);
    // They did take memory.
    assert!(server.peak_kib() > before + LEN as u64 / 1024, "{} KiB", server.peak_kib());
}

#[test]
fn a_slow_reader_of_a_broadcast_is_closed_with_1008_and_disturbs_nobody() {
    for reads_later in [true, false] {
        let time = if reads_later { "60" } else { "1" };
        let server = Running::serve(&["--mode", "chat", "--close-time", time]);
        let mut slow = handshake(server.addr);
        let mut fast = handshake(server.addr);
        harness::settle(std::slice::from_mut(&mut fast));
        let before = server.rss_kib();
        let message = vec![b'x'; 20_000];
        for _ in 0..1000 {
            fast.write_all(&frame(BINARY, &message)).unwrap();
            assert_eq!(read_frame(&mut fast).1.len(), message.len());
        }
        if reads_later {
            // It gets what was sent before, and is told.
            let mut n = 0;
            let end = loop {
                match read_frame(&mut slow) {
                    (BINARY, payload) => assert!(payload == message, "{n}"),
                    end => break end,
                }
                n += 1;
            };
            assert_eq!(end, (CLOSE, b"\x03\xf0".to_vec()));
            assert!((1..1000).contains(&n), "{n}");
            slow.write_all(&frame(CLOSE, b"\x03\xf0")).unwrap();
            harness::ended(&mut slow);
        }
        // The other one is dropped.
        within(LIMIT, || figure(&server, "/connections") == 1);
        fast.write_all(&frame(TEXT, b"alone")).unwrap();
        assert_eq!(read_frame(&mut fast), (TEXT, b"alone".to_vec()));
        let grown = server.peak_kib().saturating_sub(before);
        assert!(grown < GROWTH_KIB, "{grown} KiB");
    }
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
    harness::read_to_end(&mut socket); // however it ends, as not all was read
    drop(socket);
    within(LIMIT, || figure(&server, "/connections") == 0);
    let grown = server.peak_kib().saturating_sub(before);
    assert!(grown < GROWTH_KIB, "{grown} KiB");
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
    within(LIMIT, settled);
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
    within(LIMIT, || {
        let sockets: Vec<_> = (0..99).map_while(|_| harness::try_handshake(server.addr)).collect();
        sockets.len() == 99
    });
    let grown = server.peak_kib().saturating_sub(before);
    assert!(grown < GROWTH_KIB, "{grown} KiB");
}

#[test]
fn a_signal_in_the_middle_of_traffic_tells_every_sender_what_was_taken() {
    let mut server = Running::serve(&[]);
    let addr = server.addr;
    let n_echoes: Vec<_> = (0..20).map(|_| Arc::<AtomicU32>::default()).collect();
    let clients: Vec<_> = (0..n_echoes.len())
        .map(|i| {
            let (mut socket, n_echoes) = (handshake(addr), Arc::clone(&n_echoes[i]));
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
                    n_echoes.store(n, Ordering::Relaxed);
                }
                socket.shutdown(std::net::Shutdown::Both).unwrap();
                sending.join().unwrap();
            })
        })
        .collect();
    within(LIMIT, || n_echoes.iter().all(|n| n.load(Ordering::Relaxed) > 100));
    server.signal("TERM");
    for client in clients {
        client.join().unwrap();
    }
    assert_eq!(server.wait(), Some(0));
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
    within(LIMIT, || harness::try_handshake(server.addr).is_some());
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
