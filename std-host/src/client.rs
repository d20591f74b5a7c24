//! The other end: connecting to a server.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::ops::ControlFlow;
use std::time::Duration;

use http::Uri;
use rand::Rng as _;
use rand::rngs::StdRng;
use tokio::io::{AsyncWriteExt as _, Interest};
use tokio::net::TcpStream;
use wirelet::handshake::{
    BuildError, ClientRequest, HandshakeError, Key, RequestError, ResponseError,
};
use wirelet::{CapacityError, Chunk, Close, CloseCode, Message, ProtocolError, SendError};

use crate::endpoint::{Endpoint, Failure};
use crate::handshake::{Head, is_temporary};
use crate::out::Out;
use crate::scratch;

/// What a [`Client`] received.
///
/// ```
/// use wirelet_host::Received;
///
/// assert_eq!(Received::Text("hi".into()).to_string(), "hi");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// A ping, answered already.
    Ping(Vec<u8>),
    /// A pong.
    Pong(Vec<u8>),
    /// The server's close frame, answered already. Nothing follows.
    Close {
        /// The code; `None` if there was none.
        code: Option<CloseCode>,
        /// The reason, in most cases empty.
        reason: String,
    },
}

/// Says how to connect; the default offers nothing and waits 10 s.
///
/// ```
/// use wirelet_host::ClientOptions;
///
/// let options = ClientOptions {
///     headers: vec![("Authorization".into(), "Bearer 123".into())],
///     ..ClientOptions::default()
/// };
/// # let _ = options;
/// ```
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// The value of `Origin`.
    pub origin: Option<String>,
    /// Subprotocols to offer, the best first.
    pub subprotocols: Vec<String>,
    /// Header fields to add to the request.
    pub headers: Vec<(String, String)>,
    /// For TCP and the opening handshake together.
    pub handshake_time: Duration,
    /// The longest message to be received, in bytes.
    pub message_bytes: usize,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            origin: None,
            subprotocols: Vec::new(),
            headers: Vec::new(),
            handshake_time: Duration::from_secs(10),
            message_bytes: 16 * 1024 * 1024,
        }
    }
}

/// A connection to a WebSocket server.
///
/// ```no_run
/// use wirelet_host::{Client, Received};
///
/// # async fn f() -> Result<(), wirelet_host::ClientError> {
/// let mut client = Client::connect("ws://127.0.0.1:8567/").await?;
/// client.send("hello").await?;
/// while let Received::Text(text) = client.receive().await? {
///     println!("{text}");
/// }
/// # Ok(())
/// # }
/// ```
pub struct Client {
    stream: TcpStream,
    endpoint: Endpoint<wirelet::Client<StdRng>>,
    subprotocol: Option<String>,
    /// What came after what was received last. It is processed only when that has been taken, so
    /// that the application can answer one message before the next ends the connection.
    input: VecDeque<u8>,
    received: Option<Result<Received, ClientError>>,
    /// Frames that wait for the socket, and how much of them it has taken.
    unsent: Vec<u8>,
    written: usize,
    at_eof: bool,
    message_bytes: usize,
}

/// Why a [`Client`] failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientError {
    /// This is no `ws://` URL.
    Url(String),
    /// The server could not be reached, or the connection broke.
    Io(io::Error),
    /// Nobody answered in time.
    TimedOut,
    /// The opening handshake failed.
    Handshake(HandshakeError),
    /// The server broke the protocol; it has been told by a close frame.
    Protocol(ProtocolError),
    /// The server's message is longer than [`ClientOptions::message_bytes`].
    Capacity(CapacityError),
    /// The server's message had more than 1000 empty fragments.
    EmptyFragments,
    /// What was asked for must not be sent.
    Send(SendError),
    /// The server left without a closing handshake.
    Eof,
    /// The connection was closed before.
    Closed,
}

impl Client {
    /// Connects to a URL such as `ws://host:port/path?query`.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn connect(url: &str) -> Result<Self, ClientError> {
        Self::connect_with(url, &ClientOptions::default()).await
    }

    /// Connects with options.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn connect_with(url: &str, options: &ClientOptions) -> Result<Self, ClientError> {
        let target = Target::parse(url)?;
        tokio::time::timeout(options.handshake_time, open(&target, options))
            .await
            .map_err(|_| ClientError::TimedOut)?
    }

    /// Returns the subprotocol that the server chose.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.subprotocol.as_deref()
    }

    /// Waits for the next message or control frame. Cancel-safe.
    ///
    /// # Errors
    ///
    /// [`ClientError`]; nothing more is received after one, nor after a close.
    pub async fn receive(&mut self) -> Result<Received, ClientError> {
        loop {
            self.flush().await?;
            if let Some(received) = self.received.take() {
                return received;
            }
            if !self.input.is_empty() {
                self.process();
                continue;
            }
            if self.endpoint.is_closed() {
                return Err(ClientError::Closed);
            }
            if self.at_eof {
                return Err(ClientError::Eof);
            }
            self.stream.readable().await.map_err(ClientError::Io)?;
            self.read().map_err(ClientError::Io)?;
        }
    }

    /// Sends a message, or a fragment of one. If dropped, it has been taken over nevertheless, and
    /// leaves with the next call.
    ///
    /// # Errors
    ///
    /// [`ClientError::Send`] and [`ClientError::Io`].
    pub async fn send<'m>(&mut self, chunk: impl Into<Chunk<'m>>) -> Result<(), ClientError> {
        let chunk = chunk.into();
        self.endpoint
            .link(Out::gather(&mut self.unsent))
            .send(&chunk)
            .map_err(ClientError::Send)?;
        self.flush().await
    }

    /// Sends a ping with at most 125 bytes of payload.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn ping(&mut self, payload: &[u8]) -> Result<(), ClientError> {
        self.endpoint
            .link(Out::gather(&mut self.unsent))
            .ping(payload)
            .map_err(ClientError::Send)?;
        self.flush().await
    }

    /// Begins the closing handshake; go on receiving until [`Received::Close`] comes.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn close<'r>(&mut self, close: impl Into<Close<'r>>) -> Result<(), ClientError> {
        self.endpoint
            .link(Out::gather(&mut self.unsent))
            .close(close.into())
            .map_err(ClientError::Send)?;
        self.flush().await
    }

    /// Waits, after a close was received, for the server to close TCP, as §7.1.1 wants it.
    ///
    /// # Errors
    ///
    /// [`ClientError::Io`], and [`ClientError::TimedOut`] after `limit`.
    pub async fn finish(mut self, limit: Duration) -> Result<(), ClientError> {
        let end = async {
            self.flush().await?;
            while !self.at_eof {
                self.stream.readable().await.map_err(ClientError::Io)?;
                self.read().map_err(ClientError::Io)?;
                self.input.clear();
            }
            Ok(())
        };
        tokio::time::timeout(limit, end).await.map_err(|_| ClientError::TimedOut)?
    }

    /// Writes what waits for the socket. Cancel-safe.
    ///
    /// It reads meanwhile, as much as one message may have: a server that writes before it reads
    /// on would otherwise never read what is written here.
    async fn flush(&mut self) -> Result<(), ClientError> {
        while self.written < self.unsent.len() {
            let hears = !self.at_eof && self.input.len() < self.message_bytes;
            let interest =
                if hears { Interest::READABLE | Interest::WRITABLE } else { Interest::WRITABLE };
            let ready = self.stream.ready(interest).await.map_err(ClientError::Io)?;
            if ready.is_writable() {
                match self.stream.try_write(&self.unsent[self.written..]) {
                    Ok(n) => self.written += n,
                    Err(error) if is_temporary(&error) => {}
                    Err(error) => return Err(ClientError::Io(error)),
                }
            }
            if hears && ready.is_readable() {
                self.read().map_err(ClientError::Io)?;
            }
        }
        self.written = 0;
        self.unsent.clear();
        self.unsent.shrink_to(UNSENT_KEPT);
        Ok(())
    }

    /// Takes what the socket has.
    fn read(&mut self) -> io::Result<()> {
        scratch::with(|input| match self.stream.try_read(input) {
            Ok(0) => {
                self.at_eof = true;
                Ok(())
            }
            Ok(n) => {
                self.input.extend(&input[..n]);
                Ok(())
            }
            Err(error) if is_temporary(&error) => Ok(()),
            Err(error) => Err(error),
        })
    }

    /// Takes of the input what makes up the next thing received.
    fn process(&mut self) {
        let Self { endpoint, unsent, input, received, .. } = self;
        let out = &mut Out::gather(unsent);
        let result = endpoint.receive(0, input.make_contiguous(), out, |event, _| {
            *received = Some(Ok(event.into()));
            ControlFlow::Break(())
        });
        match result {
            Ok(n) => drop(input.drain(..n)),
            Err(failure) => {
                input.clear();
                *received = Some(Err(match failure {
                    Failure::Protocol(error) => ClientError::Protocol(error),
                    Failure::Capacity(error) => ClientError::Capacity(error),
                    Failure::EmptyFragments => ClientError::EmptyFragments,
                }));
            }
        }
    }
}

async fn open(target: &Target, options: &ClientOptions) -> Result<Client, ClientError> {
    let mut stream =
        TcpStream::connect((target.host(), target.port)).await.map_err(ClientError::Io)?;
    stream.set_nodelay(true).map_err(ClientError::Io)?;

    let mut rng: StdRng = rand::make_rng();
    let mut nonce = [0; 16];
    rng.fill_bytes(&mut nonce);
    let key = Key::from_nonce(nonce);
    let subprotocols: Vec<&str> = options.subprotocols.iter().map(String::as_str).collect();
    let headers: Vec<(&str, &str)> =
        options.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let request = ClientRequest {
        host: &target.authority,
        target: &target.path_and_query,
        origin: options.origin.as_deref(),
        subprotocols: &subprotocols,
        headers: &headers,
    };
    let mut bytes = vec![0; HEAD_BYTES];
    let n = request.encode(&key, &mut bytes)?;
    stream.write_all(&bytes[..n]).await.map_err(ClientError::Io)?;

    let (mut received, head_len) = read_head(&stream).await?;
    let early = received.split_off(head_len);
    let response = request.verify(&key, &received)?;
    Ok(Client {
        subprotocol: response.subprotocol().map(str::to_owned),
        stream,
        endpoint: Endpoint::new(wirelet::Client(rng), options.message_bytes),
        input: early.into(),
        received: None,
        unsent: Vec::new(),
        written: 0,
        at_eof: false,
        message_bytes: options.message_bytes,
    })
}

/// Reads until the head of the response is whole; returns what was received and the length of the
/// head.
async fn read_head(stream: &TcpStream) -> Result<(Vec<u8>, usize), ClientError> {
    let mut head = Head::default();
    loop {
        stream.readable().await.map_err(ClientError::Io)?;
        let pushed = scratch::with(|input| match stream.try_read(input) {
            Ok(0) => Err(ClientError::Eof),
            Ok(n) => head.push(&input[..n], HEAD_BYTES).map_err(|error| match error {
                RequestError::HeadTooLong => ResponseError::HeadTooLong.into(),
                RequestError::TooManyHeaders => ResponseError::TooManyHeaders.into(),
                _ => ResponseError::Malformed.into(),
            }),
            Err(error) if is_temporary(&error) => Ok(None),
            Err(error) => Err(ClientError::Io(error)),
        })?;
        if let Some(head_len) = pushed {
            return Ok((head.into_received(), head_len));
        }
    }
}

/// The parts of a `ws://` URL.
struct Target {
    uri: Uri,
    authority: String,
    path_and_query: String,
    port: u16,
}

impl Target {
    fn parse(url: &str) -> Result<Self, ClientError> {
        let refuse = |why: &str| ClientError::Url(format!("{url}: {why}"));
        // A fragment is no part of what is asked for (§3), and must not be there.
        if url.contains('#') {
            return Err(refuse("a WebSocket URL has no fragment"));
        }
        let uri: Uri = url.parse().map_err(|error| refuse(&format!("{error}")))?;
        match uri.scheme_str() {
            Some("ws") => {}
            Some("wss") => return Err(refuse("wss:// is not supported yet")),
            _ => return Err(refuse("the URL must begin with ws://")),
        }
        let authority = uri.authority().ok_or_else(|| refuse("the URL has no host"))?;
        if authority.as_str().contains('@') {
            return Err(refuse("a user in the URL is not supported; use a header"));
        }
        let port = authority.port_u16().unwrap_or(80);
        // §4.1 item 4: the port only "if not using the default port".
        let authority = match port {
            80 => authority.host().to_owned(),
            _ => authority.as_str().to_owned(),
        };
        // Displayed, a lone query has its path `/`.
        let path_and_query =
            uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
        Ok(Self { uri, authority, path_and_query, port })
    }

    /// The host for TCP, without the brackets of an IPv6 address.
    fn host(&self) -> &str {
        self.uri.host().unwrap_or_default().trim_matches(['[', ']'])
    }
}

impl From<wirelet::Received<'_, Message<'_>>> for Received {
    fn from(received: wirelet::Received<'_, Message<'_>>) -> Self {
        use wirelet::Received as Lent;
        match received {
            Lent::Data(Message::Text(text)) => Self::Text(text.to_owned()),
            Lent::Data(Message::Binary(bytes)) => Self::Binary(bytes.to_owned()),
            Lent::Ping(payload) => Self::Ping(payload.to_owned()),
            Lent::Pong(payload) => Self::Pong(payload.to_owned()),
            Lent::Close(close) => {
                Self::Close { code: close.code(), reason: close.reason().to_owned() }
            }
        }
    }
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Binary(bytes) => write!(f, "<{} bytes>", bytes.len()),
            Self::Ping(payload) => write!(f, "<ping, {} bytes>", payload.len()),
            Self::Pong(payload) => write!(f, "<pong, {} bytes>", payload.len()),
            Self::Close { code: None, .. } => f.write_str("<closed without a code>"),
            Self::Close { code: Some(code), reason } => write!(f, "<closed with {code} {reason}>"),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("stream", &self.stream).finish_non_exhaustive()
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(why) => f.write_str(why),
            Self::Io(error) => error.fmt(f),
            Self::TimedOut => f.write_str("the server did not answer in time"),
            Self::Handshake(error) => error.fmt(f),
            Self::Protocol(error) => write!(f, "the server broke the protocol: {error}"),
            Self::Capacity(error) => error.fmt(f),
            Self::EmptyFragments => f.write_str("a message has too many empty fragments"),
            Self::Send(error) => error.fmt(f),
            Self::Eof => f.write_str("the server left without a closing handshake"),
            Self::Closed => f.write_str("the connection is closed"),
        }
    }
}

impl std::error::Error for ClientError {}

impl From<BuildError> for ClientError {
    fn from(error: BuildError) -> Self {
        Self::Handshake(error.into())
    }
}

impl From<ResponseError> for ClientError {
    fn from(error: ResponseError) -> Self {
        Self::Handshake(error.into())
    }
}

/// A send buffer that has grown beyond this is given back.
const UNSENT_KEPT: usize = 64 * 1024;

/// The longest head of a request or response, in bytes.
const HEAD_BYTES: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        for (url, authority, target, host, port) in [
            ("ws://a", "a", "/", "a", 80),
            ("ws://a:80/x", "a", "/x", "a", 80),
            ("ws://a:8567/x?y=z", "a:8567", "/x?y=z", "a", 8567),
            ("ws://a?y", "a", "/?y", "a", 80),
            ("ws://[::1]:81/", "[::1]:81", "/", "::1", 81),
        ] {
            let parsed = Target::parse(url).unwrap();
            assert_eq!((&*parsed.authority, &*parsed.path_and_query), (authority, target), "{url}");
            assert_eq!((parsed.host(), parsed.port), (host, port), "{url}");
        }
    }

    #[test]
    fn what_is_no_websocket_url_is_refused() {
        for url in ["", "a", "http://a", "ws://", "wss://a", "ws://a/#x", "ws://u@a", "ws://a b"] {
            assert!(matches!(Target::parse(url), Err(ClientError::Url(_))), "{url}");
        }
    }
}
