//! The way from any thread to a worker: which of its connections have something to take.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use mio::{Registry, Token, Waker};

use crate::hub::ConnectionId;

/// The mail of one worker.
#[derive(Debug)]
pub(crate) struct Mail {
    waiting: Mutex<Waiting>,
    waker: Waker,
    /// How much may wait in the outbox of each of its connections.
    queue_bytes: usize,
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

/// Says that the outbox of the connection `id`, in the worker's slot `slot`, has something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Letter {
    pub(crate) slot: usize,
    pub(crate) id: ConnectionId,
}

impl Mail {
    pub(crate) fn new(registry: &Registry, token: Token, queue_bytes: usize) -> io::Result<Self> {
        let waker = Waker::new(registry, token)?;
        Ok(Self { waiting: Mutex::default(), waker, queue_bytes })
    }

    pub(crate) const fn queue_bytes(&self) -> usize {
        self.queue_bytes
    }

    pub(crate) fn send(&self, letter: Letter) {
        let mut waiting = self.lock();
        waiting.letters.push(letter);
        let is_first = waiting.letters.len() == 1;
        drop(waiting);
        if is_first {
            self.wake();
        }
    }

    /// Gives an order, unless a stricter one was given before.
    pub(crate) fn order(&self, order: Order) {
        let mut waiting = self.lock();
        waiting.order = waiting.order.max(order);
        drop(waiting);
        self.wake();
    }

    /// Takes all letters; returns the order.
    pub(crate) fn take(&self, letters: &mut Vec<Letter>) -> Order {
        letters.clear();
        let mut waiting = self.lock();
        std::mem::swap(letters, &mut waiting.letters);
        waiting.order
    }

    fn wake(&self) {
        if let Err(error) = self.waker.wake() {
            tracing::error!("a worker cannot be woken: {error}");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
