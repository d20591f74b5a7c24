//! `--mode exec`: a program for each connection.
//!
//! ```text
//! client ── message ──▶ Feed ──▶ standard input  ┐
//!        ◀─ Hub::deliver_to ─── standard output  ├ process
//!           log ◀────────────── standard error   ┘
//! ```
//!
//! Both ways wait for the slower end: a full [`Feed`] holds the connection, and a client that does
//! not read stops the reading of the program's output. A close of the client ends the feed, and is answered
//! when the program has said what it had to say.

use std::ffi::OsString;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use wirelet::{Close, CloseCode, Message};
use wirelet_host::{
    Accept, Answer, Closed, Context, Handler, Handshake, Hub, Limits, Peer, StatusCode,
};

mod attend;
mod environment;
mod feed;
mod newline;
mod output;
mod process;

use super::exec_args::{ExecArgs, Newline};
use attend::Attendant;
use environment::Environment;
use feed::Feed;

/// Runs the program. Clones are the same.
#[derive(Clone)]
pub(super) struct Exec {
    program: Arc<Program>,
}

/// What all connections have in common.
struct Program {
    /// The file, and its arguments.
    command: Vec<OsString>,
    /// Bytes go both ways as they are, instead of lines.
    binary: bool,
    newline: Newline,
    /// What all programs are told.
    environment: Environment,
    /// Only hosts are served that were named.
    checks_host: bool,
    /// How long a program may take to end when it is told to.
    exit_time: Duration,
    limits: Limits,
    /// One for each process there may be.
    permits: Arc<Semaphore>,
    n_permits: u32,
    /// Whether all are to be killed.
    kill: watch::Sender<bool>,
}

/// What a connection has of its process.
struct Guest {
    /// Until it is open.
    start: Mutex<Option<Start>>,
    feed: Arc<Feed>,
}

/// What a process is started with.
struct Start {
    environment: Environment,
    permit: OwnedSemaphorePermit,
}

impl Exec {
    /// Looks for the program.
    pub(super) fn new(args: ExecArgs, checks_host: bool, limits: Limits) -> Result<Self, String> {
        let ExecArgs { binary, newline, pass_env, exit_time, command } = args;
        let name = command.first().ok_or("there is no program to run")?;
        which::which(name).map_err(|error| format!("cannot run {}: {error}", name.display()))?;
        // One that has ended but for its last breath counts, too.
        let n_permits = u32::try_from(limits.connections).unwrap_or(u32::MAX).min(MOST);
        let permits = Arc::new(Semaphore::new(n_permits as usize));
        let kill = watch::Sender::new(false);
        let program = Program {
            command,
            binary,
            newline: newline.unwrap_or_default(),
            environment: environment::inherited(&pass_env),
            checks_host,
            exit_time: exit_time.map_or(EXIT_TIME, |time| time.0),
            limits,
            permits,
            n_permits,
            kill,
        };
        Ok(Self { program: Arc::new(program) })
    }

    /// Waits until all processes have ended, and no other can begin.
    pub(super) async fn ended(&self) {
        let _ = self.program.permits.acquire_many(self.program.n_permits).await;
    }

    /// Kills all processes.
    pub(super) async fn kill(&self) {
        self.program.kill.send_replace(true);
        let _ = tokio::time::timeout(KILL_TIME, self.ended()).await;
    }
}

impl Handler for Exec {
    fn handshake(&self, handshake: &Handshake<'_>) -> Answer {
        let Ok(permit) = Arc::clone(&self.program.permits).try_acquire_owned() else {
            return Answer::refuse(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many programs are running",
            );
        };
        let mut environment = self.program.environment.clone();
        let checks_host = self.program.checks_host;
        if let Err(why) = environment::add_request(&mut environment, handshake, checks_host) {
            return Answer::refuse(StatusCode::BAD_REQUEST, why);
        }
        let start = Mutex::new(Some(Start { environment, permit }));
        let feed = Arc::new(Feed::new(self.program.limits.queue_bytes));
        Accept::new().with_data(Guest { start, feed }).into()
    }

    fn opened(&self, context: &mut Context<'_>) {
        let peer = context.peer();
        let Some(guest) = peer.data::<Guest>() else { return };
        let start = guest.start.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Start { mut environment, permit }) = start {
            environment::add_peer(&mut environment, peer);
            let attendant = Attendant {
                program: Arc::clone(&self.program),
                feed: Arc::clone(&guest.feed),
                hub: context.hub().clone(),
                id: peer.id(),
            };
            tokio::spawn(async move {
                attendant.attend(environment).await;
                drop(permit);
            });
        }
    }

    fn message(&self, message: Message<'_>, context: &mut Context<'_>) {
        let Some(guest) = context.peer().data::<Guest>() else { return };
        match message {
            _ if self.program.binary => guest.feed.push(message.as_bytes(), b"", context),
            Message::Text(message) => match self.program.newline.line(message) {
                Some(line) => guest.feed.push(line.as_bytes(), b"\n", context),
                None => {
                    tracing::warn!(
                        "a message has several lines, which --newline refuse does not let in"
                    );
                    close(context, CloseCode::POLICY_VIOLATION, "a message is one line here");
                }
            },
            // RFC 6455 §7.4.1: for "a type of data it cannot accept".
            Message::Binary(_) => {
                close(context, CloseCode::UNSUPPORTED_DATA, "only text is taken here");
            }
        }
    }

    fn closing(&self, _close: Close<'_>, context: &mut Context<'_>) {
        if let Some(guest) = context.peer().data::<Guest>() {
            guest.feed.end(context.hold());
        }
    }

    fn closed(&self, peer: &Peer, _closed: &Closed, _hub: &Hub) {
        if let Some(guest) = peer.data::<Guest>() {
            guest.feed.close();
        }
    }
}

fn close(context: &mut Context<'_>, code: CloseCode, reason: &str) {
    context.close(Close::with_reason(code, reason).unwrap_or(code.into()));
}

/// How long a program may take to end when it is told to, unless it is said.
const EXIT_TIME: Duration = Duration::from_secs(2);

/// More processes no system has.
const MOST: u32 = 1 << 22;

/// How long killed processes may take to be gone.
const KILL_TIME: Duration = Duration::from_secs(1);
