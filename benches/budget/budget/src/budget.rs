//! What may not grow.

use crate::figures::{Figures, Name};
use crate::programs::is_wirelet;

/// Returns a line for each figure of wirelet that has grown too much since it was accepted, is new, or is gone.
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

/// Returns a line for each figure of wirelet that has grown too much since the last release, whatever was accepted
/// in between, beyond what `grown` lets it; and for each that `grown` lets, and need not.
pub(crate) fn compare_release(
    released: &Figures,
    grown: &Figures,
    measured: &Figures,
) -> Vec<String> {
    let mut complaints = Vec::new();
    for (name, now) in ours(measured) {
        let Some(before) = released.get(name) else { continue };
        match grown.get(name) {
            None if has_grown(before, now) => complaints.push(format!(
                "{}: {now} is more than {TOLERANCE_PERCENT} % above the {before} of the last release; if it must be, \
                 grown.toml says so, and why",
                show(name)
            )),
            Some(most) if now > most => complaints.push(format!(
                "{}: {now} is above the {most} of grown.toml; {before} in the last release",
                show(name)
            )),
            Some(_) if !has_grown(before, now) => complaints
                .push(format!("{}: {now} has no need of grown.toml; {before} released", show(name))),
            None | Some(_) => {}
        }
    }
    for (name, _) in grown.iter().filter(|(name, _)| measured.get(name).is_none()) {
        complaints.push(format!("{}: is in grown.toml, and not measured", show(name)));
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
    fn steps_that_were_accepted_one_by_one_add_up() {
        let (released, none) = (figure("server", "wirelet", 1000), Figures::default());
        let (first, second) =
            (figure("server", "wirelet", 1015), figure("server", "wirelet", 1030));
        assert!(compare(&first, &second).is_empty());
        assert!(compare_release(&released, &none, &first).is_empty());
        assert_eq!(compare_release(&released, &none, &second).len(), 1);
    }

    #[test]
    fn growth_has_to_be_written_down_and_is_let_no_further() {
        let (released, grown) =
            (figure("server", "wirelet", 1000), figure("server", "wirelet", 1100));
        let complaints =
            |now| compare_release(&released, &grown, &figure("server", "wirelet", now)).len();
        assert_eq!([1020, 1021, 1100, 1101].map(complaints), [1, 0, 0, 1]);
        let gone = compare_release(&released, &grown, &figure("client", "wirelet", 1));
        assert_eq!(gone.len(), 1);
    }

    #[test]
    fn peers_may_grow() {
        assert!(compare(&figure("a", "peer", 1), &figure("a", "peer", 9)).is_empty());
    }
}
