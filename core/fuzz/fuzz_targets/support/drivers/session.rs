//! One end that does what the plan says, held against what is known of it without asking it.

use wirelet::handshake::{Acceptance, ClientRequest, Key};
use wirelet::{
    Buffers, CapacityError, Chunk, Close, CloseCode, Error, Header, Kind, SendError, Server,
};

use crate::common::{KEY, TestClient, TestRole};
use crate::drive::{Driver, Hear as _, INTERRUPTED, Outcome, Talk as _};
use crate::heard::{Heard, close_payload};
use crate::pipe::{End, WouldBlock, pipe};
use crate::plan::{Op, Plan};
use crate::sent::{Data, Sent};

/// An end and its opening handshake.
pub(crate) trait Opens: TestRole {
    /// The other one.
    type Peer: TestRole;

    /// Returns the heads of the peer and of this end.
    fn heads() -> (Vec<u8>, Vec<u8>);

    fn open<D: Driver>(ws: &mut D::Ws<'_, Self>) -> Outcome<()>;
}

/// Runs a plan; returns how the calls have ended, what they have told, and what has left.
pub(crate) fn run<D: Driver, Ro: Opens>(
    plan: &Plan,
    is_told: bool,
) -> (Vec<Outcome<()>>, Heard, Vec<u8>) {
    let [mut receive, mut message, mut transmit] =
        [plan.receive, plan.message, plan.transmit].map(|len| vec![0; len]);
    let buffers = Buffers::new(&mut receive, &mut message, &mut transmit).expect("long enough");
    let (near, far) = pipe(plan.shape);
    let mut session = Session::<D, Ro> {
        ws: Some(D::new(near.clone(), Ro::role(), buffers)),
        near,
        far,
        limit: plan.message,
        longest_piece: plan.transmit - Header::MAX_LEN,
        is_told,
        stream: Vec::new(),
        wire: Vec::new(),
        sent: Sent::default(),
        heard: Heard::default(),
        log: Vec::new(),
    };
    if plan.opens {
        session.open(plan.opens_hard);
    }
    for (fails_at, op) in &plan.ops {
        if let Some(at) = fails_at {
            session.near.fail_at(*at);
        }
        session.act(op);
        session.near.fail_never();
        let unfinished = session.ws().unfinished();
        assert_eq!(unfinished > 0, session.sent.is_unfinished(), "after {op:?}");
    }
    session.end(plan.opens)
}

struct Session<'b, D: Driver, Ro: Opens> {
    /// `None` while it is split.
    ws: Option<D::Ws<'b, Ro>>,
    near: End,
    far: End,
    /// The longest message that `receive` may tell.
    limit: usize,
    longest_piece: usize,
    /// The errors tell what became of a call.
    is_told: bool,
    /// What the peer has sent behind its head.
    stream: Vec<u8>,
    /// What the peer has got.
    wire: Vec<u8>,
    sent: Sent,
    heard: Heard,
    /// How the calls have ended.
    log: Vec<Outcome<()>>,
}

impl<'b, D: Driver, Ro: Opens> Session<'b, D, Ro> {
    /// Opens the connection; the peer's first frame comes with its head.
    fn open(&mut self, hard: bool) {
        self.far.put(&Ro::heads().0);
        self.peer(&Ro::received(0x89, b"early"));
        if hard {
            self.near.fail_first();
        }
        for _ in 0..100_000 {
            let outcome = Ro::open::<D>(self.ws());
            if outcome != Err(INTERRUPTED) {
                assert_eq!(outcome, Ok(()));
                self.near.fail_never();
                return;
            }
        }
        panic!("no progress");
    }

    fn act(&mut self, op: &Op) {
        match op {
            Op::Receive => {
                let outcome = self.ws().receive();
                self.received(outcome, Heard::whole);
            }
            Op::ReceiveData => {
                self.heard.passes_over_pings();
                let outcome = self.ws().receive_data();
                self.received(outcome, |heard, seen, limit| match seen {
                    Some(seen) => heard.whole(seen, limit),
                    None => heard.closed_in_silence(),
                });
            }
            Op::ReceiveChunk => {
                let outcome = self.ws().receive_chunk();
                self.received(outcome, |heard, part, _| heard.part(part));
            }
            Op::Halves(n) => self.halves(*n),
            Op::Send(kind, place, len) => {
                let data = self.sent.make(*kind, *len);
                let outcome = self.ws().send(place.chunk(data.message()));
                self.chunk(place.chunk(data.message()), outcome);
            }
            Op::Queue(kind, place, len) => {
                let data = self.sent.make(*kind, *len);
                let outcome = self.ws().queue(place.chunk(data.message()));
                self.chunk(place.chunk(data.message()), outcome);
            }
            Op::Ping(len) => {
                let data = self.sent.make(Kind::Binary, *len);
                let outcome = self.ws().ping(data.as_bytes());
                self.control(0x89, &data, outcome);
            }
            Op::Pong(len) => {
                let data = self.sent.make(Kind::Binary, *len);
                let outcome = self.ws().pong(data.as_bytes());
                self.control(0x8a, &data, outcome);
            }
            Op::Close(len) => self.close(*len),
            Op::Flush => {
                let outcome = self.ws().flush();
                assert!(matches!(outcome, Ok(()) | Err(INTERRUPTED)), "{outcome:?}");
                self.note(outcome);
            }
            Op::Finish => {
                let outcome = self.ws().finish();
                self.finished(outcome);
            }
            Op::CloseAndFinish(len) => {
                let (before, reason) = (self.ws().is_close_sent(), "r".repeat(*len));
                let outcome = self.ws().close_and_finish(close(&reason));
                self.asked_to_close(before, &reason);
                self.finished(outcome);
            }
            Op::Piece(kind, len) => self.piece(*kind, *len),
            Op::End(kind) => {
                let outcome = self.ws().message_end(*kind);
                self.next(*kind, true, b"", outcome);
            }
            Op::Begin(kind, len) => self.begin(*kind, *len),
            Op::Write(at_most) => {
                let rest = self.rest();
                self.write(&rest[..rest.len().min(*at_most)]);
            }
            Op::WriteTooMuch => {
                let before = self.ws().unfinished();
                let outcome = self.ws().write(&vec![b'x'; before + 1]);
                assert_eq!(outcome, Err(Error::Send(SendError::TooLong)));
                assert_eq!(self.ws().unfinished(), before);
            }
            Op::Capacity(capacity) => self.near.set_capacity(*capacity),
            Op::Take => self.take(),
            Op::PeerFrame(first, len) => self.peer(&Ro::received(*first, &payload(*first, *len))),
            Op::PeerBytes(bytes) => self.peer(bytes),
        }
    }

    fn ws(&mut self) -> &mut D::Ws<'b, Ro> {
        self.ws.as_mut().expect("it is put together")
    }

    fn peer(&mut self, bytes: &[u8]) {
        self.far.put(bytes);
        self.stream.extend(bytes);
    }

    fn take(&mut self) {
        self.wire.extend(self.far.take());
    }

    fn note(&mut self, outcome: Outcome<()>) {
        self.log.push(outcome);
    }

    fn received<T>(&mut self, outcome: Outcome<T>, tell: impl FnOnce(&mut Heard, T, usize)) {
        self.note(outcome.as_ref().map(|_| ()).map_err(|error| *error));
        match outcome {
            Err(INTERRUPTED) => {}
            Err(Error::Closed) => assert!(self.heard.is_ended() || self.heard.is_ignoring()),
            Err(Error::MessageInProgress) => {
                assert!(self.heard.is_in_message() || self.heard.is_ignoring());
            }
            Err(Error::Send(SendError::FrameUnfinished)) => assert!(self.sent.is_unfinished()),
            Ok(_) if self.heard.is_ignoring() => {}
            Err(Error::Protocol(_) | Error::Capacity(_)) if self.heard.is_ignoring() => {
                self.heard.ended();
            }
            Ok(told) => tell(&mut self.heard, told, self.limit),
            Err(Error::Protocol(error)) => self.heard.failed(error),
            Err(Error::Capacity(CapacityError)) => self.heard.over_capacity(),
            Err(error) => panic!("{error:?} where something is received"),
        }
    }

    /// Receives by the halves.
    fn halves(&mut self, n: u8) {
        let (mut receiver, mut sender) = D::split(self.ws.take().expect("it is put together"));
        for _ in 0..n {
            match receiver.receive_chunk() {
                Err(Error::Send(SendError::ReplyUnfinished)) => assert!(receiver.has_reply()),
                outcome => self.received(outcome, |heard, part, _| heard.part(part)),
            }
            let outcome = D::answer(&mut sender, &mut receiver);
            match outcome {
                Ok(_) | Err(INTERRUPTED | Error::Unflushed(WouldBlock)) => {}
                Err(Error::Send(SendError::FrameUnfinished)) => assert!(self.sent.is_unfinished()),
                Err(error) => panic!("{error:?} for an answer"),
            }
            self.note(outcome.map(drop));
        }
        self.ws = D::unsplit(receiver, sender);
    }

    fn chunk(&mut self, chunk: Chunk<'_>, outcome: Outcome<()>) {
        let unfinished = self.ws().unfinished();
        self.sent.chunk(chunk, &outcome, unfinished, self.is_told);
        self.note(outcome);
    }

    fn control(&mut self, first: u8, data: &Data, outcome: Outcome<()>) {
        let unfinished = self.ws().unfinished();
        self.sent.control(first, data.as_bytes(), &outcome, unfinished, self.is_told);
        self.note(outcome);
    }

    fn next(&mut self, kind: Kind, is_last: bool, payload: &[u8], outcome: Outcome<()>) {
        let unfinished = self.ws().unfinished();
        self.sent.next(kind, is_last, payload, &outcome, unfinished, self.is_told);
        self.note(outcome);
    }

    /// Writes a fragment; of ASCII, as it may be cut anywhere.
    fn piece(&mut self, kind: Kind, len: usize) {
        let bytes: Vec<u8> = (b'0'..=b'9').cycle().take(len).collect();
        let outcome = self.ws().message_piece(kind, &bytes);
        let n = len.min(self.longest_piece);
        assert!(outcome.is_err() || outcome == Ok(n));
        if len > 0 {
            self.next(kind, false, &bytes[..n], outcome.map(drop));
        }
    }

    fn begin(&mut self, kind: Kind, len: usize) {
        let data = self.sent.make(kind, len);
        let mut outcome = self.ws().message_of(kind, len);
        if outcome == Ok(()) && len > 0 {
            assert_eq!(self.ws().unfinished(), len);
            outcome = Err(Error::Unfinished(WouldBlock));
        }
        self.next(kind, true, data.as_bytes(), outcome);
    }

    /// What the frame in progress lacks.
    fn rest(&mut self) -> Vec<u8> {
        let unfinished = self.ws().unfinished();
        self.sent.rest(unfinished)
    }

    fn write(&mut self, piece: &[u8]) {
        let before = self.ws().unfinished();
        let outcome = self.ws().write(piece);
        let after = self.ws().unfinished();
        self.sent.wrote(piece.len(), &outcome, before, after);
        self.note(outcome);
    }

    fn close(&mut self, len: usize) {
        let (before, reason) = (self.ws().is_close_sent(), "r".repeat(len));
        let outcome = self.ws().close(close(&reason));
        let after = self.ws().is_close_sent();
        match outcome {
            Ok(()) | Err(Error::Unflushed(WouldBlock)) => assert!(after),
            Err(INTERRUPTED) => assert!(before == after || !self.is_told),
            Err(Error::Send(SendError::FrameUnfinished)) => assert!(self.sent.is_unfinished()),
            Err(error) => panic!("{error:?} for a close"),
        }
        self.asked_to_close(before, &reason);
        self.note(outcome);
    }

    fn asked_to_close(&mut self, before: bool, reason: &str) {
        if !before && self.ws().is_close_sent() {
            self.sent.closes.push(close_payload(close(reason)));
        }
    }

    fn finished(&mut self, outcome: Outcome<()>) {
        match outcome {
            Ok(()) | Err(INTERRUPTED) => {}
            Err(Error::Closed) => assert!(self.heard.is_ended() || self.heard.is_ignoring()),
            Err(Error::Send(SendError::FrameUnfinished)) => assert!(self.sent.is_unfinished()),
            // Perhaps behind something that was passed over.
            Err(Error::Protocol(_) | Error::Capacity(_)) => self.heard.ended(),
            Err(error) => panic!("{error:?} at the end"),
        }
        if self.ws().is_close_sent() {
            self.heard.ignores();
        }
        self.note(outcome);
    }

    /// Lets the transport work and everything come to its end; then checks what has come of it.
    fn end(mut self, opened: bool) -> (Vec<Outcome<()>>, Heard, Vec<u8>) {
        self.near.set_capacity(usize::MAX);
        let rest = self.rest();
        if !rest.is_empty() {
            self.write(&rest);
            assert!(!self.sent.is_unfinished(), "nothing is in the way");
        }
        let mut outcome = Ok(());
        while !matches!(outcome, Err(INTERRUPTED | Error::Closed)) {
            let told = self.ws().receive_chunk();
            outcome = told.as_ref().map(|_| ()).map_err(|error| *error);
            self.received(told, |heard, part, _| heard.part(part));
        }
        assert_eq!(self.ws().flush(), Ok(()));
        self.take();

        let all = Heard::at_once::<Ro>(&self.stream);
        let is_ended = self.heard.is_ended() || self.heard.is_ignoring() && all.is_ended();
        let (received, sent) = if opened { Ro::heads() } else { (Vec::new(), Vec::new()) };
        if !is_ended {
            let n = received.len() + self.stream.len();
            assert_eq!(self.ws().bytes_received(), n as u64);
        }
        self.far.hang_up();
        let is_close_sent = self.ws().is_close_sent();
        let expected = if is_close_sent && !is_ended { Err(Error::UnexpectedEof) } else { Ok(()) };
        assert_eq!(self.ws().finish(), expected);
        assert!(self.far.take().is_empty(), "after the flush");

        assert!(self.wire.starts_with(&sent), "the head: {}", self.wire.escape_ascii());
        let frames = &self.wire[sent.len()..];
        let all_answered = self.sent.closes.is_empty() && !self.heard.is_cut();
        let close = self.sent.check::<Ro>(frames, &all.pings(), all_answered, self.is_told);
        assert_eq!(close.is_some(), is_close_sent);
        if let Some(close) = close {
            let too_big = close_payload(CapacityError::CLOSE_CODE.into());
            assert!(
                self.sent.closes.contains(&close)
                    || all.answer().as_ref() == Some(&close)
                    || self.heard.is_cut() && close == too_big,
                "{close:?}"
            );
        }
        assert!(!Heard::at_once::<Ro::Peer>(frames).is_violation());
        self.heard.clone().check(all, self.limit);
        (self.log, self.heard, self.wire)
    }
}

/// A close frame with this reason, or with none if it is too long.
fn close(reason: &str) -> Close<'_> {
    Close::with_reason(CloseCode::GOING_AWAY, reason).unwrap_or(Close::EMPTY)
}

/// The payload of a frame of the peer.
fn payload(first: u8, len: usize) -> Vec<u8> {
    match first & 0xf {
        0x8 if len < 2 => Vec::new(),
        0x8 => [&b"\x03\xe8"[..], &vec![b'r'; len - 2]].concat(),
        0x2 => (0..=255).cycle().take(len).collect(),
        _ => (b'A'..=b'Z').cycle().take(len).collect(),
    }
}

impl Opens for Server {
    type Peer = TestClient;

    fn heads() -> (Vec<u8>, Vec<u8>) {
        let request = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
        (request.to_vec(), response("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
    }

    fn open<D: Driver>(ws: &mut D::Ws<'_, Self>) -> Outcome<()> {
        D::accept(ws, &Acceptance::new())
    }
}

impl Opens for TestClient {
    type Peer = Server;

    fn heads() -> (Vec<u8>, Vec<u8>) {
        let nonce: Vec<u8> = KEY.into_iter().cycle().take(16).collect();
        let key = Key::from_nonce(nonce.try_into().expect("16 bytes"));
        let mut request = vec![0; 512];
        let n = REQUEST.encode(&key, &mut request).expect("there is room");
        request.truncate(n);
        (response(str::from_utf8(&key.accept()).expect("base64")), request)
    }

    fn open<D: Driver>(ws: &mut D::Ws<'_, Self>) -> Outcome<()> {
        D::connect(ws, &REQUEST).map(|subprotocol| assert_eq!(subprotocol, None))
    }
}

const REQUEST: ClientRequest<'_> = ClientRequest::new("a", "/");

fn response(accept: &str) -> Vec<u8> {
    let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    format!("{head}Sec-WebSocket-Accept: {accept}\r\n\r\n").into_bytes()
}
