//! permessage-deflate (RFC 7692), without an allocator: what the drivers will speak, for who drives a
//! [`Connection`](crate::Connection) by hand.
//!
//! | part | memory |
//! |---|---|
//! | [`Deflate`]: what is offered, answered and agreed | 5 bytes |
//! | [`Inflate`]: the receiving direction, an [`Extension`](crate::Extension); with its [`Inflater`] | 1.6 KB |
//! | [`Window`]: what came out, lent: a whole message, or `2^window_bits` bytes of a stream | the caller's |
//! | [`Deflater`]: the sending direction, with fixed codes | 40 bytes, and a table of the caller's, such as 1 KB |
//!
//! A message that does not get shorter is better sent as it is.
#![expect(
    clippy::cast_possible_truncation,
    reason = "what is narrowed was taken from so few bits, or held against them"
)]

mod bits;
mod deflater;
mod huffman;
mod incoming;
mod inflate;
mod negotiation;
mod window;

use core::fmt;

pub use deflater::Deflater;
pub use incoming::Inflate;
pub use inflate::Inflater;
pub use negotiation::{Deflate, Direction, UnacceptableAnswer};
pub use window::{Position, Window};

/// What was to be inflated is not deflated data, or refers to more than the window holds.
///
/// ```
/// use wirelet::deflate::{Inflater, Malformed, Window};
///
/// let window = &mut Window::whole(&mut []);
/// assert_eq!(Inflater::new().inflate(&mut &[0x07][..], window), Err(Malformed)); // no such block
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is not deflated data, or it refers to more than the window holds")
    }
}

impl core::error::Error for Malformed {}
