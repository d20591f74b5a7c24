//! The log, which goes to the standard error.

use std::io::{self, IsTerminal as _};

use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser as _;
use clap::{Args, ValueEnum};
use tracing::level_filters::LevelFilter;

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
        let level = if self.debug { LevelFilter::TRACE } else { self.log_level };
        let log = tracing_subscriber::fmt().with_max_level(level).with_writer(io::stderr);
        match self.log_format {
            Format::Human => log.with_ansi(io::stderr().is_terminal()).init(),
            Format::Json => log.json().flatten_event(true).init(),
        }
    }
}

fn levels() -> impl clap::builder::TypedValueParser<Value = LevelFilter> {
    PossibleValuesParser::new(["off", "error", "warn", "info", "debug", "trace"])
        .try_map(|level| level.parse::<LevelFilter>())
}
