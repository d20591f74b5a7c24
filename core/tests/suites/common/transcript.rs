//! What a connection makes of a stream, in a form that does not depend on how the stream was cut.

use wirelet::{Chunk, Connection, Event, Kind, ProtocolError};

use super::TestRole;

/// What a stream brought and what was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Transcript {
    pub(crate) events: Vec<Seen>,
    pub(crate) replies: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
    Error(ProtocolError),
}

/// A connection that is read as its documentation wants it: `reply` after each `receive`.
#[derive(Debug)]
pub(crate) struct Peer<Ro> {
    pub(crate) connection: Connection<Ro>,
    pub(crate) transcript: Transcript,
    /// How many bytes `reply` may write at once.
    pub(crate) reply_space: usize,
    /// The message in progress.
    message: Option<(Kind, Vec<u8>)>,
    /// What is left of the frame of the last chunk.
    remaining: u64,
    ended: bool,
}

impl<Ro: TestRole> Peer<Ro> {
    pub(crate) fn new() -> Self {
        Self {
            connection: Ro::connection(),
            transcript: Transcript::default(),
            reply_space: 256,
            message: None,
            remaining: 0,
            ended: false,
        }
    }

    /// Feeds `input` as one read.
    pub(crate) fn feed(&mut self, input: &[u8]) {
        let mut buffer = input.to_vec();
        let mut at = 0;
        while at < buffer.len() {
            let consumed = self.receive(&mut buffer[at..]);
            assert!(consumed > 0, "no progress at {at}");
            at += consumed;
            assert!(buffer[at..] == input[at..], "bytes after {at} were changed unconsumed");
            self.reply();
        }
    }

    /// Calls `receive` once and notes what it brought; returns how much it consumed.
    pub(crate) fn receive(&mut self, input: &mut [u8]) -> usize {
        let start = input.as_ptr().addr();
        let len = input.len();
        let progress = match self.connection.receive(input) {
            Ok(progress) => progress,
            Err(error) => {
                self.note(Seen::Error(error));
                self.ended = true;
                return len;
            }
        };
        assert!(progress.consumed <= len);
        let end = start + progress.consumed;
        match progress.event {
            None => {}
            Some(Event::Chunk(chunk)) => {
                let bytes = chunk.as_bytes().as_ptr_range();
                assert_eq!(bytes.end.addr(), end, "a chunk is the end of what was consumed");
                assert!(bytes.start.addr() >= start);
                self.join(&chunk);
            }
            Some(Event::Ping) => self.note(Seen::Ping(self.connection.control_payload().into())),
            Some(Event::Pong) => self.note(Seen::Pong(self.connection.control_payload().into())),
            Some(Event::Close) => {
                let close = self.connection.close_received().expect("Event::Close has come");
                let code = close.code().map(wirelet::CloseCode::get);
                self.note(Seen::Close(code, close.reason().to_owned()));
                self.ended = true;
            }
        }
        progress.consumed
    }

    /// Writes all of the reply that waits.
    pub(crate) fn reply(&mut self) {
        let mut out = vec![0; self.reply_space];
        loop {
            let n = self.connection.reply(&mut out);
            self.transcript.replies.extend(&out[..n]);
            if n == 0 {
                break;
            }
        }
    }

    fn note(&mut self, seen: Seen) {
        assert!(!self.ended, "{seen:?} after the end");
        self.transcript.events.push(seen);
    }

    fn join(&mut self, chunk: &Chunk<'_>) {
        assert!(!self.ended, "a chunk after the end");
        assert_eq!(chunk.is_first(), self.message.is_none(), "only the first chunk is first");
        let bytes = chunk.as_bytes();
        if self.remaining > 0 {
            assert_eq!(chunk.remaining() + bytes.len() as u64, self.remaining);
            assert!(!bytes.is_empty(), "an empty chunk inside a frame");
        }
        self.remaining = chunk.remaining();
        let (kind, joined) = self.message.get_or_insert_with(|| (chunk.kind(), Vec::new()));
        assert_eq!(*kind, chunk.kind());
        joined.extend(bytes);
        if chunk.is_last() {
            assert_eq!(chunk.remaining(), 0);
            let (kind, bytes) = self.message.take().unwrap();
            self.note(match kind {
                Kind::Text => Seen::Text(String::from_utf8(bytes).expect("validated text")),
                Kind::Binary => Seen::Binary(bytes),
            });
        }
    }
}

/// Feeds the stream as one read.
pub(crate) fn whole<Ro: TestRole>(stream: &[u8]) -> Transcript {
    cut_at::<Ro>(stream, &[])
}

/// Feeds the stream cut at these positions, in ascending order.
pub(crate) fn cut_at<Ro: TestRole>(stream: &[u8], cuts: &[usize]) -> Transcript {
    let mut peer = Peer::<Ro>::new();
    let mut from = 0;
    for &cut in cuts.iter().chain([&stream.len()]) {
        peer.feed(&stream[from..cut]);
        from = cut;
    }
    peer.transcript
}

/// Feeds the stream in reads of `len` bytes.
pub(crate) fn in_reads_of<Ro: TestRole>(stream: &[u8], len: usize) -> Transcript {
    let mut peer = Peer::<Ro>::new();
    for read in stream.chunks(len) {
        peer.feed(read);
    }
    peer.transcript
}

/// Feeds the stream whole, cut in two at every byte, and in reads of 1 to 64 bytes; returns what
/// all of these ways had in common: everything.
#[track_caller]
pub(crate) fn at_every_split<Ro: TestRole>(stream: &[u8]) -> Transcript {
    let expected = whole::<Ro>(stream);
    for cut in 1..stream.len() {
        let seen = cut_at::<Ro>(stream, &[cut]);
        assert!(seen == expected, "cut at {cut}: {seen:?} instead of {expected:?}");
    }
    for len in 1..=64 {
        let seen = in_reads_of::<Ro>(stream, len);
        assert!(seen == expected, "reads of {len}: {seen:?} instead of {expected:?}");
    }
    expected
}
