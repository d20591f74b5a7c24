//! What all that serve for one server have in common.

use std::sync::Arc;

use crate::connection::bounds::Bounds;
use crate::connection::{Connection, Ties};
use crate::hub::Hub;
use crate::server::count::ConnectionCount;
use crate::server::handler::Handler;
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
    /// Serves connections as values, instead of the handler.
    pub(crate) serve: Option<Serve>,
}

/// Serves a connection in a task of its own.
pub(crate) type Serve = Box<dyn Fn(Connection) + Send + Sync>;

impl<H> Shared<H> {
    pub(crate) fn new(
        handler: H,
        limits: Limits,
        gate: Gate,
        hub: Hub,
        serve: Option<Serve>,
    ) -> Arc<Self> {
        let (times, count) = (Times::from(&limits), Arc::<ConnectionCount>::default());
        let shutdown = Shutdown::new(hub.clone(), Arc::clone(&count));
        let throttle = Throttle::new();
        Arc::new(Self { handler, limits, times, gate, hub, count, shutdown, throttle, serve })
    }
}

/// One of the connections that the limit allows.
pub(crate) struct Place<H> {
    pub(crate) shared: Arc<Shared<H>>,
}

impl<H> Place<H> {
    pub(crate) fn take(shared: &Arc<Shared<H>>) -> Option<Self> {
        let place = Self { shared: Arc::clone(shared) };
        let n = shared.count.enter();
        (n < shared.limits.connections).then_some(place)
    }

    /// Stands for one that was counted before.
    pub(crate) fn taken(shared: &Arc<Shared<H>>) -> Self {
        Self { shared: Arc::clone(shared) }
    }
}

impl<H: Handler> Place<H> {
    /// The limits of a connection that keeps this place, and what binds it to its server.
    pub(crate) fn for_connection(self) -> (Bounds, Ties) {
        let shutdown = self.shared.shutdown.clone();
        let bounds = Bounds::from(&self.shared.limits);
        let going_away = Box::pin(shutdown.going_away());
        let ties = Ties { going_away: Some(going_away), place: Some(Box::new(self)) };
        (bounds, ties)
    }
}

impl<H> Drop for Place<H> {
    fn drop(&mut self) {
        self.shared.count.leave();
    }
}
