//! What "slow" means: what a socket refuses, and not how long the server was busy.

mod harness;

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use harness::{
    BINARY, CLOSE, LIMIT, PING, PONG, TEXT, frame, handshake, narrow, read_frame, within,
};
use wirelet::{Chunk, CloseCode, Message};
use wirelet_host::{
    Builder, Chat, Closed, Context, Handler, Hub, Limits, Peer, Policy, Sent, Sink,
};

/// A server on a runtime of its own, until it goes.
struct Running {
    addr: SocketAddr,
    hub: Hub,
    _runtime: tokio::runtime::Runtime,
}

impl Running {
    fn start(builder: Builder, handler: impl Handler) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let server = runtime.block_on(builder.listen("127.0.0.1:0").bind(handler)).unwrap();
        let (addr, hub) = (server.addresses()[0].tcp().unwrap(), server.hub());
        runtime.spawn(server.run());
        Self { addr, hub, _runtime: runtime }
    }

    /// The peer of the connection that was opened last.
    fn last(&self) -> Arc<Peer> {
        self.hub.connections().pop().expect("there is one")
    }
}

#[test]
fn a_burst_to_peers_that_read_closes_nobody_and_loses_nothing() {
    const MESSAGES: usize = 200;
    let server = Running::start(Builder::new(), Chat);
    let mut peers: Vec<_> = (0..10).map(|_| handshake(server.addr)).collect();
    harness::settle(&mut peers);
    let burst: Vec<u8> = (0..MESSAGES)
        .flat_map(|i| frame(TEXT, format!("{i:04}{}", "x".repeat(1000)).as_bytes()))
        .collect();
    let mut sender = handshake(server.addr);
    let mut reading = sender.try_clone().unwrap();
    let writing = std::thread::spawn(move || sender.write_all(&burst).unwrap());
    peers.push(reading.try_clone().unwrap());
    for peer in &mut peers {
        for i in 0..MESSAGES {
            let (first, payload) = read_frame(peer);
            assert_eq!((first, &payload[..4]), (TEXT, format!("{i:04}").as_bytes()));
        }
    }
    writing.join().unwrap();
    // All are still open, and nothing else has come.
    reading.write_all(&frame(TEXT, b"end")).unwrap();
    for peer in &mut peers {
        assert_eq!(read_frame(peer), (TEXT, b"end".to_vec()));
    }
}

#[test]
fn what_a_task_sends_faster_than_the_worker_comes_by_arrives_whatever_the_policy() {
    for policy in [Policy::Close, Policy::Drop, Policy::Wait] {
        let server = Running::start(Builder::new(), Sink);
        let mut peer = handshake(server.addr);
        let id = server.last().id();
        let hub = server.hub.with_policy(policy);
        let sending = std::thread::spawn(move || {
            for i in 0..300 {
                hub.send_to(id, format!("{i:04}{}", "x".repeat(1000)).as_str()).unwrap();
            }
        });
        for i in 0..300 {
            let (first, payload) = read_frame(&mut peer);
            assert_eq!((first, &payload[..4]), (TEXT, format!("{i:04}").as_bytes()), "{policy:?}");
        }
        sending.join().unwrap();
        assert_eq!(server.last().traffic().messages_dropped, 0);
    }
}

/// Asks for a time limit that is reached soon.
fn soon() -> Limits {
    Limits {
        ping_interval: Duration::from_secs(1),
        ping_timeout: Duration::from_secs(1),
        close_time: Duration::from_secs(1),
        ..Limits::default()
    }
}

/// Answers a number with so many kilobytes.
struct Kilobytes;

impl Handler for Kilobytes {
    fn message(&self, message: Message<'_>, context: &mut Context<'_>) {
        let n: usize = str::from_utf8(message.as_bytes()).unwrap().parse().unwrap();
        context.send(&vec![b'k'; n * 1024][..]);
    }
}

#[test]
fn a_peer_that_never_reads_is_gone_after_its_time_and_not_before() {
    let server = Running::start(Builder::new().limits(soon()), Kilobytes);
    let start = Instant::now();
    let mut peers: Vec<_> = (0..20).map(|_| narrow(server.addr)).collect();
    for peer in &mut peers {
        peer.write_all(&frame(TEXT, b"4000")).unwrap();
    }
    within(LIMIT, || server.hub.connections().is_empty());
    assert!(start.elapsed() >= Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!(server.hub.totals().opened, 20);
    // Nobody else is disturbed.
    harness::settle(&mut [handshake(server.addr)]);
}

#[test]
fn a_peer_that_reads_slowly_and_steadily_lives_though_no_pong_can_come() {
    const LEN: usize = 2_000 * 1024;
    let server = Running::start(Builder::new().limits(soon()), Kilobytes);
    let mut peer = narrow(server.addr);
    peer.write_all(&frame(TEXT, b"2000")).unwrap();
    let mut received = Vec::new();
    let (mut piece, start) = ([0; 16 * 1024], Instant::now());
    while received.len() < LEN + 10 {
        let n = peer.read(&mut piece).unwrap();
        assert_ne!(n, 0, "ended after {} bytes and {:?}", received.len(), start.elapsed());
        received.extend_from_slice(&piece[..n]);
        // 500 KB a second: four seconds, of which it is never silent for two.
        std::thread::sleep(Duration::from_micros(2 * n as u64));
    }
    assert_eq!(received[..10], [BINARY, 127, 0, 0, 0, 0, 0, 0x1f, 0x40, 0]);
    assert!(received[10..10 + LEN].iter().all(|byte| *byte == b'k'));
    peer.write_all(&frame(TEXT, b"1")).unwrap();
    let mut rest = received.split_off(10 + LEN).into_iter().collect::<Vec<u8>>();
    // Pings may stand between.
    while !rest.ends_with(&[b'k'; 1024]) {
        let n = peer.read(&mut piece).unwrap();
        assert_ne!(n, 0, "it was ended");
        rest.extend_from_slice(&piece[..n]);
    }
}

#[test]
fn what_was_accepted_before_a_close_reaches_a_peer_that_reads_longer_than_the_close_time() {
    const LEN: usize = 3_000 * 1024;
    let server = Running::start(Builder::new().limits(soon()), Sink);
    let mut peer = narrow(server.addr);
    let id = server.last().id();
    server.hub.send_to(id, &vec![b'k'; LEN][..]).unwrap();
    server.hub.close(id, CloseCode::NORMAL_CLOSURE).unwrap();
    let (mut n_all, mut piece, start) = (0, [0; 16 * 1024], Instant::now());
    while n_all < LEN + 10 {
        let room = piece.len().min(LEN + 10 - n_all);
        let n = peer.read(&mut piece[..room]).unwrap();
        assert_ne!(n, 0, "ended after {n_all} bytes and {:?}", start.elapsed());
        n_all += n;
        std::thread::sleep(Duration::from_micros(n as u64));
    }
    assert!(start.elapsed() > Duration::from_secs(2), "it was read too fast to tell");
    assert_eq!(read_frame(&mut peer), (CLOSE, b"\x03\xe8".to_vec()));
    peer.write_all(&frame(CLOSE, b"\x03\xe8")).unwrap();
    harness::ended(&mut peer);
    within(LIMIT, || server.hub.connections().is_empty());
}

#[test]
fn closing_ends_though_the_peer_goes_on_for_ever() {
    // Longer than the peer is silent for.
    let close_time = Duration::from_secs(2);
    let limits = Limits { close_time, close_limit: Duration::from_secs(3), ..soon() };
    let server = Running::start(Builder::new().limits(limits), Sink);
    let mut peer = handshake(server.addr);
    let start = Instant::now();
    server.hub.close(server.last().id(), CloseCode::NORMAL_CLOSURE).unwrap();
    while peer.write_all(&frame(TEXT, b"still here")).is_ok() {
        std::thread::sleep(Duration::from_millis(100));
        assert!(start.elapsed() < Duration::from_secs(30), "it was never ended");
    }
    within(LIMIT, || server.hub.connections().is_empty());
    assert!(start.elapsed() >= close_time, "{:?}", start.elapsed());
}

/// Answers each message with a megabyte, and counts.
#[derive(Clone, Default)]
struct Megabytes(Arc<AtomicUsize>, Arc<Mutex<Vec<Sent>>>);

impl Handler for Megabytes {
    fn message(&self, _message: Message<'_>, context: &mut Context<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
        let sent = context.send(&vec![0; 1 << 20][..]);
        self.1.lock().unwrap().push(sent);
    }
}

#[test]
fn the_handler_is_not_called_while_its_answers_pile_up_and_all_of_them_arrive() {
    const REQUESTS: usize = 500;
    let handler = Megabytes::default();
    let server = Running::start(Builder::new().threads(NonZero::<usize>::MIN), handler.clone());
    let mut peer = handshake(server.addr);
    peer.write_all(&frame(TEXT, b"?").repeat(REQUESTS)).unwrap();
    // Until it is called no more, though the server serves others.
    let mut other = [handshake(server.addr)];
    let (mut n, mut n_same) = (0, 0);
    while n_same < 10 {
        std::thread::sleep(Duration::from_millis(50));
        harness::settle(&mut other);
        let now = handler.0.load(Ordering::Relaxed);
        n_same = if now > 0 && now == n { n_same + 1 } else { 0 };
        n = now;
    }
    assert!((1..50).contains(&n), "{n} answers were made for nobody who reads");
    assert_eq!(handler.1.lock().unwrap().last(), Some(&Sent::Waits));
    for i in 0..REQUESTS {
        let (first, payload) = read_frame(&mut peer);
        assert_eq!((first, payload.len()), (BINARY, 1 << 20), "{i}");
    }
    assert_eq!(handler.0.load(Ordering::Relaxed), REQUESTS);
}

/// Sends the beginning of a message when it is asked for, and its end with the next message.
struct Fragments;

impl Handler for Fragments {
    fn message(&self, message: Message<'_>, context: &mut Context<'_>) {
        let sent = match message {
            Message::Text("begin") => context.send(Chunk::first("one ")),
            _ => context.send(Chunk::last("message")),
        };
        assert_eq!(sent, Sent::Taken);
    }
}

#[test]
fn what_others_send_waits_for_the_end_of_a_message_in_fragments() {
    let server = Running::start(Builder::new(), Fragments);
    let mut peer = handshake(server.addr);
    peer.write_all(&frame(TEXT, b"begin")).unwrap();
    assert_eq!(read_frame(&mut peer), (0x01, b"one ".to_vec()));
    server.hub.send_to_all("between");
    // A ping passes.
    peer.write_all(&frame(PING, b"?")).unwrap();
    assert_eq!(read_frame(&mut peer), (PONG, b"?".to_vec()));
    peer.write_all(&frame(TEXT, b"end")).unwrap();
    assert_eq!(read_frame(&mut peer), (0x80, b"message".to_vec()));
    assert_eq!(read_frame(&mut peer), (TEXT, b"between".to_vec()));
}

/// Sends to itself in both ways.
struct BothWays;

impl Handler for BothWays {
    fn message(&self, _message: Message<'_>, context: &mut Context<'_>) {
        context.hub().send_to(context.peer().id(), "first").unwrap();
        context.send("second");
        context.hub().send_to(context.peer().id(), "third").unwrap();
        context.send("fourth");
        context.hub().send_to(context.peer().id(), "fifth").unwrap();
    }
}

#[test]
fn what_is_sent_in_two_ways_arrives_in_the_order_of_the_calls() {
    let server = Running::start(Builder::new(), BothWays);
    let mut peer = handshake(server.addr);
    for _ in 0..3 {
        peer.write_all(&frame(TEXT, b"?").repeat(2)).unwrap();
        for _ in 0..2 {
            for wanted in ["first", "second", "third", "fourth", "fifth"] {
                assert_eq!(read_frame(&mut peer), (TEXT, wanted.into()));
            }
        }
    }
}

/// Panics at the opening, and notes how the connection ended.
#[derive(Clone, Default)]
struct Panics(Arc<Mutex<Vec<String>>>);

impl Handler for Panics {
    fn opened(&self, _context: &mut Context<'_>) {
        panic!("wanted by the test");
    }

    fn message(&self, _message: Message<'_>, _context: &mut Context<'_>) {}

    fn closed(&self, _peer: &Peer, closed: &Closed, _hub: &Hub) {
        self.0.lock().unwrap().push(closed.to_string());
    }
}

#[test]
fn a_handler_that_panics_at_the_opening_is_told_of_the_end() {
    let handler = Panics::default();
    let server = Running::start(Builder::new(), handler.clone());
    let mut socket = harness::tcp(server.addr);
    socket.write_all(harness::upgrade_request().as_bytes()).unwrap();
    assert_eq!(socket.read_to_end(&mut Vec::new()).unwrap(), 0);
    within(LIMIT, || !handler.0.lock().unwrap().is_empty());
    assert_eq!(*handler.0.lock().unwrap(), ["nobody serves it any more"]);
    assert!(server.hub.connections().is_empty());
}

#[test]
fn times_without_an_end_are_none() {
    let limits = Limits {
        close_time: Duration::MAX,
        close_limit: Duration::MAX,
        handshake_time: Duration::MAX,
        ping_interval: Duration::ZERO,
        ping_timeout: Duration::MAX,
        ..Limits::default()
    };
    let server = Running::start(Builder::new().limits(limits), Sink);
    let mut peer = handshake(server.addr);
    server.hub.close(server.last().id(), CloseCode::NORMAL_CLOSURE).unwrap();
    assert_eq!(read_frame(&mut peer), (CLOSE, b"\x03\xe8".to_vec()));
    peer.write_all(&frame(CLOSE, b"\x03\xe8")).unwrap();
    harness::ended(&mut peer);
    within(LIMIT, || server.hub.connections().is_empty());
}

#[test]
fn a_peer_that_sends_and_never_reads_holds_up_itself_alone() {
    let builder = Builder::new().threads(NonZero::<usize>::MIN);
    let server = Running::start(builder, wirelet_host::Echo);
    let (mut peer, mut other) = (narrow(server.addr), [handshake(server.addr)]);
    peer.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
    let flood = frame(BINARY, &vec![7; 50_000]);
    let n = harness::stuff(&mut peer, &flood, 64 << 20, || harness::settle(&mut other));
    // All that was sent comes back when it reads.
    for _ in 0..n / flood.len() {
        assert!(read_frame(&mut peer) == (BINARY, vec![7; 50_000]));
    }
}
