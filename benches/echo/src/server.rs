//! A server that runs.

use std::error::Error;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::contestant::Contestant;

/// The process of a contestant, pinned to its cores, and ended when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    pub(crate) url: String,
}

/// Memory of a process, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// Resident set size.
    pub(crate) rss: u64,
    /// The same, with shared pages by share.
    pub(crate) pss: u64,
}

impl Server {
    /// Starts a server, and waits until it tells where it listens.
    pub(crate) fn start(contestant: &Contestant) -> Result<Self, Box<dyn Error>> {
        let explain = |why: &str| format!("{}: {why}", contestant.name);
        let mut process = Command::new("taskset")
            .args(["--cpu-list", contestant.cores])
            .args(contestant.command())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| explain(&format!("cannot start it by taskset: {error}")))?;
        let mut line = String::new();
        if let Some(stdout) = &mut process.stdout {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let url = line.trim_end().strip_prefix("listening on ").map(str::to_owned);
        match url {
            Some(url) => Ok(Self { process, url }),
            None => {
                process.kill()?;
                process.wait()?;
                Err(explain("has not told where it listens").into())
            }
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn memory(&self) -> Result<Memory, Box<dyn Error>> {
        let path = format!("/proc/{}/smaps_rollup", self.pid());
        let text = std::fs::read_to_string(&path)?;
        let bytes = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib * 1024)
        };
        let memory = bytes("Rss:").zip(bytes("Pss:"));
        let (rss, pss) = memory.ok_or_else(|| format!("{path} has not the expected lines"))?;
        Ok(Memory { rss, pss })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
