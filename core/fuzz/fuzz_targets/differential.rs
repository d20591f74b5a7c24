//! The same stream from a client through wirelet and through tungstenite, both as server: both
//! accept it or both reject it, and what they deliver and answer agrees.
//!
//! Where the two differ for a reason, [`compare`] says which.
//!
//! The input is a [`Plan`] and the stream.

#![no_main]

mod support;

use std::io;

use libfuzzer_sys::fuzz_target;
use support::{Frame, Plan, Seen, Transcript, parse_frames, transcript};
use tungstenite::error::{Error, ProtocolError as TheirProtocolError};
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Message, WebSocket};
use wirelet::{ProtocolError, Server};

fuzz_target!(|data: &[u8]| {
    let Some((plan, stream)) = Plan::parse(data) else { return };
    if stream.len() < LIMIT {
        compare(&transcript(Server, plan, stream), &Theirs::of(plan, stream), stream);
    }
});

/// The longest frame that tungstenite takes here: longer than any stream, so that nothing which
/// could be whole is refused for its length.
const LIMIT: usize = 1 << 17;

fn compare(ours: &Transcript, theirs: &Theirs, stream: &[u8]) {
    let mut events = ours.events.clone();
    match (ours.error, theirs.end) {
        // §5.2: "the minimal number of bytes MUST be used to encode the length". tungstenite does
        // not look, and goes on with what follows.
        (Some(ProtocolError::NonMinimalLength), _) => {
            assert!(theirs.events.starts_with(&events), "{ours:?} {theirs:?}");
        }
        // A close code that must not be sent (§7.4) is an error here. tungstenite answers it with
        // the same 1002, but shows it to the application as a close by the peer, with a code and
        // a reason of its own making.
        (Some(ProtocolError::InvalidCloseCode), End::Closed) => {
            events.push(not_allowed());
            assert_eq!(events, theirs.events);
        }
        (Some(_), End::Rejected) | (None, End::Eof) => assert_eq!(events, theirs.events),
        // The end of the stream lies inside a frame. wirelet fails at the first bad bit of a
        // header, and in text at the first bad byte (§8.1 does not ask to wait); tungstenite when
        // the frame is whole. It is seen only at the last frame: all others are whole.
        (Some(_), End::Eof) => {
            assert_eq!(events, theirs.events);
            assert!(ends_inside_a_frame(stream), "accepted by tungstenite: {ours:?}");
        }
        // tungstenite refuses a frame that is too long for its buffers at the header, and cannot
        // tell it from one whose length has the top bit set. wirelet streams any length that §5.2
        // permits, so here it waits for the rest, unless something else is wrong with the frame.
        (_, End::TooLong) => {
            assert_eq!(events, theirs.events);
            assert!(ends_inside_a_frame(stream));
        }
        (None, End::Closed) => {
            // 1014 came into the IANA registry after the RFC; tungstenite does not know it.
            if let Some(last @ Seen::Close(Some(1014), _)) = events.last_mut() {
                *last = not_allowed();
            }
            assert_eq!(events, theirs.events);
        }
        (Some(_), End::Closed) | (None, End::Rejected) => panic!("{ours:?} {theirs:?}"),
    }
    assert_eq!(pongs(&ours.replies), pongs(&theirs.replies)[..pongs(&ours.replies).len()]);
    if ours.error.is_none() && events == ours.events {
        assert_eq!(ours.replies, theirs.replies);
    }
}

/// What tungstenite makes of a close code that it does not allow.
fn not_allowed() -> Seen {
    Seen::Close(Some(1002), "Protocol violation".into())
}

/// The payloads of the pongs. After a violation tungstenite sends no close frame.
fn pongs(replies: &[u8]) -> Vec<Vec<u8>> {
    let frames = parse_frames(replies).into_iter();
    frames.filter_map(|Frame { first, payload, .. }| (first == 0x8a).then_some(payload)).collect()
}

/// Follows the frames of a stream, whatever they say.
fn ends_inside_a_frame(mut rest: &[u8]) -> bool {
    while let [_, second, after @ ..] = rest {
        let key_len = if second & 0x80 == 0 { 0 } else { 4 };
        let len_of_len = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let Some((len, after)) = after.split_at_checked(len_of_len) else { return true };
        let len = match len {
            [] => u128::from(second & 0x7f),
            len => len.iter().fold(0, |number, byte| number << 8 | u128::from(*byte)),
        };
        match usize::try_from(len + key_len).ok().and_then(|len| after.split_at_checked(len)) {
            Some((_, next)) => rest = next,
            None => return true,
        }
    }
    !rest.is_empty()
}

/// What tungstenite made of a stream.
#[derive(Debug)]
struct Theirs {
    events: Vec<Seen>,
    replies: Vec<u8>,
    end: End,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Eof,
    Closed,
    Rejected,
    TooLong,
}

impl Theirs {
    fn of(plan: Plan<'_>, stream: &[u8]) -> Self {
        // Not empty ones: a read of 0 bytes is the end of the stream.
        let reads = plan.cut(stream).filter(|read| !read.is_empty()).collect();
        let config = WebSocketConfig::default()
            .read_buffer_size(512)
            .max_message_size(Some(LIMIT))
            .max_frame_size(Some(LIMIT));
        let socket = Socket { reads, n_read: 0, written: Vec::new() };
        let mut socket = WebSocket::from_raw_socket(socket, Role::Server, Some(config));
        let mut events = Vec::new();
        let end = loop {
            match socket.read() {
                Ok(Message::Text(text)) => events.push(Seen::Text(text.as_str().to_owned())),
                Ok(Message::Binary(bytes)) => events.push(Seen::Binary(bytes.into())),
                Ok(Message::Ping(payload)) => events.push(Seen::Ping(payload.into())),
                Ok(Message::Pong(payload)) => events.push(Seen::Pong(payload.into())),
                Ok(Message::Close(close)) => {
                    let code = close.as_ref().map(|close| close.code.into());
                    let reason = close.map_or(String::new(), |close| close.reason.to_string());
                    events.push(Seen::Close(code, reason));
                }
                Ok(Message::Frame(_)) => panic!("read never returns a raw frame"),
                Err(Error::ConnectionClosed) => break End::Closed,
                Err(Error::Protocol(TheirProtocolError::ResetWithoutClosingHandshake)) => {
                    break End::Eof;
                }
                Err(Error::Protocol(_) | Error::Utf8(_)) => break End::Rejected,
                Err(Error::Capacity(_)) => break End::TooLong,
                Err(error) => panic!("{error:?}"),
            }
        };
        Self { events, replies: socket.into_inner().written, end }
    }
}

/// A stream in memory.
struct Socket<'s> {
    reads: Vec<&'s [u8]>,
    n_read: usize,
    written: Vec<u8>,
}

impl io::Read for Socket<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Some(read) = self.reads.get_mut(self.n_read) else { return Ok(0) };
        let n = read.len().min(out.len());
        let (now, later) = read.split_at(n);
        out[..n].copy_from_slice(now);
        *read = later;
        self.n_read += usize::from(later.is_empty());
        Ok(n)
    }
}

impl io::Write for Socket<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
