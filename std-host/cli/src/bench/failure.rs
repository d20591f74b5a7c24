//! Why a connection of the load failed.

use std::fmt;
use std::io;

use wirelet::handshake::{BuildError, HandshakeError, ResponseError};
use wirelet::{CloseCode, ProtocolError, SendError};

/// Why a connection failed.
#[derive(Debug)]
pub(super) enum Failure {
    Io(io::Error),
    Handshake(HandshakeError),
    Protocol(ProtocolError),
    Send(SendError),
    /// The server closed, with this code if it gave one.
    Closed(Option<CloseCode>),
    /// TCP ended without a closing handshake.
    Eof,
    TimedOut,
    /// Text came back as bytes, or bytes as text.
    Kind,
    /// A message came back with other than the `sent` bytes: with `received` bytes, or more.
    Length {
        received: usize,
        sent: usize,
    },
    /// A message came back with other content.
    Content,
    /// A message came that had not been sent.
    Unasked,
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        Self::Handshake(error.into())
    }
}

impl From<HandshakeError> for Failure {
    fn from(error: HandshakeError) -> Self {
        Self::Handshake(error)
    }
}

impl From<ResponseError> for Failure {
    fn from(error: ResponseError) -> Self {
        Self::Handshake(error.into())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Handshake(error) => error.fmt(f),
            Self::Protocol(error) => write!(f, "the server broke the protocol: {error}"),
            Self::Send(error) => error.fmt(f),
            Self::Closed(Some(code)) => write!(f, "closed by the server with {code}"),
            Self::Closed(None) => f.write_str("closed by the server without a code"),
            Self::Eof => f.write_str("the server left without a closing handshake"),
            Self::TimedOut => f.write_str("the server did not answer in time"),
            Self::Kind => f.write_str("a message came back as the other kind, text or binary"),
            Self::Length { received, sent } if received > sent => {
                write!(f, "a message of {sent} bytes came back with {received} bytes or more")
            }
            Self::Length { received, sent } => {
                write!(f, "a message of {sent} bytes came back with {received} bytes")
            }
            Self::Content => f.write_str("a message came back with other content"),
            Self::Unasked => f.write_str("a message came that had not been sent"),
        }
    }
}
