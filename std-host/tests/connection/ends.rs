//! Both ends of connections, and their bounds.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use crate::harness::opening::{accepted_with, read_request, upgrade_to};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use wirelet::CloseCode;
use wirelet_host::{
    Builder, Client, ClientOptions, Connection, Echo, Handler, Limits, OwnedMessage, Service,
};

pub(crate) const NORMAL: CloseCode = CloseCode::NORMAL_CLOSURE;

/// Without pings, and with short bounds.
pub(crate) fn limits() -> Limits {
    Limits { queue_bytes: 10_000, ping_interval: Duration::ZERO, ..Limits::default() }
}

pub(crate) fn options() -> ClientOptions {
    ClientOptions { queue_bytes: 10_000, message_bytes: 1 << 20, ..ClientOptions::default() }
}

pub(crate) fn request() -> http::request::Builder {
    upgrade_to("/path?query")
}

pub(crate) async fn serve<H: Handler>(
    service: &Service<H>,
    stream: impl AsyncRead + AsyncWrite + Send + 'static,
) -> Connection {
    let answered = service.answer(&request().body(()).unwrap(), None).await;
    answered.expect("it is accepted").1.connection(stream)
}

/// A server's connection; what its client writes and reads are raw bytes.
pub(crate) async fn server(limits: Limits, capacity: usize) -> (Connection, DuplexStream) {
    let (ours, theirs) = duplex(capacity);
    (serve(&Builder::new().limits(limits).service(Echo), ours).await, theirs)
}

/// Answers a client's request.
pub(crate) async fn accept(mut stream: impl AsyncRead + AsyncWrite + Unpin, fields: &str) {
    let head = accepted_with(&read_request(&mut stream).await, fields);
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
}

/// A client's connection over this stream.
pub(crate) async fn over(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    options: &ClientOptions,
) -> Connection {
    let client = Client::connect_over(stream, "ws://example.com/path", options);
    client.await.unwrap().into_connection()
}

/// A client's connection; what its server writes and reads are raw bytes.
pub(crate) async fn client(options: ClientOptions, capacity: usize) -> (Connection, DuplexStream) {
    let (ours, mut theirs) = duplex(capacity);
    let accepting = async {
        accept(&mut theirs, "").await;
    };
    let (connection, ()) = tokio::join!(over(ours, &options), accepting);
    (connection, theirs)
}

/// Both ends, with so many bytes between them.
pub(crate) async fn pair(capacity: usize) -> (Connection, Connection) {
    let (connection, theirs) = client(options(), capacity).await;
    (connection, serve(&Builder::new().limits(limits()).service(Echo), theirs).await)
}

/// Both ends, over TCP.
pub(crate) async fn tcp_pair() -> (Connection, Connection) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let connecting = TcpStream::connect(listener.local_addr().unwrap());
    let (ours, theirs) = tokio::join!(connecting, listener.accept());
    let mut theirs = theirs.unwrap().0;
    let (options, accepting) = (options(), accept(&mut theirs, ""));
    let (client, ()) = tokio::join!(over(ours.unwrap(), &options), accepting);
    (client, serve(&Builder::new().limits(limits()).service(Echo), theirs).await)
}

pub(crate) async fn next(connection: &mut Connection) -> OwnedMessage {
    connection.receive().await.expect("it goes on").unwrap()
}

pub(crate) fn bytes(len: usize) -> OwnedMessage {
    (0..=250).cycle().take(len).collect::<Vec<u8>>().into()
}

pub(crate) fn closed(code: CloseCode, reason: &'static str) -> OwnedMessage {
    OwnedMessage::Close { code: Some(code), reason: reason.into() }
}

/// Echoes to the end, which must be a good one.
pub(crate) async fn echo(mut connection: Connection) {
    while let Some(message) = connection.receive().await {
        let message = message.unwrap();
        if message.is_data() {
            connection.send(message).await.unwrap();
        }
    }
}

/// Polls once.
pub(crate) async fn once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}
