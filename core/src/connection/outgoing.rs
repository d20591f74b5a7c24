//! The sending direction: message ─▶ header + payload, masked if client ─▶ bytes.

use core::fmt;

use super::Incoming;
use super::incoming::Reply;
use crate::buffers::{MAX_CONTROL_LEN, copy};
use crate::{Chunk, Close, Header, Kind, MaskingKey, Opcode, Role, SendError};

/// The sending direction of a [`Connection`](super::Connection).
///
/// ```
/// use wirelet::{Chunk, CloseCode, Connection, Server};
///
/// let (_, mut outgoing) = Connection::new(Server).split();
/// let mut out = [0; 32];
/// let n = outgoing.send(Chunk::first("Hel"), &mut out)?;
/// assert_eq!(out[..n], *b"\x01\x03Hel");
/// let n = outgoing.ping(b"?", &mut out)?; // between two fragments, never inside a frame
/// assert_eq!(out[..n], *b"\x89\x01?");
/// let n = outgoing.send(Chunk::last("lo"), &mut out)?;
/// assert_eq!(out[..n], *b"\x80\x02lo");
/// let n = outgoing.close(CloseCode::NORMAL_CLOSURE, &mut out)?;
/// assert_eq!(out[..n], *b"\x88\x02\x03\xe8");
/// # Ok::<(), wirelet::SendError>(())
/// ```
#[derive(Debug)]
pub struct Outgoing<Ro> {
    role: Ro,
    /// The fragmented message that has begun and not ended.
    message: Option<Kind>,
    close_sent: bool,
    /// A reply that has been written in part.
    unfinished: Option<Unfinished>,
}

/// How far a reply has been written.
#[derive(Clone, Copy, Debug)]
struct Unfinished {
    reply: Reply,
    key: Option<MaskingKey>,
    /// At least 1, and less than the length of its frame, which is at most 131.
    written: u8,
}

/// Begins a frame whose payload the caller writes: its header, and the key to mask it with.
///
/// Made by [`Outgoing::start`].
///
/// ```
/// use wirelet::{Chunk, Connection, Server};
///
/// let (_, mut outgoing) = Connection::new(Server).split();
/// static PICTURE: [u8; 70_000] = [7; 70_000]; // in flash, say
/// let start = outgoing.start(&Chunk::whole(&PICTURE))?;
/// assert_eq!(start.header(), [0x82, 0x7f, 0, 0, 0, 0, 0, 0x01, 0x11, 0x70]);
/// // Write the header and then PICTURE.
/// # Ok::<(), wirelet::SendError>(())
/// ```
#[derive(Clone, Copy)]
pub struct FrameStart {
    /// Begins with the header.
    bytes: [[u8; 8]; 2],
    header_len: usize,
    key: Option<MaskingKey>,
}

impl fmt::Debug for FrameStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { header_len, key, .. } = self;
        // Not the bytes, of which the key is the last four.
        let mut fields = f.debug_struct("FrameStart");
        fields.field("header_len", header_len).field("key", key).finish_non_exhaustive()
    }
}

impl FrameStart {
    fn new(header: &Header) -> Self {
        let (bytes, header_len) = header.to_bytes();
        Self { bytes, header_len, key: header.masking_key }
    }

    /// Returns the header, which comes first.
    #[must_use]
    pub fn header(&self) -> &[u8] {
        self.bytes.as_flattened().get(..self.header_len).unwrap_or_default()
    }

    /// Masks the next piece of the payload in place, if the frame is masked.
    pub fn mask(&mut self, payload: &mut [u8]) {
        if let Some(key) = &mut self.key {
            key.apply(payload);
        }
    }
}

impl<Ro: Role> Outgoing<Ro> {
    /// The length of a frame with `payload_len` bytes of payload.
    pub(crate) const fn frame_len(payload_len: usize) -> usize {
        let masking_key = if Ro::IS_CLIENT { Some(MaskingKey::new([0; 4])) } else { None };
        let (fin, rsv, opcode) = (true, 0, Opcode::Binary);
        let header = Header { fin, rsv, opcode, masking_key, payload_len: payload_len as u64 };
        header.encoded_len().saturating_add(payload_len)
    }

    pub(super) const fn new(role: Ro) -> Self {
        Self { role, message: None, close_sent: false, unfinished: None }
    }

    /// Encodes a message or a fragment as one frame at the beginning of `out`; returns its length.
    ///
    /// A frame takes at most [`Header::MAX_LEN`] bytes more than its payload.
    ///
    /// # Errors
    ///
    /// Any [`SendError`]; nothing was written and nothing has changed.
    pub fn send<'b>(
        &mut self,
        chunk: impl Into<Chunk<'b>>,
        out: &mut [u8],
    ) -> Result<usize, SendError> {
        let chunk = chunk.into();
        let opcode = self.opcode(chunk.kind(), chunk.is_first())?;
        let n = self.frame(opcode, chunk.is_last(), chunk.as_bytes(), out)?;
        self.sent(chunk.kind(), chunk.is_last());
        Ok(n)
    }

    /// Begins a frame without copying its payload: the caller writes the header and then the bytes
    /// of `chunk`, masked piece by piece by [`FrameStart::mask`].
    ///
    /// Once begun, the frame must be written to its end before anything else.
    ///
    /// # Errors
    ///
    /// Any [`SendError`] but `OutOfSpace`; nothing has changed.
    pub fn start(&mut self, chunk: &Chunk<'_>) -> Result<FrameStart, SendError> {
        let opcode = self.opcode(chunk.kind(), chunk.is_first())?;
        let start = self.begin(opcode, chunk.is_last(), chunk.as_bytes());
        self.sent(chunk.kind(), chunk.is_last());
        Ok(start)
    }

    /// Encodes a ping with at most 125 bytes of payload; returns the length of the frame.
    ///
    /// # Errors
    ///
    /// Any [`SendError`]; nothing was written and nothing has changed.
    pub fn ping(&mut self, payload: &[u8], out: &mut [u8]) -> Result<usize, SendError> {
        self.control(Opcode::Ping, payload, out)
    }

    /// Encodes an unsolicited pong (§5.5.3) with at most 125 bytes of payload; returns the length
    /// of the frame. The pongs that pings ask for are sent by [`reply`](Self::reply).
    ///
    /// # Errors
    ///
    /// Any [`SendError`]; nothing was written and nothing has changed.
    pub fn pong(&mut self, payload: &[u8], out: &mut [u8]) -> Result<usize, SendError> {
        self.control(Opcode::Pong, payload, out)
    }

    /// Encodes a close frame; returns its length. Nothing can be sent after it, and a pong that
    /// still waits is dropped.
    ///
    /// # Errors
    ///
    /// Any [`SendError`]; nothing was written and nothing has changed.
    pub fn close<'b>(
        &mut self,
        close: impl Into<Close<'b>>,
        out: &mut [u8],
    ) -> Result<usize, SendError> {
        let mut payload = [0; MAX_CONTROL_LEN];
        let n = self.control(Opcode::Close, close.into().encode(&mut payload), out)?;
        self.close_sent = true;
        Ok(n)
    }

    /// Writes the next bytes of the reply that waits in `incoming`: a pong, or a close frame that
    /// answers the peer's or tells it of its violation. Returns how many; 0 when none waits.
    ///
    /// `out` may be of any length: what does not fit comes with the next call, and until then no
    /// frame can be sent. A reply has at most 131 bytes.
    pub fn reply(&mut self, incoming: &mut Incoming<Ro>, out: &mut [u8]) -> usize {
        // §5.5.1: an end that has sent a close frame has no other to send.
        if self.close_sent {
            incoming.reply_sent(incoming.waiting_reply());
            return 0;
        }
        if out.is_empty() {
            return 0;
        }
        // A pong that has begun is ended, even if the connection has failed meanwhile.
        let reply = self.unfinished.map_or(incoming.waiting_reply(), |unfinished| unfinished.reply);
        let code;
        let (opcode, payload) = match reply {
            Reply::None => return 0,
            Reply::Pong => (Opcode::Pong, incoming.control_payload()),
            Reply::Echo => (Opcode::Close, incoming.control_payload()),
            Reply::Fail(reason) => {
                code = reason.get().to_be_bytes();
                (Opcode::Close, &code[..])
            }
        };
        let (masking_key, written) = match self.unfinished {
            Some(Unfinished { key, written, .. }) => (key, usize::from(written)),
            None => {
                crate::log::trace!("replying {:?}, {} bytes of payload", opcode, payload.len());
                (self.role.masking_key(), 0)
            }
        };
        let payload_len = payload.len() as u64;
        let mut start =
            FrameStart::new(&Header { fin: true, rsv: 0, opcode, masking_key, payload_len });
        let len = start.header().len() + payload.len();
        let n = Self::write_from(&mut start, written, payload, out);
        if written + n < len {
            let written = u8::try_from(written + n).unwrap_or_default();
            self.unfinished = Some(Unfinished { reply, key: masking_key, written });
        } else {
            self.unfinished = None;
            self.close_sent = opcode == Opcode::Close;
            incoming.reply_sent(reply);
        }
        n
    }

    /// Tells whether a close frame has been sent, after which nothing else can be.
    #[must_use]
    pub const fn is_close_sent(&self) -> bool {
        self.close_sent
    }

    fn control(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
        out: &mut [u8],
    ) -> Result<usize, SendError> {
        self.check_open()?;
        if payload.len() > MAX_CONTROL_LEN {
            return Err(SendError::ControlTooLong);
        }
        self.frame(opcode, true, payload, out)
    }

    /// Writes a frame into `out` if it fits.
    fn frame(
        &mut self,
        opcode: Opcode,
        fin: bool,
        payload: &[u8],
        out: &mut [u8],
    ) -> Result<usize, SendError> {
        // First, so that no key is drawn for nothing.
        let needed = Self::frame_len(payload.len());
        let out = out.get_mut(..needed).ok_or(SendError::OutOfSpace { needed })?;
        Ok(Self::write_from(&mut self.begin(opcode, fin, payload), 0, payload, out))
    }

    /// Makes a header, with a fresh key for a client.
    fn begin(&mut self, opcode: Opcode, fin: bool, payload: &[u8]) -> FrameStart {
        let masking_key = self.role.masking_key();
        let payload_len = payload.len() as u64;
        let header = Header { fin, rsv: 0, opcode, masking_key, payload_len };
        crate::log::trace!("sending {:?}", { header });
        FrameStart::new(&header)
    }

    /// Writes as much of a frame as `out` has space for, from byte `at` of it on.
    fn write_from(start: &mut FrameStart, at: usize, payload: &[u8], out: &mut [u8]) -> usize {
        let header = start.header();
        let at_payload = at.saturating_sub(header.len());
        let n = copy(header.get(at..).unwrap_or_default(), out);
        let out = out.get_mut(n..).unwrap_or_default();
        let len = copy(payload.get(at_payload..).unwrap_or_default(), out);
        if Ro::IS_CLIENT
            && let Some(key) = &mut start.key
        {
            key.advance(at_payload);
            key.apply(out.get_mut(..len).unwrap_or_default());
        }
        n + len
    }

    fn check_open(&self) -> Result<(), SendError> {
        if self.close_sent {
            return Err(SendError::Closed);
        }
        if self.unfinished.is_some() {
            return Err(SendError::ReplyUnfinished);
        }
        Ok(())
    }

    /// Finds the opcode of the next data frame (§5.4).
    fn opcode(&self, kind: Kind, first: bool) -> Result<Opcode, SendError> {
        self.check_open()?;
        match self.message {
            None if first => Ok(kind.opcode()),
            Some(begun) if !first && begun == kind => Ok(Opcode::Continuation),
            Some(_) if first => Err(SendError::MessageInProgress),
            _ => Err(SendError::NoMessageInProgress),
        }
    }

    fn sent(&mut self, kind: Kind, last: bool) {
        self.message = (!last).then_some(kind);
    }
}
