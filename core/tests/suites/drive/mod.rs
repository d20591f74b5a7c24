//! Both drivers behind one face, so that each test of what they promise is written once.
//!
//! An interruption is the same to all: the call returns an error of the transport, and what it has
//! done so far must not be lost. Of a future that was dropped nobody learns whether what it sent is
//! queued; where that counts, the test is for [`Blocking`] and [`Ready`] alone.
#![allow(dead_code, unused_imports, unused_macros, reason = "each test takes what it needs")]

mod faces;

pub(crate) use faces::{Blocking, Dropped, Ready};
use wirelet::handshake::{Acceptance, ClientRequest, Refusal};
use wirelet::{
    Buffers, Chunk, Client, Close, Error, Flush, Kind, Message, Random, Received, Role, SendError,
    Server,
};

use crate::common::Seen;
use crate::pipe::{End, WouldBlock};

pub(crate) type Outcome<T> = Result<T, Error<WouldBlock>>;

/// What interrupts a call that may be called again.
pub(crate) const INTERRUPTED: Error<WouldBlock> = Error::Transport(WouldBlock);

/// What `receive_chunk` returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Chunk { kind: Kind, bytes: Vec<u8>, is_first: bool, is_last: bool },
    Control(Seen),
}

impl Part {
    pub(crate) fn chunk(kind: Kind, bytes: &[u8], is_first: bool, is_last: bool) -> Self {
        Self::Chunk { kind, bytes: bytes.into(), is_first, is_last }
    }
}

pub(crate) fn seen(received: Received<'_, Message<'_>>) -> Seen {
    match received {
        Received::Data(Message::Text(text)) => Seen::Text(text.into()),
        Received::Data(Message::Binary(bytes)) => Seen::Binary(bytes.into()),
        Received::Ping(payload) => Seen::Ping(payload.into()),
        Received::Pong(payload) => Seen::Pong(payload.into()),
        Received::Close(close) => {
            Seen::Close(close.code().map(wirelet::CloseCode::get), close.reason().into())
        }
    }
}

pub(crate) fn part(received: Received<'_, Chunk<'_>>) -> Part {
    match received {
        Received::Data(chunk) => {
            Part::chunk(chunk.kind(), chunk.as_bytes(), chunk.is_first(), chunk.is_last())
        }
        Received::Ping(payload) => Part::Control(seen(Received::Ping(payload))),
        Received::Pong(payload) => Part::Control(seen(Received::Pong(payload))),
        Received::Close(close) => Part::Control(seen(Received::Close(close))),
    }
}

/// One of the drivers, and a way of interrupting it.
pub(crate) trait Driver {
    /// An interrupted call learns what became of it.
    const TELLS: bool;

    type Ws<'b, Ro: Role>: Talk;
    type Rx<'b, Ro: Role>: Hear;
    type Tx<'b, Ro: Role>;

    fn new<Ro: Role>(end: End, role: Ro, buffers: Buffers<'_>) -> Self::Ws<'_, Ro>;
    fn with_flush<Ro: Role>(ws: Self::Ws<'_, Ro>, flush: Flush) -> Self::Ws<'_, Ro>;

    /// Returns method and path.
    fn request(ws: &mut Self::Ws<'_, Server>) -> Outcome<(String, String)>;
    /// Returns which of the subprotocols the client chose.
    fn upgrade<'a>(ws: &mut Self::Ws<'_, Server>, known: &[&'a str]) -> Outcome<Option<&'a str>>;
    fn accept(ws: &mut Self::Ws<'_, Server>, acceptance: &Acceptance<'_>) -> Outcome<()>;
    fn refuse(ws: &mut Self::Ws<'_, Server>, refusal: &Refusal<'_>) -> Outcome<()>;
    /// Returns the subprotocol that the server chose.
    fn connect<R: Random>(
        ws: &mut Self::Ws<'_, Client<R>>,
        request: &ClientRequest<'_>,
    ) -> Outcome<Option<String>>;

    fn split<Ro: Role>(ws: Self::Ws<'_, Ro>) -> (Self::Rx<'_, Ro>, Self::Tx<'_, Ro>);
    /// Returns `None` for the halves of two connections.
    fn unsplit<'b, Ro: Role>(
        receiver: Self::Rx<'b, Ro>,
        sender: Self::Tx<'b, Ro>,
    ) -> Option<Self::Ws<'b, Ro>>;
    /// Hands over what the receiver has to reply; tells whether there was something.
    fn answer<Ro: Role>(
        sender: &mut Self::Tx<'_, Ro>,
        receiver: &mut Self::Rx<'_, Ro>,
    ) -> Outcome<bool>;
    fn send<Ro: Role>(sender: &mut Self::Tx<'_, Ro>, chunk: Chunk<'_>) -> Outcome<()>;
}

/// What a WebSocket of either role does.
pub(crate) trait Talk {
    fn receive(&mut self) -> Outcome<Seen>;
    fn receive_data(&mut self) -> Outcome<Option<Seen>>;
    fn receive_chunk(&mut self) -> Outcome<Part>;
    fn send<'m>(&mut self, chunk: impl Into<Chunk<'m>>) -> Outcome<()>;
    fn queue<'m>(&mut self, chunk: impl Into<Chunk<'m>>) -> Outcome<()>;
    fn ping(&mut self, payload: &[u8]) -> Outcome<()>;
    fn pong(&mut self, payload: &[u8]) -> Outcome<()>;
    fn close<'m>(&mut self, close: impl Into<Close<'m>>) -> Outcome<()>;
    fn flush(&mut self) -> Outcome<()>;
    fn finish(&mut self) -> Outcome<()>;
    fn close_and_finish<'m>(&mut self, close: impl Into<Close<'m>>) -> Outcome<()>;
    /// Writes one piece through a writer of a message of unknown length; returns how much of it.
    fn message_piece(&mut self, kind: Kind, piece: &[u8]) -> Outcome<usize>;
    /// Flushes the same writer.
    fn message_flush(&mut self, kind: Kind) -> Outcome<()>;
    fn message_end(&mut self, kind: Kind) -> Outcome<()>;
    fn message_of(&mut self, kind: Kind, len: usize) -> Outcome<()>;
    /// Sends one frame through its writer, piece by piece.
    fn message_of_pieces(&mut self, kind: Kind, len: usize, pieces: &[&[u8]]) -> Outcome<()>;
    fn write(&mut self, payload: &[u8]) -> Outcome<()>;
    fn unfinished(&mut self) -> usize;
    fn may_begin(&mut self) -> Result<(), SendError>;
    fn bytes_received(&self) -> u64;
    fn is_close_sent(&self) -> bool;
    /// Returns what was read and not handed out.
    fn into_unread(self) -> Vec<u8>;
}

/// What a receiving half does.
pub(crate) trait Hear {
    fn receive(&mut self) -> Outcome<Seen>;
    fn receive_chunk(&mut self) -> Outcome<Part>;
    fn has_reply(&mut self) -> bool;
    fn bytes_received(&self) -> u64;
}

/// Repeats a call for as long as it is interrupted; with what it brings in the end, returns how
/// often it was.
#[track_caller]
pub(crate) fn again<T>(mut call: impl FnMut() -> Outcome<T>) -> (Outcome<T>, usize) {
    for n in 0..100_000 {
        match call() {
            Err(INTERRUPTED) => {}
            outcome => return (outcome, n),
        }
    }
    panic!("no progress");
}

/// Sends as the documentation wants it: calls again, flushes, or writes the rest, whatever an
/// interruption asks for.
#[track_caller]
pub(crate) fn deliver<'m>(ws: &mut impl Talk, chunk: impl Into<Chunk<'m>>) -> Outcome<()> {
    let chunk = chunk.into();
    let mut outcome = ws.send(chunk);
    for _ in 0..100_000 {
        outcome = match outcome {
            Err(Error::Transport(WouldBlock)) => ws.send(chunk),
            Err(Error::Unflushed(WouldBlock)) => again(|| ws.flush()).0,
            Err(Error::Unfinished(WouldBlock)) => {
                let bytes = chunk.as_bytes();
                let rest = bytes.len() - ws.unfinished();
                match ws.write(&bytes[rest..]) {
                    Ok(()) => again(|| ws.flush()).0,
                    outcome => outcome,
                }
            }
            outcome => return outcome,
        };
    }
    panic!("no progress: {outcome:?}");
}

/// Makes a test for each driver of each function that is generic over it.
macro_rules! on_every_driver {
    ($($name:ident),+ $(,)?) => {
        mod blocking {
            $(#[test] fn $name() { super::$name::<crate::drive::Blocking>(); })+
        }
        mod ready {
            $(#[test] fn $name() { super::$name::<crate::drive::Ready>(); })+
        }
        mod dropped {
            $(#[test] fn $name() { super::$name::<crate::drive::Dropped>(); })+
        }
    };
}
pub(crate) use on_every_driver;

/// As `on_every_driver`, for each role, too.
macro_rules! on_every_driver_and_role {
    ($($name:ident),+ $(,)?) => {
        mod blocking_server {
            $(#[test] fn $name() { super::$name::<crate::drive::Blocking, wirelet::Server>(); })+
        }
        mod ready_server {
            $(#[test] fn $name() { super::$name::<crate::drive::Ready, wirelet::Server>(); })+
        }
        mod dropped_server {
            $(#[test] fn $name() { super::$name::<crate::drive::Dropped, wirelet::Server>(); })+
        }
        mod blocking_client {
            $(#[test] fn $name() {
                super::$name::<crate::drive::Blocking, crate::common::TestClient>();
            })+
        }
        mod ready_client {
            $(#[test] fn $name() {
                super::$name::<crate::drive::Ready, crate::common::TestClient>();
            })+
        }
        mod dropped_client {
            $(#[test] fn $name() {
                super::$name::<crate::drive::Dropped, crate::common::TestClient>();
            })+
        }
    };
}
pub(crate) use on_every_driver_and_role;

/// As `on_every_driver_and_role`, where the error has to say what to do next.
macro_rules! on_both_drivers_and_roles {
    ($($name:ident),+ $(,)?) => {
        mod telling_blocking_server {
            $(#[test] fn $name() { super::$name::<crate::drive::Blocking, wirelet::Server>(); })+
        }
        mod telling_ready_server {
            $(#[test] fn $name() { super::$name::<crate::drive::Ready, wirelet::Server>(); })+
        }
        mod telling_blocking_client {
            $(#[test] fn $name() {
                super::$name::<crate::drive::Blocking, crate::common::TestClient>();
            })+
        }
        mod telling_ready_client {
            $(#[test] fn $name() {
                super::$name::<crate::drive::Ready, crate::common::TestClient>();
            })+
        }
    };
}
pub(crate) use on_both_drivers_and_roles;
