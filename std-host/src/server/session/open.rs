//! A connection between its handshakes.

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use wirelet::{Action, Deadline, Header, Keepalive, Kind, Message, Opcode, Received, Server};

use crate::connection::Description;
use crate::endpoint::out::Out;
use crate::endpoint::{Endpoint, Link};
use crate::hub::Entry;
use crate::hub::history::Sender;
use crate::hub::peer::{Agreed, Peer, Status};
use crate::hub::wake::Letter;
use crate::io::socket::Socket;
use crate::server::answer::{Accept, Data};
use crate::server::handler::{Closed, Context, Handler};
use crate::server::hold::{self, Obstacle};
use crate::server::worker::Turn;

/// A connection that is in the hub.
pub(super) struct Open {
    pub(super) endpoint: Endpoint<Server>,
    clock: Clock,
    /// Boxed together, because most connections have none.
    halt: Option<Box<Halt>>,
    pub(super) entry: Entry,
}

/// Why no more is read.
enum Halt {
    /// Why the connection ends; what is unsent goes out first if it can.
    End(Closed),
    /// What has to get out of the way first.
    Obstacles(Vec<Obstacle>),
}

/// What a connection waits for by its clock.
enum Clock {
    Keepalive(Keepalive),
    /// A close frame was sent or ordered.
    Closing(Deadline),
}

/// What is known of a connection once it is accepted.
#[derive(Debug)]
pub(crate) struct Accepted {
    agreed: Agreed,
    data: Option<Data>,
    remote_addr: Option<SocketAddr>,
}

impl Accepted {
    pub(crate) fn new(path: String, accept: Accept, remote_addr: Option<SocketAddr>) -> Self {
        let subprotocol = accept.subprotocol.map(|name| name.into_owned().into());
        let agreed = Agreed { path: path.into(), subprotocol };
        Self { agreed, data: accept.data, remote_addr }
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
    /// Enters the hub, and tells the handler.
    pub(super) fn new<H: Handler>(accepted: Accepted, turn: &mut Turn<'_, H>) -> Box<Self> {
        let Accepted { agreed, data, remote_addr } = accepted;
        let limits = &turn.shared.limits;
        let mail = (Arc::clone(turn.mail), turn.slot);
        let entry = turn.shared.hub.enter(remote_addr, agreed, data, mail);
        let keepalive = Keepalive::new(limits.ping_interval, limits.ping_timeout, turn.now);
        let mut open = Box::new(Self {
            endpoint: Endpoint::new(Server, limits.message_bytes),
            clock: Clock::Keepalive(keepalive),
            halt: None,
            entry,
        });
        let peer = &open.entry.peer;
        tracing::debug!(id = %peer.id(), path = peer.path(), "open");
        let link = open.endpoint.link(Out::gather(turn.output));
        let mut context = Context::new(link, peer, &turn.shared.hub);
        let ((), obstacles) = hold::collect(|| turn.shared.handler.opened(&mut context));
        open.halt_for(obstacles, turn);
        open
    }

    /// Tells whether something has to happen elsewhere before more is read here.
    pub(super) fn is_held_up(&self) -> bool {
        matches!(self.halt.as_deref(), Some(Halt::Obstacles(_)))
    }

    /// Ends the connection, if nothing else has.
    pub(super) fn end_with(&mut self, closed: Closed) {
        if !self.is_ended() {
            self.halt = Some(Box::new(Halt::End(closed)));
        }
    }

    /// Returns why the connection ends, if that can be: all `is_sent`, or nothing can be sent any
    /// more.
    pub(super) fn take_end(&mut self, is_sent: bool) -> Option<Closed> {
        let halt = self.halt.take_if(|halt| match &**halt {
            Halt::End(closed) => is_sent || closed.is_of_tcp(),
            Halt::Obstacles(_) => false,
        });
        match *halt? {
            Halt::End(closed) => Some(closed),
            Halt::Obstacles(_) => None,
        }
    }

    fn is_ended(&self) -> bool {
        matches!(self.halt.as_deref(), Some(Halt::End(_)))
    }

    /// How long nothing has to happen.
    pub(super) fn remaining(&self, now: Duration) -> Duration {
        match &self.clock {
            Clock::Keepalive(keepalive) => keepalive.remaining(now),
            Clock::Closing(deadline) => deadline.remaining(now).unwrap_or_default(),
        }
    }

    /// Does what is due; appends it to the output.
    pub(super) fn tick<H>(&mut self, socket: &mut Socket, turn: &mut Turn<'_, H>) {
        let is_held_up = self.is_held_up();
        match &mut self.clock {
            Clock::Closing(_) => {
                socket.drop_unsent();
                self.end_with(Closed::TimedOut);
            }
            // What it says meanwhile is not listened to.
            Clock::Keepalive(keepalive) if is_held_up => keepalive.heard(turn.now),
            Clock::Keepalive(keepalive) => match keepalive.poll(turn.now) {
                Action::Wait(_) => {}
                Action::Ping => {
                    // No close has been sent, or its deadline would be running.
                    let _ = self.endpoint.link(Out::gather(turn.output)).ping(b"");
                }
                Action::Disconnect => self.end_with(Closed::TimedOut),
            },
        }
    }

    /// Handles received bytes, of which the first `of_rest` were read to where a message is joined;
    /// appends the replies to the output.
    pub(super) fn receive<H: Handler>(
        &mut self,
        of_rest: usize,
        bytes: &mut [u8],
        socket: &mut Socket,
        turn: &mut Turn<'_, H>,
    ) {
        if let Clock::Keepalive(keepalive) = &mut self.clock {
            keepalive.heard(turn.now);
        }
        let Self { endpoint, entry: Entry { peer, .. }, .. } = self;
        peer.counters.bytes_received.add(of_rest + bytes.len());
        let mut io = Ok(());
        let mut direct = |pieces: [&[u8]; 3]| {
            peer.counters.bytes_sent.add(pieces.iter().map(|piece| piece.len()).sum());
            if io.is_ok() {
                io = socket.send(pieces);
            }
        };
        let out = &mut Out::with_direct(turn.output, &mut direct);
        let (mut n_messages, mut end) = (0, None);
        let on = |received: Received<'_, Message<'_>>, link: &mut Link<'_, Server>| {
            match received {
                Received::Data(message) => {
                    n_messages += 1;
                    if let Some(history) = peer.history_of() {
                        history.add(Sender::Peer, message.kind(), message.as_bytes());
                    }
                    let mut context = Context::new(link.reborrow(), peer, &turn.shared.hub);
                    turn.shared.handler.message(message, &mut context);
                }
                Received::Ping(_) | Received::Pong(_) => {}
                Received::Close(close) => {
                    let (code, reason) = (close.code(), close.reason().into());
                    end = Some(Closed::ByPeer { code, reason });
                }
            }
            ControlFlow::Continue(())
        };
        let (result, obstacles) = hold::collect(|| endpoint.receive(of_rest, bytes, out, on));
        peer.counters.messages_received.add(n_messages);
        if let Err(error) = result {
            end = Some(error.into());
        }
        if let Some(end) = end.or(io.err().map(Closed::Io)) {
            self.end_with(end);
        }
        if self.is_ended() || self.endpoint.is_close_sent() {
            self.start_close_deadline(turn);
        } else {
            self.halt_for(obstacles, turn);
        }
    }

    /// Appends what others have put into the outbox, if it can go now. A frame that is alone goes from
    /// where it lies.
    pub(super) fn append_outbox<H>(&mut self, socket: &mut Socket, turn: &mut Turn<'_, H>) {
        // Later, or never.
        let waits = socket.has_unsent() || self.endpoint.is_close_sent();
        let (status, queue) = self.entry.peer.outbox.take_if(!waits);
        if status != Status::Open {
            self.start_close_deadline(turn);
        }
        let Some(queue) = queue else { return };
        let peer = &self.entry.peer;
        queue.frames.iter().for_each(|frame| note_sent(peer, frame));
        peer.counters.messages_sent.add(queue.frames.len());
        match &queue.frames[..] {
            [frame] if turn.output.is_empty() => {
                peer.counters.bytes_sent.add(frame.len());
                if let Err(error) = socket.send([frame]) {
                    self.end_with(Closed::Io(error));
                }
            }
            frames => frames.iter().for_each(|frame| turn.output.extend_from_slice(frame)),
        }
        let mut link = self.endpoint.link(Out::gather(turn.output));
        if let Some(close) = &queue.close {
            // Only a close that was sent already could stand against it.
            let _ = link.close(close.lend());
        }
        queue.wake();
    }

    /// Reads no more until these are out of the way.
    fn halt_for<H>(&mut self, new: Vec<Obstacle>, turn: &Turn<'_, H>) {
        match self.halt.as_deref_mut() {
            Some(Halt::End(_)) => return,
            _ if new.is_empty() => return,
            Some(Halt::Obstacles(obstacles)) => obstacles.extend(new),
            None => self.halt = Some(Box::new(Halt::Obstacles(new))),
        }
        self.wait(turn);
    }

    /// Keeps what is still in the way; a letter will come when something is not any more.
    pub(super) fn wait<H>(&mut self, turn: &Turn<'_, H>) {
        let letter = Letter { slot: turn.slot, id: Some(self.entry.peer.id()) };
        self.halt.take_if(|halt| match &mut **halt {
            Halt::Obstacles(obstacles) => {
                hold::wait(obstacles, turn.mail, letter);
                obstacles.is_empty()
            }
            Halt::End(_) => false,
        });
    }

    fn start_close_deadline<H>(&mut self, turn: &Turn<'_, H>) {
        self.entry.peer.outbox.begin_close();
        if let Clock::Keepalive(_) = self.clock {
            let limit = turn.shared.limits.close_time;
            self.clock = Clock::Closing(Deadline::after(limit, turn.now));
        }
    }
}

/// Keeps a frame that others have encoded in the history, if there is one.
fn note_sent(peer: &Peer, frame: &[u8]) {
    if let Some(history) = peer.history_of()
        && let Ok(Some((header, at))) = Header::decode(frame)
    {
        let kind = if header.opcode == Opcode::Text { Kind::Text } else { Kind::Binary };
        history.add(Sender::Server, kind, &frame[at..]);
    }
}
