//! Ids, topics, policies and what is known of connections, by the public API.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use wirelet::{Close, CloseCode, Message};
use wirelet_host::{
    Builder, Client, ConnectionId, Context, DeliveryError, Echo, Handler, Hub, Limits,
    OwnedMessage, Policy, Sender, Server, Shutdown, Sink, Status,
};

/// How long anything may take that has to come.
const LIMIT: Duration = Duration::from_secs(60);

/// A server that runs until it goes.
struct Running {
    url: String,
    hub: Hub,
    shutdown: Shutdown,
}

impl Running {
    async fn start(builder: Builder, handler: impl Handler) -> Self {
        let server = builder.listen("127.0.0.1:0").bind(handler).await.unwrap();
        let (url, hub, shutdown) = (server.url(), server.hub(), server.shutdown());
        tokio::spawn(server.run());
        Self { url, hub, shutdown }
    }

    /// Connects; returns the id too.
    async fn connect(&self) -> (Client, ConnectionId) {
        let client = Client::connect(&self.url).await.unwrap();
        let id = self.hub.connections().last().unwrap().id();
        (client, id)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.begin();
    }
}

async fn next(client: &mut Client) -> OwnedMessage {
    timeout(LIMIT, client.receive()).await.expect("nothing comes").unwrap()
}

fn text(text: &str) -> OwnedMessage {
    OwnedMessage::Text(text.into())
}

/// Waits until it holds.
async fn until(mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LIMIT, waiting).await.expect("it does not come to hold");
}

#[tokio::test]
async fn a_message_reaches_the_connection_that_it_is_sent_to_and_no_other() {
    let server = Running::start(Builder::new(), Echo).await;
    let (mut first, first_id) = server.connect().await;
    let (mut second, second_id) = server.connect().await;
    server.hub.send_to(first_id, "to the first").unwrap();
    server.hub.send_to(second_id, &b"to the second"[..]).unwrap();
    assert_eq!(next(&mut first).await, text("to the first"));
    assert_eq!(next(&mut second).await, OwnedMessage::Binary("to the second".into()));
    assert_eq!(server.hub.except(first_id).send_to_all("to all but the first"), 1);
    assert_eq!(server.hub.send_to_all("to all"), 2);
    assert_eq!(next(&mut first).await, text("to all"));
    assert_eq!(next(&mut second).await, text("to all but the first"));
}

#[tokio::test]
async fn an_unknown_id_and_a_closed_connection_are_told_apart() {
    let server = Running::start(Builder::new(), Echo).await;
    let (mut client, id) = server.connect().await;
    let unknown = ConnectionId::from(u64::from(id) + 1);
    for unknown in [unknown, ConnectionId::from(0), ConnectionId::from(u64::MAX)] {
        assert_eq!(server.hub.send_to(unknown, "x"), Err(DeliveryError::Unknown));
        assert_eq!(
            server.hub.close(unknown, CloseCode::NORMAL_CLOSURE),
            Err(DeliveryError::Unknown)
        );
        assert_eq!(server.hub.info(unknown).unwrap_err(), DeliveryError::Unknown);
        assert_eq!(server.hub.subscribe(unknown, "x"), Err(DeliveryError::Unknown));
        assert_eq!(server.hub.deliver_to(unknown, "x").await, Err(DeliveryError::Unknown));
    }
    let peer = server.hub.info(id).unwrap();
    assert_eq!(peer.status(), Status::Open);

    let close = Close::with_reason(CloseCode::GOING_AWAY, "time is up").unwrap();
    server.hub.send_to(id, "before").unwrap();
    server.hub.close(id, close).unwrap();
    assert_eq!(server.hub.send_to(id, "behind"), Err(DeliveryError::Closed));
    assert_eq!(next(&mut client).await, text("before"));
    let (code, reason) = (Some(CloseCode::GOING_AWAY), "time is up".into());
    assert_eq!(next(&mut client).await, OwnedMessage::Close { code, reason });
    client.finish(LIMIT).await.unwrap();

    until(|| peer.status() == Status::Closed).await;
    assert_eq!(server.hub.send_to(id, "x"), Err(DeliveryError::Closed));
    assert_eq!(server.hub.close(id, CloseCode::NORMAL_CLOSURE), Err(DeliveryError::Closed));
    assert_eq!(server.hub.info(id).unwrap_err(), DeliveryError::Closed);
}

#[tokio::test]
async fn what_is_published_reaches_those_who_have_subscribed() {
    let server = Running::start(Builder::new(), Echo).await;
    let (mut both, both_id) = server.connect().await;
    let (mut one, one_id) = server.connect().await;
    let (mut none, _) = server.connect().await;
    let hub = &server.hub;
    assert_eq!(hub.publish("news", "nobody is there"), 0);
    assert_eq!(hub.subscribe(both_id, "news"), Ok(true));
    assert_eq!(hub.subscribe(both_id, "news"), Ok(false));
    assert_eq!(hub.subscribe(both_id, "sports"), Ok(true));
    assert_eq!(hub.subscribe(one_id, "news"), Ok(true));
    assert_eq!(hub.topics(both_id), [Arc::from("news"), Arc::from("sports")]);

    assert_eq!(hub.publish("news", "rain"), 2);
    assert_eq!(hub.publish("sports", "1:0"), 1);
    assert_eq!(hub.except(both_id).publish("news", "sun"), 1);
    assert!(hub.unsubscribe(both_id, "news"));
    assert!(!hub.unsubscribe(both_id, "news"));
    assert_eq!(hub.deliver("news", "snow").await, 1);
    hub.send_to_all("end");
    for message in ["rain", "1:0", "end"] {
        assert_eq!(next(&mut both).await, text(message));
    }
    for message in ["rain", "sun", "snow", "end"] {
        assert_eq!(next(&mut one).await, text(message));
    }
    assert_eq!(next(&mut none).await, text("end"));

    drop((both, one));
    until(|| hub.connections().len() == 1).await;
    assert_eq!(hub.publish("news", "x") + hub.publish("sports", "x"), 0);
    assert!(hub.topics(both_id).is_empty());
}

/// Subscribes every connection to its path, and publishes its messages there.
struct Rooms;

impl Handler for Rooms {
    fn opened(&self, context: &mut Context<'_>) {
        context.subscribe(context.peer().path());
    }

    fn message(&self, message: Message<'_>, context: &mut Context<'_>) {
        let peer = context.peer();
        context.hub().except(peer.id()).publish(peer.path(), message);
    }
}

#[tokio::test]
async fn rooms_are_four_lines() {
    let server = Running::start(Builder::new(), Rooms).await;
    let join = async |room| Client::connect(&format!("{}/{room}", server.url)).await.unwrap();
    let (mut ada, mut bob, mut eve) = (join("a").await, join("a").await, join("b").await);
    ada.send("hello").await.unwrap();
    assert_eq!(next(&mut bob).await, text("hello"));
    bob.send("hi").await.unwrap();
    assert_eq!(next(&mut ada).await, text("hi"));
    server.hub.send_to_all("end");
    assert_eq!(next(&mut eve).await, text("end"));
}

/// A peer that does not read, and so much for it that no buffer of the system takes it all.
async fn slow_peer(server: &Running) -> (Client, ConnectionId) {
    let (client, id) = server.connect().await;
    let block = vec![0; 1 << 20];
    // One message may be longer than the limit; what the socket does not take keeps the next ones
    // in the queue. For some time, as the system may yet find room.
    let hub = server.hub.with_policy(Policy::Drop);
    let mut n_full = 0;
    while n_full < 20 {
        tokio::time::sleep(Duration::from_millis(5)).await;
        n_full = if hub.send_to(id, &block[..]).is_ok() { 0 } else { n_full + 1 };
    }
    (client, id)
}

fn small_queue() -> Limits {
    Limits { queue_bytes: 4096, ..Limits::default() }
}

#[tokio::test]
async fn a_message_too_many_is_dropped_and_counted() {
    let server = Running::start(Builder::new().limits(small_queue()), Sink).await;
    let (mut client, id) = slow_peer(&server).await;
    let hub = server.hub.with_policy(Policy::Drop);
    let peer = hub.info(id).unwrap();
    let before = peer.traffic().messages_dropped;
    assert_eq!(hub.send_to(id, "dropped"), Err(DeliveryError::Full));
    assert_eq!(hub.send_to_all("dropped"), 0);
    assert_eq!(peer.traffic().messages_dropped, before + 2);
    assert_eq!(peer.status(), Status::Open);
    // All that was taken comes, and what is sent when there is room again.
    let n = tokio::spawn(async move {
        let mut n = 0;
        while next(&mut client).await != text("end") {
            n += 1;
        }
        n
    });
    hub.deliver_to(id, "end").await.unwrap();
    let n = n.await.unwrap();
    assert_eq!(peer.traffic().messages_sent, n + 1);
    assert_eq!(server.hub.totals().traffic.messages_dropped, before + 2);
}

#[tokio::test]
async fn who_reads_too_slowly_is_closed_by_default_and_the_others_go_on() {
    let server = Running::start(Builder::new().limits(small_queue()), Sink).await;
    let (mut slow, slow_id) = slow_peer(&server).await;
    let (mut other, _) = server.connect().await;
    assert_eq!(server.hub.send_to_all("news"), 1);
    assert_eq!(next(&mut other).await, text("news"));
    assert_eq!(server.hub.info(slow_id).unwrap().status(), Status::Closing);
    let end = loop {
        match next(&mut slow).await {
            OwnedMessage::Binary(block) => assert_eq!(block.len(), 1 << 20),
            end => break end,
        }
    };
    let code = Some(CloseCode::POLICY_VIOLATION);
    assert_eq!(end, OwnedMessage::Close { code, reason: "".into() });
}

#[tokio::test]
async fn a_delivery_waits_for_who_reads_slowly_and_a_dropped_one_sends_nothing() {
    let server = Running::start(Builder::new().limits(small_queue()), Sink).await;
    let (mut slow, slow_id) = slow_peer(&server).await;
    let (mut other, _) = server.connect().await;
    let waits = server.hub.deliver_to(slow_id, "never");
    assert!(timeout(Duration::from_millis(100), waits).await.is_err());

    let hub = server.hub.clone();
    let delivery = tokio::spawn(async move { hub.deliver_to_all("to all").await });
    assert_eq!(next(&mut other).await, text("to all"));
    assert!(!delivery.is_finished());
    loop {
        match next(&mut slow).await {
            OwnedMessage::Binary(_) => {}
            end => break assert_eq!(end, text("to all")),
        }
    }
    assert_eq!(delivery.await.unwrap(), 2);
}

#[tokio::test]
async fn a_delivery_to_a_peer_that_leaves_ends() {
    let server = Running::start(Builder::new().limits(small_queue()), Sink).await;
    let (slow, slow_id) = slow_peer(&server).await;
    let mut delivery = pin!(server.hub.deliver_to(slow_id, "too late"));
    let waiting = timeout(Duration::from_millis(100), &mut delivery).await;
    assert!(waiting.is_err(), "{waiting:?} before the peer has left");
    drop(slow);
    let result = timeout(LIMIT, delivery).await.unwrap();
    assert_eq!(result, Err(DeliveryError::Closed));
}

/// Sends every message to all others.
struct Others;

impl Handler for Others {
    fn message(&self, message: Message<'_>, context: &mut Context<'_>) {
        context.hub().except(context.peer().id()).send_to_all(message);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_policy_wait_a_slow_reader_holds_up_the_sender_and_nothing_is_lost() {
    const MESSAGES: u32 = 2000;
    const LEN: usize = 32 * 1024;
    let builder = Builder::new().limits(small_queue()).slow_peers(Policy::Wait);
    let server = Running::start(builder, Others).await;
    let (mut reader, reader_id) = server.connect().await;
    let (mut sender, _) = server.connect().await;
    let sending = tokio::spawn(async move {
        for i in 0..MESSAGES {
            let mut message = vec![0; LEN];
            message[..4].copy_from_slice(&i.to_be_bytes());
            sender.send(&message[..]).await.unwrap();
        }
        sender
    });
    // 64 MB do not fit into the buffers of four sockets; so it must come to wait.
    let peer = server.hub.info(reader_id).unwrap();
    let mut sent = 0;
    let mut still = 0;
    while still < 10 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = peer.traffic().messages_sent;
        still = if now > sent { 0 } else { still + 1 };
        sent = now;
    }
    assert!(!sending.is_finished(), "the sender was not held up");
    for i in 0..MESSAGES {
        match next(&mut reader).await {
            OwnedMessage::Binary(message) => assert_eq!(message[..4], i.to_be_bytes()),
            other => panic!("{other:?}"),
        }
    }
    drop(sending.await.unwrap());
    assert_eq!(peer.traffic().messages_dropped, 0);
}

#[tokio::test]
async fn a_connection_is_described() {
    let builder = Builder::new().history(3);
    let server = Running::start(builder, Echo).await;
    let mut client = Client::connect(&format!("{}/chat?x=y", server.url)).await.unwrap();
    let peer = server.hub.connections().pop().unwrap();
    assert_eq!(peer.path(), "/chat");
    assert_eq!(peer.subprotocol(), None);
    assert!(peer.remote_addr().unwrap().ip().is_loopback());
    assert!(peer.connected_at().elapsed().unwrap() < Duration::from_secs(60));
    assert!(peer.history().is_empty());

    client.send("first").await.unwrap();
    client.send(&[7; 300][..]).await.unwrap();
    next(&mut client).await;
    next(&mut client).await;
    server.hub.send_to(peer.id(), "from the hub").unwrap();
    next(&mut client).await;
    let history: Vec<_> = peer
        .history()
        .into_iter()
        .map(|record| (record.from, record.bytes, record.beginning.into_vec()))
        .collect();
    assert_eq!(
        history,
        [
            (Sender::Peer, 300, vec![7; 256]),
            (Sender::Server, 300, vec![7; 256]),
            (Sender::Server, 12, b"from the hub".to_vec()),
        ]
    );
    let traffic = peer.traffic();
    assert_eq!((traffic.messages_received, traffic.messages_sent), (2, 3));
    // Headers of 2 and 4 bytes, masking keys of 4 bytes, and the response, which has 129.
    assert_eq!((traffic.bytes_received, traffic.bytes_sent), (11 + 308, 129 + 7 + 304 + 14));

    let closed = (client.close(CloseCode::NORMAL_CLOSURE).await, next(&mut client).await);
    assert!(matches!(closed, (Ok(()), OwnedMessage::Close { .. })));
    until(|| server.hub.connections().is_empty()).await;
    let totals = server.hub.totals();
    assert_eq!((totals.open, totals.opened, totals.refused), (0, 1, 0));
    assert_eq!(totals.traffic.messages_sent, 3);
    assert_eq!(totals.traffic, peer.traffic());
}

#[tokio::test]
async fn a_server_that_ends_closes_behind_what_was_sent() {
    let server = Server::bind("127.0.0.1:0", Echo).await.unwrap();
    let (url, hub, shutdown) = (server.url(), server.hub(), server.shutdown());
    let running = tokio::spawn(server.run());
    let mut client = Client::connect(&url).await.unwrap();
    for i in 0..100 {
        assert_eq!(hub.send_to_all(format!("{i}").as_str()), 1);
    }
    shutdown.begin();
    assert_eq!(hub.send_to_all("too late"), 0);
    for i in 0..100 {
        assert_eq!(next(&mut client).await, text(&format!("{i}")));
    }
    let code = Some(CloseCode::GOING_AWAY);
    assert_eq!(next(&mut client).await, OwnedMessage::Close { code, reason: "".into() });
    client.finish(LIMIT).await.unwrap();
    timeout(LIMIT, running).await.unwrap().unwrap().unwrap();
}
