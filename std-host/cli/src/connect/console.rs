//! Where lines come from, and where messages go to.

use std::io::{self, IsTerminal as _, Write as _, stderr, stdin, stdout};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Stdin};

use super::editor::Editor;

/// The standard streams, or a terminal in which lines are edited.
pub(super) struct Console {
    input: Input,
    /// While a file is sent.
    progress: Option<ProgressBar>,
}

enum Input {
    Pipe {
        input: BufReader<Stdin>,
        /// What was read of the next line.
        line: Vec<u8>,
    },
    Editor(Box<Editor>),
    /// A terminal, before it is asked for lines.
    Terminal,
}

impl Console {
    /// Lines are edited if they may be and come from a terminal.
    pub(super) fn new(may_edit: bool) -> Self {
        let input = if may_edit && stdin().is_terminal() && stdout().is_terminal() {
            Input::Terminal
        } else {
            Input::Pipe { input: BufReader::new(tokio::io::stdin()), line: Vec::new() }
        };
        Self { input, progress: None }
    }

    /// Tells whether somebody edits the lines.
    pub(super) const fn is_edited(&self) -> bool {
        !matches!(self.input, Input::Pipe { .. })
    }

    /// Waits for the next line; `None` at the end of the input. Cancel-safe.
    pub(super) async fn next_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        match &mut self.input {
            Input::Pipe { input, line } => {
                let room = (LINE_BYTES - line.len()) as u64;
                let n = input.take(room).read_until(b'\n', line).await?;
                if line.last() == Some(&b'\n') {
                    line.pop();
                } else if line.len() >= LINE_BYTES {
                    let why = "a line is longer than 16 MiB; see --send-file";
                    return Err(io::Error::new(io::ErrorKind::InvalidData, why));
                } else if n == 0 && line.is_empty() {
                    return Ok(None);
                }
                Ok(Some(std::mem::take(line)))
            }
            Input::Editor(editor) => Ok(editor.next_line().await?.map(String::into_bytes)),
            Input::Terminal => {
                let editor = Editor::start()?;
                self.input = Input::Editor(Box::new(editor));
                Box::pin(self.next_line()).await
            }
        }
    }

    /// Prints a message, which ends its line.
    pub(super) async fn print(&mut self, line: &[u8]) -> io::Result<()> {
        match (&mut self.input, &self.progress) {
            (Input::Editor(editor), _) => editor.print(line).await,
            (_, Some(progress)) => progress.suspend(|| write(line)),
            _ => write(line),
        }
    }

    /// Says something that is no message.
    pub(super) async fn note(&mut self, text: &str) -> io::Result<()> {
        let text = format!("wirelet: {text}\n");
        match (&mut self.input, &self.progress) {
            (Input::Editor(editor), _) => return editor.print(text.as_bytes()).await,
            (_, Some(progress)) => progress.suspend(|| eprint!("{text}")),
            _ => eprint!("{text}"),
        }
        Ok(())
    }

    /// Shows in a terminal that a file of `len` bytes is being sent.
    pub(super) fn show_progress(&mut self, len: u64) {
        if stderr().is_terminal() {
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

fn write(line: &[u8]) -> io::Result<()> {
    let mut out = stdout().lock();
    out.write_all(line)?;
    out.flush()
}

/// The longest line of an input that is no terminal.
const LINE_BYTES: usize = 16 * 1024 * 1024;

const PROGRESS: &str = "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
