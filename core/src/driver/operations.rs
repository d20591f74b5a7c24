//! What can be sent.

use super::sending::{Put, Sending};
use super::{Failure, Reply};
use crate::handshake::{HandshakeError, Head, write_head};
use crate::slice::behind;
use crate::{Buffers, Chunk, Close, Header, Incoming, Kind, Opcode, Outgoing, Role, SendError};

/// A frame of any length.
pub(crate) struct Frame<'m>(pub(crate) Chunk<'m>);

/// A frame that fits the transmit buffer.
pub(crate) struct ShortFrame<'m>(pub(crate) Chunk<'m>);

/// A ping or a pong.
pub(crate) struct Control<'m>(pub(crate) Opcode, pub(crate) &'m [u8]);

/// The header of a frame that ends a message, with so many bytes of payload to come.
pub(crate) struct Begin(pub(crate) Kind, pub(crate) usize);

/// The next bytes of a payload to come.
pub(crate) struct Payload<'m>(pub(crate) &'m [u8]);

impl<'m, Ro: Role> Put<'m, Ro> for Frame<'m> {
    fn put(&mut self, sending: &mut Sending<'_, Ro>) -> Result<Option<&'m [u8]>, Failure> {
        let Self(chunk) = self;
        let payload = chunk.as_bytes();
        // What fits the empty window is queued whole or not at all.
        let needed = Outgoing::<Ro>::frame_len(payload.len());
        let fits = needed <= sending.window.space_len() || sending.window.is_empty();
        if !fits && sending.outgoing.unfinished() == 0 {
            return Ok(None);
        }
        sending.fit(|outgoing, space| Ok(outgoing.begin_chunk(chunk)?.copy_header(space)))?;
        Ok(Some(payload))
    }
}

impl<'m, Ro: Role> Put<'m, Ro> for ShortFrame<'m> {
    fn put(&mut self, sending: &mut Sending<'_, Ro>) -> Result<Option<&'m [u8]>, Failure> {
        Ok(sending.fit(|outgoing, space| outgoing.send(self.0, space))?)
    }
}

impl<'m, Ro: Role> Put<'m, Ro> for Control<'m> {
    fn put(&mut self, sending: &mut Sending<'_, Ro>) -> Result<Option<&'m [u8]>, Failure> {
        Ok(sending.fit(|outgoing, space| outgoing.control(self.0, self.1, space))?)
    }
}

/// Unless one has been sent.
impl<'m, Ro: Role> Put<'m, Ro> for Close<'m> {
    fn put(&mut self, sending: &mut Sending<'_, Ro>) -> Result<Option<&'m [u8]>, Failure> {
        if sending.outgoing.is_close_sent() {
            return Ok(Some(&[]));
        }
        Ok(sending.fit(|outgoing, space| outgoing.close(*self, space))?)
    }
}

impl<'m, Ro: Role> Put<'m, Ro> for Begin {
    fn put(&mut self, sending: &mut Sending<'_, Ro>) -> Result<Option<&'m [u8]>, Failure> {
        let space_len = sending.window.space_len();
        if space_len < Header::MAX_LEN && sending.outgoing.unfinished() == 0 {
            return Ok(None);
        }
        Ok(sending
            .fit(|outgoing, space| Ok(outgoing.begin(self.0, true, self.1)?.copy_header(space)))?)
    }
}

impl<'m, Ro: Role> Put<'m, Ro> for Payload<'m> {
    fn put(&mut self, sending: &mut Sending<'_, Ro>) -> Result<Option<&'m [u8]>, Failure> {
        let Self(piece) = self;
        if piece.len() > sending.outgoing.unfinished() {
            return Err(SendError::TooLong.into());
        }
        if !sending.outgoing.is_validating() {
            return Ok(Some(piece));
        }
        // Text is checked as it is queued.
        let n = sending.outgoing.payload(piece, sending.window.space())?;
        sending.window.fill(n);
        *piece = behind(piece, n);
        Ok(piece.is_empty().then_some(piece))
    }
}

/// The reply that waits there.
impl<'m, Ro: Role> Put<'m, Ro> for &mut Incoming<Ro> {
    fn put(&mut self, sending: &mut Sending<'_, Ro>) -> Result<Option<&'m [u8]>, Failure> {
        if sending.outgoing.unfinished() > 0 {
            return Err(SendError::FrameUnfinished.into());
        }
        // A reply is never queued in part.
        if sending.window.space_len() < Buffers::MIN_TRANSMIT {
            return Ok(None);
        }
        let n = sending.outgoing.reply(*self, sending.window.space());
        sending.window.fill(n);
        sending.reply_waits |= n > 0;
        Ok(Some(&[]))
    }
}

/// By pieces, if need be.
impl<'m, Ro: Role> Put<'m, Ro> for &dyn Head {
    fn put(&mut self, sending: &mut Sending<'_, Ro>) -> Result<Option<&'m [u8]>, Failure> {
        while let Some(at) = sending.head {
            if sending.window.space_len() == 0 {
                return Ok(None);
            }
            let piece = write_head(*self, at, sending.window.space());
            let piece = piece.map_err(HandshakeError::from)?;
            sending.window.fill(piece.len);
            sending.head = (!piece.is_last).then_some(at.saturating_add(piece.len));
        }
        Ok(Some(&[]))
    }
}

/// The reply of the other half, if that is the one of this connection.
impl<'m, Ro: Role> Put<'m, Ro> for Reply<'_, Ro> {
    fn put(&mut self, sending: &mut Sending<'_, Ro>) -> Result<Option<&'m [u8]>, Failure> {
        if self.connection != sending.connection() {
            return Err(SendError::ForeignReply.into());
        }
        self.incoming.put(sending)
    }
}

/// The next piece of the payload of a message of unknown length, which is a fragment unless it is
/// empty, or of a frame of known length.
pub(crate) struct Piece<'m> {
    pub(super) kind: Kind,
    pub(super) is_framed: bool,
    pub(super) bytes: &'m [u8],
}

/// The end of the same.
pub(crate) struct Last {
    pub(super) kind: Kind,
    pub(super) is_framed: bool,
}

impl Piece<'_> {
    pub(crate) const fn len(&self) -> usize {
        self.bytes.len()
    }
}

impl<'m, Ro: Role> Put<'m, Ro> for Piece<'m> {
    fn put(&mut self, sending: &mut Sending<'_, Ro>) -> Result<Option<&'m [u8]>, Failure> {
        if self.is_framed || self.bytes.is_empty() {
            let mut payload = Payload(self.bytes);
            let rest = payload.put(sending);
            self.bytes = payload.0;
            return rest;
        }
        ShortFrame(sending.fragment(self.kind, self.bytes, false)).put(sending)
    }
}

impl<'m, Ro: Role> Put<'m, Ro> for Last {
    fn put(&mut self, sending: &mut Sending<'_, Ro>) -> Result<Option<&'m [u8]>, Failure> {
        if !self.is_framed {
            return ShortFrame(sending.fragment(self.kind, b"", true)).put(sending);
        }
        match sending.outgoing.unfinished() {
            0 => Ok(Some(&[])),
            _ => Err(SendError::FrameUnfinished.into()),
        }
    }
}
