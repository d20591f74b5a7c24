//! What all that serve for one server have in common.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use crate::hub::Hub;
use crate::server::limits::Limits;
use crate::server::log::Throttle;
use crate::server::origins::Gate;
use crate::server::shutdown::Shutdown;
use crate::server::timer::Times;

/// What all that serve for one server have in common.
pub(crate) struct Shared<H> {
    pub(crate) handler: H,
    pub(crate) limits: Limits,
    pub(crate) times: Times,
    pub(crate) gate: Gate,
    pub(crate) hub: Hub,
    /// Connections, refused ones too.
    pub(crate) n_connections: AtomicUsize,
    pub(crate) shutdown: Shutdown,
    /// Of what is logged about refused requests.
    pub(crate) throttle: Throttle,
}

impl<H> Shared<H> {
    pub(crate) fn new(handler: H, limits: Limits, gate: Gate, hub: Hub) -> Arc<Self> {
        let (times, n_connections) = (Times::from(&limits), AtomicUsize::new(0));
        let shutdown = Shutdown::new(hub.clone());
        let throttle = Throttle::new();
        Arc::new(Self { handler, limits, times, gate, hub, n_connections, shutdown, throttle })
    }
}
