//! The buffers of a worker thread, shared by all connections that it serves in turn.

use std::cell::RefCell;

/// One read fills at most this much, and the replies to it leave in one write.
pub(crate) const RECEIVE_LEN: usize = 64 * 1024;

/// A send buffer that has grown beyond this is given back.
const SEND_KEPT: usize = 256 * 1024;

/// What a read is parsed in, and what its replies are gathered in.
pub(crate) struct Scratch {
    pub(crate) input: Box<[u8]>,
    pub(crate) output: Vec<u8>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch {
        input: vec![0; RECEIVE_LEN].into_boxed_slice(),
        output: Vec::new(),
    });
}

/// Lends the buffers of this thread, the output empty. Must not be called inside `work`.
pub(crate) fn with<T>(work: impl FnOnce(&mut Scratch) -> T) -> T {
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.output.clear();
        scratch.output.shrink_to(SEND_KEPT);
        work(scratch)
    })
}
