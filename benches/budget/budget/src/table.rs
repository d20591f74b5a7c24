//! Figures as Markdown.

use std::fmt::Write as _;

use crate::figures::Figures;

/// Writes a table for each section, with the least of each row in bold.
pub(crate) fn markdown(figures: &Figures) -> String {
    let mut text = String::new();
    for section in figures.sections() {
        let columns = figures.columns(section);
        let _ = writeln!(text, "\n### {section}\n\n| | {} |", columns.join(" | "));
        let _ = writeln!(text, "|---|{}", "---:|".repeat(columns.len()));
        for row in figures.rows(section) {
            let least = figures.row(section, row).map(|(_, figure)| figure).min();
            let cells: Vec<_> = columns
                .iter()
                .map(|column| {
                    let found = figures.row(section, row).find(|(name, _)| name == column);
                    match found.map(|(_, figure)| figure) {
                        None => "–".to_owned(),
                        figure if figure == least && columns.len() > 1 => {
                            format!("**{}**", grouped(figure.unwrap_or_default()))
                        }
                        Some(figure) => grouped(figure),
                    }
                })
                .collect();
            let _ = writeln!(text, "| {row} | {} |", cells.join(" | "));
        }
    }
    text
}

/// Writes a number with a comma before every three digits.
fn grouped(figure: u64) -> String {
    let digits = figure.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (figure, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(figure), text);
        }
    }

    #[test]
    fn the_least_of_a_row_is_bold_and_a_gap_is_a_dash() {
        let mut figures = Figures::default();
        figures.push("flash", "server", "a", 8000);
        figures.push("flash", "server", "b", 9000);
        figures.push("flash", "client", "b", 1);
        let table = "\n### flash\n\n| | a | b |\n|---|---:|---:|\n\
            | server | **8,000** | 9,000 |\n| client | – | **1** |\n";
        assert_eq!(markdown(&figures), table);
    }
}
