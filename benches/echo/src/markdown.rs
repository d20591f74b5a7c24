//! The measurements as tables.

use std::fmt::Write as _;

use crate::contestant::{Contestant, Kind, broadcasting, echoing};
use crate::memory::{AFTER_1K, AFTER_1M, AFTER_64K, IDLE};
use crate::record::{CPU, Record};
use crate::scenario::{Scenario, Work};

/// Makes the tables of the scenarios that were run.
pub(crate) fn tables(record: &Record, scenarios: &[Scenario]) -> String {
    let named = |is_wanted: fn(&Work) -> bool| -> Vec<&'static str> {
        let wanted = scenarios.iter().filter(|scenario| is_wanted(&scenario.work));
        wanted.map(|scenario| scenario.name).collect()
    };
    let mut text = format!("{}, {}\n", record.date, record.machine);
    let echo = named(|work| matches!(work, Work::Echo { .. }));
    if !echo.is_empty() {
        load_tables(&mut text, record, &echo, &echoing());
    }
    let broadcast = named(|work| matches!(work, Work::Broadcast { .. }));
    if !broadcast.is_empty() {
        // The size is not shown.
        load_tables(&mut text, record, &broadcast, &broadcasting(0));
    }
    if !record.memory.is_empty() {
        memory_table(&mut text, record);
    }
    text
}

fn load_tables(text: &mut String, record: &Record, scenarios: &[&str], contestants: &[Contestant]) {
    let head = |text: &mut String, title: &str| {
        put(text, format_args!("\n**{title}**\n\n| |{} |\n", row(scenarios, |s| format!(" {s}"))));
        put(text, format_args!("|---|{}\n", "--:|".repeat(scenarios.len())));
    };
    head(text, "server CPU, µs per message");
    for Contestant { name, .. } in contestants {
        let cell = |scenario: &str| figure(record.median(scenario, name, CPU));
        put(text, format_args!("| {} |{} |\n", label(record, name), row(scenarios, cell)));
    }
    head(text, "server CPU, relative to raw TCP in the same round");
    for Contestant { name, .. } in contestants {
        let cell = |scenario: &str| figure(record.ratio(scenario, name, RAW));
        put(text, format_args!("| {name} |{} |\n", row(scenarios, cell)));
    }
    let best = |scenario: &str| best_peer(record, scenario, contestants);
    let cell =
        |scenario: &str| best(scenario).map_or_else(|| " –".into(), |best| format!(" {best}"));
    put(text, format_args!("| best peer |{} |\n", row(scenarios, cell)));
    let cell = |s: &str| figure(best(s).and_then(|best| record.ratio(s, OURS, best)));
    put(text, format_args!("| **wirelet to the best peer** |{} |\n", row(scenarios, cell)));
    head(text, "thousand messages a second");
    for Contestant { name, .. } in contestants {
        let thousands = |s: &str| Some(record.median(s, name, "messages_per_second")? / 1000.0);
        put(text, format_args!("| {name} |{} |\n", row(scenarios, |s| figure(thousands(s)))));
    }
}

fn memory_table(text: &mut String, record: &Record) {
    let columns = [IDLE, AFTER_1K, AFTER_64K, AFTER_1M];
    let connections = record.memory.iter().map(|sample| sample.connections).max().unwrap_or(0);
    put(
        text,
        format_args!(
            "\n**memory of the process, bytes per connection: RSS (PSS), {connections} connections**\n\n"
        ),
    );
    put(text, format_args!("| |{} |\n", row(&columns, |column| format!(" {column}"))));
    put(text, format_args!("|---|{}\n", "--:|".repeat(columns.len())));
    for Contestant { name, .. } in echoing() {
        let cell = |column: &str| {
            let mut samples = record.memory.iter();
            let sample = samples.find(|s| (s.server, s.after) == (name, column));
            sample.map_or_else(|| " –".into(), |s| format!(" {:.0} ({:.0})", s.rss, s.pss))
        };
        put(text, format_args!("| {} |{} |\n", label(record, name), row(&columns, cell)));
    }
}

/// Finds the peer that takes the least time.
fn best_peer(record: &Record, scenario: &str, contestants: &[Contestant]) -> Option<&'static str> {
    let peers = contestants.iter().filter(|contestant| contestant.kind == Kind::Peer);
    let ratios =
        peers.filter_map(|peer| Some((record.ratio(scenario, peer.name, RAW)?, peer.name)));
    ratios.min_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, name)| name)
}

/// Names a server with its version.
fn label(record: &Record, name: &str) -> String {
    let library = record.libraries.get(name).map_or("", String::as_str);
    match name.split_once(", ") {
        Some((_, how)) => format!("{library}, {how}"),
        None if library.is_empty() => name.to_owned(),
        None => library.to_owned(),
    }
}

/// Joins the cells of a row.
fn row(columns: &[&str], cell: impl Fn(&str) -> String) -> String {
    columns.iter().map(|column| cell(column)).collect::<Vec<_>>().join(" |")
}

/// Three digits that count.
fn figure(value: Option<f64>) -> String {
    match value {
        None => " –".into(),
        Some(value) if value < 10.0 => format!(" {value:.2}"),
        Some(value) if value < 100.0 => format!(" {value:.1}"),
        Some(value) => format!(" {value:.0}"),
    }
}

fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = text.write_fmt(what);
}

pub(crate) const RAW: &str = "raw TCP";
pub(crate) const OURS: &str = "wirelet";
