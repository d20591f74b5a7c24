//! One connection of a server, from TCP's beginning to its end.

use std::io::{self, IoSliceMut, Read as _};
use std::net::{Shutdown, SocketAddr};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use mio::event::Event;
use mio::net::TcpStream;
use wirelet::handshake::{RequestError, Status};
use wirelet::{Action, Deadline, Keepalive, Received, Server};

use crate::endpoint::{Endpoint, Failure};
use crate::handler::{Closed, Context, Handler};
use crate::handshake::{self, Head, is_temporary};
use crate::hub::{ConnectionId, Entry};
use crate::out::Out;
use crate::socket::Socket;
use crate::worker::Turn;

/// A socket and how far its connection has come.
pub(crate) struct Session {
    /// While it has something unsent, nothing is read, so that a peer that sends and never reads
    /// holds up itself alone.
    socket: Socket,
    phase: Phase,
    /// The socket may have something that was not read.
    readable: bool,
    /// The peer has ended its direction of TCP.
    read_closed: bool,
}

enum Phase {
    Handshake(Box<Handshake>),
    Open(Box<Open>),
    /// All was sent, and our direction of TCP has ended; waits for the peer's end, so that no
    /// reset overtakes what was sent last.
    Lingering(Deadline),
    Over,
}

struct Handshake {
    head: Head,
    deadline: Deadline,
    remote_addr: SocketAddr,
    /// There are too many connections to let this one in.
    full: bool,
}

struct Open {
    endpoint: Endpoint<Server>,
    clock: Clock,
    /// Why the connection ends; what is unsent goes out first if it can.
    end: Option<Box<Closed>>,
    entry: Entry,
}

/// What a connection waits for by its clock.
enum Clock {
    Keepalive(Keepalive),
    /// A close frame was sent or ordered.
    Closing(Deadline),
}

impl Session {
    /// Begins; the request must be there by the `deadline`.
    pub(crate) fn new(
        stream: TcpStream,
        remote_addr: SocketAddr,
        full: bool,
        deadline: Deadline,
    ) -> Self {
        let handshake = Handshake { head: Head::default(), deadline, remote_addr, full };
        Self {
            socket: Socket::new(stream),
            phase: Phase::Handshake(Box::new(handshake)),
            readable: false,
            read_closed: false,
        }
    }

    pub(crate) const fn stream(&mut self) -> &mut TcpStream {
        &mut self.socket.stream
    }

    /// The name of a connection that is open.
    pub(crate) fn id(&self) -> Option<ConnectionId> {
        match &self.phase {
            Phase::Open(open) => Some(open.entry.peer.id),
            _ => None,
        }
    }

    pub(crate) const fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// Tells whether there is more to read than one turn took.
    pub(crate) const fn wants_turn(&self) -> bool {
        self.readable && !self.socket.has_unsent()
    }

    /// Handles what the socket is ready for.
    pub(crate) fn ready<H: Handler>(&mut self, event: &Event, turn: &mut Turn<'_, H>) {
        self.readable |= event.is_readable();
        self.read_closed |= event.is_read_closed();
        self.go_on(turn);
    }

    /// Writes what is unsent, then takes a buffer full of what the socket has.
    pub(crate) fn go_on<H: Handler>(&mut self, turn: &mut Turn<'_, H>) {
        if self.socket.has_unsent() {
            self.send_unsent(turn);
        }
        // A long message is read on while its bytes are in the cache, but not for ever.
        for _ in 0..READS {
            if self.wants_turn() && self.read(turn) {
                continue;
            }
            break;
        }
        self.settle(turn);
    }

    /// Sends what other threads have put into the outbox.
    pub(crate) fn take_outbox<H: Handler>(&mut self, turn: &mut Turn<'_, H>) {
        self.append_outbox(turn);
        self.write(turn);
        self.settle(turn);
    }

    /// Drops a connection that has not sent its request yet.
    pub(crate) fn give_up_handshake(&mut self) {
        if matches!(self.phase, Phase::Handshake(_)) {
            self.phase = Phase::Over;
        }
    }

    /// How long nothing has to happen.
    pub(crate) fn remaining(&self, now: Duration) -> Duration {
        match &self.phase {
            Phase::Handshake(handshake) => handshake.deadline.remaining(now).unwrap_or_default(),
            Phase::Open(open) => match &open.clock {
                Clock::Keepalive(keepalive) => keepalive.remaining(now),
                Clock::Closing(deadline) => deadline.remaining(now).unwrap_or_default(),
            },
            Phase::Lingering(deadline) => deadline.remaining(now).unwrap_or_default(),
            Phase::Over => Duration::ZERO,
        }
    }

    /// Does what is due.
    pub(crate) fn tick<H: Handler>(&mut self, turn: &mut Turn<'_, H>) {
        if !self.remaining(turn.now).is_zero() {
            return;
        }
        match &mut self.phase {
            Phase::Handshake(_) => {
                tracing::debug!("no request within {:?}", turn.shared.limits.handshake_time);
                self.phase = Phase::Over;
            }
            Phase::Open(open) => match &mut open.clock {
                Clock::Closing(_) => {
                    self.socket.drop_unsent();
                    open.end.get_or_insert_with(|| Box::new(Closed::TimedOut));
                }
                Clock::Keepalive(keepalive) => match keepalive.poll(turn.now) {
                    Action::Wait(_) => {}
                    Action::Ping => {
                        // No close has been sent, or its deadline would be running.
                        let _ = open.endpoint.link(Out::gather(turn.output)).ping(b"");
                        self.write(turn);
                    }
                    Action::Disconnect => open.end = Some(Box::new(Closed::TimedOut)),
                },
            },
            Phase::Lingering(_) | Phase::Over => self.phase = Phase::Over,
        }
        self.settle(turn);
    }

    /// Reads once; tells whether a long message goes on.
    fn read<H: Handler>(&mut self, turn: &mut Turn<'_, H>) -> bool {
        let input = std::mem::take(&mut turn.input);
        let rest = match &mut self.phase {
            Phase::Open(open) => open.endpoint.rest(),
            _ => &mut [],
        };
        let (rest_len, room) = (rest.len(), rest.len() + input.len());
        let result = if rest.is_empty() {
            self.socket.stream.read(input)
        } else {
            self.socket.stream.read_vectored(&mut [IoSliceMut::new(rest), IoSliceMut::new(input)])
        };
        match result {
            Ok(0) => {
                self.readable = false;
                self.end_with(Closed::Eof);
            }
            Ok(n) => {
                // A short read has emptied the socket; what comes now is a new event.
                self.readable = n == room || self.read_closed;
                let of_rest = n.min(rest_len);
                self.receive(of_rest, &mut input[..n - of_rest], turn);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if is_temporary(&error) => self.readable = false,
            Err(error) => self.end_with(Closed::Io(error)),
        }
        turn.input = input;
        self.write(turn);
        match &mut self.phase {
            Phase::Open(open) => !open.endpoint.rest().is_empty(),
            _ => false,
        }
    }

    /// Handles received bytes, of which the first `of_rest` were read to where a message is joined;
    /// appends the replies to the output.
    fn receive<H: Handler>(&mut self, of_rest: usize, bytes: &mut [u8], turn: &mut Turn<'_, H>) {
        match &mut self.phase {
            Phase::Handshake(handshake) => {
                let limit = turn.shared.limits.handshake_bytes;
                match handshake.head.push(bytes, limit) {
                    Ok(None) => {}
                    Ok(Some(_)) if handshake.full => {
                        self.refuse(Status::SERVICE_UNAVAILABLE, "too many connections", turn);
                    }
                    Ok(Some(head_len)) => self.open(head_len, turn),
                    Err(error) => self.refuse_error(error, turn),
                }
            }
            Phase::Open(open) => open.receive(of_rest, bytes, &mut self.socket, turn),
            Phase::Lingering(_) | Phase::Over => {}
        }
    }

    fn open<H: Handler>(&mut self, head_len: usize, turn: &mut Turn<'_, H>) {
        let Phase::Handshake(handshake) = std::mem::replace(&mut self.phase, Phase::Over) else {
            return;
        };
        let Handshake { head, remote_addr, .. } = *handshake;
        let mut received = head.into_received();
        let path = match handshake::accept(&received[..head_len], turn.output) {
            Ok(path) => path,
            Err(error) => return self.refuse_error(error, turn),
        };
        let limits = &turn.shared.limits;
        // In the hub before the acceptance leaves, so that who has read it misses no message to
        // all.
        let mail = (Arc::clone(turn.mail), turn.slot);
        let entry = turn.shared.hub.enter(remote_addr, &path, mail);
        let mut open = Box::new(Open {
            endpoint: Endpoint::new(Server, limits.message_bytes),
            clock: Clock::Keepalive(Keepalive::new(
                limits.ping_interval,
                limits.ping_timeout,
                turn.now,
            )),
            end: None,
            entry,
        });
        tracing::debug!(id = %open.entry.peer.id, path = &*open.entry.peer.path, "open");
        let link = open.endpoint.link(Out::gather(turn.output));
        let mut context = Context::new(link, &open.entry.peer, &turn.shared.hub);
        turn.shared.handler.opened(&mut context);
        open.receive(0, &mut received[head_len..], &mut self.socket, turn);
        self.phase = Phase::Open(open);
    }

    fn refuse_error<H>(&mut self, error: RequestError, turn: &mut Turn<'_, H>) {
        self.refuse(error.status(), &error.to_string(), turn);
    }

    fn refuse<H>(&mut self, status: Status, why: &str, turn: &mut Turn<'_, H>) {
        tracing::debug!("refused with {}: {why}", status.get());
        turn.output.clear();
        handshake::refuse(status, why, turn.output);
        self.phase = Phase::Lingering(Deadline::after(turn.shared.limits.close_time, turn.now));
    }

    fn append_outbox<H>(&mut self, turn: &mut Turn<'_, H>) {
        let Phase::Open(open) = &mut self.phase else { return };
        if open.entry.peer.outbox.is_closing() {
            open.start_close_deadline(turn);
        }
        if self.socket.has_unsent() || open.endpoint.is_close_sent() {
            return; // later, or never
        }
        let (queue, close) = open.entry.peer.outbox.take();
        let mut link = open.endpoint.link(Out::gather(turn.output));
        for frame in queue.iter().flat_map(|queue| &queue.frames) {
            link.append_encoded(frame);
        }
        if let Some(code) = close {
            // Only a close that was sent already could stand against it.
            let _ = link.close(code.into());
        }
    }

    /// Sends the output.
    fn write<H>(&mut self, turn: &mut Turn<'_, H>) {
        if let Err(error) = self.socket.send([turn.output]) {
            self.end_with(Closed::Io(error));
        }
        turn.output.clear();
    }

    /// Sends what is unsent, and then what waited behind it.
    fn send_unsent<H>(&mut self, turn: &mut Turn<'_, H>) {
        if let Err(error) = self.socket.send_unsent() {
            self.socket.drop_unsent();
            self.end_with(Closed::Io(error));
        } else if !self.socket.has_unsent() {
            self.append_outbox(turn);
            self.write(turn);
        }
    }

    /// Goes over to the next phase, if this one has come to its end.
    fn settle<H: Handler>(&mut self, turn: &mut Turn<'_, H>) {
        let limits = &turn.shared.limits;
        match &mut self.phase {
            Phase::Open(open) => {
                let is_sent = !self.socket.has_unsent();
                let Some(end) =
                    open.end.take_if(|end| is_sent || matches!(**end, Closed::Eof | Closed::Io(_)))
                else {
                    return;
                };
                tracing::debug!("{end}");
                let mut next = Phase::Over;
                if !matches!(*end, Closed::Eof | Closed::Io(_)) {
                    // §7.1.1: the server ends TCP first.
                    let _ = self.socket.stream.shutdown(Shutdown::Write);
                    next = Phase::Lingering(Deadline::after(limits.close_time, turn.now));
                }
                if let Phase::Open(open) = std::mem::replace(&mut self.phase, next) {
                    let peer = open.entry.leave();
                    turn.shared.handler.closed(&peer, &end);
                }
                self.socket.drop_unsent();
            }
            Phase::Lingering(_) if !self.socket.has_unsent() => {
                let _ = self.socket.stream.shutdown(Shutdown::Write);
            }
            Phase::Handshake(_) | Phase::Lingering(_) | Phase::Over => {}
        }
    }

    fn end_with(&mut self, closed: Closed) {
        match &mut self.phase {
            Phase::Open(open) => _ = open.end.get_or_insert_with(|| Box::new(closed)),
            Phase::Handshake(_) => {
                tracing::debug!("before the end of the request: {closed}");
                self.phase = Phase::Over;
            }
            Phase::Lingering(_) | Phase::Over => self.phase = Phase::Over,
        }
    }
}

impl Open {
    fn receive<H: Handler>(
        &mut self,
        of_rest: usize,
        bytes: &mut [u8],
        socket: &mut Socket,
        turn: &mut Turn<'_, H>,
    ) {
        if let Clock::Keepalive(keepalive) = &mut self.clock {
            keepalive.heard(turn.now);
        }
        let Self { endpoint, entry, end, .. } = self;
        let mut io = Ok(());
        let mut direct = |pieces: [&[u8]; 3]| {
            if io.is_ok() {
                io = socket.send(pieces);
            }
        };
        let out = &mut Out::with_direct(turn.output, &mut direct);
        let result = endpoint.receive(of_rest, bytes, out, |received, link| {
            match received {
                Received::Data(message) => {
                    let mut context = Context::new(link.reborrow(), &entry.peer, &turn.shared.hub);
                    turn.shared.handler.message(message, &mut context);
                }
                Received::Ping(_) | Received::Pong(_) => {}
                Received::Close(close) => {
                    let (code, reason) = (close.code(), close.reason().into());
                    *end = Some(Box::new(Closed::ByPeer { code, reason }));
                }
            }
            ControlFlow::Continue(())
        });
        match result {
            Ok(_) => {}
            Err(Failure::Protocol(error)) => *end = Some(Box::new(Closed::Protocol(error))),
            Err(Failure::Capacity(error)) => *end = Some(Box::new(Closed::Capacity(error))),
            Err(Failure::EmptyFragments) => *end = Some(Box::new(Closed::EmptyFragments)),
        }
        if let Err(error) = io {
            end.get_or_insert_with(|| Box::new(Closed::Io(error)));
        }
        if self.end.is_some() || self.endpoint.is_close_sent() {
            self.start_close_deadline(turn);
        }
    }

    fn start_close_deadline<H>(&mut self, turn: &Turn<'_, H>) {
        if let Clock::Keepalive(_) = self.clock {
            let limit = turn.shared.limits.close_time;
            self.clock = Clock::Closing(Deadline::after(limit, turn.now));
        }
    }
}

/// How often a long message is read on in one turn.
const READS: usize = 8;
