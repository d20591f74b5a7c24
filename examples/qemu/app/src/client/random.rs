//! The board's random numbers, as wirelet takes them.

use core::cell::RefCell;
use core::convert::Infallible;

use rand_core::{TryRng, utils};

use crate::Board;

/// Draws from the board, which the socket holds as well.
pub(super) struct Random<'r, 'b, B>(pub(super) &'r RefCell<&'b mut B>);

impl<B: Board> TryRng for Random<'_, '_, B> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.0.borrow_mut().random())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        utils::next_u64_via_u32(self)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        utils::fill_bytes_via_next_word(out, || self.try_next_u32())
    }
}
