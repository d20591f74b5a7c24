//! Random numbers that are the same in every run.

use wirelet::Random;

/// Marsaglia's xorshift64*: small, fast, and not secure.
#[derive(Clone, Debug)]
pub(crate) struct TestRng(u64);

impl TestRng {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Draws a number less than `limit`, which is at least 1.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % limit
    }

    pub(crate) fn byte(&mut self) -> u8 {
        u8::try_from(self.next() >> 56).unwrap()
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.byte()).collect()
    }
}

impl Random for TestRng {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill_with(|| self.byte());
    }
}

/// Draws the same four bytes again and again, so that a client's frames are literal bytes.
#[derive(Clone, Debug)]
pub(crate) struct FixedKey(pub(crate) [u8; 4]);

impl Random for FixedKey {
    fn fill(&mut self, bytes: &mut [u8]) {
        for (slot, byte) in bytes.iter_mut().zip(self.0.into_iter().cycle()) {
            *slot = byte;
        }
    }
}
