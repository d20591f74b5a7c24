//! The streams of the program: where messages come from, and where what is received goes to.

use std::io::{self, IsTerminal as _, stderr, stdout};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::io::{AsyncWriteExt as _, Stdout};

use super::blocks::Block;
use super::input::Input;
use crate::output;

/// The standard streams, or a terminal in which lines are edited.
pub(super) struct Console {
    input: Input,
    out: Stdout,
    /// While a file is sent.
    progress: Option<ProgressBar>,
}

impl Console {
    pub(super) fn new(input: Input) -> Self {
        Self { input, out: tokio::io::stdout(), progress: None }
    }

    /// Tells whether somebody edits the lines.
    pub(super) const fn is_edited(&self) -> bool {
        self.input.is_edited()
    }

    /// Waits for the next message; `None` at the end of the input. Cancel-safe.
    ///
    /// # Errors
    ///
    /// Why nothing more can be taken.
    pub(super) async fn next(&mut self) -> Result<Option<Block>, String> {
        self.input.next().await
    }

    /// Prints what was received. If dropped, some of it may have been printed.
    pub(super) async fn print(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Input::Editor { editor, .. } = &mut self.input {
            return editor.print(bytes);
        }
        if let Some(progress) = &self.progress
            && stdout().is_terminal()
        {
            return progress.suspend(|| output::write(bytes));
        }
        self.out.write_all(bytes).await?;
        self.out.flush().await
    }

    /// Says something that is no message. Where nobody hears it, nothing is missed.
    pub(super) fn note(&mut self, text: &str) {
        match (&mut self.input, &self.progress) {
            (Input::Editor { editor, .. }, _) => {
                let _ = editor.print(format!("wirelet: {text}\n").as_bytes());
            }
            (_, Some(progress)) => progress.suspend(|| output::say(text)),
            _ => output::say(text),
        }
    }

    /// Shows in a terminal how much of a file has been sent.
    pub(super) fn show_progress(&mut self, len: Option<u64>) {
        if let Some(len) = len
            && stderr().is_terminal()
        {
            let style = ProgressStyle::with_template(PROGRESS);
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
            self.progress = Some(ProgressBar::new(len).with_style(style));
        }
    }

    /// Shows that so many bytes more have been sent.
    pub(super) fn advance(&mut self, n: usize) {
        if let Some(progress) = &self.progress {
            progress.inc(n as u64);
        }
    }

    pub(super) fn end_progress(&mut self) {
        if let Some(progress) = self.progress.take() {
            progress.finish_and_clear();
        }
    }
}

const PROGRESS: &str = "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
