//! When to measure.

use std::time::{Duration, Instant};

/// The time of the measurement, in slices for the live figures and the plots.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) begin: Instant,
    pub(super) end: Instant,
    pub(super) slice: Duration,
}

impl Window {
    /// Begins after `warmup`, and lasts for `duration`.
    pub(super) fn new(warmup: Duration, duration: Duration) -> Self {
        let begin = Instant::now() + warmup;
        let slice = (duration / SLICES).clamp(SHORTEST, LONGEST).min(duration);
        Self { begin, end: begin + duration, slice }
    }

    /// Returns the moment at which a slice ends.
    pub(super) fn end_of(&self, slice: u32) -> Instant {
        (self.begin + self.slice * (slice + 1)).min(self.end)
    }

    /// Tells whether what happens at this moment is measured.
    pub(super) fn holds(&self, at: Instant) -> bool {
        (self.begin..self.end).contains(&at)
    }

    pub(super) fn duration(&self) -> Duration {
        self.end - self.begin
    }
}

/// About as many as a plot can show.
const SLICES: u32 = 200;
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(1);
