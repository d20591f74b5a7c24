//! The least that can be done: each byte is looked at once, by hand, with the checks that the RFC
//! asks for. It knows no more frames than the benches send, and gives up where an end would close.

mod handshake;

use fearless_simd::{Level, dispatch};

use crate::contender::{BUFFER_LEN, Receive, Role};
use crate::wire::Wire;

pub(crate) use handshake::{accept, answer, connect};

/// Receives into one buffer, unmasks in place and lends what lies there.
///
/// ```text
/// 0 ≤ joined ≤ start ≤ end ≤ len
/// ┌────────────────┬──────────┬────────────────┬─────────┐
/// │ joined message │   used   │ not yet parsed │  space  │
/// └────────────────┴──────────┴────────────────┴─────────┘
///                joined     start             end
/// ```
#[derive(Debug)]
pub(crate) struct Receiver {
    wire: Wire,
    buffer: Box<[u8]>,
    joined: usize,
    start: usize,
    end: usize,
    /// The opcode of the message that has begun; 0 if none has.
    message: u8,
}

/// A frame in the buffer.
#[derive(Clone, Copy, Debug)]
struct Frame {
    fin: bool,
    opcode: u8,
    /// Where its payload begins and ends, the key being just before.
    start: usize,
    end: usize,
}

impl Receive for Receiver {
    fn new(wire: Wire, buffer_len: usize) -> Self {
        let buffer = vec![0; buffer_len].into_boxed_slice();
        Self { wire, buffer, joined: 0, start: 0, end: 0, message: 0 }
    }

    fn receive(&mut self, mut seen: impl FnMut(&[u8])) {
        loop {
            let Frame { fin, opcode, start, end } = self.frame();
            assert!((opcode == 0) == (self.message != 0) && opcode < 8, "not in this order");
            if fin && opcode != 0 {
                return seen(checked(opcode, &self.buffer[start..end]));
            }
            if opcode != 0 {
                self.message = opcode;
            }
            self.buffer.copy_within(start..end, self.joined);
            self.joined += end - start;
            if fin {
                seen(checked(self.message, &self.buffer[..self.joined]));
                (self.message, self.joined) = (0, 0);
                return;
            }
        }
    }
}

impl Receiver {
    /// Takes the next frame, unmasked.
    #[inline]
    fn frame(&mut self) -> Frame {
        loop {
            if let Some((frame, key)) = self.parse() {
                unmask(&mut self.buffer[frame.start..frame.end], key);
                self.start = frame.end;
                return frame;
            }
            self.fill();
        }
    }

    /// Parses what lies at `start`, if it is a whole frame.
    #[inline]
    fn parse(&self) -> Option<(Frame, [u8; 4])> {
        let [first, second, rest @ ..] = &self.buffer[self.start..self.end] else { return None };
        let (fin, opcode) = (first & 0x80 != 0, first & 0xf);
        assert!(first & 0x70 == 0 && matches!(opcode, 0..=2 | 8..=10) && second & 0x80 != 0);
        let (len_len, len) = match second & 0x7f {
            LEN_16 => (2, u64::from(u16::from_be_bytes(*rest.first_chunk()?))),
            LEN_64 => (8, u64::from_be_bytes(*rest.first_chunk()?)),
            len => (0, u64::from(len)),
        };
        assert!(len_len < 2 || len > 125 && (len_len < 8 || len > 0xffff && len >> 63 == 0));
        assert!(opcode < 8 || fin && len_len == 0, "a control frame is short and whole");
        let key = rest.get(len_len..)?.first_chunk()?;
        let start = self.start + 2 + len_len + 4;
        let end = start + usize::try_from(len).ok()?;
        (end <= self.end).then_some((Frame { fin, opcode, start, end }, *key))
    }

    /// Reads more, behind what has not been parsed yet.
    fn fill(&mut self) {
        if self.start > self.joined {
            self.buffer.copy_within(self.start..self.end, self.joined);
            (self.start, self.end) = (self.joined, self.joined + self.end - self.start);
        }
        let n = self.wire.receive(&mut self.buffer[self.end..]);
        self.end += n;
    }
}

/// A server sends the payload from where it lies; a client must have it masked somewhere.
pub(crate) fn sender(mut wire: Wire, role: Role, payload: &'static [u8]) -> Box<dyn FnMut()> {
    match role {
        Role::Server => Box::new(move || {
            let (header, len) = header(payload.len(), 0);
            wire.send(&header[..len]);
            wire.send(payload);
        }),
        Role::Client => {
            let mut frame = vec![0; 14 + payload.len()];
            Box::new(move || {
                let (header, len) = header(payload.len(), 0x80);
                let key: [u8; 4] = rand::random();
                // All of the space, as copies of a fixed length are a few moves.
                frame[..header.len()].copy_from_slice(&header);
                frame[len..len + 4].copy_from_slice(&key);
                let frame = &mut frame[..len + 4 + payload.len()];
                frame[len + 4..].copy_from_slice(payload);
                unmask(&mut frame[len + 4..], key);
                wire.send(frame);
            })
        }
    }
}

pub(crate) fn closer(wire: Wire) -> impl FnMut() {
    let mut receiver = Receiver::new(wire, BUFFER_LEN);
    move || {
        let Frame { opcode, start, end, .. } = receiver.frame();
        let payload = &receiver.buffer[start..end];
        let (code, reason) = payload.split_first_chunk().expect("a code");
        let code = u16::from_be_bytes(*code);
        assert!(opcode == 8 && matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999));
        checked(1, reason);
        let len = payload.len();
        let mut reply = [0x88; 127];
        reply[1] = u8::try_from(len).expect("at most 125");
        reply[2..2 + len].copy_from_slice(payload);
        receiver.wire.send(&reply[..2 + len]);
    }
}

/// The header of a binary message, without its key, and its length.
fn header(payload_len: usize, mask: u8) -> ([u8; 10], usize) {
    let mut header = [0x82; 10];
    let len = (payload_len as u64).to_be_bytes();
    header[1] = mask
        | match payload_len {
            0..=125 => len[7],
            126..=0xffff => LEN_16,
            _ => LEN_64,
        };
    match header[1] & 0x7f {
        LEN_16 => {
            header[2..4].copy_from_slice(&len[6..]);
            (header, 4)
        }
        LEN_64 => {
            header[2..].copy_from_slice(&len);
            (header, 10)
        }
        _ => (header, 2),
    }
}

/// Unmasks by the vectors that every processor of the target has, and what is long by the widest that this one
/// has: those of wirelet, from the same length.
#[inline]
fn unmask(payload: &mut [u8], key: [u8; 4]) {
    if payload.len() < LONG {
        return unmask_words(payload, key);
    }
    dispatch!(Level::new(), _ => unmask_words(payload, key));
}

/// XORs eight bytes at a time, in a shape that the compiler makes vectors of.
#[inline(always)]
#[expect(clippy::inline_always, reason = "so that the vectors are those of the caller")]
fn unmask_words(payload: &mut [u8], key: [u8; 4]) {
    let half = u32::from_ne_bytes(key);
    let word = u64::from(half) << 32 | u64::from(half);
    let (words, rest) = payload.as_chunks_mut::<8>();
    for bytes in words {
        *bytes = (u64::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
    }
    let (halves, rest) = rest.as_chunks_mut::<4>();
    for bytes in halves {
        *bytes = (u32::from_ne_bytes(*bytes) ^ half).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key) {
        *byte ^= key;
    }
}

fn checked(opcode: u8, payload: &[u8]) -> &[u8] {
    if opcode == 1 {
        simdutf8::basic::from_utf8(payload).expect("text");
    }
    payload
}

/// Bytes.
const LONG: usize = 1024;

/// The values of the length field that say "16 bits follow" and "64 bits follow".
const LEN_16: u8 = 0x7e;
const LEN_64: u8 = 0x7f;
