//! `wirelet serve`.

use std::io::{self, Write as _};
use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use wirelet_host::{Builder, Chat, Drain, Echo, Handler, Limits, Policy, Server, Sink};

use super::deflate::DeflateArgs;
use super::fail;
use super::log::LogArgs;
use super::units::{Size, parse_size};

mod access_log;
mod admission;
mod console;
mod drain;
#[cfg(unix)]
mod exec;
mod exec_args;
mod front;
mod limits;
mod metrics;
mod notify;
mod places;
mod proxies;
mod reply;
mod running;
mod signals;
mod tls;

use access_log::AccessLogArgs;
use admission::AdmissionArgs;
use console::{Console, PageArgs};
use drain::DrainArgs;
use exec_args::ExecArgs;
use front::Front;
use limits::LimitArgs;
use metrics::Metrics;
use places::{Place, PlaceArgs};
use proxies::ProxyArgs;
use running::Running;
use signals::Signals;

/// Run a WebSocket server
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Serve {
    /// What to do with messages
    #[arg(long, value_enum, default_value_t = Mode::Echo)]
    mode: Mode,
    #[command(flatten)]
    exec: ExecArgs,
    /// Take the options that are not given here from this TOML file, whose keys are their names: `max-message =
    /// 1048576`, `listen = ["[::1]:80"]`, `debug = true`, and `command` for CMD
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    places: PlaceArgs,
    /// Answer /metrics (for Prometheus) and /healthz here
    #[arg(long, value_name = "ADDR:PORT|unix:PATH", value_parser = places::parse_place)]
    metrics: Option<Place>,
    #[command(flatten)]
    admission: AdmissionArgs,
    #[command(flatten)]
    proxies: ProxyArgs,
    #[command(flatten)]
    page: PageArgs,
    /// What to do when more than --max-queue bytes would wait for a peer that reads slowly
    #[arg(long, value_enum, value_name = "POLICY", default_value_t = SlowPeers::Close)]
    slow_peers: SlowPeers,
    /// The longest payload of a frame that is sent: longer messages leave in fragments, for clients with little
    /// memory. 0: each is one frame
    #[arg(long, value_name = "SIZE", default_value_t = Size(0), value_parser = parse_size)]
    max_frame: Size,
    #[command(flatten)]
    deflate: DeflateArgs,
    /// Threads that serve connections [default: as many as there are processors]
    #[arg(long, value_name = "N")]
    threads: Option<NonZero<usize>>,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    drain: DrainArgs,
    #[command(flatten)]
    access_log: AccessLogArgs,
    #[command(flatten)]
    log: LogArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Send every message back to where it came from
    Echo,
    /// Send every message to every connection
    Chat,
    /// Take every message and send none
    Sink,
    /// Run CMD for each connection: a message becomes a line of its input, and a line of its output a
    /// message. CMD is told of the connection by the variables of CGI, and by `CONNECTION_ID`. When it ends,
    /// the connection is closed with 1000, or 1011 if it failed. When the client closes, the input of CMD ends; what
    /// it still says is sent, and then the close is answered. If it has not ended after --exit-time, it gets
    /// SIGTERM, and after as much again SIGKILL. A client waits while CMD does not read, for --ping-timeout at
    /// most, and CMD while the client does not
    #[cfg(unix)]
    Exec,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SlowPeers {
    /// Close its connection with 1008
    Close,
    /// Let it miss messages
    Drop,
    /// Let the senders wait
    Wait,
}

impl Serve {
    /// Says what is wrong that clap cannot see.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        #[cfg(unix)]
        let runs = self.mode == Mode::Exec;
        #[cfg(windows)]
        let runs = false;
        if !runs {
            self.exec.check_without_program()?;
        }
        self.places.check(self.metrics.as_ref())
    }

    pub(crate) async fn run(self) -> ExitCode {
        self.log.start();
        match self.start().await {
            Ok(running) => running.until_asked().await,
            Err(why) => fail(&why),
        }
    }

    async fn start(self) -> Result<Running, String> {
        let certificates = self.places.certificates()?;
        let limits = Limits::from(&self.limits);
        let mut builder = Builder::new()
            .limits(limits)
            .slow_peers(self.slow_peers.into())
            .frame_bytes(self.max_frame.0)
            .compression(self.deflate.compression())
            .history(self.page.history);
        let access_log = self.access_log.open()?.map(Arc::new);
        builder = builder.keep_requests(access_log.is_some());
        builder = self.admission.add(self.places.add(builder, certificates.as_ref())?);
        builder = self.proxies.add(builder);
        if let Some(threads) = self.threads {
            builder = builder.threads(threads);
        }

        #[cfg(unix)]
        let mut exec = None;
        let work: Box<dyn Handler> = match self.mode {
            Mode::Echo => Box::new(Echo),
            Mode::Chat => Box::new(Chat),
            Mode::Sink => Box::new(Sink),
            #[cfg(unix)]
            Mode::Exec => {
                let new = exec::Exec::new(self.exec, self.admission.names_hosts(), limits)?;
                Box::new(exec.insert(new).clone())
            }
        };
        let mode = self.mode.to_possible_value().map(|mode| mode.get_name().to_owned());
        let console = Console::new(
            mode.unwrap_or_default(),
            limits.connections,
            &self.page,
            self.admission.has_hosts(),
        );
        let is_shown = console.is_shown();
        let front =
            Front { admission: self.admission, console, access_log: access_log.clone(), work };
        let server =
            builder.bind(front).await.map_err(|error| places::explain(&error, "--listen"))?;
        let has_page = self.page.wants_page(server.addresses(), self.proxies.are_there());
        let _ = is_shown.set(has_page);

        let mut metrics = None;
        if let Some(place) = &self.metrics {
            let bound = Metrics::bind(
                self.places.listen_at(place),
                server.hub(),
                limits.connections,
                server.shutdown(),
            );
            metrics = Some(bound.await.map_err(|error| places::explain(&error, "--metrics"))?);
        }
        // First, as whoever reads the announcement may send one at once.
        let has_file = access_log.as_ref().is_some_and(|log| log.has_file());
        let signals = Signals::listen(certificates.is_some() || has_file);
        announce(&server, has_page, metrics.as_ref());
        Ok(Running {
            server,
            metrics,
            certificates,
            access_log,
            signals,
            drain: Drain::from(&self.drain),
            #[cfg(unix)]
            exec,
        })
    }
}

/// Prints where the program can be reached.
fn announce(server: &Server<Front>, has_page: bool, metrics: Option<&Server<Metrics>>) {
    let mut lines: Vec<String> = server.urls().map(|url| format!("listening on {url}")).collect();
    // There is no URL of HTTP for a Unix socket.
    if has_page && let Some(url) = server.urls().find(|url| !url.contains('+')) {
        lines.push(format!("page at {}", url.replacen("ws", "http", 1)));
    }
    if let Some(metrics) = metrics {
        lines.push(format!("metrics at {}/metrics", metrics.url().replacen("ws", "http", 1)));
    }
    // Whoever started the program may have closed its end; serving goes on.
    let _ = writeln!(io::stdout(), "{}", lines.join("\n"));
}

impl From<SlowPeers> for Policy {
    fn from(policy: SlowPeers) -> Self {
        match policy {
            SlowPeers::Close => Self::Close,
            SlowPeers::Drop => Self::Drop,
            SlowPeers::Wait => Self::Wait,
        }
    }
}

const EXIT_CODES: &str = "\
Exit codes:
  0         ended by SIGTERM or SIGINT, after all connections were closed with --drain-code
  1         could not start: an address, a certificate, a program to run
  2         the command line or the file of --config is wrong
  130, 143  ended at once by a second SIGINT or SIGTERM";
