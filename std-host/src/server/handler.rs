//! What a server does with its connections.

use std::fmt;
use std::io;
use std::sync::Arc;

use wirelet::handshake::Request;
use wirelet::{CapacityError, Chunk, Close, CloseCode, Message, ProtocolError};

use crate::endpoint::Link;
use crate::hub::Hub;
use crate::hub::history::Sender;
use crate::hub::peer::Peer;
use crate::server::answer::{Accept, Answer, Handshake, Response};
use crate::server::hold::{self, Hold};

/// Handles what happens on the connections of a [`Server`](crate::Server).
///
/// The calls for one connection come one after the other, from the thread that serves it; they
/// should not block. What takes longer goes into a task (`tokio::spawn`), which answers through the
/// [`Hub`].
///
/// ```
/// use wirelet::Message;
/// use wirelet_host::{Closed, Context, Handler, Hub, Peer};
///
/// struct Count(std::sync::atomic::AtomicUsize);
///
/// impl Handler for Count {
///     fn opened(&self, context: &mut Context<'_>) {
///         context.send("welcome");
///     }
///     fn message(&self, _message: Message<'_>, _context: &mut Context<'_>) {
///         self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
///     }
///     fn closed(&self, peer: &Peer, closed: &Closed, _hub: &Hub) {
///         println!("{}: {closed}", peer.id());
///     }
/// }
/// ```
pub trait Handler: Send + Sync + 'static {
    /// A client asks for a connection; its origin and host have been let in. By default, it may come
    /// in.
    fn handshake(&self, handshake: &Handshake<'_>) -> Answer {
        let _ = handshake;
        Accept::new().into()
    }

    /// A client asks for something else, such as a page. By default there is nothing here but WebSocket:
    /// 426.
    fn request(&self, request: &Request<'_>, hub: &Hub) -> Option<Response> {
        let _ = (request, hub);
        None
    }

    /// A connection is open.
    fn opened(&self, context: &mut Context<'_>) {
        let _ = context;
    }

    /// A whole message has come.
    fn message(&self, message: Message<'_>, context: &mut Context<'_>);

    /// A connection that was open has ended; it is not in the hub any more.
    fn closed(&self, peer: &Peer, closed: &Closed, hub: &Hub) {
        let _ = (peer, closed, hub);
    }
}

/// Stands for the connection that a [`Handler`] is called for.
///
/// What is sent here leaves together with all other replies to the same read.
///
/// ```
/// # use wirelet_host::Context;
/// fn greet(context: &mut Context<'_>) {
///     let name = format!("you are {}", context.peer().id());
///     context.send(name.as_str());
/// }
/// ```
pub struct Context<'c> {
    link: Link<'c, wirelet::Server>,
    peer: &'c Arc<Peer>,
    hub: &'c Hub,
}

impl<'c> Context<'c> {
    pub(crate) const fn new(
        link: Link<'c, wirelet::Server>,
        peer: &'c Arc<Peer>,
        hub: &'c Hub,
    ) -> Self {
        Self { link, peer, hub }
    }

    /// Sends a message or a fragment to this connection; does nothing if it is closing, or if
    /// the fragment has no place in the message in progress.
    pub fn send<'m>(&mut self, chunk: impl Into<Chunk<'m>>) {
        let chunk = chunk.into();
        if let Err(error) = self.link.send(&chunk) {
            return tracing::debug!(%error, "not sent");
        }
        self.peer.counters.messages_sent.add(chunk.is_last().into());
        if let Some(history) = self.peer.history_of() {
            history.add(Sender::Server, chunk.kind(), chunk.as_bytes());
        }
    }

    /// Begins to close this connection.
    pub fn close<'r>(&mut self, close: impl Into<Close<'r>>) {
        if let Err(error) = self.link.close(close.into()) {
            tracing::debug!(%error, "close not sent");
        }
    }

    /// Reads nothing more from this connection until the returned value is dropped, so that a client
    /// does not send faster than its messages are worked on. What came with the same read, up to
    /// 256 KiB or the end of a longer message, is still handled; pings are answered afterwards.
    pub fn hold(&mut self) -> Hold {
        hold::hold()
    }

    /// Lets this connection have what is published to `topic`.
    pub fn subscribe(&mut self, topic: &str) {
        // It is open, or this would not be called.
        let _ = self.hub.subscribe(self.peer.id(), topic);
    }

    /// Returns the connection's description.
    #[must_use]
    pub const fn peer(&self) -> &'c Arc<Peer> {
        self.peer
    }

    /// Returns the way to all connections.
    #[must_use]
    pub const fn hub(&self) -> &'c Hub {
        self.hub
    }
}

/// Says how a connection ended.
///
/// ```
/// use wirelet::CloseCode;
/// use wirelet_host::Closed;
///
/// let closed = Closed::ByPeer { code: Some(CloseCode::GOING_AWAY), reason: "bye".into() };
/// assert_eq!(closed.to_string(), "closed by the peer with 1001 (bye)");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Closed {
    /// The closing handshake was done, whoever began it; this is what the peer's close frame said.
    ByPeer {
        /// The code; `None` if there was none.
        code: Option<CloseCode>,
        /// The reason, in most cases empty.
        reason: Box<str>,
    },
    /// The peer broke the protocol.
    Protocol(ProtocolError),
    /// The peer's message was longer than the limit.
    Capacity(CapacityError),
    /// The peer's message had more than 1000 empty fragments.
    EmptyFragments,
    /// The peer did not answer a close frame or a ping in time.
    TimedOut,
    /// TCP ended without a closing handshake.
    Eof,
    /// The handler has panicked, or the task that served the connection was dropped.
    Abandoned,
    /// TCP failed.
    Io(io::Error),
}

impl Closed {
    /// TCP itself has ended, and nothing can be sent any more.
    pub(crate) const fn is_of_tcp(&self) -> bool {
        matches!(self, Self::Eof | Self::Io(_))
    }
}

impl From<ProtocolError> for Closed {
    fn from(error: ProtocolError) -> Self {
        match error {
            ProtocolError::MessageTooBig => Self::Capacity(CapacityError),
            ProtocolError::EmptyFragments => Self::EmptyFragments,
            error => Self::Protocol(error),
        }
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByPeer { code: None, .. } => f.write_str("closed by the peer without a code"),
            Self::ByPeer { code: Some(code), reason } if reason.is_empty() => {
                write!(f, "closed by the peer with {code}")
            }
            Self::ByPeer { code: Some(code), reason } => {
                write!(f, "closed by the peer with {code} ({reason})")
            }
            Self::Protocol(error) => write!(f, "violation of the protocol: {error}"),
            Self::Capacity(error) => error.fmt(f),
            Self::EmptyFragments => f.write_str("a message has too many empty fragments"),
            Self::TimedOut => f.write_str("the peer did not answer in time"),
            Self::Eof => f.write_str("the peer left without a closing handshake"),
            Self::Abandoned => f.write_str("nobody serves it any more"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

/// Sends every message back to where it came from.
///
/// ```
/// # async fn f() -> std::io::Result<()> {
/// let server = wirelet_host::Server::bind("127.0.0.1:8567", wirelet_host::Echo).await?;
/// # drop(server); Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Echo;

impl Handler for Echo {
    fn message(&self, message: Message<'_>, context: &mut Context<'_>) {
        context.send(message);
    }
}

/// Sends every message to every connection, also back to its sender.
///
/// ```
/// # async fn f() -> std::io::Result<()> {
/// let server = wirelet_host::Server::bind("127.0.0.1:8567", wirelet_host::Chat).await?;
/// # drop(server); Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Chat;

impl Handler for Chat {
    fn message(&self, message: Message<'_>, context: &mut Context<'_>) {
        context.hub().send_to_all(message);
    }
}

/// Takes every message and sends none.
///
/// ```
/// # async fn f() -> std::io::Result<()> {
/// let server = wirelet_host::Server::bind("127.0.0.1:8567", wirelet_host::Sink).await?;
/// # drop(server); Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Sink;

impl Handler for Sink {
    fn message(&self, _message: Message<'_>, _context: &mut Context<'_>) {}
}
