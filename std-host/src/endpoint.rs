//! The engine with storage that a host allocates: one end of a connection, without its socket.

use std::ops::ControlFlow;

use wirelet::{
    CapacityError, Chunk, Close, CloseCode, Connection, Event, Inbox, Kind, Message, ProtocolError,
    Received, Role, SendError, Store as _,
};

use crate::growing::Growing;
use crate::out::Out;

/// A connection and the storage for its messages.
#[derive(Debug)]
pub(crate) struct Endpoint<Ro> {
    connection: Connection<Ro>,
    messages: Messages,
}

/// Joins messages within the limits.
#[derive(Debug)]
struct Messages {
    inbox: Inbox<Growing>,
    /// Fragments without a byte in the message in progress.
    n_empty: u16,
}

/// The sending side of an [`Endpoint`], while something that was received is still lent.
pub(crate) struct Link<'c, Ro> {
    connection: &'c mut Connection<Ro>,
    out: Out<'c>,
}

/// Why receiving failed; the peer's close frame is in the output already.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Failure {
    Protocol(ProtocolError),
    Capacity(CapacityError),
    EmptyFragments,
}

impl Failure {
    const fn close_code(self) -> CloseCode {
        match self {
            Self::Protocol(error) => error.close_code(),
            Self::Capacity(_) => CapacityError::CLOSE_CODE,
            Self::EmptyFragments => CloseCode::POLICY_VIOLATION,
        }
    }
}

impl<Ro: Role> Endpoint<Ro> {
    /// Joins messages of at most `message_bytes`.
    pub(crate) fn new(role: Ro, message_bytes: usize) -> Self {
        let store = Growing::new(message_bytes);
        let messages = Messages { inbox: Inbox::new(store), n_empty: 0 };
        Self { connection: Connection::new(role), messages }
    }

    /// Takes received bytes: `of_rest` that were read into [`rest`](Self::rest), and behind them
    /// `input`. Calls `on` for what they bring until it breaks, and appends replies to `out`. Returns
    /// how much of `input` it took, which is all if nothing has broken.
    pub(crate) fn receive(
        &mut self,
        of_rest: usize,
        input: &mut [u8],
        out: &mut Out<'_>,
        mut on: impl FnMut(Received<'_, Message<'_>>, &mut Link<'_, Ro>) -> ControlFlow<()>,
    ) -> Result<usize, Failure> {
        let mut in_place = self.receive_rest(of_rest, out)?;
        let mut n = 0;
        while in_place.is_some() || n < input.len() {
            let (payload, len);
            let received = if let Some(kind) = in_place.take() {
                self.messages.inbox.push_stored(kind, true).map(Received::Data)
            } else {
                // By reference: to move what was just written piece by piece makes the processor wait.
                let result = self.connection.receive(&mut input[n..]);
                let progress = match &result {
                    Ok(progress) => progress,
                    Err(error) => {
                        self.reply(out);
                        return Err(Failure::Protocol(*error));
                    }
                };
                n += progress.consumed;
                match &progress.event {
                    None => None,
                    Some(Event::Chunk(chunk)) => match self.messages.push(chunk) {
                        Ok(message) => message.map(Received::Data),
                        Err(failure) => {
                            self.fail(failure, out);
                            return Err(failure);
                        }
                    },
                    Some(event) => {
                        (payload, len) = self.control_payload();
                        self.reply(out);
                        let payload = &payload[..len];
                        Some(match event {
                            Event::Ping => Received::Ping(payload),
                            Event::Pong => Received::Pong(payload),
                            _ => Received::Close(Close::decode(payload).unwrap_or(Close::EMPTY)),
                        })
                    }
                }
            };
            let Some(received) = received else { continue };
            let is_message = matches!(received, Received::Data(_));
            let link = &mut Link { connection: &mut self.connection, out: out.reborrow() };
            let flow = on(received, link);
            if is_message {
                self.messages.inbox.clear();
            }
            if flow.is_break() {
                break;
            }
        }
        Ok(n)
    }

    /// Takes the bytes that were read into [`rest`](Self::rest). Returns the kind of the message
    /// that is whole with them.
    fn receive_rest(&mut self, n: usize, out: &mut Out<'_>) -> Result<Option<Kind>, Failure> {
        if n == 0 {
            return Ok(None);
        }
        let buffer = self.messages.inbox.store_mut().buffer();
        match self.connection.receive(buffer.space(n)) {
            Ok(progress) => {
                // All of it is payload of one frame.
                let whole = match progress.event {
                    Some(Event::Chunk(chunk)) if chunk.is_last() => Some(chunk.kind()),
                    _ => None,
                };
                buffer.advance(n);
                Ok(whole)
            }
            Err(error) => {
                self.reply(out);
                Err(Failure::Protocol(error))
            }
        }
    }

    /// Lends the place for the rest of a long message, or as much of it as should be read at a time;
    /// empty if there is none such.
    pub(crate) fn rest(&mut self) -> &mut [u8] {
        let remaining = usize::try_from(self.connection.remaining()).unwrap_or(usize::MAX);
        let store = self.messages.inbox.store_mut();
        // What has only begun, or has no room, goes the way that leads to the checks.
        if remaining < SHORTEST_REST || store.as_bytes().is_empty() || remaining > store.room() {
            return &mut [];
        }
        store.buffer().space(remaining.min(LONGEST_REST))
    }

    /// Lends the sending side, which appends to `out`.
    pub(crate) const fn link<'c>(&'c mut self, out: Out<'c>) -> Link<'c, Ro> {
        Link { connection: &mut self.connection, out }
    }

    /// Fails the connection and appends the close frame.
    fn fail(&mut self, failure: Failure, out: &mut Out<'_>) {
        self.connection.fail(failure.close_code());
        self.reply(out);
    }

    /// Both ends have closed, or the connection has failed.
    pub(crate) fn is_closed(&self) -> bool {
        self.connection.is_closed()
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

    fn reply(&mut self, out: &mut Out<'_>) {
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

impl Messages {
    /// Adds a chunk; returns the message when it is whole.
    #[inline]
    fn push<'m>(&'m mut self, chunk: &Chunk<'m>) -> Result<Option<Message<'m>>, Failure> {
        // Held against the limit here, because a message that is whole in one chunk needs no storage.
        if chunk.as_bytes().len() > self.inbox.store().limit() {
            return Err(Failure::Capacity(CapacityError));
        }
        match chunk.message() {
            None => self.join(chunk),
            whole => Ok(whole),
        }
    }

    #[inline(never)] // into the way of messages that need no joining
    fn join<'m>(&'m mut self, chunk: &Chunk<'m>) -> Result<Option<Message<'m>>, Failure> {
        if chunk.is_first() {
            self.n_empty = 0;
        }
        if chunk.as_bytes().is_empty() && !chunk.is_last() {
            self.n_empty += 1;
            if self.n_empty > EMPTY_FRAGMENTS {
                return Err(Failure::EmptyFragments);
            }
        }
        self.inbox.push(*chunk).map_err(Failure::Capacity)
    }
}

impl<Ro: Role> Link<'_, Ro> {
    /// Lends this link on.
    pub(crate) fn reborrow(&mut self) -> Link<'_, Ro> {
        Link { connection: self.connection, out: self.out.reborrow() }
    }

    /// Appends a message or a fragment as one frame.
    #[inline]
    pub(crate) fn send(&mut self, chunk: &Chunk<'_>) -> Result<(), SendError> {
        let mut start = self.connection.start(chunk)?;
        self.out.append_frame(&mut start, chunk.as_bytes(), Ro::IS_CLIENT);
        Ok(())
    }

    pub(crate) fn ping(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.append(|connection, out| connection.ping(payload, out))
    }

    pub(crate) fn close(&mut self, close: Close<'_>) -> Result<(), SendError> {
        self.append(|connection, out| connection.close(close, out))
    }

    fn append(
        &mut self,
        encode: impl FnOnce(&mut Connection<Ro>, &mut [u8]) -> Result<usize, SendError>,
    ) -> Result<(), SendError> {
        let mut frame = [0; 131];
        let n = encode(self.connection, &mut frame)?;
        self.out.append(&frame[..n]);
        Ok(())
    }
}

/// How many fragments of one message may be empty. They are allowed (§5.4), but a message that
/// consists of nothing else would never reach its limit.
const EMPTY_FRAGMENTS: u16 = 1000;

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
    fn receive(stream: &[u8], cut: usize) -> Result<Vec<Vec<u8>>, Failure> {
        let mut endpoint = Endpoint::new(wirelet::Server, LIMIT);
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
            let taken = endpoint.receive(n, input, &mut Out::gather(&mut output), &mut on)?;
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
        assert!(matches!(receive(&stream, 20_000), Err(Failure::Capacity(_))));
    }

    #[test]
    fn a_violation_in_the_rest_is_seen() {
        let mut text = "ab".repeat(40_000).into_bytes();
        text[70_000] = 0xff;
        let stream = frame(true, Opcode::Text, &text);
        let result = receive(&stream, 30_000);
        assert!(matches!(result, Err(Failure::Protocol(ProtocolError::InvalidUtf8))));
    }
}
