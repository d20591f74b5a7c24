//! The memory of a driver: three buffers of fixed capacity.

use core::cell::Cell;

use crate::slice::{behind, behind_mut, front, front_mut};
use crate::{CapacityError, Store};

/// Holds the memory of one WebSocket: `RECEIVE + MESSAGE + TRANSMIT` bytes.
///
/// | buffer | holds | how large |
/// |---|---|---|
/// | `RECEIVE` | what one read brings; during the handshake the whole head of the peer | ≥ 1; a browser's head has 500–1,000 bytes |
/// | `MESSAGE` | a message that does not lie whole in `RECEIVE`; it is the limit of all that are received whole | the longest message in bytes; 0 if you take chunks |
/// | `TRANSMIT` | frames and replies that wait for the socket | ≥ 131, checked at compile time; sends that fit are atomic |
///
/// It can be a `static`, and is used again for the next connection. For buffers whose lengths are
/// known at run time, or that lie elsewhere, see [`Buffers::new`].
///
/// ```
/// use wirelet::Storage;
///
/// let mut storage = Storage::<1024, 1024, 256>::new();
/// let buffers = storage.buffers(); // for WebSocket::new
/// # let _ = buffers;
/// ```
#[derive(Debug)]
pub struct Storage<const RECEIVE: usize, const MESSAGE: usize, const TRANSMIT: usize> {
    receive: [u8; RECEIVE],
    message: [u8; MESSAGE],
    transmit: [u8; TRANSMIT],
}

impl<const RECEIVE: usize, const MESSAGE: usize, const TRANSMIT: usize>
    Storage<RECEIVE, MESSAGE, TRANSMIT>
{
    /// Makes storage; its content does not matter.
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(RECEIVE > 0, "nothing can be received into no bytes") };
        const { assert!(TRANSMIT >= MAX_REPLY_LEN, "TRANSMIT must be at least 131 bytes") };
        Self { receive: [0; RECEIVE], message: [0; MESSAGE], transmit: [0; TRANSMIT] }
    }

    /// Lends the memory to one connection.
    pub const fn buffers(&mut self) -> Buffers<'_> {
        Buffers {
            receive: Window::new(&mut self.receive),
            message: Joined::new(&mut self.message),
            transmit: Window::new(&mut self.transmit),
        }
    }
}

impl<const RECEIVE: usize, const MESSAGE: usize, const TRANSMIT: usize> Default
    for Storage<RECEIVE, MESSAGE, TRANSMIT>
{
    fn default() -> Self {
        Self::new()
    }
}

/// Lends the memory of one WebSocket, whatever its capacities and wherever it lies.
///
/// ```
/// use wirelet::{Buffers, Storage};
///
/// fn start(buffers: Buffers<'_>) {
///     # let _ = buffers;
/// }
/// start(Storage::<512, 0, 131>::new().buffers());
///
/// // In a section of the linker's, in external RAM, or as long as the configuration says:
/// let (mut receive, mut message, mut transmit) = ([0; 1024], [0; 4096], [0; 256]);
/// let buffers = Buffers::new(&mut receive, &mut message, &mut transmit);
/// start(buffers.expect("`receive` is not empty, and `transmit` has 131 bytes or more"));
/// ```
#[derive(Debug)]
pub struct Buffers<'b> {
    pub(crate) receive: Window<'b>,
    pub(crate) message: Joined<'b>,
    pub(crate) transmit: Window<'b>,
}

impl<'b> Buffers<'b> {
    /// The least length of the transmit buffer in bytes: that of the longest reply, the masked pong
    /// to a ping of 125 bytes.
    pub const MIN_TRANSMIT: usize = MAX_REPLY_LEN;

    /// Takes slices, whose roles are those of [`Storage`]; `None` if `receive` is empty, or
    /// `transmit` shorter than [`MIN_TRANSMIT`](Self::MIN_TRANSMIT).
    #[must_use]
    pub const fn new(
        receive: &'b mut [u8],
        message: &'b mut [u8],
        transmit: &'b mut [u8],
    ) -> Option<Self> {
        if receive.is_empty() || transmit.len() < Self::MIN_TRANSMIT {
            return None;
        }
        Some(Self {
            receive: Window::new(receive),
            message: Joined::new(message),
            transmit: Window::new(transmit),
        })
    }
}

/// A buffer and the part of it that is filled.
///
/// ```text
/// 0 ≤ start ≤ end ≤ len
/// ┌────────────┬──────────────┬──────────────┐
/// │  consumed  │    filled    │    space     │
/// └────────────┴──────────────┴──────────────┘
///            start           end            len
/// ```
#[derive(Debug)]
pub(crate) struct Window<'b> {
    buffer: &'b mut [u8],
    start: usize,
    end: usize,
}

impl<'b> Window<'b> {
    const fn new(buffer: &'b mut [u8]) -> Self {
        Self { buffer, start: 0, end: 0 }
    }

    pub(crate) const fn filled(&self) -> &[u8] {
        behind(front(self.buffer, self.end), self.start)
    }

    pub(crate) const fn filled_mut(&mut self) -> &mut [u8] {
        behind_mut(front_mut(self.buffer, self.end), self.start)
    }

    /// The filled part, for as long as the buffer is lent.
    pub(crate) const fn into_filled(self) -> &'b mut [u8] {
        behind_mut(front_mut(self.buffer, self.end), self.start)
    }

    /// The `len` bytes that were consumed last.
    pub(crate) const fn consumed(&self, len: usize) -> &[u8] {
        behind(front(self.buffer, self.start), self.start.wrapping_sub(len))
    }

    pub(crate) const fn space(&mut self) -> &mut [u8] {
        behind_mut(self.buffer, self.end)
    }

    pub(crate) const fn space_len(&self) -> usize {
        self.buffer.len().wrapping_sub(self.end)
    }

    pub(crate) const fn capacity(&self) -> usize {
        self.buffer.len()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Tells whether nothing has been in the buffer.
    pub(crate) const fn is_fresh(&self) -> bool {
        self.end == 0
    }

    /// Tells buffers apart that are lent at the same time.
    pub(crate) fn addr(&self) -> usize {
        self.buffer.as_ptr().addr()
    }

    /// Removes the first `len` bytes of the filled part; the others move there.
    pub(crate) fn remove(&mut self, len: usize) {
        let cells = Cell::from_mut(self.filled_mut()).as_slice_of_cells();
        let moved = cells.get(len..).unwrap_or_default();
        for (to, from) in cells.iter().zip(moved) {
            to.set(from.get());
        }
        debug_assert!(len <= self.filled().len(), "more removed than there was");
        self.end = self.end.wrapping_sub(len);
    }

    /// Takes `n` bytes at the beginning of the space as filled.
    pub(crate) fn fill(&mut self, n: usize) {
        // It may come from a socket that counts wrong.
        self.end = self.end.saturating_add(n).min(self.buffer.len());
    }

    /// Takes `n` bytes at the beginning of the filled part as consumed.
    pub(crate) fn consume(&mut self, n: usize) {
        debug_assert!(n <= self.filled().len(), "more consumed than there was");
        self.start = self.start.wrapping_add(n);
    }

    /// Makes all of the buffer space.
    pub(crate) const fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
    }
}

/// The buffer in which a message is joined.
#[derive(Debug)]
pub(crate) struct Joined<'b> {
    buffer: &'b mut [u8],
    len: usize,
}

impl<'b> Joined<'b> {
    const fn new(buffer: &'b mut [u8]) -> Self {
        Self { buffer, len: 0 }
    }

    pub(crate) const fn capacity(&self) -> usize {
        self.buffer.len()
    }
}

impl Store for Joined<'_> {
    fn append(&mut self, bytes: &[u8]) -> Result<(), CapacityError> {
        let end = self.len.saturating_add(bytes.len());
        let slot = self.buffer.get_mut(self.len..end).ok_or(CapacityError)?;
        crate::slice::copy(bytes, slot);
        self.len = end;
        Ok(())
    }

    fn room(&self) -> usize {
        self.buffer.len().saturating_sub(self.len)
    }

    fn as_bytes(&self) -> &[u8] {
        front(self.buffer, self.len)
    }

    fn clear(&mut self) {
        self.len = 0;
    }
}

/// §5.5: the longest payload of a control frame in bytes.
pub(crate) const MAX_CONTROL_LEN: usize = 125;

/// The longest control frame: 2 bytes of header, 4 of key, and the payload.
const MAX_REPLY_LEN: usize = 6 + MAX_CONTROL_LEN;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_that_are_too_short_are_no_buffers() {
        assert!(Buffers::new(&mut [0; 1], &mut [], &mut [0; 131]).is_some());
        assert!(Buffers::new(&mut [], &mut [], &mut [0; 131]).is_none());
        assert!(Buffers::new(&mut [0; 1], &mut [], &mut [0; 130]).is_none());
    }

    #[test]
    fn a_message_that_is_joined_has_the_room_that_is_left() {
        let mut buffer = [0; 5];
        let mut joined = Joined::new(&mut buffer);
        assert_eq!((joined.capacity(), joined.room()), (5, 5));
        assert_eq!(joined.append(b"abc"), Ok(()));
        assert_eq!((joined.as_bytes(), joined.room()), (&b"abc"[..], 2));
        assert_eq!(joined.append(b"xyz"), Err(CapacityError));
        assert_eq!(joined.append(b"de"), Ok(()));
        assert_eq!((joined.as_bytes(), joined.room()), (&b"abcde"[..], 0));
        joined.clear();
        assert_eq!((joined.as_bytes(), joined.room()), (&b""[..], 5));
    }

    #[test]
    fn a_socket_that_counts_wrong_leads_out_of_no_buffer() {
        let mut buffer = [0; 8];
        let mut window = Window::new(&mut buffer);
        window.fill(9);
        assert_eq!((window.filled().len(), window.space_len()), (8, 0));
    }
}
