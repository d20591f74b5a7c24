//! The sending direction: message ─▶ header + payload, masked if client ─▶ bytes.

use super::Incoming;
use super::incoming::{MAX_CONTROL_LEN, Reply};
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
    /// At least 1, and less than the length of its frame.
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
#[derive(Clone, Copy, Debug)]
pub struct FrameStart {
    bytes: [u8; Header::MAX_LEN],
    len: usize,
    key: Option<MaskingKey>,
}

impl FrameStart {
    fn new(header: &Header) -> Self {
        let mut bytes = [0; Header::MAX_LEN];
        let len = header.encode(&mut bytes).len();
        Self { bytes, len, key: header.masking_key }
    }

    /// Returns the header, which comes first.
    #[must_use]
    pub fn header(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Masks the next piece of the payload in place, if the frame is masked.
    pub fn mask(&mut self, payload: &mut [u8]) {
        if let Some(key) = &mut self.key {
            key.apply(payload);
        }
    }
}

impl<Ro: Role> Outgoing<Ro> {
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
        let n = self.frame(opcode, chunk.is_last(), &[chunk.as_bytes()], out)?;
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
        let header = self.header(opcode, chunk.is_last(), chunk.as_bytes().len() as u64);
        self.sent(chunk.kind(), chunk.is_last());
        Ok(FrameStart::new(&header))
    }

    /// Encodes a ping with at most 125 bytes of payload; returns the length of the frame.
    ///
    /// # Errors
    ///
    /// Any [`SendError`]; nothing was written and nothing has changed.
    pub fn ping(&mut self, payload: &[u8], out: &mut [u8]) -> Result<usize, SendError> {
        self.control(Opcode::Ping, &[payload], out)
    }

    /// Encodes an unsolicited pong (§5.5.3) with at most 125 bytes of payload; returns the length
    /// of the frame. The pongs that pings ask for are sent by [`reply`](Self::reply).
    ///
    /// # Errors
    ///
    /// Any [`SendError`]; nothing was written and nothing has changed.
    pub fn pong(&mut self, payload: &[u8], out: &mut [u8]) -> Result<usize, SendError> {
        self.control(Opcode::Pong, &[payload], out)
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
        let close = close.into();
        let (code, reason) = close.encode();
        let n = self.control(Opcode::Close, &[code.as_slice(), reason], out)?;
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
            Some(Unfinished { key, written, .. }) => (key, written),
            None => {
                crate::log::trace!("replying {opcode:?}, {} bytes of payload", payload.len());
                (self.role.masking_key(), 0)
            }
        };
        let payload_len = payload.len() as u64;
        let header = Header { fin: true, rsv: 0, opcode, masking_key, payload_len };
        let start = FrameStart::new(&header);
        let key = masking_key.map_or([0; 4], MaskingKey::to_bytes);
        let masked = payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key);
        let mut rest = start.header().iter().copied().chain(masked).skip(written.into());
        let mut n = 0_u8; // a reply has at most 131 bytes
        for (slot, byte) in out.iter_mut().zip(rest.by_ref()) {
            *slot = byte;
            n += 1;
        }
        if rest.next().is_some() {
            self.unfinished = Some(Unfinished { reply, key: masking_key, written: written + n });
        } else {
            self.unfinished = None;
            self.close_sent = opcode == Opcode::Close;
            incoming.reply_sent(reply);
        }
        n.into()
    }

    /// Tells whether a close frame has been sent, after which nothing else can be.
    #[must_use]
    pub const fn is_close_sent(&self) -> bool {
        self.close_sent
    }

    fn control(
        &mut self,
        opcode: Opcode,
        payload: &[&[u8]],
        out: &mut [u8],
    ) -> Result<usize, SendError> {
        self.check_open()?;
        if len_of(payload) > MAX_CONTROL_LEN {
            return Err(SendError::ControlTooLong);
        }
        self.frame(opcode, true, payload, out)
    }

    /// Writes a frame into `out` if it fits.
    fn frame(
        &mut self,
        opcode: Opcode,
        fin: bool,
        payload: &[&[u8]],
        out: &mut [u8],
    ) -> Result<usize, SendError> {
        let payload_len = len_of(payload);
        let mut header =
            Header { fin, rsv: 0, opcode, masking_key: None, payload_len: payload_len as u64 };
        let mask_len = if Ro::IS_CLIENT { 4 } else { 0 };
        let head_len = header.encoded_len() + mask_len;
        let needed = head_len.saturating_add(payload_len);
        let Some((head, mut rest)) =
            out.get_mut(..needed).and_then(|o| o.split_at_mut_checked(head_len))
        else {
            return Err(SendError::OutOfSpace { needed });
        };
        header = self.header(opcode, fin, header.payload_len);
        let mut start = FrameStart::new(&header);
        copy(start.header(), head);
        for part in payload {
            let Some((slot, after)) = rest.split_at_mut_checked(part.len()) else { break };
            copy(part, slot);
            start.mask(slot);
            rest = after;
        }
        Ok(needed)
    }

    /// Makes a header, with a fresh key for a client.
    fn header(&mut self, opcode: Opcode, fin: bool, payload_len: u64) -> Header {
        let masking_key = self.role.masking_key();
        let header = Header { fin, rsv: 0, opcode, masking_key, payload_len };
        crate::log::trace!("sending {header:?}");
        header
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

fn len_of(parts: &[&[u8]]) -> usize {
    parts.iter().fold(0, |len, part| len.saturating_add(part.len()))
}

/// Copies `from` to `to`, which has the same length.
fn copy(from: &[u8], to: &mut [u8]) {
    for (slot, byte) in to.iter_mut().zip(from) {
        *slot = *byte;
    }
}
