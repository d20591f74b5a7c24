//! The standard output and error, of which either may be gone: a pipe whose reader has left, or a full disk.
//!
//! `print!` and `eprint!` panic then; clippy keeps them out of this program.

use std::io::{self, Write as _};
use std::process::ExitCode;

/// Says something for people, on a line of the standard error. If that is gone, there is nobody to be told.
pub(crate) fn say(text: &str) {
    let _ = io::stderr().write_all(format!("wirelet: {text}\n").as_bytes());
}

/// Prints what was asked for; returns `code`, or a failure if that could not be printed. A reader that has left
/// has had enough.
pub(crate) fn print(bytes: &[u8], code: ExitCode) -> ExitCode {
    match write(bytes) {
        Err(error) if !is_gone(&error) => {
            say(&format!("cannot print: {error}"));
            ExitCode::FAILURE
        }
        _ => code,
    }
}

/// Writes to the standard output at once.
pub(crate) fn write(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// Tells whether an error means that nobody reads any more.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}
