//! The command without a name: clients and servers of both ways, and what has happened.

use std::error::Error;

use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum as _, value_parser};
use smoltcp::time::Duration;
use wirelet_example_smoltcp::exchange::{Report, Setup, Way, run};
use wirelet_example_smoltcp::link::Conditions;

use super::ring_len;

#[derive(Debug, Args)]
pub(crate) struct Trial {
    /// How many messages each end sends
    #[arg(long, value_name = "N", default_value_t = 1000)]
    messages: usize,
    /// How many of 100 packets get lost
    #[arg(long, value_name = "PERCENT", default_value_t = 10, value_parser = value_parser!(u8).range(0..=50))]
    loss: u8,
    /// How many of 100 packets arrive twice
    #[arg(long, value_name = "PERCENT", default_value_t = 2, value_parser = value_parser!(u8).range(0..=50))]
    duplicate: u8,
    /// How long a packet is on its way
    #[arg(long, value_name = "MS", default_value_t = 20, value_parser = value_parser!(u64).range(0..=1000))]
    delay: u64,
    /// How much longer it may be, so that packets overtake each other
    #[arg(long, value_name = "MS", default_value_t = 10, value_parser = value_parser!(u64).range(0..=1000))]
    jitter: u64,
    /// The longest IP packet
    #[arg(long, value_name = "BYTES", default_value_t = 1500, value_parser = mtu())]
    mtu: usize,
    /// The length of each receive ring and each transmit ring
    #[arg(long, value_name = "BYTES", default_value_t = 2048, value_parser = ring_len())]
    ring: usize,
    /// What all chance depends on: the same seed, the same course of events
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How the client is built [default: each way in turn]
    #[arg(long, value_name = "WAY")]
    client: Option<Way>,
    /// How the server is built [default: each way in turn]
    #[arg(long, value_name = "WAY")]
    server: Option<Way>,
}

/// From what every network must carry (RFC 791) to jumbo frames.
fn mtu() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(68..=9000)
}

impl Trial {
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        let setup = Setup {
            conditions: Conditions {
                loss: self.loss,
                duplicate: self.duplicate,
                delay: Duration::from_millis(self.delay),
                jitter: Duration::from_millis(self.jitter),
                mtu: self.mtu,
                seed: self.seed,
            },
            ring: self.ring,
            messages: self.messages,
        };
        println!("{:<12} {:<12} {COLUMNS}", "client", "server");
        for client in ways(self.client) {
            for server in ways(self.server) {
                let report = run(&setup, client, server)
                    .map_err(|failure| format!("{client}, {server}: {failure}"))?;
                println!("{client:<12} {server:<12} {}", row(&report));
            }
        }
        println!("all messages have come, in order, byte for byte");
        println!("(wrapped: frames read in place that lay across the end of a receive ring)");
        Ok(())
    }
}

fn ways(chosen: Option<Way>) -> Vec<Way> {
    chosen.map_or_else(|| Way::value_variants().to_vec(), |way| vec![way])
}

const COLUMNS: &str = "seconds  bytes each way      packets   lost doubled overtook  pings wrapped";

/// Tells in one line what has happened.
fn row(report: &Report) -> String {
    let Report { elapsed, traffic, sent: [from_client, from_server], seen } = report;
    let pings: u32 = seen.iter().map(|end| end.pongs).sum();
    let wrapped: usize = seen.iter().map(|end| end.wrapped).sum();
    format!(
        "{:>7} {from_client:>9} {from_server:>9} {:>8} {:>6} {:>7} {:>8} {pings:>6} {wrapped:>7}",
        elapsed.secs(),
        traffic.sent,
        traffic.lost,
        traffic.duplicated,
        traffic.overtaking,
    )
}
