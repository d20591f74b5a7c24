//! The sending direction: message ─▶ header + payload, masked if client ─▶ bytes.

use core::fmt;

use super::incoming::Answer;
use super::{Extension, Incoming};
use crate::buffers::MAX_CONTROL_LEN;
use crate::slice::{behind, behind_mut, copy, front, front_mut, to_u8};
use crate::{
    Chunk, Client, Close, Header, Kind, MaskingKey, Opcode, Random, Role, SendError, Utf8Validator,
};

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
    /// Text in fragments, up to the end of the last.
    utf8: Utf8Validator,
    /// Masks the next bytes of `unfinished`, if this end masks.
    key: MaskingKey,
    unfinished: Unfinished,
}

/// What has been written in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unfinished {
    Nothing,
    /// A frame whose payload lacks so many bytes, at least 1.
    Payload(usize, Rest),
    /// A reply of which so many bytes have been written: at least 1, and less than the length of its
    /// frame, which is at most 131.
    Reply(Answer, u8),
}

/// What the rest of a payload has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    Any,
    Text,
    /// Text that ends with this frame.
    LastOfText,
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
    #[cfg_attr(
        feature = "simd",
        expect(clippy::inline_always, reason = "on hosts, as for `Outgoing::start`"),
        inline(always)
    )]
    fn new(header: &Header) -> Self {
        let (bytes, header_len) = header.to_bytes();
        Self { bytes, header_len, key: header.masking_key }
    }

    /// Sets reserved bits. As all headers but those of an extension have none, they are no argument of all.
    const fn set_rsv(&mut self, rsv: u8) {
        let [[first, ..], _] = &mut self.bytes;
        *first |= rsv << 4;
    }

    /// Copies the header to the beginning of `out`, as far as it fits; returns its length.
    ///
    /// All 16 bytes where there is space for them, which is a few words instead of a call.
    pub(crate) fn copy_header(&self, out: &mut [u8]) -> usize {
        match out.as_chunks_mut().0 {
            [front, back, ..] => {
                [*front, *back] = self.bytes;
                self.header_len
            }
            _ => copy(self.header(), out),
        }
    }

    /// Returns the header, which comes first.
    #[must_use]
    pub fn header(&self) -> &[u8] {
        front(self.bytes.as_flattened(), self.header_len)
    }

    /// Masks the next piece of the payload in place, if the frame is masked.
    pub fn mask(&mut self, payload: &mut [u8]) {
        if let Some(key) = &mut self.key {
            key.apply(payload);
        }
    }
}

impl<R: Random> Outgoing<Client<R>> {
    pub(crate) const fn random(&mut self) -> &mut R {
        &mut self.role.0
    }
}

impl<Ro: Role> Outgoing<Ro> {
    /// The length of a frame with `payload_len` bytes of payload.
    pub(crate) const fn frame_len(payload_len: usize) -> usize {
        Header::len_of(payload_len as u64, Ro::IS_CLIENT).saturating_add(payload_len)
    }

    pub(super) const fn new(role: Ro) -> Self {
        Self {
            role,
            message: None,
            close_sent: false,
            utf8: Utf8Validator::new(),
            key: MaskingKey::new([0; 4]),
            unfinished: Unfinished::Nothing,
        }
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
        let out = Self::space(chunk.as_bytes(), out)?;
        self.follow(&chunk)?;
        Ok(self.frame(opcode, chunk.is_last(), chunk.rsv(), chunk.as_bytes(), out))
    }

    /// Begins a frame without copying its payload: the caller writes the header and then the bytes
    /// of `chunk`, masked piece by piece by [`FrameStart::mask`].
    ///
    /// Once begun, the frame must be written to its end before anything else.
    ///
    /// # Errors
    ///
    /// Any [`SendError`] but `OutOfSpace`; nothing has changed.
    #[expect(
        clippy::inline_always,
        reason = "a call would be a tenth of what a short message costs"
    )]
    #[inline(always)]
    pub fn start(&mut self, chunk: &Chunk<'_>) -> Result<FrameStart, SendError> {
        let opcode = self.opcode(chunk.kind(), chunk.is_first())?;
        self.follow(chunk)?;
        let mut start = self.header(opcode, chunk.is_last(), chunk.as_bytes().len());
        start.set_rsv(chunk.rsv());
        Ok(start)
    }

    /// Begins a frame whose payload, of `len` bytes, is given piece by piece to
    /// [`payload`](Self::payload); it goes on with the message in progress, or begins one of this
    /// kind. Returns the header.
    ///
    /// Until the last byte of it, no other frame can be sent.
    ///
    /// ```
    /// use wirelet::{Connection, Kind, SendError, Server};
    ///
    /// let (_, mut outgoing) = Connection::new(Server).split();
    /// let start = outgoing.begin(Kind::Text, true, 5)?;
    /// assert_eq!(start.header(), b"\x81\x05");
    /// let mut out = [0; 8];
    /// assert_eq!(outgoing.payload(b"21.5", &mut out)?, 4);
    /// assert_eq!(outgoing.ping(b"", &mut out), Err(SendError::FrameUnfinished));
    /// assert_eq!(outgoing.unfinished(), 1);
    /// assert_eq!(outgoing.payload(b"C and more", &mut out)?, 1);
    /// assert_eq!(outgoing.unfinished(), 0);
    /// # Ok::<(), SendError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Any [`SendError`] but `OutOfSpace`; nothing has changed. Text of no bytes that would end
    /// inside a code point is [`SendError::InvalidUtf8`].
    pub fn begin(
        &mut self,
        kind: Kind,
        is_last: bool,
        len: usize,
    ) -> Result<FrameStart, SendError> {
        let is_first = self.message.is_none();
        let opcode = self.opcode(kind, is_first)?;
        if is_first {
            self.utf8 = Utf8Validator::new();
        }
        if len == 0 && is_last && kind == Kind::Text && !self.utf8.is_complete() {
            return Err(SendError::InvalidUtf8);
        }
        self.message = (!is_last).then_some(kind);
        Ok(self.owe(opcode, is_last, len, kind))
    }

    /// Copies the next bytes of the payload of the frame that was [begun](Self::begin), masked if
    /// need be: as many as it lacks, and `out` has space for. Returns how many.
    ///
    /// # Errors
    ///
    /// [`SendError::InvalidUtf8`]; nothing was written and nothing has changed.
    pub fn payload(&mut self, piece: &[u8], out: &mut [u8]) -> Result<usize, SendError> {
        let len = self.unfinished().min(piece.len()).min(out.len());
        let piece = front(piece, len);
        self.validate(piece)?;
        Ok(self.copy_masked(piece, out))
    }

    /// Returns how many bytes of payload the frame in progress lacks; 0 if there is none.
    #[must_use]
    pub const fn unfinished(&self) -> usize {
        match self.unfinished {
            Unfinished::Payload(len, _) => len,
            Unfinished::Nothing | Unfinished::Reply(..) => 0,
        }
    }

    /// Checks that a whole message may begin now: a frame of one, encoded once for many
    /// connections, may be written as it is.
    ///
    /// # Errors
    ///
    /// Why not: [`SendError::Closed`], [`SendError::MessageInProgress`],
    /// [`SendError::ReplyUnfinished`] or [`SendError::FrameUnfinished`].
    pub fn may_begin(&self) -> Result<(), SendError> {
        self.opcode(Kind::Binary, true).map(|_| ())
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
    /// frame can be sent. A reply has at most 131 bytes. Inside a frame that was
    /// [begun](Self::begin) none is written.
    pub fn reply<X: Extension>(&mut self, incoming: &mut Incoming<Ro, X>, out: &mut [u8]) -> usize {
        // §5.5.1: an end that has sent a close frame has no other to send.
        if self.close_sent {
            incoming.reply_sent(incoming.waiting_reply());
            return 0;
        }
        if out.is_empty() {
            return 0;
        }
        // A pong that has begun is ended, even if the connection has failed meanwhile.
        let (reply, written) = match self.unfinished {
            Unfinished::Nothing => (incoming.waiting_reply(), 0),
            Unfinished::Reply(reply, written) => (reply, usize::from(written)),
            Unfinished::Payload(..) => return 0,
        };
        let code;
        let (opcode, payload) = match reply {
            Answer::None => return 0,
            Answer::Pong => (Opcode::Pong, incoming.control_payload()),
            Answer::Echo => (Opcode::Close, incoming.control_payload()),
            Answer::Fail(reason) => {
                code = reason.get().to_be_bytes();
                (Opcode::Close, &code[..])
            }
        };
        let masking_key = if written > 0 {
            Ro::IS_CLIENT.then_some(self.key)
        } else {
            crate::log::trace!("replying {:?}, {} bytes of payload", opcode, payload.len());
            self.role.masking_key()
        };
        let payload_len = payload.len() as u64;
        let mut start =
            FrameStart::new(&Header { fin: true, rsv: 0, opcode, masking_key, payload_len });
        let len = start.header().len() + payload.len();
        let n = Self::write_from(&mut start, written, payload, out);
        if written + n < len {
            self.key = masking_key.unwrap_or(self.key);
            self.unfinished = Unfinished::Reply(reply, to_u8(written + n));
        } else {
            self.unfinished = Unfinished::Nothing;
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

    /// Tells whether a fragmented message has begun and not ended.
    pub(crate) const fn is_in_message(&self) -> bool {
        self.message.is_some()
    }

    /// Tells whether the payload of the frame in progress is checked piece by piece.
    pub(crate) const fn is_validating(&self) -> bool {
        matches!(self.unfinished, Unfinished::Payload(_, Rest::Text | Rest::LastOfText))
    }

    pub(crate) fn control(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
        out: &mut [u8],
    ) -> Result<usize, SendError> {
        self.check_open()?;
        if payload.len() > MAX_CONTROL_LEN {
            return Err(SendError::ControlTooLong);
        }
        let out = Self::space(payload, out)?;
        Ok(self.frame(opcode, true, 0, payload, out))
    }

    /// Finds the space of a frame. Before the frame is made, so that no key is drawn for nothing.
    fn space<'o>(payload: &[u8], out: &'o mut [u8]) -> Result<&'o mut [u8], SendError> {
        let needed = Self::frame_len(payload.len());
        out.get_mut(..needed).ok_or(SendError::OutOfSpace { needed })
    }

    /// Writes a frame into its space.
    fn frame(
        &mut self,
        opcode: Opcode,
        fin: bool,
        rsv: u8,
        payload: &[u8],
        out: &mut [u8],
    ) -> usize {
        let mut start = self.header(opcode, fin, payload.len());
        start.set_rsv(rsv);
        Self::write_from(&mut start, 0, payload, out)
    }

    /// Makes a header, with a fresh key for a client.
    fn header(&mut self, opcode: Opcode, fin: bool, payload_len: usize) -> FrameStart {
        let masking_key = self.role.masking_key();
        let payload_len = payload_len as u64;
        let header = Header { fin, rsv: 0, opcode, masking_key, payload_len };
        crate::log::trace!("sending {:?}", { header });
        FrameStart::new(&header)
    }

    /// Writes as much of a frame as `out` has space for, from byte `at` of it on.
    fn write_from(start: &mut FrameStart, at: usize, payload: &[u8], out: &mut [u8]) -> usize {
        let header = start.header();
        let at_payload = at.saturating_sub(header.len());
        let n = copy(behind(header, at.min(header.len())), out);
        let out = behind_mut(out, n);
        let len = copy(behind(payload, at_payload), out);
        if Ro::IS_CLIENT
            && let Some(key) = &mut start.key
        {
            key.advance(at_payload);
            key.apply(front_mut(out, len));
        }
        n + len
    }

    /// As [`start`](Self::start); the payload goes through [`copy_payload`](Self::copy_payload) or
    /// [`skip_payload`](Self::skip_payload), piece by piece.
    pub(crate) fn begin_chunk(&mut self, chunk: &Chunk<'_>) -> Result<FrameStart, SendError> {
        let opcode = self.opcode(chunk.kind(), chunk.is_first())?;
        let before = if chunk.is_first() { Utf8Validator::new() } else { self.utf8.clone() };
        self.follow(chunk)?;
        self.utf8 = before;
        // Of what was deflated nothing is looked at.
        let kind = if chunk.is_deflated() { Kind::Binary } else { chunk.kind() };
        let mut start = self.owe(opcode, chunk.is_last(), chunk.as_bytes().len(), kind);
        start.set_rsv(chunk.rsv());
        Ok(start)
    }

    /// Makes the header of a frame whose payload comes piece by piece.
    fn owe(&mut self, opcode: Opcode, fin: bool, len: usize, kind: Kind) -> FrameStart {
        let rest = match kind {
            Kind::Binary => Rest::Any,
            Kind::Text if fin => Rest::LastOfText,
            Kind::Text => Rest::Text,
        };
        let start = self.header(opcode, fin, len);
        self.key = start.key.unwrap_or(self.key);
        if len > 0 {
            self.unfinished = Unfinished::Payload(len, rest);
        }
        start
    }

    /// Checks the next piece of a payload that was begun without it.
    fn validate(&mut self, piece: &[u8]) -> Result<(), SendError> {
        let Unfinished::Payload(len, rest @ (Rest::Text | Rest::LastOfText)) = self.unfinished
        else {
            return Ok(());
        };
        let mut utf8 = self.utf8.clone();
        utf8.push(piece).map_err(|_| SendError::InvalidUtf8)?;
        if rest == Rest::LastOfText && piece.len() == len && !utf8.is_complete() {
            return Err(SendError::InvalidUtf8);
        }
        self.utf8 = utf8;
        Ok(())
    }

    /// Copies as much of valid payload as there is space for; returns how much.
    pub(crate) fn copy_payload(&mut self, piece: &[u8], out: &mut [u8]) -> usize {
        let piece = front(piece, piece.len().min(out.len()));
        self.trust(piece);
        self.copy_masked(piece, out)
    }

    /// Notes that valid payload has been written as it was.
    pub(crate) fn skip_payload(&mut self, piece: &[u8]) {
        self.trust(piece);
        self.paid(piece.len());
    }

    fn copy_masked(&mut self, piece: &[u8], out: &mut [u8]) -> usize {
        let len = copy(piece, out);
        if Ro::IS_CLIENT {
            self.key.apply(front_mut(out, len));
        }
        self.paid(len);
        len
    }

    /// Goes on behind valid text, of which only the code point matters that its end may cut.
    fn trust(&mut self, text: &[u8]) {
        if !self.is_validating() {
            return;
        }
        let mut last = behind(text, text.len().saturating_sub(3));
        match last.iter().rposition(|byte| byte & 0xc0 != 0x80) {
            Some(start) => {
                self.utf8 = Utf8Validator::new();
                last = behind(last, start);
            }
            None if last.len() == 3 => {
                self.utf8 = Utf8Validator::new();
                last = &[];
            }
            None => {}
        }
        let is_text = self.utf8.push(last).is_ok();
        debug_assert!(is_text, "the text was valid when its frame began");
    }

    fn paid(&mut self, len: usize) {
        if let Unfinished::Payload(left, rest) = self.unfinished {
            debug_assert!(len <= left, "more payload than the header announced");
            self.unfinished = match left.saturating_sub(len) {
                0 => Unfinished::Nothing,
                left => Unfinished::Payload(left, rest),
            };
        }
    }

    fn check_open(&self) -> Result<(), SendError> {
        if self.close_sent {
            return Err(SendError::Closed);
        }
        match self.unfinished {
            Unfinished::Nothing => Ok(()),
            Unfinished::Payload(..) => Err(SendError::FrameUnfinished),
            Unfinished::Reply(..) => Err(SendError::ReplyUnfinished),
        }
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

    /// Goes on in the message with a chunk, unless the text would not be UTF-8 (§8.1).
    fn follow(&mut self, chunk: &Chunk<'_>) -> Result<(), SendError> {
        let place = chunk.place();
        // A whole text is valid by how it was made, as is what the caller holds as `str`.
        if place.kind == Kind::Text && !place.is_whole() && !chunk.is_deflated() {
            let mut utf8 = if place.first { Utf8Validator::new() } else { self.utf8.clone() };
            if chunk.is_str() {
                if !utf8.is_complete() {
                    return Err(SendError::InvalidUtf8);
                }
            } else {
                utf8.push(chunk.as_bytes()).map_err(|_| SendError::InvalidUtf8)?;
            }
            if place.last && !utf8.is_complete() {
                return Err(SendError::InvalidUtf8);
            }
            self.utf8 = utf8;
        }
        self.message = (!place.last).then_some(place.kind);
        Ok(())
    }
}
