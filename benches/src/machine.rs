//! Where and with what was measured.

use std::error::Error;
use std::fs;
use std::process::Command;

use crate::figures::{Figures, Row};

/// Describes date, machine, compiler and the versions of the contenders.
///
/// # Errors
///
/// A program that tells them cannot be run.
pub(crate) fn describe(figures: &Figures) -> Result<String, Box<dyn Error>> {
    let date = output("date", &["+%Y-%m-%d"])?;
    let compiler = output("rustc", &["--version"])?;
    let flags = std::env::var("RUSTFLAGS").unwrap_or_else(|_| "none".to_owned());
    let tree = ["tree", "--package", "wirelet-bench", "--edges", "dev", "--depth", "1"];
    let tree = output(env!("CARGO"), &[&tree[..], &["--prefix", "none"]].concat())?;
    let names: Vec<&str> = figures.rows().iter().flat_map(Row::names).collect();
    let versions: Vec<&str> = tree
        .lines()
        .filter(|line| line.split(' ').next().is_some_and(|name| names.contains(&name)))
        .filter_map(|line| line.split(" (").next())
        .collect();
    Ok(format!(
        "Nanoseconds of processor time (k: thousands), medians of {} rounds; {}; {}; RUSTFLAGS: {flags}; {}; {}.\n",
        figures.rounds(),
        date.trim(),
        processor(),
        compiler.trim(),
        versions.join(", "),
    ))
}

fn processor() -> String {
    let information = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = information.lines().find_map(|line| line.strip_prefix("model name"));
    let name = name.and_then(|rest| rest.split_once(": ")).map(|(_, name)| name);
    name.unwrap_or("an unknown processor").to_owned()
}

fn output(program: &str, arguments: &[&str]) -> Result<String, Box<dyn Error>> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
