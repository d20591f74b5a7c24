//! Storage that exists only while a message is being joined.

use wirelet::{CapacityError, Store};

use crate::io::buffer::{self, Buffer};

/// Joins a message, of any length: the connection that it comes from has a limit.
#[derive(Debug, Default)]
pub(crate) struct Growing {
    /// Most connections have none, and many are idle.
    buffer: Option<Box<Buffer>>,
}

impl Growing {
    /// Lends the buffer.
    pub(crate) fn buffer(&mut self) -> &mut Buffer {
        self.buffer.get_or_insert_with(buffer::take)
    }
}

impl Store for Growing {
    fn append(&mut self, bytes: &[u8]) -> Result<(), CapacityError> {
        self.buffer().append(bytes);
        Ok(())
    }

    fn room(&self) -> usize {
        usize::MAX - self.as_bytes().len()
    }

    fn as_bytes(&self) -> &[u8] {
        self.buffer.as_deref().map_or(&[], Buffer::as_bytes)
    }

    fn clear(&mut self) {
        if let Some(buffer) = self.buffer.take() {
            buffer::give(buffer);
        }
    }
}
