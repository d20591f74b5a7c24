//! Measures wirelet beside its peers several times over, and makes tables and a plot of it.
//!
//! ```text
//! cargo bench, once a round ─▶ target/criterion ─▶ Figures ─▶ tables in Markdown, plot in SVG
//! ```
#![forbid(unsafe_code)]

mod figures;
mod machine;
mod plot;
mod rounds;
// The rule for digits and for what is equal, in one place.
#[path = "../echo/src/spread.rs"]
mod spread;
mod table;

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use clap::{Parser, Subcommand};

use figures::Figures;

/// Measures wirelet beside its peers, and reports.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Forget all figures, measure in rounds and report.
    Run {
        /// How often everything is measured; each figure is a median of them.
        #[arg(long, default_value_t = 11)]
        rounds: u32,
        /// Measure only what matches this regular expression, such as "receive.*20 B".
        filter: Option<String>,
        #[command(flatten)]
        report: Report,
    },
    /// Report the figures that are there.
    Report(Report),
}

#[derive(Debug, clap::Args)]
struct Report {
    /// Draw the plot into this file.
    #[arg(long)]
    svg: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let directory = criterion_directory()?;
    let report = match Cli::parse().command {
        Command::Run { rounds, filter, report } => {
            rounds::run(rounds, filter.as_deref(), &directory)?;
            report
        }
        Command::Report(report) => report,
    };
    let figures = Figures::read(&directory)?;
    print!("{HEAD}");
    println!("{}", machine::describe(&figures)?);
    println!("{}", table::summary(&figures));
    println!("{}", table::full(&figures));
    if let Some(file) = report.svg {
        fs::write(&file, plot::draw(&figures))
            .map_err(|error| format!("{}: {error}", file.display()))?;
        eprintln!("drew {}", file.display());
    }
    Ok(())
}

/// Where criterion keeps figures: beside the profile that this program was built in.
fn criterion_directory() -> Result<PathBuf, Box<dyn Error>> {
    let program = env::current_exe()?;
    let target = program.ancestors().nth(2).ok_or("the program lies in no target directory")?;
    Ok(target.join("criterion"))
}

const HEAD: &str = "\
# Speed in memory, all figures

Printed by `wirelet-bench`; [what is done, and by whom](README.md).

";
