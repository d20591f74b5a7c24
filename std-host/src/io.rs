//! Bytes: what they come from and go to, and where they wait.

pub(crate) mod buffer;
pub(crate) mod duplex;
pub(crate) mod located;
#[cfg(not(feature = "tls"))]
pub(crate) mod no_tls;
pub(crate) mod scratch;
#[cfg(feature = "server")]
pub(crate) mod socket;
#[cfg(feature = "server")]
pub(crate) mod stream;
#[cfg(feature = "tls")]
pub(crate) mod tls;

#[cfg(not(feature = "tls"))]
pub(crate) use no_tls as tls;
#[cfg(all(feature = "server", not(feature = "tls")))]
pub(crate) use tls::Certificates;
#[cfg(all(feature = "server", feature = "tls"))]
pub(crate) use tls::config::Certificates;

use std::io;

/// The socket has nothing for us now, and may have later.
pub(crate) fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
