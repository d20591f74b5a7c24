//! Time as an argument: keepalive and deadlines, fed with the caller's clock.

use core::time::Duration;

/// Decides when to send a ping and when to give the peer up.
///
/// Time is a [`Duration`] since any fixed moment, such as the boot of the board; only differences
/// count. Tell it of received bytes with [`heard`](Self::heard), or how many there were so far with
/// [`progress`](Self::progress), and do what [`poll`](Self::poll) says.
///
/// Where the clock goes back, as a tick of 32 bits of milliseconds does every 49.7 days, the wait
/// that was going on begins again from the new time: a ping, or the end, comes later by at most
/// that wait.
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
    /// How many bytes had been received by the last `progress`, modulo 2^32.
    n_received: u32,
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
    ///
    /// An `interval` of zero is none: there is never a ping, nor an end.
    #[must_use]
    pub const fn new(interval: Duration, timeout: Duration, now: Duration) -> Self {
        let (interval, timeout) = (nanos(interval), nanos(timeout));
        Self { interval, timeout, since: nanos(now), waiting_for_pong: false, n_received: 0 }
    }

    /// Notes that bytes were received at `now`, whatever they are.
    pub const fn heard(&mut self, now: Duration) {
        self.since = nanos(now);
        self.waiting_for_pong = false;
    }

    /// Notes how many bytes have been received in all; any other number than the last time counts
    /// as [`heard`](Self::heard) at `now`.
    ///
    /// For drivers that return only when a message is whole, but count what they read. Call it
    /// before [`poll`](Self::poll).
    ///
    /// ```
    /// use core::time::Duration;
    /// use wirelet::{Action, Keepalive};
    ///
    /// let s = Duration::from_secs;
    /// let mut keepalive = Keepalive::new(s(20), s(5), s(0));
    /// keepalive.progress(100, s(19)); // of a message that is not whole yet
    /// assert_eq!(keepalive.poll(s(19)), Action::Wait(s(20)));
    /// keepalive.progress(100, s(39)); // nothing since
    /// assert_eq!(keepalive.poll(s(39)), Action::Ping);
    /// ```
    pub const fn progress(&mut self, n_received: u64, now: Duration) {
        #[expect(clippy::cast_possible_truncation, reason = "only whether it changes counts")]
        let n_received = n_received as u32;
        if n_received != self.n_received {
            self.n_received = n_received;
            self.heard(now);
        }
    }

    /// Returns how long [`poll`](Self::poll) will want nothing but to wait: zero if it is due, also
    /// because the clock went back; [`Duration::MAX`] if there is no interval.
    #[must_use]
    pub const fn remaining(&self, now: Duration) -> Duration {
        if self.interval == 0 {
            return Duration::MAX;
        }
        let limit = if self.waiting_for_pong { self.timeout } else { self.interval };
        match nanos(now).checked_sub(self.since) {
            Some(elapsed) => Duration::from_nanos(limit.saturating_sub(elapsed)),
            None => Duration::ZERO,
        }
    }

    /// Says what to do at `now`. A [`Ping`](Action::Ping) is taken as sent.
    pub fn poll(&mut self, now: Duration) -> Action {
        // Where the clock went back, nobody knows how long the wait has been.
        self.since = self.since.min(nanos(now));
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
///
/// Where the clock goes back, waiting takes longer by at most its limit: back by no more than the
/// limit, the moment stays where it is; back by more, the clock has begun again at zero, as a tick
/// of 32 bits of milliseconds does every 49.7 days, and the limit is counted from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Deadline {
    /// In nanoseconds, as all here.
    limit: u64,
    since: u64,
}

impl Deadline {
    /// Begins to wait `limit` from `now`.
    #[must_use]
    pub const fn after(limit: Duration, now: Duration) -> Self {
        Self { limit: nanos(limit), since: nanos(now) }
    }

    /// Returns how long to wait still; `None` when the deadline has passed.
    #[must_use]
    pub fn remaining(&self, now: Duration) -> Option<Duration> {
        let (Self { limit, since }, now) = (*self, nanos(now));
        let left = match since.checked_sub(now) {
            None => limit.saturating_sub(now - since),
            Some(back) if back <= limit => limit.saturating_add(back),
            Some(_) => limit.saturating_sub(now),
        };
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

    /// What a tick of 32 bits of milliseconds shows after so many seconds, when it wraps after 5.
    fn tick(seconds: u64) -> Duration {
        let millis = u64::from(u32::MAX) - 4_999 + seconds * 1_000;
        Duration::from_millis(millis & 0xffff_ffff)
    }

    /// Polls each second; returns when there was something to do, and what.
    fn poll_in_silence(
        keepalive: &mut Keepalive,
        clock: impl Fn(u64) -> Duration,
    ) -> Vec<(u64, Action)> {
        let mut actions = Vec::new();
        for second in 0..600 {
            match keepalive.poll(clock(second)) {
                Action::Wait(_) => {}
                action => actions.push((second, action)),
            }
            if actions.last().is_some_and(|(_, action)| *action == Action::Disconnect) {
                break;
            }
        }
        actions
    }

    #[test]
    fn a_tick_that_wraps_makes_a_silent_peer_wait_at_most_once_more() {
        // Heard last 5 s before.
        let mut keepalive = Keepalive::new(s(20), s(5), tick(0));
        let actions = poll_in_silence(&mut keepalive, tick);
        assert_eq!(actions, [(25, Action::Ping), (30, Action::Disconnect)]);
        // Pinged 3 s before.
        let mut keepalive = Keepalive::new(s(2), s(5), tick(0));
        let actions = poll_in_silence(&mut keepalive, tick);
        assert_eq!(actions, [(2, Action::Ping), (10, Action::Disconnect)]);
    }

    #[test]
    fn a_clock_that_jumps_back_begins_the_wait_again() {
        let mut keepalive = Keepalive::new(s(20), s(5), s(100));
        assert_eq!(keepalive.remaining(s(50)), s(0));
        assert_eq!(keepalive.poll(s(50)), Action::Wait(s(20)));
        assert_eq!(keepalive.remaining(s(50)), s(20));
        assert_eq!(keepalive.poll(s(69)), Action::Wait(s(1)));
        assert_eq!(keepalive.poll(s(70)), Action::Ping);
        assert_eq!(keepalive.poll(s(30)), Action::Wait(s(5)));
        assert_eq!(keepalive.poll(s(35)), Action::Disconnect);
    }

    #[test]
    fn whoever_sleeps_as_long_as_remains_polls_in_time_after_a_wrap() {
        let mut keepalive = Keepalive::new(s(20), s(5), tick(0));
        let (mut second, mut actions) = (0, Vec::new());
        while actions.len() < 2 {
            second += keepalive.remaining(tick(second)).as_secs();
            match keepalive.poll(tick(second)) {
                Action::Wait(_) => {}
                action => actions.push((second, action)),
            }
        }
        assert_eq!(actions, [(40, Action::Ping), (45, Action::Disconnect)]);
    }

    #[test]
    fn without_an_interval_there_is_no_ping() {
        let mut keepalive = Keepalive::new(s(0), s(5), s(0));
        for now in [s(0), s(1), s(1_000_000), Duration::MAX] {
            assert_eq!(keepalive.poll(now), Action::Wait(Duration::MAX));
            assert_eq!(keepalive.remaining(now), Duration::MAX);
        }
    }

    #[test]
    fn a_peer_whose_message_is_not_whole_yet_is_not_silent() {
        let mut keepalive = Keepalive::new(s(15), s(5), s(0));
        for second in 1..1000 {
            keepalive.progress(second * 20, s(second));
            assert_eq!(keepalive.poll(s(second)), Action::Wait(s(15)));
        }
        for second in 1000..1014 {
            keepalive.progress(999 * 20, s(second));
            assert_eq!(keepalive.poll(s(second)), Action::Wait(s(1014 - second)));
        }
        keepalive.progress(999 * 20, s(1014));
        assert_eq!(keepalive.poll(s(1014)), Action::Ping);
        keepalive.progress(999 * 20 + 1, s(1018)); // the beginning of the pong
        assert_eq!(keepalive.poll(s(1018)), Action::Wait(s(15)));
    }

    #[test]
    fn bytes_before_the_first_look_count_as_heard() {
        let mut keepalive = Keepalive::new(s(20), s(5), s(0));
        keepalive.progress(1 << 32 | 7, s(10));
        assert_eq!(keepalive.poll(s(20)), Action::Wait(s(10)));
    }

    #[test]
    fn a_deadline_is_over_at_its_moment_and_stays_so() {
        let deadline = Deadline::after(s(10), s(100));
        assert_eq!(deadline.remaining(s(100)), Some(s(10)));
        let nearly = s(109) + Duration::from_nanos(999_999_999);
        assert_eq!(deadline.remaining(nearly), Some(Duration::from_nanos(1)));
        assert_eq!(deadline.remaining(s(110)), None);
        assert_eq!(deadline.remaining(Duration::MAX), None);
        assert_eq!(Deadline::after(s(0), s(100)).remaining(s(100)), None);
    }

    #[test]
    fn a_clock_that_goes_back_a_little_leaves_a_deadline_where_it_is() {
        let deadline = Deadline::after(s(10), s(100));
        assert_eq!(deadline.remaining(s(99)), Some(s(11)));
        assert_eq!(deadline.remaining(s(90)), Some(s(20)));
    }

    #[test]
    fn a_deadline_counts_from_zero_when_the_tick_wraps() {
        for limit in 1..=30 {
            let deadline = Deadline::after(s(limit), tick(0));
            let over = (0..600).find(|second| deadline.remaining(tick(*second)).is_none());
            assert_eq!(over, Some(if limit <= 4 { limit } else { 5 + limit }), "{limit} s");
        }
    }

    #[test]
    fn no_clock_makes_a_deadline_wait_longer_than_twice_its_limit() {
        let deadline = Deadline::after(s(10), s(100));
        for now in (0..200).chain([u64::MAX]) {
            assert!(deadline.remaining(s(now)).unwrap_or_default() <= s(20), "at {now} s");
        }
    }
}
