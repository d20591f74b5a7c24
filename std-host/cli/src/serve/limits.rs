//! What clients may use up, as arguments.

use std::time::Duration;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use wirelet_host::Limits;

/// What clients may use up.
#[derive(Args, Debug)]
pub(super) struct LimitArgs {
    /// Open connections, 1 or more; one more is answered 503
    #[arg(long, value_name = "N", default_value_t = Limits::default().connections,
          value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    max_connections: usize,
    /// Bytes of a request's head, 1 or more; one more is answered 431
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().handshake_bytes,
          value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    max_handshake: usize,
    /// Bytes of a message; one more is answered by close 1009. With 0, all messages are empty
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().message_bytes)]
    max_message: usize,
    /// Bytes that may wait for a peer that reads slowly; for one more, see --slow-peers. One message may always
    /// wait, and with 0 no second one
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().queue_bytes)]
    max_queue: usize,
    /// Seconds for the opening handshake, 1 or more
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().handshake_time.as_secs(),
          value_parser = clap::value_parser!(u64).range(1..))]
    handshake_time: u64,
    /// Seconds of silence after which a ping is sent; 0 turns pings off
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().ping_interval.as_secs())]
    ping_interval: u64,
    /// Seconds of silence after a ping at which the connection is dropped, 1 or more
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().ping_timeout.as_secs(),
          value_parser = clap::value_parser!(u64).range(1..))]
    ping_timeout: u64,
    /// Seconds without progress in which the closing handshake is waited for, 1 or more
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().close_time.as_secs(),
          value_parser = clap::value_parser!(u64).range(1..))]
    close_time: u64,
    /// Seconds for all of the closing, however it goes on, 1 or more
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().close_limit.as_secs(),
          value_parser = clap::value_parser!(u64).range(1..))]
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
