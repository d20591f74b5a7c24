//! Time as an argument: keepalive and deadlines, fed with the caller's clock.

use core::time::Duration;

/// Decides when to send a ping and when to give the peer up.
///
/// Time is a [`Duration`] since any fixed moment, such as the boot of the board; only differences
/// count, and a clock that jumps back does no harm. Tell it of received bytes with
/// [`heard`](Self::heard) and do what [`poll`](Self::poll) says.
///
/// ```
/// use core::time::Duration;
/// use wirelet::{Action, Keepalive};
///
/// let s = Duration::from_secs;
/// let mut keepalive = Keepalive::new(s(20), s(5), s(0));
/// assert_eq!(keepalive.poll(s(1)), Action::Wait(s(19)));
/// assert_eq!(keepalive.poll(s(20)), Action::Ping);
/// assert_eq!(keepalive.poll(s(21)), Action::Wait(s(4)));
/// keepalive.heard(s(22)); // the pong, or anything else
/// assert_eq!(keepalive.poll(s(23)), Action::Wait(s(19)));
/// assert_eq!(keepalive.poll(s(50)), Action::Ping);
/// assert_eq!(keepalive.poll(s(55)), Action::Disconnect);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Keepalive {
    /// In nanoseconds, as all here.
    interval: u64,
    timeout: u64,
    /// When `waiting_for_pong`, the time of the ping; otherwise, of what was heard last.
    since: u64,
    waiting_for_pong: bool,
}

/// Says what [`Keepalive::poll`] wants done.
///
/// ```
/// use core::time::Duration;
/// use wirelet::{Action, Keepalive};
///
/// let mut keepalive = Keepalive::new(Duration::from_secs(1), Duration::from_secs(1), Duration::ZERO);
/// assert_eq!(keepalive.poll(Duration::from_secs(1)), Action::Ping);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Action {
    /// Nothing for this long, unless bytes are received.
    Wait(Duration),
    /// Send a ping now.
    Ping,
    /// The peer is gone: close TCP now.
    Disconnect,
}

impl Keepalive {
    /// Pings after `interval` of silence and gives up when nothing comes for `timeout` after that.
    #[must_use]
    pub const fn new(interval: Duration, timeout: Duration, now: Duration) -> Self {
        let (interval, timeout) = (nanos(interval), nanos(timeout));
        Self { interval, timeout, since: nanos(now), waiting_for_pong: false }
    }

    /// Notes that bytes were received at `now`, whatever they are.
    pub const fn heard(&mut self, now: Duration) {
        self.since = nanos(now);
        self.waiting_for_pong = false;
    }

    /// Returns how long [`poll`](Self::poll) will want nothing but to wait.
    #[must_use]
    pub const fn remaining(&self, now: Duration) -> Duration {
        let limit = if self.waiting_for_pong { self.timeout } else { self.interval };
        Duration::from_nanos(limit.saturating_sub(nanos(now).saturating_sub(self.since)))
    }

    /// Says what to do at `now`. A [`Ping`](Action::Ping) is taken as sent.
    pub fn poll(&mut self, now: Duration) -> Action {
        let wait = self.remaining(now);
        if !wait.is_zero() {
            return Action::Wait(wait);
        }
        if self.waiting_for_pong {
            return Action::Disconnect;
        }
        self.since = nanos(now);
        self.waiting_for_pong = true;
        Action::Ping
    }
}

/// Marks a moment after which waiting is over: for the opening handshake (10 s are usual), or for
/// the peer's answer to a close frame (5 s).
///
/// ```
/// use core::time::Duration;
/// use wirelet::Deadline;
///
/// let deadline = Deadline::after(Duration::from_secs(10), Duration::from_secs(100));
/// assert_eq!(deadline.remaining(Duration::from_secs(104)), Some(Duration::from_secs(6)));
/// assert_eq!(deadline.remaining(Duration::from_secs(110)), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Deadline(
    /// In nanoseconds.
    u64,
);

impl Deadline {
    /// Begins to wait `limit` from `now`.
    #[must_use]
    pub const fn after(limit: Duration, now: Duration) -> Self {
        Self(nanos(now).saturating_add(nanos(limit)))
    }

    /// Returns how long to wait still; `None` when the deadline has passed.
    #[must_use]
    pub fn remaining(&self, now: Duration) -> Option<Duration> {
        let left = self.0.saturating_sub(nanos(now));
        (left > 0).then_some(Duration::from_nanos(left))
    }
}

/// Saturates after 584 years.
///
/// Not arithmetic on `Duration`, which leaves panics in firmware that cannot happen.
const fn nanos(time: Duration) -> u64 {
    let seconds = time.as_secs().saturating_mul(1_000_000_000);
    seconds.saturating_add(time.subsec_nanos() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_peer_that_is_never_silent_is_never_pinged() {
        let mut keepalive = Keepalive::new(s(20), s(5), s(0));
        for now in 1..1000 {
            assert!(matches!(keepalive.poll(s(now)), Action::Wait(_)));
            keepalive.heard(s(now));
        }
    }

    #[test]
    fn polling_late_pings_before_it_gives_up() {
        let mut keepalive = Keepalive::new(s(20), s(5), s(0));
        assert_eq!(keepalive.poll(s(1000)), Action::Ping);
        assert_eq!(keepalive.poll(s(1004)), Action::Wait(s(1)));
        assert_eq!(keepalive.poll(s(1005)), Action::Disconnect);
        assert_eq!(keepalive.poll(s(1006)), Action::Disconnect);
    }

    #[test]
    fn a_clock_that_jumps_back_only_waits_longer() {
        let mut keepalive = Keepalive::new(s(20), s(5), s(100));
        assert_eq!(keepalive.poll(s(50)), Action::Wait(s(20)));
    }
}
