//! Storage that a host allocates.

use wirelet::{CapacityError, Store};

/// A vector up to a capacity.
#[derive(Debug)]
pub(crate) struct Joined {
    bytes: Vec<u8>,
    capacity: usize,
}

impl Joined {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { bytes: Vec::new(), capacity }
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
        self.capacity - self.bytes.len()
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn clear(&mut self) {
        self.bytes.clear();
    }
}
