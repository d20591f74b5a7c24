//! Opening a connection: TCP or a Unix socket, TLS, and the opening handshake.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;
use wirelet::Random as _;
use wirelet::handshake::{
    ClientRequest, HandshakeError, HeadScanner, Key, MAX_INTERIM_RESPONSES, Response, ResponseError,
};

use super::error::for_people;
use super::proxy::tunnel;
use super::redirect::is_redirect;
use super::secure::with_tls;
use super::target::Target;
use super::{
    ClientError, ClientOptions, ConnectTo, HEAD_BYTES, READ_BYTES, addresses, retry_after,
};
use crate::connection::bounds::Bounds;
use crate::connection::role::Either;
use crate::connection::{Connection, Description, Ties};
use crate::io::duplex::{BoxedDuplex, Transport};
#[cfg(unix)]
use crate::io::located::located;
use crate::random::SeededRandom;

/// Opens a stream that leads to the server, until `deadline`.
pub(super) async fn reach(
    target: &Target,
    options: &ClientOptions,
    deadline: Instant,
) -> Result<(BoxedDuplex, Option<SocketAddr>), ClientError> {
    #[cfg(unix)]
    if let Some(path) = &options.unix_socket {
        let socket = tokio::net::UnixStream::connect(path).await.map_err(|error| {
            located(format_args!("cannot connect to {}", path.display()), error)
        })?;
        return Ok((Box::pin(socket), None));
    }
    let (host, port) = ConnectTo::apply(&options.connect_to, &target.host, target.port);
    if let Some(via) = options.proxy.as_ref().and_then(|proxy| proxy.via(target)) {
        return Ok((tunnel(via, &host, port, options, deadline).await?, None));
    }
    let socket = addresses::connect(&host, port, &options.resolve, deadline).await?;
    let remote_addr = socket.peer_addr().ok();
    Ok((Box::pin(socket), remote_addr))
}

/// Opens a connection through a stream that leads to the server.
pub(super) async fn open_over(
    stream: BoxedDuplex,
    remote_addr: Option<SocketAddr>,
    target: &Target,
    options: &ClientOptions,
) -> Result<Connection, ClientError> {
    let mut transport = if target.scheme.is_tls() {
        with_tls(stream, target.certified_host(), options).await?
    } else {
        Transport { stream, n_written: None }
    };
    let stream = &mut transport.stream;

    let mut random = SeededRandom::new();
    let mut nonce = [0; 16];
    random.fill(&mut nonce);
    let key = Key::from_nonce(nonce);
    let head = with_request(target, options, |request| encode(&request, &key))?;
    let sent = match stream.write_all(&head).await {
        Ok(()) => stream.flush().await,
        Err(error) => Err(error),
    };
    let (mut received, head_len) = match (sent, read_head(stream).await) {
        // Unless the server, which reads no more, has said something.
        (Err(error), Err(ClientError::Io(_) | ClientError::Eof)) => return Err(error.into()),
        (_, head) => head?,
    };
    let early = received.split_off(head_len);
    let verified = with_request(target, options, |request| {
        let response = request.verify(&key, &received)?;
        let agreement = options.compression.and_then(|ours| {
            let agreed = ours.offer().agree(response.extensions()).ok().flatten()?;
            Some(ours.of_client(agreed))
        });
        Ok((response.subprotocol().map(str::to_owned), agreement))
    });
    let agreement;
    let description = match verified {
        Ok((subprotocol, agreed)) => {
            agreement = agreed;
            Description {
                path: path_of(&target.path_and_query).to_owned(),
                subprotocol,
                remote_addr,
                headers: headers_of(&received),
                data: None,
            }
        }
        Err(ResponseError::Refused(status)) => {
            let response = Response::parse(&received)?;
            let location = response.header("Location");
            let location = location.and_then(|value| str::from_utf8(value).ok()).map(str::to_owned);
            let location = location.filter(|_| is_redirect(status.get()));
            let retry_after = response.header("Retry-After");
            let retry_after =
                retry_after.and_then(|value| retry_after::parse(value, SystemTime::now()));
            let why = match &location {
                Some(_) => String::new(), // there is something to be done instead of reading
                None => first_line(stream, &received, early).await,
            };
            return Err(ClientError::Refused { status, why, location, retry_after });
        }
        Err(error) => return Err(error.into()),
    };
    let bounds = Bounds::from(options);
    let endpoint = Either::client(random, agreement);
    Ok(Connection::new(transport, endpoint, early, bounds, description, Ties::default()))
}

/// Checks that there is a request for what the options say, before anybody is connected to.
pub(super) fn check(target: &Target, options: &ClientOptions) -> Result<(), ClientError> {
    let key = Key::from_nonce([0; 16]);
    with_request(target, options, |request| encode(&request, &key)).map(drop)
}

/// Lends the request for what the options say.
fn with_request<T>(
    target: &Target,
    options: &ClientOptions,
    ask: impl FnOnce(ClientRequest<'_>) -> T,
) -> T {
    let subprotocols: Vec<&str> = options.subprotocols.iter().map(String::as_str).collect();
    let mut headers: Vec<(&str, &str)> =
        options.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let authorization = target.authorization();
    if let Some(value) = &authorization
        && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("Authorization"))
    {
        headers.push(("Authorization", value));
    }
    let host = options.host.as_ref().unwrap_or(&target.authority);
    let mut request = ClientRequest::new(host, &target.path_and_query)
        .subprotocols(&subprotocols)
        .deflate(options.compression.map(|ours| ours.offer()))
        .headers(&headers);
    if let Some(origin) = &options.origin {
        request = request.origin(origin);
    }
    ask(request)
}

fn encode(request: &ClientRequest<'_>, key: &Key) -> Result<Vec<u8>, ClientError> {
    let mut head = vec![0; HEAD_BYTES];
    let n = request.encode(key, &mut head)?;
    head.truncate(n);
    Ok(head)
}

/// Returns a path without its query.
fn path_of(path_and_query: &str) -> &str {
    path_and_query.split_once('?').map_or(path_and_query, |(path, _)| path)
}

/// Returns the header fields of a response, as far as they are any for `http`.
fn headers_of(head: &[u8]) -> HeaderMap {
    let Ok(response) = Response::parse(head) else { return HeaderMap::new() };
    response
        .headers()
        .filter_map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_bytes(value).ok()?))
        })
        .collect()
}

/// Reads until the head of the response is whole, without the interim ones before it; returns what was received and the length of the
/// head.
async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> Result<(Vec<u8>, usize), ClientError> {
    let (mut received, mut scanner, mut n_interim) =
        (Vec::with_capacity(READ_BYTES), HeadScanner::new(), 0);
    loop {
        if stream.read_buf(&mut received).await? == 0 {
            return Err(ClientError::Eof);
        }
        if is_tls(&received) {
            return Err(ClientError::SpeaksTls);
        }
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

/// Tells whether what a server has sent begins as TLS does: an alert or a handshake (RFC 8446 §5.1).
const fn is_tls(received: &[u8]) -> bool {
    matches!(received, [0x15 | 0x16, 0x03, ..])
}

/// Reads the first line of the body of a response, for people; empty if there is none or it does not
/// come soon.
async fn first_line(
    stream: &mut (impl AsyncRead + Unpin),
    head: &[u8],
    mut body: Vec<u8>,
) -> String {
    let Ok(response) = Response::parse(head) else { return String::new() };
    // RFC 9112 §7.1: each chunk begins with a line that gives its length.
    let is_chunked = response.header("Transfer-Encoding").is_some();
    let len =
        response.header("Content-Length").and_then(|len| str::from_utf8(len).ok()?.parse().ok());
    let enough = BODY_BYTES.min(len.unwrap_or(BODY_BYTES));
    let n_lines = 1 + usize::from(is_chunked);
    let read = async {
        while body.len() < enough && body.split(|byte| *byte == b'\n').count() <= n_lines {
            if stream.read_buf(&mut body).await? == 0 {
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
    for_people(line)
}

/// How much of a refusal's body is looked at, in bytes.
const BODY_BYTES: usize = 1024;

/// How long to wait for that.
const BODY_TIME: Duration = Duration::from_secs(1);
