//! One connection of a server, from TCP's beginning to its end.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http::StatusCode;
use mio::event::Event;
use wirelet::Deadline;

use crate::hub::peer::ConnectionId;
use crate::io::socket::Socket;
use crate::io::stream::Stream;
use crate::server::answer::{Accept, Answer, Response, refusal};
use crate::server::handler::{Closed, Handler};
use crate::server::handshake::{self, Head, is_temporary};
use crate::server::service::Shared;
use crate::server::worker::Turn;

mod ask;
mod open;

use ask::Asked;
pub(crate) use open::Accepted;
use open::Open;

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
    Lingering(Box<Deadline>),
    Over,
}

struct Handshake {
    head: Head,
    deadline: Deadline,
    remote_addr: Option<SocketAddr>,
    /// There are too many connections to let this one in.
    full: bool,
    /// The handler was asked about the head, which has this length.
    asked: Option<(Asked, usize)>,
}

impl Phase {
    fn lingering<H>(turn: &Turn<'_, H>) -> Self {
        Self::Lingering(Box::new(Deadline::after(turn.shared.limits.close_time, turn.now)))
    }
}

impl Session {
    /// Begins; the request must be there by the `deadline`.
    pub(crate) fn new(
        stream: Stream,
        remote_addr: Option<SocketAddr>,
        full: bool,
        deadline: Deadline,
    ) -> Self {
        let head = Head::default();
        let handshake = Handshake { head, deadline, remote_addr, full, asked: None };
        let phase = Phase::Handshake(Box::new(handshake));
        Self { phase, ..Self::over(stream) }
    }

    /// Begins with a connection that was accepted elsewhere.
    pub(crate) fn accepted<H: Handler>(
        stream: Stream,
        accepted: Accepted,
        turn: &mut Turn<'_, H>,
    ) -> Self {
        let mut session = Self::over(stream);
        session.open(accepted, &mut [], turn);
        session.write(turn);
        session.settle(turn);
        session
    }

    const fn over(stream: Stream) -> Self {
        let socket = Socket::new(stream);
        Self { socket, phase: Phase::Over, readable: false, read_closed: false }
    }

    pub(crate) const fn stream(&mut self) -> &mut Stream {
        &mut self.socket.stream
    }

    /// The name of a connection that is open.
    pub(crate) fn id(&self) -> Option<ConnectionId> {
        match &self.phase {
            Phase::Open(open) => Some(open.entry.peer.id()),
            _ => None,
        }
    }

    pub(crate) const fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// Tells whether there is more to read than one turn took.
    pub(crate) fn wants_turn(&self) -> bool {
        let waits = match &self.phase {
            Phase::Handshake(handshake) => handshake.asked.is_some(),
            Phase::Open(open) => open.is_held_up(),
            Phase::Lingering(_) | Phase::Over => false,
        };
        self.readable && !waits && !self.socket.has_unsent()
    }

    /// Handles what the socket is ready for.
    pub(crate) fn ready<H: Handler>(&mut self, event: &Event, turn: &mut Turn<'_, H>) {
        self.readable |= event.is_readable();
        self.read_closed |= event.is_read_closed();
        self.go_on(turn);
    }

    /// Does all that can be done, whatever the stream is ready for.
    pub(crate) fn wake<H: Handler>(&mut self, turn: &mut Turn<'_, H>) {
        self.readable = true;
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

    /// Takes what a letter told of: an answer of the handler, frames in the outbox, or room that was
    /// waited for.
    pub(crate) fn take_mail<H: Handler>(&mut self, turn: &mut Turn<'_, H>) {
        self.take_answer(turn);
        self.append_outbox(turn);
        self.write(turn);
        if let Phase::Open(open) = &mut self.phase
            && open.is_held_up()
        {
            open.wait(turn);
        }
        self.go_on(turn);
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
            Phase::Open(open) => open.remaining(now),
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
            Phase::Handshake(_) => self.time_out(turn),
            Phase::Open(open) => {
                open.tick(&mut self.socket, turn);
                self.write(turn);
            }
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
        let rest_len = rest.len();
        match self.socket.stream.read_both(rest, input) {
            Ok((0, _)) => {
                self.readable = false;
                self.end_with(Closed::Eof);
            }
            Ok((n, has_more)) => {
                self.readable = has_more || self.read_closed;
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
                match handshake.head.push(bytes, turn.shared.limits.handshake_bytes) {
                    Ok(None) => {}
                    Ok(Some(_)) if handshake.full => {
                        let status = StatusCode::SERVICE_UNAVAILABLE;
                        self.respond(&refusal(status, &"too many connections"), turn);
                    }
                    Ok(Some(head_len)) => {
                        let head = &handshake.head.received()[..head_len];
                        let answer = handshake::judge(head, handshake.remote_addr, turn.shared);
                        self.answer(head_len, answer, turn);
                    }
                    Err(error) => self.respond(&handshake::refusal_of(error), turn),
                }
            }
            Phase::Open(open) => open.receive(of_rest, bytes, &mut self.socket, turn),
            Phase::Lingering(_) | Phase::Over => {}
        }
    }

    /// Does what the handler says to a request.
    fn answer<H: Handler>(&mut self, head_len: usize, answer: Answer, turn: &mut Turn<'_, H>) {
        match answer {
            Answer::Accept(accept) => self.accept(head_len, accept, turn),
            Answer::Refuse(response) => self.respond(&response, turn),
            Answer::Later(later) => {
                if let Phase::Handshake(handshake) = &mut self.phase {
                    handshake.asked = Some((Asked::new(later, turn), head_len));
                }
            }
        }
    }

    /// Takes the answer that was waited for, if it has come.
    fn take_answer<H: Handler>(&mut self, turn: &mut Turn<'_, H>) {
        let Phase::Handshake(handshake) = &mut self.phase else { return };
        let Some((asked, head_len)) = &mut handshake.asked else { return };
        if let Some(answer) = asked.take() {
            let head_len = *head_len;
            handshake.asked = None;
            self.answer(head_len, answer, turn);
        }
    }

    fn accept<H: Handler>(&mut self, head_len: usize, accept: Accept, turn: &mut Turn<'_, H>) {
        let Phase::Handshake(handshake) = &self.phase else { return };
        let head = &handshake.head.received()[..head_len];
        let Some(path) = handshake::accept(head, &accept, turn.output) else {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            return self.respond(&refusal(status, &"the acceptance cannot be sent"), turn);
        };
        let accepted = Accepted::new(path, accept, handshake.remote_addr);
        let Phase::Handshake(handshake) = std::mem::replace(&mut self.phase, Phase::Over) else {
            return;
        };
        let mut received = handshake.head.into_received();
        self.open(accepted, &mut received[head_len..], turn);
    }

    /// Opens the connection, for which the acceptance stands in the output or was sent; the peer's
    /// first bytes may have come with its request.
    fn open<H: Handler>(&mut self, accepted: Accepted, early: &mut [u8], turn: &mut Turn<'_, H>) {
        // In the hub before the acceptance leaves, so that who has read it misses no message to
        // all.
        let mut open = Open::new(accepted, turn);
        open.receive(0, early, &mut self.socket, turn);
        self.phase = Phase::Open(open);
    }

    /// Responds to a request without opening a connection.
    fn respond<H>(&mut self, response: &Response, turn: &mut Turn<'_, H>) {
        let Phase::Handshake(handshake) = &self.phase else { return };
        tracing::debug!(status = %response.status(), "answered");
        turn.shared.hub.count_response(response.status());
        turn.output.clear();
        handshake::respond(response, handshake.head.received(), turn.output);
        self.phase = Phase::lingering(turn);
    }

    /// Nothing has come of a request in time.
    fn time_out<H>(&mut self, turn: &mut Turn<'_, H>) {
        let Phase::Handshake(handshake) = &self.phase else { return };
        if handshake.asked.is_some() {
            let why = "the server did not decide in time";
            self.respond(&refusal(StatusCode::SERVICE_UNAVAILABLE, &why), turn);
            self.write(turn);
        } else {
            tracing::debug!("no request within {:?}", turn.shared.limits.handshake_time);
            self.phase = Phase::Over;
        }
    }

    fn append_outbox<H>(&mut self, turn: &mut Turn<'_, H>) {
        if let Phase::Open(open) = &mut self.phase {
            open.append_outbox(&mut self.socket, turn);
        }
    }

    /// Sends the output.
    fn write<H>(&mut self, turn: &mut Turn<'_, H>) {
        if turn.output.is_empty() {
            return;
        }
        if let Phase::Open(open) = &self.phase {
            open.entry.peer.counters.bytes_sent.add(turn.output.len());
        }
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
        match &mut self.phase {
            Phase::Open(open) => {
                let Some(end) = open.take_end(!self.socket.has_unsent()) else { return };
                tracing::debug!("{end}");
                let mut next = Phase::Over;
                if !end.is_of_tcp() {
                    // §7.1.1: the server ends TCP first.
                    self.socket.stream.end();
                    next = Phase::lingering(turn);
                }
                if let Phase::Open(open) = std::mem::replace(&mut self.phase, next) {
                    let peer = open.entry.leave();
                    turn.shared.handler.closed(&peer, &end, &turn.shared.hub);
                }
                self.socket.drop_unsent();
            }
            Phase::Lingering(_) if !self.socket.has_unsent() => self.socket.stream.end(),
            Phase::Handshake(_) | Phase::Lingering(_) | Phase::Over => {}
        }
    }

    /// Ends a connection that nobody will serve any more.
    pub(crate) fn abandon<H: Handler>(&mut self, shared: &Shared<H>) {
        if let Phase::Open(open) = std::mem::replace(&mut self.phase, Phase::Over) {
            let peer = open.entry.leave();
            shared.handler.closed(&peer, &Closed::Abandoned, &shared.hub);
        }
    }

    fn end_with(&mut self, closed: Closed) {
        match &mut self.phase {
            Phase::Open(open) => open.end_with(closed),
            Phase::Handshake(_) => {
                tracing::debug!("before the end of the request: {closed}");
                self.phase = Phase::Over;
            }
            Phase::Lingering(_) | Phase::Over => self.phase = Phase::Over,
        }
    }
}

/// How often a long message is read on in one turn.
const READS: usize = 8;
