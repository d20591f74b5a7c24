//! How long pings take.

use std::fmt;
use std::time::{Duration, Instant};

use tokio::time::{Interval, MissedTickBehavior};

/// Pings one at a time, at an interval.
pub(super) struct RoundTrips {
    interval: Interval,
    number: u64,
    sent_at: Option<Instant>,
}

impl RoundTrips {
    pub(super) fn new(interval: Duration) -> Self {
        let mut interval = tokio::time::interval(interval);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { interval, number: 0, sent_at: None }
    }

    /// Waits until the next ping is due. Cancel-safe.
    pub(super) async fn due(&mut self) {
        self.interval.tick().await;
    }

    /// Begins a ping; returns its payload, and a word about the one before if that was not answered.
    pub(super) fn begin(&mut self) -> ([u8; 8], Option<String>) {
        let unanswered = self.forget();
        self.number += 1;
        self.sent_at = Some(Instant::now());
        (self.number.to_be_bytes(), unanswered)
    }

    /// Says how long the ping took that this answers, if it answers the last.
    pub(super) fn answered(&mut self, payload: &[u8]) -> Option<String> {
        if payload != self.number.to_be_bytes() {
            return None;
        }
        let time = Milliseconds(self.sent_at.take()?.elapsed());
        Some(format!("ping {}: {time}", self.number))
    }

    /// Waits for an answer no more.
    pub(super) fn forget(&mut self) -> Option<String> {
        let time = Milliseconds(self.sent_at.take()?.elapsed());
        Some(format!("ping {}: no answer in {time}", self.number))
    }
}

struct Milliseconds(Duration);

impl fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} ms", self.0.as_secs_f64() * 1e3)
    }
}
