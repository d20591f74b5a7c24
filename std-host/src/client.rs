//! The other end: connecting to a server.

use std::fmt;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use http::HeaderMap;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use wirelet::{Chunk, Close};

use crate::connection::Connection;
use crate::connection::message::OwnedMessage;

mod addresses;
mod error;
mod names;
mod open;
mod options;
mod proxy;
mod reconnecting;
mod redirect;
mod retry_after;
mod secure;
pub(crate) mod target;
mod url;

pub use error::ClientError;
pub use names::{ConnectTo, Resolve};
pub use options::ClientOptions;
pub use proxy::{Proxy, ProxyError};
pub use reconnecting::{Backoff, Reconnecting, Update};
pub use redirect::RedirectError;
use redirect::Route;
use target::{Scheme, Target};

/// A connection to a WebSocket server, for a program that does one thing after the other.
///
/// One that sends and receives much at the same time takes
/// [`into_connection`](Self::into_connection) and its halves, or [`feed`](Self::feed) and
/// [`receive_or_room`](Self::receive_or_room): while [`send`](Self::send) waits for a server that is
/// waiting itself, nobody takes what comes.
///
/// ```no_run
/// use wirelet_host::{Client, OwnedMessage};
///
/// # async fn f() -> Result<(), wirelet_host::ClientError> {
/// let mut client = Client::connect("ws://127.0.0.1:8567/").await?;
/// client.send("hello").await?;
/// while let OwnedMessage::Text(text) = client.receive().await? {
///     println!("{text}");
/// }
/// # Ok(())
/// # }
/// ```
pub struct Client {
    connection: Connection,
    /// A close frame or an error was handed out.
    has_ended: bool,
}

impl Client {
    /// Connects to a URL such as `wss://host:port/path?query`, where TLS goes by the authorities that
    /// the system trusts; or `ws://`, without TLS. A user and a password before the host are sent as
    /// `Authorization: Basic`.
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

    /// Connects through a stream that leads to the server, such as one of a tunnel; TLS is spoken inside
    /// of it if the URL wants that. Redirects are not followed.
    ///
    /// ```
    /// # use wirelet_host::{Client, ClientError, ClientOptions};
    /// # async fn f(tunnel: tokio::io::DuplexStream) -> Result<(), ClientError> {
    /// let options = ClientOptions::default();
    /// let mut client = Client::connect_over(tunnel, "ws://inside.example/", &options).await?;
    /// client.send("hello").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn connect_over(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        url: &str,
        options: &ClientOptions,
    ) -> Result<Self, ClientError> {
        let target = Self::target(url)?;
        let opening = open::open_over(Box::pin(stream), None, &target, options);
        within(options.deadline(), opening).await
    }

    /// Opens a stream that leads to a server, as [`connect_with`](Self::connect_with) does before it speaks
    /// TLS: past dead addresses, and through a proxy.
    ///
    /// ```no_run
    /// use wirelet_host::{Client, ClientOptions, Proxy, Scheme, Target};
    ///
    /// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
    /// let url = "wss://example.org/";
    /// let options = ClientOptions { proxy: Proxy::from_env()?, ..ClientOptions::default() };
    /// let stream = Client::reach(&Target::parse(url, &[Scheme::Wss])?, &options).await?;
    /// let client = Client::connect_over(stream, url, &options).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn reach(
        target: &Target,
        options: &ClientOptions,
    ) -> Result<impl AsyncRead + AsyncWrite + Send + Unpin + use<>, ClientError> {
        let deadline = options.deadline();
        let reaching = open::reach(target, options, deadline);
        let reached = tokio::time::timeout_at(deadline, reaching).await;
        reached.map_err(|_| ClientError::TimedOut)?.map(|(stream, _)| stream)
    }

    fn target(url: &str) -> Result<Target, ClientError> {
        Target::parse(url, &[Scheme::Ws, Scheme::Wss]).map_err(ClientError::Url)
    }

    async fn open(target: &Target, options: &ClientOptions) -> Result<Self, ClientError> {
        let deadline = options.deadline();
        let mut route = Route::new(target.clone(), options);
        loop {
            let Route { target, options, .. } = &route;
            open::check(target, options)?;
            let (stream, remote_addr) = open::reach(target, options, deadline).await?;
            let opening = open::open_over(stream, remote_addr, target, options);
            let result = within(deadline, opening).await;
            match result.as_ref().err().and_then(|answer| route.next(answer)) {
                Some(location) => route.follow(location)?,
                None => return result,
            }
        }
    }

    /// Returns the subprotocol that the server chose.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.connection.subprotocol()
    }

    /// Returns the header fields of the server's response.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.connection.headers()
    }

    /// Returns the connection, whose two directions can be in two tasks.
    #[must_use]
    pub fn into_connection(self) -> Connection {
        self.connection
    }

    /// Waits for the next message or control frame; what was sent leaves meanwhile. Cancel-safe.
    ///
    /// # Errors
    ///
    /// [`ClientError`], behind all that has come before it; nothing more is received after one, nor
    /// after a close.
    pub async fn receive(&mut self) -> Result<OwnedMessage, ClientError> {
        loop {
            if let Some(received) = self.receive_until(false).await? {
                return Ok(received);
            }
        }
    }

    /// Waits for what comes next, or until there is room for what will be sent: then `None`.
    /// Cancel-safe.
    ///
    /// ```
    /// # use wirelet_host::{Client, ClientError};
    /// /// Sends these, and does not stop receiving for that.
    /// async fn talk(client: &mut Client, lines: &[String]) -> Result<(), ClientError> {
    ///     for line in lines {
    ///         while !client.has_room() {
    ///             if let Some(received) = client.receive_or_room().await? {
    ///                 println!("{received}");
    ///             }
    ///         }
    ///         client.feed(line.as_str())?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`receive`](Self::receive).
    pub async fn receive_or_room(&mut self) -> Result<Option<OwnedMessage>, ClientError> {
        self.receive_until(true).await
    }

    /// Waits for what comes next, or for room.
    async fn receive_until(
        &mut self,
        wants_room: bool,
    ) -> Result<Option<OwnedMessage>, ClientError> {
        if self.has_ended {
            // The server has the right to an answer to its close frame.
            let _ = self.connection.flush().await;
            return Err(ClientError::Closed);
        }
        let received = poll_fn(|context| {
            match self.connection.poll_receive(context) {
                Poll::Pending if wants_room && self.connection.has_room() => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
                // Nothing comes after the end.
                Poll::Ready(received) => Poll::Ready(Some(received)),
            }
        });
        match received.await {
            None => Ok(None),
            Some(Some(Ok(received))) => {
                self.has_ended = matches!(received, OwnedMessage::Close { .. });
                Ok(Some(received))
            }
            Some(Some(Err(error))) => {
                self.has_ended = true;
                Err(error.into())
            }
            Some(None) => {
                self.has_ended = true;
                Err(ClientError::Closed)
            }
        }
    }

    /// Tells whether at most [`ClientOptions::queue_bytes`] wait for the server to read.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.connection.has_room()
    }

    /// Returns how many bytes of what was sent wait for the server to read; what the system has taken is not among
    /// them.
    #[must_use]
    pub fn unsent_bytes(&self) -> usize {
        self.connection.unsent_bytes()
    }

    /// Takes a message over, or a fragment of one, whether there is room or not; it leaves while
    /// something else is waited for.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn feed<'m>(&mut self, chunk: impl Into<Chunk<'m>>) -> Result<(), ClientError> {
        Ok(self.connection.feed(&chunk.into())?)
    }

    /// Takes a ping over, with at most 125 bytes of payload, as [`feed`](Self::feed) does.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn feed_ping(&mut self, payload: &[u8]) -> Result<(), ClientError> {
        Ok(self.connection.feed_ping(payload)?)
    }

    /// Sends a message, or a fragment of one, and waits until it has left. If dropped, it has been taken
    /// over nevertheless, and leaves with the next call.
    ///
    /// # Errors
    ///
    /// [`ClientError::Send`] for what must not be sent; another if nothing can be sent any more. Then
    /// [`receive`](Self::receive) has all that came before, and why.
    pub async fn send<'m>(&mut self, chunk: impl Into<Chunk<'m>>) -> Result<(), ClientError> {
        self.feed(chunk)?;
        Ok(self.connection.flush().await?)
    }

    /// Sends a ping with at most 125 bytes of payload.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn ping(&mut self, payload: &[u8]) -> Result<(), ClientError> {
        self.feed_ping(payload)?;
        Ok(self.connection.flush().await?)
    }

    /// Begins the closing handshake; go on receiving until [`OwnedMessage::Close`] comes, for which
    /// there is [`ClientOptions::close_time`].
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn close<'r>(&mut self, close: impl Into<Close<'r>>) -> Result<(), ClientError> {
        Ok(self.connection.close(close).await?)
    }

    /// Waits, after a close was received, for the server to close TCP, as §7.1.1 wants it.
    ///
    /// # Errors
    ///
    /// [`ClientError::TimedOut`] after `limit`, and what has broken the connection.
    pub async fn finish(mut self, limit: Duration) -> Result<(), ClientError> {
        let end = async {
            while let Some(received) = self.connection.receive().await {
                received?;
            }
            Ok(())
        };
        tokio::time::timeout(limit, end).await.map_err(|_| ClientError::TimedOut)?
    }

    /// Tells whether the system has taken all that was sent.
    fn is_flushed(&self) -> bool {
        self.connection.is_flushed()
    }
}

/// Waits for an opening handshake, but not for ever.
async fn within(
    deadline: Instant,
    opening: impl Future<Output = Result<Connection, ClientError>>,
) -> Result<Client, ClientError> {
    let connection =
        tokio::time::timeout_at(deadline, opening).await.map_err(|_| ClientError::TimedOut)??;
    Ok(Client { connection, has_ended: false })
}

impl From<Client> for Connection {
    fn from(client: Client) -> Self {
        client.into_connection()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("connection", &self.connection).finish_non_exhaustive()
    }
}

/// The longest head of a request or response, in bytes.
const HEAD_BYTES: usize = 16 * 1024;

/// There is room for so much of a head at first, in bytes: most are shorter, and come in one read.
const READ_BYTES: usize = 1024;
