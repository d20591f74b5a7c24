//! An end that works in the rings of its socket.

use smoltcp::socket::tcp;
use wirelet::{Chunk, Client, CloseCode, Random, Received, Role, Server};

use super::hearing::Hearing;
use super::{CLIENT_PORT, LIMIT, PORT, Plan, REQUEST, Reason, RingMemory, SERVER_ENDPOINT, Seen};
use crate::Fragments;
use crate::link::LinkEnd;
use crate::stack::Stack;
use crate::zero_buffer::{Accepting, Connecting, WebSocket};

pub(super) fn connect(
    stack: &mut Stack<'_, LinkEnd>,
    plan: &Plan<'_>,
    memory: RingMemory,
    mut random: impl Random,
) -> Result<Seen, Reason> {
    stack.connect(SERVER_ENDPOINT, CLIENT_PORT, LIMIT)?;
    let mut connecting = Connecting::start(stack.socket(), REQUEST, &mut random)?;
    stack.until(LIMIT, |socket| connecting.poll(socket))?;
    End::new(Client(random), plan, memory).run(stack, |end, socket| {
        end.step(socket, |said, heard| said == heard)?;
        if !end.is_closing && end.has_said_all() && end.hearing.has_all() {
            end.is_closing = end.ws.close(socket, CloseCode::NORMAL_CLOSURE)?;
        }
        Ok(())
    })
}

pub(super) fn serve(
    stack: &mut Stack<'_, LinkEnd>,
    plan: &Plan<'_>,
    memory: RingMemory,
) -> Result<Seen, Reason> {
    stack.accept(PORT, LIMIT)?;
    let mut accepting = Accepting::default();
    stack.until(LIMIT, |socket| accepting.poll(socket))?;
    End::new(Server, plan, memory)
        .run(stack, |end, socket| end.step(socket, |said, heard| said < heard))
}

/// A WebSocket and its application.
struct End<'p, Ro> {
    ws: WebSocket<Ro>,
    plan: Plan<'p>,
    hearing: Hearing<'p>,
    n_said: usize,
    saying: Option<Saying<'p>>,
    is_closing: bool,
    memory: RingMemory,
    wrapped: usize,
}

/// A message on its way out.
struct Saying<'p> {
    rest: Fragments<'p>,
    ping_is_due: bool,
}

impl<'p, Ro: Role> End<'p, Ro> {
    fn new(role: Ro, plan: &Plan<'p>, memory: RingMemory) -> Self {
        Self {
            ws: WebSocket::new(role),
            plan: *plan,
            hearing: Hearing::new(plan),
            n_said: 0,
            saying: None,
            is_closing: false,
            memory,
            wrapped: 0,
        }
    }

    /// Does its `part` whenever something has happened, until TCP is closed.
    fn run(
        mut self,
        stack: &mut Stack<'_, LinkEnd>,
        part: impl Fn(&mut Self, &mut tcp::Socket<'_>) -> Result<(), Reason>,
    ) -> Result<Seen, Reason> {
        let mut is_over = false;
        while !is_over {
            // The limit begins anew with each message.
            let n = self.n_said + self.hearing.checker.n_whole();
            is_over = stack.until(LIMIT, |socket| {
                part(&mut self, socket)?;
                let is_over = self.ws.is_over(socket);
                let has_moved = n < self.n_said + self.hearing.checker.n_whole();
                Ok::<_, Reason>((is_over || has_moved).then_some(is_over))
            })?;
        }
        if !self.hearing.is_closed || !self.has_said_all() {
            return Err("the connection has ended too early".into());
        }
        stack.close(LIMIT)?;
        Ok(Seen {
            pongs: self.hearing.pings.n_answered(),
            wrapped: self.wrapped,
            ..Seen::default()
        })
    }

    /// Hears what has come and says what there is room for. Where the two take turns, `may_say`
    /// decides by how many messages have been said and heard.
    fn step(
        &mut self,
        socket: &mut tcp::Socket<'_>,
        may_say: impl Fn(usize, usize) -> bool,
    ) -> Result<(), Reason> {
        self.hear(socket)?;
        while !self.plan.in_turns || may_say(self.n_said, self.hearing.checker.n_whole()) {
            if !self.say(socket)? {
                break;
            }
        }
        Ok(())
    }

    fn hear(&mut self, socket: &mut tcp::Socket<'_>) -> Result<(), Reason> {
        let Self { hearing, memory, wrapped, .. } = self;
        let mut outcome = Ok(());
        self.ws.receive(socket, |received| {
            if outcome.is_err() {
                return;
            }
            outcome = hearing.take(received);
            if let Received::Data(chunk) = received {
                let place = Place::of(&chunk, memory);
                *wrapped += usize::from(place == Place::CutByTheEnd);
                if place == Place::Elsewhere {
                    outcome = Err("a chunk was copied out of the ring".into());
                }
            }
        })?;
        outcome
    }

    /// Goes on with a message; tells whether it is all out.
    fn say(&mut self, socket: &mut tcp::Socket<'_>) -> Result<bool, Reason> {
        let saying = match &mut self.saying {
            Some(saying) => saying,
            None => match self.plan.own.lines().get(self.n_said) {
                Some(line) => self
                    .saying
                    .insert(Saying { rest: line.fragments(), ping_is_due: line.has_ping() }),
                None => return Ok(false),
            },
        };
        // Before the message; if the last ping is not answered yet, between two fragments.
        let pings = &mut self.hearing.pings;
        if saying.ping_is_due && pings.all_answered() && self.ws.ping(socket, &pings.payload())? {
            pings.sent();
            saying.ping_is_due = false;
        }
        let is_out = self.ws.send(socket, &mut saying.rest)?;
        if is_out {
            self.n_said += 1;
            self.saying = None;
        }
        Ok(is_out)
    }

    fn has_said_all(&self) -> bool {
        self.n_said == self.plan.own.lines().len()
    }
}

/// Where a chunk lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    InTheRing,
    /// Up to the last byte of the ring, and its frame goes on at the first.
    CutByTheEnd,
    Elsewhere,
}

impl Place {
    fn of(chunk: &Chunk<'_>, memory: &RingMemory) -> Self {
        let bytes = chunk.as_bytes().as_ptr_range();
        let (start, end) = (bytes.start.addr(), bytes.end.addr());
        if !chunk.as_bytes().is_empty() && (start < memory.start || end > memory.end) {
            Self::Elsewhere
        } else if end == memory.end && chunk.remaining() > 0 {
            Self::CutByTheEnd
        } else {
            Self::InTheRing
        }
    }
}
