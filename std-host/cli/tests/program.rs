//! The program `wirelet`, run as a user runs it.

mod harness;

use std::io::Write as _;
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use harness::{BINARY, CLOSE, PING, PONG, Running, TEXT, frame, handshake, read_frame};

#[test]
fn the_listening_line_names_the_port_that_was_taken() {
    let server = Running::serve(&[]);
    assert_ne!(server.addr.port(), 0);
    TcpStream::connect(server.addr).unwrap();
}

#[test]
fn echo_sends_text_and_binary_back_as_they_came() {
    let server = Running::serve(&[]);
    let mut socket = handshake(server.addr);
    for (first, payload) in [(TEXT, "häl漢😀".as_bytes()), (BINARY, &[0, 255, 128]), (TEXT, b"")]
    {
        socket.write_all(&frame(first, payload)).unwrap();
        assert_eq!(read_frame(&mut socket), (first, payload.to_vec()));
    }
}

#[test]
fn fragments_are_joined_with_pongs_sent_between() {
    let server = Running::serve(&[]);
    let mut socket = handshake(server.addr);
    let bytes = [
        frame(0x01, b"one "),
        frame(PING, b"between"),
        frame(0x00, b"two "),
        frame(0x80, b"three"),
    ];
    socket.write_all(&bytes.concat()).unwrap();
    assert_eq!(read_frame(&mut socket), (PONG, b"between".to_vec()));
    assert_eq!(read_frame(&mut socket), (TEXT, b"one two three".to_vec()));
}

#[test]
fn the_server_echoes_a_close_and_closes_tcp_first() {
    let server = Running::serve(&[]);
    for payload in [&b""[..], b"\x03\xe8", b"\x03\xe9bye", b"\x0f\xa0"] {
        let mut socket = handshake(server.addr);
        let bytes = [frame(CLOSE, payload), frame(TEXT, b"after the close")].concat();
        socket.write_all(&bytes).unwrap();
        assert_eq!(read_frame(&mut socket), (CLOSE, payload.to_vec()));
        harness::ended(&mut socket);
    }
}

#[test]
fn a_message_of_exactly_the_limit_passes() {
    let server = Running::serve(&["--max-message", "1000"]);
    let mut socket = handshake(server.addr);
    socket.write_all(&frame(BINARY, &[7; 1000])).unwrap();
    assert_eq!(read_frame(&mut socket), (BINARY, vec![7; 1000]));
}

#[test]
fn a_signal_closes_everyone_with_1001_and_exits_0() {
    for signal in ["TERM", "INT"] {
        let mut server = Running::serve(&[]);
        let mut sockets: Vec<_> = (0..10).map(|_| handshake(server.addr)).collect();
        server.signal(signal);
        for socket in &mut sockets {
            assert_eq!(read_frame(socket), (CLOSE, b"\x03\xe9".to_vec()));
            socket.write_all(&frame(CLOSE, b"\x03\xe9")).unwrap();
            harness::ended(socket);
            socket.shutdown(Shutdown::Both).unwrap();
        }
        assert_eq!(server.wait(), Some(0), "{signal}");
    }
}

#[test]
fn chat_sends_every_message_to_every_connection() {
    let server = Running::serve(&["--mode", "chat"]);
    let mut sockets: Vec<_> = (0..5).map(|_| handshake(server.addr)).collect();
    harness::settle(&mut sockets);
    for sender in 0..5 {
        let text = format!("from {sender}");
        sockets[sender].write_all(&frame(TEXT, text.as_bytes())).unwrap();
        for socket in &mut sockets {
            assert_eq!(read_frame(socket), (TEXT, text.clone().into_bytes()));
        }
    }
}

#[test]
fn sink_sends_nothing_but_answers_pings() {
    let server = Running::serve(&["--mode", "sink"]);
    let mut socket = handshake(server.addr);
    socket.write_all(&[frame(TEXT, b"gone"), frame(PING, b"p")].concat()).unwrap();
    assert_eq!(read_frame(&mut socket), (PONG, b"p".to_vec()));
    // Nor later.
    harness::silent(&socket, Duration::from_millis(500));
    socket.write_all(&frame(CLOSE, b"\x03\xe8")).unwrap();
    assert_eq!(read_frame(&mut socket), (CLOSE, b"\x03\xe8".to_vec()));
    harness::ended(&mut socket);
    let (_, status) = harness::get(server.addr, "/status.json");
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let totals = &status["totals"];
    let counted = [&totals["messages_received"], &totals["messages_sent"]];
    assert_eq!(counted, [1, 0], "{status}");
}

#[test]
fn debug_logs_the_life_of_a_connection_and_each_header() {
    let mut server = Running::serve(&["--debug"]);
    let mut socket = handshake(server.addr);
    socket.write_all(&frame(TEXT, b"hello")).unwrap();
    read_frame(&mut socket);
    socket.write_all(&frame(CLOSE, b"\x03\xe8")).unwrap();
    read_frame(&mut socket);
    drop(socket);
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    let log = server.stderr();
    for part in [
        "open",
        "received Header",
        "opcode: Text",
        "sending Header",
        "closed by the peer with 1000",
    ] {
        assert!(log.contains(part), "{part:?} is not in: {log}");
    }
}

#[test]
fn a_port_in_use_is_explained() {
    let server = Running::serve(&[]);
    let output = std::process::Command::new(harness::PROGRAM)
        .args(["serve", "--listen", &server.addr.to_string()])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("--listen"));
}
