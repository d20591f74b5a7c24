//! `wirelet bench`.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use wirelet::Header;
use wirelet_host::ClientOptions;

use super::fail;
use super::output::print;
use super::units::{Time, parse_positive_wait, parse_wait};
use super::way::{Proxies, Trust, Way};

mod alarm;
mod echo;
mod failure;
mod figures;
mod html;
mod line;
mod live;
mod load;
mod pace;
mod payload;
mod plot;
#[cfg(unix)]
mod relay;
mod report;
mod results;
mod stream;
mod target;
mod traffic;
mod usage;
mod window;
mod worker;

use echo::Expect;
use figures::Figures;
use load::{Load, Pacing};
use payload::Payload;
use target::Target;

/// Load a server, and tell how fast it is
///
/// A message is counted when its echo has come back whole, of the same length and kind; with --expect any, when
/// a whole message has come, whatever it is. With --rate,
/// latency counts from the moment at which the message should have left, so that a server that stalls
/// cannot hide it.
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Bench {
    /// Where to connect to, such as `ws://127.0.0.1:8567/` or `wss://example.org/`; or
    /// `tcp://ADDR:PORT`, a server that echoes plain bytes, to compare with
    url: String,
    #[command(flatten)]
    way: Way,
    #[command(flatten)]
    proxies: Proxies,
    #[command(flatten)]
    trust: Trust,
    /// Connect to this Unix socket, not to the host of the URL
    #[cfg(unix)]
    #[arg(long, value_name = "PATH", conflicts_with = "proxy")]
    unix_socket: Option<PathBuf>,
    /// Connections to open
    #[arg(short, long, value_name = "N", default_value = "50")]
    connections: NonZeroUsize,
    /// Bytes of each message
    #[arg(short, long, value_name = "BYTES", default_value_t = 125)]
    size: usize,
    /// Send this text, in place of --size bytes of no meaning; as a binary message with --binary
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["size", "text"])]
    message: Option<String>,
    /// Send what is in this file: as text if it is UTF-8, or else, or with --binary, as a binary message
    #[arg(long, value_name = "FILE", conflicts_with_all = ["size", "text", "message"])]
    message_file: Option<PathBuf>,
    /// What a message is to be answered by
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = Expect::Echo)]
    expect: Expect,
    /// Messages of a connection under way at a time: they leave in one write, and the next when all are
    /// back; with --rate, when one is due and less than so many are under way
    #[arg(long, value_name = "N", default_value = "1")]
    depth: NonZeroUsize,
    /// Messages a second, of all connections together; the default is as many as come back
    #[arg(long, value_name = "N", value_parser = parse_rate)]
    rate: Option<f64>,
    /// How long to measure
    #[arg(short, long, value_name = "TIME", default_value = "10s", value_parser = parse_positive_wait)]
    duration: Time,
    /// How long the load lasts before the measurement begins
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = parse_wait)]
    warmup: Time,
    /// Over which time the connections are opened; the load begins when all are open
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = parse_wait)]
    ramp: Time,
    /// Send text, of letters that take 1 byte (ascii), 1 to 4 (mixed) or 3 (chinese)
    #[arg(long, value_enum, value_name = "LETTERS", num_args = 0..=1, require_equals = true,
          default_missing_value = "ascii", conflicts_with = "binary")]
    text: Option<Letters>,
    /// Send binary messages, which is the default
    #[arg(long)]
    binary: bool,
    /// Compare every byte that comes back
    #[arg(long)]
    check: bool,
    /// One connection sends and all receive, from a server such as `wirelet serve --mode chat`; each
    /// message received counts. Without --rate, tells also when the last has received it
    #[arg(long, conflicts_with = "threads")]
    broadcast: bool,
    /// With --broadcast: so many rooms, each with a share of the connections, of which one sends and those of
    /// the room receive, and with a thread of the load; `{room}` in the URL stands for a room's number
    #[arg(long, value_name = "N", requires = "broadcast", default_value = "1")]
    rooms: NonZeroUsize,
    /// Close each connection when N of its messages have come back, and open another in its place
    #[arg(long, visible_alias = "reconnect-after", value_name = "N",
          conflicts_with_all = ["broadcast", "rate"])]
    messages_per_connection: Option<NonZeroU64>,
    /// Send nothing, and measure what open connections cost the server (see --server-pid)
    #[arg(long, conflicts_with_all = ["size", "depth", "rate", "text", "binary", "check", "broadcast",
          "messages_per_connection", "message", "message_file", "expect"])]
    idle: bool,
    /// Threads to share the connections among
    #[arg(long, value_name = "N", default_value = "1")]
    threads: NonZeroUsize,
    /// The process id of a server on this machine, whose processor time is measured (Linux)
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
    /// Write a report with plots
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Letters {
    Ascii,
    Mixed,
    Chinese,
}

impl Bench {
    pub(crate) fn run(self) -> ExitCode {
        match self.measure() {
            Ok(code) => code,
            Err(why) => fail(&why),
        }
    }

    /// Loads and reports; the exit code tells whether every message came back.
    fn measure(self) -> Result<ExitCode, String> {
        let options = ClientOptions {
            #[cfg(unix)]
            unix_socket: self.unix_socket,
            proxy: self.proxies.into_proxy()?,
            ..self.trust.add(self.way.into_options()?)
        };
        let target = Target::new(&self.url, options)?;
        let payload = match (self.message, &self.message_file, self.text) {
            (Some(text), ..) => Payload::given(text.into_bytes(), self.binary),
            (_, Some(path), _) => {
                let bytes = std::fs::read(path)
                    .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
                Payload::given(bytes, self.binary)
            }
            (.., Some(letters)) => Payload::text(letters, self.size),
            (None, None, None) => Payload::binary(self.size),
        };
        if target.is_raw() && payload.len() == 0 {
            return Err("a plain byte stream has no empty messages; see --size".into());
        }
        if target.is_raw() && self.expect == Expect::Any {
            return Err("a plain byte stream has no messages but those of --expect echo".into());
        }
        if self.check && self.expect == Expect::Any {
            return Err("--check compares with what was sent, and --expect any does not".into());
        }
        if self.rooms > self.connections {
            return Err("--rooms are more than --connections".into());
        }
        let batch = payload.len().saturating_add(Header::MAX_LEN).saturating_mul(self.depth.get());
        if batch > MAX_BATCH {
            return Err("--depth messages of this size are more than 1 GiB; see --size".into());
        }
        let load = Load {
            address: target.resolve()?,
            rooms: target.rooms(self.rooms.get())?,
            target,
            payload,
            expect: self.expect,
            check: self.check,
            connections: self.connections.get(),
            threads: self.threads.max(self.rooms).min(self.connections).get(),
            broadcast: self.broadcast,
            reconnect_after: self.messages_per_connection.map(NonZeroU64::get),
            depth: self.depth.get(),
            pacing: match self.rate {
                _ if self.idle => Pacing::Idle,
                None => Pacing::AsTheyComeBack,
                Some(rate) => Pacing::Rate(rate),
            },
            ramp: self.ramp.0,
            warmup: self.warmup.0,
            duration: self.duration.0,
            server_pid: self.server_pid,
        };
        let results = load.run()?;
        let figures = Figures::new(&results);
        if let Some(path) = &self.html {
            std::fs::write(path, html::page(&results, &figures))
                .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        }
        let printed = if self.json {
            serde_json::to_string_pretty(&figures).map_err(|error| error.to_string())? + "\n"
        } else {
            figures.to_string()
        };
        let is_complete = results.is_complete();
        let code = if is_complete { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        Ok(print(printed.as_bytes(), code))
    }
}

fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if rate > 0.0 && f64::is_finite(rate) => Ok(rate),
        _ => Err("not a number greater than 0".into()),
    }
}

/// The longest write, in bytes.
const MAX_BATCH: usize = 1 << 30;
