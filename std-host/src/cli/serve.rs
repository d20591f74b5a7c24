//! `wirelet serve`.

use std::io::{self, Write as _};
use std::num::NonZero;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use wirelet_host::{Builder, Certificates, Chat, Echo, Limits, Policy, Server, Sink};

use super::fail;
use super::log::LogArgs;

mod admission;
mod console;
mod front;
mod limits;
mod places;
mod reply;
mod signals;
mod work;

use admission::AdmissionArgs;
use console::{Console, PageArgs};
use front::Front;
use limits::LimitArgs;
use places::PlaceArgs;
use signals::{Asked, Signals};
use work::{Mode, Work};

/// Run a WebSocket server
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Serve {
    /// What to do with messages
    #[arg(long, value_enum, default_value_t = Mode::Echo)]
    mode: Mode,
    #[command(flatten)]
    places: PlaceArgs,
    #[command(flatten)]
    admission: AdmissionArgs,
    #[command(flatten)]
    page: PageArgs,
    /// What to do when more than --max-queue bytes would wait for a peer that reads slowly
    #[arg(long, value_enum, value_name = "POLICY", default_value_t = SlowPeers::Close)]
    slow_peers: SlowPeers,
    /// Threads that serve connections [default: as many as there are processors]
    #[arg(long, value_name = "N")]
    threads: Option<NonZero<usize>>,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    log: LogArgs,
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
    pub(crate) async fn run(self) -> ExitCode {
        self.log.start();
        self.serve().await.unwrap_or_else(|why| fail(&why))
    }

    async fn serve(self) -> Result<ExitCode, String> {
        let certificates = self.places.certificates()?;
        let limits = Limits::from(&self.limits);
        let mut builder = Builder::new()
            .limits(limits)
            .slow_peers(self.slow_peers.into())
            .history(self.page.history);
        builder = self.admission.add(self.places.add(builder, certificates.as_ref())?);
        if let Some(threads) = self.threads {
            builder = builder.threads(threads);
        }
        let hosts = self.admission.hosts();
        let console = Console::new(self.mode.name(), limits.connections, self.page.history, hosts);
        let is_shown = console.is_shown();
        let work = match self.mode {
            Mode::Echo => Work::Echo(Echo),
            Mode::Chat => Work::Chat(Chat),
            Mode::Sink => Work::Sink(Sink),
        };
        let front = Front { admission: self.admission, console, work };
        let server =
            builder.bind(front).await.map_err(|error| places::explain(&error, "--listen"))?;
        let has_page = self.page.wants_page(server.addresses());
        let _ = is_shown.set(has_page);
        announce(&server, has_page);
        Ok(until_asked(server, certificates).await)
    }
}

/// Prints where the server can be reached.
fn announce(server: &Server<Front>, has_page: bool) {
    let mut lines: Vec<String> = server.urls().map(|url| format!("listening on {url}")).collect();
    // A page has a URL over TCP alone.
    if has_page
        && let Some(rest) = server.urls().find_map(|url| {
            url.strip_prefix("ws").filter(|rest| !rest.starts_with('+')).map(str::to_owned)
        })
    {
        lines.push(format!("page at http{rest}"));
    }
    // Whoever started the program may have closed its end; serving goes on.
    let _ = writeln!(io::stdout(), "{}", lines.join("\n"));
}

/// Serves until a signal asks to end, or to end at once.
async fn until_asked(server: Server<Front>, certificates: Option<Certificates>) -> ExitCode {
    let shutdown = server.shutdown();
    let signals = Signals::listen(certificates.is_some());
    let asked = async {
        let mut signals = match signals {
            Ok(signals) => signals,
            Err(error) => {
                tracing::error!("signals are not handled: {error}");
                std::future::pending().await
            }
        };
        let mut is_ending = false;
        loop {
            match signals.next().await {
                Asked::Reload => reload(certificates.as_ref()),
                Asked::End(code) if is_ending => return code,
                Asked::End(_) => {
                    is_ending = true;
                    shutdown.begin();
                }
            }
        }
    };
    tokio::select! {
        () = server.run() => ExitCode::SUCCESS,
        code = asked => code.into(),
    }
}

fn reload(certificates: Option<&Certificates>) {
    match certificates.map(Certificates::reload) {
        Some(Err(error)) => tracing::error!("the old certificate goes on: {error}"),
        _ => tracing::info!("the certificate was read again"),
    }
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
  0         ended by SIGTERM or SIGINT, after all connections were closed with 1001
  1         could not start: an address, a certificate
  2         the command line is wrong
  130, 143  ended at once by a second SIGINT or SIGTERM";
