//! Joining chunks to messages in one store of fixed capacity.

use heapless::vec::{VecInner, VecStorage};

use crate::message::Place;
use crate::utf8::to_str;
use crate::{CapacityError, Chunk, Kind, Message};

/// Stores the bytes of one message that came in pieces.
///
/// Implemented for [`heapless::Vec`] and its type-erased `VecView`, and for references to a store;
/// a host implements it for storage that it allocates, up to a limit.
pub trait Store {
    /// Appends `bytes`.
    ///
    /// # Errors
    ///
    /// [`CapacityError`] if they don't fit.
    fn append(&mut self, bytes: &[u8]) -> Result<(), CapacityError>;

    /// Returns how many bytes can still be appended.
    fn room(&self) -> usize;

    /// Returns what was appended since the last [`clear`](Self::clear).
    fn as_bytes(&self) -> &[u8];

    /// Removes all bytes.
    fn clear(&mut self);
}

impl<S: VecStorage<u8> + ?Sized> Store for VecInner<u8, usize, S> {
    fn append(&mut self, bytes: &[u8]) -> Result<(), CapacityError> {
        self.extend_from_slice(bytes).map_err(|_| CapacityError)
    }

    fn room(&self) -> usize {
        self.capacity().saturating_sub(self.len())
    }

    fn as_bytes(&self) -> &[u8] {
        self.as_slice()
    }

    fn clear(&mut self) {
        self.truncate(0);
    }
}

impl<T: Store + ?Sized> Store for &mut T {
    fn append(&mut self, bytes: &[u8]) -> Result<(), CapacityError> {
        (**self).append(bytes)
    }

    fn room(&self) -> usize {
        (**self).room()
    }

    fn as_bytes(&self) -> &[u8] {
        (**self).as_bytes()
    }

    fn clear(&mut self) {
        (**self).clear();
    }
}

/// Joins chunks to messages.
///
/// A message that is whole in one chunk is lent as it lies, whatever its length; one in pieces is
/// copied to the store, and refused as soon as it is known not to fit.
///
/// ```
/// use wirelet::{CapacityError, Chunk, Inbox, Message};
///
/// let mut inbox = Inbox::new(heapless::Vec::<u8, 8>::new());
/// assert_eq!(inbox.push(Chunk::whole("no copy")), Ok(Some(Message::Text("no copy"))));
/// assert_eq!(inbox.push(Chunk::first("in ")), Ok(None));
/// assert_eq!(inbox.push(Chunk::last("parts")), Ok(Some(Message::Text("in parts"))));
/// assert_eq!(inbox.push(Chunk::first("one byte")), Ok(None));
/// assert_eq!(inbox.push(Chunk::last("!")), Err(CapacityError));
/// ```
#[derive(Debug, Default)]
pub struct Inbox<S> {
    store: S,
    state: State,
}

/// What the store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// A whole message, or nothing.
    #[default]
    Idle,
    /// The beginning of a message.
    Joining,
    /// The beginning of a message that was refused: what follows of it is refused, too.
    Refused,
}

impl<S: Store> Inbox<S> {
    /// Uses `store`, whose content is lost.
    pub const fn new(store: S) -> Self {
        // The first chunk clears it.
        Self { store, state: State::Idle }
    }

    /// Lends the store, to look at its capacity for example.
    pub const fn store(&self) -> &S {
        &self.store
    }

    /// Lends the store, to read the next bytes of a message straight into it. A chunk of them is
    /// then made known by [`push_stored`](Self::push_stored).
    pub const fn store_mut(&mut self) -> &mut S {
        &mut self.store
    }

    /// Empties the store, once the message that was joined in it is done with. A store that
    /// allocates gives its memory back.
    pub fn clear(&mut self) {
        self.store.clear();
        self.state = State::Idle;
    }

    /// Adds the next chunk; returns the message when it is whole.
    ///
    /// # Errors
    ///
    /// [`CapacityError`] if the message is longer than the store, and again for each chunk that
    /// follows of it. It is to be answered by [`Connection::fail`](crate::Connection::fail) with
    /// [`CapacityError::CLOSE_CODE`].
    pub fn push<'m>(&'m mut self, chunk: Chunk<'m>) -> Result<Option<Message<'m>>, CapacityError> {
        if let Some(message) = chunk.message() {
            return Ok(Some(message));
        }
        let announced = (chunk.as_bytes().len() as u64).saturating_add(chunk.remaining());
        self.begin(chunk.place())?;
        if announced > self.store.room() as u64 {
            return Err(self.refuse());
        }
        self.append(chunk.place(), chunk.as_bytes())?;
        Ok(chunk.is_last().then(|| self.message(chunk.kind())))
    }

    /// Adds a chunk whose bytes have been appended to the store in another way, with its kind and
    /// whether the message ends with it; returns the message when it is whole.
    ///
    /// It must belong to a frame of which [`push`](Self::push) has taken a chunk before: that was
    /// when the whole of it was held against the store's room.
    ///
    /// ```
    /// use wirelet::{Chunk, Inbox, Kind, Message, Store};
    ///
    /// let mut inbox = Inbox::new(heapless::Vec::<u8, 8>::new());
    /// inbox.push(Chunk::first(b"in "))?;
    /// inbox.store_mut().append(b"place")?; // such as read there
    /// assert_eq!(inbox.push_stored(Kind::Binary, true), Some(Message::Binary(b"in place")));
    /// # Ok::<(), wirelet::CapacityError>(())
    /// ```
    pub fn push_stored(&mut self, kind: Kind, is_last: bool) -> Option<Message<'_>> {
        is_last.then(|| {
            self.state = State::Idle;
            self.message(kind)
        })
    }

    /// Copies a chunk to the store.
    pub(crate) fn join(&mut self, place: Place, bytes: &[u8]) -> Result<(), CapacityError> {
        self.begin(place)?;
        self.append(place, bytes)
    }

    fn begin(&mut self, place: Place) -> Result<(), CapacityError> {
        if place.first || self.state == State::Idle {
            self.store.clear();
        } else if self.state == State::Refused {
            return Err(CapacityError);
        }
        Ok(())
    }

    fn append(&mut self, place: Place, bytes: &[u8]) -> Result<(), CapacityError> {
        self.store.append(bytes).map_err(|CapacityError| self.refuse())?;
        self.state = if place.last { State::Idle } else { State::Joining };
        Ok(())
    }

    fn refuse(&mut self) -> CapacityError {
        self.state = State::Refused;
        CapacityError
    }

    /// Tells whether the store holds the beginning of a message.
    pub(crate) fn is_joining(&self) -> bool {
        self.state == State::Joining
    }

    /// Notes that what was joined so far has been taken by its bytes.
    pub(crate) fn hand_out(&mut self) {
        self.state = State::Idle;
    }

    /// Returns the message whose last chunk was stored.
    pub(crate) fn message(&self, kind: Kind) -> Message<'_> {
        message(kind, self.store.as_bytes())
    }
}

/// Makes a message of bytes that came in valid chunks.
pub(crate) fn message(kind: Kind, bytes: &[u8]) -> Message<'_> {
    match kind {
        Kind::Binary => Message::Binary(bytes),
        // Safe code must look again at what was validated chunk by chunk.
        Kind::Text => Message::Text(to_str(bytes).unwrap_or_else(|| {
            debug_assert!(false, "chunks are validated");
            ""
        })),
    }
}
