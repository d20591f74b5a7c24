//! TLS over a stream, with a server or a proxy.

#[cfg(feature = "tls")]
use std::io;

#[cfg(feature = "tls")]
use rustls::pki_types::ServerName;

use super::{ClientError, ClientOptions};
use crate::io::duplex::{BoxedDuplex, Transport};
#[cfg(feature = "tls")]
use crate::io::tls::Tls;
#[cfg(feature = "tls")]
use crate::io::tls::client::client_config;

#[cfg(not(feature = "tls"))]
pub(super) use with_tls as with_tls_to_proxy;

/// Refuses what would need TLS.
#[cfg(not(feature = "tls"))]
pub(super) async fn with_tls(
    _: BoxedDuplex,
    host: &str,
    _: &ClientOptions,
) -> Result<Transport, ClientError> {
    let why = format!("TLS to {host} needs the feature `tls` of wirelet-host");
    Err(ClientError::Url(why))
}

/// Begins TLS with a proxy, to which nothing is told that is for the server.
#[cfg(feature = "tls")]
pub(super) async fn with_tls_to_proxy(
    stream: BoxedDuplex,
    host: &str,
    options: &ClientOptions,
) -> Result<Transport, ClientError> {
    with_tls(stream, host, &options.for_proxy()).await
}

/// Begins TLS with a host; it goes on as the stream is read and written.
#[cfg(feature = "tls")]
pub(super) async fn with_tls(
    stream: BoxedDuplex,
    host: &str,
    options: &ClientOptions,
) -> Result<Transport, ClientError> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| ClientError::Url(format!("{host}: no name that a certificate can be for")))?;
    let config = if let Some(config) = &options.tls {
        config.clone()
    } else {
        // It reads files.
        let trust = options.trust();
        tokio::task::spawn_blocking(move || client_config(&trust))
            .await
            .map_err(io::Error::other)??
    };
    let tls = Tls::client(config, name).map_err(ClientError::Tls)?;
    Ok(Transport::with_tls(stream, Some(tls)))
}
