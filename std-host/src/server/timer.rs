//! When a connection has something to do by the clock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::server::limits::Limits;

/// Milliseconds since its worker began.
pub(crate) type Millis = u64;

/// The one clock of a connection: why it runs, and since when.
///
/// Life is what comes, and what the socket takes after it has refused something: for that, the peer has
/// made room. That a socket takes what it is given says nothing about the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timer {
    why: Why,
    since: Millis,
    /// The last sign of life, so many milliseconds behind `since`.
    alive_after: u32,
}

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The request, and the handler's answer to it.
    Handshake,
    /// Silence that is long enough for a ping.
    Ping,
    /// Any sign of life after the ping.
    Pong,
    /// The peer's part of the closing handshake.
    Close,
    /// The peer's end of TCP.
    Linger,
}

/// How long a connection may wait for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    handshake: Millis,
    ping_interval: Millis,
    ping_timeout: Millis,
    close: Millis,
    close_in_all: Millis,
}

impl From<&Limits> for Times {
    fn from(limits: &Limits) -> Self {
        let ping_interval = match millis(limits.ping_interval) {
            0 => NEVER,
            interval => interval,
        };
        Self {
            handshake: millis(limits.handshake_time),
            ping_interval,
            ping_timeout: millis(limits.ping_timeout),
            close: millis(limits.close_time),
            close_in_all: millis(limits.close_limit),
        }
    }
}

impl Timer {
    /// Begins to wait for the request.
    pub(crate) const fn new(now: Millis) -> Self {
        Self { why: Why::Handshake, since: now, alive_after: 0 }
    }

    pub(crate) const fn why(&self) -> Why {
        self.why
    }

    /// When the wait began.
    pub(crate) const fn since(&self) -> Millis {
        self.since
    }

    /// Waits for something else from now on. What belongs to the closing has one limit in all.
    pub(crate) fn wait(&mut self, why: Why, now: Millis) {
        let goes_on = self.is_closing() && matches!(why, Why::Close | Why::Linger);
        if !goes_on {
            self.since = now;
        }
        self.why = why;
        self.note_alive(now);
    }

    /// Notes a sign of life.
    pub(crate) fn note_life(&mut self, now: Millis) {
        if matches!(self.why, Why::Ping | Why::Pong) {
            (self.why, self.since) = (Why::Ping, now);
        }
        self.note_alive(now);
    }

    fn note_alive(&mut self, now: Millis) {
        // When something lasts for 49 days, what lives beyond them does not count.
        self.alive_after = u32::try_from(now.saturating_sub(self.since)).unwrap_or(u32::MAX);
    }

    pub(crate) const fn is_closing(&self) -> bool {
        matches!(self.why, Why::Close | Why::Linger)
    }

    /// Returns when it is due.
    pub(crate) fn due(&self, times: &Times) -> Millis {
        let Self { why, since, alive_after } = *self;
        let alive = since.saturating_add(alive_after.into());
        match why {
            Why::Handshake => after(since, times.handshake),
            Why::Ping => after(alive, times.ping_interval),
            Why::Pong => after(since, times.ping_timeout),
            Why::Close | Why::Linger => {
                after(alive, times.close).min(after(since, times.close_in_all))
            }
        }
    }
}

/// When a wait is over: later by less than a 64th of it, and less than 128 ms, at a time that it shares
/// with others, so that the worker wakes up once for all of them.
fn after(since: Millis, wait: Millis) -> Millis {
    let grid = 1 << (wait / 64).clamp(1, 128).ilog2();
    since.saturating_add(wait).checked_next_multiple_of(grid).unwrap_or(NEVER)
}

/// The timers of a worker's connections; what they cost is for what is due, not for what is open.
///
/// Each connection stands here with the time that it is armed for. When life moves that on, the entry
/// stays, and is looked at when it comes; when a time comes nearer, there is another entry.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    queue: BinaryHeap<Reverse<Entry>>,
}

/// When to look, and the slot, in one number of 64 bits: there are as many entries as connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry(u64);

impl Entry {
    /// `None` for a time that does not come within decades, or a slot that no worker has.
    fn new(at: Millis, slot: usize) -> Option<Self> {
        let slot = u64::try_from(slot).ok().filter(|slot| *slot < 1 << SLOT_BITS)?;
        (at < 1 << (u64::BITS - SLOT_BITS)).then_some(Self(at << SLOT_BITS | slot))
    }

    fn parts(self) -> (Millis, usize) {
        let slot = self.0 & ((1 << SLOT_BITS) - 1);
        (self.0 >> SLOT_BITS, usize::try_from(slot).unwrap_or_default())
    }
}

/// So one worker has 16 million connections at most, and its times last for 34 years.
const SLOT_BITS: u32 = 24;

impl Timers {
    pub(crate) fn arm(&mut self, at: Millis, slot: usize) {
        self.queue.extend(Entry::new(at, slot).map(Reverse));
    }

    /// When to look next.
    pub(crate) fn next(&self) -> Option<Millis> {
        self.queue.peek().map(|Reverse(entry)| entry.parts().0)
    }

    /// Takes an entry that is due.
    pub(crate) fn pop(&mut self, now: Millis) -> Option<(Millis, usize)> {
        if self.next()? > now {
            return None;
        }
        self.queue.pop().map(|Reverse(entry)| entry.parts())
    }

    /// Forgets entries that are nobody's any more, if they are most of them.
    pub(crate) fn tidy(&mut self, n_connections: usize, is_armed: impl Fn(Millis, usize) -> bool) {
        if self.queue.len() > 4 * n_connections + KEPT {
            self.queue.retain(|Reverse(entry)| {
                let (at, slot) = entry.parts();
                is_armed(at, slot)
            });
            self.queue.shrink_to(2 * self.queue.len() + KEPT);
        }
    }
}

/// A time that does not come.
pub(crate) const NEVER: Millis = Millis::MAX;

/// So many entries are no burden.
const KEPT: usize = 256;

/// A duration, longer by what is less than a millisecond.
pub(crate) fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(NEVER)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times() -> Times {
        Times::from(&Limits {
            handshake_time: Duration::from_millis(10),
            ping_interval: Duration::from_millis(100),
            ping_timeout: Duration::from_millis(20),
            close_time: Duration::from_millis(5),
            close_limit: Duration::from_millis(12),
            ..Limits::default()
        })
    }

    #[test]
    fn a_request_has_its_time_whatever_comes() {
        let mut timer = Timer::new(1);
        timer.note_life(9);
        assert_eq!(timer.due(&times()), 11);
    }

    #[test]
    fn silence_is_pinged_and_then_ended_unless_there_is_life() {
        let mut timer = Timer::new(0);
        timer.wait(Why::Ping, 0);
        assert_eq!(timer.due(&times()), 100);
        timer.note_life(50);
        assert_eq!(timer.due(&times()), 150);
        timer.wait(Why::Pong, 150);
        assert_eq!(timer.due(&times()), 170);
        timer.note_life(160);
        assert_eq!((timer.why(), timer.due(&times())), (Why::Ping, 260));
    }

    #[test]
    fn closing_goes_on_as_long_as_there_is_life_up_to_a_limit_in_all() {
        let mut timer = Timer::new(0);
        timer.wait(Why::Close, 100);
        assert_eq!(timer.due(&times()), 105);
        timer.note_life(104);
        assert_eq!(timer.due(&times()), 109);
        timer.wait(Why::Linger, 108);
        assert_eq!(timer.due(&times()), 112);
        timer.note_life(111);
        assert_eq!(timer.due(&times()), 112);
    }

    #[test]
    fn an_interval_of_zero_never_comes_and_no_time_is_too_long() {
        let limits = Limits {
            ping_interval: Duration::ZERO,
            close_time: Duration::MAX,
            close_limit: Duration::MAX,
            ..Limits::default()
        };
        for why in [Why::Ping, Why::Close] {
            let mut timer = Timer::new(0);
            timer.wait(why, 7);
            assert_eq!(timer.due(&Times::from(&limits)), NEVER);
        }
        assert_eq!(millis(Duration::from_nanos(1)), 1);
    }

    #[test]
    fn waits_that_end_at_about_the_same_time_end_together_and_none_too_soon() {
        assert_eq!((after(1, 10_000), after(112, 10_000)), (10_112, 10_112));
        assert_eq!(after(113, 10_000), 10_240);
        assert_eq!([after(1, 127), after(1, 128), after(2, 300)], [128, 130, 304]);
        for wait in (0..20_000).step_by(7).chain([100_000, 86_400_000]) {
            for since in [0, 1, 63, 12_345] {
                let late = after(since, wait) - since - wait;
                assert!(late <= wait / 64 && late < 128, "{late} ms behind {since} + {wait}");
            }
        }
        assert_eq!(after(1, NEVER), NEVER);
    }

    #[test]
    fn entries_come_in_their_order_and_those_of_nobody_are_forgotten() {
        let mut timers = Timers::default();
        for (at, slot) in [(30, 1), (10, 2), (20, 3), (NEVER, 4)] {
            timers.arm(at, slot);
        }
        assert_eq!(timers.next(), Some(10));
        assert_eq!(timers.pop(9), None);
        assert_eq!(timers.pop(25), Some((10, 2)));
        assert_eq!(timers.pop(25), Some((20, 3)));
        assert_eq!(timers.pop(25), None);
        for at in 0..1000 {
            timers.arm(100 + at, 5);
        }
        timers.tidy(1, |at, slot| (at, slot) == (30, 1));
        assert_eq!((timers.pop(NEVER), timers.pop(NEVER)), (Some((30, 1)), None));
    }
}
