//! Measures what wirelet and its peers take of a small machine, prints it as Markdown, and holds
//! it against what is written in files.
//!
//! ```text
//! budget                     fails if a figure of wirelet is more than 2 % above that of budget.toml, or of
//!                            released.toml and grown.toml does not let it
//! budget --accept            writes the figures to budget.toml
//! budget --release VERSION   writes them to released.toml, too, and empties grown.toml: at a release only
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
    let (accept, release) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => (false, None),
        ["--accept"] => (true, None),
        ["--release", version] => (true, Some(version)),
        _ => bail!("usage: run [--accept | --release VERSION]"),
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let [accepted, released, grown] =
        ["budget.toml", "released.toml", "grown.toml"].map(|name| root.join(name));

    let strictness = strictness::markdown()?;
    let figures = lanes::measure(&root)?;
    println!("Measured with {}.", programs::versions(&root)?.join(", "));
    print!("{}", table::markdown(&figures));
    print!("{strictness}");

    if let Some(version) = release {
        figures.save(
            &released,
            &format!("# The figures of {version}, written by `run --release`.\n"),
        )?;
        Figures::default().save(&grown, GROWN)?;
    }
    if accept {
        figures.save(&accepted, ACCEPTED)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut complaints = budget::compare(&Figures::load(&accepted)?, &figures);
    let [released, grown] = [Figures::load(&released)?, Figures::load(&grown)?];
    complaints.extend(budget::compare_release(&released, &grown, &figures));
    for complaint in &complaints {
        eprintln!("{complaint}");
    }
    Ok(if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

const ACCEPTED: &str = "\
# What `run` has measured, written by `run --accept`. No figure of wirelet may grow by more than 2 %;
# those of the peers are there to compare.
";

const GROWN: &str = "\
# What of wirelet may be more than 2 % above released.toml, up to which figure, and why: written by hand,
# emptied by `run --release`.
";
