//! `wirelet serve`.

use std::io;
use std::io::Write as _;
use std::num::NonZero;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use wirelet_host::{Builder, Chat, Echo, Handler, Limits, Sink};

use super::{fail, start_log};

/// Run a WebSocket server
#[derive(Args, Debug)]
pub(crate) struct Serve {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8567")]
    listen: String,
    /// What to do with messages
    #[arg(long, value_enum, default_value_t = Mode::Echo)]
    mode: Mode,
    /// Threads that serve connections [default: as many as there are processors]
    #[arg(long, value_name = "N")]
    threads: Option<NonZero<usize>>,
    /// Log each connection's life and each frame header to the standard error
    #[arg(long)]
    debug: bool,
    #[command(flatten)]
    limits: LimitArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Mode {
    /// Send every message back to where it came from
    Echo,
    /// Send every message to every connection
    Chat,
    /// Take every message and send none
    Sink,
}

/// What clients may use up.
#[derive(Args, Debug)]
struct LimitArgs {
    /// Open connections; one more is answered 503
    #[arg(long, value_name = "N", default_value_t = Limits::default().connections)]
    max_connections: usize,
    /// Bytes of a request's head; one more is answered 431
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().handshake_bytes)]
    max_handshake: usize,
    /// Bytes of a message; one more is answered by close 1009
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().message_bytes)]
    max_message: usize,
    /// Bytes that may wait for a peer that reads slowly; one more is answered by close 1008
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
    /// Seconds for the peer's part of the closing handshake
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().close_time.as_secs())]
    close_time: u64,
}

impl From<LimitArgs> for Limits {
    fn from(args: LimitArgs) -> Self {
        Self {
            connections: args.max_connections,
            handshake_bytes: args.max_handshake,
            handshake_time: Duration::from_secs(args.handshake_time),
            message_bytes: args.max_message,
            queue_bytes: args.max_queue,
            ping_interval: Duration::from_secs(args.ping_interval),
            ping_timeout: Duration::from_secs(args.ping_timeout),
            close_time: Duration::from_secs(args.close_time),
        }
    }
}

impl Serve {
    pub(crate) async fn run(self) -> ExitCode {
        start_log(self.debug);
        match self.mode {
            Mode::Echo => self.serve(Echo).await,
            Mode::Chat => self.serve(Chat).await,
            Mode::Sink => self.serve(Sink).await,
        }
    }

    async fn serve<H: Handler>(self, handler: H) -> ExitCode {
        let mut builder = Builder::new().limits(self.limits.into()).listen(&*self.listen);
        if let Some(threads) = self.threads {
            builder = builder.threads(threads);
        }
        let server = match builder.bind(handler).await {
            Ok(server) => server,
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                return fail(&format!(
                    "{} is in use by another program; take another port with --listen",
                    self.listen
                ));
            }
            Err(error) => return fail(&format!("cannot listen on {}: {error}", self.listen)),
        };
        let shutdown = server.shutdown();
        match Signals::listen() {
            Ok(signals) => drop(tokio::spawn(async move {
                signals.wait().await;
                shutdown.begin();
            })),
            Err(error) => tracing::warn!("signals are not handled: {error}"),
        }
        println!("listening on {}", server.url());
        // Whoever started the program may have closed its end; serving goes on.
        let _ = io::stdout().flush();
        server.run().await;
        ExitCode::SUCCESS
    }
}

/// What a terminal, or whoever runs the program, asks it to end with.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// From here on, signals are kept for [`wait`](Self::wait) instead of ending the program.
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn wait(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self(tokio::signal::windows::ctrl_c()?))
    }

    async fn wait(mut self) {
        let _ = self.0.recv().await;
    }
}
