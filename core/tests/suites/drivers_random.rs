//! Random sessions, the same in every run, over sockets that read and write short and fail: what a
//! driver has received and sent is exactly what a plain list of frames says.

use crate::common::{Seen, TestRng, TestRole, parse_frames};
use crate::drive::{Driver, INTERRUPTED, Outcome, Part, Talk, again, on_every_driver_and_role};
use crate::pipe::{End, Shape, WouldBlock, pipe};
use wirelet::{Error, Kind, ProtocolError, SendError, Storage};

const MAX_MESSAGE: usize = 300;

const TEXT: &str = "añ漢😀";

/// A first byte and an unmasked payload.
type Frame = (u8, Vec<u8>);

/// What the peer says, and what that is.
#[derive(Debug, Default)]
struct Script {
    stream: Vec<u8>,
    seen: Vec<Seen>,
    error: Option<Error<WouldBlock>>,
}

impl Script {
    fn random<Ro: TestRole>(rng: &mut TestRng) -> Self {
        let mut script = Self::default();
        for _ in 0..rng.below(8) {
            script.message::<Ro>(rng);
            script.controls::<Ro>(rng);
        }
        match rng.below(4) {
            0 => {
                script.stream.extend(Ro::received(0x83, b"?"));
                script.error = Some(Error::Protocol(ProtocolError::ReservedOpcode));
            }
            1 => script.error = Some(Error::UnexpectedEof),
            _ => {
                script.stream.extend(Ro::received(0x88, b"\x03\xe8bye"));
                script.seen.push(Seen::Close(Some(1000), "bye".into()));
                script.error = Some(Error::Closed);
            }
        }
        script
    }

    fn message<Ro: TestRole>(&mut self, rng: &mut TestRng) {
        let is_text = rng.below(2) == 0;
        let len = rng.below(MAX_MESSAGE / 10);
        let payload = if is_text { TEXT.repeat(len).into_bytes() } else { rng.bytes(len * 10) };
        let n = 1 + rng.below(4);
        let mut rest = &payload[..];
        for i in 1..=n {
            let len = if i == n { rest.len() } else { rng.below(rest.len() + 1) };
            let opcode = if i > 1 { 0 } else { 2 - u8::from(is_text) };
            let fin = if i == n { 0x80 } else { 0 };
            self.stream.extend(Ro::received(fin | opcode, &rest[..len]));
            rest = &rest[len..];
            if i < n {
                self.controls::<Ro>(rng);
            }
        }
        self.seen.push(match String::from_utf8(payload) {
            Ok(text) if is_text => Seen::Text(text),
            Ok(text) => Seen::Binary(text.into_bytes()),
            Err(error) => Seen::Binary(error.into_bytes()),
        });
    }

    fn controls<Ro: TestRole>(&mut self, rng: &mut TestRng) {
        for _ in 0..rng.below(3) {
            let len = [0, 3, 125][rng.below(3)];
            let payload = rng.bytes(len);
            if rng.below(3) == 0 {
                self.stream.extend(Ro::received(0x8a, &payload));
                self.seen.push(Seen::Pong(payload));
            } else {
                self.stream.extend(Ro::received(0x89, &payload));
                self.seen.push(Seen::Ping(payload));
            }
        }
    }
}

/// One end of a session, with all that it has heard and said.
struct Session<'r, W> {
    ws: W,
    tells: bool,
    rng: &'r mut TestRng,
    seen: Vec<Seen>,
    /// The chunks of a message that is not whole.
    chunks: Option<(Kind, Vec<u8>)>,
    /// What was to be sent, and whether it certainly is.
    sent: Vec<(Frame, bool)>,
    /// What may be written of the frame in progress.
    long: Vec<u8>,
    n_sent: u8,
    error: Option<Error<WouldBlock>>,
}

impl<W: Talk> Session<'_, W> {
    fn step(&mut self) {
        match self.rng.below(7) {
            0 => self.say(),
            1 => {
                let _ = self.ws.flush().map_err(only_interrupted);
            }
            2 | 3 => self.hear_chunk(),
            _ => self.hear(),
        }
    }

    fn hear(&mut self) {
        let outcome = self.ws.receive();
        if self.chunks.is_some() && self.error.is_none() && outcome.is_err() {
            let between = Err(Error::MessageInProgress);
            assert!(outcome == between || is_end(&outcome), "{outcome:?}");
        }
        match outcome {
            Ok(seen) => {
                assert!(self.chunks.is_none(), "{seen:?} between chunks");
                self.seen.push(seen);
            }
            Err(INTERRUPTED | Error::MessageInProgress) => {}
            Err(error) => self.end(error),
        }
    }

    fn hear_chunk(&mut self) {
        match self.ws.receive_chunk() {
            Ok(Part::Chunk { kind, bytes, is_first, is_last }) => {
                assert_eq!(is_first, self.chunks.is_none());
                let (kind, joined) = self.chunks.get_or_insert((kind, Vec::new()));
                joined.extend(bytes);
                if is_last {
                    let (kind, bytes) = (*kind, std::mem::take(joined));
                    self.chunks = None;
                    self.seen.push(match kind {
                        Kind::Text => Seen::Text(String::from_utf8(bytes).unwrap()),
                        Kind::Binary => Seen::Binary(bytes),
                    });
                }
            }
            Ok(Part::Control(seen)) => self.seen.push(seen),
            Err(INTERRUPTED) => {}
            Err(error) => self.end(error),
        }
    }

    fn end(&mut self, error: Error<WouldBlock>) {
        match error {
            // A reply has to wait for the frame that was cut.
            Error::Send(SendError::FrameUnfinished) => self.go_on(),
            error => {
                self.error.get_or_insert(error);
            }
        }
    }

    fn say(&mut self) {
        if self.ws.unfinished() > 0 {
            return self.go_on();
        }
        if self.n_sent == u8::MAX {
            return;
        }
        self.n_sent += 1;
        let len = [1, 2, 20, 120, 131, 200, 500][self.rng.below(7)];
        let payload = vec![self.n_sent; len];
        let (first, outcome) = match self.rng.below(4) {
            0 if len <= 100 => (0x82, self.ws.queue(payload.as_slice())),
            1 if len <= 125 => (0x89, self.ws.ping(&payload)),
            2 if len <= 125 => (0x8a, self.ws.pong(&payload)),
            3 => (0x82, self.ws.message_of(Kind::Binary, len)),
            _ => (0x82, self.ws.send(payload.as_slice())),
        };
        // Of a future that was dropped, only the state of the frame is told.
        let is_cut = self.ws.unfinished() > 0;
        let is_certain = match outcome {
            Ok(()) | Err(Error::Unflushed(WouldBlock) | Error::Unfinished(WouldBlock)) => true,
            Err(INTERRUPTED) if self.tells => {
                assert!(!is_cut);
                return;
            }
            Err(INTERRUPTED) => is_cut,
            Err(Error::Send(SendError::Closed)) => return,
            Err(error) => panic!("{error:?}"),
        };
        self.sent.push(((first, payload.clone()), is_certain));
        self.long = payload;
    }

    /// Writes some of what the frame in progress lacks.
    fn go_on(&mut self) {
        let at = self.long.len() - self.ws.unfinished();
        let len = 1 + self.rng.below(self.long.len() - at);
        let outcome = self.ws.write(&self.long[at..at + len]);
        let left = self.long.len() - at - self.ws.unfinished();
        match outcome {
            Ok(()) => assert_eq!(left, len),
            Err(Error::Unfinished(WouldBlock) | INTERRUPTED) => assert!(left <= len),
            Err(error) => panic!("{error:?}"),
        }
    }
}

fn only_interrupted(error: Error<WouldBlock>) {
    assert_eq!(error, INTERRUPTED);
}

fn is_end<T>(outcome: &Outcome<T>) -> bool {
    matches!(
        outcome,
        Err(Error::Closed | Error::Protocol(_) | Error::UnexpectedEof | Error::Send(_))
    ) || matches!(outcome, Err(INTERRUPTED))
}

fn session<D: Driver, Ro: TestRole>(seed: u64) {
    let mut rng = TestRng::new(seed);
    let script = Script::random::<Ro>(&mut rng);
    let shape = Shape {
        read: [3, 20, 100, 4096][rng.below(4)],
        write: [5, 20, 100, 4096][rng.below(4)],
        capacity: [20, 200, 9000][rng.below(3)],
    };
    let (near, far) = pipe(shape);
    near.fail_one_in(2 + rng.below(6), TestRng::new(seed + 1));
    let mut storage = Storage::<40, MAX_MESSAGE, 140>::new();
    let ws = D::new(near.clone(), Ro::role(), storage.buffers());
    let (mut stream, mut wire) = (&script.stream[..], Vec::new());
    let mut session = Session {
        ws,
        tells: D::TELLS,
        rng: &mut rng,
        seen: Vec::new(),
        chunks: None,
        sent: Vec::new(),
        long: Vec::new(),
        n_sent: 0,
        error: None,
    };
    for _ in 0..100_000 {
        let (now, later) = stream.split_at(stream.len().min(session.rng.below(60)));
        far.put(now);
        stream = later;
        if stream.is_empty() {
            far.hang_up();
        }
        session.step();
        if session.rng.below(3) == 0 {
            wire.extend(far.take());
        }
        if session.error.is_some() {
            break;
        }
    }
    assert_eq!(session.error, script.error, "seed {seed}");
    for (seen, said) in session.seen.iter().zip(&script.seen) {
        assert_eq!(seen, said, "seed {seed}");
    }
    assert_eq!(session.seen.len(), script.seen.len(), "seed {seed}");
    while session.ws.unfinished() > 0 && !session.ws.is_close_sent() {
        session.go_on();
        wire.extend(far.take());
    }
    let (ws, sent) = (&mut session.ws, &session.sent);
    wire.extend(finished(ws, &far));
    compare::<Ro>(&wire, sent, &script, seed);
}

/// Finishes while the peer takes what comes.
fn finished(ws: &mut impl Talk, far: &End) -> Vec<u8> {
    let mut wire = Vec::new();
    let (outcome, _) = again(|| {
        let outcome = ws.finish();
        wire.extend(far.take());
        outcome
    });
    assert_eq!(outcome, Ok(()));
    wire.extend(far.take());
    wire
}

fn compare<Ro: TestRole>(wire: &[u8], sent: &[(Frame, bool)], script: &Script, seed: u64) {
    let mut pongs = script.seen.iter().filter_map(|seen| match seen {
        Seen::Ping(payload) => Some((0x8a, payload.clone())),
        Seen::Close(..) => Some((0x88, b"\x03\xe8bye".to_vec())),
        _ => None,
    });
    let mut sent = sent.iter();
    let mut next_reply = pongs.next();
    for frame in parse_frames(wire) {
        assert_eq!(frame.key, Ro::OWN_KEY);
        let frame = (frame.first, frame.payload);
        if Some(&frame) == next_reply.as_ref() {
            next_reply = pongs.next();
        } else if frame == (0x88, b"\x03\xea".to_vec()) {
            assert!(matches!(script.error, Some(Error::Protocol(_))), "seed {seed}");
        } else {
            // What may have been dropped is passed over.
            let found = sent.by_ref().find(|(own, is_certain)| *own == frame || *is_certain);
            assert_eq!(found.map(|(own, _)| own), Some(&frame), "seed {seed}");
        }
    }
    assert_eq!(next_reply, None, "seed {seed}");
    assert!(sent.all(|(_, is_certain)| !is_certain), "seed {seed}: a frame is missing");
}

fn random_sessions_are_what_a_list_of_frames_says<D: Driver, Ro: TestRole>() {
    for seed in 0..40 {
        session::<D, Ro>(seed);
    }
}

on_every_driver_and_role!(random_sessions_are_what_a_list_of_frames_says);
