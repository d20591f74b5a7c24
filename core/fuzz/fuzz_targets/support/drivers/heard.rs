//! What an end was told of the peer, in a form that does not depend on which calls told it.

use wirelet::{Close, CloseCode, Event, Kind, ProtocolError};

use crate::common::{Seen, TestRole};
use crate::drive::Part;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "what has happened, and no options")]
pub(crate) struct Heard {
    /// Messages and control frames; at the end the close, or the violation.
    events: Vec<Seen>,
    /// The message in progress.
    partial: Option<(Kind, Vec<u8>)>,
    is_ended: bool,
    /// A message was longer than the limit.
    is_over_capacity: bool,
    /// `receive_data` has passed over pings and pongs.
    is_without_pings: bool,
    /// `receive_data` has told of the close, and not what it said.
    is_closed_in_silence: bool,
    /// `finish` has passed over what came.
    is_ignoring: bool,
}

impl Heard {
    /// What a connection makes of all that the peer sends, in one piece.
    pub(crate) fn at_once<Ro: TestRole>(stream: &[u8]) -> Self {
        let (mut connection, mut heard) = (Ro::connection(), Self::default());
        let (mut input, mut at) = (stream.to_vec(), 0);
        while at < input.len() && !heard.is_ended {
            match connection.receive(&mut input[at..]) {
                Err(error) => heard.failed(error),
                Ok(progress) => {
                    at += progress.consumed;
                    match progress.event {
                        None => {}
                        Some(Event::Chunk(chunk)) => {
                            let (is_first, is_last) = (chunk.is_first(), chunk.is_last());
                            heard.part(Part::chunk(
                                chunk.kind(),
                                chunk.as_bytes(),
                                is_first,
                                is_last,
                            ));
                        }
                        Some(Event::Ping) => {
                            heard.event(Seen::Ping(connection.control_payload().into()));
                        }
                        Some(Event::Pong) => {
                            heard.event(Seen::Pong(connection.control_payload().into()));
                        }
                        Some(Event::Close) => {
                            let close = connection.close_received().expect("it has come");
                            let code = close.code().map(CloseCode::get);
                            heard.event(Seen::Close(code, close.reason().into()));
                        }
                    }
                }
            }
            while connection.reply(&mut [0; 256]) > 0 {}
        }
        heard
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// Not all that came before the end was told.
    pub(crate) fn is_cut(&self) -> bool {
        self.is_over_capacity || self.is_ignoring
    }

    pub(crate) fn is_in_message(&self) -> bool {
        self.partial.is_some()
    }

    pub(crate) fn is_ignoring(&self) -> bool {
        self.is_ignoring
    }

    /// It has ended, and what has ended it need not have been the next that was to come.
    pub(crate) fn ended(&mut self) {
        self.is_ignoring = true;
        self.is_ended = true;
    }

    pub(crate) fn ignores(&mut self) {
        self.is_ignoring = true;
    }

    pub(crate) fn passes_over_pings(&mut self) {
        self.is_without_pings = true;
    }

    /// Notes what `receive` has told, of at most `limit` bytes.
    pub(crate) fn whole(&mut self, seen: Seen, limit: usize) {
        match &seen {
            Seen::Text(text) => assert!(text.len() <= limit),
            Seen::Binary(bytes) => assert!(bytes.len() <= limit),
            _ => return self.event(seen),
        }
        assert_eq!(self.partial, None, "a whole message inside one in chunks");
        self.event(seen);
    }

    /// Notes what `receive_chunk` has told.
    pub(crate) fn part(&mut self, part: Part) {
        match part {
            Part::Control(seen) => self.event(seen),
            Part::Chunk { kind, bytes, is_first, is_last } => {
                assert!(!self.is_ended, "a chunk after the end");
                assert_eq!(is_first, self.partial.is_none(), "only the first chunk is first");
                let (begun, mut joined) = self.partial.take().unwrap_or((kind, Vec::new()));
                assert_eq!(begun, kind);
                joined.extend(bytes);
                if !is_last {
                    self.partial = Some((kind, joined));
                    return;
                }
                self.event(match kind {
                    Kind::Text => Seen::Text(String::from_utf8(joined).expect("validated text")),
                    Kind::Binary => Seen::Binary(joined),
                });
            }
        }
    }

    pub(crate) fn closed_in_silence(&mut self) {
        assert!(!self.is_ended, "a close after the end");
        self.is_closed_in_silence = true;
        self.is_ended = true;
    }

    pub(crate) fn failed(&mut self, error: ProtocolError) {
        self.event(Seen::Error(error));
    }

    pub(crate) fn over_capacity(&mut self) {
        assert!(!self.is_ended, "too big after the end");
        self.is_over_capacity = true;
        self.is_ended = true;
    }

    fn event(&mut self, seen: Seen) {
        assert!(!self.is_ended, "{seen:?} after the end");
        self.is_ended = matches!(seen, Seen::Close(..) | Seen::Error(_));
        self.events.push(seen);
    }

    pub(crate) fn is_violation(&self) -> bool {
        matches!(self.events.last(), Some(Seen::Error(_)))
    }

    /// The payloads of the pings, in order.
    pub(crate) fn pings(&self) -> Vec<Vec<u8>> {
        self.events
            .iter()
            .filter_map(|seen| if let Seen::Ping(payload) = seen { Some(payload) } else { None })
            .cloned()
            .collect()
    }

    /// The payload of the close frame that answers the end.
    pub(crate) fn answer(&self) -> Option<Vec<u8>> {
        match self.events.last() {
            Some(Seen::Close(None, _)) => Some(Vec::new()),
            Some(Seen::Close(Some(code), reason)) => {
                Some([&code.to_be_bytes(), reason.as_bytes()].concat())
            }
            Some(Seen::Error(error)) => Some(close_payload(error.close_code().into())),
            _ => None,
        }
    }

    /// Holds what was told against all there was to tell; `limit` is that of `receive`.
    pub(crate) fn check(mut self, mut all: Self, limit: usize) {
        if self.is_closed_in_silence {
            let close = all.events.pop();
            assert!(matches!(close, Some(Seen::Close(..))), "{close:?}");
        }
        if self.is_without_pings {
            for heard in [&mut self, &mut all] {
                heard.events.retain(|seen| !matches!(seen, Seen::Ping(_) | Seen::Pong(_)));
            }
        }
        if self.is_over_capacity {
            let is_data = |seen: &&Seen| matches!(seen, Seen::Text(_) | Seen::Binary(_));
            let n = self.events.iter().filter(is_data).count();
            // If it is not whole, or not valid further on, its header has said that it is.
            match all.events.iter().filter(is_data).nth(n) {
                Some(Seen::Text(text)) => assert!(text.len() > limit),
                Some(Seen::Binary(bytes)) => assert!(bytes.len() > limit),
                _ => {}
            }
        }
        if self.is_cut() {
            assert!(all.events.starts_with(&self.events), "{self:?}\n{all:?}");
            return;
        }
        assert_eq!(self.events, all.events);
        // Text is told up to the read that has the bad byte.
        if !self.is_ended {
            assert_eq!(self.partial, all.partial);
        }
    }
}

pub(crate) fn close_payload(close: Close<'_>) -> Vec<u8> {
    let code = close.code().map(|code| code.get().to_be_bytes());
    [code.as_ref().map_or(&[][..], |code| code), close.reason().as_bytes()].concat()
}
