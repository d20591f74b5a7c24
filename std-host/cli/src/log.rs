//! The log, which goes to the standard error.

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
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let lines = match format {
        Format::Human => lines.with_ansi(io::stderr().is_terminal()).boxed(),
        Format::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(lines).with(targets).init();
}

fn levels() -> impl clap::builder::TypedValueParser<Value = LevelFilter> {
    PossibleValuesParser::new(["off", "error", "warn", "info", "debug", "trace"])
        .try_map(|level| level.parse::<LevelFilter>())
}
