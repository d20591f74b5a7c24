//! The lines that were sent from a terminal, kept for the next time.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The lines of a file, to which others are added.
pub(super) struct History {
    /// Those that were there at the beginning.
    lines: Vec<String>,
    last: Option<String>,
    file: Result<File, String>,
}

impl History {
    /// Opens the file of this user, in the directory for state by the XDG Base Directory Specification.
    pub(super) fn open() -> Self {
        let state =
            env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let state = state.or_else(|| Some(env::home_dir()?.join(".local/state")));
        match state {
            Some(state) => Self::open_at(&state.join("wirelet/history")),
            None => Self::failed("neither XDG_STATE_HOME nor a home directory is known".into()),
        }
    }

    fn open_at(path: &Path) -> Self {
        match read(path) {
            Ok((lines, file)) => Self { last: lines.last().cloned(), lines, file: Ok(file) },
            Err(error) => Self::failed(format!("{}: {error}", path.display())),
        }
    }

    const fn failed(why: String) -> Self {
        Self { lines: Vec::new(), last: None, file: Err(why) }
    }

    /// Says why no lines are kept.
    pub(super) fn failure(&self) -> Option<&str> {
        self.file.as_ref().err().map(String::as_str)
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        self.lines.iter().cloned()
    }

    /// Keeps a line, unless it begins with a space, is empty or was the last; tells whether it did.
    pub(super) fn push(&mut self, line: &str) -> bool {
        if line.is_empty() || line.starts_with(' ') || self.last.as_deref() == Some(line) {
            return false;
        }
        self.last = Some(line.to_owned());
        if let Ok(file) = &mut self.file {
            // One write, so that the lines of two programs do not mix. A full disk must not keep
            // anyone from talking.
            let _ = file.write_all(format!("{line}\n").as_bytes());
        }
        true
    }
}

/// Reads the file, shortens it if it has become long, and opens it for more.
fn read(path: &Path) -> io::Result<(Vec<String>, File)> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let mut file = private(path, OpenOptions::new().append(true))?;
    let content = fs::read(path)?;
    let mut lines: Vec<_> = String::from_utf8_lossy(&content).lines().map(str::to_owned).collect();
    if lines.len() > MAX_LINES {
        lines.drain(..lines.len() - KEPT_LINES);
        let short = path.with_extension("new");
        let mut new = private(&short, OpenOptions::new().write(true).truncate(true))?;
        new.write_all((lines.join("\n") + "\n").as_bytes())?;
        fs::rename(&short, path)?;
        file = private(path, OpenOptions::new().append(true))?;
    }
    Ok((lines, file))
}

/// Opens or creates a file that others may not read: messages hold secrets.
fn private(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.create(true).open(path)
}

/// With more lines, a file is shortened.
const MAX_LINES: usize = 2 * KEPT_LINES;

/// To so many.
const KEPT_LINES: usize = 1000;

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn lines_are_there_the_next_time_but_secret_empty_and_repeated_ones() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("deep/down/history");
        let mut history = History::open_at(&path);
        assert_eq!((history.failure(), history.lines().count()), (None, 0));
        let kept = ["a", "a", "", " secret", "b", "ä"].map(|line| history.push(line));
        assert_eq!(kept, [true, false, false, false, true, true]);
        let mut history = History::open_at(&path);
        assert!(history.lines().eq(["a", "b", "ä"].map(str::to_owned)));
        assert!(!history.push("ä"));
    }

    #[test]
    fn a_long_history_is_shortened_to_its_end() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("history");
        let lines: Vec<_> = (0..=MAX_LINES).map(|i| format!("line {i}")).collect();
        fs::write(&path, lines.join("\n")).unwrap();
        let mut history = History::open_at(&path);
        assert_eq!(history.lines().count(), KEPT_LINES);
        assert_eq!(history.lines().next(), Some("line 1001".into()));
        assert!(history.push("more"));
        let content = fs::read_to_string(&path).unwrap();
        assert!(content.ends_with("\nline 2000\nmore\n"));
        assert_eq!(content.lines().count(), KEPT_LINES + 1);
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_named() {
        let directory = TempDir::new().unwrap();
        let mut history = History::open_at(directory.path());
        let why = history.failure().unwrap();
        assert!(why.starts_with(&directory.path().display().to_string()), "{why}");
        assert!(history.push("kept for this time"));
    }
}
