//! The server over real sockets, natively; `../../test` has real clients talk to the component.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};
use std::{mem, thread};

use super::Server;
use crate::limits::Limits;

#[test]
fn frames_cut_anywhere_come_back() {
    let mut client = Client::open(serve(Limits::default()));
    for byte in HELLO {
        client.write(&[byte]);
        thread::sleep(Duration::from_millis(1));
    }
    // One chunk for each byte: three fragments, and the last says that it is.
    assert_eq!(client.read_message(), b"Hello");
}

#[test]
fn frames_in_the_same_packet_as_the_request_are_not_lost() {
    let mut client = Client::connect(serve(Limits::default()));
    client.write(&[REQUEST, &HELLO].concat());
    assert_eq!(client.read_response().0, 101);
    assert_eq!(client.read_message(), b"Hello");
}

#[test]
fn each_request_gets_its_answer() {
    let address = serve(Limits::default());
    let endless = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(20_000));
    let cases = [
        (101, changed("", ""), ""),
        (101, changed("Host: a\r\n", "Host: a\r\nOrigin: http://a\r\n"), ""),
        (403, changed("Host: a\r\n", "Host: a\r\nOrigin: http://b\r\n"), "origin"),
        (200, "GET / HTTP/1.1\r\nHost: a\r\n\r\n".into(), "new WebSocket("),
        (400, changed("Host: a\r\n", ""), "Host"),
        (400, changed("dGhlIHNhbXBsZSBub25jZQ==", "too short"), "Sec-WebSocket-Key"),
        (400, "nonsense\r\n\r\n".into(), "HTTP"),
        (404, changed("GET /", "GET /elsewhere"), "all there is is /"),
        (404, "GET /favicon.ico HTTP/1.1\r\nHost: a\r\n\r\n".into(), "all there is is /"),
        (405, changed("GET", "POST"), "GET"),
        (426, changed("13", "8"), "13"),
        (431, format!("{endless}\r\n\r\n"), "long"),
        (431, endless, "long"),
    ];
    for (status, request, reason) in cases {
        let mut client = Client::connect(address);
        client.write(request.as_bytes());
        let (actual, body) = client.read_response();
        assert_eq!(actual, status);
        assert!(body.contains(reason), "{status}: {body}");
    }
}

#[test]
fn a_request_that_does_not_end_is_cut_at_the_deadline() {
    let limits = Limits { handshake_time: SHORT, ..Limits::default() };
    let mut client = Client::connect(serve(limits));
    let started = Instant::now();
    client.write(&REQUEST[..20]);
    assert!(client.is_at_end());
    assert!(started.elapsed() >= SHORT, "{:?}", started.elapsed());
}

#[test]
fn a_silent_peer_is_pinged_and_then_dropped() {
    let limits = Limits { ping_interval: SHORT, ping_timeout: SHORT, ..Limits::default() };
    let mut client = Client::open(serve(limits));
    assert_eq!(client.read_frame(), (0x89, vec![]));
    client.write(&PONG);
    assert_eq!(client.read_frame(), (0x89, vec![]));
    assert!(client.is_at_end());
}

#[test]
fn one_connection_too_many_is_told_503() {
    let address = serve(Limits { connections: 2, ..Limits::default() });
    let first = Client::open(address);
    let mut second = Client::open(address);
    let mut third = Client::connect(address);
    assert_eq!(third.ask(), 503);
    second.write(&HELLO);
    assert_eq!(second.read_message(), b"Hello");
    drop(first);
    eventually(|| Client::connect(address).ask() == 101);
}

#[test]
fn a_close_comes_back_and_the_server_ends_tcp() {
    let mut client = Client::open(serve(Limits::default()));
    client.write(&CLOSE);
    assert_eq!(client.read_frame(), (0x88, vec![0x03, 0xe8]));
    assert!(client.is_at_end());
}

#[test]
fn a_violation_is_answered_and_the_server_ends_tcp() {
    let mut client = Client::open(serve(Limits::default()));
    client.write(b"\x81\x02hi"); // not masked
    assert_eq!(client.read_frame(), (0x88, vec![0x03, 0xea]));
    assert!(client.is_at_end());
}

#[test]
fn a_peer_that_does_not_end_tcp_loses_its_socket_at_the_deadline() {
    let limits =
        Limits { connections: 1, spare_sockets: 0, close_time: SHORT, ..Limits::default() };
    let address = serve(limits);
    let mut client = Client::open(address);
    client.write(&CLOSE);
    client.read_frame();
    let started = Instant::now();
    let _next = Client::open(address); // waits in the backlog
    assert!(started.elapsed() >= SHORT / 2, "{:?}", started.elapsed());
}

#[test]
fn what_was_sent_before_a_half_close_comes_back() {
    let mut client = Client::open(serve(Limits::default()));
    client.write(&HELLO.repeat(1000));
    client.stream.shutdown(Shutdown::Write).unwrap();
    for _ in 0..1000 {
        assert_eq!(client.read_message(), b"Hello");
    }
    assert!(client.is_at_end());
}

#[test]
fn a_peer_that_does_not_read_is_not_read_and_loses_nothing() {
    let mut client = Client::open(serve(Limits::default()));
    let payload = vec![7; 65536];
    let frame = [&[0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], &payload[..]].concat();
    let sent = Arc::new(AtomicUsize::new(0));
    let mut stream = client.stream.try_clone().unwrap();
    let counter = Arc::clone(&sent);
    let writer = thread::spawn(move || {
        for _ in 0..1000 {
            stream.write_all(&frame).unwrap();
            counter.fetch_add(1, Relaxed);
        }
    });
    let mut before = usize::MAX;
    eventually(|| {
        thread::sleep(SHORT);
        mem::replace(&mut before, sent.load(Relaxed)) == sent.load(Relaxed)
    });
    // What was taken lies in the kernel's buffers, which have room for some MiB.
    assert!(before < 1000, "all was taken, and none read");
    for _ in 0..1000 {
        assert_eq!(client.read_message(), payload);
    }
    writer.join().unwrap();
}

#[test]
fn connections_that_break_anywhere_leave_no_socket_behind() {
    // Deadlines would free them, too.
    let late = Duration::from_secs(3600);
    let limits = Limits {
        connections: 1,
        spare_sockets: 3,
        handshake_time: late,
        ping_interval: late,
        ping_timeout: late,
        close_time: late,
    };
    let address = serve(limits);
    let talk = [REQUEST, &HELLO, &HELLO].concat();
    for cut in 0..talk.len() {
        let mut client = Client::connect(address);
        client.write(&talk[..cut]);
    }
    eventually(|| Client::connect(address).ask() == 101);
}

/// Starts a server in a thread, which ends with the test program.
fn serve(limits: Limits) -> SocketAddr {
    let server = Server::bind("127.0.0.1:0", limits).unwrap();
    let address = server.local_addr().unwrap();
    thread::spawn(|| server.run());
    address
}

struct Client {
    stream: TcpStream,
}

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(TIME_LIMIT)).unwrap();
        Self { stream }
    }

    fn open(address: SocketAddr) -> Self {
        let mut client = Self::connect(address);
        assert_eq!(client.ask(), 101);
        client
    }

    fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    fn ask(&mut self) -> u16 {
        self.write(REQUEST);
        self.read_response().0
    }

    /// Returns the status, and the body if the response is the last.
    fn read_response(&mut self) -> (u16, String) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.extend(self.read::<1>());
        }
        let head = String::from_utf8(head).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut body = String::new();
        if status != 101 {
            self.stream.read_to_string(&mut body).unwrap();
            assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())), "{head}");
        }
        (status, body)
    }

    /// Reads frames until FIN, and joins what they hold.
    fn read_message(&mut self) -> Vec<u8> {
        let mut message = Vec::new();
        loop {
            let (first, payload) = self.read_frame();
            assert!(first & 0x0f <= 2, "{first:#x} is no data frame");
            message.extend(payload);
            if first & 0x80 != 0 {
                return message;
            }
        }
    }

    /// Returns the first byte of a frame, and its payload.
    fn read_frame(&mut self) -> (u8, Vec<u8>) {
        let [first, len] = self.read();
        let len = match len {
            126 => u64::from(u16::from_be_bytes(self.read())),
            127 => u64::from_be_bytes(self.read()),
            len => len.into(),
        };
        let mut payload = vec![0; len.try_into().unwrap()];
        self.stream.read_exact(&mut payload).unwrap();
        (first, payload)
    }

    fn read<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    fn is_at_end(&mut self) -> bool {
        self.stream.read(&mut [0]).unwrap() == 0
    }
}

/// Changes the request; of `("", "")` it is the request.
fn changed(from: &str, to: &str) -> String {
    str::from_utf8(REQUEST).unwrap().replacen(from, to, 1)
}

fn eventually(mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < TIME_LIMIT);
        thread::sleep(Duration::from_millis(5));
    }
}

const REQUEST: &[u8] =
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// §5.7: "A single-frame masked text message".
const HELLO: [u8; 11] = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
const PONG: [u8; 6] = [0x8a, 0x80, 0, 0, 0, 0];
/// 1000.
const CLOSE: [u8; 8] = [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8];

/// A deadline that a test waits for.
const SHORT: Duration = Duration::from_millis(300);
/// One that no test should meet.
const TIME_LIMIT: Duration = Duration::from_secs(20);
