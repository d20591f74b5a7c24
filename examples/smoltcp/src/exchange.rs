//! The trial: two ends exchange random messages over a bad network, and each looks at every byte
//! that it receives.

mod blocking_end;
mod hearing;
mod zero_buffer_end;

use std::error::Error;
use std::fmt;
use std::ops::Range;
use std::thread;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{IpAddress, IpEndpoint, Ipv4Address};
use wirelet::handshake::ClientRequest;

use crate::TcpError;
use crate::link::{Conditions, Link, LinkEnd, Traffic};
use crate::script::Script;
use crate::stack::{Rings, Stack};

/// How an end is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Way {
    /// The blocking driver of wirelet, on the traits of embedded-io.
    Blocking,
    /// No buffers: frames are read and written in the rings of the TCP socket.
    ZeroBuffer,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Blocking => "blocking",
            Self::ZeroBuffer => "zero-buffer",
        })
    }
}

/// Says what is exchanged, and over what.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// The wire between the two.
    pub conditions: Conditions,
    /// The length of each ring in bytes.
    pub ring: usize,
    /// How many messages each end sends.
    pub messages: usize,
}

/// Tells what has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// How much simulated time it took.
    pub elapsed: Duration,
    /// The packets of both ends.
    pub traffic: Traffic,
    /// How many bytes of payload the client and the server have sent.
    pub sent: [usize; 2],
    /// What the client and the server have seen.
    pub seen: [Seen; 2],
}

/// Tells what one end has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// How long it took until its connection was closed.
    pub elapsed: Duration,
    /// Pings that were answered.
    pub pongs: u32,
    /// Frames that were read in place, and lay across the end of the receive ring.
    pub wrapped: usize,
}

/// Tells which end has failed, and why.
#[derive(Debug)]
pub struct Failure {
    /// What the client says, if it has failed.
    pub client: Option<Reason>,
    /// What the server says, if it has failed.
    pub server: Option<Reason>,
}

/// Any error of an end.
pub type Reason = Box<dyn Error + Send + Sync>;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ends = [("the client", &self.client), ("the server", &self.server)];
        let failed = ends.into_iter().filter_map(|(end, reason)| Some((end, reason.as_ref()?)));
        let told: Vec<_> = failed.map(|(end, why)| format!("{end} has failed: {why}")).collect();
        f.write_str(&told.join("; "))
    }
}

impl Error for Failure {}

/// Lets a client and a server exchange messages until all have come and been found right.
///
/// Two zero-buffer ends send whenever there is room. With a blocking end, which does not read while
/// it writes, the two take turns.
///
/// # Errors
///
/// A message was not the one that was sent, or did not come.
pub fn run(setup: &Setup, client: Way, server: Way) -> Result<Report, Failure> {
    let (link, [client_end, server_end]) = Link::new(&setup.conditions);
    let seed = setup.conditions.seed;
    let scripts = [seed.wrapping_add(1), seed.wrapping_add(2)]
        .map(|seed| Script::random(setup.messages, seed));
    let [client_script, server_script] = &scripts;
    let in_turns = client == Way::Blocking || server == Way::Blocking;
    let client_plan = Plan { own: client_script, peers: server_script, in_turns };
    let server_plan = Plan { own: server_script, peers: client_script, in_turns };
    let (client_saw, server_saw) = thread::scope(|threads| {
        let server = threads.spawn(move || {
            with_stack(server_end, SERVER, setup, |stack, memory| match server {
                Way::Blocking => blocking_end::serve(stack, &server_plan),
                Way::ZeroBuffer => zero_buffer_end::serve(stack, &server_plan, memory),
            })
        });
        let mut rng = StdRng::seed_from_u64(seed);
        let random = |bytes: &mut [u8]| rng.fill_bytes(bytes);
        let client = with_stack(client_end, CLIENT, setup, |stack, memory| match client {
            Way::Blocking => blocking_end::connect(stack, &client_plan, random),
            Way::ZeroBuffer => zero_buffer_end::connect(stack, &client_plan, memory, random),
        });
        (client, server.join().unwrap_or_else(|_| Err("it has panicked".into())))
    });
    match (client_saw, server_saw) {
        (Ok(client), Ok(server)) => Ok(Report {
            elapsed: client.elapsed.max(server.elapsed),
            traffic: link.traffic(),
            sent: scripts.each_ref().map(Script::n_bytes),
            seen: [client, server],
        }),
        (client, server) => Err(Failure { client: client.err(), server: server.err() }),
    }
}

/// What one end has to say and to hear.
#[derive(Clone, Copy, Debug)]
struct Plan<'p> {
    own: &'p Script,
    peers: &'p Script,
    /// The client says one message, the server one, and so on.
    in_turns: bool,
}

/// Where the receive ring lies: the addresses of its first byte and of that behind it.
type RingMemory = Range<usize>;

/// Lets an end run on a stack of its own.
fn with_stack(
    machine: LinkEnd,
    address: Ipv4Address,
    setup: &Setup,
    end: impl FnOnce(&mut Stack<'_, LinkEnd>, RingMemory) -> Result<Seen, Reason>,
) -> Result<Seen, Reason> {
    let (mut receive, mut transmit) = (vec![0; setup.ring], vec![0; setup.ring]);
    let memory = receive.as_ptr_range();
    let memory = memory.start.addr()..memory.end.addr();
    let rings = Rings { receive: &mut receive, transmit: &mut transmit };
    let [.., number] = address.octets();
    let own_seed = setup.conditions.seed.wrapping_add(number.into());
    let mut stack = Stack::new(machine, address, own_seed, rings);
    let seen = end(&mut stack, memory)?;
    let elapsed = stack.now() - Instant::ZERO;
    // The machine stays on the network, as the peer may not know yet that all is over.
    let _timed_out = stack.until(LIMIT, |_| Ok::<Option<()>, TcpError>(None));
    Ok(Seen { elapsed, ..seen })
}

const CLIENT: Ipv4Address = Ipv4Address::new(10, 0, 0, 1);
const SERVER: Ipv4Address = Ipv4Address::new(10, 0, 0, 2);
const PORT: u16 = 80;
const SERVER_ENDPOINT: IpEndpoint = IpEndpoint::new(IpAddress::Ipv4(SERVER), PORT);
/// The first of those that are free for such use.
const CLIENT_PORT: u16 = 49_152;

const REQUEST: ClientRequest<'_> = ClientRequest::new("10.0.0.2", "/");

/// For each wait: no more than a moment of real time.
const LIMIT: Duration = Duration::from_secs(24 * 60 * 60);
