//! Why a proxy does not lead to the server.

use std::fmt;
use std::io;

use wirelet::handshake::Status;

/// Why a proxy does not lead to the server, which has seen nothing.
///
/// ```
/// use wirelet_host::ProxyError;
///
/// let error = ProxyError::Credentials;
/// assert!(error.to_string().contains("407"));
/// assert!(!error.is_temporary());
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ProxyError {
    /// The proxy could not be reached, or the connection to it broke.
    Io(io::Error),
    /// TLS to the proxy failed, such as by a certificate that is not trusted.
    #[cfg(feature = "tls")]
    Tls(rustls::Error),
    /// The proxy did not answer in time.
    TimedOut,
    /// The proxy wants a user and a password, or others than the URL of the proxy has: 407, or what SOCKS
    /// has for it.
    Credentials,
    /// The proxy answered with another status than 2xx and 407.
    Refused(Status),
    /// A SOCKS proxy tells that it failed in this way.
    Unreachable(io::ErrorKind),
    /// What was answered is not of such a proxy.
    Malformed,
}

impl ProxyError {
    /// Tells whether the same may succeed later: not with a wrong password, and not after a status from
    /// 300 to 499 but 408 and 429.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Io(_) | Self::TimedOut => true,
            #[cfg(feature = "tls")]
            Self::Tls(error) => !matches!(error, rustls::Error::InvalidCertificate(_)),
            Self::Refused(status) => matches!(status.get(), 408 | 429 | 500..),
            Self::Unreachable(kind) => *kind != io::ErrorKind::PermissionDenied,
            Self::Credentials | Self::Malformed => false,
        }
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            #[cfg(feature = "tls")]
            Self::Tls(error) => crate::io::tls::words::describe(error, f),
            Self::TimedOut => f.write_str("no answer in time"),
            Self::Credentials => f.write_str(
                "it wants a user and a password (407), or others; write them in the URL of the proxy",
            ),
            Self::Refused(status) => {
                write!(f, "it refused with {} {}", status.get(), status.reason_phrase())
            }
            Self::Unreachable(kind) => write!(f, "it cannot connect to the server: {kind}"),
            Self::Malformed => f.write_str("its answer is not that of such a proxy"),
        }
    }
}

impl std::error::Error for ProxyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            #[cfg(feature = "tls")]
            Self::Tls(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for ProxyError {
    fn from(error: io::Error) -> Self {
        #[cfg(feature = "tls")]
        let error = match error.downcast::<crate::io::tls::TlsError>() {
            Ok(crate::io::tls::TlsError(error)) => return Self::Tls(error),
            Err(error) => error,
        };
        Self::Io(error)
    }
}

impl From<tokio_socks::Error> for ProxyError {
    fn from(error: tokio_socks::Error) -> Self {
        use io::ErrorKind as Kind;
        use tokio_socks::Error as E;
        match error {
            E::Io(error) => error.into(),
            E::NoAcceptableAuthMethods
            | E::UnknownAuthMethod
            | E::AuthorizationRequired
            | E::PasswordAuthFailure(_)
            | E::InvalidAuthValues(_) => Self::Credentials,
            E::ConnectionNotAllowedByRuleset => Self::Unreachable(Kind::PermissionDenied),
            E::NetworkUnreachable => Self::Unreachable(Kind::NetworkUnreachable),
            E::HostUnreachable => Self::Unreachable(Kind::HostUnreachable),
            E::ConnectionRefused => Self::Unreachable(Kind::ConnectionRefused),
            E::TtlExpired => Self::Unreachable(Kind::TimedOut),
            E::AddressTypeNotSupported | E::CommandNotSupported => {
                Self::Unreachable(Kind::Unsupported)
            }
            E::GeneralSocksServerFailure | E::UnknownError => Self::Unreachable(Kind::Other),
            _ => Self::Malformed,
        }
    }
}
