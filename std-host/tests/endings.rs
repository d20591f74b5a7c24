//! Every way in which a connection ends is counted, once, and as what it is.

mod harness;

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::num::NonZero;
use std::time::Duration;

use harness::certificates::Issued;
use harness::{
    CLOSE, LIMIT, PING, TEXT, frame, handshake, read_frame, read_head, read_to_end, tcp, within,
};
use wirelet::{CloseCode, Message};
use wirelet_host::{
    Answer, Builder, Certificates, Closed, Context, Ending, Handler, Handshake, Hub, Limits,
    Listen, Peer, Policy, Shutdown, StatusCode,
};

/// Does what it is told to.
struct App;

impl Handler for App {
    fn handshake(&self, handshake: &Handshake<'_>) -> Answer {
        match handshake.request.path() {
            "/late" => Answer::later(std::future::pending()),
            "/panic" => panic!("this is a test"),
            "/no" => Answer::refuse(StatusCode::FORBIDDEN, "not you"),
            _ => wirelet_host::Accept::new().into(),
        }
    }

    fn message(&self, message: Message<'_>, context: &mut Context<'_>) {
        match message {
            Message::Text("panic") => panic!("this is a test"),
            Message::Text("close") => context.close(CloseCode::NORMAL_CLOSURE),
            _ => {}
        }
    }

    fn closed(&self, _peer: &Peer, closed: &Closed, _hub: &Hub) {
        let panics = matches!(closed, Closed::ByPeer { code, .. } if code.is_none());
        assert!(!panics, "this is a test");
    }
}

/// A server on a runtime of its own, until it goes.
struct Running {
    addr: SocketAddr,
    hub: Hub,
    shutdown: Shutdown,
    runtime: tokio::runtime::Runtime,
}

fn start(limits: Limits, place: Listen) -> Running {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let two = NonZero::new(2).unwrap();
    let builder = Builder::new().limits(limits).threads(two).listen(place);
    let server = runtime.block_on(builder.bind(App)).unwrap();
    let running = Running {
        addr: server.addresses()[0].tcp().unwrap(),
        hub: server.hub(),
        shutdown: server.shutdown(),
        runtime,
    };
    running.runtime.spawn(server.run());
    running
}

/// A server whose times are short, but for those of pings.
fn server() -> Running {
    start(short(), "127.0.0.1:0".into())
}

fn short() -> Limits {
    Limits {
        connections: 2,
        message_bytes: 1000,
        handshake_time: Duration::from_secs(1),
        close_time: Duration::from_secs(1),
        ..Limits::default()
    }
}

impl Running {
    /// Waits until these are the ends that were counted, and no connection is left.
    #[track_caller]
    fn has_counted(&self, expected: &[(&str, u64)]) {
        let counted =
            || -> Vec<_> { self.hub.totals().endings.iter().filter(|(_, n)| *n > 0).collect() };
        let mut last = Vec::new();
        for _ in 0..3000 {
            last = counted();
            if last == expected && self.hub.connections().is_empty() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{last:?} instead of {expected:?}");
    }

    fn ask(&self, path: &str) -> TcpStream {
        let mut socket = tcp(self.addr);
        let request = harness::upgrade_request().replace("/chat", path);
        socket.write_all(request.as_bytes()).unwrap();
        socket
    }
}

#[test]
fn closing_handshakes_are_counted_by_the_code_of_the_peer() {
    let server = server();
    for payload in [&b"\x03\xe8"[..], b"\x03\xe9going", b"\x0f\xa0", b"\x0b\xb8"] {
        let mut socket = handshake(server.addr);
        socket.write_all(&frame(CLOSE, payload)).unwrap();
        read_to_end(&mut socket);
    }
    // By order of the handler; it is the peer's answer that counts.
    let mut socket = handshake(server.addr);
    socket.write_all(&frame(TEXT, b"close")).unwrap();
    assert_eq!(read_frame(&mut socket), (CLOSE, b"\x03\xe8".to_vec()));
    socket.write_all(&frame(CLOSE, b"\x03\xf4")).unwrap();
    read_to_end(&mut socket);
    server.has_counted(&[
        ("close_1000", 1),
        ("close_1001", 1),
        ("close_1012", 1),
        ("close_other", 2),
    ]);
    let endings = server.hub.totals().endings;
    assert_eq!(endings.of(Ending::Closed(CloseCode::new(4321))), 2);
    assert_eq!(endings.of(Ending::Closed(Some(CloseCode::SERVICE_RESTART))), 1);
}

#[test]
fn a_handler_that_panics_about_the_end_does_not_make_it_two() {
    let server = server();
    let mut socket = handshake(server.addr);
    socket.write_all(&frame(CLOSE, b"")).unwrap();
    read_to_end(&mut socket);
    server.has_counted(&[("close_none", 1)]);
}

#[test]
fn what_the_peer_does_wrong_is_counted() {
    for (bytes, label) in [
        (frame(0xf1, b"reserved bits"), "protocol_violation"),
        (frame(TEXT, &[b'a'; 1001]), "message_too_big"),
        ([frame(0x01, b""), frame(0x00, b"").repeat(1001)].concat(), "empty_fragments"),
    ] {
        let server = server();
        let mut socket = handshake(server.addr);
        socket.write_all(&bytes).unwrap();
        read_to_end(&mut socket);
        drop(socket);
        server.has_counted(&[(label, 1)]);
    }
}

#[test]
fn an_end_of_tcp_and_a_reset_are_counted_apart() {
    let server = server();
    drop(handshake(server.addr));
    server.has_counted(&[("eof", 1)]);
    let mut socket = handshake(server.addr);
    harness::settle(std::slice::from_mut(&mut socket));
    harness::reset(socket);
    server.has_counted(&[("eof", 1), ("io_error", 1)]);
}

#[test]
fn silence_after_a_ping_and_silence_after_a_close_are_counted_apart() {
    let limits = Limits {
        ping_interval: Duration::from_secs(1),
        ping_timeout: Duration::from_secs(1),
        ..short()
    };
    let server = start(limits, "127.0.0.1:0".into());
    let mut silent = handshake(server.addr);
    assert_eq!(read_frame(&mut silent), (PING, Vec::new()));
    server.has_counted(&[("ping_timeout", 1)]);
    let mut closed = handshake(server.addr);
    closed.write_all(&frame(TEXT, b"close")).unwrap();
    assert_eq!(read_frame(&mut closed), (CLOSE, b"\x03\xe8".to_vec()));
    server.has_counted(&[("ping_timeout", 1), ("close_timeout", 1)]);
}

#[test]
fn a_handler_that_panics_is_counted_whatever_it_was_called_for() {
    let server = server();
    let mut socket = handshake(server.addr);
    socket.write_all(&frame(TEXT, b"panic")).unwrap();
    read_to_end(&mut socket);
    server.has_counted(&[("abandoned", 1)]);
    read_to_end(&mut server.ask("/panic"));
    server.has_counted(&[("abandoned", 2)]);
}

#[test]
fn requests_that_open_nothing_are_counted() {
    let server = server();
    // An answer, and a head that is none.
    read_to_end(&mut server.ask("/no"));
    let mut socket = tcp(server.addr);
    socket.write_all(b"hello\r\n\r\n").unwrap();
    read_to_end(&mut socket);
    server.has_counted(&[("answered", 2)]);
    // No request, half of one, and one whose answer is late.
    let mut silent = tcp(server.addr);
    read_to_end(&mut silent);
    server.has_counted(&[("no_request", 1), ("answered", 2)]);
    let mut half = tcp(server.addr);
    half.write_all(b"GET / HT").unwrap();
    drop(half);
    server.has_counted(&[("no_request", 1), ("left_before_open", 1), ("answered", 2)]);
    let mut late = server.ask("/late");
    assert!(read_head(&mut late).starts_with("HTTP/1.1 503 "));
    read_to_end(&mut late);
    server.has_counted(&[
        ("no_request", 1),
        ("left_before_open", 1),
        ("answer_timeout", 1),
        ("answered", 2),
    ]);
}

#[test]
fn too_many_connections_are_counted_with_those_that_get_no_answer() {
    let handshake_time = Duration::from_secs(60);
    let limits = Limits { handshakes: 64, handshake_time, ..short() };
    let server = start(limits, "127.0.0.1:0".into());
    let mut open = [handshake(server.addr), handshake(server.addr)];
    let mut refused = server.ask("/chat");
    assert!(read_head(&mut refused).starts_with("HTTP/1.1 503 "));
    read_to_end(&mut refused);
    drop(refused);
    // As many as may send nothing, and ten more.
    let silent: Vec<_> = (0..64 + 10).map(|_| tcp(server.addr)).collect();
    within(LIMIT, || server.hub.totals().endings.of(Ending::Dropped) == 10);
    drop(silent);
    for socket in &mut open {
        socket.write_all(&frame(CLOSE, b"\x03\xe8")).unwrap();
        read_to_end(socket);
    }
    within(LIMIT, || server.hub.totals().endings.iter().map(|(_, n)| n).sum::<u64>() == 2 + 1 + 74);
    let endings = server.hub.totals().endings;
    assert_eq!(endings.of(Ending::TooManyConnections), 1);
    assert_eq!(endings.of(Ending::Dropped), 10);
    assert_eq!(endings.of(Ending::Closed(Some(CloseCode::NORMAL_CLOSURE))), 2);
}

#[test]
fn a_peer_that_is_closed_because_it_reads_too_slowly_is_counted_as_that_and_nothing_else() {
    for reads_on in [true, false] {
        let server = server();
        let mut socket = handshake(server.addr);
        let id = server.hub.connections()[0].id();
        let hub = server.hub.with_policy(Policy::Close);
        while hub.send_to(id, &vec![0; 64 * 1024][..]).is_ok() {}
        if reads_on {
            while read_frame(&mut socket) != (CLOSE, b"\x03\xf0".to_vec()) {}
            socket.write_all(&frame(CLOSE, b"\x03\xf0")).unwrap();
            read_to_end(&mut socket);
        }
        server.has_counted(&[("slow_peer", 1)]);
    }
}

#[test]
fn what_is_no_tls_is_counted_and_who_leaves_in_its_handshake_has_left() {
    let issued = Issued::new();
    let certificates = Certificates::load(issued.chain(), issued.key()).unwrap();
    let server = start(short(), Listen::tcp("127.0.0.1:0").with_tls(certificates));
    let mut plain = server.ask("/chat");
    read_to_end(&mut plain);
    server.has_counted(&[("tls_failure", 1)]);
    let mut left = tcp(server.addr);
    left.write_all(b"\x16\x03\x01\x02\x00").unwrap();
    drop(left);
    server.has_counted(&[("tls_failure", 1), ("left_before_open", 1)]);
}

#[test]
fn who_has_not_sent_a_request_when_the_server_ends_is_counted() {
    let limits = Limits { handshake_time: Duration::from_secs(60), ..short() };
    let server = start(limits, "127.0.0.1:0".into());
    let mut silent = tcp(server.addr);
    let mut open = handshake(server.addr);
    server.shutdown.begin();
    assert_eq!(read_frame(&mut open), (CLOSE, b"\x03\xe9".to_vec()));
    open.write_all(&frame(CLOSE, b"\x03\xe9")).unwrap();
    read_to_end(&mut open);
    read_to_end(&mut silent);
    server.has_counted(&[("close_1001", 1), ("shutdown", 1)]);
}
