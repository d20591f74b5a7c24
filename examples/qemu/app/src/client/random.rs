//! The board's random numbers, as wirelet takes them.

use core::cell::RefCell;

use wirelet::Random;

use crate::Board;

/// Draws from the board, which the socket holds as well.
pub(super) struct BoardRandom<'r, 'b, B>(pub(super) &'r RefCell<&'b mut B>);

impl<B: Board> Random for BoardRandom<'_, '_, B> {
    fn fill(&mut self, bytes: &mut [u8]) {
        for word in bytes.chunks_mut(4) {
            let random = self.0.borrow_mut().random().to_le_bytes();
            word.copy_from_slice(&random[..word.len()]);
        }
    }
}
