//! What may not grow.

use crate::figures::{Figures, Name};
use crate::programs::is_wirelet;

/// Returns a line for each figure of wirelet that has grown too much, is new, or is gone.
pub(crate) fn compare(accepted: &Figures, measured: &Figures) -> Vec<String> {
    let mut complaints = Vec::new();
    for (name, now) in ours(measured) {
        match accepted.get(name) {
            None => complaints.push(format!("{}: {now} is new; `run --accept`", show(name))),
            Some(before) if has_grown(before, now) => complaints.push(format!(
                "{}: {now} is more than {TOLERANCE_PERCENT} % above the accepted {before}",
                show(name)
            )),
            Some(_) => {}
        }
    }
    for (name, before) in ours(accepted) {
        if measured.get(name).is_none() {
            complaints.push(format!("{}: was {before}, is gone; `run --accept`", show(name)));
        }
    }
    complaints
}

fn ours(figures: &Figures) -> impl Iterator<Item = (&Name, u64)> {
    figures.iter().filter(|(name, _)| is_wirelet(&name.column))
}

fn show(Name { section, row, column }: &Name) -> String {
    format!("{section}, {row}, {column}")
}

fn has_grown(before: u64, now: u64) -> bool {
    now * 100 > before * (100 + TOLERANCE_PERCENT)
}

const TOLERANCE_PERCENT: u64 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(row: &str, column: &str, figure: u64) -> Figures {
        let mut figures = Figures::default();
        figures.push("flash", row, column, figure);
        figures
    }

    #[test]
    fn two_percent_pass_and_more_does_not() {
        let accepted = figure("server", "wirelet", 1000);
        assert!(compare(&accepted, &figure("server", "wirelet", 1020)).is_empty());
        assert!(compare(&accepted, &figure("server", "wirelet", 900)).is_empty());
        assert_eq!(compare(&accepted, &figure("server", "wirelet", 1021)).len(), 1);
    }

    #[test]
    fn a_figure_that_appears_or_vanishes_must_be_accepted() {
        let complaints = compare(&figure("a", "wirelet", 1), &figure("b", "wirelet asynch", 1));
        assert_eq!(complaints.len(), 2);
    }

    #[test]
    fn peers_may_grow() {
        assert!(compare(&figure("a", "peer", 1), &figure("a", "peer", 9)).is_empty());
    }
}
