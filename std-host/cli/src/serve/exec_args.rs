//! The program of `--mode exec`, as arguments.

use std::ffi::OsString;

use clap::{Args, ValueEnum};

use crate::units::{Time, parse_time};

/// With `--mode exec`: which program runs, and what it is given.
#[derive(Args, Debug)]
pub(super) struct ExecArgs {
    /// With --mode exec: send bytes of CMD's output as they come, and give it the bytes of messages, not
    /// lines
    #[arg(long)]
    pub(super) binary: bool,
    /// With --mode exec: what becomes of line breaks in a message, which is one line for CMD. One at its end is that of
    /// the line, unless it is escaped [default: replace]
    #[arg(long, value_enum, value_name = "HOW", conflicts_with = "binary")]
    pub(super) newline: Option<Newline>,
    /// With --mode exec: give CMD this variable of the server's environment, if it is set; may be repeated. Without
    /// it, it has HOME, LANG, LANGUAGE, LC_*, LOGNAME, PATH, SHELL, TMPDIR, TZ and USER
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    pub(super) pass_env: Vec<String>,
    /// With --mode exec: time in which CMD may end by itself once its input has ended, and again once it has got
    /// SIGTERM [default: 2s]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(super) exit_time: Option<Time>,
    /// With --mode exec: the program to run, and its arguments
    #[arg(last = true, value_name = "CMD", required_if_eq("mode", "exec"))]
    pub(super) command: Vec<OsString>,
}

/// What becomes of line breaks inside of a message: LF, CR LF and CR, at which readers of lines would take it for
/// several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Newline {
    /// A space, so that JSON stays what it was
    #[default]
    Replace,
    /// `\n` and `\r`, as two characters, and `\\` for `\`, so that CMD can undo it
    Escape,
    /// The connection is closed with 1008
    Refuse,
    /// They stay, and a message may be several lines
    Split,
}

impl ExecArgs {
    /// Says what is wrong with the options if there is no program to run.
    pub(super) fn check_without_program(&self) -> Result<(), &'static str> {
        match self {
            Self { command, .. } if !command.is_empty() => {
                Err("a program to run is only for --mode exec")
            }
            Self { binary: true, .. } => Err("--binary is only for --mode exec"),
            Self { newline: Some(_), .. } => Err("--newline is only for --mode exec"),
            Self { pass_env, .. } if !pass_env.is_empty() => {
                Err("--pass-env is only for --mode exec")
            }
            Self { exit_time: Some(_), .. } => Err("--exit-time is only for --mode exec"),
            _ => Ok(()),
        }
    }
}

fn parse_name(name: &str) -> Result<String, &'static str> {
    match name {
        "" => Err("a variable has a name"),
        _ if name.contains(['=', '\0']) => Err("it is the name alone, without = and a value"),
        _ => Ok(name.into()),
    }
}
