//! Numbers with names, and their file.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// All that was measured, in the order in which it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures(Vec<(Name, u64)>);

/// The place of a figure in the tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) section: String,
    pub(crate) row: String,
    pub(crate) column: String,
}

impl Figures {
    pub(crate) fn push(&mut self, section: &str, row: &str, column: &str, figure: u64) {
        let name = Name { section: section.into(), row: row.into(), column: column.into() };
        self.0.push((name, figure));
    }

    pub(crate) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    pub(crate) fn get(&self, name: &Name) -> Option<u64> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, figure)| *figure)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Name, u64)> {
        self.0.iter().map(|(name, figure)| (name, *figure))
    }

    /// Returns the names of the sections.
    pub(crate) fn sections(&self) -> Vec<&str> {
        unique(self.0.iter().map(|(name, _)| name.section.as_str()))
    }

    /// Returns the names of the rows of a section.
    pub(crate) fn rows(&self, section: &str) -> Vec<&str> {
        unique(self.section(section).map(|(name, _)| name.row.as_str()))
    }

    /// Returns the columns of a section that have a figure in one of its rows.
    pub(crate) fn columns(&self, section: &str) -> Vec<&str> {
        unique(self.section(section).map(|(name, _)| name.column.as_str()))
    }

    /// Returns the columns and figures of a row.
    pub(crate) fn row(&self, section: &str, row: &str) -> impl Iterator<Item = (&str, u64)> {
        self.section(section)
            .filter(move |(name, _)| name.row == row)
            .map(|(name, figure)| (name.column.as_str(), figure))
    }

    fn section(&self, section: &str) -> impl Iterator<Item = (&Name, u64)> {
        self.iter().filter(move |(name, _)| name.section == section)
    }

    pub(crate) fn load(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file).with_context(|| {
            format!("{} cannot be read; `run --accept` writes it", file.display())
        })?;
        Self::parse(&text).with_context(|| format!("in {}", file.display()))
    }

    pub(crate) fn save(&self, file: &Path, heading: &str) -> Result<()> {
        fs::write(file, self.to_toml(heading))
            .with_context(|| format!("{} cannot be written", file.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let mut figures = Self::default();
        let sections: toml::Table = toml::from_str(text)?;
        for (section, rows) in &sections {
            for (row, columns) in rows.as_table().context("a section is no table")? {
                for (column, figure) in columns.as_table().context("a row is no table")? {
                    let figure = figure.as_integer().and_then(|n| n.try_into().ok());
                    figures.push(section, row, column, figure.context("no number of bytes")?);
                }
            }
        }
        Ok(figures)
    }

    fn to_toml(&self, heading: &str) -> String {
        let mut text = String::from(heading);
        for section in self.sections() {
            let _ = writeln!(text, "\n[{section:?}]");
            for row in self.rows(section) {
                let columns: Vec<_> =
                    self.row(section, row).map(|(column, n)| format!("{column:?} = {n}")).collect();
                let _ = writeln!(text, "{row:?} = {{ {} }}", columns.join(", "));
            }
        }
        text
    }
}

/// Leaves out what has come before.
fn unique<'n>(names: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let mut found = Vec::new();
    for name in names {
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let mut figures = Figures::default();
        figures.push("flash", "server", "wirelet", 1);
        figures.push("flash", "server", "peer", 2);
        figures.push("sizes", "WebSocket<'_, (), Server>", "wirelet", 3);
        let read = Figures::parse(&figures.to_toml("# heading\n")).unwrap();
        assert_eq!(read.iter().count(), 3);
        for (name, figure) in figures.iter() {
            assert_eq!(read.get(name), Some(figure));
        }
    }
}
