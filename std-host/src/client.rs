//! The other end: connecting to a server.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use tokio::io::{Interest, Ready};
use wirelet::{Action, Chunk, Close, Keepalive};

use crate::client::random::SeededRandom;
use crate::endpoint::Endpoint;
use crate::endpoint::out::Out;
use crate::io::scratch;

mod error;
mod open;
mod options;
pub(crate) mod random;
mod received;
mod reconnecting;
mod stream;
pub(crate) mod target;

pub use error::ClientError;
pub use options::ClientOptions;
pub use received::Received;
pub use reconnecting::{Backoff, Reconnecting, Update};
use stream::Stream;
use target::{Scheme, Target};

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
    stream: Stream,
    endpoint: Endpoint<wirelet::Client<SeededRandom>>,
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
    keepalive: Option<Keepalive>,
    /// The beginning of time for `keepalive`.
    since: Instant,
}

impl Client {
    /// Connects to a URL such as `wss://host:port/path?query`, where TLS goes by the authorities that
    /// the system trusts; or `ws://`, without TLS.
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
        Self::open(&Self::target(url)?, options).await
    }

    fn target(url: &str) -> Result<Target, ClientError> {
        Target::parse(url, &[Scheme::Ws, Scheme::Wss]).map_err(ClientError::Url)
    }

    async fn open(target: &Target, options: &ClientOptions) -> Result<Self, ClientError> {
        tokio::time::timeout(options.handshake_time, open::open(target, options))
            .await
            .map_err(|_| ClientError::TimedOut)?
    }

    /// Begins behind an opening handshake, with what came after it.
    fn new(
        stream: Stream,
        random: SeededRandom,
        subprotocol: Option<String>,
        early: Vec<u8>,
        options: &ClientOptions,
    ) -> Self {
        let keepalive = options.keepalive.map(|time| Keepalive::new(time, time, Duration::ZERO));
        Self {
            stream,
            endpoint: Endpoint::new(wirelet::Client(random), options.message_bytes),
            subprotocol,
            input: early.into(),
            received: None,
            unsent: Vec::new(),
            written: 0,
            at_eof: false,
            message_bytes: options.message_bytes,
            keepalive,
            since: Instant::now(),
        }
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
            self.wait(Interest::READABLE).await?;
            self.read()?;
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
                self.wait(Interest::READABLE).await?;
                self.read()?;
                self.input.clear();
            }
            self.stream.end();
            Ok(())
        };
        tokio::time::timeout(limit, end).await.map_err(|_| ClientError::TimedOut)?
    }

    /// Writes what waits for the socket. Cancel-safe.
    ///
    /// It reads meanwhile, as much as one message may have: a server that writes before it reads
    /// on would otherwise never read what is written here.
    async fn flush(&mut self) -> Result<(), ClientError> {
        while self.written < self.unsent.len() || self.stream.has_unsent() {
            let hears = !self.at_eof && self.input.len() < self.message_bytes;
            let interest =
                if hears { Interest::READABLE | Interest::WRITABLE } else { Interest::WRITABLE };
            let ready = self.wait(interest).await?;
            if self.written < self.unsent.len() {
                self.written += self.stream.try_write(&self.unsent[self.written..])?.unwrap_or(0);
            }
            if hears && ready.is_readable() {
                self.read()?;
            }
        }
        self.written = 0;
        self.unsent.clear();
        self.unsent.shrink_to(UNSENT_KEPT);
        Ok(())
    }

    /// Waits for the stream, and for the server not longer than the keepalive allows. Cancel-safe.
    async fn wait(&mut self, interest: Interest) -> Result<Ready, ClientError> {
        loop {
            let ready = self.stream.ready(interest);
            let Some(keepalive) = &mut self.keepalive else { return Ok(ready.await?) };
            let wait = keepalive.remaining(self.since.elapsed());
            if let Ok(ready) = tokio::time::timeout(wait, ready).await {
                return Ok(ready?);
            }
            match keepalive.poll(self.since.elapsed()) {
                Action::Wait(_) => {}
                Action::Disconnect => return Err(ClientError::TimedOut),
                Action::Ping => {
                    // Behind a close frame there is none; then the server has as long to answer that.
                    let _ = self.endpoint.link(Out::gather(&mut self.unsent)).ping(&[]);
                    return Ok(Ready::WRITABLE);
                }
            }
        }
    }

    /// Takes what the stream has.
    fn read(&mut self) -> io::Result<()> {
        scratch::with(|input| {
            match self.stream.try_read(input)? {
                None => return Ok(()),
                Some(0) => self.at_eof = true,
                Some(n) => self.input.extend(&input[..n]),
            }
            if let Some(keepalive) = &mut self.keepalive {
                keepalive.heard(self.since.elapsed());
            }
            Ok(())
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
            Err(error) => {
                input.clear();
                *received = Some(Err(error.into()));
            }
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("stream", &self.stream).finish_non_exhaustive()
    }
}

/// A send buffer that has grown beyond this is given back.
const UNSENT_KEPT: usize = 64 * 1024;
