//! Lines that are edited in a terminal, while messages are printed above them.

use std::collections::VecDeque;
use std::io::{self, Write as _};

use rustyline_async::{Readline, ReadlineError, ReadlineEvent, SharedWriter};

use super::history::History;

/// A line editor. When it goes, the terminal is as it was.
pub(super) struct Editor {
    readline: Readline,
    writer: SharedWriter,
    history: History,
    /// What was typed while something was printed.
    typed: VecDeque<ReadlineEvent>,
}

impl Editor {
    /// Begins to edit. What keeps the history from being kept is told, and no more.
    pub(super) fn start() -> io::Result<Self> {
        let history = History::open();
        if let Some(why) = history.failure() {
            eprintln!("wirelet: lines are not kept: {why}");
        }
        let (mut readline, writer) = Readline::new("> ".into()).map_err(into_io)?;
        readline.set_history_entries(history.lines());
        Ok(Self { readline, writer, history, typed: VecDeque::new() })
    }

    /// Waits for the next line; `None` at the end. Cancel-safe.
    pub(super) async fn next_line(&mut self) -> io::Result<Option<String>> {
        let event = match self.typed.pop_front() {
            Some(event) => event,
            None => self.readline.readline().await.map_err(into_io)?,
        };
        let ReadlineEvent::Line(line) = event else { return Ok(None) };
        if self.history.push(&line) {
            self.readline.add_history_entry(line.clone());
        }
        Ok(Some(line))
    }

    /// Prints above the line that is edited.
    pub(super) async fn print(&mut self, text: &[u8]) -> io::Result<()> {
        self.writer.write_all(text)?;
        // It is the editor that prints, when it is asked for what was typed.
        tokio::select! {
            biased;
            event = self.readline.readline() => self.typed.push_back(event.map_err(into_io)?),
            () = std::future::ready(()) => {}
        }
        Ok(())
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        // It prints what waits, and takes the prompt away. A terminal that has gone does not matter.
        let _ = self.readline.flush();
    }
}

fn into_io(error: ReadlineError) -> io::Error {
    match error {
        ReadlineError::IO(error) => error,
        error @ ReadlineError::Closed => io::Error::other(error),
    }
}
