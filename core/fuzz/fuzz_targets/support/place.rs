//! Which part of a message a frame is.

use wirelet::{Chunk, Message};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Whole,
    First,
    Middle,
    Last,
}

impl Place {
    /// Chooses by the low two bits.
    pub(crate) fn of(how: u8) -> Self {
        [Self::Whole, Self::First, Self::Middle, Self::Last][usize::from(how & 0b11)]
    }

    pub(crate) fn chunk<'b>(self, message: impl Into<Message<'b>>) -> Chunk<'b> {
        match self {
            Self::Whole => Chunk::whole(message),
            Self::First => Chunk::first(message),
            Self::Middle => Chunk::middle(message),
            Self::Last => Chunk::last(message),
        }
    }
}
