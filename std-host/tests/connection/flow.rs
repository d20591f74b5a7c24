//! Both directions at once, and what is bounded in each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::ends::*;
use crate::harness::{BINARY, PING, PONG, TEXT, frame};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::{sleep, timeout};
use wirelet::Close;
use wirelet_host::{Builder, Client, Connection, Echo, OwnedMessage};

#[tokio::test]
async fn each_end_echoes_every_length_and_both_see_the_end() {
    for capacity in [1, 1000, 1 << 20] {
        for asks_client in [true, false] {
            let (client, server) = pair(capacity).await;
            let (mut asks, answers) = if asks_client { (client, server) } else { (server, client) };
            let echoing = tokio::spawn(echo(answers));
            for len in [0, 1, 125, 126, 9_000, 70_000] {
                if len > 1000 * capacity {
                    continue; // takes long
                }
                asks.send(bytes(len)).await.unwrap();
                assert!(next(&mut asks).await == bytes(len), "{len}, {capacity}");
            }
            asks.send("Grüße").await.unwrap();
            assert_eq!(next(&mut asks).await, "Grüße".into());
            asks.ping(b"?").await.unwrap();
            assert_eq!(next(&mut asks).await, OwnedMessage::Pong("?".into()));
            asks.close(Close::with_reason(NORMAL, "bye").unwrap()).await.unwrap();
            assert_eq!(next(&mut asks).await, closed(NORMAL, "bye"));
            assert!(asks.receive().await.is_none());
            assert!(asks.receive().await.is_none());
            echoing.await.unwrap();
        }
    }
}

/// Sends so many messages, receives as many, and closes.
async fn exchange(connection: Connection, n: usize, len: usize) {
    let (mut send, mut receive) = connection.split();
    let sending = tokio::spawn(async move {
        for _ in 0..n {
            send.send(bytes(len)).await.unwrap();
        }
        send
    });
    for i in 0..n {
        let message = receive.receive().await.expect("it goes on").unwrap();
        assert!(message == bytes(len), "{i}");
    }
    let send = sending.await.unwrap();
    receive.reunite(send).unwrap().finish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_ends_send_all_they_have_and_neither_stands_still() {
    for over_tcp in [false, true] {
        for (n, len) in [(5_000, 100), (100, 60_000), (3, 1_000_000)] {
            let (client, server) = if over_tcp { tcp_pair().await } else { pair(1000).await };
            let client = tokio::spawn(exchange(client, n, len));
            let server = tokio::spawn(exchange(server, n, len));
            let both = async { (client.await.unwrap(), server.await.unwrap()) };
            timeout(Duration::from_secs(120), both).await.expect("they stand still");
        }
    }
}

#[tokio::test]
async fn one_task_that_looks_for_room_does_not_stand_still_either() {
    let (ours, mut theirs) = duplex(1000);
    let options = options();
    let connecting = Client::connect_over(ours, "ws://example.com/", &options);
    let (client, ()) = tokio::join!(connecting, accept(&mut theirs, ""));
    let mut client = client.unwrap();
    let mut server = serve(&Builder::new().limits(limits()).service(Echo), theirs).await;
    // It reads nothing before it has sent all.
    tokio::spawn(async move {
        for _ in 0..500 {
            server.send(bytes(10_000)).await.unwrap();
        }
        server.flush().await.unwrap();
        echo(server).await;
    });
    let (mut n_sent, mut n_received) = (0, 0);
    let talk = async {
        while n_received < 1000 {
            while n_sent < 500 && client.has_room() {
                client.feed(&[0; 10_000]).unwrap();
                n_sent += 1;
            }
            let received = if n_sent < 500 {
                client.receive_or_room().await.unwrap()
            } else {
                Some(client.receive().await.unwrap())
            };
            n_received += usize::from(received.is_some());
        }
    };
    timeout(Duration::from_secs(120), talk).await.expect("it stands still");
}

#[tokio::test]
async fn what_is_received_is_handed_out_before_what_was_sent_has_left() {
    let (mut connection, mut peer) = server(limits(), 1000).await;
    connection.send(bytes(50_000)).await.unwrap();
    peer.write_all(&frame(TEXT, b"meanwhile")).await.unwrap();
    assert_eq!(next(&mut connection).await, "meanwhile".into());
}

#[tokio::test]
async fn a_ping_is_answered_while_a_send_waits_and_nobody_receives() {
    let (mut connection, mut peer) = server(limits(), 1000).await;
    let sending = tokio::spawn(async move {
        connection.send(bytes(50_000)).await.unwrap();
        connection.flush().await.unwrap();
        connection
    });
    peer.write_all(&frame(PING, b"alive?")).await.unwrap();
    // Behind the message, as that has begun to leave.
    let mut received = vec![0; 4 + 50_000 + 2 + 6];
    peer.read_exact(&mut received).await.unwrap();
    assert_eq!(received[4 + 50_000..], *b"\x8a\x06alive?");
    // It is shown nevertheless.
    let mut connection = sending.await.unwrap();
    assert_eq!(next(&mut connection).await, OwnedMessage::Ping("alive?".into()));
}

#[tokio::test]
async fn nothing_of_a_message_whose_send_was_dropped_is_sent_and_nothing_else_is_lost() {
    let (mut client, server) = pair(1000).await;
    let echoing = tokio::spawn(echo(server));
    let (mut n_given_up, mut wanted, mut received) = (0, Vec::new(), Vec::new());
    for i in 0..2_000_usize {
        let message = bytes(i * 37 % 15_000);
        match once(client.send(message.clone())).await {
            Some(sent) => {
                sent.unwrap();
                wanted.push(message);
            }
            None => n_given_up += 1,
        }
        if let Some(message) = once(client.receive()).await {
            received.push(message.unwrap().unwrap());
        }
        tokio::task::yield_now().await;
    }
    assert!(n_given_up > 100 && wanted.len() > 100, "{n_given_up}, {}", wanted.len());
    client.close(NORMAL).await.unwrap();
    while let Some(message) = client.receive().await {
        received.push(message.unwrap());
    }
    assert_eq!(received.pop(), Some(closed(NORMAL, "")));
    assert!(received == wanted);
    echoing.await.unwrap();
}

#[tokio::test]
async fn what_waits_for_a_peer_that_does_not_read_is_bounded() {
    for (mut connection, _peer) in [server(limits(), 1000).await, client(options(), 1000).await] {
        let mut n_sent = 0;
        while let Some(sent) = once(connection.send(bytes(100))).await {
            sent.unwrap();
            n_sent += 100;
        }
        assert!((9_000..12_000).contains(&n_sent), "{n_sent}");
        assert!(once(connection.flush()).await.is_none());
    }
}

/// Writes frames one by one; returns how many were written wholly, and the rest of the work.
fn write_all_frames(
    mut write: tokio::io::WriteHalf<DuplexStream>,
    frames: impl Iterator<Item = Vec<u8>> + Send + 'static,
) -> (Arc<AtomicUsize>, tokio::task::JoinHandle<()>) {
    let n_written = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&n_written);
    let writing = tokio::spawn(async move {
        for frame in frames {
            write.write_all(&frame).await.unwrap();
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    (n_written, writing)
}

/// Waits until a number grows no more; returns it. The clock, which must be paused, moves when nobody has
/// anything to do.
async fn settled(n: &AtomicUsize) -> usize {
    let mut last = usize::MAX;
    while last != n.load(Ordering::Relaxed) {
        last = n.load(Ordering::Relaxed);
        sleep(Duration::from_millis(200)).await;
    }
    last
}

#[tokio::test(start_paused = true)]
async fn what_has_come_and_is_not_received_is_bounded() {
    let (mut connection, peer) = server(limits(), 1000).await;
    let (mut read, write) = tokio::io::split(peer);
    connection.send(bytes(50_000)).await.unwrap();
    // It waits, so it reads ahead.
    let flushing = tokio::spawn(async move {
        connection.flush().await.unwrap();
        connection
    });
    let (n_written, writing) = write_all_frames(write, (0..1000).map(|_| frame(BINARY, &[0; 94])));
    // Each takes somewhat more than its payload.
    let n = settled(&n_written).await;
    assert!((30..120).contains(&n), "{n}");
    // And what has come is there.
    read.read_exact(&mut vec![0; 50_004]).await.unwrap();
    let mut connection = flushing.await.unwrap();
    for _ in 0..1000 {
        assert_eq!(next(&mut connection).await, vec![0; 94].into());
    }
    writing.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_pings_and_does_not_read_is_read_no_more_until_it_does() {
    let (mut connection, peer) = server(limits(), 1000).await;
    let (mut read, write) = tokio::io::split(peer);
    let receiving = tokio::spawn(async move {
        for i in 0..5_000_u32 {
            let payload = i.to_be_bytes().to_vec();
            assert_eq!(next(&mut connection).await, OwnedMessage::Ping(payload.into()));
        }
        connection.flush().await.unwrap();
    });
    let pings = (0..5_000_u32).map(|i| frame(PING, &i.to_be_bytes()));
    let (n_written, writing) = write_all_frames(write, pings);
    // The pongs of these take the bound of 10,000 bytes.
    let n = settled(&n_written).await;
    assert!((1_600..2_200).contains(&n), "{n}");
    // All are answered, in their order.
    for i in 0..5_000_u32 {
        let mut pong = [0; 6];
        read.read_exact(&mut pong).await.unwrap();
        assert_eq!(pong, [&[PONG, 4], &i.to_be_bytes()[..]].concat()[..]);
    }
    writing.await.unwrap();
    receiving.await.unwrap();
}
