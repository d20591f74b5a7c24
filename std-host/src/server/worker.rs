//! A thread that serves its share of the connections, from one pair of buffers.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Waker};
use slab::Slab;

use crate::hub::Hub;
use crate::hub::endings::Ending;
use crate::hub::wake::{Accepted, Bell, Order, Token, WakeQueue, Woken};
use crate::io::buffer;
use crate::io::stream::Stream;
use crate::server::hand_over;
use crate::server::handler::Handler;
use crate::server::handshakes::Handshakes;
use crate::server::listener::Door;
use crate::server::log;
use crate::server::session::Session;
use crate::server::shared::{Place, Shared};
use crate::server::timer::{Millis, NEVER, Timers};
use crate::server::turn::Turn;

/// A worker before and while it runs.
pub(crate) struct Worker<H> {
    poll: Poll,
    doors: Vec<Door>,
    /// Accepting failed; this is when to try again.
    accept_again: Millis,
    /// Those among whom it shares out what it accepts.
    team: Vec<Arc<WakeQueue>>,
    next_of_team: usize,
    sessions: Slab<Session>,
    /// The connections that have something to do, each once. Each has one turn in a round.
    run_queue: VecDeque<usize>,
    timers: Timers,
    handshakes: Handshakes,
    queue: Arc<WakeQueue>,
    order: Order,
    shared: Arc<Shared<H>>,
    hub: Hub,
    input: Box<[u8]>,
    output: Vec<u8>,
    frames: Vec<Arc<[u8]>>,
    began: Instant,
    last_event: Millis,
}

impl<H: Handler> Worker<H> {
    /// Makes one of `n` workers.
    pub(crate) fn new(mut doors: Vec<Door>, shared: Arc<Shared<H>>, n: usize) -> io::Result<Self> {
        let poll = Poll::new()?;
        let bell = Bell::Thread(Waker::new(poll.registry(), WOKEN)?);
        let queue = Arc::new(WakeQueue::new(bell));
        for (i, door) in doors.iter_mut().enumerate() {
            poll.registry().register(door.source(), door_token(i), Interest::READABLE)?;
        }
        Ok(Self {
            poll,
            doors,
            accept_again: NEVER,
            team: vec![Arc::clone(&queue)],
            next_of_team: 0,
            sessions: Slab::new(),
            run_queue: VecDeque::new(),
            timers: Timers::default(),
            handshakes: Handshakes::new(shared.rules.limits.handshakes, n),
            queue,
            order: Order::Serve,
            hub: shared.hub.for_calls(),
            shared,
            input: vec![0; RECEIVE_LEN].into_boxed_slice(),
            output: Vec::new(),
            frames: Vec::new(),
            began: Instant::now(),
            last_event: 0,
        })
    }

    pub(crate) fn queue(&self) -> Arc<WakeQueue> {
        Arc::clone(&self.queue)
    }

    /// Shares out what it accepts from now on, in turn.
    pub(crate) fn share_among(&mut self, team: &[Arc<WakeQueue>]) {
        self.team = team.to_vec();
        // Each begins with itself.
        self.next_of_team =
            team.iter().position(|queue| Arc::ptr_eq(queue, &self.queue)).unwrap_or_default();
    }

    /// Serves until it is told to stop and has no connection left.
    pub(crate) fn run(mut self) {
        if let Err(error) = self.serve() {
            tracing::error!("a worker ends: {error}");
            for (_, session) in &mut self.sessions {
                abandon(session, &self.shared);
                if session.is_let_in() {
                    self.shared.count.let_out();
                }
                self.shared.count.leave();
            }
        }
    }

    fn serve(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        let mut woken = Woken::default();
        while self.order == Order::Serve || !self.sessions.is_empty() {
            match self.poll.poll(&mut events, self.timeout()) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            let now = self.now();
            if !events.is_empty() || !self.run_queue.is_empty() {
                self.last_event = now;
            } else if self.last_event + SPARE_TIME <= now {
                buffer::drop_all();
                self.sessions.shrink_to_fit();
            }
            let mut accepts = self.accept_again <= now;
            for event in &events {
                match event.token() {
                    WOKEN => {}
                    mio::Token(token) if token > door_token(self.doors.len()).0 => accepts = true,
                    mio::Token(slot) => {
                        if let Some(session) = self.sessions.get_mut(slot) {
                            session.note_event(event);
                            self.enqueue(slot);
                        }
                    }
                }
            }
            self.queue.take(&mut woken);
            for Token { slot, id } in woken.tokens.drain(..) {
                if let Some(session) = self.sessions.get_mut(slot)
                    && session.id() == id
                {
                    session.note_woken();
                    self.enqueue(slot);
                }
            }
            for _ in 0..self.run_queue.len() {
                self.next_turn(now);
            }
            // Behind all that is about connections that have ended, whose slots are taken again.
            for accepted in woken.accepted.drain(..) {
                self.begin(accepted, now);
            }
            if accepts {
                self.accept(now);
            }
            self.obey(woken.order);
            while let Some((at, slot)) = self.timers.pop(now) {
                self.expire(at, slot, now);
            }
            for sign in woken.asked.drain(..) {
                // Who has asked may have given up.
                let _ = sign.send(());
            }
        }
        Ok(())
    }

    fn now(&self) -> Millis {
        Millis::try_from(self.began.elapsed().as_millis()).unwrap_or(NEVER)
    }

    fn timeout(&self) -> Option<Duration> {
        if !self.run_queue.is_empty() {
            return Some(Duration::ZERO);
        }
        let mut next = self.timers.next().unwrap_or(NEVER).min(self.accept_again);
        if !buffer::is_empty() {
            next = next.min(self.last_event + SPARE_TIME);
        }
        // The time that has begun is counted as if it were over.
        let wait = |next: Millis| Duration::from_millis(next.saturating_sub(self.now()) + 1);
        (next < NEVER).then(|| wait(next))
    }

    /// Lets a connection stand in the run queue, once.
    fn enqueue(&mut self, slot: usize) {
        if let Some(session) = self.sessions.get_mut(slot)
            && !session.is_queued
        {
            session.is_queued = true;
            self.run_queue.push_back(slot);
        }
    }

    /// Gives the first in the run queue its turn.
    fn next_turn(&mut self, now: Millis) {
        let Some(slot) = self.run_queue.pop_front() else { return };
        if let Some(session) = self.sessions.get_mut(slot) {
            session.is_queued = false;
            self.turn(slot, now, Session::turn);
        }
    }

    /// Looks at a connection whose time has come, unless it was another's.
    fn expire(&mut self, at: Millis, slot: usize, now: Millis) {
        let Some(session) = self.sessions.get_mut(slot) else { return };
        if session.armed != at {
            return;
        }
        session.armed = NEVER;
        if session.due(&self.shared.times) <= now {
            self.turn(slot, now, Session::expire);
        } else {
            self.arm(slot);
        }
    }

    /// Sets the alarm for a connection, unless there is one before.
    fn arm(&mut self, slot: usize) {
        let Some(session) = self.sessions.get_mut(slot) else { return };
        let due = session.due(&self.shared.times);
        if due < session.armed {
            session.armed = due;
            self.timers.arm(due, slot);
            let sessions = &self.sessions;
            self.timers.tidy(sessions.len(), |at, slot| {
                sessions.get(slot).is_some_and(|session| session.armed == at)
            });
        }
    }

    /// Gives a connection a turn, and takes it away if that was its last.
    fn turn(&mut self, slot: usize, now: Millis, run: impl FnOnce(&mut Session, &mut Turn<'_, H>)) {
        let Some(session) = self.sessions.get_mut(slot) else { return };
        self.output.clear();
        self.output.shrink_to(OUTPUT_KEPT);
        self.frames.clear();
        let was_not_open = session.not_open_since();
        let span = session.span();
        let _in_span = span.enter();
        let mut turn = Turn {
            shared: &self.shared,
            hub: &mut self.hub,
            queue: &self.queue,
            slot,
            input: &mut self.input,
            output: &mut self.output,
            frames: &mut self.frames,
            span: &span,
            now,
        };
        // A handler that panics costs its connection, not those that the worker serves besides.
        let result = catch_unwind(AssertUnwindSafe(|| run(session, &mut turn)));
        if result.is_err() {
            self.hub.begin_call();
            abandon(session, &self.shared);
        }
        self.handshakes.note(slot, was_not_open, session.not_open_since());
        if session.is_over() {
            if session.is_let_in() {
                self.shared.count.let_out();
            }
            self.sessions.remove(slot);
            self.shared.count.leave();
            return;
        }
        if session.is_handed_over() {
            if let Err(error) = self.hand_over(slot) {
                tracing::warn!("a connection is lost on the way to its task: {error}");
            }
            return;
        }
        if session.wants_turn() {
            self.enqueue(slot);
        }
        self.arm(slot);
    }

    /// Gives a connection to a task.
    fn hand_over(&mut self, slot: usize) -> io::Result<()> {
        let mut session = self.sessions.remove(slot);
        // From here on it leaves with its place, which takes also what it is counted by.
        let mut place = Place::taken(&self.shared, None);
        if let Some(source) = session.stream().source() {
            self.poll.registry().deregister(source)?;
        }
        if let (Some(serve), Some((stream, mut accepted, early))) =
            (&self.shared.serve, session.into_parts())
        {
            place.counted = accepted.take_counted();
            let (bounds, ties) = place.for_connection();
            serve(hand_over::connection(stream, early, accepted, bounds, ties)?);
        }
        Ok(())
    }

    fn obey(&mut self, order: Order) {
        if order == self.order {
            return;
        }
        self.order = order;
        self.doors.clear();
        self.accept_again = NEVER;
        if order == Order::End {
            let waiting: Vec<_> = self.sessions.iter().map(|(slot, _)| slot).collect();
            let now = self.now();
            for slot in waiting {
                self.turn(slot, now, |session, turn| session.give_up_handshake(turn));
            }
        }
    }

    fn accept(&mut self, now: Millis) {
        self.accept_again = NEVER;
        for i in 0..self.doors.len() {
            while self.accept_again == NEVER {
                match self.doors[i].accept() {
                    Ok((stream, remote_addr)) => {
                        let accepted = Accepted { stream, remote_addr };
                        if self.doors[i].is_shared {
                            self.share_out(accepted, now);
                        } else {
                            self.begin(accepted, now);
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    // Whoever is silent keeps nobody out by the open files that it takes, either. Those that have
                    // just come are given the time to speak.
                    Err(error)
                        if is_out_of_files(&error)
                            && self.drop_oldest(now.saturating_sub(GIVES_WAY_AFTER), now) => {}
                    Err(error) => {
                        // Such as no file descriptor left: others must end before it helps to go on.
                        tracing::warn!("accepting a connection failed, pausing: {error}");
                        self.accept_again = now + ACCEPT_PAUSE;
                    }
                }
            }
        }
    }

    /// Lets the next of the team serve a connection.
    fn share_out(&mut self, accepted: Accepted, now: Millis) {
        let next = &self.team[self.next_of_team % self.team.len()];
        self.next_of_team = (self.next_of_team + 1) % self.team.len();
        if Arc::ptr_eq(next, &self.queue) {
            self.begin(accepted, now);
        } else {
            next.hand_over(accepted);
        }
    }

    /// Begins a connection, for which the oldest that is not open may have to go.
    fn begin(&mut self, accepted: Accepted, now: Millis) {
        let Accepted { stream, remote_addr } = accepted;
        if self.order == Order::End {
            return self.shared.hub.count_ending(Ending::Shutdown);
        }
        let proxies = &self.shared.rules.proxies;
        if proxies.has_header && !proxies.may_send_header(remote_addr) {
            self.shared.hub.count_ending(Ending::UntrustedProxy);
            let why = "only trusted proxies may connect, which begin with a PROXY header";
            let hint = "Builder::trusted_proxies, --trusted-proxy ADDRESS";
            return log::dropped(why, hint, None, remote_addr, &self.shared.refusals);
        }
        self.make_room(now);
        if let Err(error) = self.register(stream, remote_addr, now) {
            self.shared.hub.count_ending(Ending::IoError);
            tracing::debug!(?remote_addr, "dropped: {error}");
        }
    }

    /// Drops the oldest handshakes, if there are too many.
    fn make_room(&mut self, now: Millis) {
        while self.handshakes.is_full() {
            if !self.drop_oldest(NEVER, now) {
                break;
            }
        }
    }

    /// Drops the oldest connection that is not open, if it is so since this time or longer.
    fn drop_oldest(&mut self, latest: Millis, now: Millis) -> bool {
        let sessions = &self.sessions;
        let is = |slot, since| is_not_open_since(sessions, slot, since);
        let oldest = self.handshakes.oldest(latest, is);
        if let Some(slot) = oldest {
            self.turn(slot, now, |session, turn| session.give_way(turn));
        }
        oldest.is_some()
    }

    fn register(
        &mut self,
        stream: Stream,
        remote_addr: Option<SocketAddr>,
        now: Millis,
    ) -> io::Result<()> {
        let entry = self.sessions.vacant_entry();
        let slot = entry.key();
        let mut session = Session::new(stream, remote_addr, &self.shared.rules.proxies, now);
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Some(source) = session.stream().source() {
            self.poll.registry().register(source, mio::Token(slot), interest)?;
        }
        self.handshakes.note(slot, None, session.not_open_since());
        entry.insert(session);
        let sessions = &self.sessions;
        self.handshakes.tidy(|slot, since| is_not_open_since(sessions, slot, since));
        self.shared.count.enter();
        self.arm(slot);
        Ok(())
    }
}

/// Tells whether an entry of the handshakes is still somebody's.
fn is_not_open_since(sessions: &Slab<Session>, slot: usize, since: Millis) -> bool {
    sessions.get(slot).is_some_and(|session| session.not_open_since() == Some(since))
}

/// Ends a connection that nobody will serve any more; the handler that is told may panic.
fn abandon<H: Handler>(session: &mut Session, shared: &Shared<H>) {
    let _ = catch_unwind(AssertUnwindSafe(|| session.abandon(shared)));
}

/// One read fills at most this much, and the replies to it leave in one write.
const RECEIVE_LEN: usize = 256 * 1024;

/// A send buffer that has grown beyond this is given back.
const OUTPUT_KEPT: usize = 256 * 1024;

/// How many events are taken at a time.
const EVENTS: usize = 1024;

/// After so long without an event, what is kept for messages is given back.
const SPARE_TIME: Millis = 1000;

/// Tells whether the program, or the system, has no open file to spare.
fn is_out_of_files(error: &io::Error) -> bool {
    // EMFILE and ENFILE; WSAEMFILE.
    let codes: &[i32] = if cfg!(windows) { &[10024] } else { &[24, 23] };
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

/// A handshake that is so old gives way when there is no open file for another.
const GIVES_WAY_AFTER: Millis = 1000;

/// How long to wait after an accept that failed.
const ACCEPT_PAUSE: Millis = 100;

const WOKEN: mio::Token = mio::Token(usize::MAX);

/// Below that of the wake queue, and above all slots.
const fn door_token(i: usize) -> mio::Token {
    mio::Token(usize::MAX - 1 - i)
}
