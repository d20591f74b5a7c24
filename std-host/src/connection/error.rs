//! Why a connection ended.

use std::error::Error;
use std::fmt;
use std::io;

use wirelet::{CapacityError, ProtocolError, SendError};

#[cfg(feature = "tls")]
use crate::io::tls::TlsError;

/// Why a [`Connection`](crate::Connection) ended without a closing handshake, or does not send.
///
/// ```
/// use wirelet_host::ConnectionError;
///
/// let error = ConnectionError::Eof;
/// assert_eq!(error.to_string(), "the peer left without a closing handshake");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The byte stream broke.
    Io(io::Error),
    /// TLS failed.
    #[cfg(feature = "tls")]
    Tls(rustls::Error),
    /// Nothing has moved in either direction for too long.
    TimedOut,
    /// The peer broke the protocol; a close frame tells it.
    Protocol(ProtocolError),
    /// The peer's message is longer than the limit; a close frame tells it.
    Capacity(CapacityError),
    /// The peer's message had more than 1000 empty fragments; a close frame tells it.
    EmptyFragments,
    /// What was asked for must not be sent.
    Send(SendError),
    /// The peer left without a closing handshake.
    Eof,
    /// The connection has ended before, for a reason that the receiving side tells.
    Closed,
}

impl ConnectionError {
    /// Tells whether the peer is told by a close frame.
    pub(super) const fn is_violation(&self) -> bool {
        matches!(self, Self::Protocol(_) | Self::Capacity(_) | Self::EmptyFragments)
    }
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            #[cfg(feature = "tls")]
            Self::Tls(error) => crate::io::tls::words::describe(error, f),
            Self::TimedOut => f.write_str("the peer did not answer in time"),
            Self::Protocol(error) => write!(f, "the peer broke the protocol: {error}"),
            Self::Capacity(error) => error.fmt(f),
            Self::EmptyFragments => f.write_str("a message has too many empty fragments"),
            Self::Send(error) => error.fmt(f),
            Self::Eof => f.write_str("the peer left without a closing handshake"),
            Self::Closed => f.write_str("the connection is closed"),
        }
    }
}

impl Error for ConnectionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            #[cfg(feature = "tls")]
            Self::Tls(error) => Some(error),
            Self::Protocol(error) => Some(error),
            Self::Capacity(error) => Some(error),
            Self::Send(error) => Some(error),
            Self::TimedOut | Self::EmptyFragments | Self::Eof | Self::Closed => None,
        }
    }
}

impl From<ProtocolError> for ConnectionError {
    fn from(error: ProtocolError) -> Self {
        match error {
            ProtocolError::MessageTooBig => Self::Capacity(CapacityError),
            ProtocolError::EmptyFragments => Self::EmptyFragments,
            error => Self::Protocol(error),
        }
    }
}

impl From<SendError> for ConnectionError {
    fn from(error: SendError) -> Self {
        Self::Send(error)
    }
}

impl From<io::Error> for ConnectionError {
    fn from(error: io::Error) -> Self {
        #[cfg(feature = "tls")]
        let error = match error.downcast::<TlsError>() {
            Ok(TlsError(error)) => return Self::Tls(error),
            Err(error) => error,
        };
        Self::Io(error)
    }
}
