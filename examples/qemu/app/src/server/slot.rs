//! One TCP socket, and what it is used for.

use core::time::Duration;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::Socket;
use wirelet::Deadline;

use super::chat::Post;
use super::client::{Client, Id, Service};
use super::http::Handshake;
use super::status::{Counters, Status};

/// A TCP socket and the state of its connection.
///
/// ```text
/// Listening ─▶ Handshake ─▶ WebSocket ─▶ Closing ─▶ Listening
///                  └────────────────────────▲
/// ```
///
/// From every state but the first, the end of TCP leads back to `Listening`, and it comes in every
/// one: `Handshake` and `Closing` have a deadline, and `WebSocket` a keepalive.
pub(crate) struct Slot {
    pub(crate) handle: SocketHandle,
    state: State,
}

/// What a slot has to work with while it is served.
pub(crate) struct Turn<'t> {
    pub(crate) now: Duration,
    pub(crate) status: &'t Status,
    pub(crate) counters: &'t mut Counters,
    pub(crate) scratch: &'t mut [u8],
}

/// What is next, after a state has been served.
pub(crate) enum Step {
    /// Nothing, until something happens.
    Wait,
    /// To deliver this, and to go on.
    Deliver(Post),
    /// To go on with a WebSocket.
    Open(Service),
    /// To send the rest of a response, and to close TCP.
    Respond(&'static [u8]),
    /// To close TCP.
    Close,
    /// To reset TCP.
    Abort,
}

#[expect(clippy::large_enum_variant, reason = "there is no heap to put it on")]
enum State {
    Listening,
    Handshake(Handshake),
    WebSocket(Client),
    Closing(Closing),
}

impl Slot {
    pub(crate) const fn new(handle: SocketHandle) -> Self {
        Self { handle, state: State::Listening }
    }

    /// Waits for a connection; the last one has ended.
    ///
    /// A socket in TIME-WAIT is not left to wait, since smoltcp has no backlog: a connection that
    /// no socket listens for is refused. If our last acknowledgement is lost, the peer gets a
    /// reset instead, when both sides have everything already.
    pub(crate) fn listen(&mut self, socket: &mut Socket<'_>) {
        self.state = State::Listening;
        // Fails only for port 0, or while the socket is open.
        let _ = socket.listen(PORT);
    }

    /// Does what can be done, except to deliver what is returned.
    pub(crate) fn serve(&mut self, socket: &mut Socket<'_>, turn: &mut Turn<'_>) -> Option<Post> {
        if socket.is_listening() || !socket.is_open() {
            self.state = State::Listening; // reset, or closed by both sides
            return None;
        }
        loop {
            let step = match &mut self.state {
                State::Listening => {
                    self.state = State::Handshake(Handshake::new(turn.now));
                    continue;
                }
                State::Handshake(handshake) => handshake.serve(socket, turn),
                State::WebSocket(client) => client.serve(socket, turn),
                State::Closing(closing) => closing.serve(socket, turn.now),
            };
            match step {
                Step::Wait => return None,
                Step::Deliver(post) => return Some(post),
                Step::Open(service) => {
                    turn.counters.accepted += 1;
                    let id = Id(turn.counters.accepted);
                    self.state = State::WebSocket(Client::new(id, service, turn.now));
                    if service == Service::Chat {
                        return Some(Post::welcome(id));
                    }
                }
                Step::Respond(rest) => self.state = State::Closing(Closing::new(rest, turn.now)),
                Step::Close => self.state = State::Closing(Closing::new(b"", turn.now)),
                Step::Abort => {
                    socket.abort();
                    self.state = State::Listening;
                    return None;
                }
            }
        }
    }

    /// Returns how long nothing ends by time.
    pub(crate) fn remaining(&self, now: Duration) -> Option<Duration> {
        match &self.state {
            State::Listening => None,
            State::Handshake(handshake) => Some(handshake.deadline.remaining(now)),
            State::WebSocket(client) => Some(Some(client.remaining(now))),
            State::Closing(closing) => Some(closing.deadline.remaining(now)),
        }
        .map(Option::unwrap_or_default)
    }

    pub(crate) fn client(&self) -> Option<&Client> {
        if let State::WebSocket(client) = &self.state { Some(client) } else { None }
    }
}

/// The end of a connection: sends what is left, then waits for the peer to close as well.
struct Closing {
    rest: &'static [u8],
    deadline: Deadline,
}

impl Closing {
    const fn new(rest: &'static [u8], now: Duration) -> Self {
        Self { rest, deadline: Deadline::after(CLOSE_TIME, now) }
    }

    fn serve(&mut self, socket: &mut Socket<'_>, now: Duration) -> Step {
        if self.deadline.remaining(now).is_none() {
            return Step::Abort;
        }
        if let Ok(n) = socket.send_slice(self.rest) {
            self.rest = self.rest.get(n..).unwrap_or_default();
        }
        if self.rest.is_empty() {
            socket.close();
        }
        // §1.4: "a peer discards any further data received".
        while socket.recv(|ring| (ring.len(), ring.len())).is_ok_and(|n| n > 0) {}
        Step::Wait
    }
}

/// How long a client may take from the first packet to the end of the opening handshake.
pub const HANDSHAKE_TIME: Duration = Duration::from_secs(5);

/// How long a peer may take to read the rest and to close TCP.
pub const CLOSE_TIME: Duration = Duration::from_secs(5);

const PORT: u16 = 80;
