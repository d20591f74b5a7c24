//! Loading the servers, round by round.

use std::error::Error;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::contestant::{Contestant, broadcasting, echoing, wirelet_program};
use crate::options::Options;
use crate::record::{Record, Sample};
use crate::scenario::{Scenario, Work};
use crate::server::Server;

/// Lets every server do what `scenario` says: once with every byte compared, then round by round.
pub(crate) fn run(scenario: &Scenario, options: &Options, record: &mut Record) {
    let contestants = match scenario.work {
        Work::Broadcast { size, .. } => broadcasting(size),
        Work::Echo { .. } | Work::Memory { .. } => echoing(),
    };
    let mut running = Vec::new();
    for contestant in contestants {
        eprintln!("{}: checking {}", scenario.name, contestant.name);
        let checked = Server::start(&contestant).and_then(|server| {
            load(scenario, &server, CHECK_SECONDS, &["--check"]).map(|_| server)
        });
        match checked {
            Ok(server) => running.push((contestant, server)),
            Err(error) => record.fail(scenario.name, contestant.name, &error.to_string()),
        }
    }
    for round in 0..options.rounds {
        eprintln!("{}: round {} of {}", scenario.name, round + 1, options.rounds);
        for turn in 0..running.len() {
            // Another one first in each round, so that none always follows the same.
            let (contestant, server) = &running[(turn + round) % running.len()];
            match load(scenario, server, options.seconds, &[]) {
                Ok(figures) => record.samples.push(sample(scenario, contestant, round, figures)),
                Err(error) => record.fail(scenario.name, contestant.name, &error.to_string()),
            }
        }
    }
}

/// Loads a server, and returns the figures of `wirelet bench`.
fn load(
    scenario: &Scenario,
    server: &Server,
    seconds: f64,
    args: &[&str],
) -> Result<Value, Box<dyn Error>> {
    let output = Command::new("taskset")
        .args(["--cpu-list", LOAD_CORE])
        .arg(wirelet_program())
        .args(["bench", &server.url, "--json", &format!("--duration={seconds}")])
        .args(["--warmup=0.1", &format!("--server-pid={}", server.pid())])
        .args(scenario.load_args())
        .args(args)
        .stdin(Stdio::null())
        .output()?;
    let figures: Value = serde_json::from_slice(&output.stdout)
        .map_err(|_| String::from_utf8_lossy(&output.stderr).trim().to_owned())?;
    if !output.status.success() {
        let missing = &figures["missing_messages"];
        let why = figures["first_failure"].as_str().map(str::to_owned);
        return Err(why.unwrap_or_else(|| format!("{missing} messages did not come back")).into());
    }
    Ok(figures)
}

fn sample(scenario: &Scenario, contestant: &Contestant, round: usize, figures: Value) -> Sample {
    Sample { scenario: scenario.name, server: contestant.name, round, figures }
}

const LOAD_CORE: &str = "1";
const CHECK_SECONDS: f64 = 0.2;
