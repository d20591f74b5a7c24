//! All that was measured.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde::Serialize;
use serde_json::Value;

use crate::contestant::all;
use crate::scenario::{ALL, Scenario};
use crate::spread::Spread;

/// All that was measured, and where.
#[derive(Debug, Serialize)]
pub(crate) struct Record {
    pub(crate) date: String,
    pub(crate) machine: String,
    pub(crate) libraries: BTreeMap<&'static str, String>,
    pub(crate) samples: Vec<Sample>,
    pub(crate) memory: Vec<MemorySample>,
    pub(crate) failures: Vec<Failure>,
}

/// One measurement under load.
#[derive(Debug, Serialize)]
pub(crate) struct Sample {
    pub(crate) scenario: &'static str,
    pub(crate) server: &'static str,
    pub(crate) round: usize,
    /// As `wirelet bench` prints them.
    pub(crate) figures: Value,
}

/// What connections of one server take, in bytes each.
#[derive(Debug, Serialize)]
pub(crate) struct MemorySample {
    pub(crate) server: &'static str,
    pub(crate) connections: usize,
    /// What has happened on each connection before.
    pub(crate) after: &'static str,
    pub(crate) rss: f64,
    pub(crate) pss: f64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Failure {
    pub(crate) scenario: &'static str,
    pub(crate) server: &'static str,
    pub(crate) why: String,
}

impl Record {
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        let date = Command::new("date").args(["-u", "+%Y-%m-%d"]).output()?.stdout;
        let cpus = fs::read_to_string("/proc/cpuinfo")?;
        let cpu = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
        let contestants = ALL.iter().flat_map(|Scenario { work, .. }| all(*work));
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
        Ok(Self {
            date: String::from_utf8_lossy(&date).trim().to_owned(),
            machine: format!("{}, Linux {}", cpu.trim_matches(['\t', ':', ' ']), kernel.trim()),
            libraries: contestants.map(|c| (c.name, c.library())).collect(),
            samples: Vec::new(),
            memory: Vec::new(),
            failures: Vec::new(),
        })
    }

    /// Notes that a server cannot do something, and says so.
    pub(crate) fn fail(&mut self, scenario: &'static str, server: &'static str, why: &str) {
        eprintln!("{scenario}: {server} FAILED: {why}");
        self.failures.push(Failure { scenario, server, why: why.to_owned() });
    }

    /// Returns what a figure was in the rounds.
    pub(crate) fn spread(&self, scenario: &str, server: &str, figure: &str) -> Option<Spread> {
        Spread::of(self.rounds(scenario, server, figure).into_values())
    }

    /// Returns what the ratios were that two servers have in the same rounds, of a figure.
    pub(crate) fn ratio(
        &self,
        scenario: &str,
        server: &str,
        to: &str,
        figure: &str,
    ) -> Option<Spread> {
        let divisors = self.rounds(scenario, to, figure);
        let ratios = self.rounds(scenario, server, figure).into_iter();
        Spread::of(ratios.filter_map(|(round, us)| Some(us / divisors.get(&round)?)))
    }

    /// Writes the record as JSON.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        write(path, &serde_json::to_string_pretty(self)?)
    }

    fn rounds(&self, scenario: &str, server: &str, figure: &str) -> BTreeMap<usize, f64> {
        let samples = self.samples.iter();
        let samples =
            samples.filter(|sample| (sample.scenario, sample.server) == (scenario, server));
        samples
            .filter_map(|sample| Some((sample.round, sample.figures.pointer(figure)?.as_f64()?)))
            .collect()
    }
}

/// Writes a file, and tells so.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Box<dyn Error>> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    eprintln!("written: {}", path.display());
    Ok(())
}

/// The figure that counts, as a pointer into the JSON.
pub(crate) const CPU: &str = "/server_cpu_us_per_message";
