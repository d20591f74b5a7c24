//! Loading the servers, round by round.

use std::error::Error;
use std::num::NonZero;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

use crate::contestant::{Contestant, all, wirelet_program};
use crate::options::Options;
use crate::record::{Record, Sample};
use crate::scenario::Scenario;
use crate::server::Server;

/// Lets every server do what `scenario` says: once with every byte compared, then round by round.
pub(crate) fn run(scenario: &Scenario, options: &Options, record: &mut Record) {
    let mut running = Vec::new();
    let mut suite = None;
    let seconds = scenario.work.seconds(CHECK_SECONDS);
    for contestant in all(scenario.work) {
        eprintln!("{}: checking {}", scenario.name, contestant.name);
        let checked = Server::start(&contestant).and_then(|server| {
            let figures = load(scenario, &contestant, &server, seconds, &["--check"])?;
            if let Some(spoken) = figures["cipher_suite"].as_str() {
                let suite = suite.get_or_insert_with(|| spoken.to_owned());
                if spoken != suite {
                    return Err(format!("encrypts by {spoken}, and the first by {suite}").into());
                }
            }
            Ok(server)
        });
        match checked {
            Ok(server) => running.push((contestant, server)),
            Err(error) => record.fail(scenario.name, contestant.name, &error.to_string()),
        }
    }
    let seconds = scenario.work.seconds(options.seconds);
    // The floor and every server have their turn in each round: they are compared within it.
    for round in 0..options.rounds {
        eprintln!("{}: round {} of {}", scenario.name, round + 1, options.rounds);
        for turn in 0..running.len() {
            // Another one first in each round, so that none always follows the same.
            let (contestant, server) = &running[(turn + round) % running.len()];
            match load(scenario, contestant, server, seconds, &[]) {
                Ok(figures) => record.samples.push(sample(scenario, contestant, round, figures)),
                Err(error) => record.fail(scenario.name, contestant.name, &error.to_string()),
            }
        }
    }
}

/// Lets every server do what `scenario` says once, which takes long, and alone, as it takes much.
pub(crate) fn run_once(scenario: &Scenario, options: &Options, record: &mut Record) {
    let seconds = scenario.work.seconds(options.seconds);
    for contestant in all(scenario.work) {
        eprintln!("{}: {}", scenario.name, contestant.name);
        let figures = Server::start(&contestant)
            .and_then(|server| load(scenario, &contestant, &server, seconds, &[]));
        match figures {
            Ok(figures) => record.samples.push(sample(scenario, &contestant, 0, figures)),
            Err(error) => record.fail(scenario.name, contestant.name, &error.to_string()),
        }
    }
}

/// Loads a server, and returns the figures of `wirelet bench`.
fn load(
    scenario: &Scenario,
    contestant: &Contestant,
    server: &Server,
    seconds: f64,
    args: &[&str],
) -> Result<Value, Box<dyn Error>> {
    let output = Command::new("taskset")
        .args(["--cpu-list", load_cores(contestant)])
        .arg(wirelet_program())
        .args([
            "bench",
            &format!("{}{}", server.url, contestant.path),
            "--json",
            &format!("--duration={seconds}"),
        ])
        .args(["--warmup=0.1", &format!("--server-pid={}", server.pid())])
        .args(scenario.load_args())
        .args(&contestant.load_args)
        .args(args)
        .stdin(Stdio::null())
        .output()?;
    let figures: Value = serde_json::from_slice(&output.stdout)
        .map_err(|_| String::from_utf8_lossy(&output.stderr).trim().to_owned())?;
    if !output.status.success() {
        let why = match (&figures["first_failure"], &figures["missing_messages"]) {
            (Value::String(why), _) => why.clone(),
            (_, Value::Number(n)) if n.as_u64() > Some(0) => {
                format!("{n} messages did not come back")
            }
            _ => "no message came, or no connection ended, in time".into(),
        };
        return Err(why.into());
    }
    Ok(figures)
}

fn sample(scenario: &Scenario, contestant: &Contestant, round: usize, figures: Value) -> Sample {
    Sample { scenario: scenario.name, server: contestant.name, round, figures }
}

/// Returns the processors of the load: where the server has two, as many, if there are others.
fn load_cores(contestant: &Contestant) -> &'static str {
    let n = thread::available_parallelism().map_or(2, NonZero::get);
    if contestant.cores.contains(',') && n >= 4 { "2,3" } else { "1" }
}

const CHECK_SECONDS: f64 = 0.2;
