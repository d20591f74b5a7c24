//! The command line, and the file that adds to it.

use std::any::TypeId;
use std::ffi::OsString;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use clap::error::{Error, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory as _, Parser as _};
use toml::{Table, Value};

use super::Cli;
use super::deflate::{ALONE, OFF, Takeover};
use super::units::{Size, Time};

/// Parses what the program was called with; ends it with a message if that is wrong.
pub(crate) fn parse() -> Cli {
    try_parse(std::env::args_os().collect()).unwrap_or_else(|error| error.exit())
}

fn try_parse(arguments: Vec<OsString>) -> Result<Cli, Error> {
    let Some((file, more)) = from_file(&arguments)? else { return strict(arguments) };
    // What is wrong in the command line itself is told as if there were no file.
    strict(with(&arguments, more)).map_err(|error| match strict(arguments) {
        Err(own) if own.kind() == error.kind() && own.to_string() == error.to_string() => own,
        _ => in_file(&file, error.kind(), error.to_string().trim_start_matches("error: ")),
    })
}

fn strict(arguments: Vec<OsString>) -> Result<Cli, Error> {
    let cli = Cli::try_parse_from(arguments)?;
    cli.check().map_err(|why| Error::raw(ErrorKind::ArgumentConflict, format!("{why}\n")))?;
    Ok(cli)
}

/// Makes arguments of the file that `serve --config` names, except for options that are given on the
/// command line, or exclude one that is.
fn from_file(arguments: &[OsString]) -> Result<Option<(PathBuf, Settings)>, Error> {
    // What is still missing may be in the file.
    let found = Cli::command().ignore_errors(true).try_get_matches_from(arguments)?;
    let Some((SERVE, given)) = found.subcommand() else { return Ok(None) };
    let Some(file) = given.get_one::<PathBuf>(CONFIG) else { return Ok(None) };
    let text = std::fs::read_to_string(file)
        .map_err(|error| in_file(file, ErrorKind::Io, &format!("it cannot be read: {error}\n")))?;
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        in_file(file, ErrorKind::InvalidValue, &error.to_string())
    })?;
    let mut command = Cli::command();
    command.build();
    let Some(serve) = command.find_subcommand(SERVE) else { return Ok(None) };
    let mut settings = Settings::default();
    for (key, value) in &table {
        let Some(arg) = serve.get_arguments().find(|arg| key_of(arg) == Some(key)) else {
            let keys: Vec<&str> = serve.get_arguments().filter_map(key_of).collect();
            let why = format!("there is no key {key:?}; the keys are {}\n", keys.join(", "));
            return Err(in_file(file, ErrorKind::UnknownArgument, &why));
        };
        let values = values_of(arg, value)
            .map_err(|why| in_file(file, ErrorKind::InvalidValue, &format!("{key} {why}\n")))?;
        if !is_overruled(serve, arg, given) && !is_of_other_mode(arg, given) {
            settings.add(arg, values);
        }
    }
    Ok(Some((file.clone(), settings)))
}

/// What a file sets, as arguments.
#[derive(Default)]
struct Settings {
    options: Vec<OsString>,
    /// What stands behind `--`.
    last: Vec<OsString>,
}

impl Settings {
    fn add(&mut self, arg: &Arg, values: Vec<String>) {
        let Some(name) = arg.get_long() else {
            return self.last.extend(values.into_iter().map(Into::into));
        };
        self.options.extend(values.into_iter().map(|value| {
            let is_flag = matches!(arg.get_action(), ArgAction::SetTrue);
            if is_flag { format!("--{name}").into() } else { format!("--{name}={value}").into() }
        }));
    }
}

/// Puts settings between the subcommand and the other arguments.
fn with(arguments: &[OsString], settings: Settings) -> Vec<OsString> {
    let at = arguments.iter().position(|argument| argument == SERVE).map_or(0, |i| i + 1);
    let mut all = arguments[..at].to_vec();
    all.extend(settings.options);
    all.extend_from_slice(&arguments[at..]);
    if !settings.last.is_empty() {
        all.push("--".into());
        all.extend(settings.last);
    }
    all
}

/// The name of an option in the file.
fn key_of(arg: &Arg) -> Option<&str> {
    let name = arg.get_long().or(arg.is_positional().then(|| arg.get_id().as_str()))?;
    (name != CONFIG && name != "help").then_some(name)
}

fn is_overruled(serve: &Command, arg: &Arg, given: &ArgMatches) -> bool {
    let is_given =
        |other: &Arg| given.value_source(other.get_id().as_str()) == Some(ValueSource::CommandLine);
    let excludes = |one: &Arg, other: &Arg| {
        serve.get_arg_conflicts_with(one).iter().any(|found| found.get_id() == other.get_id())
    };
    is_given(arg)
        || serve
            .get_arguments()
            .any(|other| (excludes(arg, other) || excludes(other, arg)) && is_given(other))
}

/// Tells whether an option is for a mode that the command line has overruled: the program to run, and
/// what is said about it.
fn is_of_other_mode(arg: &Arg, given: &ArgMatches) -> bool {
    let is_given = given.value_source(MODE) == Some(ValueSource::CommandLine);
    let is_exec = given.get_raw(MODE).is_some_and(|mut mode| mode.any(|mode| mode == "exec"));
    is_given && !is_exec && OF_EXEC.contains(&arg.get_id().as_str())
}

/// Returns a setting as clap takes it, once for each time that the option is to be given.
fn values_of(arg: &Arg, value: &Value) -> Result<Vec<String>, String> {
    let parser = arg.get_value_parser().type_id();
    let is_number = [
        TypeId::of::<u8>(),
        TypeId::of::<usize>(),
        TypeId::of::<u64>(),
        TypeId::of::<NonZero<usize>>(),
    ]
    .iter()
    .any(|number| parser == *number);
    let is_takeover = parser == TypeId::of::<Takeover>();
    let has_unit = [TypeId::of::<Time>(), TypeId::of::<Size>()].iter().any(|unit| parser == *unit);
    let expected = match (arg.get_action(), value) {
        (ArgAction::SetTrue, Value::Boolean(yes)) => {
            return Ok(if *yes { vec![String::new()] } else { Vec::new() });
        }
        (ArgAction::SetTrue, _) => "true or false",
        (ArgAction::Append, Value::Array(values)) => {
            let strings: Option<Vec<String>> =
                values.iter().map(|value| value.as_str().map(str::to_owned)).collect();
            match strings {
                Some(strings) => return Ok(strings),
                None => "an array of strings",
            }
        }
        // Of which most have one.
        (ArgAction::Append, Value::String(text)) if matches!(arg.get_id().as_str(), CERT | KEY) => {
            return Ok(vec![text.clone()]);
        }
        (ArgAction::Append, _) => "an array of strings",
        (_, Value::Integer(number)) if is_number || has_unit || is_takeover => {
            return Ok(vec![number.to_string()]);
        }
        (_, Value::Boolean(yes)) if is_takeover => {
            return Ok(vec![if *yes { ALONE } else { OFF }.to_owned()]);
        }
        _ if is_number => "an integer",
        (_, Value::String(text)) => return Ok(vec![text.clone()]),
        _ if has_unit => "an integer, or a string with a unit",
        _ => "a string",
    };
    Err(format!("must be {expected}, and is {} {value}", article(value)))
}

fn article(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "the string",
        Value::Integer(_) => "the integer",
        Value::Float(_) => "the number",
        Value::Boolean(_) => "the boolean",
        Value::Datetime(_) => "the time",
        Value::Array(_) => "the array",
        Value::Table(_) => "the table",
    }
}

fn in_file(file: &Path, kind: ErrorKind, why: &str) -> Error {
    Error::raw(kind, format!("in {}: {why}", file.display()))
}

const SERVE: &str = "serve";
const CONFIG: &str = "config";
const MODE: &str = "mode";
const CERT: &str = "cert";
const KEY: &str = "key";

/// What is only for `--mode exec`.
const OF_EXEC: &[&str] = &["command", "binary", "newline", "pass_env", "exit_time"];
