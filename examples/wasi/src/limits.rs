//! What a server lets its clients use up.

use std::time::Duration;

/// Bounds connections and waiting. A message may have any length: it is never held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Open connections; one more is answered 503.
    pub(crate) connections: usize,
    /// Sockets beyond those: requests on their way, and connections on their way out. One more
    /// waits in the backlog of the listener.
    pub(crate) spare_sockets: usize,
    /// From the accept of TCP to the end of the request.
    pub(crate) handshake_time: Duration,
    /// Silence after which a ping is sent.
    pub(crate) ping_interval: Duration,
    /// Silence after that ping at which the connection is dropped.
    pub(crate) ping_timeout: Duration,
    /// From our last byte to the peer's end of TCP.
    pub(crate) close_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 100,
            spare_sockets: 28,
            handshake_time: Duration::from_secs(10),
            ping_interval: Duration::from_secs(100),
            ping_timeout: Duration::from_secs(20),
            close_time: Duration::from_secs(5),
        }
    }
}
