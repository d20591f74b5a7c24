//! What other threads have for a connection: encoded frames, bounded, and an order to close.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wirelet::CloseCode;

/// The way from any thread to one connection; whoever puts something in tells its worker, if it
/// was the first.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    content: Mutex<Content>,
}

#[derive(Debug, Default)]
struct Content {
    /// What waits, while something does. The worker knows of it.
    queue: Option<Box<Queue>>,
    close: Option<CloseCode>,
    /// The connection has ended, and nothing will be taken any more.
    gone: bool,
}

/// Frames in their order.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    pub(crate) frames: Vec<Arc<[u8]>>,
    bytes: usize,
}

/// What came of putting something in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    /// It is in. If `first`, the worker must be told.
    Done { first: bool },
    /// The connection has ended or is being closed.
    Gone,
    /// The peer reads too slowly; its connection is now being closed with 1008, as the worker must
    /// be told.
    Full,
}

impl Outbox {
    /// Puts a frame in, unless more than `limit` bytes would wait; one frame may be longer.
    pub(crate) fn put(&self, frame: Arc<[u8]>, limit: usize) -> Put {
        let mut content = self.lock();
        if content.gone || content.close.is_some() {
            return Put::Gone;
        }
        let first = content.queue.is_none();
        let queue = content.queue.get_or_insert_default();
        let bytes = queue.bytes.saturating_add(frame.len());
        if bytes > limit && !first {
            content.close = Some(CloseCode::POLICY_VIOLATION);
            return Put::Full;
        }
        queue.bytes = bytes;
        queue.frames.push(frame);
        Put::Done { first }
    }

    /// Orders a close behind what was put in before; the worker must be told.
    pub(crate) fn close(&self, code: CloseCode) {
        self.lock().close.get_or_insert(code);
    }

    /// Tells whether a close was ordered.
    pub(crate) fn is_closing(&self) -> bool {
        self.lock().close.is_some()
    }

    /// Takes what waits, and whether to close behind it.
    pub(crate) fn take(&self) -> (Option<Box<Queue>>, Option<CloseCode>) {
        let mut content = self.lock();
        (content.queue.take(), content.close)
    }

    /// Lets everybody know that nothing will be taken any more.
    pub(crate) fn leave(&self) {
        let mut content = self.lock();
        *content = Content { gone: true, ..Content::default() };
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(len: usize) -> Arc<[u8]> {
        vec![0; len].into()
    }

    #[test]
    fn one_byte_more_than_the_limit_orders_a_close() {
        let outbox = Outbox::default();
        assert_eq!(outbox.put(frame(4), 10), Put::Done { first: true });
        assert_eq!(outbox.put(frame(6), 10), Put::Done { first: false });
        assert_eq!(outbox.put(frame(1), 10), Put::Full);
        assert_eq!(outbox.put(frame(1), 10), Put::Gone);
        let (queue, close) = outbox.take();
        assert_eq!(queue.unwrap().frames.len(), 2);
        assert_eq!(close, Some(CloseCode::POLICY_VIOLATION));
    }

    #[test]
    fn a_frame_longer_than_the_limit_passes_alone() {
        let outbox = Outbox::default();
        assert_eq!(outbox.put(frame(100), 10), Put::Done { first: true });
        assert_eq!(outbox.put(frame(1), 10), Put::Full);
    }

    #[test]
    fn who_puts_in_after_all_was_taken_is_the_first_again() {
        let outbox = Outbox::default();
        assert_eq!(outbox.put(frame(1), 10), Put::Done { first: true });
        assert_eq!(outbox.take().0.unwrap().frames.len(), 1);
        assert_eq!(outbox.put(frame(1), 10), Put::Done { first: true });
    }

    #[test]
    fn nothing_is_kept_for_a_connection_that_is_gone() {
        let outbox = Outbox::default();
        outbox.leave();
        assert_eq!(outbox.put(frame(1), 10), Put::Gone);
        assert!(outbox.take().0.is_none());
    }
}
