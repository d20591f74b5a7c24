//! The log, which goes to the standard error.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};

use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser as _;
use clap::{Args, ValueEnum};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// What is logged, and how.
#[derive(Args, Debug)]
pub(crate) struct LogArgs {
    /// What to log: this and what is worse
    #[arg(long, value_name = "LEVEL", default_value = "warn", value_parser = levels())]
    log_level: LevelFilter,
    /// Log each connection's life and each frame header; the same as --log-level trace
    #[arg(long, conflicts_with = "log_level")]
    debug: bool,
    /// How a line of the log looks
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Human)]
    log_format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people, in colours on a terminal
    Human,
    /// A JSON object a line, for programs
    Json,
}

impl LogArgs {
    pub(crate) fn start(&self) {
        start(if self.debug { LevelFilter::TRACE } else { self.log_level }, self.log_format);
    }
}

/// Starts the log of a command that has no other options for it.
pub(crate) fn start_log(debug: bool) {
    start(if debug { LevelFilter::TRACE } else { LevelFilter::WARN }, Format::Human);
}

fn start(level: LevelFilter, format: Format) {
    // What a certificate check finds is told by who asked for it.
    let targets = Targets::new()
        .with_default(level)
        .with_target("rustls_platform_verifier", LevelFilter::OFF);
    let is_coloured = matches!(format, Format::Human) && io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(is_coloured)
        // It would be printed to the same standard error, by what panics.
        .log_internal_errors(false)
        .with_writer(move || OneLine { format, is_coloured });
    let lines = match format {
        Format::Human => lines.boxed(),
        Format::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(lines).with(targets).init();
}

/// Writes each event as one line, and nothing that commands a terminal, whatever a peer has put into it.
struct OneLine {
    format: Format,
    is_coloured: bool,
}

impl io::Write for OneLine {
    /// Takes an event, which comes whole.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let line = one_line(&String::from_utf8_lossy(event), self.format, self.is_coloured);
        // If nobody reads it any more, there is nobody to be told of that either.
        let _ = io::Write::write_all(&mut io::stderr(), line.as_bytes());
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Shows control characters as their numbers, but tabs and the line's own end and colours.
fn one_line(event: &str, format: Format, is_coloured: bool) -> String {
    let event = event.strip_suffix('\n').unwrap_or(event);
    let mut line = String::with_capacity(event.len() + 1);
    for (at, char) in event.char_indices() {
        let breaks = char.is_control() || matches!(char, '\u{2028}' | '\u{2029}');
        if !breaks || char == '\t' || is_coloured && is_colour(&event[at..]) {
            line.push(char);
            continue;
        }
        match format {
            Format::Human => line.extend(char.escape_default()),
            // All of these have four digits.
            Format::Json => drop(write!(line, "\\u{:04x}", u32::from(char))),
        }
    }
    line.push('\n');
    line
}

/// Tells whether a text begins with what sets a colour (ECMA-48, select graphic rendition).
fn is_colour(text: &str) -> bool {
    let Some(parameters) = text.strip_prefix("\x1b[") else { return false };
    parameters
        .trim_start_matches(|char: char| char.is_ascii_digit() || char == ';')
        .starts_with('m')
}

fn levels() -> impl clap::builder::TypedValueParser<Value = LevelFilter> {
    PossibleValuesParser::new(["off", "error", "warn", "info", "debug", "trace"])
        .try_map(|level| level.parse::<LevelFilter>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_that_commands_nothing() {
        let evil = "bye)\nERROR forged\r\x1b[2J\x1b]0;title\x07\u{9b}2J\x7f\u{2028}\tä\n";
        let human =
            "bye)\\nERROR forged\\r\\u{1b}[2J\\u{1b}]0;title\\u{7}\\u{9b}2J\\u{7f}\\u{2028}\tä\n";
        assert_eq!(one_line(evil, Format::Human, false), human);
        assert_eq!(one_line(evil, Format::Human, true), human);
        // As inside of a string, which is the only place for them.
        assert_eq!(
            one_line("\"a\u{9b}\u{7f}\u{2028}\"\n", Format::Json, false),
            "\"a\\u009b\\u007f\\u2028\"\n"
        );
    }

    #[test]
    fn the_log_has_its_own_colours() {
        let coloured = "\x1b[2m12:00\x1b[0m \x1b[1;31mERROR\x1b[0m bad\n";
        assert_eq!(one_line(coloured, Format::Human, true), coloured);
        assert!(!one_line(coloured, Format::Human, false).contains('\x1b'));
    }
}
