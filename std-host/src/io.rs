//! Bytes: what they come from and go to, and where they wait.

pub(crate) mod buffer;
pub(crate) mod duplex;
pub(crate) mod scratch;
pub(crate) mod socket;
pub(crate) mod stream;
pub(crate) mod tls;
