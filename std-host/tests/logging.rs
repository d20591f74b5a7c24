//! What is logged, and where it stands.

mod harness;

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Instant;

use harness::opening::upgrade_to;
use harness::{CLOSE, LIMIT, TEXT, frame, read_frame, read_head, tcp, within};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::runtime::Runtime;
use tracing::Level;
use wirelet::Message;
use wirelet_host::{
    Accept, Answer, Builder, Closed, Context, Handler, Handshake, Hub, Limits, Peer, StatusCode,
};

/// All that this program logs, with its spans.
static LOG: LazyLock<Arc<Mutex<Vec<u8>>>> = LazyLock::new(|| {
    let log = Arc::<Mutex<Vec<u8>>>::default();
    let writer = Writer(Arc::clone(&log));
    tracing_subscriber::fmt()
        .with_ansi(false)
        .without_time()
        .with_max_level(Level::INFO)
        .with_writer(move || writer.clone())
        .init();
    log
});

#[derive(Clone)]
struct Writer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lines that have a text in them.
fn lines_with(text: &str) -> Vec<String> {
    let log = String::from_utf8(LOG.lock().unwrap().clone()).unwrap();
    log.lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
}

/// Logs each call, with a name that is only in this test's connections.
struct Logging(&'static str);

impl Handler for Logging {
    fn handshake(&self, handshake: &Handshake<'_>) -> Answer {
        tracing::info!("{} handshake", self.0);
        if handshake.request.path() == "/no" {
            return Answer::refuse(StatusCode::FORBIDDEN, format!("not {}", self.0));
        }
        let name = self.0;
        Answer::later(async move {
            tokio::task::yield_now().await;
            tracing::info!("{name} later");
            Accept::new().into()
        })
    }

    fn opened(&self, _context: &mut Context<'_>) {
        tracing::info!("{} opened", self.0);
    }

    fn message(&self, message: Message<'_>, context: &mut Context<'_>) {
        tracing::info!("{} message", self.0);
        context.send(message);
    }

    fn closed(&self, _peer: &Peer, _closed: &Closed, _hub: &Hub) {
        tracing::info!("{} closed", self.0);
    }
}

fn start(runtime: &Runtime, name: &'static str) -> SocketAddr {
    LazyLock::force(&LOG);
    let builder = Builder::new().listen("127.0.0.1:0");
    let server = runtime.block_on(builder.bind(Logging(name))).unwrap();
    let addr = server.addresses()[0].tcp().unwrap();
    runtime.spawn(server.run());
    addr
}

/// Asks for a path; returns the socket, and its address.
fn ask(addr: SocketAddr, path: &str, fields: &str) -> (TcpStream, SocketAddr) {
    let mut socket = tcp(addr);
    let request = harness::upgrade_request().replace("/chat", path);
    let request = request.replace("Host:", &format!("{fields}Host:"));
    socket.write_all(request.as_bytes()).unwrap();
    let own = socket.local_addr().unwrap();
    (socket, own)
}

#[test]
fn each_call_of_the_handler_stands_in_the_span_of_its_connection() {
    let runtime = Runtime::new().unwrap();
    let addr = start(&runtime, "callbacks");
    let (mut socket, own) = ask(addr, "/room?secret=1", "");
    assert!(read_head(&mut socket).starts_with("HTTP/1.1 101 "));
    for _ in 0..2 {
        socket.write_all(&frame(TEXT, b"hello")).unwrap();
        assert_eq!(read_frame(&mut socket), (TEXT, b"hello".to_vec()));
    }
    socket.write_all(&frame(CLOSE, b"\x03\xe8")).unwrap();
    assert_eq!(read_frame(&mut socket), (CLOSE, b"\x03\xe8".to_vec()));
    within(LIMIT, || !lines_with("callbacks closed").is_empty());
    let address = format!("remote_addr={own}");
    for call in ["handshake", "later", "opened", "message", "closed"] {
        let lines = lines_with(&format!("callbacks {call}"));
        assert_eq!(lines.len(), if call == "message" { 2 } else { 1 }, "{lines:?}");
        for line in lines {
            assert!(line.contains(" connection{") && line.contains(&address), "{line}");
            assert_eq!(line.matches("connection{").count(), 1, "{line}");
            let is_open = !["handshake", "later"].contains(&call);
            assert_eq!(line.contains("id=1 "), is_open, "{line}");
            assert_eq!(line.contains("path=\"/room\""), is_open, "{line}");
        }
    }
}

#[test]
fn a_connection_of_another_http_server_has_its_span_inside_of_that_of_the_caller() {
    LazyLock::force(&LOG);
    Runtime::new().unwrap().block_on(async {
        let service = Builder::new().service(Logging("embedded"));
        let request = upgrade_to("/inner").body(()).unwrap();
        let remote_addr = "192.0.2.7:99".parse().unwrap();
        let (_, upgrade) = service.answer(&request, Some(remote_addr)).await.unwrap();
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let outer = tracing::info_span!("outer", id = tracing::field::Empty);
        let serving = tracing::Instrument::instrument(upgrade.serve(ours), outer);
        let serving = tokio::spawn(serving);
        theirs.write_all(&frame(TEXT, b"hello")).await.unwrap();
        theirs.read_exact(&mut [0; 7]).await.unwrap();
        theirs.write_all(&frame(CLOSE, b"")).await.unwrap();
        theirs.read_to_end(&mut Vec::new()).await.unwrap();
        drop(theirs);
        serving.await.unwrap();
    });
    for call in ["opened", "message", "closed"] {
        let lines = lines_with(&format!("embedded {call}"));
        assert_eq!(lines.len(), 1, "{call}");
        let (outer, inner) = lines[0].split_once("connection{").expect("it is in the span");
        // The caller's own fields are the caller's.
        assert!(outer.contains("outer:") && !outer.contains("id="), "{lines:?}");
        for field in ["id=1", "remote_addr=192.0.2.7:99", "path=\"/inner\""] {
            assert!(inner.contains(field), "{lines:?}");
        }
    }
}

#[test]
fn who_is_refused_and_why_is_a_warning() {
    let runtime = Runtime::new().unwrap();
    let addr = start(&runtime, "refusing");
    let (mut socket, own) = ask(addr, "/no", "");
    assert!(read_head(&mut socket).starts_with("HTTP/1.1 403 "));
    let (mut socket, _) = ask(addr, "/other", "Origin: https://app.example\r\n");
    assert!(read_head(&mut socket).starts_with("HTTP/1.1 403 "));
    let mut socket = tcp(addr);
    socket.write_all(b"GET /refusing-plain HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert!(read_head(&mut socket).starts_with("HTTP/1.1 426 "));
    within(LIMIT, || lines_with("/refusing-plain").len() == 1);
    let address = format!("remote_addr={own}");
    for (text, parts) in [
        ("not refusing", &["status=403", "path=\"/no\"", &address][..]),
        ("https://app.example", &["status=403", "path=\"/other\"", "origin may not connect"]),
        ("/refusing-plain", &["status=426"]),
    ] {
        let lines = lines_with(text);
        assert_eq!(lines.len(), 1, "{text}: {lines:?}");
        for part in ["WARN", "refused"].iter().chain(parts) {
            assert!(lines[0].contains(part), "{part:?} is not in {lines:?}");
        }
    }
}

#[test]
fn a_flood_of_refusals_is_no_flood_of_lines() {
    let runtime = Runtime::new().unwrap();
    let addr = start(&runtime, "flooded");
    let began = Instant::now();
    for i in 0..200 {
        // Each is of its own kind.
        let (mut socket, _) = ask(addr, "/no", &format!("Origin: http://localhost:{i}\r\n"));
        let mut response = String::new();
        socket.read_to_string(&mut response).unwrap();
        assert!(response.starts_with("HTTP/1.1 403 "), "{response}");
    }
    let seconds = usize::try_from(began.elapsed().as_secs()).unwrap() + 2;
    let n = lines_with("http://localhost:").len();
    assert!((20..=20 * seconds).contains(&n), "{n} lines in {seconds} s");
    assert!(lines_with("others within this second").len() <= seconds);
}

#[test]
fn a_refusal_says_what_was_sent_and_what_lets_it_in_and_repeated_ones_are_counted() {
    LazyLock::force(&LOG);
    let runtime = Runtime::new().unwrap();
    let limits = Limits { connections: 0, ..Limits::default() };
    for (name, builder, fields, parts) in [
        (
            "origin",
            Builder::new(),
            "Origin: https://repeated.example/\"é\r\n",
            &["status=403", "https://repeated.example/\\\"é\"", "let_in_by=\"Builder::origins"][..],
        ),
        (
            "host",
            Builder::new().hosts(["repeated.example:1"]),
            "X: y\r\n",
            &["status=403", "host=\"localhost\"", "let_in_by=\"Builder::hosts"],
        ),
        (
            "limit",
            Builder::new().limits(limits),
            "X: y\r\n",
            &["status=503", "let_in_by=\"Limits::connections"],
        ),
    ] {
        let path = format!("/repeated-{name}");
        let bound = builder.listen("127.0.0.1:0").bind(Logging("repeated"));
        let server = runtime.block_on(bound).unwrap();
        let (addr, shutdown) = (server.addresses()[0].tcp().unwrap(), server.shutdown());
        let running = runtime.spawn(server.run());
        for _ in 0..30 {
            let (mut socket, _) = ask(addr, &path, fields);
            socket.read_to_end(&mut Vec::new()).unwrap();
        }
        let lines = lines_with(&path);
        assert_eq!(lines.len(), 1, "{lines:?}");
        for part in ["WARN", "refused", "remote_addr=127.0.0.1:"].iter().chain(parts) {
            assert!(lines[0].contains(part), "{part:?} is not in {lines:?}");
        }
        // What was counted is told in the end.
        shutdown.begin();
        drop(shutdown);
        runtime.block_on(running).unwrap().unwrap();
        within(LIMIT, || lines_with(&path).len() == 2);
        let last = &lines_with(&path)[1];
        assert!(last.contains("others=29") && last.contains("WARN"), "{last}");
    }
}

#[test]
fn a_client_behind_a_proxy_is_logged_by_its_own_address() {
    LazyLock::force(&LOG);
    let runtime = Runtime::new().unwrap();
    let proxy = "127.0.0.1/32".parse().unwrap();
    let builder =
        Builder::new().listen("127.0.0.1:0").trusted_proxies([proxy]).proxy_protocol(true);
    let server = runtime.block_on(builder.bind(Logging("proxied"))).unwrap();
    let addr = server.addresses()[0].tcp().unwrap();
    runtime.spawn(server.run());
    for (header, field, expected) in [
        ("PROXY TCP4 192.0.2.77 192.0.2.1 5000 80\r\n", "", "192.0.2.77:5000"),
        ("PROXY UNKNOWN\r\n", "X-Forwarded-For: 192.0.2.78\r\n", "192.0.2.78:0"),
    ] {
        let mut socket = tcp(addr);
        socket.write_all(header.as_bytes()).unwrap();
        let request = harness::upgrade_request().replace("Host:", &format!("{field}Host:"));
        socket.write_all(request.as_bytes()).unwrap();
        assert!(read_head(&mut socket).starts_with("HTTP/1.1 101 "));
        socket.write_all(&frame(TEXT, b"hello")).unwrap();
        assert_eq!(read_frame(&mut socket), (TEXT, b"hello".to_vec()));
        let address = format!("remote_addr={expected}");
        for call in ["handshake", "later", "opened", "message"] {
            let lines = lines_with(&format!("proxied {call}"));
            let line = lines.last().expect(call);
            assert!(line.contains(&address), "{address} is not in {line}");
            assert_eq!(line.matches("remote_addr=").count(), 1, "{line}");
        }
    }
}

/// Not even of what is no request: it may have a password in it.
#[test]
fn of_what_is_no_request_only_the_first_line_is_logged_and_no_query() {
    let runtime = Runtime::new().unwrap();
    let addr = start(&runtime, "secretive");
    let mut socket = tcp(addr);
    socket.write_all(b"GET /secretive?token=s3cret HTTP/9.9\r\nCookie: s3cret\r\n\r\n").unwrap();
    assert!(read_head(&mut socket).starts_with("HTTP/1.1 400 "));
    within(LIMIT, || lines_with("received=\"GET /secretive\"").len() == 1);
    assert!(lines_with("s3cret").is_empty());
}
