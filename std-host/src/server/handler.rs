//! What a server does with its connections.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use wirelet::handshake::Request;
use wirelet::{CapacityError, Chunk, Close, CloseCode, Message, ProtocolError, SendError};

use crate::endpoint::Link;
use crate::hub::Hub;
use crate::hub::endings::Ending;
use crate::hub::history::Sender;
use crate::hub::obstacle::{Call, Hold};
use crate::hub::peer::Peer;
use crate::io::tls;
use crate::server::answer::{Accept, Answer, Handshake, Response};

/// Handles what happens on the connections of a [`Server`](crate::Server).
///
/// The calls for one connection come one after the other, from the thread that serves it; they
/// should not block. What takes longer goes into a task (`tokio::spawn`), which answers through the
/// [`Hub`].
///
/// What is logged by `tracing` in a call stands in the span `connection` of level INFO, with the fields `id`,
/// `remote_addr` and `path`. To make it costs about a microsecond for each read, unless nobody is interested
/// in the level or in the target `wirelet_host::connection`.
///
/// An `Arc` of a handler is one, so that a program can keep it, and so is a `Box<dyn Handler>`.
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

    /// A request was answered and has opened no connection: by a page, or by a refusal of whoever refused.
    /// `head` is what has come, which may be no whole head, nor HTTP.
    fn answered(&self, head: &[u8], response: &Response, remote_addr: Option<SocketAddr>) {
        let _ = (head, response, remote_addr);
    }

    /// A connection is open.
    fn opened(&self, context: &mut Context<'_>) {
        let _ = context;
    }

    /// A whole message has come.
    fn message(&self, message: Message<'_>, context: &mut Context<'_>);

    /// The peer's close frame has come, behind its last message, and the server has sent none. It is answered when
    /// this returns; with [`Context::hold`], not before that is dropped. Until then, the peer can be sent what it
    /// has asked for before; it may have stopped to read.
    fn closing(&self, close: Close<'_>, context: &mut Context<'_>) {
        let _ = (close, context);
    }

    /// A connection that was open has ended; it is not in the hub any more.
    fn closed(&self, peer: &Peer, closed: &Closed, hub: &Hub) {
        let _ = (peer, closed, hub);
    }
}

/// Passes each call on to what is behind a pointer.
macro_rules! pass_on {
    ($pointer:ident) => {
        impl<H: Handler + ?Sized> Handler for $pointer<H> {
            fn handshake(&self, handshake: &Handshake<'_>) -> Answer {
                (**self).handshake(handshake)
            }

            fn request(&self, request: &Request<'_>, hub: &Hub) -> Option<Response> {
                (**self).request(request, hub)
            }

            fn answered(&self, head: &[u8], response: &Response, remote_addr: Option<SocketAddr>) {
                (**self).answered(head, response, remote_addr);
            }

            fn opened(&self, context: &mut Context<'_>) {
                (**self).opened(context);
            }

            fn message(&self, message: Message<'_>, context: &mut Context<'_>) {
                (**self).message(message, context);
            }

            fn closing(&self, close: Close<'_>, context: &mut Context<'_>) {
                (**self).closing(close, context);
            }

            fn closed(&self, peer: &Peer, closed: &Closed, hub: &Hub) {
                (**self).closed(peer, closed, hub);
            }
        }
    };
}

pass_on!(Arc);
pass_on!(Box);

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

/// What came of [`Context::send`].
///
/// ```
/// use wirelet_host::{Context, Sent};
///
/// fn answer(context: &mut Context<'_>, rows: &[String]) {
///     for row in rows {
///         if context.send(row.as_str()) == Sent::Closed {
///             return; // nobody is interested any more
///         }
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sent {
    /// It is taken.
    Taken,
    /// It is taken, and 256 KiB of answers or more wait. The handler is not called for another message
    /// of this connection before its socket has taken them; one that has more to say than fits the
    /// memory should say it later, through [`Hub::deliver_to`](crate::Hub::deliver_to).
    Waits,
    /// It is not: the connection is closing.
    Closed,
    /// It is not: it has no place in the message in progress, or is not UTF-8 with what was before.
    Misplaced,
}

impl<'c> Context<'c> {
    pub(crate) const fn new(
        link: Link<'c, wirelet::Server>,
        peer: &'c Arc<Peer>,
        hub: &'c Hub,
    ) -> Self {
        Self { link, peer, hub }
    }

    /// Sends a message or a fragment to this connection, behind all that was sent to it before, in
    /// whatever way. What others send to it does not come between the fragments of a message.
    pub fn send<'m>(&mut self, chunk: impl Into<Chunk<'m>>) -> Sent {
        let chunk = chunk.into();
        if self.peer.outbox.is_waiting() {
            self.take_outbox();
        }
        if let Err(error) = self.link.send_in_frames(&chunk, self.hub.frame_bytes()) {
            return not_sent(error);
        }
        self.peer.counters.messages_sent.add(chunk.is_last().into());
        if let Some(history) = self.peer.history_of() {
            history.add(Sender::Server, chunk.kind(), chunk.as_bytes());
        }
        if self.link.is_full() { Sent::Waits } else { Sent::Taken }
    }

    /// Begins to close this connection, behind all that was sent to it before.
    pub fn close<'r>(&mut self, close: impl Into<Close<'r>>) {
        self.take_outbox();
        if let Err(error) = self.link.close(close.into()) {
            tracing::debug!(%error, "close not sent");
        }
    }

    /// Does not call the handler for another message of this connection, and reads nothing more from
    /// it, until the returned value is dropped: so a client does not send faster than its messages are
    /// worked on, and answers come in the order of their questions. Pings are answered afterwards, and so is a
    /// close, if this is called by [`Handler::closing`].
    pub fn hold(&mut self) -> Hold {
        // Without a call there would be no context.
        self.hub.call().map_or_else(|| Call::new().hold(), Call::hold)
    }

    /// Takes what others have sent before, unless it has to wait for the end of a message.
    #[cold]
    fn take_outbox(&mut self) {
        if !self.link.may_begin() {
            return;
        }
        let mut frames = Vec::new();
        let close = self.peer.outbox.take(usize::MAX, &mut frames);
        for frame in frames {
            if self.link.send_encoded(&frame).is_ok() {
                self.peer.note_sent(&frame);
            }
        }
        if let Some(close) = close {
            // Only a close that was sent already could stand against it.
            let _ = self.link.close(close.lend());
        }
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

    /// Returns the way to all connections. What is sent this way, and not by a clone of it, counts as
    /// sent by this call: by [`Policy::Wait`](crate::Policy::Wait), this connection waits.
    #[must_use]
    pub const fn hub(&self) -> &'c Hub {
        self.hub
    }
}

#[cold]
fn not_sent(error: SendError) -> Sent {
    tracing::debug!(%error, "not sent");
    if error == SendError::Closed { Sent::Closed } else { Sent::Misplaced }
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
    /// The peer gave no sign of life after a ping.
    TimedOut,
    /// The peer did not do its part of the closing handshake in time.
    CloseTimedOut,
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

    /// Returns what this counts as in [`Totals::endings`](crate::Totals::endings), unless
    /// [`Policy::Close`](crate::Policy::Close) has closed the connection of a slow peer.
    #[must_use]
    pub fn ending(&self) -> Ending {
        match self {
            Self::ByPeer { code, .. } => Ending::Closed(*code),
            Self::Protocol(_) => Ending::ProtocolViolation,
            Self::Capacity(_) => Ending::MessageTooBig,
            Self::EmptyFragments => Ending::EmptyFragments,
            Self::TimedOut => Ending::PingTimeout,
            Self::CloseTimedOut => Ending::CloseTimeout,
            Self::Eof => Ending::Eof,
            Self::Abandoned => Ending::Abandoned,
            Self::Io(error) if tls::is_failure(error) => Ending::TlsFailure,
            Self::Io(_) => Ending::IoError,
        }
    }

    /// What this counts as, for a connection whose request was not answered yet.
    pub(crate) fn ending_before_open(&self) -> Ending {
        match self {
            Self::Eof => Ending::LeftBeforeOpen,
            // In the midst of the handshake of TLS.
            Self::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Ending::LeftBeforeOpen
            }
            other => other.ending(),
        }
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
            Self::CloseTimedOut => f.write_str("the peer did not answer the close frame in time"),
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
