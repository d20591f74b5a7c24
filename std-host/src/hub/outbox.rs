//! What other threads have for a connection: encoded frames, bounded, and an order to close.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use wirelet::{Close, CloseCode};

use crate::hub::peer::Status;

/// What to do with a message for a peer that reads too slowly: more than
/// [`Limits::queue_bytes`](crate::Limits::queue_bytes) would wait for it.
///
/// ```
/// use wirelet_host::{Builder, Policy};
///
/// let builder = Builder::new().slow_peers(Policy::Drop);
/// # let _ = builder;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Its connection is closed with 1008, as it can tell no other way that it has lost something.
    #[default]
    Close,
    /// It does not get this message; [`Traffic::messages_dropped`](crate::Traffic) counts it.
    Drop,
    /// Who sends waits. The message of a [`Handler`](crate::Handler) is queued, and nothing more is
    /// read from the connection that it was called for until there is room again; so at most what one
    /// read brought waits besides. Elsewhere, only [`Hub::deliver_to`](crate::Hub::deliver_to) and its
    /// like can wait; for the others this is [`Drop`](Policy::Drop).
    Wait,
}

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
    status: Status,
}

/// Frames in their order.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    pub(crate) frames: Vec<Arc<[u8]>>,
    bytes: usize,
    /// What comes behind them.
    pub(crate) close: Option<OwnedClose>,
    /// Who waits for room.
    waiting: Vec<Waker>,
}

impl Queue {
    /// Tells all who wait that there is room.
    pub(crate) fn wake(self) {
        self.waiting.into_iter().for_each(Waker::wake);
    }
}

/// A close frame to be sent.
#[derive(Debug)]
pub(crate) struct OwnedClose {
    code: Option<CloseCode>,
    reason: Box<str>,
}

impl OwnedClose {
    pub(crate) fn lend(&self) -> Close<'_> {
        // It was one before.
        self.code
            .and_then(|code| Close::with_reason(code, &self.reason).ok())
            .unwrap_or(Close::EMPTY)
    }
}

/// What came of putting something in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    /// It is in. If `first`, the worker must be told.
    Done { first: bool },
    /// The connection is being closed, or has ended.
    Closing,
    /// There is no room.
    Full,
}

impl Outbox {
    /// Puts a frame in, unless more than `limit` bytes would wait; one frame may be longer.
    pub(crate) fn put(&self, frame: Arc<[u8]>, limit: usize) -> Put {
        let mut content = self.lock();
        if content.status != Status::Open {
            return Put::Closing;
        }
        let first = content.queue.is_none();
        let queue = content.queue.get_or_insert_default();
        let bytes = queue.bytes.saturating_add(frame.len());
        if bytes > limit && !first {
            return Put::Full;
        }
        queue.bytes = bytes;
        queue.frames.push(frame);
        Put::Done { first }
    }

    /// Orders a close behind what was put in before; the worker must be told.
    pub(crate) fn close(&self, close: Close<'_>) {
        let mut content = self.lock();
        if content.status == Status::Open {
            content.status = Status::Closing;
            let (code, reason) = (close.code(), close.reason().into());
            content.queue.get_or_insert_default().close = Some(OwnedClose { code, reason });
        }
    }

    /// Takes nothing more: a close frame has been sent or received.
    pub(crate) fn begin_close(&self) {
        let mut content = self.lock();
        content.status = content.status.max(Status::Closing);
    }

    pub(crate) fn status(&self) -> Status {
        self.lock().status
    }

    /// Lets `waker` know when what waits is taken; returns false if nothing waits.
    pub(crate) fn wait(&self, waker: &Waker) -> bool {
        let mut content = self.lock();
        let Some(queue) = &mut content.queue else { return false };
        if !queue.waiting.iter().any(|other| other.will_wake(waker)) {
            queue.waiting.push(waker.clone());
        }
        true
    }

    /// Takes what waits, if it can go; returns the status, too.
    pub(crate) fn take_if(&self, can_go: bool) -> (Status, Option<Box<Queue>>) {
        let mut content = self.lock();
        let queue = if can_go { content.queue.take() } else { None };
        (content.status, queue)
    }

    /// Lets everybody know that nothing will be taken any more.
    pub(crate) fn leave(&self) {
        let mut content = self.lock();
        let queue = content.queue.take();
        *content = Content { status: Status::Closed, ..Content::default() };
        drop(content);
        if let Some(queue) = queue {
            queue.wake();
        }
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

    fn take(outbox: &Outbox) -> Option<Box<Queue>> {
        assert!(outbox.take_if(false).1.is_none());
        outbox.take_if(true).1
    }

    #[test]
    fn one_byte_more_than_the_limit_has_no_room() {
        let outbox = Outbox::default();
        assert_eq!(outbox.put(frame(4), 10), Put::Done { first: true });
        assert_eq!(outbox.put(frame(6), 10), Put::Done { first: false });
        assert_eq!(outbox.put(frame(1), 10), Put::Full);
        assert_eq!(outbox.put(frame(1), usize::MAX), Put::Done { first: false });
        assert_eq!(take(&outbox).unwrap().frames.len(), 3);
        assert_eq!(outbox.put(frame(1), 10), Put::Done { first: true });
    }

    #[test]
    fn a_frame_longer_than_the_limit_passes_alone() {
        let outbox = Outbox::default();
        assert_eq!(outbox.put(frame(100), 10), Put::Done { first: true });
        assert_eq!(outbox.put(frame(1), 10), Put::Full);
    }

    #[test]
    fn a_close_comes_behind_what_was_put_in_before_and_nothing_behind_it() {
        let outbox = Outbox::default();
        assert_eq!(outbox.put(frame(1), 10), Put::Done { first: true });
        outbox.close(Close::with_reason(CloseCode::GOING_AWAY, "bye").unwrap());
        outbox.close(CloseCode::NORMAL_CLOSURE.into());
        assert_eq!(outbox.put(frame(1), 10), Put::Closing);
        assert_eq!(outbox.status(), Status::Closing);
        let queue = take(&outbox).unwrap();
        assert_eq!(queue.frames.len(), 1);
        let close = queue.close.as_ref().unwrap();
        assert_eq!(close.lend().code(), Some(CloseCode::GOING_AWAY));
        assert_eq!(close.lend().reason(), "bye");
        assert!(take(&outbox).is_none());
    }

    #[test]
    fn nothing_is_kept_for_a_connection_that_is_gone() {
        let outbox = Outbox::default();
        assert_eq!(outbox.put(frame(1), 10), Put::Done { first: true });
        outbox.leave();
        assert_eq!(outbox.put(frame(1), 10), Put::Closing);
        assert_eq!(outbox.status(), Status::Closed);
        assert!(take(&outbox).is_none());
    }

    #[test]
    fn who_waits_is_woken_when_all_is_taken_or_the_connection_ends() {
        for end in [|outbox: &Outbox| take(outbox).unwrap().wake(), Outbox::leave] {
            let outbox = Outbox::default();
            assert!(!outbox.wait(Waker::noop()));
            assert_eq!(outbox.put(frame(1), 10), Put::Done { first: true });
            let woken = Arc::new(Woken::default());
            assert!(outbox.wait(&Arc::clone(&woken).into()));
            end(&outbox);
            assert!(woken.0.load(std::sync::atomic::Ordering::Relaxed));
            assert!(!outbox.wait(Waker::noop()));
        }
    }

    #[derive(Default)]
    struct Woken(std::sync::atomic::AtomicBool);

    impl std::task::Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    }
}
