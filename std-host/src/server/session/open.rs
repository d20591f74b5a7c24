//! A connection between its handshakes.

use std::cell::Cell;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::Waker;

use wirelet::{Message, Received, Server};

use crate::compression::Agreement;
use crate::connection::Description;
use crate::endpoint::deflate::{Codec, Takeover, is_deflated};
use crate::endpoint::out::Out;
use crate::endpoint::{Endpoint, Link};
use crate::hub::Hub;
use crate::hub::obstacle::{Call, Obstacle};
use crate::hub::outbox::Status;
use crate::hub::peer::{Agreed, Data, Peer};
use crate::hub::wake::WakeOne;
use crate::io::buffer::{self, Buffer};
use crate::io::socket::Socket;
use crate::server::addresses::Counted;
use crate::server::answer::Accept;
use crate::server::handler::{Closed, Context, Handler};
use crate::server::log;
use crate::server::turn::Turn;

/// A connection that is in the hub.
pub(super) struct Open {
    pub(super) endpoint: Endpoint<Server>,
    /// Is in the hub until [`Hub::leave`](crate::Hub) takes it out.
    pub(super) peer: Arc<Peer>,
    /// Boxed together, because most connections have none.
    halt: Option<Box<Halt>>,
}

/// What keeps a connection from going on, and what else few have.
#[derive(Default)]
struct Halt {
    /// By its address, if somebody counts.
    counted: Option<Counted>,
    /// What later messages refer to, if they do.
    takeover: Option<Box<Takeover>>,
    /// Why it ends; what is unsent goes out first if it can.
    end: Option<Closed>,
    /// What has to get out of the way first.
    obstacles: Vec<Obstacle>,
    /// What was read and has not been handled.
    unhandled: Option<Box<Buffer>>,
    /// The peer's close, while the handler holds the answer.
    unanswered: Option<Closed>,
}

/// Lends what compresses for a connection, if its messages are.
fn codec<'c>(peer: &Peer, halt: Option<&'c Halt>, hub: &'c Hub) -> Option<Codec<'c>> {
    let agreement = peer.compression()?;
    let takeover = halt.and_then(|halt| halt.takeover.as_deref());
    Some(Codec::new(*agreement, takeover, Some(hub.compression())))
}

/// What is known of a connection once it is accepted.
#[derive(Debug)]
pub(crate) struct Accepted {
    agreed: Agreed,
    data: Option<Data>,
    remote_addr: Option<SocketAddr>,
    /// The head of the request, if it is kept.
    request: Option<Box<[u8]>>,
    counted: Option<Counted>,
}

impl Accepted {
    pub(crate) fn new(
        (path, compression): (String, Option<Agreement>),
        accept: Accept,
        remote_addr: Option<SocketAddr>,
        request: Option<Box<[u8]>>,
        counted: Option<Counted>,
    ) -> Self {
        let subprotocol = accept.subprotocol.map(|name| name.into_owned().into());
        let agreed = Agreed { path: path.into(), subprotocol, compression };
        Self { agreed, data: accept.data, remote_addr, request, counted }
    }

    pub(crate) const fn remote_addr(&self) -> Option<SocketAddr> {
        self.remote_addr
    }

    /// Takes what it is counted by, so that it is so for as long as it is served elsewhere.
    pub(crate) const fn take_counted(&mut self) -> Option<Counted> {
        self.counted.take()
    }

    /// How messages are compressed, if so.
    pub(crate) const fn compression(&self) -> Option<Agreement> {
        self.agreed.compression
    }

    /// Describes it to who serves it as a [`Connection`](crate::Connection).
    pub(crate) fn into_description(self) -> Description {
        Description {
            path: self.agreed.path.into(),
            subprotocol: self.agreed.subprotocol.map(Into::into),
            remote_addr: self.remote_addr,
            data: self.data,
            ..Description::default()
        }
    }
}

impl Open {
    /// Enters the hub.
    pub(super) fn new<H>(accepted: Accepted, turn: &Turn<'_, H>) -> Box<Self> {
        let Accepted { agreed, data, remote_addr, request, counted } = accepted;
        let queue = (Arc::clone(turn.queue), turn.slot);
        let peer = turn.shared.hub.enter(remote_addr, agreed, (data, request), queue);
        log::note_open(turn.span, &peer);
        tracing::debug!(id = %peer.id(), path = peer.path(), "open");
        let compression = peer.compression();
        let endpoint = Endpoint::new(Server, compression.is_some());
        let takeover = compression.and_then(Takeover::of);
        let has_halt = counted.is_some() || takeover.is_some();
        let halt = has_halt.then(|| Box::new(Halt { counted, takeover, ..Halt::default() }));
        Box::new(Self { endpoint, peer, halt })
    }

    /// Tells the handler.
    pub(super) fn begin<H: Handler>(&mut self, turn: &mut Turn<'_, H>) {
        turn.hub.begin_call();
        let codec = codec(&self.peer, self.halt.as_deref(), turn.hub);
        let link = self.endpoint.link(Out::gather(turn.output), codec.as_ref());
        let mut context = Context::new(link, &self.peer, turn.hub);
        turn.shared.handler.opened(&mut context);
        self.take_obstacles(turn);
    }

    /// Tells whether something has to happen elsewhere before the handler is called again.
    pub(super) fn is_held_up(&self) -> bool {
        self.halt.as_ref().is_some_and(|halt| !halt.obstacles.is_empty())
    }

    /// Tells whether something was read that has not been handled.
    pub(super) fn has_unhandled(&self) -> bool {
        self.halt.as_ref().is_some_and(|halt| halt.unhandled.is_some())
    }

    pub(super) fn is_ended(&self) -> bool {
        self.halt.as_ref().is_some_and(|halt| halt.end.is_some())
    }

    /// Ends the connection, if nothing else has.
    pub(super) fn end_with(&mut self, closed: Closed) {
        let halt = self.halt.get_or_insert_default();
        if halt.end.is_none() {
            // Nobody will handle it.
            halt.obstacles.clear();
            if let Some(unhandled) = halt.unhandled.take() {
                buffer::give(unhandled);
            }
            halt.end = Some(closed);
        }
    }

    /// Returns why the connection ends, if that can be: all `is_sent`, or nothing can be sent any
    /// more.
    pub(super) fn take_end(&mut self, is_sent: bool) -> Option<Closed> {
        let halt = self.halt.as_mut()?;
        halt.end.take_if(|closed| is_sent || closed.is_of_tcp())
    }

    /// Tells whether the closing has begun.
    pub(super) fn is_closing(&self) -> bool {
        let outbox = &self.peer.outbox;
        self.is_ended()
            || self.endpoint.is_close_sent()
            // An order to close waits there.
            || (outbox.is_waiting() && outbox.status() != Status::Open)
    }

    /// Appends a ping to the output.
    pub(super) fn ping(&mut self, output: &mut Vec<u8>) {
        // Behind a close there is none, and no need.
        let _ = self.endpoint.link(Out::gather(output), None).ping(b"");
    }

    /// Keeps what came behind the request.
    pub(super) fn keep(&mut self, early: &[u8]) {
        if !early.is_empty() {
            self.peer.counters.bytes_received.add(early.len());
            let unhandled = &mut self.halt.get_or_insert_default().unhandled;
            unhandled.get_or_insert_with(buffer::take).append(early);
        }
    }

    /// Handles received bytes, of which the first `of_rest` were read to where a message is joined;
    /// appends the replies to the output. What has to wait is kept.
    pub(super) fn receive<H: Handler>(
        &mut self,
        mut of_rest: usize,
        bytes: &mut [u8],
        socket: &mut Socket,
        turn: &mut Turn<'_, H>,
    ) {
        self.peer.counters.bytes_received.add(of_rest + bytes.len());
        let mut at = 0;
        while of_rest > 0 || at < bytes.len() {
            at += self.receive_some(of_rest, &mut bytes[at..], socket, turn);
            of_rest = 0;
            if self.is_ended() || at == bytes.len() {
                break;
            }
            // So much has been answered that it has to leave first; or the handler holds the rest.
            self.write(socket, turn.output);
            if self.is_held_up() || socket.has_unsent() {
                let unhandled = &mut self.halt.get_or_insert_default().unhandled;
                unhandled.get_or_insert_with(buffer::take).append(&bytes[at..]);
                break;
            }
        }
    }

    /// Handles what was read and kept, as far as it goes now.
    pub(super) fn go_on<H: Handler>(&mut self, socket: &mut Socket, turn: &mut Turn<'_, H>) {
        let Some(mut unhandled) = self.halt.as_mut().and_then(|halt| halt.unhandled.take()) else {
            return;
        };
        while !unhandled.as_bytes().is_empty() {
            let n = self.receive_some(0, unhandled.as_mut_bytes(), socket, turn);
            unhandled.consume(n);
            self.write(socket, turn.output);
            if self.is_ended() {
                break;
            }
            if self.is_held_up() || socket.has_unsent() {
                if !unhandled.as_bytes().is_empty() {
                    self.halt.get_or_insert_default().unhandled = Some(unhandled);
                    return;
                }
                break;
            }
        }
        buffer::give(unhandled);
    }

    /// Handles bytes until they end, or something has to leave or to happen before the next message.
    /// Returns how many were handled of those behind the rest.
    fn receive_some<H: Handler>(
        &mut self,
        of_rest: usize,
        bytes: &mut [u8],
        socket: &mut Socket,
        turn: &mut Turn<'_, H>,
    ) -> usize {
        turn.hub.begin_call();
        let Self { endpoint, peer, halt } = self;
        let hub = &*turn.hub;
        let codec = codec(peer, halt.as_deref(), hub);
        let mut io = Ok(());
        let mut send = |pieces: [&[u8]; 3]| {
            peer.counters.bytes_sent.add(pieces.iter().map(|piece| piece.len()).sum());
            if io.is_ok() {
                io = socket.send(pieces);
            }
            socket.unsent_len()
        };
        let waiting = Cell::new(0);
        let out = &mut Out::with_direct(turn.output, &mut send, &waiting);
        let (mut n_messages, mut end, mut unanswered) = (0, None, None);
        let on = |received: Received<'_, Message<'_>>, link: &mut Link<'_, Server>| {
            match received {
                Received::Data(message) => {
                    n_messages += 1;
                    if let Some(history) = peer.history_of() {
                        let (kind, bytes) = (message.kind(), message.as_bytes());
                        history.add(crate::hub::history::Sender::Peer, kind, bytes);
                    }
                    let mut context = Context::new(link.reborrow(), peer, hub);
                    turn.shared.handler.message(message, &mut context);
                    if hub.call().is_some_and(Call::has_found) {
                        return ControlFlow::Break(());
                    }
                }
                Received::Ping(_) | Received::Pong(_) => {}
                Received::Close(close) => {
                    let (code, reason) = (close.code(), close.reason().into());
                    let closed = Some(Closed::ByPeer { code, reason });
                    if !link.is_close_sent() {
                        let mut context = Context::new(link.reborrow(), peer, hub);
                        turn.shared.handler.closing(close, &mut context);
                        if hub.call().is_some_and(Call::has_found) && !link.is_close_sent() {
                            link.answer_later();
                            unanswered = closed;
                            return ControlFlow::Break(());
                        }
                    }
                    end = closed;
                }
            }
            if link.is_full() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let len = bytes.len();
        let limit = turn.shared.rules.limits.message_bytes;
        let result = endpoint.receive(of_rest, bytes, limit, codec.as_ref(), out, on);
        peer.counters.messages_received.add(n_messages);
        if let Err(error) = result {
            endpoint.reply(out);
            end = Some(error.into());
        }
        if let Some(end) = end.or(io.err().map(Closed::Io)) {
            self.end_with(end);
        }
        if unanswered.is_some() {
            self.halt.get_or_insert_default().unanswered = unanswered;
        }
        self.take_obstacles(turn);
        result.unwrap_or(len)
    }

    /// Gives back the memory for what keeps it from going on, when nothing does any more.
    pub(super) fn tidy(&mut self) {
        self.halt.take_if(|halt| {
            let goes_on = halt.end.is_none() && halt.obstacles.is_empty();
            let waits = halt.unhandled.is_some() || halt.unanswered.is_some();
            goes_on && !waits && halt.counted.is_none() && halt.takeover.is_none()
        });
    }

    /// Sends what others have put into the outbox, as far as the socket takes it. Tells whether
    /// something still waits there.
    pub(super) fn send_outbox<H>(&mut self, socket: &mut Socket, turn: &mut Turn<'_, H>) -> bool {
        while !socket.has_unsent() && self.peer.outbox.is_waiting() && self.endpoint.may_begin() {
            let close = self.peer.outbox.take(PIECE, turn.frames);
            for frame in &*turn.frames {
                self.peer.note_sent(frame);
            }
            if let Some(codec) = codec(&self.peer, self.halt.as_deref(), turn.hub)
                && turn.frames.iter().any(|frame| is_deflated(frame))
            {
                codec.forget_sent();
            }
            match &turn.frames[..] {
                // One that is alone goes from where it lies.
                [frame] if turn.output.is_empty() => {
                    self.peer.counters.bytes_sent.add(frame.len());
                    if let Err(error) = socket.send([frame]) {
                        self.end_with(Closed::Io(error));
                    }
                }
                frames => frames.iter().for_each(|frame| turn.output.extend_from_slice(frame)),
            }
            turn.frames.clear();
            if let Some(close) = close {
                // Only a close that was sent already could stand against it.
                let _ = self.endpoint.link(Out::gather(turn.output), None).close(close.lend());
            }
            self.write(socket, turn.output);
            if self.is_ended() {
                break;
            }
        }
        self.peer.outbox.is_waiting()
    }

    /// Answers the peer's close, once the handler does not hold that any more and all that was sent before has
    /// been taken; unless another close was sent meanwhile.
    pub(super) fn answer_close(&mut self, socket: &mut Socket, output: &mut Vec<u8>) {
        if self.halt.as_ref().is_none_or(|halt| halt.unanswered.is_none()) {
            return;
        }
        // What waits in the midst of a message of the handler's own, waits for ever.
        let waits = self.peer.outbox.is_waiting() && self.endpoint.may_begin();
        if (waits || self.is_held_up()) && !self.endpoint.is_close_sent() {
            return;
        }
        let Some(end) = self.halt.as_mut().and_then(|halt| halt.unanswered.take()) else { return };
        self.endpoint.reply(&mut Out::gather(output));
        self.write(socket, output);
        self.end_with(end);
    }

    /// Sends the output.
    pub(super) fn write(&mut self, socket: &mut Socket, output: &mut Vec<u8>) {
        if output.is_empty() {
            return;
        }
        self.peer.counters.bytes_sent.add(output.len());
        if let Err(error) = socket.send([output]) {
            self.end_with(Closed::Io(error));
        }
        output.clear();
    }

    /// Lets the outbox know what the socket refuses. By the policies, what has no room behind it goes.
    pub(super) fn note_refused<H>(&self, refused: usize, turn: &Turn<'_, H>) {
        let peer = &self.peer;
        let cut = peer.outbox.refuse(refused, turn.shared.hub.room());
        if cut.n_dropped > 0 {
            peer.note_slow(cut.n_dropped, cut.closes);
        }
    }

    fn take_obstacles<H>(&mut self, turn: &Turn<'_, H>) {
        let found = turn.hub.call().map(Call::take).unwrap_or_default();
        if !found.is_empty() && !self.is_ended() && !self.endpoint.is_close_sent() {
            self.halt.get_or_insert_default().obstacles.extend(found);
            self.look_at_obstacles(turn);
        }
    }

    /// Keeps what is still in the way; the worker is woken when something is not any more.
    pub(super) fn look_at_obstacles<H>(&mut self, turn: &Turn<'_, H>) {
        let Some(halt) = &mut self.halt else { return };
        if !halt.obstacles.is_empty() {
            let (queue, token) = (Arc::clone(turn.queue), self.peer.token());
            let waker = Waker::from(Arc::new(WakeOne { queue, token }));
            halt.obstacles.retain_mut(|obstacle| obstacle.wait(&waker));
        }
    }
}

/// So much of the outbox is offered to the socket at a time, in bytes.
const PIECE: usize = 64 * 1024;
