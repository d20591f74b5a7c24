//! What strangers do to a server, row by row of the list of attacks: the right answer, the process
//! alive, others served, memory bounded.

mod harness;

use std::io::{ErrorKind, Read as _, Write as _};
use std::time::{Duration, Instant};

use harness::{
    BINARY, CLOSE, LIMIT, PING, PONG, Running, TEXT, frame, handshake, read_frame, upgrade_request,
    within,
};

/// What a server is told to allow.
const SECOND: Duration = Duration::from_secs(1);

/// Before this all of it is over, unless there is a fault, however busy the machine is.
const SOON: Duration = Duration::from_secs(20);

#[test]
fn each_violation_is_answered_by_its_close_code() {
    let server = Running::serve(&["--max-message", "1000"]);
    let cases: &[(&str, Vec<u8>, u16)] = &[
        ("an unmasked frame", vec![0x81, 0x01, b'x'], 1002),
        ("an empty unmasked frame", vec![0x81, 0x00], 1002),
        ("RSV1", frame(0xc1, b"x"), 1002),
        ("a reserved opcode", frame(0x83, b"x"), 1002),
        ("a fragmented ping", frame(0x09, b"x"), 1002),
        ("a ping of 126 bytes", frame(PING, &[0; 126]), 1002),
        ("a continuation of nothing", frame(0x80, b"x"), 1002),
        ("a message in a message", [frame(0x01, b"x"), frame(TEXT, b"y")].concat(), 1002),
        ("a length of 5 in 16 bits", b"\x82\xfe\x00\x05\0\0\0\0hello".to_vec(), 1002),
        ("a length of 2^63", b"\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0x".to_vec(), 1002),
        (
            "a length of 2^63 - 1",
            b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0x".to_vec(),
            1009,
        ),
        ("the header of 2^62 bytes", b"\x82\xff\x40\0\0\0\0\0\0\0\0\0\0\0".to_vec(), 1009),
        ("a length of 2^32 + 5", b"\x82\xff\0\0\0\x01\0\0\0\x05\0\0\0\0x".to_vec(), 1009),
        ("the header of 1001 bytes", b"\x82\xfe\x03\xe9\0\0\0\0".to_vec(), 1009),
        (
            "the header of a fragment too many",
            [&frame(0x02, &[0; 1000])[..], b"\x80\x81\0\0\0\0"].concat(),
            1009,
        ),
        ("a message of 1001 bytes", frame(BINARY, &[0; 1001]), 1009),
        (
            "two fragments of 501 bytes",
            [frame(0x02, &[0; 501]), frame(0, &[0; 501])].concat(),
            1009,
        ),
        ("bad text", frame(TEXT, b"\xff"), 1007),
        (
            "bad text in an unfinished frame",
            b"\x81\xfe\x03\x00\0\0\0\0\xce\xba\xed\xa0".to_vec(),
            1007,
        ),
        ("text cut in a code point", frame(TEXT, b"\xe6\xbc"), 1007),
        ("close code 1005", frame(CLOSE, b"\x03\xed"), 1002),
        ("close code 0", frame(CLOSE, b"\0\0"), 1002),
        ("close code 5000", frame(CLOSE, b"\x13\x88"), 1002),
        ("a close of one byte", frame(CLOSE, b"\x03"), 1002),
        ("a close reason that is no text", frame(CLOSE, b"\x03\xe8\xff"), 1007),
    ];
    let mut bystander = handshake(server.addr);
    for (name, bytes, code) in cases {
        let mut socket = handshake(server.addr);
        socket.write_all(bytes).unwrap();
        assert_eq!(read_frame(&mut socket), (CLOSE, code.to_be_bytes().to_vec()), "{name}");
        harness::ended(&mut socket);
        bystander.write_all(&frame(TEXT, b"still here")).unwrap();
        assert_eq!(read_frame(&mut bystander), (TEXT, b"still here".to_vec()), "{name}");
    }
}

#[test]
fn each_bad_request_is_refused_with_its_status() {
    let server = Running::serve(&["--handshake-time", "3600"]);
    let good = upgrade_request();
    let cases = [
        ("no key", good.replace("Sec-WebSocket-Key", "X-Key"), 400),
        (
            "two keys",
            good.replace("Host:", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nHost:"),
            400,
        ),
        ("a key of 3 bytes", good.replace("dGhlIHNhbXBsZSBub25jZQ==", "YWJj"), 400),
        ("no Host", good.replace("Host:", "X-Host:"), 400),
        ("POST", good.replace("GET", "POST"), 405),
        ("HTTP/1.0", good.replace("HTTP/1.1", "HTTP/1.0"), 400),
        ("version 8", good.replace("Version: 13", "Version: 8"), 426),
        ("no Upgrade", good.replace("Upgrade: websocket", "X-Upgrade: websocket"), 426),
        ("no token in Connection", good.replace("Connection: Upgrade", "Connection: close"), 400),
        ("NUL", good.replace("Host: ", "Host: \0"), 400),
        ("a space before the colon", good.replace("Host:", "Host :"), 400),
        ("bare LF", good.replace("\r\n", "\n"), 400),
        ("obs-fold", good.replace("Host: ", "Host:\r\n "), 400),
        ("no HTTP at all", "\x16\x03\x01\x02\x00\x01\r\n\r\n".to_owned(), 400),
        ("65 fields", good.replace("Host:", &("X-A: b\r\n".repeat(60) + "Host:")), 431),
        ("20,000 fields", good.replace("Host:", &("X-A: b\r\n".repeat(20_000) + "Host:")), 431),
        (
            "a field of 16 MB",
            good.replace("Host:", &format!("X-A: {}\r\nHost:", "b".repeat(16 << 20))),
            431,
        ),
    ];
    for (name, request, status) in cases {
        let mut socket = harness::tcp(server.addr);
        // The server may have refused before all was sent.
        let _ = socket.write_all(request.as_bytes());
        let head = harness::read_head(&mut socket);
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{name}: {head}");
        harness::read_to_end(&mut socket); // however it comes, as not all was read
        assert_eq!(head.contains("Sec-WebSocket-Version: 13"), status == 426, "{name}: {head}");
        assert_eq!(head.contains("Allow: GET"), status == 405, "{name}: {head}");
    }
    assert!(server.peak_kib() < 64 * 1024, "{} KiB", server.peak_kib());
    handshake(server.addr);
}

#[test]
fn a_request_that_never_ends_is_cut_at_the_deadline() {
    let server = Running::serve(&["--handshake-time", "1"]);
    let start = Instant::now();
    let mut socket = harness::tcp(server.addr);
    socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let mut byte = [0; 1];
    // A byte now and then does not move the deadline.
    loop {
        let _ = socket.write_all(b"x");
        match socket.read(&mut byte) {
            Ok(0) => break,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => assert!(harness::is_time_out(&error), "{error}"),
            Ok(_) => panic!("it is answered"),
        }
        assert!(start.elapsed() < SOON, "never cut");
    }
    assert!(start.elapsed() >= SECOND, "{:?}", start.elapsed());
}

#[test]
fn a_silent_peer_is_pinged_and_then_dropped() {
    let server = Running::serve(&["--ping-interval", "1", "--ping-timeout", "1"]);
    for start_of_a_frame in [&b""[..], b"\x81\xfe\x01"] {
        let start = Instant::now();
        let mut socket = handshake(server.addr);
        socket.write_all(start_of_a_frame).unwrap();
        assert_eq!(read_frame(&mut socket), (PING, Vec::new()));
        assert!(start.elapsed() >= SECOND, "pinged after {:?}", start.elapsed());
        let (received, _) = harness::read_to_end(&mut socket);
        assert_eq!(received, b"");
        let elapsed = start.elapsed();
        assert!(elapsed >= 2 * SECOND && elapsed < SOON, "dropped after {elapsed:?}");
    }
    let start = Instant::now();
    let mut lively = handshake(server.addr);
    for i in 1..=3 {
        assert_eq!(read_frame(&mut lively), (PING, Vec::new()));
        assert!(start.elapsed() >= i * SECOND, "pinged after {:?}", start.elapsed());
        lively.write_all(&frame(PONG, b"")).unwrap();
    }
    harness::settle(std::slice::from_mut(&mut lively));
}

#[test]
fn a_close_that_is_never_answered_ends_at_the_deadline() {
    let mut server = Running::serve(&["--close-time", "1"]);
    let mut socket = handshake(server.addr);
    let start = Instant::now();
    server.signal("TERM");
    assert_eq!(read_frame(&mut socket), (CLOSE, b"\x03\xe9".to_vec()));
    harness::read_to_end(&mut socket);
    let elapsed = start.elapsed();
    assert!(elapsed >= SECOND && elapsed < SOON, "ended after {elapsed:?}");
    assert_eq!(server.wait(), Some(0));
}

#[test]
fn one_connection_more_than_the_limit_is_answered_503() {
    let server = Running::serve(&["--max-connections", "3"]);
    let mut sockets: Vec<_> = (0..3).map(|_| handshake(server.addr)).collect();
    let mut one_more = harness::tcp(server.addr);
    one_more.write_all(upgrade_request().as_bytes()).unwrap();
    assert!(harness::read_head(&mut one_more).starts_with("HTTP/1.1 503 "));
    harness::settle(&mut sockets);
    // A slot is free again when a connection has ended.
    let mut last = sockets.pop().unwrap();
    last.write_all(&frame(CLOSE, b"")).unwrap();
    assert_eq!(read_frame(&mut last), (CLOSE, Vec::new()));
    drop((last, one_more));
    within(LIMIT, || harness::try_handshake(server.addr).is_some());
}

#[test]
fn connections_that_break_anywhere_free_their_slots() {
    let server = Running::serve(&["--max-connections", "2"]);
    for cut in [0, 1, 50, 200] {
        let mut socket = harness::tcp(server.addr);
        let bytes = [upgrade_request().as_bytes(), &frame(TEXT, &[b'x'; 500])].concat();
        socket.write_all(&bytes[..cut]).unwrap();
        harness::reset(socket);
    }
    let mut open = None;
    within(LIMIT, || {
        open = harness::try_handshake(server.addr);
        open.is_some()
    });
    let mut socket = open.unwrap();
    socket.write_all(&frame(TEXT, &[b'x'; 500])[..100]).unwrap();
    harness::reset(socket);
    within(LIMIT, || {
        let sockets = [(); 2].map(|()| harness::try_handshake(server.addr));
        sockets.iter().all(Option::is_some)
    });
}

#[test]
fn frames_in_the_same_packet_as_the_request_are_not_lost() {
    let server = Running::serve(&[]);
    let mut socket = harness::tcp(server.addr);
    let bytes = [upgrade_request().as_bytes(), &frame(TEXT, b"early"), &frame(PING, b"p")].concat();
    socket.write_all(&bytes).unwrap();
    harness::read_head(&mut socket);
    assert_eq!(read_frame(&mut socket), (TEXT, b"early".to_vec()));
    assert_eq!(read_frame(&mut socket), (PONG, b"p".to_vec()));
}

#[test]
fn a_request_and_frames_that_come_byte_by_byte_work() {
    let server = Running::serve(&[]);
    let mut socket = harness::tcp(server.addr);
    socket.set_nodelay(true).unwrap();
    let bytes = [upgrade_request().as_bytes(), &frame(TEXT, "漢字".as_bytes())].concat();
    for byte in bytes {
        socket.write_all(&[byte]).unwrap();
    }
    harness::read_head(&mut socket);
    assert_eq!(read_frame(&mut socket), (TEXT, "漢字".as_bytes().to_vec()));
}
