//! What clients may use up, as arguments.

use std::time::Duration;

use clap::Args;
use wirelet_host::Limits;

/// What clients may use up.
#[derive(Args, Debug)]
pub(super) struct LimitArgs {
    /// Open connections; one more is answered 503
    #[arg(long, value_name = "N", default_value_t = Limits::default().connections)]
    max_connections: usize,
    /// Bytes of a request's head; one more is answered 431
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().handshake_bytes)]
    max_handshake: usize,
    /// Bytes of a message; one more is answered by close 1009
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().message_bytes)]
    max_message: usize,
    /// Bytes that may wait for a peer that reads slowly; for one more, see --slow-peers
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().queue_bytes)]
    max_queue: usize,
    /// Seconds for the opening handshake
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().handshake_time.as_secs())]
    handshake_time: u64,
    /// Seconds of silence after which a ping is sent
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().ping_interval.as_secs())]
    ping_interval: u64,
    /// Seconds of silence after a ping at which the connection is dropped
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().ping_timeout.as_secs())]
    ping_timeout: u64,
    /// Seconds without progress in which the closing handshake is waited for
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().close_time.as_secs())]
    close_time: u64,
    /// Seconds for all of the closing, however it goes on
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().close_limit.as_secs())]
    close_limit: u64,
}

impl From<&LimitArgs> for Limits {
    fn from(args: &LimitArgs) -> Self {
        Self {
            connections: args.max_connections,
            handshake_bytes: args.max_handshake,
            handshake_time: Duration::from_secs(args.handshake_time),
            message_bytes: args.max_message,
            queue_bytes: args.max_queue,
            ping_interval: Duration::from_secs(args.ping_interval),
            ping_timeout: Duration::from_secs(args.ping_timeout),
            close_time: Duration::from_secs(args.close_time),
            close_limit: Duration::from_secs(args.close_limit),
        }
    }
}
