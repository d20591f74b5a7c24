//! What a worker lends to a connection for its turn.

use std::sync::Arc;

use tracing::Span;

use crate::hub::Hub;
use crate::hub::wake::WakeQueue;
use crate::server::shared::Shared;
use crate::server::timer::Millis;

/// What a turn of a connection works with.
pub(crate) struct Turn<'t, H> {
    pub(crate) shared: &'t Shared<H>,
    /// The way of its handler to all connections.
    pub(crate) hub: &'t mut Hub,
    pub(crate) queue: &'t Arc<WakeQueue>,
    /// The connection's place.
    pub(crate) slot: usize,
    /// What a read is parsed in.
    pub(crate) input: &'t mut [u8],
    /// What the replies to it are gathered in.
    pub(crate) output: &'t mut Vec<u8>,
    /// What was taken from the outbox; empty between uses.
    pub(crate) frames: &'t mut Vec<Arc<[u8]>>,
    /// What is logged meanwhile stands in this.
    pub(crate) span: &'t Span,
    /// At the beginning of the turn.
    pub(crate) now: Millis,
}
