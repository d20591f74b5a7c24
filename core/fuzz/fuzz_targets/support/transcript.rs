//! What a connection makes of a stream, in a form that does not depend on how the stream was cut;
//! and the contract of [`Incoming`] and [`Outgoing`], checked on the way.

use wirelet::{
    Chunk, Close, CloseCode, Connection, Event, Incoming, Kind, Outgoing, Progress, ProtocolError,
    Role,
};

use super::{Frame, Plan, parse_frames};

/// What a stream brought and what was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Transcript {
    pub(crate) events: Vec<Seen>,
    /// The message that had not ended.
    pub(crate) partial: Option<(Kind, Vec<u8>)>,
    pub(crate) error: Option<ProtocolError>,
    pub(crate) replies: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
}

impl Seen {
    pub(crate) fn message(kind: Kind, bytes: Vec<u8>) -> Self {
        match kind {
            Kind::Text => Self::Text(String::from_utf8(bytes).expect("validated text")),
            Kind::Binary => Self::Binary(bytes),
        }
    }

    pub(crate) fn close(close: Close<'_>) -> Self {
        Self::Close(close.code().map(CloseCode::get), close.reason().to_owned())
    }
}

/// Takes down events; fails when one comes that may not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes {
    pub(crate) events: Vec<Seen>,
    pub(crate) partial: Option<(Kind, Vec<u8>)>,
    /// What is left of the frame of the last chunk.
    remaining: u64,
    /// A close frame or an error has come.
    pub(crate) ended: bool,
}

impl Notes {
    /// Notes what a call of `receive` brought; `control` is what the connection says of the
    /// control frame, `close` of the close frame.
    pub(crate) fn event(
        &mut self,
        event: &Event<Chunk<'_>>,
        control: &[u8],
        close: Option<Close<'_>>,
    ) {
        assert!(!self.ended, "{event:?} after the end");
        match event {
            Event::Chunk(chunk) => self.join(chunk),
            Event::Ping => self.events.push(Seen::Ping(control.into())),
            Event::Pong => self.events.push(Seen::Pong(control.into())),
            Event::Close => {
                self.ended = true;
                self.events.push(Seen::close(close.expect("Event::Close has come")));
            }
        }
        assert_eq!(close.is_some(), self.ended);
    }

    fn join(&mut self, chunk: &Chunk<'_>) {
        let bytes = chunk.as_bytes();
        assert_eq!(chunk.is_first(), self.partial.is_none(), "only the first chunk is first");
        if self.remaining > 0 {
            assert!(!bytes.is_empty(), "an empty chunk inside a frame");
            assert_eq!(chunk.remaining() + bytes.len() as u64, self.remaining);
        }
        self.remaining = chunk.remaining();
        let (kind, joined) = self.partial.get_or_insert_with(|| (chunk.kind(), Vec::new()));
        assert_eq!(*kind, chunk.kind());
        joined.extend(bytes);
        if let Some(text) = chunk.as_str() {
            assert_eq!((*kind, text.as_bytes()), (Kind::Text, bytes));
        }
        assert_eq!(chunk.message().is_some(), chunk.is_first() && chunk.is_last());
        if chunk.is_last() {
            assert_eq!(chunk.remaining(), 0);
            if let Some((kind, bytes)) = self.partial.take() {
                self.events.push(Seen::message(kind, bytes));
            }
        }
    }
}

/// Feeds the stream as the plan wants it.
pub(crate) fn transcript<Ro: Role>(role: Ro, plan: Plan<'_>, stream: &[u8]) -> Transcript {
    let (incoming, outgoing) = Connection::new(role).split();
    let mut peer = Peer {
        incoming,
        outgoing,
        notes: Notes::default(),
        error: None,
        replies: Vec::new(),
        reply_space: plan.reply_space,
    };
    for read in plan.cut(stream) {
        peer.feed(read);
    }
    peer.end();
    let Peer { notes: Notes { events, partial, .. }, error, replies, .. } = peer;
    Transcript { events, partial, error, replies }
}

/// One end under test.
struct Peer<Ro> {
    incoming: Incoming<Ro>,
    outgoing: Outgoing<Ro>,
    notes: Notes,
    error: Option<ProtocolError>,
    replies: Vec<u8>,
    reply_space: usize,
}

impl<Ro: Role> Peer<Ro> {
    fn feed(&mut self, read: &[u8]) {
        assert_eq!(self.receive(&mut []), 0, "nothing was there");
        let mut buffer = read.to_vec();
        let mut at = 0;
        while at < buffer.len() {
            let waits = self.incoming.has_reply() && !self.notes.ended;
            let consumed = self.receive(&mut buffer[at..]);
            assert_eq!(consumed == 0, waits, "progress, unless a pong waits");
            at += consumed;
            assert!(buffer[at..] == read[at..], "bytes after {at} were changed unconsumed");
            // Every other time, see first that a waiting pong stops the input, and an end does not.
            if !(self.incoming.has_reply() && at % 2 == 0 && !waits) {
                self.reply();
            }
        }
        self.reply();
    }

    /// Calls `receive` once; returns how much it consumed.
    fn receive(&mut self, input: &mut [u8]) -> usize {
        let (start, len) = (input.as_ptr().addr(), input.len());
        let (waits, ended) = (self.incoming.has_reply(), self.notes.ended);
        let Progress { consumed, event } = match self.incoming.receive(input) {
            Ok(progress) => progress,
            Err(error) => {
                assert!(!ended, "{error:?} after the end");
                self.notes.ended = true;
                self.error = Some(error);
                return len; // payload up to the error has been unmasked, and nobody wants the rest
            }
        };
        assert!(consumed <= len);
        if ended {
            assert_eq!((consumed, event), (len, None), "all is ignored after the end");
        } else if waits {
            assert_eq!((consumed, event), (0, None), "a pong waits");
        }
        if let Some(event) = event {
            if let Event::Chunk(chunk) = event {
                let bytes = chunk.as_bytes().as_ptr_range();
                assert_eq!(bytes.end.addr(), start + consumed, "a chunk is what came last");
                assert!(bytes.start.addr() >= start);
            }
            let close = self.incoming.close_received();
            self.notes.event(&event, self.incoming.control_payload(), close);
        }
        assert_eq!(self.incoming.is_ended(), self.notes.ended);
        consumed
    }

    /// Writes all of the reply that waits.
    fn reply(&mut self) {
        let mut out = vec![0; self.reply_space];
        let waited = self.incoming.has_reply();
        assert_eq!(self.outgoing.reply(&mut self.incoming, &mut []), 0);
        let before = self.replies.len();
        loop {
            let n = self.outgoing.reply(&mut self.incoming, &mut out);
            self.replies.extend(&out[..n]);
            if n == 0 {
                break;
            }
        }
        assert_eq!(self.replies.len() > before, waited, "a reply that waits is written");
        assert!(self.replies.len() - before <= 131);
        assert!(!self.incoming.has_reply());
    }

    /// Checks that the replies are the right ones: one for each ping and one at the end.
    fn end(&self) {
        assert_eq!(self.outgoing.is_close_sent(), self.notes.ended);
        let mut expected: Vec<(u8, Vec<u8>)> = self
            .notes
            .events
            .iter()
            .filter_map(|seen| match seen {
                Seen::Ping(payload) => Some((0x8a, payload.clone())),
                Seen::Close(..) => Some((0x88, self.incoming.control_payload().into())),
                Seen::Text(_) | Seen::Binary(_) | Seen::Pong(_) => None,
            })
            .collect();
        if let Some(error) = self.error {
            expected.push((0x88, error.close_code().get().to_be_bytes().into()));
        }
        let sent = parse_frames(&self.replies).into_iter().map(|Frame { first, key, payload }| {
            assert_eq!(key.is_some(), Ro::IS_CLIENT, "a client masks, a server does not");
            (first, payload)
        });
        assert!(sent.eq(expected), "{:?} {:x?}", self.notes.events, self.replies);
    }
}
