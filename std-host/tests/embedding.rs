//! The server inside of other programs: beside the routes of axum, and on connections of hyper.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use wirelet::{CloseCode, Message};
use wirelet_host::{
    Builder, Client, ClientError, Closed, Context, Handler, Hub, Limits, OwnedMessage, Peer,
    Policy, Server, Service,
};

/// How long anything may take that has to come.
const LIMIT: Duration = Duration::from_secs(60);

/// Echoes, and remembers how connections have ended.
#[derive(Default)]
struct App {
    ends: Arc<Mutex<Vec<String>>>,
    panics: AtomicUsize,
}

impl Handler for App {
    fn opened(&self, context: &mut Context<'_>) {
        context.send("welcome");
    }

    fn message(&self, message: Message<'_>, context: &mut Context<'_>) {
        if message == Message::Text("panic") {
            self.panics.fetch_add(1, Ordering::Relaxed);
            panic!("this is a test");
        }
        context.send(message);
    }

    fn closed(&self, peer: &Peer, closed: &Closed, _hub: &Hub) {
        self.ends.lock().unwrap().push(format!("{}: {closed}", peer.path()));
    }
}

/// What the README and the documentation show.
async fn websocket(
    State(service): State<Service<App>>,
    ConnectInfo(remote_addr): ConnectInfo<SocketAddr>,
    mut request: Request,
) -> Response {
    let upgraded = hyper::upgrade::on(&mut request);
    match service.answer(&request, Some(remote_addr)).await {
        Ok((response, upgrade)) => {
            tokio::spawn(async move {
                if let Ok(stream) = upgraded.await {
                    upgrade.serve(TokioIo::new(stream)).await;
                }
            });
            response.map(|()| Body::empty())
        }
        Err(refusal) => refusal.map(|body| Body::from(body.into_owned())),
    }
}

struct Running {
    addr: SocketAddr,
    service: Service<App>,
    ends: Arc<Mutex<Vec<String>>>,
}

async fn start(builder: Builder) -> Running {
    let app = App::default();
    let ends = Arc::clone(&app.ends);
    let service = builder.service(app);
    let routes = Router::new()
        .route("/hello", get(async || "hello".into_response()))
        .route("/ws", get(websocket))
        .with_state(service.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let routes = routes.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async { axum::serve(listener, routes).await });
    Running { addr, service, ends }
}

async fn next(client: &mut Client) -> OwnedMessage {
    timeout(LIMIT, client.receive()).await.expect("nothing comes").unwrap()
}

async fn connect(running: &Running) -> Client {
    let mut client = Client::connect(&format!("ws://{}/ws", running.addr)).await.unwrap();
    assert_eq!(next(&mut client).await, OwnedMessage::Text("welcome".into()));
    client
}

/// Waits for ends of connections.
async fn ends(running: &Running, n: usize) -> Vec<String> {
    until(|| running.ends.lock().unwrap().len() >= n).await;
    running.ends.lock().unwrap().clone()
}

/// Waits until it holds.
async fn until(mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(LIMIT, waiting).await.expect("it does not come to hold");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_of_axum_serves_websockets() {
    let running = start(Builder::new()).await;
    let mut client = connect(&running).await;
    let peer = running.service.hub().connections().pop().unwrap();
    assert!(peer.remote_addr().unwrap().ip().is_loopback());
    for len in [0, 1, 125, 126, 65_536, 3_000_000] {
        let message = vec![7; len];
        client.send(&message[..]).await.unwrap();
        assert!(next(&mut client).await == OwnedMessage::Binary(message.into()), "{len}");
    }
    client.ping(b"still there?").await.unwrap();
    assert_eq!(next(&mut client).await, OwnedMessage::Pong("still there?".into()));
    running.service.hub().send_to_all("from elsewhere");
    assert_eq!(next(&mut client).await, OwnedMessage::Text("from elsewhere".into()));
    client.close(CloseCode::NORMAL_CLOSURE).await.unwrap();
    assert!(matches!(next(&mut client).await, OwnedMessage::Close { .. }));
    client.finish(LIMIT).await.unwrap();
    assert_eq!(ends(&running, 1).await, ["/ws: closed by the peer with 1000"]);
    assert!(running.service.hub().connections().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_sent_in_batches_both_ways_and_none_is_lost() {
    let running = start(Builder::new().slow_peers(Policy::Wait)).await;
    let mut client = connect(&running).await;
    let text = "x".repeat(20_000);
    let (hub, id) = (running.service.hub(), running.service.hub().connections()[0].id());
    let sending = tokio::spawn(async move {
        for _ in 0..500 {
            hub.deliver_to(id, "from the hub").await.unwrap();
        }
    });
    for _ in 0..500 {
        client.send(&*text).await.unwrap();
    }
    let (mut n_own, mut n_hub) = (0, 0);
    while n_own + n_hub < 1000 {
        match next(&mut client).await {
            OwnedMessage::Text(text) if text == "from the hub" => n_hub += 1,
            OwnedMessage::Text(_) => n_own += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((n_own, n_hub), (500, 500));
    sending.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_websocket_is_answered_by_axum_or_with_the_right_status() {
    let running =
        start(Builder::new().limits(Limits { connections: 1, ..Limits::default() })).await;
    let refused =
        async |path: &str| match Client::connect(&format!("ws://{}{path}", running.addr)).await {
            Err(error @ ClientError::Refused { .. }) => error.to_string(),
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("{path} was accepted"),
        };
    assert!(refused("/nowhere").await.contains("404"));
    assert!(refused("/hello").await.contains("200"));
    let client = connect(&running).await;
    assert!(refused("/ws").await.contains("503"));
    drop(client);
    ends(&running, 1).await;
    connect(&running).await;
    assert_eq!(running.service.hub().totals().refused, 1);
}

/// Sends a head; returns all that is answered up to the end of the connection.
async fn ask(addr: SocketAddr, head: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(addr).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut response = String::new();
    let read = stream.read_to_string(&mut response);
    timeout(LIMIT, read).await.expect("it ends").unwrap();
    response
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_has_the_same_header_fields_through_axum_as_from_a_server_of_its_own() {
    let through_axum = start(Builder::new()).await.addr;
    let own = Server::bind("127.0.0.1:0", App::default()).await.unwrap();
    let own_addr = own.addresses()[0].tcp().unwrap();
    tokio::spawn(own.run());
    let good = "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    for (head, status, field) in [
        (good.replace("Upgrade: websocket\r\n", ""), 426, "upgrade: websocket"),
        (good.replace("Version: 13", "Version: 8"), 426, "sec-websocket-version: 13"),
        (
            good.replace("Sec-WebSocket-Key", "X-Key"),
            400,
            "content-type: text/plain; charset=utf-8",
        ),
        (good.replace("Host", "Origin: https://evil.example\r\nHost"), 403, "connection: close"),
    ] {
        let (own, through_axum) = (ask(own_addr, &head).await, ask(through_axum, &head).await);
        let (own, body) = own.split_once("\r\n\r\n").unwrap();
        let (through_axum, same_body) = through_axum.split_once("\r\n\r\n").unwrap();
        assert_eq!(body, same_body);
        assert!(own.contains(&format!(" {status} ")), "{own}");
        let (own, through_axum) = (own.to_ascii_lowercase(), through_axum.to_ascii_lowercase());
        for line in own.lines().chain([field]) {
            assert!(through_axum.lines().any(|found| found == line), "{line:?}: {through_axum}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_closes_and_silence_is_pinged() {
    let limits = Limits {
        ping_interval: Duration::from_millis(200),
        ping_timeout: Duration::from_secs(3),
        ..Limits::default()
    };
    let running = start(Builder::new().limits(limits)).await;
    let begin = Instant::now();
    let silent = connect(&running).await; // it answers nothing, as nobody polls it
    let mut client = connect(&running).await;
    let answering = tokio::spawn(async move {
        loop {
            assert_eq!(next(&mut client).await, OwnedMessage::Ping("".into()));
        }
    });
    assert_eq!(ends(&running, 1).await, ["/ws: the peer did not answer in time"]);
    assert!(begin.elapsed() >= Duration::from_millis(3_200), "{:?}", begin.elapsed());
    assert!(!answering.is_finished() && running.service.hub().connections().len() == 1);
    answering.abort();
    drop(silent);

    let running = start(Builder::new()).await;
    let mut client = connect(&running).await;
    running.service.shutdown().begin();
    let code = Some(CloseCode::GOING_AWAY);
    assert_eq!(next(&mut client).await, OwnedMessage::Close { code, reason: "".into() });
    client.finish(LIMIT).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_handler_is_told_of_a_connection_that_is_dropped_or_that_it_has_panicked_for() {
    let running = start(Builder::new()).await;
    let mut client = connect(&running).await;
    client.send("panic").await.unwrap();
    assert!(client.receive().await.is_err());
    assert_eq!(ends(&running, 1).await, ["/ws: nobody serves it any more"]);

    let (ours, _theirs) = tokio::io::duplex(1024);
    let request = http_request();
    let (_, upgrade) = running.service.answer(&request, None).await.unwrap();
    let serving = tokio::spawn(upgrade.serve(ours));
    let hub = running.service.hub();
    until(|| hub.connections().iter().any(|peer| peer.path() == "/direct")).await;
    assert_eq!(hub.connections()[0].remote_addr(), None);
    serving.abort();
    assert_eq!(ends(&running, 2).await[1], "/direct: nobody serves it any more");
    assert!(running.service.hub().connections().is_empty());
}

fn http_request() -> Request<()> {
    Request::get("/direct")
        .header("Host", "example.com")
        .header("Upgrade", "websocket")
        .header("Connection", "keep-alive, Upgrade")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .body(())
        .unwrap()
}

#[tokio::test]
async fn http_2_is_told_that_it_cannot_be_served() {
    let service = Builder::new().service(App::default());
    let mut request = http_request();
    *request.version_mut() = axum::http::Version::HTTP_2;
    let refusal = service.answer(&request, None).await.unwrap_err();
    assert_eq!(refusal.status(), 400);
}

/// The same by hyper alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_of_hyper_serves_websockets() {
    let service = Builder::new().service(App::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/ws", listener.local_addr().unwrap());
    let answering = hyper::service::service_fn(move |mut request: hyper::Request<_>| {
        let service = service.clone();
        async move {
            let upgraded = hyper::upgrade::on(&mut request);
            let (response, upgrade) = service.answer(&request, None).await.unwrap();
            tokio::spawn(async move { upgrade.serve(TokioIo::new(upgraded.await.unwrap())).await });
            Ok::<_, Infallible>(response.map(|()| Body::empty()))
        }
    });
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), answering)
            .with_upgrades()
            .await
            .unwrap();
    });
    let mut client = Client::connect(&url).await.unwrap();
    assert_eq!(next(&mut client).await, OwnedMessage::Text("welcome".into()));
    client.send("hello").await.unwrap();
    assert_eq!(next(&mut client).await, OwnedMessage::Text("hello".into()));
}
