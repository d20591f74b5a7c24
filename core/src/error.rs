//! Errors, by who is to blame: the peer, the caller, the capacity, the transport.
//!
//! "Not enough bytes yet" is not among them.

use core::fmt;

use embedded_io::ErrorKind;

use crate::CloseCode;
use crate::handshake::{HandshakeError, RequestError};

/// The peer broke RFC 6455. The connection has failed: a close frame with
/// [`close_code`](Self::close_code) waits to be sent, and nothing more is accepted.
///
/// ```
/// use wirelet::{CloseCode, ProtocolError};
///
/// assert_eq!(ProtocolError::Unmasked.close_code(), CloseCode::PROTOCOL_ERROR);
/// assert_eq!(ProtocolError::InvalidUtf8.close_code(), CloseCode::INVALID_FRAME_PAYLOAD_DATA);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
// As wide as the pointer in whose place it is returned, or else compilers write that in pieces, and
// the processor waits when it is read as a whole.
#[repr(usize)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A reserved bit is set and no extension gave it a meaning (§5.2).
    ReservedBits,
    /// The opcode is reserved (§5.2).
    ReservedOpcode,
    /// A client sent a frame that is not masked (§5.1).
    Unmasked,
    /// A server sent a frame that is masked (§5.1).
    Masked,
    /// The payload length takes more bytes than it needs (§5.2).
    NonMinimalLength,
    /// The top bit of a 64-bit payload length is set (§5.2).
    LengthTooLarge,
    /// A control frame is fragmented (§5.5).
    FragmentedControl,
    /// The payload of a control frame is longer than 125 bytes (§5.5).
    ControlTooLong,
    /// A continuation frame with no message to continue (§5.4).
    UnexpectedContinuation,
    /// A new message inside a fragmented one (§5.4).
    ExpectedContinuation,
    /// A text message or the reason of a close frame is not UTF-8 (§8.1).
    InvalidUtf8,
    /// A close frame with a payload of one byte (§5.5.1).
    InvalidClosePayload,
    /// A close frame with a code that must not be sent (§7.4).
    InvalidCloseCode,
    /// More than 1,000 fragments of one message without a byte: allowed (§5.4), but they would never
    /// end.
    EmptyFragments,
    /// A message is longer than the limit that
    /// [`receive_within`](crate::Incoming::receive_within) was given. RFC 6455 sets none;
    /// [`Error`] has it as [`CapacityError`].
    MessageTooBig,
    /// A compressed message cannot be inflated, or refers to more than was agreed (RFC 7692).
    #[cfg(feature = "deflate")]
    InvalidDeflate,
    /// The peer went on sending, and did not close, for 1 MiB after this end had closed.
    StillSending,
}

impl ProtocolError {
    /// Returns the code of the close frame that answers this violation.
    #[must_use]
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::InvalidUtf8 => CloseCode::INVALID_FRAME_PAYLOAD_DATA,
            #[cfg(feature = "deflate")]
            Self::InvalidDeflate => CloseCode::INVALID_FRAME_PAYLOAD_DATA,
            Self::MessageTooBig => CapacityError::CLOSE_CODE,
            Self::EmptyFragments | Self::StillSending => CloseCode::POLICY_VIOLATION,
            Self::ReservedBits
            | Self::ReservedOpcode
            | Self::Unmasked
            | Self::Masked
            | Self::NonMinimalLength
            | Self::LengthTooLarge
            | Self::FragmentedControl
            | Self::ControlTooLong
            | Self::UnexpectedContinuation
            | Self::ExpectedContinuation
            | Self::InvalidClosePayload
            | Self::InvalidCloseCode => CloseCode::PROTOCOL_ERROR,
        }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReservedBits => "a reserved bit is set without an extension",
            Self::ReservedOpcode => "the opcode is reserved",
            Self::Unmasked => "a frame from the client is not masked",
            Self::Masked => "a frame from the server is masked",
            Self::NonMinimalLength => "the payload length takes more bytes than it needs",
            Self::LengthTooLarge => "the top bit of the payload length is set",
            Self::FragmentedControl => "a control frame is fragmented",
            Self::ControlTooLong => "a control frame is longer than 125 bytes",
            Self::UnexpectedContinuation => "a continuation frame with no message to continue",
            Self::ExpectedContinuation => "a new message begins inside a fragmented one",
            Self::InvalidUtf8 => "text is not valid UTF-8",
            Self::InvalidClosePayload => "the payload of a close frame has one byte",
            Self::InvalidCloseCode => "the close code must not be sent",
            Self::EmptyFragments => "too many fragments of a message are empty",
            Self::MessageTooBig => "the message is longer than the limit",
            #[cfg(feature = "deflate")]
            Self::InvalidDeflate => "a compressed message cannot be inflated",
            Self::StillSending => "the peer goes on sending and does not close",
        })
    }
}

impl core::error::Error for ProtocolError {}

/// The caller asked to send what must not be sent. Nothing was sent and nothing has changed.
///
/// ```
/// use wirelet::{Connection, SendError, Server};
///
/// let mut connection = Connection::new(Server);
/// let too_long = [0; 126];
/// assert_eq!(connection.ping(&too_long, &mut [0; 200]), Err(SendError::ControlTooLong));
/// assert_eq!(connection.send("hello", &mut [0; 6]), Err(SendError::OutOfSpace { needed: 7 }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
#[repr(usize)]
pub enum SendError {
    /// A close frame has been sent; nothing may follow it (§5.5.1).
    Closed,
    /// The payload of a control frame has more than 125 bytes, or the reason of a close frame
    /// more than 123.
    ControlTooLong,
    /// A whole message, or a first fragment, inside a fragmented message (§5.4).
    MessageInProgress,
    /// A fragment that continues a message when none is in progress, or one of the other kind.
    NoMessageInProgress,
    /// The frame has `needed` bytes, and there is less space than that.
    OutOfSpace {
        /// The length of the whole frame in bytes.
        needed: usize,
    },
    /// An automatic reply waits, or has been written in part; it must come first.
    ReplyUnfinished,
    /// A frame that was begun lacks some of its payload, so that no other can follow.
    FrameUnfinished,
    /// The text would not be UTF-8 when its pieces are put together (§8.1).
    InvalidUtf8,
    /// There are more bytes than the length that was announced for the frame.
    TooLong,
    /// The reply is that of another connection.
    ForeignReply,
    /// The opening handshake is over, or was done elsewhere.
    HandshakeOver,
    /// The opening handshake has begun and is not over.
    HandshakePending,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "a close frame has been sent already",
            Self::ControlTooLong => "the payload of a control frame is longer than 125 bytes",
            Self::MessageInProgress => "a fragmented message is in progress",
            Self::NoMessageInProgress => "no fragmented message of this kind is in progress",
            Self::OutOfSpace { needed } => {
                return write!(f, "the frame needs {needed} bytes of space");
            }
            Self::ReplyUnfinished => "an automatic reply must be sent first",
            Self::FrameUnfinished => "an earlier frame lacks some of its payload",
            Self::InvalidUtf8 => "the pieces of the text are not UTF-8 when put together",
            Self::TooLong => "there are more bytes than were announced for the frame",
            Self::ForeignReply => "the reply is that of another connection",
            Self::HandshakeOver => "the opening handshake is over",
            Self::HandshakePending => "the opening handshake is not over",
        })
    }
}

impl core::error::Error for SendError {}

/// A message does not fit the storage for messages, which is answered by close 1009; or the head of
/// a response does not fit the receive buffer.
///
/// ```
/// use wirelet::{CapacityError, CloseCode};
///
/// assert_eq!(CapacityError::CLOSE_CODE, CloseCode::MESSAGE_TOO_BIG);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CapacityError;

impl CapacityError {
    /// The code of the close frame that answers a message that is too big.
    pub const CLOSE_CODE: CloseCode = CloseCode::MESSAGE_TOO_BIG;
}

impl fmt::Display for CapacityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message or a head is longer than the storage for it")
    }
}

impl core::error::Error for CapacityError {}

/// Unites what can go wrong on a connection over a transport with errors of type `E`.
///
/// Three variants tell of the transport, by what became of the call:
///
/// | variant | what was called | to go on |
/// |---|---|---|
/// | [`Transport`](Self::Transport) | has changed nothing | call it again |
/// | [`Unflushed`](Self::Unflushed) | is queued whole | call `flush`, not it |
/// | [`Unfinished`](Self::Unfinished) | is cut: some of its payload is not queued | `write` the rest of it |
///
/// ```
/// use wirelet::{Error, ProtocolError};
///
/// let error: Error<core::convert::Infallible> = ProtocolError::Masked.into();
/// assert!(matches!(error, Error::Protocol(ProtocolError::Masked)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
#[repr(usize)]
pub enum Error<E> {
    /// The peer broke the protocol; it has been told by a close frame.
    Protocol(ProtocolError),
    /// The peer's message was too big, and it has been told by close 1009; or the head of the
    /// server's response was.
    Capacity(CapacityError),
    /// The opening handshake failed.
    Handshake(HandshakeError),
    /// The caller asked for what must not be sent.
    Send(SendError),
    /// The caller asked for a whole message between the chunks of one; the rest of it is received
    /// by `receive_chunk`.
    MessageInProgress,
    /// The connection is over: the closing handshake was done, or an error was reported before.
    Closed,
    /// The transport ended without a closing handshake; 1006 in other APIs.
    UnexpectedEof,
    /// The transport failed, and what was called has changed nothing.
    Transport(E),
    /// The transport failed when what was called had been queued whole.
    Unflushed(E),
    /// The transport failed in the middle of a frame that is longer than the transmit buffer.
    Unfinished(E),
}

impl<E> Error<E> {
    /// Returns the error of the transport, if it was the transport.
    pub fn transport(self) -> Option<E> {
        match self {
            Self::Transport(error) | Self::Unflushed(error) | Self::Unfinished(error) => {
                Some(error)
            }
            _ => None,
        }
    }
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(error) => error.fmt(f),
            Self::Capacity(error) => error.fmt(f),
            Self::Handshake(error) => error.fmt(f),
            Self::Send(error) => error.fmt(f),
            Self::MessageInProgress => f.write_str("a message is being received by its chunks"),
            Self::Closed => f.write_str("the connection is closed"),
            Self::UnexpectedEof => f.write_str("the peer left without a closing handshake"),
            Self::Transport(error) | Self::Unflushed(error) | Self::Unfinished(error) => {
                error.fmt(f)
            }
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for Error<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Protocol(error) => Some(error),
            Self::Capacity(error) => Some(error),
            Self::Handshake(error) => Some(error),
            Self::Send(error) => Some(error),
            Self::Transport(error) | Self::Unflushed(error) | Self::Unfinished(error) => {
                Some(error)
            }
            Self::MessageInProgress | Self::Closed | Self::UnexpectedEof => None,
        }
    }
}

impl<E: embedded_io::Error + 'static> embedded_io::Error for Error<E> {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Transport(error) | Self::Unflushed(error) | Self::Unfinished(error) => {
                error.kind()
            }
            Self::UnexpectedEof | Self::Closed => ErrorKind::ConnectionAborted,
            Self::Protocol(_) | Self::Handshake(_) => ErrorKind::InvalidData,
            Self::Capacity(_) => ErrorKind::OutOfMemory,
            Self::Send(_) | Self::MessageInProgress => ErrorKind::InvalidInput,
        }
    }
}

/// An error of the transport, such as of what was read from the socket without the connection.
impl<E: embedded_io::Error> From<E> for Error<E> {
    fn from(error: E) -> Self {
        Self::Transport(error)
    }
}

impl<E> From<ProtocolError> for Error<E> {
    fn from(error: ProtocolError) -> Self {
        match error {
            ProtocolError::MessageTooBig => Self::Capacity(CapacityError),
            error => Self::Protocol(error),
        }
    }
}

impl<E> From<CapacityError> for Error<E> {
    fn from(error: CapacityError) -> Self {
        Self::Capacity(error)
    }
}

impl<E> From<HandshakeError> for Error<E> {
    fn from(error: HandshakeError) -> Self {
        match error {
            HandshakeError::HeadTooLong => Self::Capacity(CapacityError),
            error => Self::Handshake(error),
        }
    }
}

impl<E> From<RequestError> for Error<E> {
    fn from(error: RequestError) -> Self {
        Self::Handshake(error.into())
    }
}

impl<E> From<SendError> for Error<E> {
    fn from(error: SendError) -> Self {
        Self::Send(error)
    }
}
