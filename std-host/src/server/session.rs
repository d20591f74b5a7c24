//! One connection of a server, from TCP's beginning to its end.

use std::io;
use std::net::SocketAddr;

use mio::event::Event;
use tracing::Span;

use crate::hub::endings::Ending;
use crate::hub::id::ConnectionId;
use crate::io::is_temporary;
use crate::io::socket::Socket;
use crate::io::stream::Stream;
use crate::server::handler::{Closed, Handler};
use crate::server::log;
use crate::server::proxies::Proxies;
use crate::server::shared::Shared;
use crate::server::timer::{Millis, NEVER, Timer, Times, Why};
use crate::server::turn::Turn;

mod ask;
mod open;
mod request;

pub(crate) use open::Accepted;
use open::Open;
use request::Handshake;

/// A socket and how far its connection has come.
#[expect(clippy::struct_excessive_bools, reason = "notes of what has happened, each by itself")]
pub(crate) struct Session {
    /// While it has something unsent, nothing is read, so that a peer that sends and never reads
    /// holds up itself alone.
    socket: Socket,
    phase: Phase,
    timer: Timer,
    /// When the worker looks at the timer.
    pub(crate) armed: Millis,
    /// It stands in the run queue.
    pub(crate) is_queued: bool,
    /// The socket may have something that was not read.
    readable: bool,
    /// The peer has ended its direction of TCP.
    read_closed: bool,
    /// Something has happened elsewhere that it waits for.
    is_woken: bool,
    /// In the outbox something waits, of which the worker was told.
    is_told: bool,
    /// The outbox knows that the socket refuses something.
    is_refused: bool,
    /// It is one of those that the limits let in, until it ends or is refused.
    is_let_in: bool,
}

enum Phase {
    Handshake(Box<Handshake>),
    Open(Box<Open>),
    /// Accepted, for a task to serve it as a value, once the acceptance has left; with what came behind
    /// the request.
    Accepted(Box<(Accepted, Vec<u8>)>),
    /// All was sent, and our direction of TCP has ended; waits for the peer's end, so that no
    /// reset overtakes what was sent last.
    Lingering,
    Over,
}

impl Session {
    /// Begins to wait for a request.
    pub(crate) fn new(
        stream: Stream,
        remote_addr: Option<SocketAddr>,
        proxies: &Proxies,
        now: Millis,
    ) -> Self {
        let handshake = Handshake::new(remote_addr, proxies);
        Self { phase: Phase::Handshake(Box::new(handshake)), ..Self::over(stream, now) }
    }

    /// Opens a connection that was accepted elsewhere.
    pub(crate) fn accept_elsewhere<H: Handler>(
        &mut self,
        accepted: Accepted,
        turn: &mut Turn<'_, H>,
    ) {
        self.open(accepted, &[], turn);
        self.settle(turn);
    }

    /// Begins with a byte stream whose request was answered [elsewhere](Self::accept_elsewhere).
    pub(crate) const fn over(stream: Stream, now: Millis) -> Self {
        Self {
            socket: Socket::new(stream),
            phase: Phase::Over,
            timer: Timer::new(now),
            armed: NEVER,
            is_queued: false,
            readable: false,
            read_closed: false,
            is_woken: false,
            is_told: false,
            is_refused: false,
            is_let_in: false,
        }
    }

    pub(crate) const fn stream(&mut self) -> &mut Stream {
        &mut self.socket.stream
    }

    /// The name of a connection that is open.
    pub(crate) fn id(&self) -> Option<ConnectionId> {
        match &self.phase {
            Phase::Open(open) => Some(open.peer.id()),
            _ => None,
        }
    }

    /// Makes the span in which a turn is logged.
    pub(crate) fn span(&self) -> Span {
        match &self.phase {
            // It is noted once it is known.
            Phase::Handshake(handshake) => log::span_of_request(handshake.known_addr()),
            Phase::Open(open) => log::span_of(&open.peer),
            Phase::Accepted(_) | Phase::Lingering | Phase::Over => Span::none(),
        }
    }

    pub(crate) const fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// Returns since when it is not open, if so: it has sent no whole request, or was refused.
    pub(crate) fn not_open_since(&self) -> Option<Millis> {
        (!self.is_let_in && !self.is_over()).then(|| self.timer.since())
    }

    /// Tells whether it takes one of the places that the limits allow.
    pub(crate) const fn is_let_in(&self) -> bool {
        self.is_let_in
    }

    /// Tells whether a task is to serve it now.
    pub(crate) fn is_handed_over(&self) -> bool {
        matches!(self.phase, Phase::Accepted(_)) && !self.socket.has_unsent()
    }

    /// Returns what a task needs to serve it.
    pub(crate) fn into_parts(self) -> Option<(Stream, Accepted, Vec<u8>)> {
        let Phase::Accepted(accepted) = self.phase else { return None };
        let (accepted, early) = *accepted;
        Some((self.socket.stream, accepted, early))
    }

    /// When the timer is due.
    pub(crate) fn due(&self, times: &Times) -> Millis {
        self.timer.due(times)
    }

    /// Notes what the socket is ready for.
    pub(crate) fn note_event(&mut self, event: &Event) {
        self.readable |= event.is_readable();
        self.read_closed |= event.is_read_closed();
    }

    /// Notes that the stream may have something.
    pub(crate) const fn note_readable(&mut self) {
        self.readable = true;
    }

    /// Notes that something has happened elsewhere: an answer of the handler, frames in the outbox, or
    /// room that was waited for.
    pub(crate) const fn note_woken(&mut self) {
        self.is_woken = true;
    }

    /// Tells whether there is more to do than one turn did.
    pub(crate) fn wants_turn(&self) -> bool {
        match &self.phase {
            Phase::Open(open) => self.can_receive() && (self.readable || open.has_unhandled()),
            _ => self.readable && self.can_receive(),
        }
    }

    /// Tells whether anything that comes can be handled.
    fn can_receive(&self) -> bool {
        let waits = match &self.phase {
            Phase::Handshake(handshake) => handshake.is_full_while_asked(),
            Phase::Open(open) => open.is_held_up() || open.is_ended(),
            Phase::Accepted(_) => true,
            Phase::Lingering | Phase::Over => false,
        };
        !waits && !self.socket.has_unsent()
    }

    /// Does what can be done: writes what is unsent, takes what others have for the peer, and then
    /// what the socket has.
    pub(crate) fn turn<H: Handler>(&mut self, turn: &mut Turn<'_, H>) {
        if self.socket.has_unsent() {
            match self.socket.send_unsent() {
                Ok(true) => self.timer.note_life(turn.now),
                Ok(false) => {}
                Err(error) => self.end_with(Closed::Io(error), turn),
            }
        }
        if std::mem::take(&mut self.is_woken) {
            self.take_answer(turn);
            if let Phase::Open(open) = &mut self.phase {
                self.is_told = true;
                open.look_at_obstacles(turn);
            }
        }
        if self.can_receive()
            && let Phase::Open(open) = &mut self.phase
        {
            open.go_on(&mut self.socket, turn);
        }
        // What is long is read on while it is in the cache and more of it comes, but not for ever.
        let mut n_read = 0;
        for _ in 0..READS {
            if !self.readable || !self.can_receive() {
                break;
            }
            let n = self.read(turn);
            n_read += n;
            let is_bulk = n >= BULK && n_read < turn.input.len();
            if !is_bulk && !self.is_in_rest() {
                break;
            }
        }
        // Behind what was read: so who sends a lot and reads nothing is not interrupted by it.
        if self.is_told
            && let Phase::Open(open) = &mut self.phase
        {
            self.is_told = open.send_outbox(&mut self.socket, turn);
        }
        if let Phase::Open(open) = &mut self.phase {
            open.answer_close(&mut self.socket, turn.output);
        }
        self.settle(turn);
    }

    /// Does what is due.
    pub(crate) fn expire<H: Handler>(&mut self, turn: &mut Turn<'_, H>) {
        match (self.timer.why(), &mut self.phase) {
            (Why::Handshake, _) => self.time_out(turn),
            // What it says meanwhile is not listened to, and nothing that it refuses waits.
            (Why::Ping | Why::Pong, Phase::Open(open))
                if open.is_held_up() && !self.socket.has_unsent() =>
            {
                self.timer.note_life(turn.now);
            }
            (Why::Ping, Phase::Open(open)) => {
                open.ping(turn.output);
                open.write(&mut self.socket, turn.output);
                self.timer.wait(Why::Pong, turn.now);
            }
            // Whatever is unsent: it had its time.
            (Why::Ping | Why::Pong, _) => return self.leave(&Closed::TimedOut, Phase::Over, turn),
            (Why::Close | Why::Linger, _) => {
                return self.leave(&Closed::CloseTimedOut, Phase::Over, turn);
            }
        }
        self.settle(turn);
    }

    /// Reads once; returns how much.
    fn read<H: Handler>(&mut self, turn: &mut Turn<'_, H>) -> usize {
        if matches!(&self.phase, Phase::Handshake(handshake) if handshake.awaits_proxy_header()) {
            return self.read_proxy_header(turn);
        }
        let input = std::mem::take(&mut turn.input);
        let rest = match &mut self.phase {
            Phase::Open(open) => open.endpoint.rest(),
            _ => &mut [],
        };
        let (rest_len, mut n_read) = (rest.len(), 0);
        match self.socket.stream.read_both(rest, input) {
            Ok((0, _)) => {
                self.readable = false;
                self.end_with(Closed::Eof, turn);
            }
            Ok((n, has_more)) => {
                n_read = n;
                // While so much was taken, more may have come.
                self.readable = has_more || self.read_closed || n >= BULK;
                // What comes behind our end is ignored, and keeps nothing open.
                if !matches!(self.phase, Phase::Lingering) {
                    self.timer.note_life(turn.now);
                }
                let of_rest = n.min(rest_len);
                self.receive(of_rest, &mut input[..n - of_rest], turn);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if is_temporary(&error) => self.readable = false,
            Err(error) => self.end_with(Closed::Io(error), turn),
        }
        turn.input = input;
        if let Phase::Open(open) = &mut self.phase {
            open.write(&mut self.socket, turn.output);
        }
        n_read
    }

    /// Tells whether the rest of a long message is read to its place.
    fn is_in_rest(&mut self) -> bool {
        match &mut self.phase {
            Phase::Open(open) => !open.endpoint.rest().is_empty(),
            _ => false,
        }
    }

    /// Handles received bytes, of which the first `of_rest` were read to where a message is joined.
    fn receive<H: Handler>(&mut self, of_rest: usize, bytes: &mut [u8], turn: &mut Turn<'_, H>) {
        match &mut self.phase {
            Phase::Handshake(_) => self.receive_request(bytes, turn),
            Phase::Open(open) => open.receive(of_rest, bytes, &mut self.socket, turn),
            Phase::Accepted(_) | Phase::Lingering | Phase::Over => {}
        }
    }

    /// Opens the connection, for which the acceptance stands in the output or was sent; the peer's
    /// first bytes may have come with its request.
    fn open<H: Handler>(&mut self, accepted: Accepted, early: &[u8], turn: &mut Turn<'_, H>) {
        // In the hub before the acceptance leaves, so that who has read it misses no message to
        // all. And in its place before the handler is called, which may panic.
        self.phase = Phase::Open(Open::new(accepted, turn));
        self.timer.wait(Why::Ping, turn.now);
        if let Phase::Open(open) = &mut self.phase {
            open.begin(turn);
            open.write(&mut self.socket, turn.output);
            open.keep(early);
            if !open.is_held_up() && !self.socket.has_unsent() {
                open.go_on(&mut self.socket, turn);
            }
        }
    }

    /// Goes over to the next phase, if this one has come to its end; and says what the socket refuses.
    fn settle<H: Handler>(&mut self, turn: &mut Turn<'_, H>) {
        match &mut self.phase {
            Phase::Open(open) => {
                let refused = self.socket.unsent_len();
                if refused > 0 || self.is_refused {
                    self.is_refused = refused > 0;
                    open.note_refused(refused, turn);
                }
                open.tidy();
                if open.is_closing() && !self.timer.is_closing() {
                    open.peer.outbox.begin_close();
                    self.timer.wait(Why::Close, turn.now);
                }
                let Some(end) = open.take_end(!self.socket.has_unsent()) else { return };
                if end.is_of_tcp() {
                    self.answer_end(&end);
                    return self.leave(&end, Phase::Over, turn);
                }
                // §7.1.1: the server ends TCP first.
                self.socket.stream.end();
                self.timer.wait(Why::Linger, turn.now);
                self.leave(&end, Phase::Lingering, turn);
            }
            Phase::Lingering if !self.socket.has_unsent() => self.socket.stream.end(),
            Phase::Handshake(_) | Phase::Accepted(_) | Phase::Lingering | Phase::Over => {}
        }
    }

    /// Goes over to the next phase, and tells the handler if the connection was open.
    fn leave<H: Handler>(&mut self, end: &Closed, next: Phase, turn: &Turn<'_, H>) {
        tracing::debug!("{end}");
        self.socket.drop_unsent();
        if let Phase::Open(open) = std::mem::replace(&mut self.phase, next) {
            let is_slow = open.peer.outbox.is_slow();
            let ending = if is_slow { Ending::SlowPeer } else { end.ending() };
            turn.shared.hub.count_ending(ending);
            turn.shared.hub.leave(&open.peer);
            turn.shared.handler.closed(&open.peer, end, &turn.shared.hub);
        }
    }

    /// Ends a connection that nobody will serve any more.
    pub(crate) fn abandon<H: Handler>(&mut self, shared: &Shared<H>) {
        let phase = std::mem::replace(&mut self.phase, Phase::Over);
        if matches!(phase, Phase::Handshake(_) | Phase::Open(_)) {
            shared.hub.count_ending(Ending::Abandoned);
        }
        if let Phase::Open(open) = phase {
            shared.hub.leave(&open.peer);
            shared.handler.closed(&open.peer, &Closed::Abandoned, &shared.hub);
        }
    }

    fn end_with<H>(&mut self, closed: Closed, turn: &Turn<'_, H>) {
        match &mut self.phase {
            Phase::Open(open) => open.end_with(closed),
            Phase::Handshake(_) => {
                tracing::debug!("before the end of the request: {closed}");
                turn.shared.hub.count_ending(closed.ending_before_open());
                self.answer_end(&closed);
                self.phase = Phase::Over;
            }
            Phase::Accepted(_) | Phase::Lingering | Phase::Over => {
                self.answer_end(&closed);
                self.phase = Phase::Over;
            }
        }
    }

    /// Ends our direction if the peer has ended its own.
    fn answer_end(&mut self, closed: &Closed) {
        // RFC 8446 §6.1: "Each party MUST send a "close_notify" alert before closing its write side".
        if matches!(closed, Closed::Eof) {
            self.socket.stream.end();
        }
    }
}

/// How often is read in one turn, at most.
const READS: usize = 8;

/// After a read of so many bytes, half of what one takes, there is another: more comes faster than it is handled.
const BULK: usize = 128 * 1024;

#[cfg(all(test, target_pointer_width = "64"))]
mod tests {
    use super::{Open, Session};
    use crate::hub::peer::Peer;
    use crate::io::socket::Socket;

    #[test]
    fn an_idle_connection_takes_no_more_than_these() {
        // Without optimisation mio's sockets are longer.
        assert_eq!(size_of::<Option<Session>>() - size_of::<Socket>(), 48);
        // glibc has 8 bytes more for each box, and steps of 16; an `Arc` has 16.
        assert_eq!(size_of::<Open>() + 8, 240);
        assert_eq!(size_of::<Peer>() + 16 + 8, 144);
    }
}
