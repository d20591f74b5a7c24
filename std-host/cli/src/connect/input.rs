//! Where messages come from: lines or bytes of a pipe, a terminal in which lines are edited, or a recording.

use std::io;
use std::mem;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Stdin};

use super::blocks::{BLOCK_BYTES, Block, Content, split_text};
use super::editor::Editor;
use super::replay::Replay;

pub(super) enum Input {
    /// Each line is a message.
    Lines(Lines),
    /// The bytes as they come.
    Raw(Raw),
    /// A terminal, before it is asked for lines.
    Terminal {
        is_binary: bool,
    },
    Editor {
        editor: Box<Editor>,
        is_binary: bool,
    },
    Replay(Replay),
    /// The standard input is sent as a file.
    Nothing,
}

/// Lines of a pipe.
pub(super) struct Lines {
    input: BufReader<Stdin>,
    is_binary: bool,
    /// What was read of the next line.
    line: Vec<u8>,
    /// How many lines there were before.
    n: u64,
}

/// Bytes of a pipe.
pub(super) struct Raw {
    input: Stdin,
    is_binary: bool,
    /// The beginning of a letter.
    bytes: Vec<u8>,
    at: u64,
}

impl Input {
    pub(super) fn lines(is_binary: bool) -> Self {
        let input = BufReader::new(tokio::io::stdin());
        Self::Lines(Lines { input, is_binary, line: Vec::new(), n: 0 })
    }

    pub(super) fn raw(is_binary: bool) -> Self {
        Self::Raw(Raw { input: tokio::io::stdin(), is_binary, bytes: Vec::new(), at: 0 })
    }

    /// Tells whether somebody edits the lines.
    pub(super) const fn is_edited(&self) -> bool {
        matches!(self, Self::Terminal { .. } | Self::Editor { .. })
    }

    /// Waits for the next message; `None` at the end of the input. Cancel-safe.
    ///
    /// # Errors
    ///
    /// Why nothing more can be taken.
    pub(super) async fn next(&mut self) -> Result<Option<Block>, String> {
        let is_binary = match self {
            Self::Lines(lines) => return lines.next().await,
            Self::Raw(raw) => return raw.next().await,
            Self::Replay(replay) => return Ok(replay.next().await),
            Self::Nothing => return Ok(None),
            Self::Editor { is_binary, .. } | Self::Terminal { is_binary } => *is_binary,
        };
        if !matches!(self, Self::Editor { .. }) {
            let editor = Box::new(Editor::start().map_err(|error| explain(&error))?);
            *self = Self::Editor { editor, is_binary };
        }
        let Self::Editor { editor, .. } = self else { return Ok(None) };
        let line = editor.next_line().await.map_err(|error| explain(&error))?;
        Ok(line.map(|line| {
            let content =
                if is_binary { Content::Binary(line.into_bytes()) } else { Content::Text(line) };
            Block::whole(content)
        }))
    }
}

impl Lines {
    async fn next(&mut self) -> Result<Option<Block>, String> {
        let room = (LINE_BYTES - self.line.len()) as u64;
        let mut input = (&mut self.input).take(room);
        let n = input.read_until(b'\n', &mut self.line).await.map_err(|error| explain(&error))?;
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
            if self.line.last() == Some(&b'\r') {
                self.line.pop();
            }
        } else if self.line.len() >= LINE_BYTES {
            return Err("a line is longer than 16 MiB; see --raw and --send-file".into());
        } else if n == 0 && self.line.is_empty() {
            return Ok(None);
        }
        self.n += 1;
        let line = mem::take(&mut self.line);
        if self.is_binary {
            return Ok(Some(Block::whole(Content::Binary(line))));
        }
        match String::from_utf8(line) {
            Ok(line) => Ok(Some(Block::whole(Content::Text(line)))),
            Err(_) => Err(format!(
                "line {} is no UTF-8, and nothing is sent from there; see --binary",
                self.n
            )),
        }
    }
}

impl Raw {
    async fn next(&mut self) -> Result<Option<Block>, String> {
        loop {
            let start = self.bytes.len();
            // Or it would be read into what little a vector makes room for by itself.
            self.bytes.reserve_exact(BLOCK_BYTES - start);
            let mut input = (&mut self.input).take((BLOCK_BYTES - start) as u64);
            let n = input.read_buf(&mut self.bytes).await.map_err(|error| explain(&error))?;
            if n == 0 && self.bytes.is_empty() {
                return Ok(None);
            }
            self.at += n as u64;
            let mut bytes = mem::take(&mut self.bytes);
            if self.is_binary {
                return Ok(Some(Block::whole(Content::Binary(bytes))));
            }
            self.bytes = split_text(&mut bytes, n == 0).map_err(|before_end| {
                let at = self.at - before_end as u64;
                format!("byte {at} of the input is no UTF-8, and nothing is sent from there; see --binary")
            })?;
            if !bytes.is_empty() {
                let text = String::from_utf8(bytes).map_err(|error| error.to_string())?;
                return Ok(Some(Block::whole(Content::Text(text))));
            }
        }
    }
}

fn explain(error: &io::Error) -> String {
    format!("cannot read the standard input: {error}")
}

/// The longest line of an input that is no terminal.
const LINE_BYTES: usize = 16 * 1024 * 1024;
