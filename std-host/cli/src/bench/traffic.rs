//! Which message leaves when, and how long each was under way.

use std::mem;
use std::ops::Range;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::echo::Expect;
use super::failure::Failure;
use super::line::Came;
use super::load::{Load, News, Pacing, Tally};
use super::pace::Pace;
use super::window::Window;

/// The messages of one thread's connections: each has its own, or, with --broadcast, one sends and all
/// receive.
pub(super) struct Traffic {
    /// Who sends, with --broadcast.
    only_sender: Option<usize>,
    depth: usize,
    /// After how many messages a connection is closed and another opened.
    reconnect_after: Option<u64>,
    window: Window,
    pace: Option<Pace>,
    is_idle: bool,
    /// What comes besides the answers is ignored.
    takes_any: bool,
    /// How much of that has come.
    n_unasked: u64,
    flows: Vec<Flow>,
    /// Whether each connection is open.
    open: Vec<bool>,
    /// How many messages each has received.
    received: Vec<u64>,
    /// How many connections receive each message.
    n_receivers: u64,
    slice: u32,
    tally: Tally,
    news: mpsc::Sender<News>,
}

/// The messages of one sender; with a rate, numbered as the senders of its pace.
#[derive(Clone, Debug)]
struct Flow {
    /// Messages that are due according to the rate, and not sent.
    due: u64,
    sent: u64,
    /// When the last left.
    sent_at: Instant,
    /// How often a message has yet to be received.
    under_way: u64,
    /// How many messages its connection has yet to send before it is closed, if it ever is.
    left: Option<u64>,
}

impl Traffic {
    /// Begins the traffic on connections, of which `open` tells if they are open.
    pub(super) fn new(
        load: &Load,
        open: Vec<bool>,
        window: Window,
        news: mpsc::Sender<News>,
    ) -> Self {
        let now = Instant::now();
        let left = load.reconnect_after;
        let n_lines = open.len();
        let n_flows = if load.broadcast { 1 } else { n_lines };
        let n_open = open.iter().filter(|open| **open).count();
        let pace = match load.pacing {
            Pacing::AsTheyComeBack | Pacing::Idle => None,
            Pacing::Rate(rate) => {
                Some(Pace::new(now, rate * share(n_lines, load.connections), n_flows))
            }
        };
        Self {
            only_sender: load
                .broadcast
                .then(|| open.iter().position(|open| *open).unwrap_or_default()),
            depth: load.depth,
            reconnect_after: load.reconnect_after,
            window,
            pace,
            is_idle: load.pacing == Pacing::Idle,
            takes_any: load.expect == Expect::Any,
            n_unasked: 0,
            flows: vec![Flow { due: 0, sent: 0, sent_at: now, under_way: 0, left }; n_flows],
            received: vec![0; n_lines],
            n_receivers: if load.broadcast { n_open as u64 } else { 1 },
            open,
            slice: 0,
            tally: Tally::new(),
            news,
        }
    }

    pub(super) fn senders(&self) -> Range<usize> {
        match self.only_sender {
            Some(sender) => sender..sender + 1,
            None => 0..self.flows.len(),
        }
    }

    /// Returns the connection that sends what `line` receives.
    pub(super) fn sender_of(&self, line: usize) -> usize {
        self.only_sender.unwrap_or(line)
    }

    /// Returns the next connection that has a message due by now, according to the rate.
    pub(super) fn next_due(&mut self, now: Instant) -> Option<usize> {
        let flow = self.pace.as_mut()?.next_due(now.min(self.window.end))?;
        let sender = self.only_sender.unwrap_or(flow);
        // The turn of one that has failed passes.
        self.flows[flow].due += u64::from(self.open[sender]);
        Some(sender)
    }

    /// Returns when the next message will be due, according to the rate.
    pub(super) fn next_due_at(&self) -> Option<Instant> {
        self.pace.as_ref().map(Pace::next_at).filter(|at| *at <= self.window.end)
    }

    /// Returns how many messages a connection is to send now, at most the depth.
    pub(super) fn to_send(&self, line: usize, now: Instant) -> usize {
        let flow = &self.flows[self.flow_of(line)];
        if self.pace.is_some() {
            let room = (self.depth as u64)
                .saturating_sub(flow.under_way.div_ceil(self.n_receivers.max(1)));
            usize::try_from(flow.due.min(room)).unwrap_or(self.depth)
        } else if flow.under_way == 0 && now < self.window.end && !self.is_idle {
            let left = flow.left.map(|left| usize::try_from(left).unwrap_or(usize::MAX));
            left.map_or(self.depth, |left| left.min(self.depth))
        } else {
            0
        }
    }

    /// Counts what a connection has sent.
    pub(super) fn sent(&mut self, line: usize, n: usize, now: Instant) {
        let flow = self.flow_of(line);
        let flow = &mut self.flows[flow];
        flow.due = flow.due.saturating_sub(n as u64);
        flow.sent += n as u64;
        flow.sent_at = now;
        flow.under_way += n as u64 * self.n_receivers;
        flow.left = flow.left.map(|left| left.saturating_sub(n as u64));
    }

    /// Counts what `line` has received.
    pub(super) fn received(
        &mut self,
        line: usize,
        came: Came,
        now: Instant,
    ) -> Result<(), Failure> {
        let index = self.flow_of(line);
        let flow = &mut self.flows[index];
        let first = self.received[line];
        let n = came.n.min(flow.sent - first);
        if n < came.n {
            if !self.takes_any {
                return Err(Failure::Unasked);
            }
            self.n_unasked += came.n - n;
        }
        if n == 0 {
            return Ok(());
        }
        self.received[line] += n;
        flow.under_way -= n;
        let (sent_at, has_come) = (flow.sent_at, flow.under_way == 0);
        if self.window.holds(now) {
            self.tally.messages += n;
            self.tally.bytes += came.n_bytes;
        }
        match &self.pace {
            None => {
                self.record(sent_at, now, now, n);
                if has_come && self.only_sender.is_some() && self.window.holds(now) {
                    // It grows as needed.
                    let _ = self.tally.to_all.record(nanos(sent_at, now));
                }
            }
            // What was due in the window counts, however late it came: to leave it out would be to
            // leave out the worst.
            Some(pace) => {
                let pace = *pace;
                for nth in first..first + n {
                    let due_at = pace.due_at(index, nth);
                    self.record(due_at, now, due_at, 1);
                }
            }
        }
        Ok(())
    }

    /// Tells whether all messages of a connection have come back that is to be closed after so many.
    pub(super) fn is_done(&self, line: usize) -> bool {
        let flow = &self.flows[self.flow_of(line)];
        flow.left == Some(0) && flow.under_way == 0
    }

    /// Counts the end of a connection that was done; tells whether another one is to take its place.
    pub(super) fn renew(&mut self, line: usize, now: Instant) -> bool {
        let flow = self.flow_of(line);
        self.flows[flow].left = self.reconnect_after;
        self.tally.closed += u64::from(self.window.holds(now));
        now < self.window.end
    }

    /// Forgets what `line`, which has gone, had yet to receive.
    pub(super) fn lost(&mut self, line: usize) {
        let sender = self.sender_of(line);
        let flow = self.flow_of(line);
        let flow = &mut self.flows[flow];
        flow.under_way -= flow.sent - self.received[line];
        self.open[line] = false;
        if line == sender {
            flow.due = 0;
        }
        if self.only_sender.is_some() {
            self.n_receivers -= 1;
        }
    }

    /// Returns how many messages have yet to come back, also of those that have not left though they
    /// were due.
    pub(super) fn n_missing(&self) -> u64 {
        self.flows.iter().map(|flow| flow.under_way + flow.due * self.n_receivers).sum()
    }

    /// Returns how long the oldest message has been under way that is: since it left, or was due.
    pub(super) fn oldest(&self, now: Instant) -> Duration {
        let flows = self.flows.iter().enumerate();
        let since = flows.filter(|(_, flow)| flow.under_way + flow.due > 0).map(|(i, flow)| {
            let n_back = flow.sent - flow.under_way / self.n_receivers.max(1);
            self.pace.as_ref().map_or(flow.sent_at, |pace| pace.due_at(i, n_back))
        });
        since.min().map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    /// Returns how many messages have come that answer none.
    pub(super) const fn n_unasked(&self) -> u64 {
        self.n_unasked
    }

    /// Reports the slices that have ended, but the last, which ends with the traffic.
    pub(super) fn end_slices(&mut self, now: Instant) {
        while now >= self.window.end_of(self.slice)
            && self.window.end_of(self.slice) < self.window.end
        {
            self.end_slice();
        }
    }

    /// Reports the last slice.
    pub(super) fn end(mut self) {
        self.end_slices(self.window.end);
        self.end_slice();
    }

    fn flow_of(&self, line: usize) -> usize {
        if self.only_sender.is_some() { 0 } else { line }
    }

    fn end_slice(&mut self) {
        let tally = Box::new(mem::replace(&mut self.tally, Tally::new()));
        // If nobody listens, the program is ending.
        let _ = self.news.send(News::Slice { number: self.slice, tally });
        self.slice += 1;
    }

    /// Notes a latency, if `counts_at` lies in the window.
    fn record(&mut self, since: Instant, now: Instant, counts_at: Instant, n: u64) {
        if self.window.holds(counts_at) {
            self.tally.latency.saturating_record_n(nanos(since, now), n);
        }
    }
}

fn nanos(since: Instant, now: Instant) -> u64 {
    u64::try_from(now.saturating_duration_since(since).as_nanos()).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "numbers of connections are small")]
fn share(part: usize, all: usize) -> f64 {
    part as f64 / all as f64
}
