//! Tables in Markdown.

use std::fmt::Write;

use crate::figures::{Figures, Row};
use crate::spread::Spread;

/// What bounds the others.
const LIMITS: [&str; 2] = ["limit", "memcpy"];

/// wirelet doing all of the work, in the ways that it has.
const OURS: [&str; 2] = ["wirelet", "wirelet-start"];

/// Compares wirelet with the limit and with the fastest peer.
pub(crate) fn summary(figures: &Figures) -> String {
    let mut out = String::new();
    let mut group = "";
    for row in figures.rows() {
        let limit = LIMITS.into_iter().find(|limit| row.time(limit).is_some());
        if row.group != group {
            group = &row.group;
            let limit = limit.unwrap_or("limit");
            let _ = writeln!(
                out,
                "\n| {group} | by | ns | / {limit} | / best peer | best peer | {limit} |\n|---|---|---|---|---|---|---|",
            );
        }
        let peer = best_peer(row);
        for ours in OURS.into_iter().filter(|ours| row.time(ours).is_some()) {
            let _ = writeln!(
                out,
                "| {} | {ours} | {} | {} | {} | {} | {} |",
                row.case,
                time(row.time(ours)),
                ratio(limit.and_then(|limit| row.ratio(ours, limit))),
                ratio(peer.and_then(|peer| row.ratio(ours, peer))),
                peer.map_or_else(
                    || "–".to_owned(),
                    |peer| format!("{} {peer}", time(row.time(peer)))
                ),
                time(limit.and_then(|limit| row.time(limit))),
            );
        }
    }
    out.push_str(SUMMARY_NOTE);
    out
}

/// Shows all contenders.
pub(crate) fn full(figures: &Figures) -> String {
    let mut out = String::new();
    for group in figures.rows().chunk_by(|row, next| row.group == next.group) {
        let mut names: Vec<&str> = group.iter().flat_map(Row::names).collect();
        names.sort_by_key(|name| (!is_limit(name), !is_ours(name), *name));
        names.dedup();
        let _ = writeln!(out, "\n| {} | {} |", group[0].group, names.join(" | "));
        let _ = writeln!(out, "|---|{}", "---|".repeat(names.len()));
        if group[0].group.starts_with("receive") {
            let checkers: Vec<_> = names.iter().map(|name| text_checker(name)).collect();
            let _ = writeln!(out, "| *text is checked by* | {} |", checkers.join(" | "));
        }
        for row in group {
            let least = row.fastest(row.names().filter(|name| !is_limit(name)));
            let least = least.and_then(|name| row.time(name));
            let times = names.iter().map(|name| {
                let spread = row.time(name);
                let is_least =
                    spread.zip(least).is_some_and(|(spread, least)| spread.overlaps(&least));
                let mark = if is_least && !is_limit(name) { "**" } else { "" };
                format!("{mark}{}{mark}", time(spread))
            });
            let _ = writeln!(out, "| {} | {} |", row.case, times.collect::<Vec<_>>().join(" | "));
        }
    }
    out.push_str(FULL_NOTE);
    out
}

/// Says what checks that text is UTF-8.
fn text_checker(name: &str) -> &'static str {
    match name {
        "embedded-websocket" | "soketto" | "web-socket" => "the caller, by std",
        "tungstenite" | "websocketz" | "ws-framer" => "std",
        "fastwebsockets" => "simdutf8; fragments by utf-8",
        "wirelet" | "wirelet-chunks" | "wirelet-driver" => "simdutf8 from 64 B, std below",
        "limit" | "sockudo-ws" | "tokio-websockets" | "wtx" | "yawc" => "simdutf8",
        _ => "–",
    }
}

/// Finds the fastest that is not ours.
pub(crate) fn best_peer(row: &Row) -> Option<&str> {
    row.fastest(row.names().filter(|name| is_peer(name)))
}

pub(crate) fn is_peer(name: &str) -> bool {
    !is_limit(name) && !is_ours(name)
}

fn is_limit(name: &str) -> bool {
    LIMITS.contains(&name)
}

fn is_ours(name: &str) -> bool {
    name.starts_with("wirelet")
}

/// Shows nanoseconds.
fn time(nanoseconds: Option<Spread>) -> String {
    match nanoseconds {
        None => "–".to_owned(),
        Some(ns) if ns.median < 10_000.0 => ns.shown(),
        Some(ns) => format!("{}k", ns.scaled(1e-3).shown()),
    }
}

fn ratio(ratio: Option<Spread>) -> String {
    ratio.map_or_else(
        || "–".to_owned(),
        |ratio| format!("{} ({})", ratio.shown(), ratio.quartiles()),
    )
}

const SUMMARY_NOTE: &str = "
Ratios are medians of those within a round, with their quartiles. Two digits stand where the quartiles are more than
two of the third apart.
";

const FULL_NOTE: &str = "
Bold: the least median, and each whose quartiles overlap with those of the least; the limit and memcpy aside.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_if_the_rounds_agree() {
        let steady = |ns: f64| time(Spread::of([ns].into_iter()));
        let shown = [2.346, 23.46, 234.6, 2346.0, 23_460.0, 234_600.0].map(steady);
        assert_eq!(shown, ["2.35", "23.5", "235", "2350", "23.5k", "235k"]);
        let unsteady = Spread { low: 21.0, median: 23.4, high: 26.0 };
        assert_eq!(time(Some(unsteady)), "23");
    }

    #[test]
    fn of_every_contender_that_receives_text_is_said_what_checks_it() {
        // Those of `websocket/receive.rs`.
        let contenders = include_str!("../websocket/receive.rs").lines();
        let names: Vec<_> =
            contenders.filter_map(|line| line.split("&mut group, \"").nth(1)).collect();
        assert_eq!(names.len(), 15);
        for name in names.iter().filter_map(|rest| rest.split('"').next()) {
            assert_ne!(text_checker(name), "–", "{name}");
        }
    }
}
