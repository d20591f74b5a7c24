//! How it goes, while it goes.

use std::io::{IsTerminal as _, Write as _, stderr};

use super::figures::{grouped, human};
use super::results::Results;

/// A line at the bottom of a terminal; nothing elsewhere.
pub(super) struct Live {
    is_terminal: bool,
}

impl Live {
    pub(super) fn new() -> Self {
        Self { is_terminal: stderr().is_terminal() }
    }

    pub(super) fn opening(&self, n: usize) {
        self.show(&format!("opening {n} connections"));
    }

    pub(super) fn results(&self, results: &Results<'_>) {
        if let Some(point) = results.points.last() {
            self.show(&format!(
                "{:.1} of {:.1} s   {} messages/s   p50 {}   p99 {}",
                point.at.as_secs_f64(),
                results.seconds(),
                grouped(point.messages_per_second),
                human(point.p50.as_secs_f64() * 1e6),
                human(point.p99.as_secs_f64() * 1e6),
            ));
        }
    }

    pub(super) fn clear(&self) {
        self.show("");
    }

    fn show(&self, text: &str) {
        if self.is_terminal {
            // To the beginning of the line, which is cleared. A terminal that has gone does not matter.
            let _ = write!(stderr(), "\r\x1b[2K{text}");
        }
    }
}
