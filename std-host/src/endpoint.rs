//! The engine with storage that a host allocates: one end of a connection, without its socket.

pub(crate) mod deflate;
pub(crate) mod growing;
pub(crate) mod out;
mod zlib;

use std::ops::ControlFlow;

use wirelet::{
    Chunk, Close, Connection, Event, Inbox, Kind, Message, ProtocolError, Received, Role,
    SendError, Store as _,
};

use crate::endpoint::deflate::{Codec, Compressed, is_deflated, message_of};
use crate::endpoint::growing::Growing;
use crate::endpoint::out::Out;

/// A connection and the storage for its messages.
#[derive(Debug)]
pub(crate) struct Endpoint<Ro> {
    connection: Connection<Ro, Compressed>,
    inbox: Inbox<Growing>,
}

/// The sending side of an [`Endpoint`], while something that was received is still lent.
pub(crate) struct Link<'c, Ro> {
    connection: &'c mut Connection<Ro, Compressed>,
    out: Out<'c>,
    /// If messages may be compressed.
    codec: Option<&'c Codec<'c>>,
    /// A close frame of the peer is not answered yet.
    answers_later: bool,
}

impl<Ro: Role> Endpoint<Ro> {
    /// Begins, with peers that may compress their messages if that `is_agreed`.
    pub(crate) fn new(role: Ro, is_agreed: bool) -> Self {
        let connection = Connection::with_extension(role, Compressed::new(is_agreed));
        Self { connection, inbox: Inbox::new(Growing::default()) }
    }

    /// Takes received bytes: `of_rest` that were read into [`rest`](Self::rest), and behind them
    /// `input`, of messages of at most `limit` bytes. Calls `on` for what they bring until it breaks, and
    /// appends replies to `out`. Returns how much of `input` it took, which is all if nothing has broken.
    /// After an error [`reply`](Self::reply) has the close frame that tells the peer, as it has the answer to a
    /// close that `on` wants to [answer later](Link::answer_later).
    pub(crate) fn receive(
        &mut self,
        of_rest: usize,
        input: &mut [u8],
        limit: usize,
        codec: Option<&Codec<'_>>,
        out: &mut Out<'_>,
        mut on: impl FnMut(Received<'_, Message<'_>>, &mut Link<'_, Ro>) -> ControlFlow<()>,
    ) -> Result<usize, ProtocolError> {
        let mut in_place = self.receive_rest(of_rest)?;
        let mut n = 0;
        while in_place.is_some() || n < input.len() {
            let (payload, len, inflated);
            let (mut is_joined, mut is_close) = (false, false);
            let received = if let Some(kind) = in_place.take() {
                is_joined = true;
                self.inbox.push_stored(kind, true).map(Received::Data)
            } else {
                // By reference: to move what was just written piece by piece makes the processor wait.
                let result = self.connection.receive_within(limit, &mut input[n..]);
                let progress = match &result {
                    Ok(progress) => progress,
                    Err(error) => return Err(*error),
                };
                n += progress.consumed;
                match &progress.event {
                    None => None,
                    Some(Event::Chunk(chunk)) => match chunk.message() {
                        None => {
                            is_joined = true;
                            self.check_compressed(chunk, limit)?;
                            join(&mut self.inbox, chunk)
                        }
                        whole => whole,
                    }
                    .map(Received::Data),
                    Some(event) => {
                        (payload, len) = self.control_payload();
                        is_close = matches!(event, Event::Close);
                        // Behind what `on` may have to say.
                        if !is_close {
                            self.reply(out);
                        }
                        let payload = &payload[..len];
                        Some(match event {
                            Event::Ping => Received::Ping(payload),
                            Event::Pong => Received::Pong(payload),
                            _ => Received::Close(Close::decode(payload).unwrap_or(Close::EMPTY)),
                        })
                    }
                }
            };
            let Some(mut received) = received else { continue };
            if let Received::Data(message) = &received
                && let Some(codec) = codec
                && let Some(kind) = self.connection.extension().deflated()
            {
                let result = match codec.inflate(message.as_bytes(), limit) {
                    Ok(message) => {
                        inflated = message;
                        message_of(&inflated, kind)
                    }
                    Err(error) => Err(error),
                };
                match result {
                    Ok(message) => received = Received::Data(message),
                    Err(error) => return Err(fail(&mut self.connection, error)),
                }
            }
            let connection = &mut self.connection;
            let link = &mut Link { connection, out: out.reborrow(), codec, answers_later: false };
            let flow = on(received, link);
            if is_close && !link.answers_later {
                self.reply(out);
            }
            if is_joined {
                self.inbox.clear();
            }
            if flow.is_break() {
                break;
            }
        }
        Ok(n)
    }

    /// Refuses a message that is too long before it is inflated: it would be so after.
    fn check_compressed(&mut self, chunk: &Chunk<'_>, limit: usize) -> Result<(), ProtocolError> {
        if self.connection.extension().deflated().is_none() {
            return Ok(());
        }
        let stored = if chunk.is_first() { 0 } else { self.inbox.store().as_bytes().len() };
        let remaining = usize::try_from(chunk.remaining()).unwrap_or(usize::MAX);
        let len = (stored + chunk.as_bytes().len()).saturating_add(remaining);
        // What does not get shorter gets hardly longer.
        if len > limit.saturating_add(limit / 8).saturating_add(1024) {
            return Err(fail(&mut self.connection, ProtocolError::MessageTooBig));
        }
        Ok(())
    }

    /// Takes the bytes that were read into [`rest`](Self::rest). Returns the kind of the message
    /// that is whole with them.
    fn receive_rest(&mut self, n: usize) -> Result<Option<Kind>, ProtocolError> {
        if n == 0 {
            return Ok(None);
        }
        let buffer = self.inbox.store_mut().buffer();
        // All of it is payload of one frame.
        let whole = match self.connection.receive(buffer.space(n))?.event {
            Some(Event::Chunk(chunk)) if chunk.is_last() => Some(chunk.kind()),
            _ => None,
        };
        buffer.advance(n);
        Ok(whole)
    }

    /// Lends the place for the rest of a long message, or as much of it as should be read at a time;
    /// empty if there is none such.
    pub(crate) fn rest(&mut self) -> &mut [u8] {
        let remaining = usize::try_from(self.connection.remaining()).unwrap_or(usize::MAX);
        let store = self.inbox.store_mut();
        // Of a message that lies in one chunk nothing is stored.
        if remaining < SHORTEST_REST || store.as_bytes().is_empty() {
            return &mut [];
        }
        store.buffer().space(remaining.min(LONGEST_REST))
    }

    /// Lends the sending side, which appends to `out`.
    pub(crate) const fn link<'c>(
        &'c mut self,
        out: Out<'c>,
        codec: Option<&'c Codec<'c>>,
    ) -> Link<'c, Ro> {
        Link { connection: &mut self.connection, out, codec, answers_later: false }
    }

    /// Tells whether a whole message may begin now.
    pub(crate) fn may_begin(&self) -> bool {
        self.connection.may_begin().is_ok()
    }

    /// A close frame has been sent.
    pub(crate) fn is_close_sent(&self) -> bool {
        self.connection.is_close_sent()
    }

    /// Copies the payload of the last control frame; its length comes with it.
    fn control_payload(&self) -> ([u8; 125], usize) {
        let mut copy = [0; 125];
        let payload = self.connection.control_payload();
        copy[..payload.len()].copy_from_slice(payload);
        (copy, payload.len())
    }

    /// Appends what waits to be replied. Behind an error that is a close frame, unless one was sent
    /// before.
    pub(crate) fn reply(&mut self, out: &mut Out<'_>) {
        let mut reply = [0; 131];
        loop {
            let n = self.connection.reply(&mut reply);
            if n == 0 {
                break;
            }
            out.append(&reply[..n]);
        }
    }
}

impl<Ro: Role> Link<'_, Ro> {
    /// Lends this link on.
    pub(crate) fn reborrow(&mut self) -> Link<'_, Ro> {
        let Self { connection, codec, .. } = self;
        Link { connection, out: self.out.reborrow(), codec: *codec, answers_later: false }
    }

    /// Keeps back the answer to a close frame that is lent with this, until [`Endpoint::reply`].
    pub(crate) const fn answer_later(&mut self) {
        self.answers_later = true;
    }

    /// A close frame has been sent.
    pub(crate) fn is_close_sent(&self) -> bool {
        self.connection.is_close_sent()
    }

    /// Appends a message or a fragment as one frame.
    #[expect(
        clippy::inline_always,
        reason = "the way of every answer; a sixth of its instructions"
    )]
    #[inline(always)]
    pub(crate) fn send(&mut self, chunk: &Chunk<'_>) -> Result<(), SendError> {
        let mut start = self.connection.start(chunk)?;
        self.out.append_frame(&mut start, chunk.as_bytes(), Ro::IS_CLIENT);
        Ok(())
    }

    /// Appends a message or a fragment as frames of at most `frame_bytes` of payload, or as one if that is 0.
    #[expect(clippy::inline_always, reason = "as for `send`")]
    #[inline(always)]
    pub(crate) fn send_in_frames(
        &mut self,
        chunk: &Chunk<'_>,
        frame_bytes: usize,
    ) -> Result<(), SendError> {
        if self.codec.is_none() && (frame_bytes == 0 || chunk.as_bytes().len() <= frame_bytes) {
            return self.send(chunk);
        }
        self.send_compressed(chunk, frame_bytes)
    }

    /// As [`send_in_frames`](Self::send_in_frames), compressed if it is a whole message that gets shorter by it.
    #[cold]
    fn send_compressed(&mut self, chunk: &Chunk<'_>, frame_bytes: usize) -> Result<(), SendError> {
        let is_whole = chunk.is_first() && chunk.is_last();
        // What is not sent must not be remembered.
        let codec = self.codec.filter(|_| is_whole && self.connection.may_begin().is_ok());
        match codec.and_then(|codec| codec.deflate(chunk.as_bytes())) {
            Some(deflated) => {
                self.send_pieces(Chunk::deflated(chunk.kind(), &deflated), frame_bytes)
            }
            None => self.send_pieces(*chunk, frame_bytes),
        }
    }

    fn send_pieces(&mut self, chunk: Chunk<'_>, frame_bytes: usize) -> Result<(), SendError> {
        let mut rest = Some(chunk);
        while let Some(chunk) = rest {
            let (piece, behind) = match chunk.split_at(frame_bytes) {
                Some((piece, behind)) => (piece, Some(behind)),
                None => (chunk, None),
            };
            self.send(&piece)?;
            rest = behind;
        }
        Ok(())
    }

    /// Appends the frames of a whole message that was encoded before, if it may begin now.
    pub(crate) fn send_encoded(&mut self, frame: &[u8]) -> Result<(), SendError> {
        self.connection.may_begin()?;
        if is_deflated(frame)
            && let Some(codec) = self.codec
        {
            codec.forget_sent();
        }
        self.out.append(frame);
        Ok(())
    }

    /// Tells whether a whole message may begin now.
    pub(crate) fn may_begin(&self) -> bool {
        self.connection.may_begin().is_ok()
    }

    /// Tells whether so much waits that it should leave before there is more.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.out.is_full()
    }

    pub(crate) fn ping(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.append(|connection, out| connection.ping(payload, out))
    }

    pub(crate) fn pong(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.append(|connection, out| connection.pong(payload, out))
    }

    pub(crate) fn close(&mut self, close: Close<'_>) -> Result<(), SendError> {
        self.append(|connection, out| connection.close(close, out))
    }

    fn append(
        &mut self,
        encode: impl FnOnce(&mut Connection<Ro, Compressed>, &mut [u8]) -> Result<usize, SendError>,
    ) -> Result<(), SendError> {
        let mut frame = [0; 131];
        let n = encode(self.connection, &mut frame)?;
        self.out.append(&frame[..n]);
        Ok(())
    }
}

/// Tells the peer of a violation that the connection cannot see.
#[cold]
fn fail<Ro: Role>(
    connection: &mut Connection<Ro, Compressed>,
    error: ProtocolError,
) -> ProtocolError {
    connection.fail(error.close_code());
    error
}

/// Adds a chunk to the message that it belongs to; returns that when it is whole.
#[inline(never)] // into the way of messages that need no joining
fn join<'m>(inbox: &'m mut Inbox<Growing>, chunk: &Chunk<'m>) -> Option<Message<'m>> {
    inbox.push(*chunk).unwrap_or_else(|error| {
        debug_assert!(false, "the connection keeps messages within their limit: {error}");
        None
    })
}

/// From this length on, to read into two places at a time costs less than a copy.
const SHORTEST_REST: usize = 16 * 1024;

/// So much stays in the processor's cache until it is unmasked.
const LONGEST_REST: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use wirelet::{Header, MaskingKey, Opcode};

    use super::*;

    const LIMIT: usize = 400_000;

    /// Receives as a session does: what comes in pieces of `cut` bytes, into the rest of a message
    /// if there is one. Returns the messages.
    fn receive(stream: &[u8], cut: usize) -> Result<Vec<Vec<u8>>, ProtocolError> {
        let mut endpoint = Endpoint::new(wirelet::Server, false);
        let (mut output, mut messages, mut rests) = (Vec::new(), Vec::new(), 0);
        let mut on = |received: Received<'_, Message<'_>>, _: &mut Link<'_, wirelet::Server>| {
            if let Received::Data(message) = received {
                messages.push(message.as_bytes().to_vec());
            }
            ControlFlow::Continue(())
        };
        for piece in stream.chunks(cut) {
            let rest = endpoint.rest();
            let n = rest.len().min(piece.len());
            rest[..n].copy_from_slice(&piece[..n]);
            rests += usize::from(n > 0);
            let input = &mut piece[n..].to_vec();
            let taken =
                endpoint.receive(n, input, LIMIT, None, &mut Out::gather(&mut output), &mut on)?;
            assert_eq!(taken, input.len());
        }
        assert!(rests > 0, "nothing was read in place, cut at {cut}");
        Ok(messages)
    }

    fn frame(fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
        let mut key = MaskingKey::new([1, 2, 3, 4]);
        let payload_len = payload.len() as u64;
        let header = Header { fin, rsv: 0, opcode, masking_key: Some(key), payload_len };
        let mut frame = header.encode(&mut [0; Header::MAX_LEN]).to_vec();
        frame.extend_from_slice(payload);
        let at = frame.len() - payload.len();
        key.apply(&mut frame[at..]);
        frame
    }

    #[test]
    fn a_long_message_is_joined_in_place_at_every_cut() {
        let long: Vec<u8> = (0..=250).cycle().take(70_000).collect();
        let text = "Grüße, 世界 ".repeat(10_000);
        let stream = [
            frame(true, Opcode::Binary, b"before"),
            frame(true, Opcode::Binary, &long),
            frame(false, Opcode::Text, text.as_bytes()),
            frame(true, Opcode::Ping, b"between"),
            frame(false, Opcode::Continuation, b""),
            frame(true, Opcode::Continuation, text.as_bytes()),
            frame(true, Opcode::Binary, b"behind"),
        ]
        .concat();
        let joined = [&text[..], &text].concat();
        for cut in [701, 16_384, 20_000, 30_011, 65_536, 70_020] {
            let messages = receive(&stream, cut).unwrap();
            assert!(messages == [&b"before"[..], &long, joined.as_bytes(), b"behind"], "{cut}");
        }
    }

    #[test]
    fn a_fragment_too_many_is_refused_though_the_others_were_joined_in_place() {
        let half = vec![0; LIMIT / 2];
        let stream = [
            frame(false, Opcode::Binary, &half),
            frame(true, Opcode::Continuation, &[&half[..], b"!"].concat()),
        ]
        .concat();
        assert_eq!(receive(&stream, 20_000), Err(ProtocolError::MessageTooBig));
    }

    #[test]
    fn a_violation_in_the_rest_is_seen() {
        let mut text = "ab".repeat(40_000).into_bytes();
        text[70_000] = 0xff;
        let stream = frame(true, Opcode::Text, &text);
        assert_eq!(receive(&stream, 30_000), Err(ProtocolError::InvalidUtf8));
    }
}
