//! What of a line is on the screen, and how it comes there.
//!
//! No more is painted than the screen has room for, and of what is written behind the end only that: so a line
//! costs what it is long, however it comes.

use std::borrow::Cow;

use crossterm::QueueableCommand as _;
use crossterm::cursor::{MoveDown, MoveToColumn, MoveUp};
use crossterm::terminal::{Clear, ClearType};
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// A prompt with a line behind it, the last on a screen.
#[derive(Debug)]
pub(super) struct Screen {
    width: usize,
    height: usize,
    /// Where the cursor of the terminal stands; row 0 is the first of the line, if that is on the screen.
    cursor: Place,
    /// The first row of the line that is on the screen.
    first: usize,
    /// What shall be written to the terminal.
    out: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    row: usize,
    column: usize,
}

impl Screen {
    pub(super) fn new(size: (u16, u16)) -> Self {
        let mut screen =
            Self { width: 0, height: 0, cursor: Place::default(), first: 0, out: Vec::new() };
        screen.set_size(size);
        screen
    }

    /// Takes what shall be written.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// The terminal has another size.
    pub(super) fn resize(&mut self, size: (u16, u16), text: &str, at: usize) {
        self.set_size(size);
        // It has broken the line anew.
        self.cursor = self.layout(&text[..at]);
        self.first = self.first.min(self.cursor.row);
        self.repaint(text, at);
    }

    fn set_size(&mut self, (width, height): (u16, u16)) {
        (self.width, self.height) = (usize::from(width).max(4), usize::from(height).max(2));
    }

    /// Takes the prompt and the line away.
    pub(super) fn erase(&mut self) {
        self.up(self.cursor.row - self.first);
        self.queue(MoveToColumn(0));
        self.queue(Clear(ClearType::FromCursorDown));
        (self.cursor, self.first) = (Place::default(), 0);
    }

    /// Takes everything away.
    pub(super) fn clear(&mut self, text: &str, at: usize) {
        self.queue(Clear(ClearType::All));
        self.queue(crossterm::cursor::MoveTo(0, 0));
        (self.cursor, self.first) = (Place::default(), 0);
        self.paint(text, at);
    }

    pub(super) fn repaint(&mut self, text: &str, at: usize) {
        self.erase();
        self.paint(text, at);
    }

    /// Paints the prompt and a line with the cursor at `at`, where nothing is painted.
    pub(super) fn paint(&mut self, text: &str, at: usize) {
        let cursor = self.layout(&text[..at]);
        let end = self.layout(text);
        // The rows to the end, as long as the cursor is among them.
        let first = (end.row + 1).saturating_sub(self.height).min(cursor.row);
        let last = first + self.height - 1;
        let mut place = Place::default();
        for letter in PROMPT.graphemes(true).chain(text.graphemes(true)) {
            let shown = shown(letter);
            let width = shown.width();
            if place.column + width > self.width {
                place = Place { row: place.row + 1, column: 0 };
                if place.row > first && place.row <= last {
                    self.out.extend_from_slice(b"\r\n");
                }
            }
            if place.row > last {
                break;
            }
            place.column += width;
            if place.row >= first {
                self.out.extend_from_slice(shown.as_bytes());
            }
        }
        self.cursor = if place.row > last { Place { row: last, column: 0 } } else { place };
        self.first = first;
        self.wrap(last);
        self.go_to(cursor);
    }

    /// Writes what has been added to the end of the line, where the cursor is.
    pub(super) fn append(&mut self, text: &str) {
        for letter in text.graphemes(true) {
            let shown = shown(letter);
            let width = shown.width();
            if self.cursor.column + width > self.width {
                self.cursor = Place { row: self.cursor.row + 1, column: 0 };
                self.out.extend_from_slice(b"\r\n");
            }
            self.cursor.column += width;
            self.out.extend_from_slice(shown.as_bytes());
        }
        self.wrap(usize::MAX);
        // What is above the screen is not reached any more.
        self.first = self.first.max((self.cursor.row + 1).saturating_sub(self.height));
    }

    /// Leaves the line where it is, and begins a new one below.
    pub(super) fn leave(&mut self, text: &str) {
        let end = self.layout(text);
        if end.row < self.first + self.height {
            self.go_to(end);
        }
        self.out.extend_from_slice(b"\r\n");
        (self.cursor, self.first) = (Place::default(), 0);
        self.paint("", 0);
    }

    /// Writes lines that stay, above the line that is edited.
    pub(super) fn print(&mut self, lines: &[u8], text: &str, at: usize) {
        self.erase();
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            self.out.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
            self.out.extend_from_slice(b"\r\n");
        }
        self.paint(text, at);
    }

    /// Behind the last column the cursor goes to the next row, which not every terminal does by itself.
    fn wrap(&mut self, last: usize) {
        if self.cursor.column >= self.width && self.cursor.row < last {
            self.cursor = Place { row: self.cursor.row + 1, column: 0 };
            self.out.extend_from_slice(b"\r\n");
        }
    }

    /// Returns where the cursor stands behind the prompt and this text.
    fn layout(&self, text: &str) -> Place {
        let mut place = Place::default();
        for letter in PROMPT.graphemes(true).chain(text.graphemes(true)) {
            let width = shown(letter).width();
            if place.column + width > self.width {
                place = Place { row: place.row + 1, column: 0 };
            }
            place.column += width;
        }
        if place.column >= self.width {
            place = Place { row: place.row + 1, column: 0 };
        }
        place
    }

    fn go_to(&mut self, place: Place) {
        if place.row < self.cursor.row {
            self.up(self.cursor.row - place.row);
        } else if place.row > self.cursor.row {
            self.queue(MoveDown(short(place.row - self.cursor.row)));
        }
        self.queue(MoveToColumn(short(place.column)));
        self.cursor = place;
    }

    fn up(&mut self, rows: usize) {
        if rows > 0 {
            self.queue(MoveUp(short(rows)));
        }
    }

    fn queue(&mut self, command: impl crossterm::Command) {
        // A vector takes everything.
        let _ = self.out.queue(command);
    }
}

/// Returns what stands for a letter: pictures for those that would command the terminal.
fn shown(letter: &str) -> Cow<'_, str> {
    let mut chars = letter.chars();
    match (chars.next(), chars.next()) {
        (Some('\t'), None) => " ".into(),
        (Some(char @ '\0'..'\x20'), None) => picture(u32::from(char)).into(),
        (Some('\x7f'), None) => "\u{2421}".into(),
        _ if letter.contains(char::is_control) => "?".into(),
        _ => letter.into(),
    }
}

/// Returns the letter of Unicode that shows a control character.
fn picture(char: u32) -> String {
    char::from_u32(0x2400 + char).unwrap_or(char::REPLACEMENT_CHARACTER).into()
}

fn short(n: usize) -> u16 {
    u16::try_from(n).unwrap_or(u16::MAX)
}

pub(super) const PROMPT: &str = "> ";

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: u16 = 10;
    const HEIGHT: u16 = 4;

    struct Shown {
        screen: Screen,
        parser: vt100::Parser,
    }

    impl Shown {
        fn new() -> Self {
            let parser =
                vt100::Parser::new(HEIGHT.try_into().unwrap(), WIDTH.try_into().unwrap(), 0);
            Self { screen: Screen::new((WIDTH, HEIGHT)), parser }
        }

        #[track_caller]
        fn expect(&mut self, rows: &[&str], cursor: (u16, u16)) {
            let out = self.screen.take();
            self.parser.process(&out);
            let screen = self.parser.screen();
            let shown: Vec<_> =
                screen.rows(0, WIDTH).map(|row| row.trim_end().to_owned()).collect();
            let mut wanted = rows.to_vec();
            wanted.resize(usize::from(HEIGHT), "");
            assert_eq!(
                (shown, screen.cursor_position()),
                (wanted.iter().map(|row| (*row).to_owned()).collect(), cursor)
            );
        }
    }

    #[test]
    fn a_line_is_as_many_rows_as_it_needs() {
        let mut shown = Shown::new();
        shown.screen.paint("abcdefg", 7);
        shown.expect(&["> abcdefg"], (0, 9));
        shown.screen.append("h");
        shown.expect(&["> abcdefgh"], (1, 0));
        shown.screen.append("ij");
        shown.expect(&["> abcdefgh", "ij"], (1, 2));
        shown.screen.repaint("abcdefghij", 3);
        shown.expect(&["> abcdefgh", "ij"], (0, 5));
        shown.screen.repaint("abc", 3);
        shown.expect(&["> abc"], (0, 5));
    }

    #[test]
    fn a_wide_letter_is_not_cut_by_the_margin() {
        let mut shown = Shown::new();
        shown.screen.paint("abcdefg", 7);
        shown.screen.append("世x");
        shown.expect(&["> abcdefg", "世x"], (1, 3));
        shown.screen.repaint("abcdefg世x", 7);
        shown.expect(&["> abcdefg", "世x"], (0, 9));
    }

    #[test]
    fn messages_come_above_and_the_line_stays() {
        let mut shown = Shown::new();
        shown.screen.paint("abcdefghij", 10);
        shown.screen.print(b"one\n", "abcdefghij", 10);
        shown.expect(&["one", "> abcdefgh", "ij"], (2, 2));
        shown.screen.print(b"two\nthree\n", "abcdefghij", 4);
        shown.expect(&["two", "three", "> abcdefgh", "ij"], (2, 6));
        shown.screen.leave("abcdefghij");
        shown.expect(&["three", "> abcdefgh", "ij", ">"], (3, 2));
    }

    #[test]
    fn of_a_line_that_is_longer_than_the_screen_the_rows_around_the_cursor_are_shown() {
        let text: String = ('a'..='z').cycle().take(100).collect();
        let mut shown = Shown::new();
        shown.screen.paint("", 0);
        for letter in text.split_inclusive(|_| true) {
            shown.screen.append(letter);
        }
        // 8 letters in the first row; the last row has 2.
        let tail = [&text[68..78], &text[78..88], &text[88..98], &text[98..]];
        shown.expect(&tail, (3, 2));
        shown.screen.repaint(&text, 100);
        shown.expect(&tail, (3, 2));
        shown.screen.repaint(&text, 0);
        shown.expect(&["> abcdefgh", &text[8..18], &text[18..28], &text[28..38]], (0, 2));
        shown.screen.repaint(&text, 50);
        shown.expect(&[&text[48..58], &text[58..68], &text[68..78], &text[78..88]], (0, 2));
        shown.screen.print(b"news\n", "x", 1);
        shown.expect(&["news", "> x"], (1, 3));
    }

    #[test]
    fn what_is_written_grows_as_the_line_does() {
        let mut screen = Screen::new((60, 24));
        screen.paint("", 0);
        for _ in 0..20_000 {
            screen.append("x");
        }
        let n = screen.take().len();
        assert!((20_000..25_000).contains(&n), "{n}");
    }

    #[test]
    fn a_line_does_not_command_the_terminal() {
        let mut shown = Shown::new();
        shown.screen.paint("\x1b\t\x7f\u{9b}", 5);
        shown.expect(&["> \u{241b} \u{2421}?"], (0, 6));
    }
}
