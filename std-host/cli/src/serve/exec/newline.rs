//! A message as one line.

use std::borrow::Cow;

use crate::serve::exec_args::Newline;

impl Newline {
    /// Makes a line of a message, without its end; `None` if it may not be one. Unless it is escaped, a message may
    /// have an end of its own.
    pub(super) fn line(self, message: &str) -> Option<Cow<'_, str>> {
        const BREAKS: [char; 2] = ['\n', '\r'];
        let line = without_end(message);
        match self {
            Self::Escape if !message.contains(['\n', '\r', '\\']) => Some(message.into()),
            Self::Escape => {
                let line = message.replace('\\', r"\\");
                Some(line.replace('\n', r"\n").replace('\r', r"\r").into())
            }
            Self::Split => Some(line.into()),
            _ if !line.contains(BREAKS) => Some(line.into()),
            Self::Replace => Some(line.replace("\r\n", " ").replace(BREAKS, " ").into()),
            Self::Refuse => None,
        }
    }
}

/// Returns a line without the LF or CR LF at its end.
fn without_end(line: &str) -> &str {
    let Some(line) = line.strip_suffix('\n') else { return line };
    line.strip_suffix('\r').unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::Newline::{Escape, Refuse, Replace, Split};

    #[test]
    fn a_message_is_one_line_or_none_unless_it_may_be_split() {
        for (message, replaced, escaped, refused, split) in [
            ("", Some(""), Some(""), Some(""), Some("")),
            ("one", Some("one"), Some("one"), Some("one"), Some("one")),
            ("one\n", Some("one"), Some(r"one\n"), Some("one"), Some("one")),
            ("one\r\n", Some("one"), Some(r"one\r\n"), Some("one"), Some("one")),
            ("\n", Some(""), Some(r"\n"), Some(""), Some("")),
            ("one\ntwo", Some("one two"), Some(r"one\ntwo"), None, Some("one\ntwo")),
            ("one\r\ntwo\n", Some("one two"), Some(r"one\r\ntwo\n"), None, Some("one\r\ntwo")),
            ("one\rtwo", Some("one two"), Some(r"one\rtwo"), None, Some("one\rtwo")),
            ("one\n\n", Some("one "), Some(r"one\n\n"), None, Some("one\n")),
            ("one\r", Some("one "), Some(r"one\r"), None, Some("one\r")),
            (r"C:\new", Some(r"C:\new"), Some(r"C:\\new"), Some(r"C:\new"), Some(r"C:\new")),
            ("\\\n", Some("\\"), Some(r"\\\n"), Some("\\"), Some("\\")),
        ] {
            for (newline, line) in
                [(Replace, replaced), (Escape, escaped), (Refuse, refused), (Split, split)]
            {
                assert_eq!(newline.line(message).as_deref(), line, "{newline:?} {message:?}");
            }
        }
    }
}
