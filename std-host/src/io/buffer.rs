//! Buffers for what is long or has to wait. Those that are done with are kept for the next: fresh
//! memory costs more than to fill it.

use std::cell::RefCell;

thread_local! {
    static SPARE: RefCell<Spare> = const { RefCell::new(Spare { buffers: Vec::new(), bytes: 0 }) };
}

/// Bytes that came to its end and leave from its beginning.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    /// Before `start` and from `end` on lies anything.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

struct Spare {
    #[expect(clippy::vec_box, reason = "they come and go in their boxes")]
    buffers: Vec<Box<Buffer>>,
    /// What they take together.
    bytes: usize,
}

impl Buffer {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    pub(crate) fn as_mut_bytes(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.end]
    }

    /// Lends exactly `n` bytes of space behind its content.
    pub(crate) fn space(&mut self, n: usize) -> &mut [u8] {
        let end = self.end + n;
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        &mut self.bytes[self.end..end]
    }

    /// Makes the first `n` bytes of the space content.
    pub(crate) fn advance(&mut self, n: usize) {
        self.end += n;
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) {
        self.space(bytes.len()).copy_from_slice(bytes);
        self.advance(bytes.len());
    }

    /// Removes the first `n` bytes.
    pub(crate) fn consume(&mut self, n: usize) {
        self.start += n;
    }
}

/// Takes a buffer, which is empty.
#[expect(clippy::unnecessary_box_returns, reason = "they come and go in their boxes")]
pub(crate) fn take() -> Box<Buffer> {
    let buffer = SPARE.with_borrow_mut(|spare| {
        let buffer = spare.buffers.pop()?;
        spare.bytes -= buffer.bytes.capacity();
        Some(buffer)
    });
    buffer.unwrap_or_default()
}

/// Gives a buffer back, to be used again on this thread until [`drop_all`].
pub(crate) fn give(mut buffer: Box<Buffer>) {
    (buffer.start, buffer.end) = (0, 0);
    SPARE.with_borrow_mut(|spare| {
        let bytes = spare.bytes + buffer.bytes.capacity();
        if bytes <= KEPT {
            spare.bytes = bytes;
            spare.buffers.push(buffer);
        }
    });
}

/// Tells whether anything is kept.
pub(crate) fn is_empty() -> bool {
    SPARE.with_borrow(|spare| spare.buffers.is_empty())
}

/// Gives the memory back to the system.
pub(crate) fn drop_all() {
    SPARE.replace(Spare { buffers: Vec::new(), bytes: 0 });
}

/// How much is kept on one thread, in bytes.
const KEPT: usize = 32 * 1024 * 1024;
