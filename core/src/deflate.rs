//! permessage-deflate (RFC 7692), without an allocator.
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
