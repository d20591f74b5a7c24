//! What ends a server.

use std::sync::Arc;

use tokio::sync::watch;
use wirelet::CloseCode;

use crate::hub::Hub;

/// Ends a running [`Server`](crate::Server) or [`Service`], from any thread.
///
/// ```
/// # fn stop(shutdown: &wirelet_host::Shutdown) {
/// shutdown.begin();
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Shutdown {
    begun: Arc<watch::Sender<bool>>,
    hub: Hub,
}

impl Shutdown {
    pub(crate) fn new(hub: Hub) -> Self {
        Self { begun: Arc::default(), hub }
    }

    /// Closes all connections with 1001, behind what was sent to them before. A server drops those
    /// that have not sent their request yet, and lets [`Server::run`](crate::Server::run) return when
    /// all have ended, at the latest after [`Limits::close_limit`](crate::Limits::close_limit) and a second.
    pub fn begin(&self) {
        self.begun.send_replace(true);
        self.hub.close_all(CloseCode::GOING_AWAY);
    }

    /// Waits until it begins.
    pub(crate) async fn begun(&self) {
        let mut begun = self.begun.subscribe();
        let _ = begun.wait_for(|begun| *begun).await;
    }
}
