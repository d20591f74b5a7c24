//! What a client hears of a server that reads nothing, and what it asks nobody.

use std::io;
use std::net::TcpListener;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wirelet_host::{Client, ClientError, ClientOptions};

/// Has something to be read, and takes nothing.
struct Deaf(&'static [u8]);

impl AsyncRead for Deaf {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buf)
    }
}

impl AsyncWrite for Deaf {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn an_answer_is_heard_though_the_request_could_not_be_sent() {
    let options = ClientOptions::default();
    let busy = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nfull";
    let error = Client::connect_over(Deaf(busy), "ws://a/", &options).await.unwrap_err();
    let ClientError::Refused { status, why, .. } = &error else { panic!("{error}") };
    assert_eq!((status.get(), &**why), (503, "full"));
    // Without one, the error is that of writing.
    let error = Client::connect_over(Deaf(b""), "ws://a/", &options).await.unwrap_err();
    assert!(
        matches!(&error, ClientError::Io(why) if why.kind() == io::ErrorKind::BrokenPipe),
        "{error}"
    );
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_an_error_before_anybody_is_connected_to() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    for options in [
        ClientOptions { headers: vec![("a b".into(), "c".into())], ..ClientOptions::default() },
        ClientOptions {
            headers: vec![("a".into(), "b\r\nc: d".into())],
            ..ClientOptions::default()
        },
        ClientOptions { subprotocols: vec!["a,b".into()], ..ClientOptions::default() },
        ClientOptions { origin: Some("a\nb".into()), ..ClientOptions::default() },
        ClientOptions {
            headers: vec![("a".into(), "b".repeat(20_000))],
            ..ClientOptions::default()
        },
    ] {
        let error = Client::connect_with(&url, &options).await.unwrap_err();
        assert!(matches!(error, ClientError::Handshake(_)), "{error}");
    }
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
}
