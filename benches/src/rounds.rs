//! Measuring: all contenders of a case one after the other, and that several times over, so that
//! what else the machine does meets all of them.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, io};

use serde::Deserialize;

/// Measures everything that matches `filter` once a round, into `directory`.
///
/// # Errors
///
/// The benches don't build or have failed, or what was there could not be removed.
pub(crate) fn run(
    rounds: u32,
    filter: Option<&str>,
    directory: &Path,
) -> Result<(), Box<dyn Error>> {
    let benches = build()?;
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    for round in 1..=rounds {
        eprintln!("round {round} of {rounds}");
        let output = Command::new(&benches)
            .args(["--bench", "--save-baseline", &format!("{ROUND}{round}")])
            .args(filter)
            .env("CRITERION_HOME", directory)
            .output()?;
        if !output.status.success() {
            let progress = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{}: {}\n{progress}", benches.display(), output.status).into());
        }
    }
    Ok(())
}

/// Builds the benches once for all rounds; returns the program.
fn build() -> Result<PathBuf, Box<dyn Error>> {
    let output = Command::new(env!("CARGO"))
        .args(["bench", "--package", "wirelet-bench", "--bench", "websocket", "--no-run"])
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("cargo bench --no-run: {}", output.status).into());
    }
    for message in serde_json::Deserializer::from_slice(&output.stdout).into_iter() {
        if let Message { target: Some(Target { name }), executable: Some(program) } = message?
            && name == "websocket"
        {
            return Ok(program);
        }
    }
    Err("cargo built no benches".into())
}

/// What cargo tells of its work.
#[derive(Deserialize)]
struct Message {
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// How the figures of a round are called, before its number.
pub(crate) const ROUND: &str = "round-";
