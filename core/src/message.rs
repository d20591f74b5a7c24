//! Messages, and the pieces in which they travel (RFC 6455 §5.4, §5.6).

use crate::Opcode;
use crate::utf8::to_str;

/// Tells text from binary.
///
/// ```
/// use wirelet::{Kind, Message};
///
/// assert_eq!(Message::Text("hi").kind(), Kind::Text);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// Bytes whose meaning is the application's.
    Binary,
}

impl Kind {
    pub(crate) const fn opcode(self) -> Opcode {
        match self {
            Self::Text => Opcode::Text,
            Self::Binary => Opcode::Binary,
        }
    }
}

/// Holds a whole message, lent.
///
/// ```
/// use wirelet::Message;
///
/// let message = Message::from("hi");
/// assert_eq!(message, Message::Text("hi"));
/// assert_eq!(message.as_bytes(), b"hi");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Message<'b> {
    /// UTF-8 text.
    Text(&'b str),
    /// Bytes.
    Binary(&'b [u8]),
}

impl<'b> Message<'b> {
    /// Returns the payload, of text its UTF-8 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &'b [u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// Tells text from binary.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::Binary(_) => Kind::Binary,
        }
    }
}

impl<'b> From<&'b str> for Message<'b> {
    fn from(text: &'b str) -> Self {
        Self::Text(text)
    }
}

impl<'b> From<&'b [u8]> for Message<'b> {
    fn from(bytes: &'b [u8]) -> Self {
        Self::Binary(bytes)
    }
}

impl<'b, const LEN: usize> From<&'b [u8; LEN]> for Message<'b> {
    fn from(bytes: &'b [u8; LEN]) -> Self {
        Self::Binary(bytes)
    }
}

/// Holds the next piece of a message, lent: what streams through a buffer of any size.
///
/// A received chunk is cut where the input was cut; chunks are not frames. Text in chunks has been
/// validated up to the end of the chunk, which may lie inside a code point. To send a chunk is to
/// send one frame, so an echo of any message through a small buffer is `send(chunk)`. A text that
/// was begun with received chunks must be continued with those that followed them, as otherwise
/// the whole might not be UTF-8.
///
/// ```
/// use wirelet::{Chunk, Message};
///
/// let chunk = Chunk::first("Hel");
/// assert!(chunk.is_first() && !chunk.is_last());
/// assert_eq!(chunk.as_bytes(), b"Hel");
/// assert_eq!(Chunk::last("lo").message(), None); // not the whole message
/// assert_eq!(Chunk::whole("Hello").message(), Some(Message::Text("Hello")));
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Chunk<'b> {
    data: Data<'b>,
    first: bool,
    last: bool,
    remaining: u64,
}

/// The bytes of a chunk, with what is known of them.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) enum Data<'b> {
    /// Whole code points.
    Text(&'b str),
    /// Part of a valid text; its ends may lie inside a code point.
    PartOfText(&'b [u8]),
    Binary(&'b [u8]),
}

impl<'b> Chunk<'b> {
    /// Makes a whole message of one chunk.
    pub fn whole(message: impl Into<Message<'b>>) -> Self {
        Self::new(Data::from(message.into()), true, true, 0)
    }

    /// Begins a fragmented message.
    pub fn first(message: impl Into<Message<'b>>) -> Self {
        Self::new(Data::from(message.into()), true, false, 0)
    }

    /// Continues a fragmented message of the same kind.
    pub fn middle(message: impl Into<Message<'b>>) -> Self {
        Self::new(Data::from(message.into()), false, false, 0)
    }

    /// Ends a fragmented message of the same kind.
    pub fn last(message: impl Into<Message<'b>>) -> Self {
        Self::new(Data::from(message.into()), false, true, 0)
    }

    /// Makes a chunk of bytes that were validated.
    pub(crate) const fn received(
        kind: Kind,
        bytes: &'b [u8],
        first: bool,
        last: bool,
        remaining: u64,
    ) -> Self {
        let data = match kind {
            Kind::Text => Data::PartOfText(bytes),
            Kind::Binary => Data::Binary(bytes),
        };
        Self::new(data, first, last, remaining)
    }

    /// Notes that all of its bytes are `text`.
    pub(crate) const fn with_text(self, text: &'b str) -> Self {
        Self { data: Data::Text(text), ..self }
    }

    const fn new(data: Data<'b>, first: bool, last: bool, remaining: u64) -> Self {
        Self { data, first, last, remaining }
    }

    /// Returns the bytes of this piece; empty for an empty message or fragment.
    #[must_use]
    pub const fn as_bytes(&self) -> &'b [u8] {
        match self.data {
            Data::Text(text) => text.as_bytes(),
            Data::PartOfText(bytes) | Data::Binary(bytes) => bytes,
        }
    }

    /// Returns this piece of a text if it begins and ends between two code points.
    #[must_use]
    pub fn as_str(&self) -> Option<&'b str> {
        match self.data {
            Data::Text(text) => Some(text),
            Data::PartOfText(bytes) => to_str(bytes),
            Data::Binary(_) => None,
        }
    }

    /// Returns the message if this chunk is all of it.
    #[must_use]
    pub fn message(&self) -> Option<Message<'b>> {
        if !self.is_whole() {
            return None;
        }
        match self.data {
            Data::Binary(bytes) => Some(Message::Binary(bytes)),
            Data::Text(_) | Data::PartOfText(_) => self.as_str().map(Message::Text),
        }
    }

    pub(crate) const fn is_whole(&self) -> bool {
        self.first && self.last
    }

    /// Tells text from binary.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self.data {
            Data::Text(_) | Data::PartOfText(_) => Kind::Text,
            Data::Binary(_) => Kind::Binary,
        }
    }

    /// Tells whether the message begins with this chunk.
    #[must_use]
    pub const fn is_first(&self) -> bool {
        self.first
    }

    /// Tells whether the message ends with this chunk.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.last
    }

    /// Returns how many bytes of the same frame are still to come.
    ///
    /// The message has at least as many, which is how one that is too long for its storage is
    /// refused at its first chunk.
    #[must_use]
    pub const fn remaining(&self) -> u64 {
        self.remaining
    }
}

/// What is known of the text beyond its bytes does not count.
impl PartialEq for Chunk<'_> {
    fn eq(&self, other: &Self) -> bool {
        let place = |chunk: &Self| (chunk.kind(), chunk.first, chunk.last, chunk.remaining);
        place(self) == place(other) && self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Chunk<'_> {}

impl<'b, M: Into<Message<'b>>> From<M> for Chunk<'b> {
    fn from(message: M) -> Self {
        Self::whole(message)
    }
}

impl<'b> From<Message<'b>> for Data<'b> {
    fn from(message: Message<'b>) -> Self {
        match message {
            Message::Text(text) => Self::Text(text),
            Message::Binary(bytes) => Self::Binary(bytes),
        }
    }
}
