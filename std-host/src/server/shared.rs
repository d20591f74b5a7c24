//! What all that serve for one server have in common.

use std::net::SocketAddr;
use std::sync::Arc;

use http::StatusCode;

use crate::compression::Compression;
use crate::connection::bounds::Bounds;
use crate::connection::{Connection, Ties};
use crate::hub::Hub;
use crate::hub::endings::Ending;
use crate::server::addresses::{Addresses, Counted, TooMany};
use crate::server::answer::{Response, refusal_with_hint};
use crate::server::count::ConnectionCount;
use crate::server::handler::Handler;
use crate::server::limits::Limits;
use crate::server::log::Refusals;
use crate::server::origins::Gate;
use crate::server::proxies::Proxies;
use crate::server::shutdown::Shutdown;
use crate::server::timer::Times;

/// What all that serve for one server have in common.
pub(crate) struct Shared<H> {
    pub(crate) handler: H,
    pub(crate) rules: Rules,
    pub(crate) times: Times,
    pub(crate) hub: Hub,
    pub(crate) count: Arc<ConnectionCount>,
    pub(crate) shutdown: Shutdown,
    /// What is logged about refused requests.
    pub(crate) refusals: Refusals,
    pub(crate) addresses: Arc<Addresses>,
    /// Serves connections as values, instead of the handler.
    pub(crate) serve: Option<Serve>,
}

/// What a server decides by, as its builder has it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    pub(crate) limits: Limits,
    /// Payload of a frame that is sent; 0 for any.
    pub(crate) frame_bytes: usize,
    pub(crate) compression: Option<Compression>,
    pub(crate) gate: Gate,
    pub(crate) proxies: Proxies,
    /// The heads of requests are kept with their connections.
    pub(crate) keeps_requests: bool,
}

/// Serves a connection in a task of its own.
pub(crate) type Serve = Box<dyn Fn(Connection) + Send + Sync>;

impl<H> Shared<H> {
    pub(crate) fn new(handler: H, rules: Rules, hub: Hub, serve: Option<Serve>) -> Arc<Self> {
        let times = Times::from(&rules.limits);
        let count = Arc::<ConnectionCount>::default();
        let shutdown = Shutdown::new(hub.clone(), Arc::clone(&count));
        let addresses = Addresses::new(rules.limits.connections_per_address);
        let refusals = Refusals::new();
        Arc::new(Self { handler, rules, times, hub, count, shutdown, refusals, addresses, serve })
    }

    /// Lets a connection in that has sent its request, until it is [let out](ConnectionCount::let_out).
    pub(crate) fn let_in(&self, remote_addr: Option<SocketAddr>) -> Result<Option<Counted>, Full> {
        let counted = self.addresses.count(remote_addr).map_err(|TooMany| Full::Address)?;
        let is_in = self.count.let_in(self.rules.limits.connections);
        if is_in { Ok(counted) } else { Err(Full::Server) }
    }
}

/// What has as many connections as it may.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Full {
    Server,
    Address,
}

impl Full {
    /// Returns what tells the client.
    pub(crate) fn response(self) -> Response {
        let (why, hint) = match self {
            Self::Server => ("too many connections", "Limits::connections, --max-connections"),
            Self::Address => (
                "too many connections from this address",
                "Limits::connections_per_address, --max-connections-per-address",
            ),
        };
        refusal_with_hint(StatusCode::SERVICE_UNAVAILABLE, &why, hint)
    }

    /// Returns what it counts as.
    pub(crate) const fn ending(self) -> Ending {
        match self {
            Self::Server => Ending::TooManyConnections,
            Self::Address => Ending::TooManyFromAddress,
        }
    }
}

/// One of the connections that the limits allow.
pub(crate) struct Place<H> {
    pub(crate) shared: Arc<Shared<H>>,
    /// By its address.
    pub(crate) counted: Option<Counted>,
}

impl<H> Place<H> {
    pub(crate) fn take(
        shared: &Arc<Shared<H>>,
        remote_addr: Option<SocketAddr>,
    ) -> Result<Self, Full> {
        let counted = shared.let_in(remote_addr)?;
        shared.count.enter();
        Ok(Self::taken(shared, counted))
    }

    /// Stands for one that was counted and let in before.
    pub(crate) fn taken(shared: &Arc<Shared<H>>, counted: Option<Counted>) -> Self {
        Self { shared: Arc::clone(shared), counted }
    }
}

impl<H: Handler> Place<H> {
    /// The limits of a connection that keeps this place, and what binds it to its server.
    pub(crate) fn for_connection(self) -> (Bounds, Ties) {
        let shutdown = self.shared.shutdown.clone();
        let Rules { limits, frame_bytes, .. } = &self.shared.rules;
        let bounds = Bounds { frame_bytes: *frame_bytes, ..limits.into() };
        let going_away = Box::pin(shutdown.going_away());
        let ties = Ties { going_away: Some(going_away), place: Some(Box::new(self)) };
        (bounds, ties)
    }
}

impl<H> Drop for Place<H> {
    fn drop(&mut self) {
        self.shared.count.let_out();
        self.shared.count.leave();
    }
}
