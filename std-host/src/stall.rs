//! Which peers a handler has to wait for, by [`Policy::Wait`](crate::Policy::Wait).

use std::cell::RefCell;
use std::sync::Arc;
use std::task::{Wake, Waker};

use crate::mail::{Letter, Mail};
use crate::peer::Peer;

thread_local! {
    /// The peers without room, while a handler is called on this thread.
    static FULL: RefCell<Option<Vec<Arc<Peer>>>> = const { RefCell::new(None) };
}

/// Calls handlers; returns the peers without room for what they have sent, too.
pub(crate) fn collect<T>(work: impl FnOnce() -> T) -> (T, Vec<Arc<Peer>>) {
    FULL.set(Some(Vec::new()));
    let result = work();
    (result, FULL.take().unwrap_or_default())
}

/// Lets the connection that a handler is called for wait for `peer`; returns false if this is no
/// such call.
pub(crate) fn wait_for(peer: &Arc<Peer>) -> bool {
    FULL.with_borrow_mut(|full| {
        let Some(full) = full else { return false };
        if !full.iter().any(|other| Arc::ptr_eq(other, peer)) {
            full.push(Arc::clone(peer));
        }
        true
    })
}

/// Keeps of `peers` those that still have no room, and lets the worker be told by the letter when
/// that changes.
pub(crate) fn wait(peers: &mut Vec<Arc<Peer>>, mail: &Arc<Mail>, letter: Letter) {
    if !peers.is_empty() {
        let waker = Waker::from(Arc::new(Reminder { mail: Arc::clone(mail), letter }));
        peers.retain(|peer| peer.outbox.wait(&waker));
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
