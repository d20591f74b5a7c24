//! Running firmware in QEMU.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{io, thread};

use anyhow::{Context, Result, bail};

/// Runs a firmware of `session` to its end; returns its figures in the order in which they came.
pub(crate) fn run(elf: &Path, target: &str) -> Result<Vec<(String, u64)>> {
    let (emulator, machine) = if target.starts_with("thumb") { ARM } else { RISCV };
    let mut process = Command::new(emulator)
        .args(machine)
        .args(["-nic", "none", "-display", "none", "-monitor", "none", "-serial", "none"])
        .args(["-semihosting-config", "enable=on,target=native", "-kernel"])
        .arg(elf)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{emulator} cannot be run"))?;
    let deadline = Instant::now() + TIME_LIMIT;
    // It prints less than a pipe holds, so that it need not be read meanwhile.
    let status = loop {
        if let Some(status) = process.try_wait()? {
            break status;
        }
        if Instant::now() > deadline {
            process.kill()?;
            process.wait()?;
            bail!("{} has not come to its end within {TIME_LIMIT:?}", elf.display());
        }
        thread::sleep(Duration::from_millis(10));
    };
    let printed = read(process.stdout.take())?;
    if !status.success() {
        bail!("{}: {status}\n{printed}{}", elf.display(), read(process.stderr.take())?);
    }
    printed.lines().map(parse).collect()
}

fn parse(line: &str) -> Result<(String, u64)> {
    let (name, figure) = line.split_once('\t').with_context(|| format!("no figure: {line}"))?;
    Ok((name.to_owned(), figure.parse()?))
}

fn read(pipe: Option<impl io::Read>) -> Result<String> {
    let mut text = String::new();
    pipe.context("the pipe was taken")?.read_to_string(&mut text)?;
    Ok(text)
}

/// The emulator and the machine of the target, with a fixed time for each instruction: see
/// `session/src/counter.rs`.
const ARM: (&str, &[&str]) =
    ("qemu-system-arm", &["-M", "mps2-an385", "-icount", "shift=8,sleep=off"]);
const RISCV: (&str, &[&str]) = (
    "qemu-system-riscv32",
    &["-M", "virt", "-m", "16", "-bios", "none", "-icount", "shift=0,sleep=off"],
);

const TIME_LIMIT: Duration = Duration::from_mins(1);
