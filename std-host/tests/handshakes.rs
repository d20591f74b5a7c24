//! What an application decides about requests, by the public API.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use wirelet::Message;
use wirelet::handshake::Request;
use wirelet_host::{
    Accept, Answer, Builder, Client, ClientOptions, Closed, Context, Handler, Handshake, Hosts,
    Hub, Limits, Origins, OwnedMessage, Peer, Response, Server, StatusCode,
};

/// Who a connection belongs to.
struct User(String);

/// Asks for a token, tells everybody who they are, and has a page.
#[derive(Default)]
struct App {
    /// How many futures that never end were begun, and dropped.
    never: Arc<[AtomicUsize; 2]>,
}

impl Handler for App {
    fn handshake(&self, handshake: &Handshake<'_>) -> Answer {
        let Handshake { request, upgrade, remote_addr, .. } = handshake;
        assert!(remote_addr.unwrap().ip().is_loopback());
        match request.path() {
            "/" => Accept::new().into(),
            "/chat" => Accept::new()
                .with_subprotocol(upgrade.choose_subprotocol(&["chat.v2", "chat"]))
                .with_header("Set-Cookie", "session=1")
                .into(),
            "/token" => {
                let token = request.query().unwrap_or_default().to_owned();
                Answer::later(async move {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    match token.strip_prefix("token-of-") {
                        Some(name) => Accept::new().with_data(User(name.into())).into(),
                        None => Answer::refuse(StatusCode::UNAUTHORIZED, "the token is not valid"),
                    }
                })
            }
            "/never" => {
                let never = CountDrop(Arc::clone(&self.never));
                Answer::later(async move {
                    never.0[0].fetch_add(1, Ordering::Relaxed);
                    let _never = never;
                    std::future::pending().await
                })
            }
            "/panics" => Answer::later(async { panic!("this is a test") }),
            "/wrong" => Accept::new().with_subprotocol(Some("not offered")).into(),
            "/elsewhere" => {
                let mut response = Response::default();
                *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
                let location = "ws://example.com/".parse().unwrap();
                response.headers_mut().insert("Location", location);
                Answer::Refuse(response)
            }
            "/obs-text" => {
                let mut response = Response::new(b"not you\n".into());
                *response.status_mut() = StatusCode::FORBIDDEN;
                let value = handshake.request.query().unwrap_or_default();
                let value = if value == "utf-8" { "Jörg".as_bytes() } else { b"J\xf6rg" };
                response.headers_mut().insert("X-Name", value.try_into().unwrap());
                Answer::Refuse(response)
            }
            _ => Answer::refuse(StatusCode::NOT_FOUND, "there is no such room"),
        }
    }

    fn request(&self, request: &Request<'_>, hub: &Hub) -> Option<Response> {
        (request.path() == "/page").then(|| {
            let page = format!("<p>{} are here", hub.connections().len());
            let mut response = Response::new(page.into_bytes().into());
            response.headers_mut().insert("Content-Type", "text/html".parse().unwrap());
            response
        })
    }

    fn opened(&self, context: &mut Context<'_>) {
        if let Some(User(name)) = context.peer().data() {
            context.send(name.as_str());
        }
    }

    fn message(&self, message: Message<'_>, context: &mut Context<'_>) {
        context.send(message);
    }
}

struct CountDrop(Arc<[AtomicUsize; 2]>);

impl Drop for CountDrop {
    fn drop(&mut self) {
        self.0[1].fetch_add(1, Ordering::Relaxed);
    }
}

/// Starts a server that runs as long as the test; returns its address and its hub.
async fn start(builder: Builder, handler: impl Handler) -> (String, Hub) {
    let server: Server<_> = builder.listen("127.0.0.1:0").bind(handler).await.unwrap();
    let started = (server.addresses()[0].to_string(), server.hub());
    tokio::spawn(server.run());
    started
}

/// Sends a head; returns the whole response.
async fn ask(addr: &str, request_line: &str, fields: &str) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let head = format!("{request_line} HTTP/1.1\r\nHost: {addr}\r\n{fields}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut response = String::new();
    let read = stream.read_to_string(&mut response);
    tokio::time::timeout(Duration::from_secs(60), read).await.unwrap().unwrap();
    response
}

/// Asks for a connection; returns the status.
async fn status(addr: &str, path: &str, fields: &str) -> u16 {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let head = format!(
        "GET {path} HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{UPGRADE}{fields}\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut line = [0; 12];
    stream.read_exact(&mut line).await.unwrap();
    str::from_utf8(&line[9..]).unwrap().parse().unwrap()
}

const UPGRADE: &str =
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

#[tokio::test]
async fn a_handler_chooses_by_path_subprotocol_and_adds_headers() {
    let (addr, hub) = start(Builder::new(), App::default()).await;
    let offer = |names: &[&str]| ClientOptions {
        subprotocols: names.iter().map(|name| (*name).to_owned()).collect(),
        ..ClientOptions::default()
    };
    let url = format!("ws://{addr}/chat");
    let client = Client::connect_with(&url, &offer(&["chat", "chat.v2"])).await.unwrap();
    assert_eq!(client.subprotocol(), Some("chat.v2"));
    assert_eq!(hub.connections()[0].subprotocol(), Some("chat.v2"));
    let client = Client::connect_with(&url, &offer(&["mqtt"])).await.unwrap();
    assert_eq!(client.subprotocol(), None);
    assert_eq!(hub.connections()[1].subprotocol(), None);

    let host = format!("Host: {addr}\r\n");
    for (path, expected) in
        [("/", 101), ("/nowhere", 404), ("/elsewhere", 307), ("/wrong", 500), ("/panics", 500)]
    {
        assert_eq!(status(&addr, path, &host).await, expected, "{path}");
    }
    let upgrade = format!("Connection: Upgrade\r\nUpgrade: websocket\r\n{UPGRADE}");
    let refused = ask(&addr, "GET /nowhere", &upgrade).await;
    assert!(refused.ends_with("\r\n\r\nthere is no such room\n"), "{refused}");
    let elsewhere = ask(&addr, "GET /elsewhere", &upgrade).await;
    assert!(elsewhere.contains("\r\nlocation: ws://example.com/\r\n"), "{elsewhere}");
}

#[tokio::test]
async fn a_handler_may_take_its_time_and_keep_who_it_was() {
    let (addr, hub) = start(Builder::new(), App::default()).await;
    let url = format!("ws://{addr}/token?token-of-ada");
    let mut client = Client::connect(&url).await.unwrap();
    assert_eq!(client.receive().await.unwrap(), OwnedMessage::Text("ada".into()));
    let peer = hub.connections().pop().unwrap();
    assert_eq!(peer.data::<User>().unwrap().0, "ada");
    assert!(peer.data::<u8>().is_none());
    assert_eq!(status(&addr, "/token?forged", &format!("Host: {addr}\r\n")).await, 401);
    assert_eq!(hub.totals().refused, 1);
}

#[tokio::test]
async fn early_frames_wait_for_a_handler_that_takes_its_time() {
    let (addr, _) = start(Builder::new(), App::default()).await;
    let mut stream = TcpStream::connect(&addr).await.unwrap();
    let head = format!(
        "GET /token?token-of-bob HTTP/1.1\r\nHost: {addr}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{UPGRADE}\r\n"
    );
    // Masked by zeros.
    let frame = b"\x81\x85\0\0\0\0early";
    stream.write_all(&[head.as_bytes(), frame].concat()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(5)).await;
    stream.write_all(b"\x81\x85\0\0\0\0later").await.unwrap();
    let mut received = Vec::new();
    let end = b"\x81\x03bob\x81\x05early\x81\x05later";
    while !received.ends_with(end) {
        assert_ne!(stream.read_buf(&mut received).await.unwrap(), 0, "{received:?}");
    }
}

/// Waits until a number has come to another one.
async fn comes_to(n: &AtomicUsize, wanted: usize) {
    for _ in 0..6000 {
        if n.load(Ordering::Relaxed) == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it is {}, not {wanted}", n.load(Ordering::Relaxed));
}

#[tokio::test]
async fn a_handler_that_never_answers_is_given_up_at_the_deadline() {
    let limits = Limits { handshake_time: Duration::from_millis(200), ..Limits::default() };
    let app = App::default();
    let never = Arc::clone(&app.never);
    let [begun, dropped] = &*never;
    let (addr, _) = start(Builder::new().limits(limits), app).await;
    let upgrade = format!("Connection: Upgrade\r\nUpgrade: websocket\r\n{UPGRADE}");
    let start = Instant::now();
    let response = ask(&addr, "GET /never", &upgrade).await;
    assert!(start.elapsed() >= limits.handshake_time, "{:?}", start.elapsed());
    comes_to(begun, 1).await;
    assert!(response.starts_with("HTTP/1.1 503 "), "{response}");
    assert!(response.ends_with("the server did not decide in time\n"), "{response}");
    comes_to(dropped, 1).await;
}

#[tokio::test]
async fn a_handler_that_takes_its_time_is_given_up_when_the_client_leaves() {
    let limits = Limits { handshake_time: Duration::from_secs(3600), ..Limits::default() };
    let app = App::default();
    let never = Arc::clone(&app.never);
    let [begun, dropped] = &*never;
    let (addr, _) = start(Builder::new().limits(limits), app).await;
    let head = format!(
        "GET /never HTTP/1.1\r\nHost: {addr}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{UPGRADE}\r\n"
    );
    for (i, (early, resets)) in
        [("", false), ("", true), ("early", false), ("early", true)].into_iter().enumerate()
    {
        let mut stream = TcpStream::connect(&addr).await.unwrap();
        stream.write_all(format!("{head}{early}").as_bytes()).await.unwrap();
        comes_to(begun, i + 1).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(dropped.load(Ordering::Relaxed), i, "given up before the client has left");
        if resets {
            stream.set_zero_linger().unwrap();
        }
        drop(stream);
        comes_to(dropped, i + 1).await;
    }
}

#[tokio::test]
async fn plain_requests_get_the_application_s_page() {
    let (addr, _) = start(Builder::new(), App::default()).await;
    let page = ask(&addr, "GET /page", "").await;
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    assert!(page.contains("\r\ncontent-type: text/html\r\n"), "{page}");
    assert!(page.ends_with("\r\nContent-Length: 13\r\n\r\n<p>0 are here"), "{page}");
    let head = ask(&addr, "HEAD /page", "").await;
    assert!(head.ends_with("\r\nContent-Length: 13\r\n\r\n"), "{head}");
    // Whatever comes behind it in the same read, and if it is refused.
    for (line, behind) in
        [("HEAD /page", "\r\nmore"), ("HEAD /other", ""), ("HEAD /page", "\r\n\0")]
    {
        let head = ask(&addr, line, behind).await;
        assert!(head.starts_with("HTTP/1.1 ") && head.ends_with("\r\n\r\n"), "{line}: {head}");
    }
    assert!(ask(&addr, "GET /other", "").await.starts_with("HTTP/1.1 426 "));
    assert!(ask(&addr, "POST /other", "").await.starts_with("HTTP/1.1 405 "));
}

#[tokio::test]
async fn pages_of_other_origins_are_refused_unless_they_are_let_in() {
    const CASES: [(&str, [bool; 3]); 7] = [
        // Same, Any, and Only https://example.com
        ("", [true, true, true]),
        ("Origin: http://board.local\r\n", [true, true, false]),
        ("Origin: https://board.local\r\n", [true, true, false]),
        ("Origin: https://example.com\r\n", [false, true, true]),
        ("Origin: https://example.com.evil.org\r\n", [false, true, false]),
        ("Origin: http://board.local.evil.org\r\n", [false, true, false]),
        ("Origin: null\r\n", [false, true, false]),
    ];
    let only = Origins::Only(vec!["https://example.com".into()]);
    for (i, origins) in [Origins::Same, Origins::Any, only].into_iter().enumerate() {
        let builder = Builder::new().origins(origins).hosts(Hosts::Any);
        let (addr, _) = start(builder, App::default()).await;
        for (origin, is_let_in) in CASES {
            let expected = if is_let_in[i] { 101 } else { 403 };
            let fields = format!("Host: board.local\r\n{origin}");
            assert_eq!(status(&addr, "/", &fields).await, expected, "{origin:?} by rule {i}");
        }
    }
}

#[tokio::test]
async fn names_that_are_not_served_are_refused() {
    let builder = Builder::new().hosts(["board.local", "board.local:8567"]);
    let (addr, hub) = start(builder, App::default()).await;
    for (host, expected) in [
        ("board.local", 101),
        ("BOARD.local:8567", 101),
        ("evil.org", 403),
        // RFC 9110 §4.2.3: default ports are as none.
        ("board.local:80", 101),
        ("board.local:443", 101),
        ("board.local:8568", 403),
    ] {
        // Also of the same origin: so a name that was rebound looks.
        let fields = format!("Host: {host}\r\nOrigin: http://{host}\r\n");
        assert_eq!(status(&addr, "/", &fields).await, expected, "{host}");
    }
    assert_eq!(hub.totals().refused, 2);
}

/// RFC 9112 §3.2, whatever hosts are served, and whether a page or a connection is asked for.
#[tokio::test]
async fn what_is_no_host_is_answered_400_before_it_is_looked_at_whose_it_is() {
    for hosts in [Hosts::ByPlace, Hosts::Any, Hosts::from(["board.local"])] {
        let (addr, hub) = start(Builder::new().hosts(hosts), App::default()).await;
        let mut n_refused = 0;
        for fields in [
            "",
            "Host:\r\n",
            "Host: a b\r\n",
            "Host: user@board.local\r\n",
            "Host: board.local/x\r\n",
            "Host: board.local:port\r\n",
            "Host: [::1\r\n",
            "Host: board.local, board.local\r\n",
            "Host: board.local\r\nHost: board.local\r\n",
            "Host: board.local\r\nhost: evil.example\r\n",
        ] {
            assert_eq!(status(&addr, "/", fields).await, 400, "{fields:?}");
            let mut stream = TcpStream::connect(&addr).await.unwrap();
            let head = format!("GET /page HTTP/1.1\r\n{fields}\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            let mut response = String::new();
            stream.read_to_string(&mut response).await.unwrap();
            assert!(response.starts_with("HTTP/1.1 400 "), "{fields:?}: {response}");
            n_refused += 2;
        }
        assert_eq!(hub.totals().refused, n_refused);
    }
}

/// What names the host itself is of it, and the others have to be listed.
#[tokio::test]
async fn odd_origins_of_programs_are_let_in_if_they_are_of_the_host_or_listed() {
    let odd = Origins::Only(["file://", "null", "https://*.example.com"].map(str::to_owned).into());
    let (same, _) = start(Builder::new(), App::default()).await;
    let (listed, _) = start(Builder::new().origins(odd), App::default()).await;
    for (origin, by_default, by_list) in [
        ("ws://localhost:8567", 101, 403),
        ("wss://localhost:8567/", 101, 403),
        ("https://localhost:8567", 101, 403),
        ("http://localhost", 403, 403),
        ("file://", 403, 101),
        ("null", 403, 101),
        ("https://a.b.example.com", 403, 101),
        ("https://example.com", 403, 403),
        ("http://a.example.com", 403, 403),
    ] {
        let fields = format!("Host: localhost:8567\r\nOrigin: {origin}\r\n");
        assert_eq!(status(&same, "/", &fields).await, by_default, "{origin}");
        assert_eq!(status(&listed, "/", &fields).await, by_list, "{origin}");
    }
    for (host, origin, expected) in [
        ("localhost:443", "https://localhost", 101),
        ("localhost", "https://localhost:443", 101),
        ("localhost:80", "http://localhost", 101),
        ("localhost:443", "http://localhost", 403),
    ] {
        let fields = format!("Host: {host}\r\nOrigin: {origin}\r\n");
        assert_eq!(status(&same, "/", &fields).await, expected, "{origin} at {host}");
    }
}

#[tokio::test]
async fn what_can_never_match_is_an_error_of_the_start() {
    let builder = || Builder::new().listen("127.0.0.1:0");
    let origins = |origin: &str| builder().origins(Origins::Only(vec![origin.into()]));
    for (builder, item) in [
        (origins("example.com"), "example.com"),
        (origins("https://example.com/chat"), "https://example.com/chat"),
        (origins("https://*"), "https://*"),
        (builder().hosts(["http://board.local"]), "http://board.local"),
        (builder().hosts(["board.local", "b\u{fc}ro.local"]), "b\u{fc}ro.local"),
    ] {
        let error = builder.bind(App::default()).await.expect_err(item);
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains(item), "{error}");
    }
    assert!(origins("https://example.com/").bind(App::default()).await.is_ok());
}

#[tokio::test]
async fn a_server_that_listens_on_this_machine_alone_answers_to_its_names_alone() {
    let (local, hub) = start(Builder::new(), App::default()).await;
    let builder = || Builder::new().listen("0.0.0.0:0");
    let (open, _) = start(builder(), App::default()).await;
    let (any, _) = start(Builder::new().hosts(Hosts::Any), App::default()).await;
    let (both, _) = start(builder().hosts(["localhost"]), App::default()).await;
    for (host, expected) in [
        // By all defaults, listening elsewhere too, Hosts::Any, and localhost alone.
        ("localhost", [101, 101, 101, 101]),
        ("localhost:1", [101, 101, 101, 403]),
        ("evil.example", [403, 101, 101, 403]),
        ("10.0.0.1", [403, 101, 101, 403]),
    ] {
        for (addr, expected) in [&local, &open, &any, &both].into_iter().zip(expected) {
            let fields = format!("Host: {host}\r\nOrigin: http://{host}\r\n");
            assert_eq!(status(addr, "/", &fields).await, expected, "{host} at {addr}");
        }
    }
    // No page sends none.
    for (addr, expected) in [(&local, 101), (&both, 403)] {
        assert_eq!(status(addr, "/", "Host: board.example\r\n").await, expected, "{addr}");
    }
    // Neither a page nor a target with the right name helps.
    for line in ["GET /page", "GET http://localhost/page", "GET http://localhost/"] {
        let mut stream = TcpStream::connect(&local).await.unwrap();
        let fields = format!("Connection: Upgrade\r\nOrigin: http://localhost\r\n{UPGRADE}");
        let head = format!("{line} HTTP/1.1\r\nHost: evil.example\r\n{fields}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        assert!(response.starts_with("HTTP/1.1 403 "), "{line}: {response}");
        assert!(response.contains("localhost, 127.0.0.1 and [::1]"), "{response}");
    }
    assert_eq!(hub.totals().refused, 5);
}

#[tokio::test]
async fn header_fields_beyond_ascii_are_sent_or_the_response_is_a_500() {
    let (addr, _) = start(Builder::new(), App::default()).await;
    let upgrade = format!("Connection: Upgrade\r\nUpgrade: websocket\r\n{UPGRADE}");
    let sent = ask(&addr, "GET /obs-text?utf-8", &upgrade).await;
    assert!(sent.starts_with("HTTP/1.1 403 ") && sent.contains("\r\nx-name: Jörg\r\n"), "{sent}");
    assert!(sent.ends_with("\r\n\r\nnot you\n"), "{sent}");
    // What no text is would vanish otherwise, and nobody would know.
    let failed = ask(&addr, "GET /obs-text?latin-1", &upgrade).await;
    assert!(failed.starts_with("HTTP/1.1 500 "), "{failed}");
}

/// Notes how often it is called for what.
#[derive(Default)]
struct Calls([AtomicUsize; 5]);

impl Calls {
    fn note(&self, i: usize) {
        self.0[i].fetch_add(1, Ordering::Relaxed);
    }
}

impl Handler for Calls {
    fn handshake(&self, _handshake: &Handshake<'_>) -> Answer {
        self.note(0);
        Accept::new().into()
    }

    fn request(&self, _request: &Request<'_>, _hub: &Hub) -> Option<Response> {
        self.note(1);
        Some(Response::default())
    }

    fn opened(&self, _context: &mut Context<'_>) {
        self.note(2);
    }

    fn message(&self, message: Message<'_>, context: &mut Context<'_>) {
        self.note(3);
        context.send(message);
    }

    fn closed(&self, _peer: &Peer, _closed: &Closed, _hub: &Hub) {
        self.note(4);
    }
}

#[tokio::test]
async fn a_program_keeps_its_handler_and_all_calls_go_through_the_pointers() {
    let calls = Arc::<Calls>::default();
    let handler: Box<dyn Handler> = Box::new(Arc::clone(&calls));
    let server = Server::bind("127.0.0.1:0", handler).await.unwrap();
    let (addr, url) = (server.addresses()[0].tcp().unwrap(), server.url());
    tokio::spawn(server.run());
    let mut page = TcpStream::connect(addr).await.unwrap();
    page.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut response = String::new();
    page.read_to_string(&mut response).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    let mut client = Client::connect(&url).await.unwrap();
    for _ in 0..3 {
        client.send("hello").await.unwrap();
        assert_eq!(client.receive().await.unwrap(), OwnedMessage::from("hello"));
    }
    drop(client);
    comes_to(&calls.0[4], 1).await;
    assert_eq!(calls.0.each_ref().map(|n| n.load(Ordering::Relaxed)), [1, 1, 1, 3, 1]);
}
