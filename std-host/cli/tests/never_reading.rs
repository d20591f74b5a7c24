//! Crowds of peers that never read, over TCP and over TLS: they hold no more than the documentation says,
//! and no longer.
#![cfg(target_os = "linux")]

mod harness;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use harness::certificates::Issued;
use harness::tls::begin_tls;
use harness::{BINARY, Running, frame, read_frame, upgrade_request};

const PEERS: u64 = 60;

/// What the program takes for itself when it works, whoever reads.
const OWN_KIB: u64 = 8 * 1024;

/// How much longer than documented this loaded machine may take.
const PATIENCE: Duration = Duration::from_secs(30);

trait Stream: Read + Write {}

impl<S: Read + Write> Stream for S {}

/// A server, over TLS if there are certificates.
struct Server {
    running: Running,
    issued: Option<Issued>,
}

impl Server {
    fn start(over_tls: bool, flags: &[&str]) -> Self {
        let issued = over_tls.then(Issued::new);
        let running = match &issued {
            None => Running::serve(flags),
            Some(issued) => {
                let (cert, key) = (issued.chain(), issued.key());
                let tls = ["--cert", cert.to_str().unwrap(), "--key", key.to_str().unwrap()];
                Running::serve(&[&tls[..], flags].concat())
            }
        };
        Self { running, issued }
    }

    fn connect(&self, socket: TcpStream) -> Box<dyn Stream> {
        match &self.issued {
            None => Box::new(socket),
            Some(issued) => Box::new(begin_tls(socket, &issued.ca(), "localhost")),
        }
    }

    /// Opens a connection.
    fn open(&self, socket: TcpStream) -> Box<dyn Stream> {
        let mut stream = self.connect(socket);
        stream.write_all(upgrade_request().as_bytes()).unwrap();
        assert!(harness::read_head(&mut stream).starts_with("HTTP/1.1 101 "));
        stream
    }

    /// Opens connections with small buffers, which do not wait.
    fn open_narrow(&self) -> Vec<Box<dyn Stream>> {
        let open = |_| {
            let socket = narrow(self.running.addr);
            let stream = self.open(socket.try_clone().unwrap());
            socket.set_nonblocking(true).unwrap();
            stream
        };
        (0..PEERS).map(open).collect()
    }

    /// Asks how many connections are open.
    fn connections(&self) -> u64 {
        let mut stream = self.connect(harness::tcp(self.running.addr));
        stream.write_all(b"GET /status.json HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        assert!(harness::read_head(&mut stream).starts_with("HTTP/1.1 200 "));
        let mut body = String::new();
        stream.read_to_string(&mut body).unwrap();
        let status: serde_json::Value = serde_json::from_str(&body).unwrap();
        status["connections"].as_u64().unwrap()
    }

    /// Waits until so many connections are left, for this time and some patience.
    fn leaves_within(&self, limit: Duration, n_left: u64) {
        harness::within(limit + PATIENCE, || self.connections() == n_left);
    }

    /// Returns what one connection holds in records of TLS, both directions together.
    fn records_kib(&self) -> u64 {
        self.issued.as_ref().map_or(0, |_| 2 * 64)
    }
}

fn narrow(addr: SocketAddr) -> TcpStream {
    let socket =
        socket2::Socket::new(socket2::Domain::for_address(addr), socket2::Type::STREAM, None)
            .unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.set_send_buffer_size(64 * 1024).unwrap();
    socket.connect(&addr.into()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.into()
}

/// Lets all send, again and again, until nobody can; returns the most memory that the server had. On a busy machine
/// the first may be gone before the last is done, but none before its time.
fn stuff(peers: &mut [Box<dyn Stream>], bytes: &[u8], server: &Running) -> u64 {
    let mut at = vec![0; peers.len()];
    let begin = Instant::now();
    let (mut most, mut last) = (0, begin);
    while last.elapsed() < Duration::from_secs(1) {
        for (peer, at) in peers.iter_mut().zip(&mut at) {
            match peer.write(&bytes[*at..]) {
                Ok(n) => {
                    *at = (*at + n) % bytes.len();
                    last = Instant::now();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => assert!(begin.elapsed() >= SILENCE, "{error}"),
            }
        }
        most = most.max(server.rss_kib());
    }
    most
}

/// How long who never reads may stay.
const SILENCE: Duration = Duration::from_secs(5 + 2);

/// Lets a crowd send to an echo, and waits for its end.
fn send_and_never_read(over_tls: bool) {
    const MESSAGE_KIB: u64 = 512;
    let max_message = (MESSAGE_KIB * 1024).to_string();
    // Together, they are `SILENCE`.
    let limits = ["--max-message", &max_message, "--ping-interval", "5", "--ping-timeout", "2"];
    let server = Server::start(over_tls, &[&["--mode", "echo"][..], &limits].concat());
    let before = server.running.rss_kib();
    for len in [100, 60_000, MESSAGE_KIB * 1024] {
        let message = frame(BINARY, &vec![7; usize::try_from(len).unwrap()]);
        let mut peers = server.open_narrow();
        assert_eq!(server.connections(), PEERS, "they were not there at once");
        let most = stuff(&mut peers, &message, &server.running);
        // A message that has not wholly come, the answers and the last of them, and what was read behind.
        let len_kib = len.div_ceil(1024);
        let each = len_kib + (256 + len_kib) + 256 + server.records_kib();
        let grown = most.saturating_sub(before);
        assert!(grown < OWN_KIB + PEERS * each, "{len} bytes: {grown} KiB");
        server.leaves_within(SILENCE, 0);
    }
}

/// Lets one that reads send to a crowd that does not, and waits for the end of those.
fn be_sent_to_and_never_read(over_tls: bool) {
    let server = Server::start(over_tls, &["--mode", "chat", "--close-time", "1"]);
    let _crowd = server.open_narrow();
    let mut sender = server.open(harness::tcp(server.running.addr));
    let (before, mut most) = (server.running.rss_kib(), 0);
    let message = frame(BINARY, &vec![7; 40_000]);
    for _ in 0..400 {
        sender.write_all(&message).unwrap();
        assert_eq!(read_frame(&mut sender).1.len(), 40_000);
        most = most.max(server.running.rss_kib());
    }
    // What waits for all is shared.
    let grown = most.saturating_sub(before);
    assert!(grown < OWN_KIB + 1024 + PEERS * server.records_kib(), "{grown} KiB");
    server.leaves_within(Duration::from_secs(1), 1);
}

#[test]
fn sixty_that_send_and_never_read_hold_what_is_documented_and_are_gone_in_time() {
    send_and_never_read(false);
}

#[test]
fn sixty_that_send_over_tls_and_never_read_hold_what_is_documented_and_are_gone_in_time() {
    send_and_never_read(true);
}

#[test]
fn sixty_that_are_sent_to_and_never_read_hold_what_is_documented_and_are_gone_in_time() {
    be_sent_to_and_never_read(false);
}

#[test]
fn sixty_that_are_sent_to_over_tls_and_never_read_hold_what_is_documented_and_are_gone_in_time() {
    be_sent_to_and_never_read(true);
}
