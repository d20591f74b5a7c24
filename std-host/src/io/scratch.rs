//! What a client reads into, shared by all clients of a thread.

use std::cell::RefCell;

thread_local! {
    static INPUT: RefCell<Box<[u8]>> = RefCell::new(vec![0; 64 * 1024].into_boxed_slice());
}

/// Lends the buffer of this thread. Must not be called inside `work`.
pub(crate) fn with<T>(work: impl FnOnce(&mut [u8]) -> T) -> T {
    INPUT.with_borrow_mut(|input| work(input))
}
