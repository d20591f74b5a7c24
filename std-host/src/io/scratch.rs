//! What connections that are tasks read into, shared by all of a thread.

use std::cell::Cell;

thread_local! {
    static INPUT: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

/// Lends the buffer of this thread; inside of `work`, another one is lent.
pub(crate) fn with<T>(work: impl FnOnce(&mut [u8]) -> T) -> T {
    // Taken, not borrowed: the stream that is read may itself be made of a connection.
    let mut input = INPUT.take().unwrap_or_else(|| vec![0; LEN].into_boxed_slice());
    let result = work(&mut input);
    INPUT.set(Some(input));
    result
}

const LEN: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_works_with_the_buffer_may_ask_for_another() {
        with(|outer| {
            outer.fill(1);
            with(|inner| inner.fill(2));
            assert!(outer.iter().all(|byte| *byte == 1));
        });
    }
}
