//! What clients of `/chat` say to each other.

use core::fmt;

use heapless::String;

use super::Id;

/// A text for one client of the server, or for all of `/chat`.
#[derive(Debug)]
pub(crate) struct Post {
    pub(crate) from: Id,
    pub(crate) to: Recipient,
    pub(crate) text: String<POST_LEN>,
}

/// Who gets a [`Post`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recipient {
    One(Id),
    All,
}

impl Post {
    /// Tells a new client its id.
    pub(crate) fn welcome(id: Id) -> Self {
        Self::new(id, Recipient::One(id), format_args!("you are {id}"))
    }

    /// Does what a client of `/chat` has said: `to ID TEXT` or `all TEXT`.
    pub(crate) fn parse(from: Id, said: &str) -> Self {
        match parse(said) {
            Some((to, text)) => Self::new(from, to, format_args!("{from}: {text}")),
            None => {
                Self::new(from, Recipient::One(from), format_args!("say: to ID TEXT, or: all TEXT"))
            }
        }
    }

    fn new(from: Id, to: Recipient, text: fmt::Arguments<'_>) -> Self {
        let text = heapless::format!("{text}").expect("what was said has room beside an id");
        Self { from, to, text }
    }
}

fn parse(said: &str) -> Option<(Recipient, &str)> {
    match said.split_once(' ')? {
        ("all", text) => Some((Recipient::All, text)),
        ("to", rest) => {
            let (id, text) = rest.split_once(' ')?;
            Some((Recipient::One(Id(id.parse().ok()?)), text))
        }
        _ => None,
    }
}

/// The longest message that a client of `/chat` may send, in bytes; beyond it is close 1009.
pub(crate) const SAID_LEN: usize = 128;

/// The longest post: `4294967295: ` and what was said, less `all `.
const POST_LEN: usize = SAID_LEN + 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_or_all_are_addressed() {
        let parsed = |said| Post::parse(Id(7), said);
        let post = parsed("to 12 hello there");
        assert_eq!((post.to, &*post.text), (Recipient::One(Id(12)), "7: hello there"));
        let post = parsed("all hello");
        assert_eq!((post.to, &*post.text), (Recipient::All, "7: hello"));
        for wrong in ["", "hello", "to", "to 12", "to twelve hello", "to 4294967296 hello"] {
            let post = parsed(wrong);
            assert_eq!(post.to, Recipient::One(Id(7)), "{wrong}");
            assert!(post.text.starts_with("say"), "{wrong}");
        }
    }

    #[test]
    fn the_longest_post_is_whole() {
        let said = format!("all {}", "x".repeat(SAID_LEN - 4));
        let post = Post::parse(Id(u32::MAX), &said);
        assert_eq!(*post.text, format!("{}: {}", u32::MAX, &said[4..]));
    }
}
