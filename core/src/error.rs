//! Errors, by who is to blame: the peer, the caller, the capacity, the transport.
//!
//! "Not enough bytes yet" is not among them.

use core::fmt;

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
}

impl ProtocolError {
    /// Returns the code of the close frame that answers this violation.
    #[must_use]
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::InvalidUtf8 => CloseCode::INVALID_FRAME_PAYLOAD_DATA,
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
    /// An earlier send was dropped in the middle of a frame, so that no other can follow. The
    /// transport must be closed.
    FrameUnfinished,
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
            Self::FrameUnfinished => "an earlier frame was cut off by cancellation",
        })
    }
}

impl core::error::Error for SendError {}

/// A message does not fit the storage for messages; answered by close 1009.
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
        f.write_str("the message is longer than the storage for it")
    }
}

impl core::error::Error for CapacityError {}

/// Unites what can go wrong on a connection over a transport with errors of type `E`.
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
pub enum Error<E> {
    /// The peer broke the protocol; it has been told by a close frame.
    Protocol(ProtocolError),
    /// The peer's message was too big; it has been told by close 1009.
    Capacity(CapacityError),
    /// The opening handshake failed.
    Handshake(HandshakeError),
    /// The caller asked for what must not be sent.
    Send(SendError),
    /// The connection is over: the closing handshake was done, or an error was reported before.
    Closed,
    /// The transport ended without a closing handshake; 1006 in other APIs.
    UnexpectedEof,
    /// The transport failed.
    Transport(E),
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(error) => error.fmt(f),
            Self::Capacity(error) => error.fmt(f),
            Self::Handshake(error) => error.fmt(f),
            Self::Send(error) => error.fmt(f),
            Self::Closed => f.write_str("the connection is closed"),
            Self::UnexpectedEof => f.write_str("the peer left without a closing handshake"),
            Self::Transport(error) => error.fmt(f),
        }
    }
}

impl<E: core::error::Error> core::error::Error for Error<E> {}

impl<E> From<ProtocolError> for Error<E> {
    fn from(error: ProtocolError) -> Self {
        Self::Protocol(error)
    }
}

impl<E> From<CapacityError> for Error<E> {
    fn from(error: CapacityError) -> Self {
        Self::Capacity(error)
    }
}

impl<E> From<HandshakeError> for Error<E> {
    fn from(error: HandshakeError) -> Self {
        Self::Handshake(error)
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
