//! What an end has been asked to send, by what the calls have said became of it.

use std::collections::BTreeSet;

use wirelet::{Chunk, Error, Kind, Message};

use crate::common::{Frame, TestRole, parse_frames};
use crate::drive::Outcome;
use crate::pipe::WouldBlock;

/// The frames of an end, without its replies and its close.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    frames: Vec<Own>,
    /// The fragmented message in progress.
    message: Option<Kind>,
    /// The last frame lacks some of its payload.
    is_unfinished: bool,
    n_made: u8,
    /// The payloads of the close frames that were asked for.
    pub(crate) closes: Vec<Vec<u8>>,
}

#[derive(Debug)]
struct Own {
    first: u8,
    payload: Vec<u8>,
    /// Nobody knows whether it was queued.
    is_optional: bool,
}

/// A payload, as text or not.
#[derive(Debug)]
pub(crate) enum Data {
    Text(String),
    Binary(Vec<u8>),
}

impl Data {
    pub(crate) fn message(&self) -> Message<'_> {
        match self {
            Self::Text(text) => Message::Text(text),
            Self::Binary(bytes) => Message::Binary(bytes),
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.message().as_bytes()
    }
}

impl Sent {
    /// Makes a payload like no other of the last few.
    pub(crate) fn make(&mut self, kind: Kind, len: usize) -> Data {
        self.n_made = self.n_made.wrapping_add(1);
        match kind {
            Kind::Binary => Data::Binary(
                (0..len).map(|at| self.n_made.wrapping_add(at.to_le_bytes()[0])).collect(),
            ),
            Kind::Text => {
                let long = ["é", "€", "😀", "z"][usize::from(self.n_made % 4)];
                let mut text = String::from(char::from(b'a' + self.n_made % 26));
                text.truncate(len);
                while text.len() < len {
                    text.push_str(if text.len() + long.len() <= len { long } else { "." });
                }
                Data::Text(text)
            }
        }
    }

    /// Notes what became of a message or a fragment of one.
    pub(crate) fn chunk(
        &mut self,
        chunk: Chunk<'_>,
        outcome: &Outcome<()>,
        unfinished: usize,
        is_told: bool,
    ) {
        let opcode = if chunk.is_first() { opcode(chunk.kind()) } else { 0 };
        let first = u8::from(chunk.is_last()) << 7 | opcode;
        let message = (!chunk.is_last()).then_some(chunk.kind());
        self.frame(first, chunk.as_bytes(), message, outcome, unfinished, is_told);
    }

    /// Notes what became of a frame of the message in progress, or of the first of one.
    pub(crate) fn next(
        &mut self,
        kind: Kind,
        is_last: bool,
        payload: &[u8],
        outcome: &Outcome<()>,
        unfinished: usize,
        is_told: bool,
    ) {
        let opcode = if self.message.is_none() { opcode(kind) } else { 0 };
        let message = (!is_last).then_some(kind);
        self.frame(u8::from(is_last) << 7 | opcode, payload, message, outcome, unfinished, is_told);
    }

    /// Notes what became of a ping or pong.
    pub(crate) fn control(
        &mut self,
        first: u8,
        payload: &[u8],
        outcome: &Outcome<()>,
        unfinished: usize,
        is_told: bool,
    ) {
        self.frame(first, payload, self.message, outcome, unfinished, is_told);
    }

    fn frame(
        &mut self,
        first: u8,
        payload: &[u8],
        message: Option<Kind>,
        outcome: &Outcome<()>,
        unfinished: usize,
        is_told: bool,
    ) {
        if self.is_unfinished {
            assert!(unfinished > 0, "a frame that was begun is given up");
            assert!(
                matches!(outcome, Err(Error::Send(_) | Error::Transport(WouldBlock))),
                "{outcome:?} inside a frame"
            );
            return;
        }
        let is_optional = match outcome {
            Ok(()) | Err(Error::Unflushed(WouldBlock)) => {
                assert_eq!(unfinished, 0);
                false
            }
            Err(Error::Unfinished(WouldBlock)) => {
                assert!(unfinished > 0);
                false
            }
            Err(Error::Transport(WouldBlock)) if is_told => {
                assert_eq!(unfinished, 0, "this has changed something");
                return;
            }
            // A future that was dropped.
            Err(Error::Transport(WouldBlock)) => unfinished == 0,
            Err(Error::Send(_)) => {
                assert_eq!(unfinished, 0);
                return;
            }
            Err(error) => panic!("{error:?} for something that is sent"),
        };
        assert!(unfinished <= payload.len());
        self.is_unfinished = unfinished > 0;
        self.message = message;
        self.frames.push(Own { first, payload: payload.into(), is_optional });
    }

    /// The payload that the frame in progress lacks.
    pub(crate) fn rest(&self, unfinished: usize) -> Vec<u8> {
        assert_eq!(unfinished > 0, self.is_unfinished);
        match self.frames.last() {
            Some(frame) if self.is_unfinished => {
                frame.payload[frame.payload.len() - unfinished..].into()
            }
            _ => Vec::new(),
        }
    }

    /// Notes that `len` bytes were written of the frame in progress.
    pub(crate) fn wrote(&mut self, len: usize, outcome: &Outcome<()>, before: usize, after: usize) {
        match outcome {
            Ok(()) => assert_eq!(after, before - len),
            Err(Error::Unfinished(WouldBlock)) => assert!(after > 0 && after >= before - len),
            Err(Error::Transport(WouldBlock)) => assert!(after >= before - len && after <= before),
            Err(error) => panic!("{error:?} for a payload"),
        }
        self.is_unfinished = after > 0;
    }

    pub(crate) fn is_unfinished(&self) -> bool {
        self.is_unfinished
    }

    /// Takes apart what has left: whole frames, which are these, and in order the pongs to `pings`,
    /// to all of them if `all_answered`.
    pub(crate) fn check<Ro: TestRole>(
        &self,
        wire: &[u8],
        pings: &[Vec<u8>],
        all_answered: bool,
        is_told: bool,
    ) -> Option<Vec<u8>> {
        let mut frames = parse_frames(wire);
        assert!(frames.iter().all(|frame| frame.key == Ro::OWN_KEY));
        let close = frames.pop_if(|frame| frame.first == 0x88).map(|close| close.payload);
        // How many of the frames and of the pongs may have been found.
        let mut states = BTreeSet::from([(0, 0)]);
        self.skip_optional(&mut states);
        for (n, frame) in frames.iter().enumerate() {
            let mut next = BTreeSet::new();
            for (own, pong) in states {
                if self.frames.get(own).is_some_and(|own| own.is(frame, is_told)) {
                    next.insert((own + 1, pong));
                }
                if frame.first == 0x8a && pings.get(pong) == Some(&frame.payload) {
                    next.insert((own, pong + 1));
                }
            }
            self.skip_optional(&mut next);
            assert!(!next.is_empty(), "frame {n}, {frame:?}, was not to be sent: {self:?}");
            states = next;
        }
        let is_all = |&(own, pong): &(usize, usize)| {
            own == self.frames.len() && (!all_answered || pong == pings.len())
        };
        assert!(states.iter().any(is_all), "lost: {states:?} of {self:?} and {pings:?}");
        close
    }

    fn skip_optional(&self, states: &mut BTreeSet<(usize, usize)>) {
        let mut open: Vec<_> = states.iter().copied().collect();
        while let Some((own, pong)) = open.pop() {
            if self.frames.get(own).is_some_and(|own| own.is_optional)
                && states.insert((own + 1, pong))
            {
                open.push((own + 1, pong));
            }
        }
    }
}

impl Own {
    /// Where nobody knows which frames were queued, nobody knows which opcode continues them.
    fn is(&self, frame: &Frame, is_told: bool) -> bool {
        let mask = if is_told || self.first & 8 != 0 { 0xff } else { 0xf8 };
        (self.first ^ frame.first) & mask == 0 && self.payload == frame.payload
    }
}

fn opcode(kind: Kind) -> u8 {
    match kind {
        Kind::Text => 1,
        Kind::Binary => 2,
    }
}
