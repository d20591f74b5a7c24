//! What a connection waits for before more is read from it: peers without room, by
//! [`Policy::Wait`](crate::Policy::Wait), and what a handler holds.

use std::cell::RefCell;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

use crate::hub::peer::Peer;
use crate::hub::wake::{Letter, Mail};

thread_local! {
    /// What is in the way, while a handler is called on this thread.
    static FOUND: RefCell<Option<Vec<Obstacle>>> = const { RefCell::new(None) };
}

/// Something in the way of reading on.
pub(crate) enum Obstacle {
    /// Has no room for what the handler has sent to it.
    Peer(Arc<Peer>),
    Hold(Arc<Mutex<Held>>),
}

impl Obstacle {
    /// Lets `waker` know when it is out of the way; returns false if it is already.
    fn wait(&self, waker: &Waker) -> bool {
        match self {
            Self::Peer(peer) => peer.outbox.wait(waker),
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

/// Keeps the server from reading more of a connection, until it is dropped.
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

/// Calls handlers; returns what they have put in the way, too.
pub(crate) fn collect<T>(work: impl FnOnce() -> T) -> (T, Vec<Obstacle>) {
    FOUND.set(Some(Vec::new()));
    let result = work();
    (result, FOUND.take().unwrap_or_default())
}

/// Lets the connection that a handler is called for wait for `peer`; returns false if this is no
/// such call.
pub(crate) fn wait_for(peer: &Arc<Peer>) -> bool {
    FOUND.with_borrow_mut(|found| {
        let Some(found) = found else { return false };
        let is_same =
            |other: &Obstacle| matches!(other, Obstacle::Peer(other) if Arc::ptr_eq(other, peer));
        if !found.iter().any(is_same) {
            found.push(Obstacle::Peer(Arc::clone(peer)));
        }
        true
    })
}

/// Lets the connection that a handler is called for wait until the result is dropped.
pub(crate) fn hold() -> Hold {
    let held = Arc::<Mutex<Held>>::default();
    FOUND.with_borrow_mut(|found| {
        if let Some(found) = found {
            found.push(Obstacle::Hold(Arc::clone(&held)));
        }
    });
    Hold(held)
}

/// Keeps of the obstacles those that are still in the way, and lets the worker be told by the letter
/// when that changes.
pub(crate) fn wait(obstacles: &mut Vec<Obstacle>, mail: &Arc<Mail>, letter: Letter) {
    if !obstacles.is_empty() {
        let waker = Waker::from(Arc::new(Reminder { mail: Arc::clone(mail), letter }));
        obstacles.retain(|obstacle| obstacle.wait(&waker));
    }
}

struct Reminder {
    mail: Arc<Mail>,
    letter: Letter,
}

impl Wake for Reminder {
    fn wake(self: Arc<Self>) {
        self.mail.send(self.letter);
    }
}

fn lock(held: &Mutex<Held>) -> MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}
