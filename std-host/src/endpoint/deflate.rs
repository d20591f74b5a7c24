//! permessage-deflate in an endpoint: whole messages, each in one go.

use std::cell::RefCell;

use wirelet::{Extension, Header, Kind, Message, Opcode, ProtocolError};

use crate::compression::{Agreement, Counters};
use crate::endpoint::zlib::{self, Deflated, Inflated};

/// Says of a connection whether messages may come compressed, and of the last one whether it did; in one byte, as
/// there may be many.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Compressed {
    /// It is not agreed on.
    Never,
    /// The last one came as it was.
    Plain,
    /// The last one is compressed, and of this kind.
    Deflated(Kind),
}

impl Compressed {
    pub(crate) const fn new(is_agreed: bool) -> Self {
        if is_agreed { Self::Plain } else { Self::Never }
    }

    /// The kind of the last message, if it is compressed.
    pub(crate) const fn deflated(self) -> Option<Kind> {
        match self {
            Self::Deflated(kind) => Some(kind),
            Self::Never | Self::Plain => None,
        }
    }
}

impl Extension for Compressed {
    fn rsv(&self, opcode: Opcode) -> u8 {
        match self {
            Self::Never => 0,
            // RFC 7692 §6.1: it is for the first frame of a message.
            Self::Plain | Self::Deflated(_) if opcode == Opcode::Continuation => 0,
            Self::Plain | Self::Deflated(_) => Header::RSV1,
        }
    }

    fn begin(&mut self, kind: Kind, rsv: u8) {
        *self = match self {
            Self::Never => Self::Never,
            _ if rsv == Header::RSV1 => Self::Deflated(kind),
            _ => Self::Plain,
        };
    }

    fn transforms(&self) -> bool {
        self.deflated().is_some()
    }
}

/// Tells whether an encoded message is compressed.
pub(crate) fn is_deflated(frames: &[u8]) -> bool {
    frames.first().is_some_and(|first| first >> 4 & Header::RSV1 != 0)
}

/// What compresses and undoes it for one connection, lent to its endpoint.
#[derive(Debug)]
pub(crate) struct Codec<'c> {
    agreement: Agreement,
    takeover: Option<&'c Takeover>,
    counters: Option<&'c Counters>,
}

impl<'c> Codec<'c> {
    pub(crate) const fn new(
        agreement: Agreement,
        takeover: Option<&'c Takeover>,
        counters: Option<&'c Counters>,
    ) -> Self {
        Self { agreement, takeover, counters }
    }

    /// Something is sent that was compressed elsewhere: the peer has it in its window, and this end has not.
    pub(crate) fn forget_sent(&self) {
        if let Some(takeover) = self.takeover {
            takeover.sent.borrow_mut().bytes.clear();
        }
    }

    /// Compresses a message, unless it would not get shorter.
    pub(super) fn deflate(&self, message: &[u8]) -> Option<Deflated> {
        let Agreement { sent, level, threshold, .. } = self.agreement;
        if message.len() < threshold {
            return None;
        }
        let mut memory = self.takeover.map(|takeover| takeover.sent.borrow_mut());
        let before = memory.as_ref().map_or(&[][..], |memory| &memory.bytes);
        let deflated = zlib::deflate(message, before, level, sent.window_bits);
        if deflated.len() >= message.len() {
            return None;
        }
        if let Some(memory) = &mut memory {
            memory.remember(message);
        }
        if let Some(counters) = self.counters {
            counters.count_sent(message.len(), deflated.len());
        }
        Some(deflated)
    }

    /// Undoes the compression of a message that had at most `limit` bytes.
    pub(super) fn inflate(&self, deflated: &[u8], limit: usize) -> Result<Inflated, ProtocolError> {
        let mut memory = self.takeover.map(|takeover| takeover.received.borrow_mut());
        let before = memory.as_ref().map_or(&[][..], |memory| &memory.bytes);
        let message = zlib::inflate(deflated, before, limit)?;
        if let Some(memory) = &mut memory {
            memory.remember(&message);
        }
        if let Some(counters) = self.counters {
            counters.count_received(deflated.len(), message.len());
        }
        Ok(message)
    }
}

/// Undoes what was compressed here, and by itself.
pub(crate) fn inflate_alone(deflated: &[u8]) -> Vec<u8> {
    let message = zlib::inflate(deflated, &[], usize::MAX);
    message.map(|message| message.to_vec()).unwrap_or_default()
}

/// Makes inflated bytes the message that they are.
pub(super) fn message_of(bytes: &[u8], kind: Kind) -> Result<Message<'_>, ProtocolError> {
    Ok(match kind {
        Kind::Text => Message::Text(str::from_utf8(bytes).map_err(|_| ProtocolError::InvalidUtf8)?),
        Kind::Binary => Message::Binary(bytes),
    })
}

/// What a connection keeps of its messages, for those that come after.
#[derive(Debug)]
pub(crate) struct Takeover {
    sent: RefCell<Memory>,
    received: RefCell<Memory>,
}

impl Takeover {
    /// Returns what has to be kept, if anything has.
    pub(crate) fn of(agreement: &Agreement) -> Option<Box<Self>> {
        let Agreement { sent, received, .. } = agreement;
        let memory = |direction: &wirelet::deflate::Direction| {
            let most = usize::from(direction.takes_over) << direction.window_bits;
            RefCell::new(Memory { most, bytes: Vec::new() })
        };
        let takes_over = sent.takes_over || received.takes_over;
        takes_over.then(|| Box::new(Self { sent: memory(sent), received: memory(received) }))
    }
}

/// The end of what went one way.
#[derive(Debug)]
struct Memory {
    /// In bytes; 0 if nothing is kept.
    most: usize,
    bytes: Vec<u8>,
}

impl Memory {
    fn remember(&mut self, message: &[u8]) {
        let fresh = &message[message.len().saturating_sub(self.most)..];
        let n_old = self.bytes.len().min(self.most - fresh.len());
        self.bytes.drain(..self.bytes.len() - n_old);
        self.bytes.reserve_exact(fresh.len());
        self.bytes.extend_from_slice(fresh);
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use wirelet::{Chunk, Client, Received, Server, deflate::Deflate};

    use super::*;
    use crate::compression::Compression;
    use crate::endpoint::Endpoint;
    use crate::endpoint::out::Out;
    use crate::random::SeededRandom;

    const LIMIT: usize = 100_000;

    /// What a client sends, and a server that has agreed on the same receives, cut into pieces.
    struct Pair {
        client: (Endpoint<Client<SeededRandom>>, Agreement, Option<Box<Takeover>>),
        server: (Endpoint<Server>, Agreement, Option<Box<Takeover>>),
    }

    impl Pair {
        fn new(compression: Compression, agreed: Deflate) -> Self {
            let client = Endpoint::new(Client(SeededRandom::new()), true);
            let (ours, theirs) = (compression.of_client(agreed), compression.of_server(agreed));
            Self {
                client: (client, ours, Takeover::of(&ours)),
                server: (Endpoint::new(Server, true), theirs, Takeover::of(&theirs)),
            }
        }

        fn send(&mut self, message: &str, frame_bytes: usize) -> Vec<u8> {
            let (client, agreement, takeover) = &mut self.client;
            let codec = Codec::new(*agreement, takeover.as_deref(), None);
            let mut out = Vec::new();
            let mut link = client.link(Out::gather(&mut out), Some(&codec));
            link.send_in_frames(&Chunk::whole(message), frame_bytes).unwrap();
            out
        }

        fn receive(&mut self, stream: &[u8], cut: usize) -> Result<Vec<String>, ProtocolError> {
            let (server, agreement, takeover) = &mut self.server;
            let (mut messages, mut replies) = (Vec::new(), Vec::new());
            for piece in stream.chunks(cut) {
                let codec = Codec::new(*agreement, takeover.as_deref(), None);
                let out = &mut Out::gather(&mut replies);
                server.receive(
                    0,
                    &mut piece.to_vec(),
                    LIMIT,
                    Some(&codec),
                    out,
                    |received, _| {
                        if let Received::Data(Message::Text(text)) = received {
                            messages.push(text.to_owned());
                        }
                        ControlFlow::Continue(())
                    },
                )?;
            }
            Ok(messages)
        }
    }

    fn json(i: usize) -> String {
        format!("{{\"sensor\":{i},\"place\":\"Grüße\",\"values\":[{i},{i},{i}]}}").repeat(8)
    }

    #[test]
    fn messages_come_as_they_were_with_every_window_and_at_every_cut() {
        for bits in 8..=15 {
            for takes_over in [false, true] {
                let mut agreed = Deflate::new().client_max_window_bits(bits);
                if !takes_over {
                    agreed = agreed.client_no_context_takeover();
                }
                for (cut, frame_bytes) in [(1, 0), (7, 50), (1000, 0), (100_000, 11)] {
                    let mut pair = Pair::new(Compression::new(), agreed);
                    for i in 0..8 {
                        let message = if i == 3 { "short".into() } else { json(i % 3) };
                        let frames = pair.send(&message, frame_bytes);
                        assert_eq!(is_deflated(&frames), message.len() > 128);
                        let case = (bits, takes_over, cut, frame_bytes, i);
                        assert_eq!(pair.receive(&frames, cut), Ok(vec![message]), "{case:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_like_the_messages_before_gets_shorter_by_takeover() {
        let [alone, together] =
            [Deflate::new().client_no_context_takeover(), Deflate::new()].map(|agreed| {
                let mut pair = Pair::new(Compression::new(), agreed);
                pair.send(&json(1), 0);
                pair.send(&json(1), 0).len()
            });
        assert!(together * 3 < alone, "{together} and {alone}");
    }

    #[test]
    fn a_window_of_256_bytes_is_kept_to() {
        use wirelet::deflate::{Inflater, Window};
        // What repeats itself after 300 bytes must not be found again.
        let unit: String = (0..300_u32).filter_map(|i| char::from_u32(33 + i * 7 % 89)).collect();
        let mut deflated = zlib::deflate(unit.repeat(20).as_bytes(), &[], 9, 8).to_vec();
        deflated.extend_from_slice(&[0, 0, 0xff, 0xff]);
        let (mut ring, mut input, mut n) = ([0; 256], &deflated[..], 0);
        let (mut inflater, mut window) = (Inflater::new(), Window::ring(&mut ring));
        loop {
            let is_full = inflater.inflate(&mut input, &mut window).unwrap();
            n += window.fresh().len();
            window.take();
            if !is_full {
                break;
            }
        }
        assert_eq!(n, 6000);
    }

    #[test]
    fn a_bomb_is_1009_at_the_limit_however_it_comes() {
        let bomb = "0".repeat(LIMIT + 1);
        for (frame_bytes, cut) in [(0, 1_000_000), (5, 1_000_000), (0, 3)] {
            let mut pair = Pair::new(Compression::new(), Deflate::new());
            let frames = pair.send(&bomb, frame_bytes);
            assert!(frames.len() < 1_000);
            assert_eq!(pair.receive(&frames, cut), Err(ProtocolError::MessageTooBig));
            // And one that just fits is none.
            let mut pair = Pair::new(Compression::new(), Deflate::new());
            let frames = pair.send(&bomb[1..], frame_bytes);
            assert_eq!(pair.receive(&frames, cut).map(|messages| messages[0].len()), Ok(LIMIT));
        }
    }

    #[test]
    fn what_is_not_deflated_is_1007() {
        let agreed = Deflate::new();
        for (payload, error) in [
            // No such block.
            (&b"\x07"[..], ProtocolError::InvalidDeflate),
            // Of three bytes before the first.
            (b"\x02\x02\x00", ProtocolError::InvalidDeflate),
            // 0xff, which is no text.
            (b"\xfa\x0f\x00", ProtocolError::InvalidUtf8),
        ] {
            let mut pair = Pair::new(Compression::new(), agreed);
            let len = u8::try_from(payload.len()).unwrap();
            let frame = [&[0xc1, 0x80 | len, 0, 0, 0, 0], payload].concat();
            assert_eq!(pair.receive(&frame, 100), Err(error), "{payload:?}");
        }
    }

    #[test]
    fn a_last_block_may_be_followed_by_others() {
        // RFC 7692 §7.2.3.4: "Hello" in a block with BFINAL, and the bits of an empty one behind it.
        let frame = b"\xc1\x88\0\0\0\0\xf3\x48\xcd\xc9\xc9\x07\x00\x00";
        let mut pair = Pair::new(Compression::new(), Deflate::new());
        for _ in 0..3 {
            assert_eq!(pair.receive(frame, 100), Ok(vec!["Hello".into()]));
        }
        // §7.2.3.5: two blocks; §7.2.3.2: the second "Hello" refers to the first.
        let frames: [&[u8]; 2] = [
            b"\xc1\x8d\0\0\0\0\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00",
            b"\xc1\x85\0\0\0\0\xf2\x00\x11\x00\x00",
        ];
        for frame in frames {
            assert_eq!(pair.receive(frame, 100), Ok(vec!["Hello".into()]));
        }
    }
}
