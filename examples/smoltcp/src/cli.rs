//! The command line.

#[cfg(target_os = "linux")]
mod tap;
mod trial;

use std::error::Error;

use clap::builder::RangedU64ValueParser;
use clap::{Parser, Subcommand};
use wirelet_example_smoltcp::zero_buffer::MIN_TRANSMIT;

/// WebSocket on smoltcp: two stacks exchange random messages over a bad network, which is simulated
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    trial: trial::Trial,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[cfg(target_os = "linux")]
    Tap(tap::Tap),
}

impl Cli {
    pub(crate) fn run(self) -> Result<(), Box<dyn Error>> {
        match self.command {
            None => self.trial.run(),
            #[cfg(target_os = "linux")]
            Some(Command::Tap(tap)) => tap.run(),
        }
    }
}

fn ring_len() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(MIN_TRANSMIT as u64..=1 << 20)
}
