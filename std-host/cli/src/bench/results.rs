//! What the load has shown.

use std::collections::VecDeque;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::load::{Load, Outcome, Pacing, Tally};
use super::window::Window;

/// The figures of all threads together.
#[derive(Debug)]
pub(super) struct Results<'l> {
    pub(super) load: &'l Load,
    window: Window,
    pub(super) messages: u64,
    /// What those carry.
    pub(super) bytes: u64,
    /// Connections that were closed after their messages.
    pub(super) closed: u64,
    /// In nanoseconds.
    pub(super) latency: Histogram<u64>,
    /// Until the last had what was sent to all, in nanoseconds.
    pub(super) to_all: Histogram<u64>,
    /// How it went over time.
    pub(super) points: Vec<Point>,
    /// Slices that some threads have not told of yet, the oldest first.
    incomplete: VecDeque<Slice>,
    pub(super) outcome: Outcome,
    pub(super) server_cpu: Option<Duration>,
}

/// The figures of one slice of time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    /// The time of its end, since the measurement began.
    pub(super) at: Duration,
    pub(super) messages_per_second: f64,
    pub(super) p50: Duration,
    pub(super) p99: Duration,
    pub(super) max: Duration,
}

#[derive(Debug)]
struct Slice {
    n_threads: usize,
    tally: Tally,
}

impl<'l> Results<'l> {
    pub(super) fn new(load: &'l Load, window: Window) -> Self {
        let Tally { messages, bytes, closed, latency, to_all } = Tally::new();
        Self {
            load,
            window,
            messages,
            bytes,
            closed,
            latency,
            to_all,
            points: Vec::new(),
            incomplete: VecDeque::new(),
            outcome: Outcome::default(),
            server_cpu: None,
        }
    }

    /// Adds what one thread tells of a slice; threads tell of all slices, in order.
    pub(super) fn add(&mut self, number: u32, tally: &Tally) {
        let at = number as usize - self.points.len();
        if at == self.incomplete.len() {
            self.incomplete.push_back(Slice { n_threads: 0, tally: Tally::new() });
        }
        self.incomplete[at].n_threads += 1;
        self.incomplete[at].tally.add(tally);
        let is_complete = |slice: &Slice| slice.n_threads == self.load.threads;
        while self.incomplete.front().is_some_and(is_complete)
            && let Some(slice) = self.incomplete.pop_front()
        {
            self.complete(&slice.tally);
        }
    }

    fn complete(&mut self, tally: &Tally) {
        let number = u32::try_from(self.points.len()).unwrap_or(u32::MAX);
        let end = self.window.end_of(number);
        let begin = number.checked_sub(1).map_or(self.window.begin, |n| self.window.end_of(n));
        let quantile = |q| Duration::from_nanos(tally.latency.value_at_quantile(q));
        self.points.push(Point {
            at: end - self.window.begin,
            messages_per_second: per_second(tally.messages, end - begin),
            p50: quantile(0.5),
            p99: quantile(0.99),
            max: quantile(1.0),
        });
        self.messages += tally.messages;
        self.bytes += tally.bytes;
        self.closed += tally.closed;
        // Of the same digits, and growing as needed.
        self.latency += &tally.latency;
        self.to_all += &tally.to_all;
    }

    /// Adds how one thread has ended.
    pub(super) fn end(&mut self, outcome: Outcome) {
        self.outcome += outcome;
    }

    /// Tells whether no connection failed, and all came back and ended that was to.
    pub(super) fn is_complete(&self) -> bool {
        (self.messages > 0 || self.load.pacing == Pacing::Idle)
            && (self.closed > 0 || self.load.reconnect_after.is_none())
            && self.outcome.failed == 0
            && self.outcome.missing == 0
    }

    pub(super) fn seconds(&self) -> f64 {
        self.window.duration().as_secs_f64()
    }

    pub(super) fn messages_per_second(&self) -> f64 {
        per_second(self.messages, self.window.duration())
    }

    pub(super) fn bytes_per_second(&self) -> f64 {
        per_second(self.bytes, self.window.duration())
    }

    pub(super) fn connections_per_second(&self) -> f64 {
        per_second(self.closed, self.window.duration())
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 messages")]
fn per_second(n: u64, time: Duration) -> f64 {
    n as f64 / time.as_secs_f64()
}
