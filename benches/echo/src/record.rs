//! All that was measured.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::process::Command;

use serde::Serialize;
use serde_json::Value;

use crate::contestant::{all, here};
use crate::scenario::{ALL, Scenario};

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
    scenario: &'static str,
    server: &'static str,
    why: String,
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

    /// Returns the median of a figure over the rounds.
    pub(crate) fn median(&self, scenario: &str, server: &str, figure: &str) -> Option<f64> {
        median(self.rounds(scenario, server, figure).into_values())
    }

    /// Returns the median of the ratios that two servers have in the same rounds, of a figure.
    pub(crate) fn ratio(
        &self,
        scenario: &str,
        server: &str,
        to: &str,
        figure: &str,
    ) -> Option<f64> {
        let divisors = self.rounds(scenario, to, figure);
        let ratios = self.rounds(scenario, server, figure).into_iter();
        median(ratios.filter_map(|(round, us)| Some(us / divisors.get(&round)?)))
    }

    /// Writes the record as JSON, and the plot beside it; returns where.
    pub(crate) fn write(&self, plot: &str) -> Result<(), Box<dyn Error>> {
        let target = here().join("target");
        for (name, text) in
            [("echo.json", &*serde_json::to_string_pretty(self)?), ("echo.svg", plot)]
        {
            let path = target.join(name);
            fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
            eprintln!("written: {}", path.display());
        }
        Ok(())
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

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    let (low, high) =
        (values.get(values.len().checked_sub(1)? / 2)?, values.get(values.len() / 2)?);
    Some(f64::midpoint(*low, *high))
}

/// The figure that counts, as a pointer into the JSON.
pub(crate) const CPU: &str = "/server_cpu_us_per_message";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let median = |values: &[f64]| median(values.iter().copied());
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0]), Some(5.0));
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
    }
}
