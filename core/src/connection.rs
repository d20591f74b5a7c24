//! One end of a connection after its handshake, sans-I/O.

use crate::{Chunk, Close, CloseCode, Kind, ProtocolError, Role, SendError};

mod extension;
mod incoming;
mod outgoing;

pub use extension::Extension;
pub use incoming::{Event, Incoming, Progress};
pub use outgoing::{FrameStart, Outgoing};

/// Holds the state of one end of a connection; owns no socket, no clock and no buffer.
///
/// Feed it received bytes, cut anywhere; write out what it replies; ask it to encode what you
/// send.
///
/// | when | call |
/// |---|---|
/// | bytes arrived | [`receive`](Self::receive), until all are consumed |
/// | after every `receive` | [`reply`](Self::reply), until it returns 0; send what it wrote |
/// | you have something to say | [`send`](Self::send), [`ping`](Self::ping), [`close`](Self::close) |
/// | a message is too big for you | [`fail`](Self::fail) |
/// | after a close or an error | [`is_closed`](Self::is_closed), [`closes_tcp_first`](Self::closes_tcp_first) |
///
/// ```
/// use wirelet::{Connection, Event, Server};
///
/// let mut connection = Connection::new(Server);
/// // §5.7: a single-frame masked text message contains "Hello".
/// let mut input = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
/// let mut out = [0; 64];
///
/// let progress = connection.receive(&mut input)?;
/// assert_eq!(progress.consumed, 11);
/// if let Some(Event::Chunk(chunk)) = progress.event {
///     let n = connection.send(chunk, &mut out)?;
///     assert_eq!(out[..n], *b"\x81\x05Hello");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Closing
///
/// A close frame of the peer shows as [`Event::Close`] and is answered by `reply`; a close that
/// you begin ends when that event comes. From then on, and after an error, input is consumed and
/// ignored. [`split`](Self::split) gives the two directions to two owners.
///
/// # Extensions
///
/// `X` is what the handshake has negotiated beside the protocol; `()`, for nothing, takes no memory.
#[derive(Debug)]
pub struct Connection<Ro, X = ()> {
    incoming: Incoming<Ro, X>,
    outgoing: Outgoing<Ro>,
}

impl<Ro: Role> Connection<Ro> {
    /// Begins after the opening handshake.
    pub const fn new(role: Ro) -> Self {
        Self::with_extension(role, ())
    }
}

impl<Ro: Role, X: Extension> Connection<Ro, X> {
    /// Begins after an opening handshake that has negotiated `extension`.
    pub const fn with_extension(role: Ro, extension: X) -> Self {
        Self { incoming: Incoming::new(extension), outgoing: Outgoing::new(role) }
    }

    /// Takes the next received bytes; see [`Incoming::receive`].
    ///
    /// # Errors
    ///
    /// The peer broke the protocol; `reply` has the close frame that tells it so.
    pub fn receive<'b>(&mut self, input: &'b mut [u8]) -> Result<Progress<'b>, ProtocolError> {
        self.incoming.receive(input)
    }

    /// Takes the next received bytes of messages that have at most `limit` bytes; see
    /// [`Incoming::receive_within`].
    ///
    /// # Errors
    ///
    /// As [`receive`](Self::receive), and [`ProtocolError::MessageTooBig`].
    pub fn receive_within<'b>(
        &mut self,
        limit: usize,
        input: &'b mut [u8],
    ) -> Result<Progress<'b>, ProtocolError> {
        self.incoming.receive_within(limit, input)
    }

    /// Tells whether `receive` may have another event without more input; see
    /// [`Incoming::has_more`].
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.incoming.has_more()
    }

    /// Lends the extension.
    pub const fn extension(&self) -> &X {
        self.incoming.extension()
    }

    /// Lends the extension, to let it transform a chunk.
    pub const fn extension_mut(&mut self) -> &mut X {
        self.incoming.extension_mut()
    }

    /// Writes the next bytes of the waiting reply; see [`Outgoing::reply`].
    pub fn reply(&mut self, out: &mut [u8]) -> usize {
        self.outgoing.reply(&mut self.incoming, out)
    }

    /// Encodes a message or a fragment as one frame; see [`Outgoing::send`].
    ///
    /// # Errors
    ///
    /// See [`SendError`]; nothing was written.
    pub fn send<'b>(
        &mut self,
        chunk: impl Into<Chunk<'b>>,
        out: &mut [u8],
    ) -> Result<usize, SendError> {
        self.outgoing.send(chunk, out)
    }

    /// Begins a frame without copying its payload; see [`Outgoing::start`].
    ///
    /// # Errors
    ///
    /// See [`SendError`]; nothing has changed.
    pub fn start(&mut self, chunk: &Chunk<'_>) -> Result<FrameStart, SendError> {
        self.outgoing.start(chunk)
    }

    /// Begins a frame whose payload follows piece by piece; see [`Outgoing::begin`].
    ///
    /// # Errors
    ///
    /// See [`SendError`]; nothing has changed.
    pub fn begin(
        &mut self,
        kind: Kind,
        is_last: bool,
        len: usize,
    ) -> Result<FrameStart, SendError> {
        self.outgoing.begin(kind, is_last, len)
    }

    /// Writes the next piece of the payload of the frame that was begun; see
    /// [`Outgoing::payload`].
    ///
    /// # Errors
    ///
    /// [`SendError::InvalidUtf8`]; nothing was written.
    pub fn payload(&mut self, piece: &[u8], out: &mut [u8]) -> Result<usize, SendError> {
        self.outgoing.payload(piece, out)
    }

    /// Returns how many bytes the frame that was begun lacks; see [`Outgoing::unfinished`].
    #[must_use]
    pub const fn unfinished(&self) -> usize {
        self.outgoing.unfinished()
    }

    /// Checks that a whole message may begin now; see [`Outgoing::may_begin`].
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn may_begin(&self) -> Result<(), SendError> {
        self.outgoing.may_begin()
    }

    /// Encodes a ping; see [`Outgoing::ping`].
    ///
    /// # Errors
    ///
    /// See [`SendError`]; nothing was written.
    pub fn ping(&mut self, payload: &[u8], out: &mut [u8]) -> Result<usize, SendError> {
        self.outgoing.ping(payload, out)
    }

    /// Encodes an unsolicited pong; see [`Outgoing::pong`].
    ///
    /// # Errors
    ///
    /// See [`SendError`]; nothing was written.
    pub fn pong(&mut self, payload: &[u8], out: &mut [u8]) -> Result<usize, SendError> {
        self.outgoing.pong(payload, out)
    }

    /// Encodes a close frame, which begins the closing handshake; see [`Outgoing::close`].
    ///
    /// # Errors
    ///
    /// See [`SendError`]; nothing was written.
    pub fn close<'b>(
        &mut self,
        close: impl Into<Close<'b>>,
        out: &mut [u8],
    ) -> Result<usize, SendError> {
        self.outgoing.close(close, out)
    }

    /// Fails the connection with `code`, such as 1009 for a message that is too big (§7.1.7); see
    /// [`Incoming::fail`].
    pub fn fail(&mut self, code: CloseCode) {
        self.incoming.fail(code);
    }

    /// Returns how many bytes of the current data frame are still to come; see
    /// [`Incoming::remaining`].
    #[must_use]
    pub const fn remaining(&self) -> u64 {
        self.incoming.remaining()
    }

    /// Returns the payload of the ping, pong or close that was received last, at most 125 bytes,
    /// until more is received.
    #[must_use]
    pub fn control_payload(&self) -> &[u8] {
        self.incoming.control_payload()
    }

    /// Returns what the peer's close frame said, once [`Event::Close`] has come.
    #[must_use]
    pub fn close_received(&self) -> Option<Close<'_>> {
        self.incoming.close_received()
    }

    /// Tells whether a close frame has been sent, after which nothing else can be.
    #[must_use]
    pub const fn is_close_sent(&self) -> bool {
        self.outgoing.is_close_sent()
    }

    /// Tells whether nothing more will be received or sent, so that TCP can be closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.incoming.is_ended() && self.outgoing.is_close_sent()
    }

    /// Tells whether this end, once [`is_closed`](Self::is_closed), closes TCP at once, or waits
    /// for the peer to do so.
    ///
    /// §7.1.1: "in most normal cases, the TCP connection SHOULD be closed first by the server, so
    /// that it holds the `TIME_WAIT` state". A client goes first only after a violation.
    #[must_use]
    pub fn closes_tcp_first(&self) -> bool {
        !Ro::IS_CLIENT || self.incoming.close_received().is_none()
    }

    /// Gives the two directions to two owners, for full duplex.
    ///
    /// What [`Incoming`] has to reply is written by [`Outgoing::reply`].
    pub fn split(self) -> (Incoming<Ro, X>, Outgoing<Ro>) {
        (self.incoming, self.outgoing)
    }
}
