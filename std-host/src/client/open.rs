//! Opening a connection: TCP or a Unix socket, TLS, and the opening handshake.

use std::io;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::Interest;
use tokio::net::TcpStream;
use wirelet::Random as _;
use wirelet::handshake::{
    ClientRequest, HandshakeError, HeadScanner, Key, MAX_INTERIM_RESPONSES, Response, ResponseError,
};

use super::stream::{Socket, Stream};
use super::target::Target;
use super::{Client, ClientError, ClientOptions};
use crate::client::random::SeededRandom;
use crate::io::scratch;
use crate::io::tls::config::client_config;

/// Opens a connection, however long it takes.
pub(super) async fn open(target: &Target, options: &ClientOptions) -> Result<Client, ClientError> {
    let mut stream = Stream::new(connect(target, options).await?);
    if target.scheme.is_tls() {
        start_tls(&mut stream, target, options).await?;
    }

    let mut random = SeededRandom::new();
    let mut nonce = [0; 16];
    random.fill(&mut nonce);
    let key = Key::from_nonce(nonce);
    let subprotocols: Vec<&str> = options.subprotocols.iter().map(String::as_str).collect();
    let headers: Vec<(&str, &str)> =
        options.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut request = ClientRequest::new(&target.authority, &target.path_and_query)
        .subprotocols(&subprotocols)
        .headers(&headers);
    if let Some(origin) = &options.origin {
        request = request.origin(origin);
    }
    let mut bytes = vec![0; HEAD_BYTES];
    let n = request.encode(&key, &mut bytes)?;
    write_all(&mut stream, &bytes[..n]).await?;

    let (mut received, head_len) = read_head(&mut stream).await?;
    let early = received.split_off(head_len);
    let subprotocol = match request.verify(&key, &received) {
        Ok(response) => response.subprotocol().map(str::to_owned),
        Err(ResponseError::Refused(status)) => {
            let why = first_line(&mut stream, &received, early).await;
            return Err(ClientError::Refused { status, why });
        }
        Err(error) => return Err(error.into()),
    };
    Ok(Client::new(stream, random, subprotocol, early, options))
}

async fn connect(target: &Target, options: &ClientOptions) -> io::Result<Socket> {
    #[cfg(unix)]
    if let Some(path) = &options.unix_socket {
        return match tokio::net::UnixStream::connect(path).await {
            Ok(socket) => Ok(Socket::Unix(socket)),
            Err(error) => {
                let why = format!("cannot connect to {}: {error}", path.display());
                Err(io::Error::new(error.kind(), why))
            }
        };
    }
    #[cfg(not(unix))]
    let _ = options;
    let socket = TcpStream::connect((&*target.host, target.port)).await?;
    socket.set_nodelay(true)?;
    Ok(Socket::Tcp(socket))
}

async fn start_tls(
    stream: &mut Stream,
    target: &Target,
    options: &ClientOptions,
) -> Result<(), ClientError> {
    let name = ServerName::try_from(target.host.clone()).map_err(|_| {
        ClientError::Url(format!("{}: no name that a certificate can be for", target.host))
    })?;
    let config = if let Some(config) = &options.tls {
        config.clone()
    } else {
        // It reads files.
        let ca_files = options.ca_files.clone();
        tokio::task::spawn_blocking(move || client_config(&ca_files))
            .await
            .map_err(io::Error::other)??
    };
    stream.start_tls(config, name).map_err(ClientError::Tls)
}

/// Writes a request, which is no longer than what waits in TLS during its handshake.
async fn write_all(stream: &mut Stream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.try_write(bytes)? {
            Some(n) => bytes = &bytes[n..],
            None => drop(stream.ready(Interest::WRITABLE).await?),
        }
    }
    Ok(())
}

/// Reads until the head of the response is whole, without the interim ones before it; returns what was received and the length of the
/// head.
async fn read_head(stream: &mut Stream) -> Result<(Vec<u8>, usize), ClientError> {
    let (mut received, mut scanner, mut n_interim) = (Vec::new(), HeadScanner::new(), 0);
    loop {
        stream.ready(Interest::READABLE).await?;
        scratch::with(|input| match stream.try_read(input)? {
            Some(0) => Err(ClientError::Eof),
            n => {
                received.extend_from_slice(&input[..n.unwrap_or_default()]);
                Ok(())
            }
        })?;
        while let Some(head_len) = scanner.scan_response(&mut received)? {
            // RFC 9110 §15.2: "A client MUST be able to parse one or more 1xx responses received prior
            // to a final response".
            if !Response::parse(&received[..head_len])?.is_interim()
                || n_interim == MAX_INTERIM_RESPONSES
            {
                return Ok((received, head_len));
            }
            n_interim += 1;
            received.drain(..head_len);
            scanner = HeadScanner::new();
        }
        if received.len() > HEAD_BYTES {
            return Err(ClientError::Handshake(HandshakeError::HeadTooLong));
        }
    }
}

/// Reads the first line of the body of a response, for people; empty if there is none or it does not
/// come soon.
async fn first_line(stream: &mut Stream, head: &[u8], mut body: Vec<u8>) -> String {
    let Ok(response) = Response::parse(head) else { return String::new() };
    // RFC 9112 §7.1: each chunk begins with a line that gives its length.
    let is_chunked = response.header("Transfer-Encoding").is_some();
    let len =
        response.header("Content-Length").and_then(|len| str::from_utf8(len).ok()?.parse().ok());
    let enough = BODY_BYTES.min(len.unwrap_or(BODY_BYTES));
    let n_lines = 1 + usize::from(is_chunked);
    let read = async {
        while body.len() < enough && body.split(|byte| *byte == b'\n').count() <= n_lines {
            stream.ready(Interest::READABLE).await?;
            let n = scratch::with(|input| {
                let n = stream.try_read(input)?;
                body.extend_from_slice(&input[..n.unwrap_or_default()]);
                Ok::<_, io::Error>(n)
            })?;
            if n == Some(0) {
                break;
            }
        }
        Ok::<_, io::Error>(())
    };
    // Nothing comes of a failure but that there is less to be told.
    let _ = tokio::time::timeout(BODY_TIME, read).await;
    body.truncate(enough);
    let text = String::from_utf8_lossy(&body);
    let line = text.lines().nth(n_lines - 1).unwrap_or_default().trim();
    line.chars().filter(|char| !char.is_control()).take(LINE_CHARS).collect()
}

/// The longest head of a request or response, in bytes.
const HEAD_BYTES: usize = 16 * 1024;

/// How much of a refusal's body is looked at, in bytes.
const BODY_BYTES: usize = 1024;

/// How long to wait for that.
const BODY_TIME: Duration = Duration::from_secs(1);

/// How much of its first line is told.
const LINE_CHARS: usize = 200;
