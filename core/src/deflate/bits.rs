//! Bits out of bytes that may be cut anywhere (RFC 1951 §3.1.1).

/// Bits that have been taken from the input and not been used; the next is the lowest.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bits {
    bits: u32,
    /// How many there are, at most 32.
    n: u8,
}

impl Bits {
    pub(super) const NONE: Self = Self { bits: 0, n: 0 };

    /// Takes bytes from the input while there is space for a whole one.
    pub(super) fn refill(&mut self, input: &mut &[u8]) {
        while self.n <= 24
            && let Some((byte, rest)) = input.split_first()
        {
            self.bits |= u32::from(*byte) << self.n;
            self.n += 8;
            *input = rest;
        }
    }

    /// Returns how many there are.
    pub(super) const fn len(self) -> u32 {
        self.n as u32
    }

    /// Shows the next ones, the first lowest; those that have not come are 0.
    pub(super) const fn peek(self) -> u32 {
        self.bits
    }

    /// Drops `n` bits, which must be there.
    pub(super) fn drop(&mut self, n: u32) {
        debug_assert!(n <= self.len() && n < 32, "bits that have not come");
        self.bits = self.bits.checked_shr(n).unwrap_or_default();
        self.n = self.n.saturating_sub(n as u8);
    }

    /// Takes the next `n` bits, at most 16, as a number, if they have come.
    pub(super) fn take(&mut self, n: u32) -> Option<u16> {
        if self.len() < n {
            return None;
        }
        let value = self.bits & ((1 << (n & 31)) - 1);
        self.drop(n);
        Some(value as u16)
    }

    /// Drops what is left of a byte.
    pub(super) fn align(&mut self) {
        self.drop(u32::from(self.n & 7));
    }
}
