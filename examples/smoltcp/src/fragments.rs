//! A message on its way out.

use wirelet::{Kind, Message};

/// Lends a message piece by piece, as there is room; each piece is a fragment (RFC 6455 §5.4).
///
/// Text may be cut inside a code point: whoever sends it checks it as a whole.
///
/// ```
/// use wirelet_example_smoltcp::Fragments;
///
/// let mut fragments = Fragments::new("23 °C");
/// assert_eq!(fragments.next_within(4), Some((&b"23 \xc2"[..], false)));
/// assert_eq!(fragments.len(), 2);
/// assert_eq!(fragments.next_within(100), Some((&b"\xb0C"[..], true)));
/// assert!(fragments.is_empty());
/// assert_eq!(fragments.next_within(100), None);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Fragments<'m> {
    kind: Kind,
    rest: &'m [u8],
    limit: usize,
    ended: bool,
}

impl<'m> Fragments<'m> {
    /// Begins a message.
    pub fn new(message: impl Into<Message<'m>>) -> Self {
        Self::of_at_most(usize::MAX, message)
    }

    /// Begins a message whose fragments have at most `limit` bytes, 1 at least.
    pub fn of_at_most(limit: usize, message: impl Into<Message<'m>>) -> Self {
        let message = message.into();
        Self { kind: message.kind(), rest: message.as_bytes(), limit, ended: false }
    }

    /// Tells text from binary.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns how many bytes are left.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rest.len()
    }

    /// Tells whether the last fragment has been taken.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ended
    }

    /// Returns the next fragment, for which there are `room` bytes, 1 at least, and whether it is
    /// the last; after that, `None`.
    pub fn next_within(&mut self, room: usize) -> Option<(&'m [u8], bool)> {
        if self.ended {
            return None;
        }
        let (piece, rest) = self.rest.split_at(self.rest.len().min(room).min(self.limit));
        self.rest = rest;
        self.ended = rest.is_empty();
        Some((piece, self.ended))
    }
}
