//! Connections as asynchronous values, in both roles.

mod harness;

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use harness::certificates::Issued;
use harness::opening::{accepted_with, read_request, upgrade_to};
use harness::{BINARY, CLOSE, PING, PONG, TEXT, frame};
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf, duplex,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};
use wirelet::{Close, CloseCode, ProtocolError, SendError};
use wirelet_host::{
    Accept, Answer, Builder, Client, ClientError, ClientOptions, Connection, ConnectionError, Echo,
    Handler, Handshake, Limits, OwnedMessage, Service, StatusCode,
};

const NORMAL: CloseCode = CloseCode::NORMAL_CLOSURE;

/// Without pings, and with short bounds.
fn limits() -> Limits {
    Limits { queue_bytes: 10_000, ping_interval: Duration::ZERO, ..Limits::default() }
}

fn options() -> ClientOptions {
    ClientOptions { queue_bytes: 10_000, message_bytes: 1 << 20, ..ClientOptions::default() }
}

fn request() -> http::request::Builder {
    upgrade_to("/path?query")
}

async fn serve<H: Handler>(
    service: &Service<H>,
    stream: impl AsyncRead + AsyncWrite + Send + 'static,
) -> Connection {
    let answered = service.answer(&request().body(()).unwrap(), None).await;
    answered.expect("it is accepted").1.connection(stream)
}

/// A server's connection; what its client writes and reads are raw bytes.
async fn server(limits: Limits, capacity: usize) -> (Connection, DuplexStream) {
    let (ours, theirs) = duplex(capacity);
    (serve(&Builder::new().limits(limits).service(Echo), ours).await, theirs)
}

/// Answers a client's request.
async fn accept(mut stream: impl AsyncRead + AsyncWrite + Unpin, fields: &str) {
    let head = accepted_with(&read_request(&mut stream).await, fields);
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
}

/// A client's connection over this stream.
async fn over(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    options: &ClientOptions,
) -> Connection {
    let client = Client::connect_over(stream, "ws://example.com/path", options);
    client.await.unwrap().into_connection()
}

/// A client's connection; what its server writes and reads are raw bytes.
async fn client(options: ClientOptions, capacity: usize) -> (Connection, DuplexStream) {
    let (ours, mut theirs) = duplex(capacity);
    let accepting = async {
        accept(&mut theirs, "").await;
    };
    let (connection, ()) = tokio::join!(over(ours, &options), accepting);
    (connection, theirs)
}

/// Both ends, with so many bytes between them.
async fn pair(capacity: usize) -> (Connection, Connection) {
    let (connection, theirs) = client(options(), capacity).await;
    (connection, serve(&Builder::new().limits(limits()).service(Echo), theirs).await)
}

/// Both ends, over TCP.
async fn tcp_pair() -> (Connection, Connection) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let connecting = TcpStream::connect(listener.local_addr().unwrap());
    let (ours, theirs) = tokio::join!(connecting, listener.accept());
    let mut theirs = theirs.unwrap().0;
    let (options, accepting) = (options(), accept(&mut theirs, ""));
    let (client, ()) = tokio::join!(over(ours.unwrap(), &options), accepting);
    (client, serve(&Builder::new().limits(limits()).service(Echo), theirs).await)
}

async fn next(connection: &mut Connection) -> OwnedMessage {
    connection.receive().await.expect("it goes on").unwrap()
}

fn bytes(len: usize) -> OwnedMessage {
    (0..=250).cycle().take(len).collect::<Vec<u8>>().into()
}

fn closed(code: CloseCode, reason: &'static str) -> OwnedMessage {
    OwnedMessage::Close { code: Some(code), reason: reason.into() }
}

/// Echoes to the end, which must be a good one.
async fn echo(mut connection: Connection) {
    while let Some(message) = connection.receive().await {
        let message = message.unwrap();
        if message.is_data() {
            connection.send(message).await.unwrap();
        }
    }
}

/// Polls once.
async fn once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

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
    harness::reset(theirs.into_std().unwrap());
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
    let config = harness::front::server_config(&issued);
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

#[tokio::test]
async fn a_service_that_shuts_down_closes_its_connections_also_those_that_wait() {
    let service = Builder::new().limits(limits()).service(Echo);
    let (ours, theirs) = duplex(1000);
    let mut connection = serve(&service, ours).await;
    let (end, begun) =
        (tokio::spawn(async move { connection.receive().await }), service.shutdown());
    tokio::task::yield_now().await;
    begun.begin();
    let mut theirs = theirs;
    let mut close = [0; 4];
    theirs.read_exact(&mut close).await.unwrap();
    assert_eq!(close, *b"\x88\x02\x03\xe9");
    theirs.write_all(&frame(CLOSE, b"\x03\xe9")).await.unwrap();
    let end = end.await.unwrap().unwrap().unwrap();
    assert_eq!(end, closed(CloseCode::GOING_AWAY, ""));
}

#[tokio::test]
async fn a_connection_has_a_place_among_those_that_the_limit_allows() {
    let limits = Limits { connections: 1, ..limits() };
    let service = Builder::new().limits(limits).service(Echo);
    let (ours, _theirs) = duplex(1000);
    let connection = serve(&service, ours).await;
    let (send, receive) = connection.split();
    let asked = request().body(()).unwrap();
    let refused = service.answer(&asked, None).await.unwrap_err();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    drop(send);
    assert!(service.answer(&asked, None).await.is_err());
    drop(receive);
    assert!(service.answer(&asked, None).await.is_ok());
}

struct Chooses;

impl Handler for Chooses {
    fn handshake(&self, _: &Handshake<'_>) -> Answer {
        Accept::new().with_subprotocol(Some("chat")).with_data(7_u32).into()
    }

    fn message(&self, _: wirelet::Message<'_>, _: &mut wirelet_host::Context<'_>) {}
}

#[tokio::test]
async fn each_end_is_described() {
    let request = request().header("Sec-WebSocket-Protocol", "chat").body(()).unwrap();
    let service = Builder::new().service(Chooses);
    let remote_addr = Some("192.0.2.1:5".parse().unwrap());
    let (_, upgrade) = service.answer(&request, remote_addr).await.unwrap();
    let connection = upgrade.connection(duplex(100).0);
    assert_eq!((connection.path(), connection.subprotocol()), ("/path", Some("chat")));
    assert_eq!(connection.remote_addr(), remote_addr);
    assert_eq!((connection.data::<u32>(), connection.data::<u64>()), (Some(&7), None));

    let (ours, mut theirs) = duplex(1000);
    let options = ClientOptions { subprotocols: vec!["chat".into()], ..options() };
    let fields = "Sec-WebSocket-Protocol: chat\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n";
    let (connection, ()) = tokio::join!(over(ours, &options), accept(&mut theirs, fields));
    assert_eq!((connection.path(), connection.subprotocol()), ("/path", Some("chat")));
    let cookies: Vec<_> = connection.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
}

#[tokio::test]
async fn it_is_a_stream_and_a_sink() {
    let (mut client, server) = pair(1000).await;
    let (sink, stream) = Connection::split(server);
    let echoing = stream
        .filter(|message| std::future::ready(!matches!(message, Ok(OwnedMessage::Close { .. }))))
        .forward(sink);
    let echoing = tokio::spawn(echoing);
    for i in 0..100 {
        client.feed(bytes(i * 50)).await.unwrap();
    }
    SinkExt::flush(&mut client).await.unwrap();
    for i in 0..100 {
        assert_eq!(StreamExt::next(&mut client).await.unwrap().unwrap(), bytes(i * 50));
    }
    SinkExt::close(&mut client).await.unwrap();
    assert_eq!(next(&mut client).await, closed(NORMAL, ""));
    // The sink was closed already, by the answer to the close.
    let (end, _) = tokio::join!(client.receive(), echoing);
    assert!(end.is_none());
}

#[tokio::test]
async fn what_must_not_be_sent_is_refused_and_the_connection_goes_on() {
    let (mut client, server) = pair(1000).await;
    let echoing = tokio::spawn(echo(server));
    let refused = client.ping(&[0; 126]).await;
    assert!(matches!(refused, Err(ConnectionError::Send(SendError::ControlTooLong))));
    let reason = "x".repeat(124).into();
    let refused = client.send(OwnedMessage::Close { code: Some(NORMAL), reason }).await;
    assert!(matches!(refused, Err(ConnectionError::Send(SendError::ControlTooLong))));
    client.send("fine").await.unwrap();
    assert_eq!(next(&mut client).await, "fine".into());
    client.finish().await.unwrap();
    echoing.await.unwrap();
}

/// A byte stream in the messages of a connection.
struct Tunnel {
    connection: Connection,
    received: bytes::Bytes,
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.received.is_empty() {
            match std::task::ready!(self.connection.poll_next_unpin(context)) {
                Some(Ok(OwnedMessage::Binary(bytes))) => self.received = bytes,
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                None => return Poll::Ready(Ok(())),
            }
        }
        let n = buf.remaining().min(self.received.len());
        buf.put_slice(&self.received.split_to(n));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        std::task::ready!(self.connection.poll_ready_unpin(context)).map_err(io::Error::other)?;
        self.connection.start_send_unpin(bytes.into()).map_err(io::Error::other)?;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection.poll_flush_unpin(context).map_err(io::Error::other)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection.poll_close_unpin(context).map_err(io::Error::other)
    }
}

#[tokio::test]
async fn connections_are_made_of_connections_and_a_service_serves_inside_of_one() {
    let (client, server) = pair(1000).await;
    let tunnel = |connection| Tunnel { connection, received: bytes::Bytes::new() };
    let (ours, mut theirs) = (tunnel(client), tunnel(server));
    let options = options();
    let (mut inner, ()) = tokio::join!(over(ours, &options), accept(&mut theirs, ""));
    let service = Builder::new().limits(limits()).service(Echo);
    let answered = service.answer(&request().body(()).unwrap(), None).await;
    let serving = tokio::spawn(answered.unwrap().1.serve(theirs));
    for len in [0, 125, 70_000] {
        inner.send(bytes(len)).await.unwrap();
        assert!(next(&mut inner).await == bytes(len));
    }
    inner.finish().await.unwrap();
    serving.await.unwrap();
}
