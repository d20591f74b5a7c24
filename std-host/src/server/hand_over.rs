//! Handing a connection over from a worker thread to a task.
#![cfg_attr(not(test), expect(dead_code, reason = "for a server with an async handler"))]

use std::io;

use crate::connection::bounds::Bounds;
use crate::connection::{Connection, Ties};
use crate::io::duplex::{BoxedDuplex, Duplex, TlsStream};
use crate::io::stream::Plain;
use crate::io::tls::Tls;
use crate::server::session::Accepted;

/// Makes a connection of a socket whose acceptance has been written, with what came behind the request.
/// The socket must be registered nowhere else; must be called inside of a tokio runtime, to which it
/// goes.
///
/// # Errors
///
/// The runtime does not take the socket.
pub(crate) fn connection(
    stream: Plain,
    tls: Option<Tls>,
    early: Vec<u8>,
    accepted: Accepted,
    bounds: Bounds,
    ties: Ties,
) -> io::Result<Connection> {
    let stream = match stream {
        Plain::Tcp(stream) => with_tls(tokio::net::TcpStream::from_std(stream.into())?, tls),
        #[cfg(unix)]
        Plain::Unix(stream) => with_tls(tokio::net::UnixStream::from_std(stream.into())?, tls),
    };
    Ok(Connection::accepted(stream, early, bounds, accepted.into_description(), ties))
}

fn with_tls(stream: impl Duplex + Unpin + 'static, tls: Option<Tls>) -> BoxedDuplex {
    match tls {
        Some(tls) => Box::pin(TlsStream::new(stream, tls)),
        None => Box::pin(stream),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{IoSlice, IoSliceMut, Read as _, Write as _};
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::client::{Client, ClientOptions};
    use crate::io::tls::certificates::Issued;
    use crate::io::tls::config::Certificates;
    use crate::server::answer::Accept;
    use crate::server::handshake;
    use crate::server::limits::Limits;

    /// Repeats what would block.
    fn wait<T>(mut work: impl FnMut() -> io::Result<T>) -> T {
        loop {
            match work() {
                Ok(value) => return value,
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Does what a worker does: the handshakes, without waiting for the socket.
    fn accept(
        mut socket: mio::net::TcpStream,
        mut tls: Option<Tls>,
    ) -> (Plain, Option<Tls>, Accepted) {
        let (mut head, mut buf) = (Vec::new(), [0; 1000]);
        while !head.ends_with(b"\r\n\r\n") {
            let n = wait(|| match &mut tls {
                None => socket.read(&mut buf),
                Some(tls) => tls.read(&mut socket, &mut [IoSliceMut::new(&mut buf)]),
            });
            assert_ne!(n, 0);
            head.extend_from_slice(&buf[..n]);
        }
        let (accept, mut out) = (Accept::new(), Vec::new());
        let path = handshake::accept(&head, &accept, &mut out).unwrap();
        let n = wait(|| match &mut tls {
            None => socket.write(&out),
            Some(tls) => tls.write(&mut socket, &[IoSlice::new(&out)]),
        });
        assert_eq!(n, out.len());
        (Plain::Tcp(socket), tls, Accepted::new(path, accept, None))
    }

    #[tokio::test]
    async fn a_socket_of_a_worker_goes_on_as_a_connection_in_a_task() {
        let issued = Issued::new();
        let certificates = Certificates::load(issued.chain(), issued.key()).unwrap();
        for tls in [None, Some(Tls::server(certificates.config()).unwrap())] {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let addr = listener.local_addr().unwrap();
            let scheme = if tls.is_some() { "wss" } else { "ws" };
            let accepting = tokio::task::spawn_blocking(move || {
                let (socket, _) = listener.accept().unwrap();
                socket.set_nonblocking(true).unwrap();
                accept(mio::net::TcpStream::from_std(socket), tls)
            });
            let serving = tokio::spawn(async move {
                let (stream, tls, accepted) = accepting.await.unwrap();
                // As if it had come with the request.
                let early = b"\x81\x85\0\0\0\0early".to_vec();
                let bounds = Bounds::from(&Limits::default());
                let ties = Ties::default();
                let connection = connection(stream, tls, early, accepted, bounds, ties);
                let mut connection = connection.unwrap();
                assert_eq!(connection.path(), "/path");
                while let Some(message) = connection.receive().await {
                    let message = message.unwrap();
                    if message.is_data() {
                        connection.send(message).await.unwrap();
                    }
                }
            });
            let options = ClientOptions { ca_files: vec![issued.ca()], ..ClientOptions::default() };
            let url = format!("{scheme}://{addr}/path");
            let client = Client::connect_with(&url, &options).await.unwrap();
            let mut client = client.into_connection();
            let text = "a".repeat(300_000);
            client.send(&*text).await.unwrap();
            for wanted in ["early", &text] {
                let received = client.receive().await.unwrap().unwrap();
                assert!(received.as_text() == Some(wanted), "{scheme}");
            }
            client.finish().await.unwrap();
            serving.await.unwrap();
        }
    }
}
