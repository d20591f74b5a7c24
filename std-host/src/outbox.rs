//! What other tasks have for a connection: encoded frames, bounded, and an order to close.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use wirelet::CloseCode;

/// The way from any thread to the task of one connection.
#[derive(Debug)]
pub(crate) struct Outbox {
    content: Mutex<Content>,
    wake: Notify,
    limit: usize,
}

#[derive(Debug, Default)]
struct Content {
    frames: VecDeque<Arc<[u8]>>,
    bytes: usize,
    close: Option<CloseCode>,
    /// The task has ended, and nothing will be taken any more.
    gone: bool,
}

/// What [`Outbox::take`] found.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) frames: VecDeque<Arc<[u8]>>,
    pub(crate) close: Option<CloseCode>,
}

/// Why a frame was not put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PutError {
    Gone,
    /// The peer reads too slowly; its connection is being closed with 1008.
    Full,
}

impl Outbox {
    /// Holds at most `limit` bytes, or one frame that is longer.
    pub(crate) fn new(limit: usize) -> Self {
        Self { content: Mutex::default(), wake: Notify::new(), limit }
    }

    pub(crate) fn put(&self, frame: Arc<[u8]>) -> Result<(), PutError> {
        let mut content = self.lock();
        if content.gone || content.close.is_some() {
            return Err(PutError::Gone);
        }
        let bytes = content.bytes.saturating_add(frame.len());
        let result = if bytes > self.limit && content.bytes > 0 {
            content.close = Some(CloseCode::POLICY_VIOLATION);
            Err(PutError::Full)
        } else {
            content.bytes = bytes;
            content.frames.push_back(frame);
            Ok(())
        };
        drop(content);
        self.wake.notify_one();
        result
    }

    /// Orders a close behind what was put in before.
    pub(crate) fn close(&self, code: CloseCode) {
        let mut content = self.lock();
        content.close.get_or_insert(code);
        drop(content);
        self.wake.notify_one();
    }

    /// Waits until there may be something to take.
    pub(crate) async fn wait(&self) {
        self.wake.notified().await;
    }

    /// Tells whether a close was ordered.
    pub(crate) fn is_closing(&self) -> bool {
        self.lock().close.is_some()
    }

    pub(crate) fn take(&self) -> Taken {
        let mut content = self.lock();
        content.bytes = 0;
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
        assert_eq!(outbox.put(frame(4)), Ok(()));
        assert_eq!(outbox.put(frame(6)), Ok(()));
        assert_eq!(outbox.put(frame(1)), Err(PutError::Full));
        assert_eq!(outbox.put(frame(1)), Err(PutError::Gone));
        let taken = outbox.take();
        assert_eq!(taken.frames.len(), 2);
        assert_eq!(taken.close, Some(CloseCode::POLICY_VIOLATION));
    }

    #[test]
    fn a_frame_longer_than_the_limit_passes_alone() {
        let outbox = Outbox::new(10);
        assert_eq!(outbox.put(frame(100)), Ok(()));
        assert_eq!(outbox.put(frame(1)), Err(PutError::Full));
    }

    #[test]
    fn nothing_is_kept_for_a_connection_that_is_gone() {
        let outbox = Outbox::new(10);
        outbox.leave();
        assert_eq!(outbox.put(frame(1)), Err(PutError::Gone));
        assert!(outbox.take().frames.is_empty());
    }
}
