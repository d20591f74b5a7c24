//! What a connection may hold, and how long it waits.

use std::time::Duration;

/// The limits of one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Bytes of a message that comes.
    pub(crate) message_bytes: usize,
    /// Payload of a frame that is sent; 0 for any.
    pub(crate) frame_bytes: usize,
    /// Bytes that wait for the peer, beyond which a send waits; one message may be longer. As many may
    /// be replies besides, beyond which nothing is read.
    pub(crate) unsent_bytes: usize,
    /// Bytes that have come and were not received, beyond which nothing is read.
    pub(crate) unreceived_bytes: usize,
    /// Silence after which a ping is sent; zero for never.
    pub(crate) ping_interval: Duration,
    /// Silence after that ping at which the connection ends.
    pub(crate) ping_timeout: Duration,
    /// From the last progress of a connection that closes to its end.
    pub(crate) close_time: Duration,
    /// All of the closing.
    pub(crate) close_limit: Duration,
}
