//! Messages, and the pieces in which they travel (RFC 6455 §5.4, §5.6).

use crate::utf8::to_str;
use crate::{Header, Opcode};

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

impl<'b, const LEN: usize> From<&'b heapless::String<LEN>> for Message<'b> {
    fn from(text: &'b heapless::String<LEN>) -> Self {
        Self::Text(text)
    }
}

impl<'b, const LEN: usize> From<&'b heapless::Vec<u8, LEN>> for Message<'b> {
    fn from(bytes: &'b heapless::Vec<u8, LEN>) -> Self {
        Self::Binary(bytes)
    }
}

#[cfg(feature = "alloc")]
impl<'b> From<&'b alloc::string::String> for Message<'b> {
    fn from(text: &'b alloc::string::String) -> Self {
        Self::Text(text)
    }
}

#[cfg(feature = "alloc")]
impl<'b> From<&'b alloc::vec::Vec<u8>> for Message<'b> {
    fn from(bytes: &'b alloc::vec::Vec<u8>) -> Self {
        Self::Binary(bytes)
    }
}

/// Holds the next piece of a message, lent: what streams through a buffer of any size.
///
/// A received chunk is cut where the input was cut; chunks are not frames. Text in chunks has been
/// validated up to the end of the chunk, which may lie inside a code point. To send a chunk is to
/// send one frame, so an echo of any message through a small buffer is `send(chunk)`. Text whose
/// fragments are not UTF-8 when put together is refused by the sending side
/// ([`SendError::InvalidUtf8`](crate::SendError::InvalidUtf8)).
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
    place: Place,
    remaining: u64,
}

/// Where a chunk stands in its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Place {
    pub(crate) kind: Kind,
    pub(crate) first: bool,
    pub(crate) last: bool,
}

impl Place {
    pub(crate) const fn is_whole(self) -> bool {
        self.first && self.last
    }
}

/// The bytes of a chunk, with what is known of them.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Data<'b> {
    /// Text of whole code points.
    Str(&'b str),
    /// Of text, a validated part, whose ends may lie inside a code point.
    Bytes(&'b [u8]),
    /// What an extension has made of a message.
    #[cfg(feature = "deflate")]
    Deflated(&'b [u8]),
}

impl<'b> Chunk<'b> {
    /// Makes a whole message of one chunk.
    pub fn whole(message: impl Into<Message<'b>>) -> Self {
        Self::of(message.into(), true, true)
    }

    /// Begins a fragmented message.
    pub fn first(message: impl Into<Message<'b>>) -> Self {
        Self::of(message.into(), true, false)
    }

    /// Continues a fragmented message of the same kind.
    pub fn middle(message: impl Into<Message<'b>>) -> Self {
        Self::of(message.into(), false, false)
    }

    /// Ends a fragmented message of the same kind.
    pub fn last(message: impl Into<Message<'b>>) -> Self {
        Self::of(message.into(), false, true)
    }

    /// Makes a whole message that was deflated, of the kind that it was before: its first frame has RSV1 set
    /// (RFC 7692 §6.1). Only for a peer with whom permessage-deflate is agreed.
    ///
    /// ```
    /// use wirelet::{Chunk, Connection, Kind, Server};
    ///
    /// let (_, mut outgoing) = Connection::new(Server).split();
    /// let hello = Chunk::deflated(Kind::Text, b"\xf2\x48\xcd\xc9\xc9\x07\x00"); // §7.2.3.1
    /// let mut out = [0; 16];
    /// let n = outgoing.send(hello, &mut out)?;
    /// assert_eq!(out[..n], *b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00");
    /// # Ok::<(), wirelet::SendError>(())
    /// ```
    #[cfg(feature = "deflate")]
    #[must_use]
    pub const fn deflated(kind: Kind, bytes: &'b [u8]) -> Self {
        Self {
            data: Data::Deflated(bytes),
            place: Place { kind, first: true, last: true },
            remaining: 0,
        }
    }

    const fn of(message: Message<'b>, first: bool, last: bool) -> Self {
        let kind = message.kind();
        let data = match message {
            Message::Text(text) => Data::Str(text),
            Message::Binary(bytes) => Data::Bytes(bytes),
        };
        Self { data, place: Place { kind, first, last }, remaining: 0 }
    }

    /// Makes a chunk of bytes that were validated.
    pub(crate) const fn received(place: Place, bytes: &'b [u8], remaining: u64) -> Self {
        Self { data: Data::Bytes(bytes), place, remaining }
    }

    /// Notes that all of its bytes are `text`.
    pub(crate) const fn with_text(self, text: &'b str) -> Self {
        Self { data: Data::Str(text), ..self }
    }

    pub(crate) const fn place(&self) -> Place {
        self.place
    }

    /// The reserved bits of its frame.
    pub(crate) const fn rsv(&self) -> u8 {
        if self.place.first && self.is_deflated() { Header::RSV1 } else { 0 }
    }

    /// Tells whether its bytes are what an extension has made of the message.
    #[cfg_attr(not(feature = "deflate"), expect(clippy::unused_self, reason = "none can be"))]
    pub(crate) const fn is_deflated(&self) -> bool {
        #[cfg(feature = "deflate")]
        return matches!(self.data, Data::Deflated(_));
        #[cfg(not(feature = "deflate"))]
        false
    }

    /// Tells whether it is known to be text of whole code points.
    pub(crate) const fn is_str(&self) -> bool {
        matches!(self.data, Data::Str(_))
    }

    /// Takes its first `len` bytes off, as a fragment of their own, for peers that cannot take long frames;
    /// text is cut before the code point that does not fit, unless it is the first. Returns them and the
    /// rest, which goes on with the message; `None` if it has no more than that, or `len` is 0.
    ///
    /// ```
    /// use wirelet::Chunk;
    ///
    /// let (first, rest) = Chunk::whole("23 °C").split_at(4).unwrap();
    /// assert_eq!(first, Chunk::first("23 "));
    /// assert_eq!(rest, Chunk::last("°C"));
    /// assert_eq!(rest.split_at(4), None);
    /// ```
    #[must_use]
    pub fn split_at(self, len: usize) -> Option<(Self, Self)> {
        if len == 0 || len >= self.as_bytes().len() {
            return None;
        }
        let (front, back) = match self.data {
            // A code point has 4 bytes at most.
            Data::Str(text) => {
                match (1..=len).rev().take(4).find_map(|at| text.split_at_checked(at)) {
                    Some((front, back)) => (Data::Str(front), Data::Str(back)),
                    None => bytes_of(text.as_bytes().split_at_checked(len)?),
                }
            }
            Data::Bytes(bytes) => bytes_of(bytes.split_at_checked(len)?),
            #[cfg(feature = "deflate")]
            Data::Deflated(bytes) => {
                let (front, back) = bytes.split_at_checked(len)?;
                (Data::Deflated(front), Data::Deflated(back))
            }
        };
        let (begin, end) =
            (Place { last: false, ..self.place }, Place { first: false, ..self.place });
        Some((Self { data: front, place: begin, ..self }, Self { data: back, place: end, ..self }))
    }

    /// Returns the bytes of this piece; empty for an empty message or fragment.
    #[must_use]
    pub const fn as_bytes(&self) -> &'b [u8] {
        match self.data {
            Data::Str(text) => text.as_bytes(),
            Data::Bytes(bytes) => bytes,
            #[cfg(feature = "deflate")]
            Data::Deflated(bytes) => bytes,
        }
    }

    /// Returns this piece of a text if it begins and ends between two code points.
    #[must_use]
    pub fn as_str(&self) -> Option<&'b str> {
        match (self.data, self.place.kind) {
            (Data::Str(text), _) => Some(text),
            (Data::Bytes(bytes), Kind::Text) => to_str(bytes),
            (Data::Bytes(_), Kind::Binary) => None,
            #[cfg(feature = "deflate")]
            (Data::Deflated(_), _) => None,
        }
    }

    /// Returns the message if this chunk is all of it.
    #[must_use]
    pub fn message(&self) -> Option<Message<'b>> {
        if !self.place.is_whole() {
            return None;
        }
        match (self.data, self.place.kind) {
            (Data::Bytes(bytes), Kind::Binary) => Some(Message::Binary(bytes)),
            _ => self.as_str().map(Message::Text),
        }
    }

    /// Tells text from binary.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.place.kind
    }

    /// Tells whether the message begins with this chunk.
    #[must_use]
    pub const fn is_first(&self) -> bool {
        self.place.first
    }

    /// Tells whether the message ends with this chunk.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.place.last
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
const fn bytes_of<'b>((front, back): (&'b [u8], &'b [u8])) -> (Data<'b>, Data<'b>) {
    (Data::Bytes(front), Data::Bytes(back))
}

impl PartialEq for Chunk<'_> {
    fn eq(&self, other: &Self) -> bool {
        (self.place, self.remaining) == (other.place, other.remaining)
            && self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Chunk<'_> {}

impl<'b, M: Into<Message<'b>>> From<M> for Chunk<'b> {
    fn from(message: M) -> Self {
        Self::whole(message)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;

    #[test]
    fn what_is_known_to_be_text_need_not_be_looked_at_again() {
        let place = Place { kind: Kind::Text, first: true, last: false };
        let chunk = Chunk::received(place, "café".as_bytes(), 7);
        assert!(!chunk.is_str());
        let known = chunk.with_text("café");
        assert!(known.is_str());
        assert_eq!(known, chunk);
    }

    #[test]
    fn pieces_are_of_the_length_that_fits_and_make_the_whole_again() {
        let place = Place { kind: Kind::Text, first: false, last: true };
        let text = "aé€𝄞z";
        let parts = [
            Chunk::whole(text),
            Chunk::first(text.as_bytes()),
            Chunk::received(place, &text.as_bytes()[2..], 0),
        ];
        for chunk in parts {
            for len in 1..=text.len() {
                let (mut rest, mut joined, mut n_pieces) = (chunk, std::vec::Vec::new(), 0);
                while let Some((piece, behind)) = rest.split_at(len) {
                    assert!((1..=len).contains(&piece.as_bytes().len()), "{len}");
                    assert_eq!(piece.is_first(), chunk.is_first() && n_pieces == 0);
                    assert!(!piece.is_last() && piece.kind() == chunk.kind());
                    // What was text of whole code points stays so, where they fit.
                    assert!(len < 4 || piece.is_str() == chunk.is_str());
                    joined.extend_from_slice(piece.as_bytes());
                    (rest, n_pieces) = (behind, n_pieces + 1);
                }
                assert!(rest.as_bytes().len() <= len && rest.is_last() == chunk.is_last());
                joined.extend_from_slice(rest.as_bytes());
                assert_eq!(joined, chunk.as_bytes());
            }
            assert_eq!(chunk.split_at(0), None);
        }
    }

    #[test]
    fn chunks_are_equal_if_their_places_and_their_bytes_are() {
        let place = Place { kind: Kind::Text, first: true, last: false };
        let chunk = Chunk::received(place, b"abc", 7);
        assert_eq!(chunk, Chunk::received(place, b"abc", 7));
        for other in [
            Chunk::received(place, b"abd", 7),
            Chunk::received(place, b"ab", 7),
            Chunk::received(place, b"abc", 6),
            Chunk::received(Place { kind: Kind::Binary, ..place }, b"abc", 7),
            Chunk::received(Place { first: false, ..place }, b"abc", 7),
            Chunk::received(Place { last: true, ..place }, b"abc", 7),
        ] {
            assert_ne!(chunk, other);
        }
    }
}
