//! What criterion has measured.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::rounds::ROUND;
use crate::spread::Spread;

/// Holds all rows, in the order in which they were measured.
#[derive(Debug)]
pub(crate) struct Figures {
    rows: Vec<Row>,
}

/// Holds what each contender needs for one piece of work.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) group: String,
    pub(crate) case: String,
    /// Nanoseconds by name and round.
    contenders: BTreeMap<String, BTreeMap<String, f64>>,
    measured: SystemTime,
}

impl Figures {
    /// Reads the figures of all rounds that are in `directory`.
    ///
    /// # Errors
    ///
    /// There are none, or they are not criterion's.
    pub(crate) fn read(directory: &Path) -> Result<Self, Box<dyn Error>> {
        let mut rows: Vec<Row> = Vec::new();
        for round in rounds_in(directory)? {
            let id: Id = parse(&round.join("benchmark.json"))?;
            let estimates: Estimates = parse(&round.join("estimates.json"))?;
            let measured = fs::metadata(round.join("benchmark.json"))?.modified()?;
            let is_row = |row: &&mut Row| row.group == id.group && row.case == id.case;
            let row = match rows.iter_mut().find(is_row) {
                Some(row) => row,
                None => {
                    let Id { group, case, .. } = id;
                    rows.push(Row { group, case, contenders: BTreeMap::new(), measured });
                    rows.last_mut().ok_or("just pushed")?
                }
            };
            row.measured = row.measured.min(measured);
            let name = round.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let rounds = row.contenders.entry(id.contender).or_default();
            rounds.insert(name, estimates.median.point_estimate);
        }
        if rows.is_empty() {
            return Err(format!("no figures in {}; use `run`", directory.display()).into());
        }
        rows.sort_by_key(|row| row.measured);
        Ok(Self { rows })
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Returns in how many rounds everything was measured.
    pub(crate) fn rounds(&self) -> usize {
        let rounds = self.rows.iter().flat_map(|row| row.contenders.values().map(BTreeMap::len));
        rounds.min().unwrap_or_default()
    }
}

impl Row {
    /// Returns the names of all contenders.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.contenders.keys().map(String::as_str)
    }

    /// Returns the nanoseconds of a contender.
    pub(crate) fn time(&self, name: &str) -> Option<Spread> {
        Spread::of(self.contenders.get(name)?.values().copied())
    }

    /// Returns how many times as long as `other` a contender takes, in the same rounds.
    pub(crate) fn ratio(&self, name: &str, other: &str) -> Option<Spread> {
        let (times, others) = (self.contenders.get(name)?, self.contenders.get(other)?);
        let of = |(round, time): (&String, &f64)| Some(time / others.get(round)?);
        Spread::of(times.iter().filter_map(of))
    }

    /// Returns the name of the contender among `names` that takes least.
    pub(crate) fn fastest<'n>(&self, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
        let timed = names.filter_map(|name| Some((name, self.time(name)?.median)));
        timed.min_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(name, _)| name)
    }
}

/// As criterion writes it.
#[derive(Deserialize)]
struct Id {
    #[serde(rename = "group_id")]
    group: String,
    #[serde(rename = "function_id")]
    contender: String,
    #[serde(rename = "value_str")]
    case: String,
}

#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
}

/// Finds `group/contender/case/round`.
fn rounds_in(directory: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut found = vec![directory.to_owned()];
    for _ in 0..4 {
        let mut inside = Vec::new();
        for directory in found {
            let entries = fs::read_dir(&directory);
            for entry in entries.map_err(|error| format!("{}: {error}", directory.display()))? {
                let path = entry?.path();
                if path.is_dir() {
                    inside.push(path);
                }
            }
        }
        found = inside;
    }
    let is_round = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(ROUND))
    };
    found.retain(is_round);
    Ok(found)
}

fn parse<T: DeserializeOwned>(file: &Path) -> Result<T, Box<dyn Error>> {
    let in_file = |error: &dyn Error| format!("{}: {error}", file.display());
    let reader = File::open(file).map_err(|error| in_file(&error))?;
    Ok(serde_json::from_reader(reader).map_err(|error| in_file(&error))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_taken_within_each_round() {
        let times = |times: [f64; 3]| {
            ["1", "2", "3"].map(str::to_owned).into_iter().zip(times).collect::<BTreeMap<_, _>>()
        };
        let contenders = [("a", [10.0, 20.0, 60.0]), ("b", [5.0, 10.0, 20.0])];
        let contenders = contenders.map(|(name, all)| (name.to_owned(), times(all))).into();
        let (group, case) = (String::new(), String::new());
        let row = Row { group, case, contenders, measured: SystemTime::UNIX_EPOCH };
        assert_eq!(row.ratio("a", "b"), Some(Spread { low: 2.0, median: 2.0, high: 2.5 }));
        assert_eq!(row.fastest(["a", "b", "c"].into_iter()), Some("b"));
    }
}
