//! When messages are due if there is a rate.

use std::time::{Duration, Instant};

/// Spreads the messages of one thread evenly over time, its senders taking turns.
///
/// Message `n` of sender `i`, both counted from 0, is due at `start + (n * senders + i) / rate`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    start: Instant,
    /// Messages a second.
    rate: f64,
    n_senders: usize,
    /// How many messages have become due.
    n_due: u64,
}

impl Pace {
    pub(super) const fn new(start: Instant, rate: f64, n_senders: usize) -> Self {
        Self { start, rate, n_senders, n_due: 0 }
    }

    /// Returns the sender whose message is the next to be due, if it is.
    pub(super) fn next_due(&mut self, now: Instant) -> Option<usize> {
        if self.next_at() > now {
            return None;
        }
        let sender = self.n_due % self.n_senders as u64;
        self.n_due += 1;
        usize::try_from(sender).ok()
    }

    /// Returns the moment at which the next message is due.
    pub(super) fn next_at(&self) -> Instant {
        self.at(self.n_due)
    }

    /// Returns the moment at which a message was due.
    pub(super) fn due_at(&self, sender: usize, n: u64) -> Instant {
        self.at(n * self.n_senders as u64 + sender as u64)
    }

    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 messages")]
    fn at(&self, n: u64) -> Instant {
        self.start + Duration::from_secs_f64(n as f64 / self.rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senders_take_turns_at_even_intervals() {
        let start = Instant::now();
        let mut pace = Pace::new(start, 1000.0, 3);
        let at = |millis| start + Duration::from_millis(millis);
        let mut due = |now| -> Vec<_> { std::iter::from_fn(|| pace.next_due(now)).collect() };
        assert_eq!(due(at(0)), [0]);
        assert_eq!(due(at(0)).len(), 0);
        assert_eq!(due(at(4)), [1, 2, 0, 1]);
        assert_eq!(pace.next_at(), at(5));
        assert_eq!(pace.due_at(1, 0), at(1));
        assert_eq!(pace.due_at(1, 1), at(4));
    }
}
