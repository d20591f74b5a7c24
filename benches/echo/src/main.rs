//! Puts echo servers of wirelet and its peers under the same load, one after the other, round by round;
//! started by `run`, which builds them.
//!
//! ```text
//! core 0: the server that is measured, one thread     core 1: `wirelet bench`, one thread
//! ```
//!
//! What counts is the processor time that a server takes for a message: it does not depend on how fast
//! the load is, and little on what else the machine does. Ratios are taken within a round, whose
//! measurements are neighbours in time; their median is shown, and their quartiles.

use std::error::Error;
use std::process::ExitCode;

mod client;
mod contestant;
mod load;
mod markdown;
mod memory;
mod options;
mod plot;
mod record;
mod scenario;
mod server;
mod spread;

use contestant::here;
use options::Options;
use record::{Record, write};
use scenario::Work;

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("side-by-side: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the scenarios and writes what they show; tells whether nothing failed.
fn run(options: &Options) -> Result<bool, Box<dyn Error>> {
    let mut record = Record::new()?;
    for scenario in &options.scenarios {
        match scenario.work {
            Work::Memory { connections } => memory::run(connections, options.settle, &mut record),
            Work::Idle { .. } => load::run_once(scenario, options, &mut record),
            _ => load::run(scenario, options, &mut record),
        }
    }
    let plot = plot::svg(&record);
    print!("{}", markdown::tables(&record, &options.scenarios));
    record.write(&here().join("target/echo.json"))?;
    write(&here().join("target/echo.svg"), &plot)?;
    if options.is_whole {
        write(&here().join("results.md"), &markdown::page(&record, &options.scenarios))?;
        write(&here().join("results.svg"), &plot)?;
    }
    Ok(record.failures.is_empty())
}
