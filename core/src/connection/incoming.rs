//! The receiving direction: header ─▶ payload, unmasked in place ─▶ chunk ─▶ event.

use core::marker::PhantomData;
use core::mem::discriminant;

use crate::buffers::{MAX_CONTROL_LEN, copy};
use crate::{
    Chunk, Close, CloseCode, Header, Kind, MaskingKey, Opcode, ProtocolError, Role, Utf8Validator,
};

/// Tells what the peer sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Event<'b> {
    /// The next piece of a message.
    Chunk(Chunk<'b>),
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Progress<'b> {
    /// How many bytes of the input are done with.
    pub consumed: usize,
    /// What they brought, if anything. The bytes of a chunk are the last of the consumed ones.
    pub event: Option<Event<'b>>,
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
pub struct Incoming<Ro> {
    /// The frame whose header has been read and whose payload has not ended.
    frame: Option<Frame>,
    /// The message that has begun and not ended.
    message: Option<Kind>,
    /// A chunk of `message` has been handed out.
    started: bool,
    end: End,
    reply: Reply,
    utf8: Utf8Validator,
    /// The first `head_len` < 14 bytes of a header that was cut, or else
    head_len: u8,
    /// the payload of the last control frame, whole or still growing; a ping's becomes its pong.
    control_len: u8,
    kept: [u8; MAX_CONTROL_LEN],
    role: PhantomData<Ro>,
}

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
    /// The peer's close frame has come; it is in `control`.
    ClosedByPeer,
    Failed,
}

/// The reply that waits to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    None,
    /// A pong with the payload of the ping in `control`.
    Pong,
    /// The peer's own close frame, sent back.
    Echo,
    /// Close with this code.
    Fail(CloseCode),
}

impl<Ro: Role> Incoming<Ro> {
    pub(super) const fn new() -> Self {
        Self {
            frame: None,
            message: None,
            started: false,
            end: End::Open,
            reply: Reply::None,
            utf8: Utf8Validator::new(),
            head_len: 0,
            control_len: 0,
            kept: [0; MAX_CONTROL_LEN],
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
        if self.is_ended() {
            // §1.4: "After receiving a control frame indicating the connection should be closed,
            // a peer discards any further data received."
            return Ok(Progress { consumed: input.len(), event: None });
        }
        if self.has_reply() {
            return Ok(Progress { consumed: 0, event: None });
        }
        let result = self.advance(input);
        if let Err(error) = result {
            crate::log::debug!("violation: {}", error);
            self.fail(error.close_code());
        }
        result
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

    /// Tells whether a reply waits for [`Outgoing::reply`](super::Outgoing::reply).
    #[must_use]
    pub fn has_reply(&self) -> bool {
        self.reply != Reply::None
    }

    /// Returns the payload of the ping, pong or close that was received last, at most 125 bytes,
    /// until more is received.
    #[must_use]
    pub fn control_payload(&self) -> &[u8] {
        self.kept.get(..usize::from(self.control_len)).unwrap_or_default()
    }

    /// Returns what the peer's close frame said, once [`Event::Close`] has come.
    #[must_use]
    pub fn close_received(&self) -> Option<Close<'_>> {
        match self.end {
            End::ClosedByPeer => Close::decode(self.control_payload()).ok(),
            End::Open | End::Failed => None,
        }
    }

    /// Fails the connection with `code` (§7.1.7): the reply becomes a close frame, and all further
    /// input is consumed and ignored. Does nothing after an error or the peer's close.
    pub fn fail(&mut self, code: CloseCode) {
        if self.end == End::Open {
            self.end = End::Failed;
            self.reply = Reply::Fail(code);
        }
    }

    /// Tells whether nothing more is accepted: the peer has closed, or the connection has failed.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.end != End::Open
    }

    pub(super) const fn waiting_reply(&self) -> Reply {
        self.reply
    }

    pub(super) fn reply_sent(&mut self, reply: Reply) {
        if discriminant(&self.reply) == discriminant(&reply) {
            self.reply = Reply::None;
        }
    }

    fn advance<'b>(&mut self, input: &'b mut [u8]) -> Result<Progress<'b>, ProtocolError> {
        let (after_head, frame) = match self.frame.take() {
            None => self.begin(input)?,
            frame => (0, frame),
        };
        let Some(mut frame) = frame else {
            return Ok(Progress { consumed: after_head, event: None });
        };
        let payload = input.get_mut(after_head..).unwrap_or_default();
        // The shorter of the two fits usize, whatever the length on the wire.
        let len = usize::try_from(frame.remaining).map_or(payload.len(), |n| n.min(payload.len()));
        let payload = payload.get_mut(..len).unwrap_or_default();
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
    fn begin(&mut self, input: &[u8]) -> Result<(usize, Option<Frame>), ProtocolError> {
        let n_kept = usize::from(self.head_len);
        let mut taken = 0;
        let head = if n_kept == 0 {
            input
        } else {
            taken = copy(input, self.kept.get_mut(n_kept..Header::MAX_LEN).unwrap_or_default());
            self.kept.get(..n_kept + taken).unwrap_or_default()
        };
        if let Some((header, len)) = Header::decode(head)? {
            let frame = self.begin_frame(&header)?;
            self.head_len = 0;
            return Ok((len.saturating_sub(n_kept), Some(frame)));
        }
        if n_kept == 0 {
            self.control_len = 0;
            taken = copy(input, &mut self.kept);
        }
        // Below 14, the length at which every header is complete.
        self.head_len += u8::try_from(taken).unwrap_or_default();
        Ok((taken, None))
    }

    /// Checks a header against the state of the connection.
    fn begin_frame(&mut self, header: &Header) -> Result<Frame, ProtocolError> {
        crate::log::trace!("received {:?}", { *header });
        if header.rsv != 0 {
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
            Opcode::Text => self.begin_message(Kind::Text),
            Opcode::Binary => self.begin_message(Kind::Binary),
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
        Ok(Frame {
            opcode: header.opcode,
            fin: header.fin,
            key: header.masking_key.unwrap_or(MaskingKey::new([0; 4])),
            remaining: header.payload_len,
        })
    }

    fn begin_message(&mut self, kind: Kind) {
        self.message = Some(kind);
        self.started = false;
    }

    /// Takes the next piece of the payload of a data frame, unmasked.
    fn data<'b>(
        &mut self,
        payload: &'b [u8],
        fin: bool,
        remaining: u64,
    ) -> Result<Option<Event<'b>>, ProtocolError> {
        if payload.is_empty() && remaining > 0 {
            return Ok(None);
        }
        self.deliver(payload, fin && remaining == 0, remaining)
    }

    /// Makes unmasked payload a chunk.
    ///
    /// An extension that transforms payload, such as permessage-deflate, takes its place between
    /// [`data`](Self::data) and here.
    fn deliver<'b>(
        &mut self,
        payload: &'b [u8],
        last: bool,
        remaining: u64,
    ) -> Result<Option<Event<'b>>, ProtocolError> {
        // `begin_frame` lets a data frame through only with a message in progress.
        let Some(kind) = self.message else { return Ok(None) };
        let mut chunk = Chunk::received(kind, payload, !self.started, last, remaining);
        if kind == Kind::Text {
            if let Some(text) = self.utf8.push_text(payload, chunk.is_whole())? {
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
    ) -> Result<Option<Event<'b>>, ProtocolError> {
        let room = self.kept.get_mut(usize::from(self.control_len)..).unwrap_or_default();
        self.control_len += u8::try_from(copy(payload, room)).unwrap_or_default();
        if remaining > 0 {
            return Ok(None);
        }
        match opcode {
            Opcode::Ping => {
                self.reply = Reply::Pong;
                Ok(Some(Event::Ping))
            }
            Opcode::Pong => Ok(Some(Event::Pong)),
            _ => {
                Close::decode(self.control_payload())?;
                self.end = End::ClosedByPeer;
                self.reply = Reply::Echo;
                Ok(Some(Event::Close))
            }
        }
    }
}
