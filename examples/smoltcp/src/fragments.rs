//! A message, cut to frames that fit.

use wirelet::{Chunk, Message};

/// Cuts a message to fragments (RFC 6455 §5.4) as long as there is room for.
///
/// ```
/// use wirelet::Chunk;
/// use wirelet_example_smoltcp::Fragments;
///
/// let mut fragments = Fragments::new("23 °C");
/// assert_eq!(fragments.next_within(4), Some(Chunk::first("23 "))); // not in the middle of "°"
/// assert_eq!(fragments.len(), 3);
/// assert_eq!(fragments.next_within(100), Some(Chunk::last("°C")));
/// assert!(fragments.is_empty());
/// assert_eq!(fragments.next_within(100), None);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Fragments<'m> {
    rest: Message<'m>,
    limit: usize,
    begun: bool,
    ended: bool,
}

impl<'m> Fragments<'m> {
    /// The longest code point in bytes, and the least room in which text gets on.
    pub const MIN: usize = 4;

    /// Begins a message.
    pub fn new(message: impl Into<Message<'m>>) -> Self {
        Self::of_at_most(usize::MAX, message)
    }

    /// Begins a message whose fragments have at most `limit` bytes, [`MIN`](Self::MIN) at least.
    pub fn of_at_most(limit: usize, message: impl Into<Message<'m>>) -> Self {
        Self { rest: message.into(), limit, begun: false, ended: false }
    }

    /// Returns how many bytes are left.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rest.as_bytes().len()
    }

    /// Tells whether the last fragment has been taken.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ended
    }

    /// Returns the next fragment, for which there are `room` bytes, [`MIN`](Self::MIN) at least;
    /// after the last, `None`.
    pub fn next_within(&mut self, room: usize) -> Option<Chunk<'m>> {
        if self.ended {
            return None;
        }
        let (piece, rest) = split(self.rest, room.min(self.limit));
        self.rest = rest;
        let first = !self.begun;
        self.begun = true;
        self.ended = rest.as_bytes().is_empty();
        Some(match (first, self.ended) {
            (true, true) => Chunk::whole(piece),
            (true, false) => Chunk::first(piece),
            (false, false) => Chunk::middle(piece),
            (false, true) => Chunk::last(piece),
        })
    }
}

fn split(message: Message<'_>, limit: usize) -> (Message<'_>, Message<'_>) {
    match message {
        Message::Text(text) => {
            let (piece, rest) = text.split_at(text.floor_char_boundary(limit));
            (piece.into(), rest.into())
        }
        Message::Binary(bytes) => {
            let (piece, rest) = bytes.split_at(limit.min(bytes.len()));
            (piece.into(), rest.into())
        }
    }
}
