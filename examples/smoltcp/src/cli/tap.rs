//! The command `tap`: an echo server on a TAP interface, for one client after the other.

use std::error::Error;

use clap::{Args, value_parser};
use rand::RngExt as _;
use rand::rngs::StdRng;
use smoltcp::time::Duration;
use smoltcp::wire::Ipv4Address;
use wirelet_example_smoltcp::exchange::Way;
use wirelet_example_smoltcp::stack::{Rings, Stack};
use wirelet_example_smoltcp::{TcpError, echo, tap};

use super::ring_len;

/// Serve an echo on a TAP interface of Linux
#[derive(Debug, Args)]
pub(crate) struct Tap {
    /// The interface; `ip tuntap add tap0 mode tap` makes one
    #[arg(value_name = "INTERFACE")]
    name: String,
    /// The address of the server, in a network of 256
    #[arg(long, default_value = "192.168.69.1")]
    address: Ipv4Address,
    /// The port of the server
    #[arg(long, default_value_t = 8567, value_parser = value_parser!(u16).range(1..))]
    port: u16,
    /// The length of each receive ring and each transmit ring
    #[arg(long, value_name = "BYTES", default_value_t = 2048, value_parser = ring_len())]
    ring: usize,
    /// How the server is built
    #[arg(long, default_value_t = Way::ZeroBuffer)]
    way: Way,
}

impl Tap {
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        let tap = tap::Tap::open(&self.name).map_err(|error| format!("{}: {error}", self.name))?;
        let mut memory: [_; 4] = std::array::from_fn(|_| vec![0; self.ring]);
        let [receive, transmit, receive2, transmit2] = &mut memory;
        let seed = rand::make_rng::<StdRng>().random();
        let mut stack = Stack::new(tap, self.address, seed, Rings { receive, transmit });
        stack.add_socket(Rings { receive: receive2, transmit: transmit2 });
        stack.give_up_after(SILENCE);
        println!("listening on ws://{}:{}, {}", self.address, self.port, self.way);
        loop {
            if let Err(error) = self.serve(&mut stack) {
                eprintln!("a connection has ended: {error}");
            }
            if let Err(error) = stack.close(CLOSE_LIMIT) {
                eprintln!("a connection was not closed: {error}");
            }
        }
    }

    fn serve(&self, stack: &mut Stack<'_, tap::Tap>) -> Result<(), wirelet::Error<TcpError>> {
        stack.accept(self.port, NEVER)?;
        match self.way {
            Way::Blocking => echo::blocking(stack, NEVER),
            Way::ZeroBuffer => echo::zero_buffer(stack, NEVER),
        }
    }
}

/// How long the TCP of a client is silent until it is given up.
const SILENCE: Duration = Duration::from_secs(30);
const CLOSE_LIMIT: Duration = Duration::from_secs(5);
const NEVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);
