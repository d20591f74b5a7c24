//! What breaks, which side is told what, and what is still handed out.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::ends::*;
use crate::harness::{CLOSE, PING, TEXT, frame};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};
use wirelet::{CloseCode, ProtocolError, SendError};
use wirelet_host::{Builder, ConnectionError, Echo, Limits, OwnedMessage};

/// Breaks when it is written to, and has something to be read nevertheless.
struct Broken<S> {
    stream: S,
    is_broken: bool,
}

impl<S: AsyncRead + Unpin> AsyncRead for Broken<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Broken<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_broken || bytes.ends_with(b"break") {
            self.is_broken = true;
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_come_is_handed_out_before_the_error_of_a_write() {
    let (ours, mut peer) = duplex(1000);
    let broken = Broken { stream: ours, is_broken: false };
    let mut connection = serve(&Builder::new().limits(limits()).service(Echo), broken).await;
    let sent = connection.send("break").await;
    assert!(sent.is_ok(), "it was taken over");
    assert!(matches!(connection.flush().await, Err(ConnectionError::Io(_))));
    assert!(matches!(connection.send("more").await, Err(ConnectionError::Io(_))));
    peer.write_all(&[frame(TEXT, b"1"), frame(PING, b"2"), frame(TEXT, b"3")].concat())
        .await
        .unwrap();
    assert_eq!(next(&mut connection).await, "1".into());
    assert_eq!(next(&mut connection).await, OwnedMessage::Ping("2".into()));
    assert_eq!(next(&mut connection).await, "3".into());
    match connection.receive().await {
        Some(Err(ConnectionError::Io(error))) => {
            assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        }
        other => panic!("{other:?}"),
    }
    assert!(connection.receive().await.is_none());
    assert!(matches!(connection.send("more").await, Err(ConnectionError::Closed)));
}

#[tokio::test(start_paused = true)]
async fn a_close_that_has_come_is_told_though_nothing_can_be_written() {
    let (ours, mut peer) = duplex(1000);
    let broken = Broken { stream: ours, is_broken: true };
    let mut connection = serve(&Builder::new().limits(limits()).service(Echo), broken).await;
    connection.send("lost").await.unwrap();
    peer.write_all(&[frame(TEXT, b"why?"), frame(CLOSE, b"\x03\xf0no")].concat()).await.unwrap();
    assert_eq!(next(&mut connection).await, "why?".into());
    assert_eq!(next(&mut connection).await, closed(CloseCode::POLICY_VIOLATION, "no"));
    assert!(connection.receive().await.is_none());
}

#[tokio::test]
async fn what_came_before_a_reset_of_tcp_is_handed_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let connecting = TcpStream::connect(listener.local_addr().unwrap());
    let (ours, theirs) = tokio::join!(connecting, listener.accept());
    let mut theirs = theirs.unwrap().0;
    let options = options();
    let (mut connection, ()) = tokio::join!(over(ours.unwrap(), &options), accept(&mut theirs, ""));
    theirs.write_all(b"\x81\x011\x81\x012\x81\x013").await.unwrap();
    // It has come before the reset does.
    assert_eq!(next(&mut connection).await, "1".into());
    crate::harness::reset(theirs.into_std().unwrap());
    sleep(Duration::from_millis(100)).await;
    // The reset is found by writing.
    let _ = connection.send(bytes(100)).await;
    assert_eq!(next(&mut connection).await, "2".into());
    assert_eq!(next(&mut connection).await, "3".into());
    let end = connection.receive().await;
    assert!(matches!(end, Some(Err(ConnectionError::Io(_)))), "{end:?}");
    assert!(connection.receive().await.is_none());
}

#[tokio::test]
async fn the_end_without_a_close_is_an_error_and_half_a_message_is_none() {
    let (mut connection, mut peer) = server(limits(), 1000).await;
    peer.write_all(&[&frame(TEXT, b"whole")[..], &frame(TEXT, b"half")[..8]].concat())
        .await
        .unwrap();
    drop(peer);
    assert_eq!(next(&mut connection).await, "whole".into());
    assert!(matches!(connection.receive().await, Some(Err(ConnectionError::Eof))));
    assert!(connection.receive().await.is_none());
}

#[tokio::test]
async fn a_message_can_be_answered_before_the_violation_behind_it_which_is_told_to_both() {
    let (mut connection, mut peer) = server(limits(), 1000).await;
    peer.write_all(&[&frame(TEXT, b"?")[..], b"\x81\x00"].concat()).await.unwrap();
    assert_eq!(next(&mut connection).await, "?".into());
    connection.send("!").await.unwrap();
    let end = connection.receive().await;
    let Some(Err(ConnectionError::Protocol(ProtocolError::Unmasked))) = end else {
        panic!("{end:?}")
    };
    let sent = connection.send("more").await;
    assert!(matches!(sent, Err(ConnectionError::Send(SendError::Closed))), "{sent:?}");
    // It ends its direction, and waits for the peer to do so.
    let ending = tokio::spawn(async move { connection.receive().await.is_none() });
    let mut received = Vec::new();
    peer.read_to_end(&mut received).await.unwrap();
    assert_eq!(received, b"\x81\x01!\x88\x02\x03\xea");
    assert!(!ending.is_finished());
    drop(peer);
    assert!(ending.await.unwrap());
}

/// How the owner of a half lets the close frame leave.
#[derive(Clone, Copy, Debug)]
enum Release {
    DropSend,
    DropReceive,
    Close,
    Reunite,
}

#[tokio::test]
async fn a_half_that_sends_is_waited_for_before_the_peer_is_told_of_its_violation() {
    use Release::{Close, DropReceive, DropSend, Reunite};
    for release in [DropSend, DropReceive, Close, Reunite] {
        let (connection, mut peer) = server(limits(), 1000).await;
        let (mut send, mut receive) = connection.split();
        let ping = frame(PING, b"");
        peer.write_all(&[&frame(TEXT, b"?")[..], b"\x81\x00", &ping].concat()).await.unwrap();
        assert_eq!(receive.receive().await.unwrap().unwrap(), "?".into());
        let end = receive.receive().await;
        assert!(matches!(end, Some(Err(ConnectionError::Protocol(_)))), "{end:?}");
        for answer in ["1", "2"] {
            send.send(answer).await.unwrap();
            let mut received = [0; 3];
            peer.read_exact(&mut received).await.unwrap();
            assert_eq!(received, [0x81, 1, answer.as_bytes()[0]]);
            assert!(once(receive.receive()).await.is_none(), "it is not over");
            assert!(once(peer.read(&mut [0])).await.is_none(), "told too early");
        }
        let mut kept = (None, None, None);
        match release {
            DropSend => {
                drop(send);
                kept.0 = Some(receive);
            }
            DropReceive => {
                drop(receive);
                let refused = send.send("more").await;
                assert!(
                    matches!(refused, Err(ConnectionError::Send(SendError::Closed))),
                    "{refused:?}"
                );
                kept.1 = Some(send);
            }
            Close => {
                send.close(CloseCode::GOING_AWAY).await.unwrap();
                kept = (Some(receive), Some(send), None);
            }
            Reunite => kept.2 = Some(receive.reunite(send).unwrap()),
        }
        // The code is that of the violation.
        let mut close = [0; 4];
        timeout(Duration::from_secs(2), peer.read_exact(&mut close)).await.unwrap().unwrap();
        assert_eq!(close, *b"\x88\x02\x03\xea", "{release:?}");
        drop(kept);
        let n = peer.read(&mut [0]).await.unwrap();
        assert_eq!(n, 0, "{release:?}: it is all");
    }
}

#[tokio::test]
async fn a_client_waits_for_its_half_that_sends_as_well() {
    let (connection, mut peer) = client(options(), 1000).await;
    let (mut send, mut receive) = connection.split();
    // Masked.
    peer.write_all(&[b"\x81\x01?", &frame(TEXT, b"!")[..]].concat()).await.unwrap();
    assert_eq!(receive.receive().await.unwrap().unwrap(), "?".into());
    assert!(matches!(receive.receive().await, Some(Err(ConnectionError::Protocol(_)))));
    send.send("!").await.unwrap();
    drop(send);
    let mut received = [0; 2 + 4 + 1 + 2 + 4 + 2];
    peer.read_exact(&mut received).await.unwrap();
    assert_eq!((received[0], received[7], received[8]), (0x81, CLOSE, 0x82));
    assert_eq!([received[13] ^ received[9], received[14] ^ received[10]], [0x03, 0xea]);
    drop(peer);
    assert!(receive.receive().await.is_none());
}

#[tokio::test]
async fn a_peer_that_leaves_behind_its_violation_is_not_waited_for() {
    let (connection, mut peer) = server(limits(), 1000).await;
    let (mut send, mut receive) = connection.split();
    peer.write_all(b"\x81\x00").await.unwrap();
    drop(peer);
    assert!(matches!(receive.receive().await, Some(Err(ConnectionError::Protocol(_)))));
    let end = timeout(Duration::from_secs(2), receive.receive()).await;
    assert!(end.expect("it waits").is_none());
    assert!(send.send("more").await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_half_that_sends_nothing_or_for_ever_is_waited_for_no_longer_than_the_close_time() {
    for (sends, reads) in [(false, true), (true, true), (true, false)] {
        let (connection, peer) = server(limits(), 1000).await;
        let (mut send, mut receive) = connection.split();
        let (mut read, mut write) = tokio::io::split(peer);
        write.write_all(b"\x81\x00").await.unwrap();
        let begin = Instant::now();
        assert!(matches!(receive.receive().await, Some(Err(ConnectionError::Protocol(_)))));
        let sending = tokio::spawn(async move {
            let mut n_sent = 0;
            while sends && send.send(bytes(500)).await.is_ok() {
                n_sent += 1;
                sleep(Duration::from_millis(10)).await;
            }
            (send, n_sent)
        });
        let reading = tokio::spawn(async move {
            let mut all = Vec::new();
            while reads && !all.ends_with(b"\x88\x02\x03\xea") {
                all.push(read.read_u8().await.unwrap());
            }
            (begin.elapsed().as_millis(), all.len(), read)
        });
        // It neither answers nor ends.
        assert!(receive.receive().await.is_none());
        let seconds = begin.elapsed().as_secs();
        assert!((10..=11).contains(&seconds), "{sends}, {reads}: {seconds}");
        let (_send, n_sent) = sending.await.unwrap();
        let (told_after, n_read, _read) = reading.await.unwrap();
        if reads {
            assert!((5_000..5_100).contains(&told_after), "{sends}: {told_after} ms");
            assert_eq!(n_read, n_sent * 504 + 4);
        } else {
            // The bound, and what the stream itself takes.
            assert!((19..25).contains(&n_sent), "{n_sent}");
        }
        assert!(n_sent > 0 || !sends);
    }
}

#[tokio::test]
async fn a_message_that_is_too_long_is_told_to_both() {
    let limits = Limits { message_bytes: 100, ..limits() };
    let (mut connection, mut peer) = server(limits, 1000).await;
    peer.write_all(&frame(TEXT, &[b'a'; 101])).await.unwrap();
    assert!(matches!(connection.receive().await, Some(Err(ConnectionError::Capacity(_)))));
    let mut close = [0; 4];
    peer.read_exact(&mut close).await.unwrap();
    assert_eq!(close, *b"\x88\x02\x03\xf1");
}
