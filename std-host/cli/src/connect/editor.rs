//! Lines that are edited in a terminal, while messages are printed above them.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crossterm::QueueableCommand as _;
use crossterm::event::{
    DisableBracketedPaste, EnableBracketedPaste, Event, EventStream, KeyCode, KeyEvent,
    KeyEventKind, KeyModifiers,
};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode, size};
use futures_core::Stream as _;
use tokio::time::{Sleep, sleep};

use super::history::History;
use crate::output::{self, write};

mod line;
mod screen;

use line::Line;
use screen::Screen;

/// A line editor. When it goes, the terminal is as it was.
pub(super) struct Editor {
    events: EventStream,
    line: Line,
    screen: Screen,
    /// The line is not painted as it is.
    is_stale: bool,
    /// Until when it stays so: what many keys do together is painted once.
    pause: Option<Pin<Box<Sleep>>>,
    history: History,
    recall: Recall,
    /// Lines that are whole; `None` is the end.
    whole: VecDeque<Option<String>>,
}

/// Lines of before, among which the arrows move.
#[derive(Default)]
struct Recall {
    lines: Vec<String>,
    /// The one that is shown; behind the last is the new one.
    at: usize,
    /// What was typed of the new one.
    draft: String,
}

impl Editor {
    /// Begins to edit. What keeps the history from being kept is told, and no more.
    pub(super) fn start() -> io::Result<Self> {
        let history = History::open();
        if let Some(why) = history.failure() {
            output::say(&format!("lines are not kept: {why}"));
        }
        let lines: Vec<_> = history.lines().collect();
        let recall = Recall { at: lines.len(), lines, draft: String::new() };
        let size = size()?;
        enable_raw_mode()?;
        let mut editor = Self {
            events: EventStream::new(),
            line: Line::default(),
            screen: Screen::new(size),
            is_stale: false,
            pause: None,
            history,
            recall,
            whole: VecDeque::new(),
        };
        editor.screen.paint("", 0);
        let mut begin = Vec::new();
        // Where it is not known, what is pasted comes as keys.
        let _ = begin.queue(EnableBracketedPaste);
        write(&begin)?;
        editor.show()?;
        Ok(editor)
    }

    /// Waits for the next line; `None` at the end. Cancel-safe.
    pub(super) async fn next_line(&mut self) -> io::Result<Option<String>> {
        let line = poll_fn(|context| self.poll_line(context)).await?;
        if let Some(line) = &line
            && self.history.push(line)
        {
            self.recall.lines.push(line.clone());
        }
        self.recall.at = self.recall.lines.len();
        Ok(line)
    }

    /// Takes all keys that were pressed, and paints what they did together.
    fn poll_line(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Option<String>>> {
        while self.whole.is_empty() {
            match Pin::new(&mut self.events).poll_next(context) {
                Poll::Ready(Some(event)) => self.take(event?),
                Poll::Ready(None) => self.whole.push_back(None),
                Poll::Pending => {
                    if self.is_stale {
                        let pause = self.pause.get_or_insert_with(|| Box::pin(sleep(TOGETHER)));
                        if pause.as_mut().poll(context).is_pending() {
                            return Poll::Pending;
                        }
                    }
                    self.pause = None;
                    self.show()?;
                    return Poll::Pending;
                }
            }
        }
        self.show()?;
        Poll::Ready(Ok(self.whole.pop_front().flatten()))
    }

    /// Prints above the line that is edited.
    pub(super) fn print(&mut self, text: &[u8]) -> io::Result<()> {
        self.screen.print(text, self.line.text(), self.line.at());
        self.is_stale = false;
        self.show()
    }

    fn show(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.is_stale) {
            self.screen.repaint(self.line.text(), self.line.at());
        }
        write(&self.screen.take())
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.press(key),
            Event::Paste(text) => self.paste(&text),
            Event::Resize(width, height) => {
                self.screen.resize((width, height), self.line.text(), self.line.at());
            }
            _ => {}
        }
    }

    fn press(&mut self, key: KeyEvent) {
        let line = &mut self.line;
        let is_control = key.modifiers == KeyModifiers::CONTROL;
        let is_word = is_control || key.modifiers == KeyModifiers::ALT;
        match key.code {
            KeyCode::Enter => return self.enter(),
            KeyCode::Char('j' | 'm') if is_control => return self.enter(),
            KeyCode::Char('c' | 'd') if is_control => return self.whole.push_back(None),
            KeyCode::Char('l') if is_control => {
                self.screen.clear(line.text(), line.at());
                return;
            }
            KeyCode::Char('a') if is_control => line.home(),
            KeyCode::Char('e') if is_control => line.end(),
            KeyCode::Char('k') if is_control => line.delete_behind(),
            KeyCode::Char('u') if is_control => line.delete_before(),
            KeyCode::Char('w') if is_control => line.delete_word(),
            KeyCode::Char(_) if is_control => return,
            KeyCode::Char(char) => return self.insert(char.encode_utf8(&mut [0; 4])),
            KeyCode::Tab => return self.insert("\t"),
            KeyCode::Backspace => line.backspace(),
            KeyCode::Delete => line.delete(),
            KeyCode::Left if is_word => line.word_left(),
            KeyCode::Right if is_word => line.word_right(),
            KeyCode::Left => line.left(),
            KeyCode::Right => line.right(),
            KeyCode::Home => line.home(),
            KeyCode::End => line.end(),
            KeyCode::Up => self.recall.go(line, self.recall.at.saturating_sub(1)),
            KeyCode::Down => self.recall.go(line, self.recall.at + 1),
            _ => return,
        }
        self.is_stale = true;
    }

    /// Takes several lines, of which the last goes on.
    fn paste(&mut self, text: &str) {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let mut lines = text.split('\n');
        if let Some(first) = lines.next() {
            self.insert(first);
        }
        for line in lines {
            self.enter();
            self.insert(line);
        }
    }

    fn insert(&mut self, text: &str) {
        if !self.line.insert(text) {
            self.is_stale = true;
        }
        if !self.is_stale {
            self.screen.append(text);
        }
    }

    fn enter(&mut self) {
        if std::mem::take(&mut self.is_stale) {
            self.screen.repaint(self.line.text(), self.line.at());
        }
        self.screen.leave(self.line.text());
        self.whole.push_back(Some(self.line.take()));
    }
}

impl Recall {
    /// Shows another line, if there is one.
    fn go(&mut self, line: &mut Line, to: usize) {
        if to > self.lines.len() || to == self.at {
            return;
        }
        if self.at == self.lines.len() {
            line.text().clone_into(&mut self.draft);
        }
        self.at = to;
        line.set(self.lines.get(to).unwrap_or(&self.draft));
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        self.screen.erase();
        let mut end = self.screen.take();
        let _ = end.queue(DisableBracketedPaste);
        // A terminal that has gone does not matter.
        let _ = write(&end);
        restore();
    }
}

/// Lets the terminal be as it was before lines were edited, if they were.
pub(super) fn restore() {
    let _ = disable_raw_mode();
}

/// Keys that come so close to each other were not pressed by anybody.
const TOGETHER: Duration = Duration::from_millis(5);
