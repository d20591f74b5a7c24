//! What waits for a program that reads its standard input slowly.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use tokio::sync::Notify;
use wirelet_host::{Context, Hold};

/// The way from a connection to the standard input of its program.
pub(super) struct Feed {
    state: Mutex<State>,
    /// So many bytes may wait before the client has to.
    limit: usize,
    changed: Notify,
    ended: Notify,
    closed: Notify,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    hold: Option<Hold>,
    /// Keeps the client's close from being answered.
    farewell: Option<Hold>,
    /// Takes nothing more.
    is_ended: bool,
    /// Nobody is left at one of the ends.
    is_closed: bool,
}

impl Feed {
    pub(super) fn new(limit: usize) -> Self {
        let (changed, ended, closed) = (Notify::new(), Notify::new(), Notify::new());
        Self { state: Mutex::default(), limit, changed, ended, closed }
    }

    /// Adds a message and what ends it. If more than the limit waits then, nothing more is read from
    /// the connection until that has been taken.
    pub(super) fn push(&self, message: &[u8], end: &[u8], context: &mut Context<'_>) {
        let mut state = self.lock();
        if state.is_ended {
            return;
        }
        state.waiting.extend_from_slice(message);
        state.waiting.extend_from_slice(end);
        if state.waiting.len() > self.limit && state.hold.is_none() {
            state.hold = Some(context.hold());
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Takes nothing more because the client has closed; what waits can still be taken. The hold is kept until
    /// [`close`](Self::close).
    pub(super) fn end(&self, farewell: Hold) {
        let mut state = self.lock();
        state.is_ended = true;
        if !state.is_closed {
            state.farewell = Some(farewell);
        }
        drop(state);
        self.changed.notify_one();
        self.ended.notify_one();
    }

    /// Takes nothing more because one of the ends is gone; what waits can still be taken.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        (state.is_ended, state.is_closed) = (true, true);
        let holds = (state.hold.take(), state.farewell.take());
        drop(state);
        drop(holds);
        self.changed.notify_one();
        self.closed.notify_one();
    }

    /// Tells whether the client has closed, and waits for the answer.
    pub(super) fn is_awaited(&self) -> bool {
        self.lock().farewell.is_some()
    }

    /// Waits until the client closes; for one who waits.
    pub(super) async fn ended(&self) {
        self.ended.notified().await;
    }

    /// Waits until it is closed; for one who waits.
    pub(super) async fn closed(&self) {
        self.closed.notified().await;
    }

    /// Takes all that waits, as soon as something does; `None` once it has ended and is empty.
    pub(super) async fn take(&self) -> Option<Vec<u8>> {
        loop {
            if let Poll::Ready(taken) = self.try_take() {
                return taken;
            }
            self.changed.notified().await;
        }
    }

    fn try_take(&self) -> Poll<Option<Vec<u8>>> {
        let mut state = self.lock();
        let (waiting, hold) = (std::mem::take(&mut state.waiting), state.hold.take());
        let is_ended = state.is_ended;
        drop(state);
        drop(hold);
        match waiting {
            waiting if !waiting.is_empty() => Poll::Ready(Some(waiting)),
            _ if is_ended => Poll::Ready(None),
            _ => Poll::Pending,
        }
    }

    /// Tells whether the client has to wait.
    pub(super) fn is_full(&self) -> bool {
        self.lock().hold.is_some()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
