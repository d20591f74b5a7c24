//! What both drivers are made of: all but the calls of the socket.
//!
//! ```text
//! want ─▶ Receiving ─▶ Read(space), Done
//!             └─▶ Reply, Head, Batch
//!                   └─▶ Sending ─▶ Write(bytes), Flush, Done
//! ```
//!
//! What is wanted, and what is to be sent, are values. `Receiving` and `Sending` say step by step
//! what the socket has to do for them; `blocking` and `asynch` are the loops that do it, and hold no
//! rule. No call holds anything that these two do not hold, so what was interrupted, by an error or
//! by dropping a future, can be gone on with.

use crate::handshake::{HandshakeError, ResponseError};
use crate::{Close, Error, Incoming, ProtocolError, SendError};

mod opening;
mod operations;
mod receiving;
mod sending;
mod websocket;

pub(crate) use opening::{Acceptable, Handshake, Opening, Requested, Responded};
pub(crate) use operations::{Begin, Control, Frame, Payload, ShortFrame};
pub(crate) use receiving::{End, Next, Receiving, Step, Want};
pub(crate) use sending::{Operation, Put, Sending, Step as SendingStep, Then};
pub use websocket::{Receiver, Sender, WebSocket, Writer};

/// Tells what the peer sent: data, which is a [`Message`](crate::Message) or a
/// [`Chunk`](crate::Chunk), or a control frame.
///
/// ```
/// use wirelet::{Close, Message, Received};
///
/// fn show(received: Received<'_, Message<'_>>) -> bool {
///     match received {
///         Received::Data(message) => message.as_bytes() != b"bye",
///         Received::Ping(_) | Received::Pong(_) => true, // pings are answered already
///         Received::Close(_) => false,                   // so is the close
///     }
/// }
/// assert!(show(Received::Data(Message::Text("hello"))));
/// assert!(!show(Received::Close(Close::EMPTY)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Received<'m, D> {
    /// A message or a chunk of one.
    Data(D),
    /// A ping with its payload, at most 125 bytes.
    Ping(&'m [u8]),
    /// A pong with its payload, at most 125 bytes.
    Pong(&'m [u8]),
    /// The peer's close frame. Nothing follows it.
    Close(Close<'m>),
}

impl<D> Received<'_, D> {
    /// Returns the data, if it is some.
    pub fn data(self) -> Option<D> {
        match self {
            Self::Data(data) => Some(data),
            Self::Ping(_) | Self::Pong(_) | Self::Close(_) => None,
        }
    }
}

/// Says when the driver calls `flush` of the transport, after it has written all that waits.
///
/// ```
/// use wirelet::Flush;
///
/// assert_eq!(Flush::default(), Flush::Batch);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Flush {
    /// Once per batch: after a send, and before waiting for input. For transports that keep bytes
    /// back, such as TLS.
    #[default]
    Batch,
    /// Only when the application calls `flush`, also during the opening handshake. For transports
    /// that send by themselves and whose flush waits for the peer's ACK, such as embassy-net's TCP
    /// socket.
    Manual,
}

/// What a [`Receiver`] has to reply; made by its `reply` for `answer` of the [`Sender`] of the same
/// connection.
#[derive(Debug)]
pub struct Reply<'r, Ro> {
    pub(crate) incoming: &'r mut Incoming<Ro>,
    /// Tells connections apart: where the transmit buffer lies.
    pub(crate) connection: usize,
}

/// Why something will not be done, other than by the transport.
#[derive(Clone, Copy, Debug)]
#[repr(usize)]
pub(crate) enum Failure {
    Protocol(ProtocolError),
    Handshake(HandshakeError),
    Send(SendError),
    MessageInProgress,
    Closed,
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        Self::Send(error)
    }
}

impl From<ResponseError> for Failure {
    fn from(error: ResponseError) -> Self {
        Self::Handshake(error.into())
    }
}

impl From<HandshakeError> for Failure {
    fn from(error: HandshakeError) -> Self {
        Self::Handshake(error)
    }
}

impl<E> From<Failure> for Error<E> {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Protocol(error) => error.into(),
            Failure::Handshake(error) => error.into(),
            Failure::Send(error) => error.into(),
            Failure::MessageInProgress => Self::MessageInProgress,
            Failure::Closed => Self::Closed,
        }
    }
}
