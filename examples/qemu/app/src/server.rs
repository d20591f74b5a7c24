//! A WebSocket server and its status page on one port, for four clients at once.
//!
//! | path | who asks | gets |
//! |---|---|---|
//! | `/` | a browser | the status page |
//! | `/status` | `curl` | the counters as JSON |
//! | `/live` | the page's WebSocket | the counters, every second |
//! | `/chat` | a WebSocket | an id, and what others send `to ID TEXT` or `all TEXT` |
//! | any other | a WebSocket | an echo of every message, of any length |
//!
//! ```text
//!  frames of Ethernet                           Server::poll
//!  ─▶ nic ─▶ smoltcp ─▶ ring ─▶ Connection::receive ─▶ chunk ─┐
//!  ◀─ nic ◀─ smoltcp ◀─ ring ◀─ Connection::send ◀────────────┘
//! ```
//!
//! There is no buffer for a message: chunks are unmasked in the ring where TCP has put them, and
//! sent on from there. What a client sends is taken only while the answer has room, so that one
//! that does not read is not read either, and is given up when it has stood still for
//! [`PING_INTERVAL`] and [`PONG_TIMEOUT`].

mod chat;
mod client;
mod http;
mod slot;
mod status;
mod storage;

use smoltcp::iface::{Interface, PollIngressSingleResult, PollResult, SocketSet, SocketStorage};
use smoltcp::socket::tcp::Socket;
use smoltcp::time::{Duration, Instant};
use static_cell::ConstStaticCell;
use wirelet::{Connection, Deadline};

use crate::{Board, network};
use chat::{Post, Recipient};
use client::{Id, Service, Unsent};
use slot::{Slot, Turn};
use status::Counters;

pub use client::{PING_INTERVAL, PONG_TIMEOUT};
pub use http::HEAD_LEN;
pub use slot::{CLOSE_TIME, HANDSHAKE_TIME};
pub use status::Status;
pub use storage::{RING_LEN, Rings};

/// How many clients can have a WebSocket open; one more is refused with 503.
pub const CLIENTS: usize = 4;

/// How many TCP connections are served at once: two more, for the page and for refusals.
pub const SLOTS: usize = CLIENTS + 2;

/// Serves for ever.
///
/// # Panics
///
/// When it is called twice: there is memory for one server.
pub fn run(board: &mut impl Board) -> ! {
    static RINGS: ConstStaticCell<[Rings; SLOTS]> = ConstStaticCell::new([Rings::EMPTY; SLOTS]);

    let mut sockets = [SocketStorage::EMPTY; SLOTS];
    let mut server = Server::new(RINGS.take(), &mut sockets, board);
    loop {
        let at_most = server.poll(board);
        if at_most != Some(Duration::ZERO) {
            board.wait(at_most);
        }
    }
}

/// The server, which does nothing but what [`poll`](Self::poll) is called for.
pub struct Server<'a> {
    interface: Interface,
    sockets: SocketSet<'a>,
    slots: [Slot; SLOTS],
    counters: Counters,
    started: Instant,
    next_report: Deadline,
    /// Where what is sent is encoded: a socket of smoltcp lends one of its rings at a time.
    scratch: [u8; RING_LEN],
}

impl<'a> Server<'a> {
    /// Listens on port 80.
    pub fn new(
        rings: &'a mut [Rings; SLOTS],
        sockets: &'a mut [SocketStorage<'a>; SLOTS],
        board: &mut impl Board,
    ) -> Self {
        let interface = network::interface(board);
        let (mut sockets, handles) = storage::make_sockets(rings, sockets);
        let mut slots = handles.map(Slot::new);
        for slot in &mut slots {
            slot.listen(sockets.get_mut(slot.handle));
        }
        let now = board.now();
        Self {
            interface,
            sockets,
            slots,
            counters: Counters::default(),
            started: now,
            next_report: Deadline::after(core::time::Duration::ZERO, time(now)),
            scratch: [0; RING_LEN],
        }
    }

    /// Takes what has come from the network, and does all that is to be done now.
    ///
    /// Returns for how long nothing will be, unless a frame comes; `None` is for ever.
    pub fn poll(&mut self, board: &mut impl Board) -> Option<Duration> {
        let now = board.now();
        self.interface.poll_maintenance(now);
        // A flood of frames must not keep the clients waiting.
        let n_received = (0..FRAMES_AT_ONCE)
            .take_while(|_| {
                self.interface.poll_ingress_single(now, board.nic(), &mut self.sockets)
                    != PollIngressSingleResult::None
            })
            .count();
        // Before TCP sends, so that answers and acknowledgements leave in the same segments.
        self.serve(now);
        while self.interface.poll_egress(now, board.nic(), &mut self.sockets) != PollResult::None {}
        self.listen();
        if n_received == FRAMES_AT_ONCE {
            return Some(Duration::ZERO); // there may be more
        }
        [self.interface.poll_delay(now, &self.sockets), self.remaining(now)]
            .into_iter()
            .flatten()
            .min()
    }

    /// Returns the counters.
    #[must_use]
    pub fn status(&self, now: Instant) -> Status {
        let listening = |slot: &&Slot| self.sockets.get::<Socket<'_>>(slot.handle).is_listening();
        Status {
            uptime: now - self.started,
            clients: self.slots.iter().filter(|slot| slot.client().is_some()).count(),
            listening: self.slots.iter().filter(listening).count(),
            counters: self.counters,
        }
    }

    fn serve(&mut self, now: Instant) {
        for i in 0..SLOTS {
            loop {
                let status = self.status(now);
                let slot = &mut self.slots[i];
                let mut turn = Turn {
                    now: time(now),
                    status: &status,
                    counters: &mut self.counters,
                    scratch: &mut self.scratch,
                };
                let Some(post) = slot.serve(self.sockets.get_mut(slot.handle), &mut turn) else {
                    break;
                };
                self.deliver(&post);
            }
        }
        if self.has_viewers() && self.next_report.remaining(time(now)).is_none() {
            self.next_report = Deadline::after(REPORT_INTERVAL, time(now));
            self.send_to_all(Service::Live, &self.status(now).to_json());
        }
    }

    fn deliver(&mut self, post: &Post) {
        match post.to {
            Recipient::All => self.send_to_all(Service::Chat, &post.text),
            Recipient::One(id) => {
                let answer = match self.send_to(id, &post.text) {
                    Ok(()) => return,
                    Err(Unsent::NoSuchClient) => "nobody has this id",
                    Err(Unsent::NoRoom | Unsent::Refused(_)) => "not sent: the client is busy",
                };
                // Who cannot get this either has lost nothing but an answer.
                let _ = self.send_to(post.from, answer);
            }
        }
    }

    /// Sends a text message to one client.
    fn send_to(&mut self, id: Id, text: &str) -> Result<(), Unsent> {
        let frame = encode(text, &mut self.scratch)?;
        for slot in &self.slots {
            let socket = self.sockets.get_mut(slot.handle);
            if let Some(client) = slot.client().filter(|client| client.id == id) {
                let result = client.send_encoded(socket, frame);
                self.counters.count_sent(result);
                return result;
            }
        }
        Err(Unsent::NoSuchClient)
    }

    /// Sends a text message to all clients of a service, encoded once: a server masks nothing, so
    /// that the bytes are the same for each.
    ///
    /// A client that has no room for all of it now does not get it, and the others do not wait.
    fn send_to_all(&mut self, service: Service, text: &str) {
        let Ok(frame) = encode(text, &mut self.scratch) else { return };
        for slot in &self.slots {
            let socket = self.sockets.get_mut(slot.handle);
            if let Some(client) = slot.client().filter(|client| client.service == service) {
                self.counters.count_sent(client.send_encoded(socket, frame));
            }
        }
    }

    /// Listens again with the sockets whose connections have ended, so that their last segments
    /// have left.
    fn listen(&mut self) {
        for slot in &mut self.slots {
            let socket: &mut Socket<'_> = self.sockets.get_mut(slot.handle);
            if !socket.is_open() {
                slot.listen(socket);
            }
        }
    }

    fn has_viewers(&self) -> bool {
        self.slots.iter().filter_map(Slot::client).any(|client| client.service == Service::Live)
    }

    /// Returns how long nothing ends by time.
    fn remaining(&self, now: Instant) -> Option<Duration> {
        let report =
            self.has_viewers().then(|| self.next_report.remaining(time(now)).unwrap_or_default());
        self.slots
            .iter()
            .filter_map(|slot| slot.remaining(time(now)))
            .chain(report)
            .min()
            .map(Duration::from)
    }
}

/// Encodes a whole text message as a server's frame.
fn encode<'t>(text: &str, out: &'t mut [u8]) -> Result<&'t [u8], Unsent> {
    // A new connection refuses no message, unless there is no space for it.
    let len = Connection::new(wirelet::Server).send(text, out).map_err(Unsent::Refused)?;
    Ok(&out[..len])
}

/// Returns the time as wirelet takes it.
fn time(now: Instant) -> core::time::Duration {
    core::time::Duration::from_micros(u64::try_from(now.total_micros()).unwrap_or_default())
}

/// How many frames are taken from the network before they are answered.
const FRAMES_AT_ONCE: usize = 8;

/// How often the page gets new counters.
const REPORT_INTERVAL: core::time::Duration = core::time::Duration::from_secs(1);
