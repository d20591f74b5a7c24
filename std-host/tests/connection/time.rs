//! Who is alive, who is slow, and how long a closing takes.

use std::sync::Arc;
use std::time::Duration;

use crate::ends::*;
use crate::harness::certificates::Issued;
use crate::harness::{CLOSE, PING, PONG, frame};
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, duplex,
};
use tokio::time::{Instant, sleep, timeout};
use wirelet_host::{Client, ClientError, ClientOptions, ConnectionError, Limits, OwnedMessage};

/// Reads so many bytes a second; returns how many there were to the end.
async fn read_slowly(mut peer: DuplexStream, step: usize) -> usize {
    let (mut n_all, mut buf) = (0, vec![0; step]);
    loop {
        match peer.read(&mut buf).await.unwrap() {
            0 => return n_all,
            n => n_all += n,
        }
        sleep(Duration::from_secs(1)).await;
    }
}

fn pinging() -> Limits {
    Limits {
        ping_interval: Duration::from_secs(10),
        ping_timeout: Duration::from_secs(5),
        ..limits()
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_only_reads_and_slowly_is_alive() {
    let (mut connection, peer) = server(pinging(), 1000).await;
    let reading = tokio::spawn(read_slowly(peer, 1000));
    let begin = Instant::now();
    connection.send(bytes(100_000)).await.unwrap();
    let end = timeout(Duration::from_secs(99), connection.receive()).await;
    assert!(end.is_err(), "{end:?} after {:?}", begin.elapsed());
    connection.flush().await.unwrap();
    drop(connection);
    assert!(reading.await.unwrap() >= 100_004);
}

/// Passes bytes on from one stream to another, so many a second and in one direction.
async fn pass_slowly(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    step: usize,
) {
    let mut buf = vec![0; step];
    while let Ok(n @ 1..) = from.read(&mut buf).await {
        if to.write_all(&buf[..n]).await.is_err() {
            return;
        }
        sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_of_tls_that_leaves_slowly_is_a_sign_of_life() {
    let issued = Issued::new();
    let config = crate::harness::front::server_config(&issued);
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let ((ours, near), (far, theirs)) = (duplex(1000), duplex(1_000_000));
    let (from_us, to_us) = tokio::io::split(near);
    let (from_them, to_them) = tokio::io::split(far);
    tokio::spawn(pass_slowly(from_us, to_them, 1000));
    tokio::spawn(pass_slowly(from_them, to_us, 1_000_000));
    let options = ClientOptions {
        ca_files: vec![issued.ca()],
        keepalive: Some(Duration::from_secs(5)),
        handshake_time: Duration::from_secs(100),
        ..options()
    };
    let accepting = async {
        let mut stream = acceptor.accept(theirs).await.unwrap();
        accept(&mut stream, "").await;
        stream
    };
    let connecting = Client::connect_over(ours, "wss://localhost/", &options);
    let (client, mut stream) = tokio::join!(connecting, accepting);
    let mut client = client.unwrap();
    // A record takes 16 s, and the client allows 10.
    let reading = tokio::spawn(async move {
        let mut received = vec![0; 100_000];
        stream.read_exact(&mut received).await.unwrap();
        stream
    });
    client.send(&*vec![0; 100_000]).await.unwrap();
    let silence = timeout(Duration::from_secs(60), client.receive());
    let (end, stream) = tokio::join!(silence, reading);
    drop(stream.unwrap());
    // It answers no ping, once it has read all.
    assert!(matches!(end, Ok(Err(ClientError::TimedOut))), "{end:?}");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_neither_reads_nor_speaks_ends_in_time_whatever_is_waited_for() {
    for sends in [0, 100, 50_000] {
        for receives in [true, false] {
            let (mut connection, _peer) = server(pinging(), 1000).await;
            let begin = Instant::now();
            connection.send(bytes(sends)).await.unwrap();
            if receives || sends < 1000 {
                let end = connection.receive().await;
                assert!(matches!(end, Some(Err(ConnectionError::TimedOut))), "{end:?}");
            } else {
                assert!(matches!(connection.flush().await, Err(ConnectionError::Closed)));
            }
            let seconds = begin.elapsed().as_secs();
            assert!((14..=16).contains(&seconds), "{sends}: {seconds}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_pings_is_kept_and_without_an_interval_there_are_none() {
    for (limits, n_wanted) in [(pinging(), 10..=10), (limits(), 0..=0)] {
        let (mut connection, mut peer) = server(limits, 1000).await;
        let answering = tokio::spawn(async move {
            let (mut n, mut ping) = (0, [0; 2]);
            while peer.read_exact(&mut ping).await.is_ok() && ping == [PING, 0] {
                n += 1;
                peer.write_all(&frame(PONG, b"")).await.unwrap();
            }
            n
        });
        let receive = async {
            loop {
                assert_eq!(next(&mut connection).await, OwnedMessage::Pong("".into()));
            }
        };
        timeout(Duration::from_secs(105), receive).await.unwrap_err();
        drop(connection);
        let n = answering.await.unwrap();
        assert!(n_wanted.contains(&n), "{n}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_before_the_close_is_delivered_to_a_peer_that_reads_however_slowly() {
    // Ten times as long as the time to close.
    let (mut connection, peer) = server(limits(), 1000).await;
    let reading = tokio::spawn(read_slowly(peer, 1000));
    connection.send(bytes(50_000)).await.unwrap();
    connection.close(NORMAL).await.unwrap();
    assert!(!reading.is_finished());
    // It never answers, but for the end of TCP.
    let end = connection.receive().await;
    assert!(matches!(end, Some(Err(ConnectionError::TimedOut))), "{end:?}");
    drop(connection);
    assert_eq!(reading.await.unwrap(), 50_004 + 4);
}

#[tokio::test(start_paused = true)]
async fn a_close_has_its_time_from_the_last_progress_and_another_in_all() {
    for (step, wanted) in [(None, 5..=6), (Some(100), 120..=121)] {
        let (mut connection, peer) = server(limits(), 1000).await;
        connection.send(bytes(50_000)).await.unwrap();
        let begin = Instant::now();
        let mut kept = None;
        match step {
            Some(step) => drop(tokio::spawn(read_slowly(peer, step))),
            None => kept = Some(peer),
        }
        let (mut send, mut receive) = connection.split();
        let closing = tokio::spawn(async move { send.close(NORMAL).await });
        let end = receive.receive().await;
        assert!(matches!(end, Some(Err(ConnectionError::TimedOut))), "{end:?}");
        let seconds = begin.elapsed().as_secs();
        assert!(wanted.contains(&seconds), "{step:?}: {seconds}");
        assert!(receive.receive().await.is_none());
        assert!(closing.await.unwrap().is_err());
        drop(kept);
    }
}

#[tokio::test(start_paused = true)]
async fn a_time_without_end_is_one() {
    let limits = Limits {
        close_time: Duration::MAX,
        close_limit: Duration::MAX,
        ping_interval: Duration::MAX,
        ping_timeout: Duration::MAX,
        ..limits()
    };
    let (mut connection, _peer) = server(limits, 1000).await;
    connection.close(NORMAL).await.unwrap();
    let end = timeout(Duration::from_secs(1_000_000), connection.receive()).await;
    assert!(end.is_err(), "{end:?}");
}

#[tokio::test(start_paused = true)]
async fn the_server_ends_tcp_first_and_the_client_waits_for_that() {
    let (mut connection, mut peer) = client(options(), 1000).await;
    peer.write_all(b"\x88\x02\x03\xe8").await.unwrap();
    assert_eq!(next(&mut connection).await, closed(NORMAL, ""));
    // The answer has left by itself.
    let mut close = [0; 8];
    peer.read_exact(&mut close).await.unwrap();
    assert_eq!(close[..2], [CLOSE, 0x82]);
    assert!(once(connection.receive()).await.is_none());
    assert!(once(peer.read(&mut [0])).await.is_none(), "the client ends first");
    peer.shutdown().await.unwrap();
    assert!(connection.receive().await.is_none());
    // One that never does is not waited for beyond its time.
    let (mut connection, mut peer) = client(options(), 1000).await;
    peer.write_all(b"\x88\x00").await.unwrap();
    assert_eq!(next(&mut connection).await, OwnedMessage::Close { code: None, reason: "".into() });
    let begin = Instant::now();
    assert!(connection.receive().await.is_none());
    assert_eq!(begin.elapsed().as_secs(), 5);
}
