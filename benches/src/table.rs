//! Tables in Markdown.

use std::fmt::Write;

use crate::figures::{Figures, Row};

/// What bounds the others.
const LIMITS: [&str; 2] = ["limit", "memcpy"];

/// wirelet doing all of the work.
const OURS: [&str; 2] = ["wirelet", "wirelet-start"];

/// Compares wirelet with the limit and with the fastest peer.
pub(crate) fn summary(figures: &Figures) -> String {
    let mut out = String::new();
    let mut group = "";
    for row in figures.rows() {
        if row.group != group {
            group = &row.group;
            let _ = writeln!(
                out,
                "\n| {group} | wirelet | / limit | / best peer | best peer | limit |\n|---|---|---|---|---|---|",
            );
        }
        let Some(ours) = row.fastest(OURS.into_iter()) else { continue };
        let limit = row.fastest(LIMITS.into_iter());
        let peer = best_peer(row);
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            row.case,
            time(row.time(ours)),
            ratio(limit.and_then(|limit| row.ratio(ours, limit))),
            ratio(peer.and_then(|peer| row.ratio(ours, peer))),
            peer.map_or_else(|| "–".to_owned(), |peer| format!("{} {peer}", time(row.time(peer)))),
            time(limit.and_then(|limit| row.time(limit))),
        );
    }
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
        for row in group {
            let times: Vec<String> = names.iter().map(|name| time(row.time(name))).collect();
            let _ = writeln!(out, "| {} | {} |", row.case, times.join(" | "));
        }
    }
    out
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

/// Shows nanoseconds with three digits.
fn time(nanoseconds: Option<f64>) -> String {
    match nanoseconds {
        None => "–".to_owned(),
        Some(ns) if ns < 10.0 => format!("{ns:.2}"),
        Some(ns) if ns < 100.0 => format!("{ns:.1}"),
        Some(ns) if ns < 10_000.0 => format!("{ns:.0}"),
        Some(ns) => format!("{:.0}k", ns / 1000.0),
    }
}

fn ratio(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_or_little_more() {
        let times = [2.345, 23.45, 234.5, 2345.0, 23_450.0, 234_500.0];
        let shown = times.map(|ns| time(Some(ns)));
        assert_eq!(shown, ["2.35", "23.4", "234", "2345", "23k", "234k"]);
    }
}
