//! Buffers of messages that have ended, kept for the next: fresh memory costs more than to fill it.

use std::cell::RefCell;

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Takes a buffer, which is empty.
pub(crate) fn take() -> Vec<u8> {
    SPARE.with_borrow_mut(Vec::pop).unwrap_or_default()
}

/// Gives a buffer back, to be used again on this thread until [`drop_all`].
pub(crate) fn give(mut buffer: Vec<u8>) {
    buffer.clear();
    SPARE.with_borrow_mut(|spare| {
        let kept: usize = spare.iter().map(Vec::capacity).sum();
        if buffer.capacity() >= SHORTEST && kept + buffer.capacity() <= KEPT {
            spare.push(buffer);
        }
    });
}

/// Tells whether anything is kept.
pub(crate) fn is_empty() -> bool {
    SPARE.with_borrow(Vec::is_empty)
}

/// Gives the memory back to the system.
pub(crate) fn drop_all() {
    SPARE.take();
}

/// What is shorter the allocator has at hand.
const SHORTEST: usize = 64 * 1024;

/// How much is kept on one thread, in bytes.
const KEPT: usize = 32 * 1024 * 1024;
