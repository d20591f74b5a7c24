//! In a service and as a value among others: places, shutdown, descriptions, traits.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::ends::*;
use crate::harness::{CLOSE, frame};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf, duplex};
use wirelet::{CloseCode, SendError};
use wirelet_host::{
    Accept, Answer, Builder, ClientOptions, Connection, ConnectionError, Echo, Handler, Handshake,
    Limits, OwnedMessage, StatusCode,
};

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
