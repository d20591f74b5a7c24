//! Measures what wirelet and its peers take of a small machine, prints it as Markdown, and holds
//! it against what is written in `budget.toml`.
//!
//! ```text
//! budget            fails if a figure of wirelet is more than 2 % above the one in the file
//! budget --accept   writes the figures to the file
//! ```

use std::env;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};

mod budget;
#[cfg(test)]
mod clients;
mod emulator;
mod figures;
mod firmware;
mod flash;
mod lanes;
mod programs;
mod session;
mod strictness;
mod table;

use figures::Figures;

fn main() -> Result<ExitCode> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let accept = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--accept"] => true,
        _ => bail!("usage: run [--accept]"),
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let file = root.join("budget.toml");

    let strictness = strictness::markdown()?;
    let figures = lanes::measure(&root)?;
    println!("Measured with {}.", programs::versions(&root)?.join(", "));
    print!("{}", table::markdown(&figures));
    print!("{strictness}");

    if accept {
        figures.save(&file)?;
        return Ok(ExitCode::SUCCESS);
    }
    let complaints = budget::compare(&Figures::load(&file)?, &figures);
    for complaint in &complaints {
        eprintln!("{complaint}");
    }
    Ok(if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
