//! Storage that exists only while a message is being joined.

use wirelet::{CapacityError, Store};

use crate::spare::{self, Buffer};

/// Joins a message, up to a limit.
#[derive(Debug)]
pub(crate) struct Growing {
    /// Most connections have none, and many are idle.
    buffer: Option<Box<Buffer>>,
    limit: usize,
}

impl Growing {
    pub(crate) const fn new(limit: usize) -> Self {
        Self { buffer: None, limit }
    }

    /// The longest message, in bytes.
    pub(crate) const fn limit(&self) -> usize {
        self.limit
    }

    /// Lends the buffer, which may be written to as far as there is [`room`](Store::room).
    pub(crate) fn buffer(&mut self) -> &mut Buffer {
        self.buffer.get_or_insert_with(spare::take)
    }
}

impl Store for Growing {
    fn append(&mut self, bytes: &[u8]) -> Result<(), CapacityError> {
        if bytes.len() > self.room() {
            return Err(CapacityError);
        }
        self.buffer().append(bytes);
        Ok(())
    }

    fn room(&self) -> usize {
        self.limit.saturating_sub(self.as_bytes().len())
    }

    fn as_bytes(&self) -> &[u8] {
        self.buffer.as_deref().map_or(&[], Buffer::as_bytes)
    }

    fn clear(&mut self) {
        if let Some(buffer) = self.buffer.take() {
            spare::give(buffer);
        }
    }
}
