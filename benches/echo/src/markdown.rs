//! The measurements as tables.

use std::cmp::Ordering;
use std::fmt::Write as _;

use crate::contestant::{Contestant, Kind, ONE_PUBLISHER, OURS, RAW, all, echoing};
use crate::memory::{AFTER_1K, AFTER_1M, AFTER_64K, IDLE};
use crate::record::{CPU, Failure, Record};
use crate::scenario::{Scenario, Work};
use crate::spread::Spread;

/// A figure of `wirelet bench`.
struct Measure {
    title: &'static str,
    /// As a pointer into its JSON.
    figure: &'static str,
    /// By what it is multiplied to be read.
    scale: f64,
    /// Less is better, and it is shown relative to another one.
    is_cost: bool,
}

/// Makes the page that has all of it.
pub(crate) fn page(record: &Record, scenarios: &[Scenario]) -> String {
    format!("{HEAD}{}", tables(record, scenarios))
}

/// Makes the tables of the scenarios that were run.
pub(crate) fn tables(record: &Record, scenarios: &[Scenario]) -> String {
    let rounds = record.samples.iter().map(|sample| sample.round + 1).max().unwrap_or(1);
    let mut text = format!("{}, {}; rounds: {rounds}\n", record.date, record.machine);
    for Failure { scenario, server, why } in &record.failures {
        put(&mut text, format_args!("\n**{scenario}: {server} has failed: {why}**\n"));
    }
    let mut put_all = |is_wanted: fn(&Work) -> bool, floor: &str, measures: &[Measure]| {
        let wanted: Vec<_> =
            scenarios.iter().filter(|scenario| is_wanted(&scenario.work)).collect();
        let Some(first) = wanted.first() else { return };
        let names: Vec<_> = wanted.iter().map(|scenario| scenario.name).collect();
        let contestants = all(first.work);
        for measure in measures {
            load_tables(&mut text, record, &names, &contestants, measure, floor);
        }
    };
    put_all(|work| matches!(work, Work::Echo { .. }), RAW, &[CPU_PER_MESSAGE, MESSAGES]);
    put_all(|work| matches!(work, Work::TlsEcho { .. }), RAW, &[CPU_PER_MESSAGE, MESSAGES]);
    put_all(|work| matches!(work, Work::Reconnect { .. }), RAW, &[CPU_PER_CONNECTION, CONNECTIONS]);
    let fan_out = &[CPU_PER_MESSAGE, TIME_TO_ALL, MESSAGES];
    put_all(|work| matches!(work, Work::Broadcast { .. }), RAW, fan_out);
    put_all(|work| matches!(work, Work::Publish { .. }), ONE_PUBLISHER, fan_out);
    put_all(|work| matches!(work, Work::Idle { .. }), RAW, &[IDLE_CPU]);
    if !record.memory.is_empty() {
        memory_table(&mut text, record);
    }
    text
}

/// Shows a figure, and what it is relative to that of `floor`.
fn load_tables(
    text: &mut String,
    record: &Record,
    scenarios: &[&str],
    contestants: &[Contestant],
    measure: &Measure,
    floor: &str,
) {
    let Measure { title, figure: of, scale, is_cost } = measure;
    let head = |text: &mut String, title: &str| {
        put(text, format_args!("\n**{title}**\n\n| |{} |\n", row(scenarios, |s| format!(" {s}"))));
        put(text, format_args!("|---|{}\n", "--:|".repeat(scenarios.len())));
    };
    head(text, &format!("{title}; median"));
    for Contestant { name, .. } in contestants {
        let cell = |scenario: &str| match record.spread(scenario, name, of) {
            Some(spread) => format!(" {}", spread.scaled(*scale).shown()),
            None => " –".into(),
        };
        put(text, format_args!("| {} |{} |\n", label(record, name), row(scenarios, cell)));
    }
    if !is_cost {
        notes(text, contestants);
        return;
    }
    let (what, _) = title.split_once(',').unwrap_or((title, ""));
    head(text, &format!("{what}, relative to {floor} in the same round; median (quartiles)"));
    let ratio = |scenario: &str, name: &str| record.ratio(scenario, name, floor, of);
    let has_peers = contestants.iter().any(|contestant| contestant.kind == Kind::Peer);
    for Contestant { name, kind, .. } in contestants {
        let cell = |scenario: &str| {
            let Some(spread) = ratio(scenario, name) else { return " –".into() };
            let others = contestants.iter().filter(|other| other.kind != Kind::Floor);
            let spreads = others.filter_map(|other| ratio(scenario, other.name));
            let is_least = least(spreads).is_some_and(|least| spread.overlaps(&least));
            let mark = if has_peers && *kind != Kind::Floor && is_least { "**" } else { "" };
            format!(" {mark}{}{mark} ({})", spread.shown(), spread.quartiles())
        };
        put(text, format_args!("| {} |{} |\n", label(record, name), row(scenarios, cell)));
    }
    let best = |scenario: &str| best_peer(record, scenario, contestants, of);
    if has_peers {
        let cell =
            |scenario: &str| best(scenario).map_or_else(|| " –".into(), |best| format!(" {best}"));
        put(text, format_args!("| peer of the least median |{} |\n", row(scenarios, cell)));
        let cell = |s: &str| match best(s).and_then(|best| record.ratio(s, OURS, best, of)) {
            Some(spread) => format!(" {} ({})", spread.shown(), spread.quartiles()),
            None => " –".into(),
        };
        put(text, format_args!("| wirelet, relative to it |{} |\n", row(scenarios, cell)));
        put(text, format_args!("\n{BOLD}\n"));
    }
    notes(text, contestants);
}

/// Tells under a table what its reader has to know of those in it.
fn notes(text: &mut String, contestants: &[Contestant]) {
    let mut notes: Vec<_> = contestants.iter().filter_map(Contestant::note).collect();
    notes.dedup();
    if !notes.is_empty() {
        put(text, format_args!("\n{}\n", notes.join(" ")));
    }
}

fn memory_table(text: &mut String, record: &Record) {
    let columns = [IDLE, AFTER_1K, AFTER_64K, AFTER_1M];
    let connections = record.memory.iter().map(|sample| sample.connections).max().unwrap_or(0);
    put(
        text,
        format_args!(
            "\n**memory of the process, bytes per connection: RSS (PSS), {connections} connections; measured once**\n\n"
        ),
    );
    put(text, format_args!("| |{} |\n", row(&columns, |column| format!(" {column}"))));
    put(text, format_args!("|---|{}\n", "--:|".repeat(columns.len())));
    let contestants = echoing();
    for Contestant { name, .. } in &contestants {
        let cell = |column: &str| {
            let mut samples = record.memory.iter();
            let sample = samples.find(|s| (s.server, s.after) == (*name, column));
            let shown = |bytes| {
                let spread = Spread::of([bytes].into_iter());
                spread.map_or_else(String::new, |spread| grouped(&spread.shown()))
            };
            sample.map_or_else(
                || " –".into(),
                |sample| format!(" {} ({})", shown(sample.rss), shown(sample.pss)),
            )
        };
        put(text, format_args!("| {} |{} |\n", label(record, name), row(&columns, cell)));
    }
    notes(text, &contestants);
}

/// Puts a comma before every three digits of a number without decimals.
fn grouped(number: &str) -> String {
    let digits = number.trim_start_matches('-');
    if digits.contains('.') {
        return number.to_owned();
    }
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    let sign = &number[..number.len() - digits.len()];
    format!("{sign}{}", groups.collect::<Vec<_>>().join(","))
}

/// Finds the one of the least median.
fn least(spreads: impl Iterator<Item = Spread>) -> Option<Spread> {
    spreads.min_by(by_median)
}

fn by_median(a: &Spread, b: &Spread) -> Ordering {
    a.median.total_cmp(&b.median)
}

/// Finds the peer that takes the least time.
fn best_peer(
    record: &Record,
    scenario: &str,
    contestants: &[Contestant],
    figure: &str,
) -> Option<&'static str> {
    let peers = contestants.iter().filter(|contestant| contestant.kind == Kind::Peer);
    let ratios =
        peers.filter_map(|peer| Some((record.ratio(scenario, peer.name, RAW, figure)?, peer.name)));
    ratios.min_by(|(a, _), (b, _)| by_median(a, b)).map(|(_, name)| name)
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

fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = text.write_fmt(what);
}

const HEAD: &str = "\
# Echo servers side by side

Written by `benches/echo/run`; [how, and what is compared](README.md).

";

const BOLD: &str = "Bold: the least median, and each whose quartiles overlap with those of the least. Two digits \
where the quartiles are more than two of the third apart.";

const CPU_PER_MESSAGE: Measure =
    Measure { title: "server CPU, µs per message", figure: CPU, scale: 1.0, is_cost: true };
const CPU_PER_CONNECTION: Measure = Measure {
    title: "server CPU, µs per connection of 10 messages",
    figure: "/server_cpu_us_per_connection",
    scale: 1.0,
    is_cost: true,
};
const TIME_TO_ALL: Measure = Measure {
    title: "time from the send to the last receipt, ms",
    figure: "/to_all_us/p50",
    scale: 1e-3,
    is_cost: true,
};
const MESSAGES: Measure = Measure {
    title: "thousand messages a second",
    figure: "/messages_per_second",
    scale: 1e-3,
    is_cost: false,
};
const CONNECTIONS: Measure = Measure {
    title: "thousand connections a second",
    figure: "/connections_per_second",
    scale: 1e-3,
    is_cost: false,
};
const IDLE_CPU: Measure = Measure {
    title: "server CPU while nothing is sent, % of a core",
    figure: "/server_cpu_share",
    scale: 100.0,
    is_cost: false,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_have_commas() {
        let numbers = ["0", "82.3", "475", "-1540", "1050000"].map(grouped);
        assert_eq!(numbers, ["0", "82.3", "475", "-1,540", "1,050,000"]);
    }
}
