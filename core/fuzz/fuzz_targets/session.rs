//! A client and a server that talk, each call of their API chosen by the fuzzer: what one sends the
//! other receives, in order; nothing follows a close; in the end both are closed.
//!
//! In a few sessions bits flip on the way. Then the two need not agree, but the contract of each
//! holds all the same.

#![no_main]

mod support;

use std::mem;

use libfuzzer_sys::fuzz_target;
use support::{Notes, Op, Seen, Session, TestRng, parse_frames};
use wirelet::{
    Chunk, Client, Close, CloseCode, Connection, Event, Kind, Message, Role, SendError, Server,
};

fuzz_target!(|session: Session<'_>| run(&session));

fn run(session: &Session<'_>) {
    let mut client = End::new(Client(TestRng::new(session.seed.into())));
    let mut server = End::new(Server);
    server.echoes = session.echo;
    let mut flipped = false;
    for (by_client, op) in &session.ops {
        flipped |= if *by_client {
            client.act(op, &mut server.on_the_way, session.flips)
        } else {
            server.act(op, &mut client.on_the_way, session.flips)
        };
    }

    drain(&mut client, &mut server);
    if !client.notes.ended && !server.notes.ended {
        // A session that nobody ended: the client does, unless its close was lost to a flip.
        let closed = client.close(1000, "that was it", 64);
        assert!(closed == Ok(()) || client.connection.is_close_sent());
        drain(&mut client, &mut server);
    }
    if !flipped {
        for (closed, end) in [
            (client.connection.is_closed(), &client.notes),
            (server.connection.is_closed(), &server.notes),
        ] {
            assert!(closed && end.ended, "{end:?}");
        }
        agree(&client.sent, &server.notes, server.failed);
        agree(&server.sent, &client.notes, client.failed);
    }
    client.check();
    server.check();
}

/// What was sent has come; an end that failed of its own accord has not listened to the rest.
fn agree(sent: &[Seen], received: &Notes, failed: bool) {
    if failed {
        assert!(sent.starts_with(&received.events), "{sent:?} {:?}", received.events);
    } else {
        assert_eq!(sent, received.events);
        assert!(matches!(sent.last(), Some(Seen::Close(..))));
    }
}

/// Lets both receive and reply until nothing is left to do.
fn drain<R: Role, S: Role>(client: &mut End<R>, server: &mut End<S>) {
    loop {
        client.reply_all();
        server.reply_all();
        if client.on_the_way.is_empty() && server.on_the_way.is_empty() {
            break;
        }
        client.receive(usize::MAX, &mut server.on_the_way);
        server.receive(usize::MAX, &mut client.on_the_way);
    }
}

/// One end and all that is known of it without asking it.
struct End<Ro> {
    connection: Connection<Ro>,
    /// What was sent and has not been received.
    on_the_way: Vec<u8>,
    /// All that was sent.
    wire: Vec<u8>,
    /// What it means.
    sent: Vec<Seen>,
    /// The fragmented message that is being sent.
    message: Option<(Kind, Vec<u8>)>,
    close_sent: bool,
    notes: Notes,
    /// `fail` was called before anything else had ended the connection.
    failed: bool,
    /// The reply that has to be sent next: opcode and payload.
    waiting: Option<(u8, Vec<u8>)>,
    /// The reply that has been written in part, with this part.
    unfinished: Option<(u8, Vec<u8>, Vec<u8>)>,
    echoes: bool,
}

impl<Ro: Role> End<Ro> {
    fn new(role: Ro) -> Self {
        Self {
            connection: Connection::new(role),
            on_the_way: Vec::new(),
            wire: Vec::new(),
            sent: Vec::new(),
            message: None,
            close_sent: false,
            notes: Notes::default(),
            failed: false,
            waiting: None,
            unfinished: None,
            echoes: false,
        }
    }

    /// Does what the operation says; tells whether a bit has flipped.
    fn act(&mut self, op: &Op<'_>, incoming: &mut Vec<u8>, flips: bool) -> bool {
        match *op {
            // Its chunks may end inside a code point, where nothing else may go on.
            Op::Send { .. } if self.echoes => {}
            Op::Send { message, times, place, space, copy } => {
                // One of the long ones is enough.
                let times = if self.wire.len() > 0xffff { 1 } else { times };
                match message {
                    Message::Text(text) => {
                        self.send(&place.chunk(text.repeat(times).as_str()), space, copy);
                    }
                    Message::Binary(bytes) => {
                        self.send(&place.chunk(&bytes.repeat(times)[..]), space, copy);
                    }
                }
            }
            Op::Ping { payload, space } => self.control(0x89, payload, space),
            Op::Pong { payload, space } => self.control(0x8a, payload, space),
            Op::Close { code, reason, space } => _ = self.close(code, reason, space),
            Op::Fail { code } => self.fail(code),
            Op::Receive { len } => self.receive(len, incoming),
            Op::Reply { space } => _ = self.reply(space),
            Op::Flip { at, bit } => {
                if let (true, Some(byte)) = (flips, incoming.get_mut(at)) {
                    *byte ^= 1 << bit;
                    return true;
                }
            }
        }
        false
    }

    fn send(&mut self, chunk: &Chunk<'_>, space: usize, copy: bool) {
        let bytes = chunk.as_bytes();
        let begun = self.message.as_ref().map(|(kind, _)| *kind);
        let needed = frame_len::<Ro>(bytes.len());
        let expected = match (begun, chunk.is_first()) {
            _ if self.close_sent => Err(SendError::Closed),
            _ if self.unfinished.is_some() => Err(SendError::ReplyUnfinished),
            (Some(_), true) => Err(SendError::MessageInProgress),
            (None, false) => Err(SendError::NoMessageInProgress),
            (Some(kind), false) if kind != chunk.kind() => Err(SendError::NoMessageInProgress),
            _ if copy && needed > space => Err(SendError::OutOfSpace { needed }),
            _ => Ok(needed),
        };
        let mut out = vec![0xaa; space.min(needed + 8)];
        let result = if copy {
            self.connection.send(*chunk, &mut out)
        } else {
            self.connection.start(chunk).map(|mut start| {
                out = start.header().to_vec();
                let mut payload = bytes.to_vec();
                let (front, back) = payload.split_at_mut(bytes.len() / 3);
                start.mask(front);
                start.mask(back);
                out.extend(payload);
                out.len()
            })
        };
        assert_eq!(result, expected);
        match result {
            Err(_) => assert!(out.iter().all(|byte| *byte == 0xaa), "nothing was written"),
            Ok(n) => {
                self.write(&out[..n]);
                let (kind, mut joined) =
                    self.message.take().unwrap_or_else(|| (chunk.kind(), Vec::new()));
                joined.extend(bytes);
                if chunk.is_last() {
                    self.sent.push(Seen::message(kind, joined));
                } else {
                    self.message = Some((kind, joined));
                }
            }
        }
    }

    /// Sends a ping or a pong.
    fn control(&mut self, first: u8, payload: &[u8], space: usize) {
        let mut out = vec![0; space.min(300)];
        let (result, seen) = if first == 0x89 {
            (self.connection.ping(payload, &mut out), Seen::Ping(payload.into()))
        } else {
            (self.connection.pong(payload, &mut out), Seen::Pong(payload.into()))
        };
        assert_eq!(result, self.expect_control(payload.len(), space));
        if let Ok(n) = result {
            self.write(&out[..n]);
            self.sent.push(seen);
        }
    }

    fn close(&mut self, code: u16, reason: &str, space: usize) -> Result<(), SendError> {
        let close = match CloseCode::new(code) {
            None => Close::EMPTY,
            Some(code) => match Close::with_reason(code, reason) {
                Ok(close) => close,
                Err(error) => {
                    assert!(error == SendError::ControlTooLong && reason.len() > 123);
                    code.into()
                }
            },
        };
        let len = close.code().map_or(0, |_| 2 + close.reason().len());
        let mut out = vec![0; space.min(300)];
        let result = self.connection.close(close, &mut out);
        assert_eq!(result, self.expect_control(len, space));
        self.write(&out[..result?]);
        self.sent.push(Seen::close(close));
        self.close_sent = true;
        Ok(())
    }

    fn expect_control(&self, len: usize, space: usize) -> Result<usize, SendError> {
        let needed = frame_len::<Ro>(len);
        match () {
            () if self.close_sent => Err(SendError::Closed),
            () if self.unfinished.is_some() => Err(SendError::ReplyUnfinished),
            () if len > 125 => Err(SendError::ControlTooLong),
            () if needed > space => Err(SendError::OutOfSpace { needed }),
            () => Ok(needed),
        }
    }

    fn fail(&mut self, code: CloseCode) {
        self.connection.fail(code);
        if !self.notes.ended {
            self.notes.ended = true;
            self.failed = true;
            self.waiting = Some((0x88, code.get().to_be_bytes().into()));
        }
    }

    /// Receives up to `len` bytes of what is on its way, and keeps what was not consumed.
    fn receive(&mut self, len: usize, incoming: &mut Vec<u8>) {
        let mut read: Vec<u8> = incoming.drain(..len.min(incoming.len())).collect();
        let before = read.clone();
        let mut at = 0;
        while at < read.len() {
            let consumed = self.receive_once(&mut read[at..]);
            at += consumed;
            assert!(read[at..] == before[at..], "bytes were changed unconsumed");
            if consumed == 0 {
                break;
            }
        }
        incoming.splice(..0, read.drain(at..));
    }

    fn receive_once(&mut self, input: &mut [u8]) -> usize {
        let len = input.len();
        let progress = match self.connection.receive(input) {
            Ok(progress) => progress,
            Err(error) => {
                assert!(!self.notes.ended, "{error:?} after the end");
                self.notes.ended = true;
                self.waiting = Some((0x88, error.close_code().get().to_be_bytes().into()));
                return len;
            }
        };
        if self.notes.ended {
            assert_eq!((progress.consumed, progress.event), (len, None));
        } else {
            assert_eq!(progress.consumed == 0, self.waiting.is_some(), "a pong waits");
        }
        let Some(event) = progress.event else { return progress.consumed };
        let control = self.connection.control_payload().to_vec();
        self.notes.event(&event, &control, self.connection.close_received());
        match event {
            Event::Ping => self.waiting = Some((0x8a, control)),
            Event::Close => self.waiting = Some((0x88, control)),
            Event::Chunk(chunk) if self.echoes => {
                let space = 14 + chunk.as_bytes().len();
                self.send(&chunk, space, true);
            }
            Event::Chunk(_) | Event::Pong => {}
        }
        progress.consumed
    }

    /// Calls `reply` once; returns how much it wrote.
    fn reply(&mut self, space: usize) -> usize {
        let mut out = vec![0; space];
        let n = self.connection.reply(&mut out);
        if self.close_sent {
            assert_eq!(n, 0, "after the close");
            self.waiting = None;
            return 0;
        }
        // A reply that has begun is ended, whatever has happened since.
        let begun = self.unfinished.take();
        let waiting =
            || self.waiting.clone().map(|(opcode, payload)| (opcode, payload, Vec::new()));
        let Some((opcode, payload, mut written)) = begun.or_else(waiting) else {
            assert_eq!(n, 0, "a reply to nothing");
            return 0;
        };
        let len = frame_len::<Ro>(payload.len());
        assert_eq!(n, space.min(len - written.len()));
        self.write(&out[..n]);
        written.extend(&out[..n]);
        if written.len() < len {
            if !written.is_empty() {
                self.unfinished = Some((opcode, payload, written));
            }
            return n;
        }
        let frames = parse_frames(&written);
        assert_eq!((frames.len(), frames[0].first), (1, opcode));
        assert_eq!(frames[0].payload, payload);
        if self.waiting.as_ref() == Some(&(opcode, payload.clone())) {
            self.waiting = None;
        }
        self.sent.push(if opcode == 0x8a {
            Seen::Pong(payload)
        } else {
            self.close_sent = true;
            Seen::close(Close::decode(&payload).expect("a close that may be sent"))
        });
        n
    }

    fn reply_all(&mut self) {
        while self.reply(256) > 0 {}
        assert!(self.unfinished.is_none() && self.waiting.is_none());
    }

    fn write(&mut self, bytes: &[u8]) {
        assert!(!self.close_sent, "bytes after the close");
        self.wire.extend(bytes);
        self.on_the_way.extend(bytes);
    }

    /// Reads its bytes as the RFC does: they mean what it wanted to send.
    fn check(mut self) {
        assert_eq!(self.connection.is_close_sent(), self.close_sent);
        assert_eq!(self.connection.is_closed(), self.close_sent && self.notes.ended);
        let mut message: Option<(Kind, Vec<u8>)> = None;
        let mut sent = mem::take(&mut self.sent).into_iter();
        for frame in parse_frames(&self.wire) {
            assert_eq!(frame.key.is_some(), Ro::IS_CLIENT);
            let seen = match frame.first {
                0x89 => Seen::Ping(frame.payload),
                0x8a => Seen::Pong(frame.payload),
                0x88 => Seen::close(Close::decode(&frame.payload).expect("a valid close")),
                first => {
                    let (kind, mut joined) = match (first & 0x7f, message.take()) {
                        (0x0, Some(message)) => message,
                        (0x1, None) => (Kind::Text, Vec::new()),
                        (0x2, None) => (Kind::Binary, Vec::new()),
                        (opcode, message) => panic!("{opcode} during {message:?}"),
                    };
                    joined.extend(frame.payload);
                    if first & 0x80 == 0 {
                        message = Some((kind, joined));
                        continue;
                    }
                    Seen::message(kind, joined)
                }
            };
            assert_eq!(sent.next(), Some(seen));
        }
        assert_eq!(sent.next(), None);
        assert_eq!(message, self.message);
    }
}

/// The length of a frame with a payload of `len` bytes (§5.2).
fn frame_len<Ro: Role>(len: usize) -> usize {
    let len_of_len = match len {
        0..=125 => 0,
        126..=0xffff => 2,
        _ => 8,
    };
    2 + len_of_len + if Ro::IS_CLIENT { 4 } else { 0 } + len
}
