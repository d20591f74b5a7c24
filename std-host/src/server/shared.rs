//! What all that serve for one server have in common.

use std::sync::Arc;

use crate::hub::Hub;
use crate::server::count::ConnectionCount;
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
    pub(crate) count: Arc<ConnectionCount>,
    pub(crate) shutdown: Shutdown,
    /// Of what is logged about refused requests.
    pub(crate) throttle: Throttle,
}

impl<H> Shared<H> {
    pub(crate) fn new(handler: H, limits: Limits, gate: Gate, hub: Hub) -> Arc<Self> {
        let (times, count) = (Times::from(&limits), Arc::<ConnectionCount>::default());
        let shutdown = Shutdown::new(hub.clone(), Arc::clone(&count));
        let throttle = Throttle::new();
        Arc::new(Self { handler, limits, times, gate, hub, count, shutdown, throttle })
    }
}
