//! The way from any thread to a worker: which of its connections have something to do, and new ones.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Wake;

use tokio::sync::{Notify, oneshot};

use crate::hub::id::ConnectionId;
use crate::io::stream::Stream;

/// The wake queue of one worker.
#[derive(Debug)]
pub(crate) struct WakeQueue {
    waiting: Mutex<Woken>,
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

/// What a worker is woken for.
#[derive(Debug, Default)]
pub(crate) struct Woken {
    /// Connections that have something to do.
    pub(crate) tokens: Vec<Token>,
    /// Connections that another worker has accepted for this one.
    pub(crate) accepted: Vec<Accepted>,
    /// Those who want to know that it has come by.
    pub(crate) asked: Vec<oneshot::Sender<()>>,
    pub(crate) order: Order,
}

/// Names a connection to its worker: its slot, and its id unless that is still to come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub(crate) slot: usize,
    pub(crate) id: Option<ConnectionId>,
}

/// A connection that nobody serves yet.
pub(crate) struct Accepted {
    pub(crate) stream: Stream,
    pub(crate) remote_addr: Option<SocketAddr>,
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

impl WakeQueue {
    pub(crate) fn new(bell: Bell) -> Self {
        Self { waiting: Mutex::default(), bell }
    }

    pub(crate) fn wake(&self, token: Token) {
        self.put(|waiting| waiting.tokens.push(token));
    }

    pub(crate) fn wake_all(&self, tokens: &[Token]) {
        self.put(|waiting| waiting.tokens.extend_from_slice(tokens));
    }

    pub(crate) fn hand_over(&self, accepted: Accepted) {
        self.put(|waiting| waiting.accepted.push(accepted));
    }

    /// Asks for a sign, which the worker gives behind its next round.
    pub(crate) fn ask(&self) -> oneshot::Receiver<()> {
        let (sign, asked) = oneshot::channel();
        self.put(|waiting| waiting.asked.push(sign));
        asked
    }

    /// Gives an order, unless a stricter one was given before.
    pub(crate) fn order(&self, order: Order) {
        self.put(|waiting| waiting.order = waiting.order.max(order));
    }

    /// Takes all; the order stays.
    pub(crate) fn take(&self, woken: &mut Woken) {
        woken.tokens.clear();
        woken.accepted.clear();
        woken.asked.clear();
        let mut waiting = self.lock();
        woken.order = waiting.order;
        std::mem::swap(&mut woken.tokens, &mut waiting.tokens);
        std::mem::swap(&mut woken.accepted, &mut waiting.accepted);
        std::mem::swap(&mut woken.asked, &mut waiting.asked);
    }

    fn put(&self, put: impl FnOnce(&mut Woken)) {
        let mut waiting = self.lock();
        let was_empty = waiting.tokens.is_empty() && waiting.accepted.is_empty();
        let before = waiting.order;
        put(&mut waiting);
        let rings = was_empty || waiting.order != before;
        drop(waiting);
        if rings {
            self.ring();
        }
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

    fn lock(&self) -> MutexGuard<'_, Woken> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepted").field("remote_addr", &self.remote_addr).finish_non_exhaustive()
    }
}

/// Wakes a worker for one connection, as a [`Waker`](std::task::Waker).
#[derive(Debug)]
pub(crate) struct WakeOne {
    pub(crate) queue: Arc<WakeQueue>,
    pub(crate) token: Token,
}

impl Wake for WakeOne {
    fn wake(self: Arc<Self>) {
        self.queue.wake(self.token);
    }
}
