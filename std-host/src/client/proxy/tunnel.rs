//! Through a proxy: CONNECT (RFC 9110 §9.3.6) and SOCKS 5 (RFC 1928).

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout_at};
use tokio_socks::TargetAddr;
use tokio_socks::tcp::Socks5Stream;
use wirelet::handshake::{HeadScanner, MAX_INTERIM_RESPONSES, Status};

use super::{Kind, ProxyError, Via};
use crate::client::secure::with_tls_to_proxy;
use crate::client::url::Credentials;
use crate::client::{ClientError, ClientOptions, HEAD_BYTES, READ_BYTES, addresses};
use crate::io::duplex::BoxedDuplex;

/// Connects to a proxy, and by it to a host.
pub(crate) async fn tunnel(
    via: &Via,
    host: &str,
    port: u16,
    options: &ClientOptions,
    deadline: Instant,
) -> Result<BoxedDuplex, ClientError> {
    let told = |error| ClientError::Proxy { proxy: via.to_string(), error };
    let opening = async {
        let opened = match via.kind {
            Kind::Http | Kind::Https => {
                connect(reach(via, options, deadline).await?, via, host, port).await
            }
            Kind::Socks5h => {
                socks5(reach(via, options, deadline).await?, via, named(host, port)).await
            }
            Kind::Socks5 => {
                // What fails here is not the proxy's.
                let addrs = addresses::find(host, port, &options.resolve, deadline).await;
                let mut opened = Err(ProxyError::Unreachable(io::ErrorKind::NotFound));
                for addr in addrs.map_err(ClientError::Io)? {
                    let stream = reach(via, options, deadline).await?;
                    opened = socks5(stream, via, TargetAddr::Ip(addr)).await;
                    // That it cannot get there says nothing of the next.
                    if !matches!(opened, Err(ProxyError::Unreachable(_))) {
                        break;
                    }
                }
                opened
            }
        };
        opened.map_err(told)
    };
    timeout_at(deadline, opening).await.map_err(|_| told(ProxyError::TimedOut))?
}

/// Connects to the proxy itself.
async fn reach(
    via: &Via,
    options: &ClientOptions,
    deadline: Instant,
) -> Result<BoxedDuplex, ClientError> {
    let socket = addresses::connect(&via.host, via.port, &options.resolve, deadline)
        .await
        .map_err(|error| ClientError::Proxy { proxy: via.to_string(), error: error.into() })?;
    Ok(match via.kind {
        Kind::Https => with_tls_to_proxy(Box::pin(socket), &via.host, options).await?.stream,
        _ => Box::pin(socket),
    })
}

/// Names a host to a SOCKS proxy that looks names up.
fn named(host: &str, port: u16) -> TargetAddr<'_> {
    match host.parse() {
        Ok(addr) => TargetAddr::Ip(SocketAddr::new(addr, port)),
        Err(_) => TargetAddr::Domain(host.into(), port),
    }
}

/// Asks an HTTP proxy.
async fn connect(
    mut stream: BoxedDuplex,
    via: &Via,
    host: &str,
    port: u16,
) -> Result<BoxedDuplex, ProxyError> {
    // The grammar of a host has no zone, and without one nobody finds the way.
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let credentials = via.credentials.as_ref().map(Credentials::basic);
    let authorization = credentials.map(|value| format!("Proxy-Authorization: {value}\r\n"));
    let authorization = authorization.unwrap_or_default();
    let place = format!("{host}:{port}");
    let request = format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n{authorization}\r\n");
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let (mut received, mut scanner, mut n_interim) =
        (Vec::with_capacity(READ_BYTES), HeadScanner::new(), 0);
    loop {
        if stream.read_buf(&mut received).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        while let Some(len) =
            scanner.scan_response(&mut received).map_err(|_| ProxyError::Malformed)?
        {
            let status = status_of(&received).ok_or(ProxyError::Malformed)?;
            match status.get() {
                // The server behind it does not speak first.
                200..300 if received.len() == len => return Ok(stream),
                200..300 => return Err(ProxyError::Malformed),
                407 => return Err(ProxyError::Credentials),
                100 | 102..200 if n_interim < MAX_INTERIM_RESPONSES => {
                    n_interim += 1;
                    received.drain(..len);
                    scanner = HeadScanner::new();
                }
                _ => return Err(ProxyError::Refused(status)),
            }
        }
        if received.len() > HEAD_BYTES {
            return Err(ProxyError::Malformed);
        }
    }
}

/// Reads a status line, which with many proxies is one of HTTP/1.0.
fn status_of(head: &[u8]) -> Option<Status> {
    let rest = head.strip_prefix(b"HTTP/1.0 ").or_else(|| head.strip_prefix(b"HTTP/1.1 "))?;
    let (digits, rest) = rest.split_first_chunk::<3>()?;
    let is_whole = digits.iter().all(u8::is_ascii_digit) && matches!(rest, [b' ' | b'\r', ..]);
    let status = str::from_utf8(digits).ok()?.parse().ok()?;
    Status::new(status).filter(|_| is_whole)
}

/// Asks a SOCKS proxy.
async fn socks5(
    stream: BoxedDuplex,
    via: &Via,
    target: TargetAddr<'_>,
) -> Result<BoxedDuplex, ProxyError> {
    let stream = match &via.credentials {
        None => Socks5Stream::connect_with_socket(stream, target).await?,
        Some(credentials) => {
            let text = |bytes| str::from_utf8(bytes).unwrap_or_default();
            let (user, password) = (text(&credentials.user), text(&credentials.password));
            Socks5Stream::connect_with_password_and_socket(stream, target, user, password).await?
        }
    };
    Ok(stream.into_inner())
}
