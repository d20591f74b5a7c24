//! How many connections a server has, and when the last has ended.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Counts the connections that a server has, with those that wait for the answer to their request or are
/// being refused.
#[derive(Debug, Default)]
pub(crate) struct ConnectionCount {
    n: AtomicUsize,
    last_left: Notify,
}

impl ConnectionCount {
    pub(crate) fn get(&self) -> usize {
        self.n.load(Ordering::Relaxed)
    }

    /// Counts one more; returns how many there were.
    pub(crate) fn enter(&self) -> usize {
        self.n.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn leave(&self) {
        // Who has seen the last leave sees what it did before.
        if self.n.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.last_left.notify_waiters();
        }
    }

    /// Waits until there is none.
    pub(crate) async fn none_left(&self) {
        loop {
            let mut last_left = pin!(self.last_left.notified());
            last_left.as_mut().enable();
            if self.n.load(Ordering::Acquire) == 0 {
                return;
            }
            last_left.await;
        }
    }
}
