//! A server that goes away little by little, to its end.

mod harness;

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use harness::opening::upgrade_to;
use harness::{CLOSE, LIMIT, frame, handshake, read_frame, within};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use wirelet::CloseCode;
use wirelet_host::{
    Builder, Connection, Drain, Echo, Hub, OwnedMessage, Service, Shutdown, Upgrade,
};

/// A server on a runtime of its own.
struct Running {
    runtime: Runtime,
    addr: SocketAddr,
    hub: Hub,
    shutdown: Shutdown,
    serving: JoinHandle<std::io::Result<()>>,
}

fn start() -> Running {
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(Builder::new().listen("127.0.0.1:0").bind(Echo)).unwrap();
    let (addr, hub) = (server.addresses()[0].tcp().unwrap(), server.hub());
    let (shutdown, serving) = (server.shutdown(), runtime.spawn(server.run()));
    Running { runtime, addr, hub, shutdown, serving }
}

impl Running {
    fn drain(&self, drain: Drain) -> JoinHandle<()> {
        let shutdown = self.shutdown.clone();
        self.runtime.spawn(async move { shutdown.drain(drain).await })
    }

    /// Waits for the end of the server.
    fn has_ended(self) {
        let serving = async { timeout(LIMIT, self.serving).await };
        self.runtime.block_on(serving).expect("it ends").unwrap().unwrap();
        assert!(self.hub.connections().is_empty());
    }
}

/// Reads a close frame, answers it and reads the end.
fn close(mut socket: TcpStream, code: u16) {
    let payload = code.to_be_bytes().to_vec();
    assert_eq!(read_frame(&mut socket), (CLOSE, payload.clone()));
    socket.write_all(&frame(CLOSE, &payload)).unwrap();
    harness::ended(&mut socket);
}

const LONG: Duration = Duration::from_secs(3600);

#[test]
fn a_server_that_is_not_ready_accepts_and_serves_until_its_delay_is_over() {
    for delay in [Duration::from_secs(2), LONG] {
        let server = start();
        let old = handshake(server.addr);
        assert!(server.shutdown.is_ready());
        let began = Instant::now();
        let draining = server.drain(Drain { delay, ..Drain::default() });
        within(LIMIT, || !server.shutdown.is_ready());
        if delay == LONG {
            let mut both = [old, handshake(server.addr)];
            harness::settle(&mut both);
            for socket in &both {
                harness::silent(socket, Duration::from_millis(200));
            }
            server.shutdown.begin();
            for socket in both {
                close(socket, 1001);
            }
        } else {
            close(old, 1001);
            assert!(began.elapsed() >= delay);
        }
        server.runtime.block_on(draining).unwrap();
        server.has_ended();
    }
}

#[test]
fn closes_are_spread_over_the_time_and_nobody_else_is_let_in() {
    const TIME: Duration = Duration::from_secs(2);
    let server = start();
    let sockets: Vec<_> = (0..20).map(|_| handshake(server.addr)).collect();
    let began = Instant::now();
    let drain = Drain { time: TIME, code: CloseCode::SERVICE_RESTART, ..Drain::default() };
    let draining = server.drain(drain);
    for (i, socket) in (0..).zip(sockets) {
        close(socket, 1012);
        // In their order, and none before its part of the time.
        let part = TIME * i / 20;
        assert!(began.elapsed() >= part, "the connection {i} after {:?}", began.elapsed());
        let is_let_in = || TcpStream::connect(server.addr).is_ok();
        if i == 0 {
            within(LIMIT, || !is_let_in());
        }
        assert!(!is_let_in(), "after {:?}", began.elapsed());
    }
    server.runtime.block_on(draining).unwrap();
    server.has_ended();
}

#[test]
fn a_drain_can_be_ended_at_once_and_keeps_its_code() {
    for is_dropped in [false, true] {
        let server = start();
        let sockets: Vec<_> = (0..5).map(|_| handshake(server.addr)).collect();
        let drain = Drain { time: LONG, code: CloseCode::SERVICE_RESTART, ..Drain::default() };
        let draining = server.drain(drain);
        let mut sockets = sockets.into_iter();
        close(sockets.next().unwrap(), 1012);
        if is_dropped {
            draining.abort();
            assert!(server.runtime.block_on(draining).unwrap_err().is_cancelled());
            server.shutdown.begin();
        } else {
            server.shutdown.begin();
            server.runtime.block_on(draining).unwrap();
        }
        for socket in sockets {
            close(socket, 1012);
        }
        server.has_ended();
    }
}

#[test]
fn a_drain_ends_in_its_delay_when_it_shall_and_then_closes_all() {
    let server = start();
    let socket = handshake(server.addr);
    let draining = server.drain(Drain { delay: LONG, ..Drain::default() });
    within(LIMIT, || !server.shutdown.is_ready());
    server.shutdown.begin();
    close(socket, 1001);
    server.runtime.block_on(draining).unwrap();
    server.has_ended();
}

#[test]
fn a_server_that_everybody_has_left_does_not_wait_for_the_rest_of_the_time() {
    let server = start();
    let sockets: Vec<_> = (0..5).map(|_| handshake(server.addr)).collect();
    let draining = server.drain(Drain { time: LONG, ..Drain::default() });
    let mut sockets = sockets.into_iter();
    close(sockets.next().unwrap(), 1001);
    drop(sockets);
    server
        .runtime
        .block_on(async { timeout(LIMIT, draining).await })
        .expect("the drain ends")
        .unwrap();
    server.has_ended();
}

#[test]
fn times_without_end_do_no_harm() {
    let server = start();
    let socket = handshake(server.addr);
    let draining = server.drain(Drain { time: Duration::MAX, ..Drain::default() });
    close(socket, 1001);
    server.runtime.block_on(draining).unwrap();
    server.has_ended();
    let server = start();
    let draining = server.drain(Drain { delay: Duration::MAX, ..Drain::default() });
    within(LIMIT, || !server.shutdown.is_ready());
    server.shutdown.begin();
    server.runtime.block_on(draining).unwrap();
    server.has_ended();
}

async fn accept(service: &Service<Echo>) -> (Upgrade<Echo>, DuplexStream, DuplexStream) {
    let request = upgrade_to("/").body(()).unwrap();
    let (_, upgrade) = service.answer(&request, None).await.unwrap();
    let (ours, theirs) = tokio::io::duplex(1024);
    (upgrade, ours, theirs)
}

/// Waits for a close with 1012, and answers it a while later; returns when it came.
async fn close_later(mut theirs: DuplexStream) -> Instant {
    let mut received = [0; 4];
    theirs.read_exact(&mut received).await.unwrap();
    let came = Instant::now();
    assert_eq!(received, *b"\x88\x02\x03\xf4");
    tokio::time::sleep(Duration::from_millis(200)).await;
    theirs.write_all(&frame(CLOSE, b"\x03\xf4")).await.unwrap();
    theirs.read_to_end(&mut Vec::new()).await.unwrap();
    came
}

async fn receive_all(mut connection: Connection) {
    while let Some(received) = connection.receive().await {
        let code = Some(CloseCode::SERVICE_RESTART);
        assert_eq!(received.unwrap(), OwnedMessage::Close { code, reason: "".into() });
    }
}

/// Callbacks or connections as values, `is_value`.
async fn a_service_drains(is_value: bool) {
    const TIME: Duration = Duration::from_secs(2);
    let service = Builder::new().service(Echo);
    let (mut serving, mut clients) = (Vec::new(), Vec::new());
    for _ in 0..8 {
        let (upgrade, ours, theirs) = accept(&service).await;
        serving.push(if is_value {
            tokio::spawn(receive_all(upgrade.connection(ours)))
        } else {
            tokio::spawn(upgrade.serve(ours))
        });
        clients.push(tokio::spawn(close_later(theirs)));
    }
    let ended = tokio::spawn({
        let service = service.clone();
        async move {
            service.ended().await;
            Instant::now()
        }
    });
    // Nothing has begun, though a connection may come to its end at any time.
    let (upgrade, ours, mut theirs) = accept(&service).await;
    let short = tokio::spawn(upgrade.serve(ours));
    theirs.write_all(&frame(CLOSE, b"")).await.unwrap();
    theirs.read_to_end(&mut Vec::new()).await.unwrap();
    short.await.unwrap();
    assert!(!ended.is_finished());

    let began = Instant::now();
    let drain = Drain { time: TIME, code: CloseCode::SERVICE_RESTART, ..Drain::default() };
    service.shutdown().drain(drain).await;
    let mut came = Vec::new();
    for client in clients {
        came.push(client.await.unwrap());
    }
    came.sort();
    for (i, came) in (0..).zip(&came) {
        // With half of a part to spare, as values have their places by a fraction.
        let part = (TIME * i / 8).saturating_sub(TIME / 8);
        assert!(*came >= began + part, "{i}: {:?}", *came - began);
    }
    let ended = timeout(LIMIT, ended).await.expect("it ends").unwrap();
    assert!(ended >= came[7] + Duration::from_millis(200), "before the last has ended");
    for serving in serving {
        serving.await.unwrap();
    }
    timeout(LIMIT, service.ended()).await.expect("it has ended for all who ask");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_drains_and_can_be_waited_for() {
    a_service_drains(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_values_are_drained_and_waited_for_too() {
    a_service_drains(true).await;
}

#[tokio::test]
async fn a_service_without_connections_has_ended_when_it_is_told_to() {
    let service = Builder::new().service(Echo);
    let waiting = timeout(Duration::from_millis(300), service.ended()).await;
    assert!(waiting.is_err(), "nobody has told it");
    service.shutdown().begin();
    timeout(LIMIT, service.ended()).await.unwrap();
}
