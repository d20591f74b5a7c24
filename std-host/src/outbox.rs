//! What other threads have for a connection: encoded frames, bounded, and an order to close.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wirelet::CloseCode;

/// The way from any thread to one connection; whoever puts something in tells its worker, if it
/// was the first.
#[derive(Debug)]
pub(crate) struct Outbox {
    content: Mutex<Content>,
    limit: usize,
}

#[derive(Debug, Default)]
struct Content {
    frames: Vec<Arc<[u8]>>,
    bytes: usize,
    close: Option<CloseCode>,
    /// The worker knows that there is something.
    told: bool,
    /// The connection has ended, and nothing will be taken any more.
    gone: bool,
}

/// What [`Outbox::take`] found.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) frames: Vec<Arc<[u8]>>,
    pub(crate) close: Option<CloseCode>,
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
    /// Holds at most `limit` bytes, or one frame that is longer.
    pub(crate) fn new(limit: usize) -> Self {
        Self { content: Mutex::default(), limit }
    }

    pub(crate) fn put(&self, frame: Arc<[u8]>) -> Put {
        let mut content = self.lock();
        if content.gone || content.close.is_some() {
            return Put::Gone;
        }
        let bytes = content.bytes.saturating_add(frame.len());
        if bytes > self.limit && content.bytes > 0 {
            content.close = Some(CloseCode::POLICY_VIOLATION);
            return Put::Full;
        }
        content.bytes = bytes;
        content.frames.push(frame);
        Put::Done { first: !std::mem::replace(&mut content.told, true) }
    }

    /// Orders a close behind what was put in before; the worker must be told.
    pub(crate) fn close(&self, code: CloseCode) {
        self.lock().close.get_or_insert(code);
    }

    /// Tells whether a close was ordered.
    pub(crate) fn is_closing(&self) -> bool {
        self.lock().close.is_some()
    }

    pub(crate) fn take(&self) -> Taken {
        let mut content = self.lock();
        content.bytes = 0;
        content.told = false;
        Taken { frames: std::mem::take(&mut content.frames), close: content.close }
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
        let outbox = Outbox::new(10);
        assert_eq!(outbox.put(frame(4)), Put::Done { first: true });
        assert_eq!(outbox.put(frame(6)), Put::Done { first: false });
        assert_eq!(outbox.put(frame(1)), Put::Full);
        assert_eq!(outbox.put(frame(1)), Put::Gone);
        let taken = outbox.take();
        assert_eq!(taken.frames.len(), 2);
        assert_eq!(taken.close, Some(CloseCode::POLICY_VIOLATION));
    }

    #[test]
    fn a_frame_longer_than_the_limit_passes_alone() {
        let outbox = Outbox::new(10);
        assert_eq!(outbox.put(frame(100)), Put::Done { first: true });
        assert_eq!(outbox.put(frame(1)), Put::Full);
    }

    #[test]
    fn who_puts_in_after_all_was_taken_is_the_first_again() {
        let outbox = Outbox::new(10);
        assert_eq!(outbox.put(frame(1)), Put::Done { first: true });
        assert_eq!(outbox.take().frames.len(), 1);
        assert_eq!(outbox.put(frame(1)), Put::Done { first: true });
    }

    #[test]
    fn nothing_is_kept_for_a_connection_that_is_gone() {
        let outbox = Outbox::new(10);
        outbox.leave();
        assert_eq!(outbox.put(frame(1)), Put::Gone);
        assert!(outbox.take().frames.is_empty());
    }
}
