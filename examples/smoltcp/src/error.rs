//! What can go wrong with TCP.

use core::error::Error;
use core::fmt;

use embedded_io::ErrorKind;
use smoltcp::socket::tcp::{ConnectError, ListenError, SendError};

/// Tells why the TCP connection is of no more use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpError {
    /// A connection could not be begun.
    Connect(ConnectError),
    /// The socket could not listen.
    Listen(ListenError),
    /// The connection was refused, reset or is closed.
    Reset,
    /// The peer has not answered in time.
    TimedOut,
}

impl fmt::Display for TcpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "cannot connect: {error}"),
            Self::Listen(error) => write!(f, "cannot listen: {error}"),
            Self::Reset => f.write_str("there is no connection any more"),
            Self::TimedOut => f.write_str("the peer has not answered in time"),
        }
    }
}

impl Error for TcpError {}

impl embedded_io::Error for TcpError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Connect(_) | Self::Listen(_) => ErrorKind::InvalidInput,
            Self::Reset => ErrorKind::ConnectionReset,
            Self::TimedOut => ErrorKind::TimedOut,
        }
    }
}

impl From<ConnectError> for TcpError {
    fn from(error: ConnectError) -> Self {
        Self::Connect(error)
    }
}

impl From<ListenError> for TcpError {
    fn from(error: ListenError) -> Self {
        Self::Listen(error)
    }
}

impl From<SendError> for TcpError {
    fn from(SendError::InvalidState: SendError) -> Self {
        Self::Reset
    }
}
