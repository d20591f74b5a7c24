//! One WebSocket client of the server.

use core::fmt;
use core::time::Duration;

use heapless::Vec;
use smoltcp::socket::tcp::Socket;
use wirelet::{
    Action, CapacityError, Chunk, CloseCode, Connection, Event, Header, Inbox, Keepalive, Message,
    SendError, Server,
};

use super::chat::{Post, SAID_LEN};
use super::slot::{Step, Turn};

/// A WebSocket that is open.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: Id,
    pub(crate) service: Service,
    connection: Connection<Server>,
    keepalive: Keepalive,
    inbox: Inbox<Vec<u8, SAID_LEN>>,
}

/// Names a WebSocket client: it is the how-manyth of all that were accepted, so that no later one
/// has the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id(pub(crate) u32);

/// What a client gets, by the path that it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Live,
    Chat,
    Echo,
}

impl Service {
    pub(crate) fn at(path: &str) -> Self {
        match path {
            "/live" => Self::Live,
            "/chat" => Self::Chat,
            _ => Self::Echo,
        }
    }
}

/// Why a message was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsent {
    /// Nobody has this id, or no more.
    NoSuchClient,
    /// The client has not read enough of what it was sent before.
    NoRoom,
    /// The connection is closing, or inside a message in fragments.
    Refused(SendError),
}

impl Client {
    pub(crate) fn new(id: Id, service: Service, now: Duration) -> Self {
        Self {
            id,
            service,
            connection: Connection::new(Server),
            keepalive: Keepalive::new(PING_INTERVAL, PONG_TIMEOUT, now),
            inbox: Inbox::new(Vec::new()),
        }
    }

    /// Answers what has come, as far as the answers have room.
    pub(crate) fn serve(&mut self, socket: &mut Socket<'_>, turn: &mut Turn<'_>) -> Step {
        loop {
            self.reply(socket);
            if self.connection.is_closed() {
                // §7.1.1: "in most normal cases, the TCP connection SHOULD be closed first by the
                // server".
                return Step::Close;
            }
            // What is sent takes at most a header more than what it answers.
            let len = room(socket).min(turn.scratch.len()).saturating_sub(Header::MAX_LEN);
            let (consumed, heard) = self.receive(socket, len, turn);
            if consumed > 0 {
                self.keepalive.heard(turn.now);
            }
            match heard {
                Heard::Frame(len) => {
                    // It has room.
                    let _ = socket.send_slice(&turn.scratch[..len]);
                }
                Heard::Post(post) => return Step::Deliver(post),
                Heard::Nothing if consumed == 0 => break,
                Heard::Nothing => {}
            }
        }
        if !socket.may_recv() {
            return Step::Close; // the peer has closed TCP and left out the closing handshake
        }
        match self.keepalive.poll(turn.now) {
            Action::Wait(_) => {}
            Action::Disconnect => return Step::Abort,
            // One that finds no room goes to a client that does not read; it is given up as
            // well.
            Action::Ping => self.ping(socket),
        }
        Step::Wait
    }

    /// Sends a whole message that was encoded for several clients: all of it or nothing.
    pub(crate) fn send_encoded(&self, socket: &mut Socket<'_>, frame: &[u8]) -> Result<(), Unsent> {
        if room(socket) < frame.len() {
            return Err(Unsent::NoRoom);
        }
        self.connection.may_begin().map_err(Unsent::Refused)?;
        let _ = socket.send_slice(frame);
        Ok(())
    }

    /// Returns how long the client may be silent.
    pub(crate) fn remaining(&self, now: Duration) -> Duration {
        self.keepalive.remaining(now)
    }

    /// Writes pongs and closes straight into the ring, in pieces if need be.
    fn reply(&mut self, socket: &mut Socket<'_>) {
        let mut write = |ring: &mut [u8]| {
            let n = self.connection.reply(ring);
            (n, n)
        };
        while socket.send(&mut write).is_ok_and(|n| n > 0) {}
    }

    fn ping(&mut self, socket: &mut Socket<'_>) {
        let mut ping = [0; 2];
        if let Ok(n) = self.connection.ping(b"", &mut ping)
            && room(socket) >= n
        {
            let _ = socket.send_slice(&ping);
        }
    }

    /// Takes at most `len` bytes out of the ring; returns how many, and what is to be done.
    fn receive(
        &mut self,
        socket: &mut Socket<'_>,
        len: usize,
        turn: &mut Turn<'_>,
    ) -> (usize, Heard) {
        let limit = match self.service {
            Service::Chat => SAID_LEN,
            Service::Live | Service::Echo => usize::MAX,
        };
        let received = socket.recv(|ring| {
            let len = len.min(ring.len());
            match self.connection.receive_within(limit, &mut ring[..len]) {
                Ok(progress) => {
                    let heard = match progress.event {
                        Some(Event::Chunk(chunk)) => self.chunk(chunk, turn),
                        _ => Heard::Nothing,
                    };
                    (progress.consumed, (progress.consumed, heard))
                }
                // The reply says so.
                Err(_) => (len, (len, Heard::Nothing)),
            }
        });
        received.unwrap_or((0, Heard::Nothing))
    }

    fn chunk(&mut self, chunk: Chunk<'_>, turn: &mut Turn<'_>) -> Heard {
        turn.counters.bytes += chunk.as_bytes().len() as u64;
        turn.counters.messages += u32::from(chunk.is_last());
        let result = match self.service {
            Service::Live => Ok(Heard::Nothing), // the page has nothing to say
            Service::Echo => match self.connection.send(chunk, turn.scratch) {
                Ok(len) => Ok(Heard::Frame(len)),
                Err(_) => Err(CloseCode::INTERNAL_ERROR),
            },
            Service::Chat => match self.inbox.push(chunk) {
                Ok(None) => Ok(Heard::Nothing),
                Ok(Some(Message::Text(said))) => Ok(Heard::Post(Post::parse(self.id, said))),
                Ok(Some(Message::Binary(_))) => Err(CloseCode::UNSUPPORTED_DATA),
                Err(CapacityError) => Err(CapacityError::CLOSE_CODE),
            },
        };
        result.unwrap_or_else(|code| {
            self.connection.fail(code);
            Heard::Nothing
        })
    }
}

/// What has come, for the one who has the socket or the other clients.
enum Heard {
    Nothing,
    /// To be answered by as many bytes of the scratch space.
    Frame(usize),
    Post(Post),
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Returns how many bytes can be sent now.
fn room(socket: &Socket<'_>) -> usize {
    if socket.may_send() { socket.send_capacity() - socket.send_queue() } else { 0 }
}

/// The silence after which a client is sent a ping.
pub const PING_INTERVAL: Duration = Duration::from_secs(10);

/// The silence after a ping for which a client is given up.
pub const PONG_TIMEOUT: Duration = Duration::from_secs(5);
