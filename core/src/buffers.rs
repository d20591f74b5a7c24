//! The memory of a driver: three buffers of fixed capacity.

use heapless::{Vec, VecView};

/// Holds the memory of one WebSocket: `RECEIVE + MESSAGE + TRANSMIT` bytes and a few counters.
///
/// | buffer | holds | how large |
/// |---|---|---|
/// | `RECEIVE` | what one read brings; during the handshake the whole head | ≥ 1; a browser's head has 500–1,000 bytes |
/// | `MESSAGE` | a message that does not lie whole in `RECEIVE` | the longest message to be joined; 0 if you take chunks |
/// | `TRANSMIT` | frames and replies that wait for the socket | ≥ 131, checked at compile time; sends that fit are atomic |
///
/// It can be a `static`, and is used again for the next connection.
///
/// ```
/// use wirelet::Storage;
///
/// let mut storage = Storage::<1024, 1024, 256>::new();
/// let buffers = storage.buffers(); // for WebSocket::accept or WebSocket::connect
/// # let _ = buffers;
/// ```
#[derive(Debug)]
pub struct Storage<const RECEIVE: usize, const MESSAGE: usize, const TRANSMIT: usize> {
    receive: [u8; RECEIVE],
    message: Vec<u8, MESSAGE>,
    transmit: [u8; TRANSMIT],
}

/// Lends the memory of a [`Storage`], whatever its capacities.
///
/// ```
/// use wirelet::{Buffers, Storage};
///
/// fn start(buffers: Buffers<'_>) {
///     # let _ = buffers;
/// }
/// start(Storage::<512, 0, 131>::new().buffers());
/// ```
#[derive(Debug)]
pub struct Buffers<'b> {
    pub(crate) receive: Window<'b>,
    pub(crate) message: &'b mut VecView<u8>,
    pub(crate) transmit: Window<'b>,
}

impl<const RECEIVE: usize, const MESSAGE: usize, const TRANSMIT: usize>
    Storage<RECEIVE, MESSAGE, TRANSMIT>
{
    /// Makes storage; its content does not matter.
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(RECEIVE > 0, "nothing can be received into no bytes") };
        const { assert!(TRANSMIT >= MAX_REPLY_LEN, "TRANSMIT must be at least 131 bytes") };
        Self { receive: [0; RECEIVE], message: Vec::new(), transmit: [0; TRANSMIT] }
    }

    /// Lends the memory to one connection.
    pub fn buffers(&mut self) -> Buffers<'_> {
        Buffers {
            receive: Window::new(&mut self.receive),
            message: &mut self.message,
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

    pub(crate) fn filled(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    pub(crate) fn filled_mut(&mut self) -> &mut [u8] {
        self.buffer.get_mut(self.start..self.end).unwrap_or_default()
    }

    /// The `len` bytes that were consumed last.
    pub(crate) fn consumed(&self, len: usize) -> &[u8] {
        self.buffer.get(self.start.saturating_sub(len)..self.start).unwrap_or_default()
    }

    pub(crate) fn space(&mut self) -> &mut [u8] {
        self.buffer.get_mut(self.end..).unwrap_or_default()
    }

    pub(crate) const fn capacity(&self) -> usize {
        self.buffer.len()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Takes `n` bytes at the beginning of the space as filled.
    pub(crate) fn fill(&mut self, n: usize) {
        self.end = self.end.saturating_add(n).min(self.buffer.len());
    }

    /// Takes `n` bytes at the beginning of the filled part as consumed.
    pub(crate) fn consume(&mut self, n: usize) {
        self.start = self.start.saturating_add(n).min(self.end);
    }

    /// Makes all of the buffer space.
    pub(crate) const fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
    }
}

/// Copies as much of `from` as `to` has space for; returns how much that is.
pub(crate) fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let len = from.len().min(to.len());
    for (slot, byte) in to.iter_mut().zip(from) {
        *slot = *byte;
    }
    len
}

/// §5.5: the longest payload of a control frame in bytes.
pub(crate) const MAX_CONTROL_LEN: usize = 125;

/// The longest control frame: 2 bytes of header, 4 of key, and the payload.
const MAX_REPLY_LEN: usize = 6 + MAX_CONTROL_LEN;
