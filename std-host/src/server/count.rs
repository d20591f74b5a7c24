//! How many connections a server has, and when the last has ended.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Counts the connections that a server has.
#[derive(Debug, Default)]
pub(crate) struct ConnectionCount {
    /// With those that send their request or are being refused.
    n: AtomicUsize,
    /// Those that are open, or wait for the answer to their request.
    n_let_in: AtomicUsize,
    last_left: Notify,
}

impl ConnectionCount {
    /// Counts one more.
    pub(crate) fn enter(&self) {
        self.n.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts that one is let in, unless so many are.
    pub(crate) fn let_in(&self, limit: usize) -> bool {
        let step = |n: usize| (n < limit).then_some(n + 1);
        self.n_let_in.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).is_ok()
    }

    /// Counts that one which was let in is so no more.
    pub(crate) fn let_out(&self) {
        self.n_let_in.fetch_sub(1, Ordering::Relaxed);
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
