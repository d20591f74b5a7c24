//! What an end does with what it receives, whichever way.

use wirelet::{Chunk, CloseCode, Received};

use super::{Plan, Reason};
use crate::script::{Checker, Pings};

/// Compares all that comes with what was to come.
#[derive(Debug)]
pub(super) struct Hearing<'p> {
    pub(super) checker: Checker<'p>,
    pub(super) pings: Pings,
    pub(super) is_closed: bool,
}

impl<'p> Hearing<'p> {
    pub(super) fn new(plan: &Plan<'p>) -> Self {
        Self { checker: Checker::new(plan.peers), pings: Pings::default(), is_closed: false }
    }

    /// Takes the next that has come.
    ///
    /// # Errors
    ///
    /// It is not what was to come.
    pub(super) fn take(&mut self, received: Received<'_, Chunk<'_>>) -> Result<(), Reason> {
        match received {
            Received::Data(chunk) => self.checker.take(&chunk)?,
            Received::Ping(_) => {}
            Received::Pong(payload) => self.pings.answered(payload)?,
            Received::Close(close) => {
                if close.code() != Some(CloseCode::NORMAL_CLOSURE) {
                    return Err(format!("the peer has closed with {:?}", close.code()).into());
                }
                if !self.has_all() {
                    return Err("the peer has closed too early".into());
                }
                self.is_closed = true;
            }
        }
        Ok(())
    }

    /// Tells whether all messages and all pongs have come.
    pub(super) fn has_all(&self) -> bool {
        self.checker.is_done() && self.pings.all_answered()
    }
}
