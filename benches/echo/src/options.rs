//! The command line.

use std::error::Error;
use std::time::Duration;

use crate::scenario::{ALL, QUICK, Scenario};

/// What to run, and how long.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) scenarios: Vec<Scenario>,
    /// All, at full length: what is published.
    pub(crate) is_whole: bool,
    pub(crate) rounds: usize,
    /// For which a server is measured in each round of a scenario. Short and often, as the machine gets
    /// faster and slower within seconds.
    pub(crate) seconds: f64,
    /// How long to wait before memory is looked at, for the server to give back what it keeps for a while.
    pub(crate) settle: Duration,
}

impl Options {
    pub(crate) fn parse(args: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let (mut quick, mut names) = (false, Vec::new());
        for arg in args {
            match &*arg {
                "--quick" => quick = true,
                _ => names.push(arg),
            }
        }
        let all = if quick { &QUICK[..] } else { &ALL };
        if let Some(unknown) = names.iter().find(|name| all.iter().all(|s| s.name != **name)) {
            let known: Vec<_> = all.iter().map(|scenario| scenario.name).collect();
            let known = known.join(", ");
            return Err(format!(
                "{unknown} is no scenario; usage: run [--quick] [SCENARIO]..., of {known}"
            )
            .into());
        }
        let is_chosen = |scenario: &&Scenario| {
            names.is_empty() || names.iter().any(|name| name == scenario.name)
        };
        Ok(Self {
            is_whole: !quick && names.is_empty(),
            scenarios: all.iter().filter(is_chosen).copied().collect(),
            rounds: if quick { 1 } else { 11 },
            seconds: 0.2,
            settle: Duration::from_millis(if quick { 100 } else { 2000 }),
        })
    }
}
