//! The connections of a worker that are not open, the oldest first.

use std::collections::VecDeque;

use crate::server::timer::Millis;

/// The connections of a worker that have sent no whole request, or were refused: who is silent keeps others
/// out of nothing, because the oldest gives way to the newest.
#[derive(Debug)]
pub(crate) struct Handshakes {
    limit: usize,
    n: usize,
    /// Since when, and the slot; also of some that are over.
    queue: VecDeque<(Millis, usize)>,
}

impl Handshakes {
    /// Lets a worker have its share of what all may have.
    pub(crate) fn new(limit: usize, n_workers: usize) -> Self {
        let limit = limit.div_ceil(n_workers.max(1)).max(1);
        Self { limit, n: 0, queue: VecDeque::new() }
    }

    /// Notes that a connection has gone from one state to another, of which each is since when it is not
    /// open, if so.
    pub(crate) fn note(&mut self, slot: usize, before: Option<Millis>, after: Option<Millis>) {
        if before == after {
            return;
        }
        if before.is_some() {
            self.n -= 1;
        }
        if let Some(since) = after {
            self.n += 1;
            self.queue.push_back((since, slot));
        }
    }

    pub(crate) const fn is_full(&self) -> bool {
        self.n >= self.limit
    }

    /// Takes the slot of the oldest from the queue, if it is so since this time or longer; `is` tells whether an
    /// entry is still somebody's.
    pub(crate) fn oldest(
        &mut self,
        latest: Millis,
        is: impl Fn(usize, Millis) -> bool,
    ) -> Option<usize> {
        while let Some((since, slot)) = self.queue.pop_front() {
            if is(slot, since) {
                if since <= latest {
                    return Some(slot);
                }
                self.queue.push_front((since, slot));
                break;
            }
        }
        None
    }

    /// Forgets entries that are nobody's any more, if they are most of them.
    pub(crate) fn tidy(&mut self, is: impl Fn(usize, Millis) -> bool) {
        if self.queue.len() > 4 * self.n + KEPT {
            self.queue.retain(|(since, slot)| is(*slot, *since));
            self.queue.shrink_to(2 * self.queue.len() + KEPT);
        }
    }
}

/// So many entries are no burden.
const KEPT: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_that_is_still_there_goes_first_and_what_is_over_is_forgotten() {
        let mut handshakes = Handshakes::new(5, 2);
        assert_eq!(handshakes.limit, 3);
        for (slot, since) in [(7, 10), (8, 11), (9, 12)] {
            assert!(!handshakes.is_full());
            handshakes.note(slot, None, Some(since));
        }
        assert!(handshakes.is_full());
        handshakes.note(7, Some(10), None); // is open
        assert!(!handshakes.is_full());
        handshakes.note(8, Some(11), Some(20)); // is refused
        handshakes.note(7, None, Some(21)); // another in its slot
        let is = |slot, since| [(9, 12), (8, 20), (7, 21)].contains(&(slot, since));
        assert_eq!([11, 12, 19].map(|at| handshakes.oldest(at, is)), [None, Some(9), None]);
        assert_eq!([(); 3].map(|()| handshakes.oldest(99, is)), [Some(8), Some(7), None]);

        for since in 0..10_000 {
            handshakes.note(1, None, Some(since));
            handshakes.note(1, Some(since), None);
            handshakes.tidy(|_, _| false);
            assert!(handshakes.queue.len() <= 4 * handshakes.n + KEPT);
        }
    }
}
