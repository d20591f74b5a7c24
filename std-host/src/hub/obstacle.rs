//! What a connection waits for before its handler is called again: peers without room, by
//! [`Policy::Wait`](crate::Policy::Wait), and what a handler holds.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::hub::peer::Peer;

/// Something in the way.
pub(crate) enum Obstacle {
    /// Has no room for what the handler has sent to it.
    Peer(Room),
    Hold(Arc<Mutex<Held>>),
}

impl Obstacle {
    /// Lets `waker` know when it is out of the way; returns false if it is already.
    pub(crate) fn wait(&mut self, waker: &Waker) -> bool {
        match self {
            Self::Peer(room) => room.wait(waker),
            Self::Hold(held) => match &mut *lock(held) {
                Held::Released => false,
                held => {
                    *held = Held::Waited(waker.clone());
                    true
                }
            },
        }
    }
}

/// Waits until there may be room for a peer. Nothing of it stays with the peer when it is dropped.
pub(crate) struct Room {
    peer: Arc<Peer>,
    number: Option<u64>,
}

/// Returns when there may be room.
pub(crate) fn room(peer: &Arc<Peer>) -> Room {
    Room { peer: Arc::clone(peer), number: None }
}

impl Room {
    fn wait(&mut self, waker: &Waker) -> bool {
        self.give_up();
        self.number = self.peer.outbox.wait(waker);
        self.number.is_some()
    }

    fn give_up(&mut self) {
        if let Some(number) = self.number.take() {
            self.peer.outbox.give_up(number);
        }
    }
}

impl Future for Room {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // Woken, it is for whoever waits to look whether there is.
        if self.number.is_none() && self.wait(context.waker()) {
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.give_up();
    }
}

/// Keeps the server from calling the handler of a connection again, until it is dropped.
/// [`Context::hold`](crate::Context::hold) gives it.
///
/// ```
/// use wirelet::Message;
/// use wirelet_host::{Context, Handler};
///
/// struct Slow;
///
/// impl Handler for Slow {
///     fn message(&self, message: Message<'_>, context: &mut Context<'_>) {
///         let (hold, len) = (context.hold(), message.as_bytes().len());
///         tokio::spawn(async move {
///             println!("{len} bytes are worked on");
///             drop(hold); // the next may come
///         });
///     }
/// }
/// ```
#[must_use = "once dropped, it holds nothing"]
pub struct Hold(Arc<Mutex<Held>>);

/// How far the life of a hold has come.
#[derive(Default)]
pub(crate) enum Held {
    #[default]
    Fresh,
    /// A connection waits for it.
    Waited(Waker),
    Released,
}

impl Drop for Hold {
    fn drop(&mut self) {
        let held = std::mem::replace(&mut *lock(&self.0), Held::Released);
        if let Held::Waited(waker) = held {
            waker.wake();
        }
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").finish_non_exhaustive()
    }
}

/// One of the calls of the handlers of a worker, which are made one after the other; and what they put
/// in the way.
#[derive(Clone)]
pub(crate) struct Call {
    calls: Arc<Calls>,
    number: u64,
}

#[derive(Default)]
struct Calls {
    /// Of the call that is being made.
    number: AtomicU64,
    has_found: AtomicBool,
    found: Mutex<Vec<Obstacle>>,
}

impl Call {
    pub(crate) fn new() -> Self {
        Self { calls: Arc::default(), number: 0 }
    }

    /// Makes this the next call.
    pub(crate) fn begin(&mut self) {
        self.number += 1;
        self.calls.number.store(self.number, Ordering::Relaxed);
    }

    /// Tells whether something was put in the way.
    pub(crate) fn has_found(&self) -> bool {
        self.calls.has_found.load(Ordering::Relaxed)
    }

    /// Takes what was put in the way.
    pub(crate) fn take(&self) -> Vec<Obstacle> {
        if !self.has_found() {
            return Vec::new();
        }
        let mut found = lock(&self.calls.found);
        self.calls.has_found.store(false, Ordering::Relaxed);
        std::mem::take(&mut *found)
    }

    /// Lets the connection that the handler is called for wait for `peer`; returns false if that call is
    /// over.
    pub(crate) fn wait_for(&self, peer: &Arc<Peer>) -> bool {
        let is_current = self.calls.number.load(Ordering::Relaxed) == self.number;
        if is_current {
            let mut found = lock(&self.calls.found);
            let is_same = |other: &Obstacle| match other {
                Obstacle::Peer(other) => Arc::ptr_eq(&other.peer, peer),
                Obstacle::Hold(_) => false,
            };
            if !found.iter().any(is_same) {
                found.push(Obstacle::Peer(room(peer)));
                self.calls.has_found.store(true, Ordering::Relaxed);
            }
        }
        is_current
    }

    /// Lets the connection that the handler is called for wait until the result is dropped.
    pub(crate) fn hold(&self) -> Hold {
        let held = Arc::<Mutex<Held>>::default();
        lock(&self.calls.found).push(Obstacle::Hold(Arc::clone(&held)));
        self.calls.has_found.store(true, Ordering::Relaxed);
        Hold(held)
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("number", &self.number).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
