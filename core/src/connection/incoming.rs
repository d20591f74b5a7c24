//! The receiving direction: header ─▶ payload, unmasked in place ─▶ chunk ─▶ event.

use core::marker::PhantomData;
use core::mem::discriminant;

use super::Extension;
use crate::buffers::MAX_CONTROL_LEN;
use crate::message::Place;
use crate::slice::{behind_mut, copy, front, front_mut, to_u8};
use crate::{
    Chunk, Close, CloseCode, Header, Kind, MaskingKey, Opcode, ProtocolError, Role, Utf8Validator,
};

/// Tells what the peer sent; `D` is a piece of a message, for [`Incoming::receive`] a [`Chunk`].
///
/// ```
/// use wirelet::{Connection, Event, Server};
///
/// let mut connection = Connection::new(Server);
/// let mut ping = [0x89, 0x80, 1, 2, 3, 4];
/// assert_eq!(connection.receive(&mut ping)?.event, Some(Event::Ping));
/// # Ok::<(), wirelet::ProtocolError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Event<D> {
    /// The next piece of a message.
    Chunk(D),
    /// A ping, which is answered by itself. Its payload is
    /// [`control_payload`](Incoming::control_payload).
    Ping,
    /// A pong. Its payload is [`control_payload`](Incoming::control_payload).
    Pong,
    /// The peer's close frame, which is answered by itself. What it says is
    /// [`close_received`](Incoming::close_received). No event follows.
    Close,
}

/// Tells how far [`receive`](Incoming::receive) has come.
///
/// ```
/// use wirelet::{Connection, Progress, Server};
///
/// let mut connection = Connection::new(Server);
/// let begun = &mut [0x81, 0x85, 1]; // the beginning of a header
/// assert_eq!(connection.receive(begun)?, Progress { consumed: 3, event: None });
/// # Ok::<(), wirelet::ProtocolError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Progress<'b> {
    /// How many bytes of the input are done with.
    pub consumed: usize,
    /// What they brought, if anything. The bytes of a chunk are the last of the consumed ones.
    pub event: Option<Event<Chunk<'b>>>,
}

/// The receiving direction of a [`Connection`](super::Connection).
///
/// ```
/// use wirelet::{Connection, Event, Server};
///
/// let (mut incoming, mut outgoing) = Connection::new(Server).split();
/// let mut ping = [0x89, 0x82, 1, 2, 3, 4, b'h' ^ 1, b'i' ^ 2];
/// let (head, payload) = ping.split_at_mut(3); // cut in the middle of the header
/// assert_eq!(incoming.receive(head)?.consumed, 3);
/// assert_eq!(incoming.receive(payload)?.event, Some(Event::Ping));
/// assert_eq!(incoming.control_payload(), b"hi");
///
/// let mut out = [0; 8];
/// let n = outgoing.reply(&mut incoming, &mut out);
/// assert_eq!(out[..n], *b"\x8a\x02hi");
/// # Ok::<(), wirelet::ProtocolError>(())
/// ```
#[derive(Debug)]
pub struct Incoming<Ro, X = ()> {
    /// The frame whose header has been read and whose payload has not ended.
    frame: Option<Frame>,
    /// The message that has begun and not ended.
    message: Option<Kind>,
    /// A chunk of `message` has been handed out.
    started: bool,
    end: End,
    reply: Answer,
    utf8: Utf8Validator,
    /// How many fragments of `message` had no byte.
    n_empty: u16,
    /// The length of `message` as far as its headers have announced it, or `usize::MAX`.
    announced: usize,
    /// The length of the beginning of a header that was cut, less than 14.
    head_len: u8,
    /// The length of the payload of the last control frame, whole or still growing.
    control_len: u8,
    /// That header or, if there is none, that payload; a ping's becomes its pong.
    kept: Kept,
    extension: X,
    role: PhantomData<Ro>,
}

/// Aligned, which lets compilers clear and copy it by words.
#[derive(Debug)]
#[repr(align(4))]
struct Kept([u8; MAX_CONTROL_LEN]);

/// What is left of a frame.
#[derive(Clone, Copy, Debug)]
struct Frame {
    opcode: Opcode,
    fin: bool,
    /// Its next bytes; 0 where frames are not masked.
    key: MaskingKey,
    remaining: u64,
}

/// Whether and why nothing more is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Open,
    /// The peer's close frame has come; its payload is in `kept`.
    ClosedByPeer,
    Failed,
}

/// The reply that waits to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    None,
    /// A pong with the payload of the ping in `kept`.
    Pong,
    /// The peer's own close frame, sent back.
    Echo,
    /// Close with this code.
    Fail(CloseCode),
}

impl<Ro: Role, X: Extension> Incoming<Ro, X> {
    pub(super) const fn new(extension: X) -> Self {
        Self {
            frame: None,
            message: None,
            started: false,
            end: End::Open,
            reply: Answer::None,
            utf8: Utf8Validator::new(),
            n_empty: 0,
            announced: 0,
            head_len: 0,
            control_len: 0,
            kept: Kept([0; MAX_CONTROL_LEN]),
            extension,
            role: PhantomData,
        }
    }

    /// Takes the next received bytes, whatever their split, and unmasks payload in place.
    ///
    /// Consumes up to the first event, and on non-empty input at least one byte. Only while a pong
    /// waits to be sent ([`has_reply`](Self::has_reply)) does it consume none. A header
    /// (≤ 14 bytes) or control payload (≤ 125 bytes) that the input cuts is kept inside, so the
    /// consumed bytes are free for reuse as soon as the event is dropped. Bytes that were not
    /// consumed have not been changed.
    ///
    /// # Errors
    ///
    /// The peer broke the protocol. The connection has failed (§7.1.7): the reply is a close frame
    /// with the right code, and all further input is consumed and ignored. All of `input` counts as
    /// consumed, and may have been changed.
    pub fn receive<'b>(&mut self, input: &'b mut [u8]) -> Result<Progress<'b>, ProtocolError> {
        self.receive_within(usize::MAX, input)
    }

    /// As [`receive`](Self::receive), for messages of at most `limit` bytes: a longer one is refused
    /// at the first header that announces more, however its bytes arrive.
    ///
    /// The limit may change between two calls; it is held against the headers that begin.
    ///
    /// ```
    /// use wirelet::{Connection, ProtocolError, Server};
    ///
    /// let mut connection = Connection::new(Server);
    /// let header = &mut [0x82, 0x80 | 101, 1, 2, 3, 4]; // of a message of 101 bytes
    /// let error = ProtocolError::MessageTooBig;
    /// assert_eq!(connection.receive_within(100, header), Err(error));
    /// ```
    ///
    /// # Errors
    ///
    /// As [`receive`](Self::receive), and [`ProtocolError::MessageTooBig`].
    pub fn receive_within<'b>(
        &mut self,
        limit: usize,
        input: &'b mut [u8],
    ) -> Result<Progress<'b>, ProtocolError> {
        if self.is_ended() {
            // §1.4: "After receiving a control frame indicating the connection should be closed,
            // a peer discards any further data received."
            return Ok(Progress { consumed: input.len(), event: None });
        }
        if self.has_reply() {
            return Ok(Progress { consumed: 0, event: None });
        }
        let result = self.advance(limit, input);
        if let Err(error) = result {
            crate::log::debug!("violation: {}", error);
            self.fail(error.close_code());
        }
        result
    }

    /// Tells whether `receive` may have another event without more input.
    ///
    /// Only where an extension makes more bytes of those that came; look here before you wait for
    /// the socket.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.extension.has_more()
    }

    /// Lends the extension.
    pub const fn extension(&self) -> &X {
        &self.extension
    }

    /// Lends the extension, to let it transform a chunk.
    pub const fn extension_mut(&mut self) -> &mut X {
        &mut self.extension
    }

    /// Returns how many bytes of the payload of a data frame, whose header has been received, are
    /// still to come: whoever joins them anyway can read so many straight to where they belong.
    #[must_use]
    pub const fn remaining(&self) -> u64 {
        match &self.frame {
            Some(frame) if !frame.opcode.is_control() => frame.remaining,
            _ => 0,
        }
    }

    /// Returns the kind of the message in progress.
    pub(crate) const fn message(&self) -> Option<Kind> {
        self.message
    }

    /// Tells whether a reply waits for [`Outgoing::reply`](super::Outgoing::reply).
    #[must_use]
    pub fn has_reply(&self) -> bool {
        self.reply != Answer::None
    }

    /// Returns the payload of the ping, pong or close that was received last, at most 125 bytes,
    /// until more is received.
    #[must_use]
    pub fn control_payload(&self) -> &[u8] {
        front(&self.kept.0, self.control_len.into())
    }

    /// Returns what the peer's close frame said, once [`Event::Close`] has come.
    #[must_use]
    pub fn close_received(&self) -> Option<Close<'_>> {
        match self.end {
            End::ClosedByPeer => Close::decode(self.control_payload()).ok(),
            End::Open | End::Failed => None,
        }
    }

    /// Tells whether the peer's close frame has come.
    pub(crate) fn is_closed(&self) -> bool {
        self.end == End::ClosedByPeer
    }

    /// Fails the connection with `code` (§7.1.7): the reply becomes a close frame, and all further
    /// input is consumed and ignored. Does nothing after an error or the peer's close.
    pub fn fail(&mut self, code: CloseCode) {
        if self.end == End::Open {
            self.end = End::Failed;
            self.reply = Answer::Fail(code);
        }
    }

    /// Tells whether nothing more is accepted: the peer has closed, or the connection has failed.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.end != End::Open
    }

    pub(super) const fn waiting_reply(&self) -> Answer {
        self.reply
    }

    /// Forgets the reply that waits, as there is nobody to read it.
    pub(crate) fn forget_reply(&mut self) {
        self.reply = Answer::None;
    }

    pub(super) fn reply_sent(&mut self, reply: Answer) {
        if discriminant(&self.reply) == discriminant(&reply) {
            self.reply = Answer::None;
        }
    }

    fn advance<'b>(
        &mut self,
        limit: usize,
        input: &'b mut [u8],
    ) -> Result<Progress<'b>, ProtocolError> {
        let (after_head, frame) = match self.frame.take() {
            None => self.begin(limit, input)?,
            frame => (0, frame),
        };
        let Some(mut frame) = frame else {
            return Ok(Progress { consumed: after_head, event: None });
        };
        let payload = behind_mut(input, after_head);
        // The shorter of the two fits usize, whatever the length on the wire.
        let len = usize::try_from(frame.remaining).map_or(payload.len(), |n| n.min(payload.len()));
        let payload = front_mut(payload, len);
        if !Ro::IS_CLIENT {
            frame.key.apply(payload);
        }
        frame.remaining -= len as u64;
        let Frame { opcode, fin, remaining, .. } = frame;
        if remaining > 0 {
            self.frame = Some(frame);
        }
        let event = if opcode.is_control() {
            self.control(opcode, payload, remaining)?
        } else {
            self.data(payload, fin, remaining)?
        };
        Ok(Progress { consumed: after_head + len, event })
    }

    /// Begins a frame if the input completes its header, and keeps the header's bytes if not;
    /// returns how much of the input it took, and the frame.
    fn begin(
        &mut self,
        limit: usize,
        input: &[u8],
    ) -> Result<(usize, Option<Frame>), ProtocolError> {
        let n_kept = usize::from(self.head_len);
        let mut taken = 0;
        let head = if n_kept == 0 {
            input
        } else {
            let room = Header::MAX_LEN.saturating_sub(n_kept);
            taken = copy(input, front_mut(behind_mut(&mut self.kept.0, n_kept), room));
            front(&self.kept.0, n_kept + taken)
        };
        if let Some((header, len)) = Header::decode(head)? {
            let frame = self.begin_frame(limit, &header)?;
            self.head_len = 0;
            return Ok((len.saturating_sub(n_kept), Some(frame)));
        }
        if n_kept == 0 && !input.is_empty() {
            self.control_len = 0;
            taken = copy(input, &mut self.kept.0);
        }
        // Below 14, the length at which every header is complete.
        self.head_len += to_u8(taken);
        Ok((taken, None))
    }

    /// Checks a header against the state of the connection.
    fn begin_frame(&mut self, limit: usize, header: &Header) -> Result<Frame, ProtocolError> {
        crate::log::trace!("received {:?}", { *header });
        let opcode = header.opcode;
        if header.rsv != 0 && (opcode.is_control() || header.rsv & !self.extension.rsv(opcode) != 0)
        {
            return Err(ProtocolError::ReservedBits);
        }
        match header.masking_key {
            // §5.1: "The server MUST close the connection upon receiving a frame that is not
            // masked."
            None if !Ro::IS_CLIENT => return Err(ProtocolError::Unmasked),
            // §5.1: "A client MUST close a connection if it detects a masked frame."
            Some(_) if Ro::IS_CLIENT => return Err(ProtocolError::Masked),
            _ => {}
        }
        match header.opcode {
            Opcode::Text | Opcode::Binary if self.message.is_some() => {
                return Err(ProtocolError::ExpectedContinuation);
            }
            Opcode::Text => self.begin_message(Kind::Text, header.rsv),
            Opcode::Binary => self.begin_message(Kind::Binary, header.rsv),
            Opcode::Continuation if self.message.is_none() => {
                return Err(ProtocolError::UnexpectedContinuation);
            }
            Opcode::Continuation => {}
            opcode if opcode.is_reserved() => return Err(ProtocolError::ReservedOpcode),
            _ => {
                // §5.5: "All control frames MUST have a payload length of 125 bytes or less and
                // MUST NOT be fragmented."
                if !header.fin {
                    return Err(ProtocolError::FragmentedControl);
                }
                if header.payload_len > MAX_CONTROL_LEN as u64 {
                    return Err(ProtocolError::ControlTooLong);
                }
                self.control_len = 0;
            }
        }
        if !header.opcode.is_control() {
            self.announce(limit, header)?;
        }
        Ok(Frame {
            opcode: header.opcode,
            fin: header.fin,
            key: header.masking_key.unwrap_or(MaskingKey::new([0; 4])),
            remaining: header.payload_len,
        })
    }

    fn begin_message(&mut self, kind: Kind, rsv: u8) {
        self.message = Some(kind);
        self.started = false;
        self.extension.begin(kind, rsv);
    }

    /// Holds the message against its limits, with what the header of its next frame announces.
    fn announce(&mut self, limit: usize, header: &Header) -> Result<(), ProtocolError> {
        let is_first = header.opcode != Opcode::Continuation;
        let before = if is_first { 0 } else { self.announced };
        let len = usize::try_from(header.payload_len).unwrap_or(usize::MAX);
        let announced = before.saturating_add(len);
        // What it becomes is for the extension to limit; but it must not go on for ever.
        let is_plain = !self.extension.transforms();
        let limit = if is_plain { limit } else { limit.saturating_mul(MAX_OVERHEAD) };
        if announced > limit {
            return Err(ProtocolError::MessageTooBig);
        }
        // Nothing follows a last frame.
        if !header.fin {
            self.announced = announced;
            let n_before = if is_first { 0 } else { self.n_empty };
            self.n_empty = n_before + u16::from(len == 0);
            if self.n_empty > MAX_EMPTY_FRAGMENTS {
                return Err(ProtocolError::EmptyFragments);
            }
        }
        Ok(())
    }

    /// Takes the next piece of the payload of a data frame, unmasked.
    fn data<'b>(
        &mut self,
        payload: &'b [u8],
        fin: bool,
        remaining: u64,
    ) -> Result<Option<Event<Chunk<'b>>>, ProtocolError> {
        if payload.is_empty() && remaining > 0 {
            return Ok(None);
        }
        self.deliver(payload, fin && remaining == 0, remaining)
    }

    /// Makes unmasked payload a chunk.
    fn deliver<'b>(
        &mut self,
        payload: &'b [u8],
        last: bool,
        remaining: u64,
    ) -> Result<Option<Event<Chunk<'b>>>, ProtocolError> {
        // `begin_frame` lets a data frame through only with a message in progress.
        let Some(kind) = self.message else {
            debug_assert!(false, "payload without a message");
            return Ok(None);
        };
        let kind = if self.extension.transforms() { Kind::Binary } else { kind };
        let place = Place { kind, first: !self.started, last };
        let mut chunk = Chunk::received(place, payload, remaining);
        if kind == Kind::Text {
            if let Some(text) = self.utf8.push_text(payload, place.is_whole())? {
                chunk = chunk.with_text(text);
            }
            if last && !self.utf8.is_complete() {
                return Err(ProtocolError::InvalidUtf8);
            }
        }
        self.started = true;
        if last {
            self.message = None;
        }
        Ok(Some(Event::Chunk(chunk)))
    }

    /// Takes the next piece of the payload of a control frame, unmasked.
    fn control<'b>(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
        remaining: u64,
    ) -> Result<Option<Event<Chunk<'b>>>, ProtocolError> {
        let room = behind_mut(&mut self.kept.0, self.control_len.into());
        self.control_len += to_u8(copy(payload, room));
        if remaining > 0 {
            return Ok(None);
        }
        match opcode {
            Opcode::Ping => {
                self.reply = Answer::Pong;
                Ok(Some(Event::Ping))
            }
            Opcode::Pong => Ok(Some(Event::Pong)),
            _ => {
                Close::decode(self.control_payload())?;
                self.end = End::ClosedByPeer;
                self.reply = Answer::Echo;
                Ok(Some(Event::Close))
            }
        }
    }
}

/// How many times as long as the limit a message may be while it is transformed: one that is flushed at every byte
/// is six times as long as what comes out.
const MAX_OVERHEAD: usize = 8;

/// How many fragments of one message may be empty. They are allowed (§5.4), but a message of nothing
/// else would never end and never reach its limit.
const MAX_EMPTY_FRAGMENTS: u16 = 1000;
