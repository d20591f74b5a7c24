//! What clients may use up, as arguments.

use clap::Args;
use clap::builder::RangedU64ValueParser;
use wirelet_host::Limits;

use crate::units::{Size, Time, parse_positive_size, parse_positive_time, parse_size, parse_time};

/// What clients may use up. Times are such as 30s or 500ms, and plain numbers are seconds; sizes are such as
/// 64KiB or 1MB, and plain numbers are bytes.
#[derive(Args, Debug)]
pub(super) struct LimitArgs {
    /// Open connections, 1 or more; one more is answered 503
    #[arg(long, value_name = "N", default_value_t = Limits::default().connections,
          value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    max_connections: usize,
    /// Open connections of one address, or in IPv6 of one /64; one more is answered 503. 0: as many as it
    /// likes
    #[arg(long, value_name = "N", default_value_t = Limits::default().connections_per_address)]
    max_connections_per_address: usize,
    /// Connections of TCP that are not open, 1 or more: they have sent no whole request, or were refused and have
    /// not left. For one more, the oldest is dropped. The threads share them out, at least one each
    #[arg(long, value_name = "N", default_value_t = Limits::default().handshakes,
          value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    max_handshakes: usize,
    /// Length of a request's head, more than 0; one that is longer is answered 431
    #[arg(long, value_name = "SIZE", default_value_t = Size(Limits::default().handshake_bytes),
          value_parser = parse_positive_size)]
    max_handshake: Size,
    /// Length of a message; one that is longer is answered by close 1009. With 0, all messages are empty
    #[arg(long, value_name = "SIZE", default_value_t = Size(Limits::default().message_bytes),
          value_parser = parse_size)]
    max_message: Size,
    /// How much may wait for a peer that reads slowly; for more, see --slow-peers. One message may always wait,
    /// and with 0 no second one
    #[arg(long, value_name = "SIZE", default_value_t = Size(Limits::default().queue_bytes),
          value_parser = parse_size)]
    max_queue: Size,
    /// Time for the opening handshake, more than 0
    #[arg(long, value_name = "TIME", default_value_t = Time(Limits::default().handshake_time),
          value_parser = parse_positive_time)]
    handshake_time: Time,
    /// Silence after which a ping is sent; 0 turns pings off
    #[arg(long, value_name = "TIME", default_value_t = Time(Limits::default().ping_interval),
          value_parser = parse_time)]
    ping_interval: Time,
    /// Silence after a ping at which the connection is dropped, more than 0
    #[arg(long, value_name = "TIME", default_value_t = Time(Limits::default().ping_timeout),
          value_parser = parse_positive_time)]
    ping_timeout: Time,
    /// Time without progress in which the closing handshake is waited for, more than 0
    #[arg(long, value_name = "TIME", default_value_t = Time(Limits::default().close_time),
          value_parser = parse_positive_time)]
    close_time: Time,
    /// Time for all of the closing, however it goes on, more than 0
    #[arg(long, value_name = "TIME", default_value_t = Time(Limits::default().close_limit),
          value_parser = parse_positive_time)]
    close_limit: Time,
}

impl From<&LimitArgs> for Limits {
    fn from(args: &LimitArgs) -> Self {
        Self {
            connections: args.max_connections,
            connections_per_address: args.max_connections_per_address,
            handshakes: args.max_handshakes,
            handshake_bytes: args.max_handshake.0,
            handshake_time: args.handshake_time.0,
            message_bytes: args.max_message.0,
            queue_bytes: args.max_queue.0,
            ping_interval: args.ping_interval.0,
            ping_timeout: args.ping_timeout.0,
            close_time: args.close_time.0,
            close_limit: args.close_limit.0,
        }
    }
}
