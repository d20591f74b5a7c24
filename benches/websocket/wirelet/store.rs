//! Storage that a host allocates.

use wirelet::{CapacityError, Store};

/// A vector up to a capacity.
///
/// What is joined begins in the middle of a page, for the reason that [`Wire::repeating`] has: 64 KiB that
/// come by 4 KiB take 21 µs instead of 3 where they don't.
///
/// [`Wire::repeating`]: crate::wire::Wire::repeating
#[derive(Debug)]
pub(crate) struct Joined {
    bytes: Vec<u8>,
    capacity: usize,
}

impl Joined {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { bytes: vec![0; HALF_A_PAGE], capacity }
    }
}

impl Store for Joined {
    fn append(&mut self, bytes: &[u8]) -> Result<(), CapacityError> {
        if bytes.len() > self.room() {
            return Err(CapacityError);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn room(&self) -> usize {
        self.capacity - self.as_bytes().len()
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[HALF_A_PAGE..]
    }

    fn clear(&mut self) {
        self.bytes.truncate(HALF_A_PAGE);
    }
}

const HALF_A_PAGE: usize = 2048;
