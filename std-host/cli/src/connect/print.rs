//! What a received message looks like.

use std::borrow::Cow;
use std::env;
use std::io::{IsTerminal as _, stdout};

use wirelet_host::OwnedMessage;

use super::json;

/// How to show messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    form: Form,
    /// A line end follows each message.
    has_lines: bool,
    is_terminal: bool,
    coloured: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Text as it is, and of binary messages the length.
    Text,
    /// The bytes, also of binary messages.
    Bytes,
    /// As `Text`, with JSON indented.
    Json,
}

impl Style {
    pub(super) fn new(form: Form, has_lines: bool) -> Self {
        let is_terminal = stdout().is_terminal();
        // https://no-color.org
        let coloured = is_terminal && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { form, has_lines, is_terminal, coloured }
    }

    /// Returns what is printed of a message; `None` for what is none.
    pub(super) fn show(self, received: &OwnedMessage) -> Option<Vec<u8>> {
        let mut line = match received {
            OwnedMessage::Text(text) => self.text(text).into_owned().into_bytes(),
            OwnedMessage::Binary(bytes) if self.form == Form::Bytes => bytes.to_vec(),
            OwnedMessage::Binary(_) => received.to_string().into_bytes(),
            _ => return None,
        };
        if self.has_lines {
            line.push(b'\n');
        }
        Some(line)
    }

    fn text(self, text: &str) -> Cow<'_, str> {
        // What a server sends must not command the terminal.
        let text = if self.is_terminal { without_controls(text) } else { text.into() };
        if self.form == Form::Json
            && let Some(pretty) = json::pretty(&text, self.coloured)
        {
            return pretty.into();
        }
        text
    }
}

/// Shows control characters but tabs and line feeds as their numbers.
fn without_controls(text: &str) -> Cow<'_, str> {
    let is_control = |char: char| char.is_control() && !matches!(char, '\t' | '\n');
    if !text.contains(is_control) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        if is_control(char) {
            out.extend(char.escape_unicode());
        } else {
            out.push(char);
        }
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_not_commanded_by_what_a_server_sends() {
        let style = Style { form: Form::Bytes, has_lines: true, is_terminal: true, coloured: true };
        let evil = "\x1b]0;title\x07a\tb\nc\u{9b}2J";
        let line = style.show(&OwnedMessage::Text(evil.into())).unwrap();
        let shown = "\\u{1b}]0;title\\u{7}a\tb\nc\\u{9b}2J\n";
        assert_eq!(String::from_utf8(line).unwrap(), shown);
        // A program that reads it gets it as it is.
        let style = Style { is_terminal: false, coloured: false, ..style };
        let line = style.show(&OwnedMessage::Text(evil.into())).unwrap();
        assert_eq!(line, format!("{evil}\n").into_bytes());
    }

    #[test]
    fn bytes_are_counted_unless_they_are_asked_for() {
        let style =
            Style { form: Form::Json, has_lines: true, is_terminal: false, coloured: false };
        let bytes = OwnedMessage::from(b"\0{}".as_slice());
        assert_eq!(style.show(&bytes).unwrap(), b"<3 bytes>\n");
        assert_eq!(Style { form: Form::Bytes, ..style }.show(&bytes).unwrap(), b"\0{}\n");
        let raw = Style { form: Form::Bytes, has_lines: false, ..style };
        assert_eq!(raw.show(&bytes).unwrap(), b"\0{}");
        assert_eq!(style.show(&OwnedMessage::Pong("".into())), None);
    }
}
