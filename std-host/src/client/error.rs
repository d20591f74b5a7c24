//! Why a client failed.

use std::fmt;
use std::io;
use std::time::Duration;

use wirelet::handshake::{BuildError, HandshakeError, ResponseError, Status};
use wirelet::{CapacityError, ProtocolError, SendError};

use super::proxy::ProxyError;
use super::redirect::RedirectError;
use crate::connection::error::ConnectionError;
#[cfg(feature = "tls")]
use crate::io::tls::TlsError;
#[cfg(feature = "tls")]
use crate::io::tls::pem::LoadError;

/// Why a [`Client`](crate::Client) failed.
///
/// ```
/// use wirelet_host::{Client, ClientError};
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let error = Client::connect("http://example.org/").await.unwrap_err();
/// assert!(matches!(error, ClientError::Url(_)));
/// assert!(!error.is_temporary());
/// # });
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientError {
    /// This is no `ws://` or `wss://` URL.
    Url(String),
    /// The authorities to trust cannot be read.
    #[cfg(feature = "tls")]
    Authorities(LoadError),
    /// The server could not be reached, or the connection broke.
    Io(io::Error),
    /// The server's certificate is not trusted, or TLS failed otherwise. Nothing was sent in the open.
    #[cfg(feature = "tls")]
    Tls(rustls::Error),
    /// The proxy does not lead to the server.
    Proxy {
        /// The URL of the proxy, without user and password.
        proxy: String,
        /// Why not.
        error: ProxyError,
    },
    /// Nobody answered in time.
    TimedOut,
    /// The server answered the opening handshake with another status than 101.
    Refused {
        /// The status.
        status: Status,
        /// The first line of the response's body, at most 200 characters; empty if there is none.
        why: String,
        /// Where what was asked for is instead, as the server says it; see
        /// [`ClientOptions::redirects`](crate::ClientOptions::redirects).
        location: Option<String>,
        /// How long the server wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// A redirect cannot be followed.
    Redirect {
        /// Where it leads, as the server says it.
        location: String,
        /// Why not.
        error: RedirectError,
    },
    /// The opening handshake failed.
    Handshake(HandshakeError),
    /// The server answered a request without TLS in TLS: its URL begins with `wss://`.
    SpeaksTls,
    /// The server broke the protocol; it has been told by a close frame.
    Protocol(ProtocolError),
    /// The server's message is longer than
    /// [`ClientOptions::message_bytes`](crate::ClientOptions::message_bytes).
    Capacity(CapacityError),
    /// The server's message had more than 1000 empty fragments.
    EmptyFragments,
    /// What was asked for must not be sent.
    Send(SendError),
    /// The server left without a closing handshake.
    Eof,
    /// The connection was closed before.
    Closed,
    /// There is no connection now; what was to be sent has not, or not wholly, left.
    NotConnected,
}

impl ClientError {
    /// Tells whether the same may succeed later: not with a wrong URL, certificate or request, and
    /// not after a status from 300 to 499 but 408 (Request Timeout) and 429 (Too Many Requests).
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Url(_)
            | Self::Redirect { .. }
            | Self::Handshake(_)
            | Self::SpeaksTls
            | Self::Send(_) => false,
            #[cfg(feature = "tls")]
            Self::Authorities(_) => false,
            #[cfg(feature = "tls")]
            Self::Tls(error) => !matches!(error, rustls::Error::InvalidCertificate(_)),
            Self::Proxy { error, .. } => error.is_temporary(),
            Self::Refused { status, .. } => matches!(status.get(), 408 | 429 | 500..),
            _ => true,
        }
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(why) => f.write_str(why),
            #[cfg(feature = "tls")]
            Self::Authorities(error) => error.fmt(f),
            Self::Io(error) => error.fmt(f),
            #[cfg(feature = "tls")]
            Self::Tls(error) => crate::io::tls::words::describe(error, f),
            Self::Proxy { proxy, error } => write!(f, "the proxy {proxy}: {error}"),
            Self::TimedOut => f.write_str("the server did not answer in time"),
            Self::Refused { status, why, location, .. } => {
                let (code, phrase) = (status.get(), status.reason_phrase());
                f.write_str("the server refused with ")?;
                if phrase.is_empty() { write!(f, "{code}") } else { write!(f, "{code} {phrase}") }?;
                match location {
                    Some(location) => write!(f, "; it sends on to {}", for_people(location)),
                    None if why.is_empty() => Ok(()),
                    None => write!(f, ": {why}"),
                }
            }
            Self::Redirect { location, error } => {
                write!(f, "the redirect to {} is not followed: {error}", for_people(location))
            }
            Self::Handshake(error) => error.fmt(f),
            Self::SpeaksTls => {
                f.write_str("the server speaks TLS; its URL begins with wss://, not with ws://")
            }
            Self::Protocol(error) => write!(f, "the server broke the protocol: {error}"),
            Self::Capacity(error) => error.fmt(f),
            Self::EmptyFragments => f.write_str("a message has too many empty fragments"),
            Self::Send(error) => error.fmt(f),
            Self::Eof => f.write_str("the server left without a closing handshake"),
            Self::Closed => f.write_str("the connection is closed"),
            Self::NotConnected => {
                f.write_str("there is no connection now; the message was not sent")
            }
        }
    }
}

impl std::error::Error for ClientError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            #[cfg(feature = "tls")]
            Self::Authorities(error) => Some(error),
            Self::Io(error) => Some(error),
            #[cfg(feature = "tls")]
            Self::Tls(error) => Some(error),
            Self::Proxy { error, .. } => Some(error),
            Self::Redirect { error, .. } => Some(error),
            Self::Handshake(error) => Some(error),
            Self::Protocol(error) => Some(error),
            Self::Capacity(error) => Some(error),
            Self::Send(error) => Some(error),
            Self::Url(_)
            | Self::TimedOut
            | Self::Refused { .. }
            | Self::SpeaksTls
            | Self::EmptyFragments
            | Self::Eof
            | Self::Closed
            | Self::NotConnected => None,
        }
    }
}

/// Leaves out of what a server sent what a terminal could take for a command, and what is too long.
pub(super) fn for_people(text: &str) -> String {
    text.chars().filter(|char| !char.is_control()).take(LINE_CHARS).collect()
}

/// How much of a line of the server is told.
const LINE_CHARS: usize = 200;

impl From<ConnectionError> for ClientError {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::Io(error) => Self::Io(error),
            #[cfg(feature = "tls")]
            ConnectionError::Tls(error) => Self::Tls(error),
            ConnectionError::TimedOut => Self::TimedOut,
            ConnectionError::Protocol(error) => Self::Protocol(error),
            ConnectionError::Capacity(error) => Self::Capacity(error),
            ConnectionError::EmptyFragments => Self::EmptyFragments,
            ConnectionError::Send(error) => Self::Send(error),
            ConnectionError::Eof => Self::Eof,
            ConnectionError::Closed => Self::Closed,
        }
    }
}

impl From<io::Error> for ClientError {
    fn from(error: io::Error) -> Self {
        #[cfg(feature = "tls")]
        let error = match error.downcast::<TlsError>() {
            Ok(TlsError(error)) => return Self::Tls(error),
            Err(error) => error,
        };
        Self::Io(error)
    }
}

#[cfg(feature = "tls")]
impl From<LoadError> for ClientError {
    fn from(error: LoadError) -> Self {
        Self::Authorities(error)
    }
}

impl From<BuildError> for ClientError {
    fn from(error: BuildError) -> Self {
        Self::Handshake(error.into())
    }
}

impl From<ResponseError> for ClientError {
    fn from(error: ResponseError) -> Self {
        Self::Handshake(error.into())
    }
}
