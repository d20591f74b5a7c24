//! The text of a line, and where in it the next letter goes.

use std::mem;

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation as _};

/// A line that is edited. The cursor stands between two letters as people see them.
#[derive(Debug, Default)]
pub(super) struct Line {
    text: String,
    /// In bytes; `at <= text.len()`.
    at: usize,
}

impl Line {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns where the cursor stands, in bytes.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// Takes the text away.
    pub(super) fn take(&mut self) -> String {
        self.at = 0;
        mem::take(&mut self.text)
    }

    /// Puts this text in place of all, with the cursor behind it.
    pub(super) fn set(&mut self, text: &str) {
        text.clone_into(&mut self.text);
        self.at = text.len();
    }

    /// Inserts before the cursor. Tells whether the text has only become longer: then all that stood before is as
    /// it was.
    pub(super) fn insert(&mut self, text: &str) -> bool {
        let start = self.at;
        self.text.insert_str(start, text);
        self.at += text.len();
        // A sign above or below a letter belongs to that.
        let is_boundary = |at| {
            let mut cursor = GraphemeCursor::new(at, self.text.len(), true);
            cursor.is_boundary(&self.text, 0).unwrap_or(true)
        };
        let is_longer = self.at == self.text.len() && is_boundary(start);
        while !self.text.is_char_boundary(self.at) || !is_boundary(self.at) {
            self.at += 1;
        }
        is_longer
    }

    pub(super) fn left(&mut self) {
        self.at = self.previous();
    }

    pub(super) fn right(&mut self) {
        self.at = self.next();
    }

    pub(super) const fn home(&mut self) {
        self.at = 0;
    }

    pub(super) const fn end(&mut self) {
        self.at = self.text.len();
    }

    /// Goes to the beginning of the word.
    pub(super) fn word_left(&mut self) {
        self.at = self.word_start();
    }

    /// Goes behind the end of the word.
    pub(super) fn word_right(&mut self) {
        let rest = &self.text[self.at..];
        let word = rest.trim_start_matches(' ');
        let gap = rest.len() - word.len();
        self.at += gap + word.find(' ').unwrap_or(word.len());
    }

    /// Removes the letter before the cursor.
    pub(super) fn backspace(&mut self) {
        let start = self.previous();
        self.remove_to(start);
    }

    /// Removes the letter behind the cursor.
    pub(super) fn delete(&mut self) {
        let end = self.next();
        self.text.drain(self.at..end);
    }

    /// Removes what is before the cursor.
    pub(super) fn delete_before(&mut self) {
        self.remove_to(0);
    }

    /// Removes what is behind the cursor.
    pub(super) fn delete_behind(&mut self) {
        self.text.truncate(self.at);
    }

    /// Removes the word before the cursor.
    pub(super) fn delete_word(&mut self) {
        let start = self.word_start();
        self.remove_to(start);
    }

    fn remove_to(&mut self, start: usize) {
        self.text.drain(start..self.at);
        self.at = start;
    }

    fn previous(&self) -> usize {
        self.text[..self.at].grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    fn next(&self) -> usize {
        self.text[self.at..].graphemes(true).next().map_or(self.at, |letter| self.at + letter.len())
    }

    fn word_start(&self) -> usize {
        self.text[..self.at].trim_end_matches(' ').rfind(' ').map_or(0, |at| at + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        let mut line = Line::default();
        line.set(text);
        line
    }

    fn parts(line: &Line) -> (&str, &str) {
        line.text().split_at(line.at())
    }

    #[test]
    fn letters_are_what_people_see() {
        let mut line = line("xe\u{301}👩‍🔬");
        line.left();
        assert_eq!(parts(&line), ("xe\u{301}", "👩‍🔬"));
        line.backspace();
        assert_eq!(parts(&line), ("x", "👩‍🔬"));
        line.delete();
        assert_eq!(parts(&line), ("x", ""));
        for _ in 0..2 {
            line.backspace();
            line.delete();
            line.left();
            line.right();
        }
        assert_eq!(parts(&line), ("", ""));
    }

    #[test]
    fn what_is_only_longer_is_known_as_such() {
        let mut line = line("ab");
        assert!(line.insert("c"));
        assert!(line.insert("e"));
        assert!(!line.insert("\u{301}"), "the letter before has changed");
        assert_eq!(parts(&line), ("abce\u{301}", ""));
        line.home();
        assert!(!line.insert("x"));
        assert_eq!(parts(&line), ("x", "abce\u{301}"));
        // What is inserted before a sign takes that over.
        line.set("\u{301}");
        line.home();
        line.insert("e");
        assert_eq!(parts(&line), ("e\u{301}", ""));
    }

    #[test]
    fn words_end_at_spaces() {
        let mut line = line("one  two ");
        line.word_left();
        assert_eq!(parts(&line), ("one  ", "two "));
        line.word_left();
        assert_eq!(parts(&line), ("", "one  two "));
        line.word_right();
        assert_eq!(parts(&line), ("one", "  two "));
        line.word_right();
        assert_eq!(parts(&line), ("one  two", " "));
        line.delete_word();
        assert_eq!(parts(&line), ("one  ", " "));
        line.delete_behind();
        assert_eq!(parts(&line), ("one  ", ""));
        line.delete_before();
        assert_eq!(parts(&line), ("", ""));
    }
}
