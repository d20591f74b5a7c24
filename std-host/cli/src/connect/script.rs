//! What scripts ask of `wirelet connect`.

use std::path::PathBuf;

use clap::Args;

use crate::units::{Time, parse_positive_time, parse_time};

/// Options for pipes and recordings.
#[derive(Args, Debug)]
pub(super) struct ScriptArgs {
    /// Send the bytes of the input as they come, not as lines, and print messages without line ends
    #[arg(long, conflicts_with = "json")]
    pub(super) raw: bool,
    /// With --binary: send lines, and print each message with a line end, in a pipe as well
    #[arg(long, requires = "binary", conflicts_with = "raw")]
    pub(super) lines: bool,
    /// Behind the end of an input that is no terminal, go on receiving until nothing has come for so long, and only
    /// then close; 0 closes at once
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = parse_time)]
    pub(super) linger: Time,
    /// Ping a server of which nothing has come for so long, and give it up when nothing comes for as long again; with
    /// --reconnect it is 20s by default
    #[arg(long, value_name = "TIME", value_parser = parse_positive_time)]
    pub(super) keepalive: Option<Time>,
    /// Write all that is sent and received to this file, with its time: a JSON object a line
    #[arg(long, value_name = "FILE")]
    pub(super) record: Option<PathBuf>,
    /// Send what this recording says was sent, at its times, in place of the standard input; `-` is the standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["raw", "lines", "send_file", "text_file", "reconnect"])]
    pub(super) replay: Option<PathBuf>,
}
