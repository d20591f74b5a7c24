//! What a server lets its clients use up.

use std::time::Duration;

use crate::connection::bounds::Bounds;

/// Bounds what clients can make a [`Server`](crate::Server) hold and wait for.
///
/// Zero is a bound like any other, but for [`ping_interval`](Self::ping_interval) and
/// [`connections_per_address`](Self::connections_per_address); what it means is said where it is of use.
///
/// ```
/// use wirelet_host::Limits;
///
/// let limits = Limits { message_bytes: 64 * 1024, ..Limits::default() };
/// assert_eq!(limits.connections, 10_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections, and requests that the handler thinks about; one more is answered 503. Default:
    /// 10,000.
    pub connections: usize,
    /// As [`connections`](Self::connections), of one address, or in IPv6 of one /64; one more is answered 503.
    /// The address is that of the client, which a [trusted proxy](crate::Builder::trusted_proxies) may have told.
    /// 0 turns it off, as where many clients have one address. Default: 0.
    pub connections_per_address: usize,
    /// Connections of TCP that are not open: those that have sent no whole request yet, and those that were
    /// refused and have not left. For one more, the oldest is dropped, so that silent ones keep nobody out,
    /// and they take none of the [`connections`](Self::connections). The threads share them out evenly, at least
    /// one each. Default: 10,000.
    pub handshakes: usize,
    /// Bytes of a request's head; one more is answered 431. Default: 16 KiB.
    pub handshake_bytes: usize,
    /// From the accept of TCP to the end of the request's head. Default: 10 s.
    pub handshake_time: Duration,
    /// Bytes of a message; one more is answered by close 1009. With 0, all messages are empty. Default:
    /// 16 MiB.
    pub message_bytes: usize,
    /// Bytes that wait for one connection after its socket has refused something, because its peer
    /// reads too slowly; beyond them [`Policy`](crate::Policy) decides. While the socket takes all it is
    /// given, what is sent to it only waits for its thread, up to this or the length of a message,
    /// whichever is more; one message may be longer when nothing else waits. Default: 1 MiB.
    pub queue_bytes: usize,
    /// Silence after which a ping is sent; [`Duration::ZERO`] turns pings off, and with them
    /// [`ping_timeout`](Self::ping_timeout). Default: 100 s.
    pub ping_interval: Duration,
    /// Silence after that ping at which the connection is dropped. Default: 20 s.
    pub ping_timeout: Duration,
    /// Silence in which the peer's part of the closing handshake, and then its end of TCP, are waited
    /// for: nothing comes, and nothing of what was accepted before leaves. Default: 5 s.
    pub close_time: Duration,
    /// All of the closing, however it goes on. Default: 120 s.
    pub close_limit: Duration,
}

impl Limits {
    /// Header fields of a request's head; one more is answered 431.
    pub const HEADERS: usize = wirelet::handshake::MAX_HEADERS;
}

impl From<&Limits> for Bounds {
    fn from(limits: &Limits) -> Self {
        Self {
            message_bytes: limits.message_bytes,
            // Nothing that a client could make it do.
            frame_bytes: 0,
            unsent_bytes: limits.queue_bytes,
            unreceived_bytes: limits.queue_bytes,
            ping_interval: limits.ping_interval,
            ping_timeout: limits.ping_timeout,
            close_time: limits.close_time,
            close_limit: limits.close_limit,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_address: 0,
            handshakes: 10_000,
            handshake_bytes: 16 * 1024,
            handshake_time: Duration::from_secs(10),
            message_bytes: 16 * 1024 * 1024,
            queue_bytes: 1024 * 1024,
            ping_interval: Duration::from_secs(100),
            ping_timeout: Duration::from_secs(20),
            close_time: Duration::from_secs(5),
            close_limit: Duration::from_secs(120),
        }
    }
}
