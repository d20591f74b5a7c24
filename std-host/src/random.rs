//! Random numbers for the ends that mask.

use rand::Rng as _;
use rand::rngs::StdRng;
use wirelet::Random;

/// Makes the masking keys of one connection; seeded by the operating system.
#[derive(Debug)]
pub struct SeededRandom(Box<StdRng>);

impl SeededRandom {
    /// Asks the operating system for a seed.
    #[must_use]
    pub fn new() -> Self {
        Self(Box::new(rand::make_rng()))
    }
}

impl Default for SeededRandom {
    fn default() -> Self {
        Self::new()
    }
}

impl Random for SeededRandom {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}
