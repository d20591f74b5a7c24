//! What came out of the inflater, to which later bytes refer (RFC 1951 §2).

use super::Malformed;
use crate::slice::{copy, front_mut};

/// Lends memory for what is inflated: for whole messages, or as a ring of which the last bytes are kept.
///
/// ```
/// use wirelet::deflate::Window;
///
/// let mut memory = [0; 1024];
/// assert_eq!(Window::whole(&mut memory).fresh(), b"");
/// ```
#[derive(Debug)]
pub struct Window<'m> {
    memory: &'m mut [u8],
    at: Position,
}

/// Where a [`Window`] stands in its memory, to go on from another time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Where the next byte goes.
    end: usize,
    /// From here on nobody has seen it.
    start: usize,
    /// How many bytes behind `end` can be referred to.
    reach: usize,
    is_ring: bool,
}

impl<'m> Window<'m> {
    /// Takes memory for one message, which can be referred to as far as it goes.
    #[must_use]
    pub const fn whole(memory: &'m mut [u8]) -> Self {
        Self { memory, at: Position { end: 0, start: 0, reach: 0, is_ring: false } }
    }

    /// Takes memory as a ring: what is [fresh](Self::fresh) is to be taken when it is full.
    #[must_use]
    pub const fn ring(memory: &'m mut [u8]) -> Self {
        Self { memory, at: Position { end: 0, start: 0, reach: 0, is_ring: true } }
    }

    /// Goes on where one with this memory has been.
    #[must_use]
    pub const fn at(memory: &'m mut [u8], at: Position) -> Self {
        Self { memory, at }
    }

    /// Returns where it stands.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.at
    }

    /// Tells whether nothing more fits before what is fresh was taken.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.at.end >= self.memory.len()
    }

    /// Lends what came out and was not taken.
    #[must_use]
    pub fn fresh(&self) -> &[u8] {
        self.memory.get(self.at.start..self.at.end).unwrap_or_default()
    }

    /// Takes what is fresh: in a ring, there is space again.
    pub fn take(&mut self) {
        if self.at.is_ring && self.is_full() {
            self.at.end = 0;
        }
        self.at.start = self.at.end;
    }

    /// Lets nothing refer to what came before.
    pub(super) const fn forget(&mut self) {
        self.at.reach = 0;
    }

    /// Appends a byte; there must be space.
    pub(super) fn push(&mut self, byte: u8) {
        if let Some(place) = self.memory.get_mut(self.at.end) {
            *place = byte;
            self.advance(1);
        }
    }

    /// Appends bytes as far as there is space; returns how many.
    pub(super) fn append(&mut self, bytes: &[u8]) -> usize {
        let space = self.memory.get_mut(self.at.end..).unwrap_or_default();
        let n = copy(bytes, space);
        self.advance(n);
        n
    }

    /// Copies `len` bytes from so far behind, which may be those that it writes, as far as there is space;
    /// returns how many.
    ///
    /// # Errors
    ///
    /// There are not so many.
    pub(super) fn copy(&mut self, len: u16, distance: u16) -> Result<u16, Malformed> {
        let distance = usize::from(distance);
        if distance > self.at.reach || distance == 0 {
            return Err(Malformed);
        }
        let (mut end, capacity) = (self.at.end, self.memory.len());
        let mut from = match end.checked_sub(distance) {
            Some(from) => from,
            // In a ring, behind its end.
            None => (end + capacity).saturating_sub(distance),
        };
        let n = capacity.saturating_sub(end).min(len.into());
        let until = end + n;
        while end < until {
            let (front, back) = self.memory.split_at_mut_checked(end.max(from)).ok_or(Malformed)?;
            let n = if from < end {
                // What was copied repeats it: the next time, it is twice as long.
                copy(front.get(from..).unwrap_or_default(), front_mut(back, until - end))
            } else {
                let n = copy(back, front.get_mut(end..until.min(from)).unwrap_or_default());
                from = if from + n == capacity { 0 } else { from + n };
                n
            };
            if n == 0 {
                // From as far behind as the ring is long: they are there.
                break;
            }
            end += n;
        }
        self.advance(n);
        Ok(n as u16)
    }

    fn advance(&mut self, n: usize) {
        self.at.end += n;
        self.at.reach = (self.at.reach + n).min(self.memory.len());
    }
}
