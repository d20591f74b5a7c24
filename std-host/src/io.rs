//! Bytes: what they come from and go to, and where they wait.

pub(crate) mod buffer;
pub(crate) mod duplex;
pub(crate) mod located;
pub(crate) mod scratch;
pub(crate) mod socket;
pub(crate) mod stream;
pub(crate) mod tls;

use std::io;

/// The socket has nothing for us now, and may have later.
pub(crate) fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
