//! Loading a server from several threads.

use std::io;
use std::ops::AddAssign;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use hdrhistogram::Histogram;
use wirelet_host::rustls::CipherSuite;

use super::echo::Expect;
use super::line::Contract;
use super::live::Live;
use super::payload::Payload;
use super::results::Results;
use super::target::{Address, Target};
use super::usage;
use super::window::Window;
use super::worker::Worker;

/// What to do, checked and complete.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) target: Target,
    pub(super) address: Address,
    /// What the connections of each room ask for. If there are several, each has a thread.
    pub(super) rooms: Vec<String>,
    pub(super) payload: Payload,
    pub(super) expect: Expect,
    pub(super) check: bool,
    pub(super) connections: usize,
    /// At most as many as there are connections.
    pub(super) threads: usize,
    /// One sends and all receive.
    pub(super) broadcast: bool,
    /// After how many messages a connection is closed and another opened.
    pub(super) reconnect_after: Option<u64>,
    /// Messages of a connection under way.
    pub(super) depth: usize,
    pub(super) pacing: Pacing,
    pub(super) ramp: Duration,
    pub(super) warmup: Duration,
    pub(super) duration: Duration,
    pub(super) server_pid: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Pacing {
    /// The next messages leave when all those before have come back.
    AsTheyComeBack,
    /// So many a second, of all connections together.
    Rate(f64),
    /// None ever leaves.
    Idle,
}

/// What a worker tells while it works.
pub(super) enum News {
    /// Its connections have opened, all but those that failed.
    Opened {
        n: usize,
    },
    Slice {
        number: u32,
        tally: Box<Tally>,
    },
}

/// What happened in a slice of time.
#[derive(Debug)]
pub(super) struct Tally {
    /// Messages that came back in it.
    pub(super) messages: u64,
    /// What those carry.
    pub(super) bytes: u64,
    /// Connections that ended in it, closed after their messages.
    pub(super) closed: u64,
    /// In nanoseconds.
    pub(super) latency: Histogram<u64>,
    /// From the sending of what goes to all until the last has it, in nanoseconds.
    pub(super) to_all: Histogram<u64>,
}

impl Tally {
    pub(super) fn new() -> Self {
        let latency = Histogram::new_with_max(MAX_LATENCY, 3);
        Self {
            messages: 0,
            bytes: 0,
            closed: 0,
            latency: latency.expect("a length and digits that the library takes"),
            to_all: growing(),
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.messages += other.messages;
        self.bytes += other.bytes;
        self.closed += other.closed;
        self.latency += &other.latency;
        self.to_all += &other.to_all;
    }
}

/// For what there is little of, or nothing.
fn growing() -> Histogram<u64> {
    Histogram::new(3).expect("digits that the library takes")
}

/// What a worker tells at its end.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Connections that failed.
    pub(super) failed: usize,
    /// Why the first of them did.
    pub(super) failure: Option<String>,
    /// Messages that were under way, or due, when the measurement ended.
    pub(super) under_way: u64,
    /// How long the oldest of them was.
    pub(super) oldest: Duration,
    /// Messages that were due and did not come back.
    pub(super) missing: u64,
    /// Messages that came and answer none.
    pub(super) unasked: u64,
    /// Connections that the server did not close as it should.
    pub(super) unclean: usize,
    /// By what TLS encrypts the connections, if it is spoken.
    pub(super) cipher_suite: Option<CipherSuite>,
    /// Processor time during the measurement; of several threads, of the busiest.
    pub(super) cpu: Option<Duration>,
}

impl AddAssign for Outcome {
    fn add_assign(&mut self, other: Self) {
        self.failed += other.failed;
        self.failure = self.failure.take().or(other.failure);
        self.under_way += other.under_way;
        self.oldest = self.oldest.max(other.oldest);
        self.missing += other.missing;
        self.unasked += other.unasked;
        self.unclean += other.unclean;
        self.cipher_suite = self.cipher_suite.or(other.cipher_suite);
        self.cpu = self.cpu.max(other.cpu);
    }
}

impl Load {
    /// What the connections of a thread have in common.
    pub(super) fn contract(&self, thread: usize) -> Contract<'_> {
        let Self { target, rooms, payload, expect, check, .. } = self;
        Contract {
            target,
            path: &rooms[thread % rooms.len()],
            payload,
            expect: *expect,
            check: *check,
        }
    }

    /// Loads the server, and shows in a terminal how it goes.
    pub(super) fn run(&self) -> Result<Results<'_>, String> {
        // Connections are files, of which many systems allow 1,024 unless asked for more.
        raise_file_limit();
        let live = Live::new();
        live.opening(self.connections);
        let (news, inbox) = mpsc::channel();
        thread::scope(|scope| {
            let mut starts = Vec::new();
            let mut workers = Vec::new();
            for number in 0..self.threads {
                let (start, wait_for_start) = mpsc::channel();
                let worker = Worker::new(self, number, news.clone()).map_err(explain)?;
                starts.push(start);
                workers.push(scope.spawn(move || worker.run(&wait_for_start)));
            }
            drop(news);
            let mut n_open = 0;
            for _ in 0..self.threads {
                // Before the start there is no other news.
                if let News::Opened { n } = inbox.recv().map_err(|_| STOPPED)? {
                    n_open += n;
                }
            }
            if n_open == 0 {
                drop(starts); // which ends the workers
                let mut outcomes =
                    workers.into_iter().filter_map(|worker| worker.join().ok()?.ok());
                let failure = outcomes.find_map(|outcome| outcome.failure).unwrap_or_default();
                live.clear();
                return Err(format!("cannot connect to {}: {failure}", self.target.url));
            }
            let window = Window::new(self.warmup, self.duration);
            let server = self.server_pid.map(|pid| usage::of_process(pid, window));
            for start in starts {
                start.send(window).map_err(|_| STOPPED)?;
            }
            let mut results = Results::new(self, window);
            for item in inbox {
                if let News::Slice { number, tally } = item {
                    results.add(number, &tally);
                    live.results(&results);
                }
            }
            live.clear();
            for worker in workers {
                results.end(worker.join().map_err(|_| STOPPED)?.map_err(explain)?);
            }
            if let Some(server) = server {
                let cpu = server.join().map_err(|_| STOPPED)?;
                results.server_cpu = Some(
                    cpu.map_err(|error| format!("cannot read what --server-pid took: {error}"))?,
                );
            }
            Ok(results)
        })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn explain(error: io::Error) -> String {
    format!("cannot go on: {error}")
}

#[cfg(unix)]
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // If refused, opening too many connections says so.
    let _ = setrlimit(Resource::Nofile, limit);
}

#[cfg(not(unix))]
const fn raise_file_limit() {}

/// The longest latency to be told from others; it is an hour in nanoseconds.
const MAX_LATENCY: u64 = 3_600_000_000_000;

const STOPPED: &str = "a thread of the load has stopped";
