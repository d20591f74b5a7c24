//! The way from any thread to a worker: which of its connections have something to take.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::hub::peer::ConnectionId;

/// The mail of one worker.
#[derive(Debug)]
pub(crate) struct Mail {
    waiting: Mutex<Waiting>,
    bell: Bell,
}

/// What wakes a worker.
#[derive(Debug)]
pub(crate) enum Bell {
    /// A thread with many connections.
    Thread(mio::Waker),
    /// A task with one.
    Task(Arc<Notify>),
}

#[derive(Debug, Default)]
struct Waiting {
    letters: Vec<Letter>,
    order: Order,
}

/// What a worker is to do with its connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Order {
    #[default]
    Serve,
    /// Take no others.
    StopAccepting,
    /// Take no others, and drop those that have not sent their request yet.
    End,
}

/// Says that there is something for the connection `id`, which is `None` during its handshake, in
/// the worker's slot `slot`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Letter {
    pub(crate) slot: usize,
    pub(crate) id: Option<ConnectionId>,
}

impl Mail {
    pub(crate) fn new(bell: Bell) -> Self {
        Self { waiting: Mutex::default(), bell }
    }

    pub(crate) fn send(&self, letter: Letter) {
        let mut waiting = self.lock();
        waiting.letters.push(letter);
        let is_first = waiting.letters.len() == 1;
        drop(waiting);
        if is_first {
            self.ring();
        }
    }

    /// Gives an order, unless a stricter one was given before.
    pub(crate) fn order(&self, order: Order) {
        let mut waiting = self.lock();
        waiting.order = waiting.order.max(order);
        drop(waiting);
        self.ring();
    }

    /// Takes all letters; returns the order.
    pub(crate) fn take(&self, letters: &mut Vec<Letter>) -> Order {
        letters.clear();
        let mut waiting = self.lock();
        std::mem::swap(letters, &mut waiting.letters);
        waiting.order
    }

    fn ring(&self) {
        match &self.bell {
            Bell::Thread(waker) => {
                if let Err(error) = waker.wake() {
                    tracing::error!("a worker cannot be woken: {error}");
                }
            }
            Bell::Task(notify) => notify.notify_one(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
