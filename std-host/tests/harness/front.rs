//! What may stand before a server: TLS, of another make than ours, or a Unix socket.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use wirelet_host::rustls;

use super::certificates::Issued;

/// Takes TLS off the connections to the address that it returns, and passes them on to `behind`.
pub(crate) fn tls(issued: &Issued, behind: SocketAddr) -> SocketAddr {
    each_by_tls(issued, move |stream| pass_on(stream, behind))
}

/// Passes on what `behind` sends through TLS, and ends TCP without `close_notify` when that ends.
pub(crate) fn cutting_tls(issued: &Issued, behind: SocketAddr) -> SocketAddr {
    each_by_tls(issued, move |stream| async move {
        let (mut from_client, mut to_client) = tokio::io::split(stream);
        let (mut from_server, mut to_server) =
            TcpStream::connect(behind).await.unwrap().into_split();
        tokio::select! {
            _ = tokio::io::copy(&mut from_client, &mut to_server) => {}
            _ = tokio::io::copy(&mut from_server, &mut to_client) => {}
        }
        // Whatever has been copied has been written as well.
    })
}

/// Takes TLS off each connection to the address that it returns, and does something with it.
fn each_by_tls<F: Future<Output = ()> + Send + 'static>(
    issued: &Issued,
    work: impl Fn(TlsStream<TcpStream>) -> F + Clone + Send + 'static,
) -> SocketAddr {
    let acceptor = TlsAcceptor::from(Arc::new(server_config(issued)));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    run(async move {
        listener.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let (acceptor, work) = (acceptor.clone(), work.clone());
            tokio::spawn(async move {
                // The client may find that it does not like the certificate.
                if let Ok(stream) = acceptor.accept(socket).await {
                    work(stream).await;
                }
            });
        }
    });
    addr
}

/// Passes the connections to a Unix socket on to `behind`.
#[cfg(unix)]
pub(crate) fn unix(path: &Path, behind: SocketAddr) {
    let listener = std::os::unix::net::UnixListener::bind(path).unwrap();
    run(async move {
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::UnixListener::from_std(listener).unwrap();
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            tokio::spawn(pass_on(socket, behind));
        }
    });
}

pub(crate) fn server_config(issued: &Issued) -> ServerConfig {
    let chain = CertificateDer::pem_file_iter(issued.chain()).unwrap().collect::<Result<_, _>>();
    let key = PrivateKeyDer::from_pem_file(issued.key()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    config.with_single_cert(chain.unwrap(), key).unwrap()
}

async fn pass_on(mut stream: impl AsyncRead + AsyncWrite + Unpin, behind: SocketAddr) {
    let mut server = TcpStream::connect(behind).await.unwrap();
    server.set_nodelay(true).unwrap();
    // Either end may break the connection as it likes.
    let _ = copy_bidirectional(&mut stream, &mut server).await;
}

/// Runs it beside the test, to whose end it goes on.
fn run(work: impl Future<Output = ()> + Send + 'static) {
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(work);
    });
}
