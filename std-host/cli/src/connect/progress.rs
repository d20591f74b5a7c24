//! How far a conversation is.

use std::collections::VecDeque;
use std::time::Instant;

use super::blocks::{Block, Blocks};
use super::round_trip::RoundTrips;

/// How far the conversation is.
#[expect(clippy::struct_excessive_bools, reason = "each comes true by itself, at its time")]
pub(super) struct Progress {
    pub(super) file: Option<Blocks>,
    /// What waits for room, and its length together. It is read ahead so that the end of the input is seen also
    /// when the server reads nothing.
    pub(super) waiting: VecDeque<Block>,
    pub(super) waiting_bytes: usize,
    pub(super) pings: Option<RoundTrips>,
    pub(super) is_connected: bool,
    /// Nothing more comes to be sent.
    pub(super) at_end: bool,
    /// The input or the recording has failed, which was told.
    pub(super) has_failed: bool,
    pub(super) closing: Option<Closing>,
    /// Nothing is printed any more.
    pub(super) is_muted: bool,
    pub(super) n_received: u64,
    pub(super) quiet: Quiet,
}

/// Why this end closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closing {
    /// All has been said.
    Done,
    /// Nobody reads what is printed.
    Unheard,
    /// By a signal of this number.
    Signal(u8),
}

/// Since when nothing has moved.
pub(super) struct Quiet {
    pub(super) since: Instant,
    /// So much was unsent at that time.
    pub(super) unsent_bytes: usize,
}

impl Progress {
    pub(super) fn new(file: Option<Blocks>, pings: Option<RoundTrips>, is_connected: bool) -> Self {
        Self {
            file,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            pings,
            is_connected,
            at_end: false,
            has_failed: false,
            closing: None,
            is_muted: false,
            n_received: 0,
            quiet: Quiet { since: Instant::now(), unsent_bytes: 0 },
        }
    }
}
