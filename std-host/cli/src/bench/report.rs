//! What a report says besides figures: when, by what, on what, and how it was called.

use std::ffi::OsString;
use std::fmt;
use std::time::SystemTime;

use serde::Serialize;

/// Where figures come from.
#[derive(Debug, Serialize)]
pub(super) struct Origin {
    /// In UTC, as RFC 3339 writes it.
    date: String,
    /// Of this program.
    version: &'static str,
    machine: String,
    /// How the program was called, without what may be a secret.
    command: String,
}

impl Origin {
    pub(super) fn of_this_run() -> Self {
        Self {
            date: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            version: env!("CARGO_PKG_VERSION"),
            machine: machine(),
            command: command(std::env::args_os()),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { date, version, machine, command } = self;
        write!(f, "{date}, wirelet {version}, {machine}\n{command}")
    }
}

/// Describes the machine, as far as the system tells.
fn machine() -> String {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let n = std::thread::available_parallelism().map_or(1, usize::from);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let system = format!("{os} {}", release.trim_end());
    let processors = if n == 1 { "processor" } else { "processors" };
    let model = model.map(|(_, model)| format!(" ({model})")).unwrap_or_default();
    format!("{} on {arch}, {n} {processors}{model}", system.trim_end())
}

/// Writes a command line as a shell reads it, without passwords in URLs and values of header fields.
fn command(args: impl IntoIterator<Item = OsString>) -> String {
    let mut words = vec!["wirelet".to_owned()];
    let mut is_header = false;
    for arg in args.into_iter().skip(1) {
        let arg = arg.to_string_lossy();
        let word = if is_header {
            without_value(&arg)
        } else if let Some(field) = arg.strip_prefix("--header=") {
            format!("--header={}", without_value(field))
        } else {
            without_password(&arg)
        };
        is_header = !is_header && arg == "--header";
        words.push(quoted(&word));
    }
    words.join(" ")
}

fn without_value(field: &str) -> String {
    format!("{}:…", field.split(':').next().unwrap_or_default())
}

/// Leaves out of a URL, alone or behind the name of an option, who asks.
fn without_password(word: &str) -> String {
    let (front, rest) = match word.find("://") {
        Some(at) => word.split_at(at + 3),
        // One of a proxy may lack its scheme.
        None => match word.strip_prefix("--proxy=") {
            Some(rest) => ("--proxy=", rest),
            None => ("", word),
        },
    };
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..authority].rfind('@') {
        Some(at) => format!("{front}…{}", &rest[at..]),
        None => word.to_owned(),
    }
}

fn quoted(word: &str) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "-_=+.,:/@%…".contains(char);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_can_be_run_again_and_tells_no_secret() {
        let shown = |args: &[&str]| command(args.iter().map(OsString::from));
        for (args, expected) in [
            (&["/bin/w", "bench", "ws://a/"][..], "wirelet bench ws://a/"),
            (&["w", "bench", "ws://user:pass@a/?x@y"], "wirelet bench 'ws://…@a/?x@y'"),
            (&["w", "bench", "--proxy=u:p@a:1", "wss://a"], "wirelet bench --proxy=…@a:1 wss://a"),
            (&["w", "bench", "--proxy", "u:p@a:1"], "wirelet bench --proxy …@a:1"),
            (&["w", "--header", "Authorization: Bearer 1:2"], "wirelet --header Authorization:…"),
            (&["w", "--header=X-Key:1", "--check"], "wirelet --header=X-Key:… --check"),
            (&["w", "--message", "it's {}"], r"wirelet --message 'it'\''s {}'"),
            (&["w", "--message", ""], "wirelet --message ''"),
        ] {
            assert_eq!(shown(args), expected);
        }
    }
}
