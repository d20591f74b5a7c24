//! A thread that serves its share of the connections, from one pair of buffers.

use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token, Waker};
use slab::Slab;
use wirelet::Deadline;

use crate::hub::wake::{Bell, Letter, Mail, Order};
use crate::io::buffer;
use crate::io::stream::Plain;
use crate::server::handler::Handler;
use crate::server::listener::Door;
use crate::server::service::Shared;
use crate::server::session::Session;

/// What a turn of a connection works with.
pub(crate) struct Turn<'t, H> {
    pub(crate) shared: &'t Shared<H>,
    pub(crate) mail: &'t Arc<Mail>,
    /// The connection's place.
    pub(crate) slot: usize,
    /// What a read is parsed in.
    pub(crate) input: &'t mut [u8],
    /// What the replies to it are gathered in.
    pub(crate) output: &'t mut Vec<u8>,
    /// Since the worker began, at the beginning of the turn.
    pub(crate) now: Duration,
}

/// A worker before and while it runs.
pub(crate) struct Worker<H> {
    poll: Poll,
    doors: Vec<Door>,
    /// Accepting failed; this is when to try again.
    accept_again: Option<Duration>,
    sessions: Slab<Session>,
    /// Connections that have more to read than one turn took.
    unfinished: Vec<usize>,
    /// When a connection may have something to do by its clock.
    next_tick: Duration,
    mail: Arc<Mail>,
    order: Order,
    shared: Arc<Shared<H>>,
    input: Box<[u8]>,
    output: Vec<u8>,
    began: Instant,
    last_event: Duration,
}

impl<H: Handler> Worker<H> {
    pub(crate) fn new(mut doors: Vec<Door>, shared: Arc<Shared<H>>) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mail = Arc::new(Mail::new(Bell::Thread(Waker::new(poll.registry(), MAIL)?)));
        for (i, door) in doors.iter_mut().enumerate() {
            poll.registry().register(door.source(), door_token(i), Interest::READABLE)?;
        }
        Ok(Self {
            poll,
            doors,
            accept_again: None,
            sessions: Slab::new(),
            unfinished: Vec::new(),
            next_tick: Duration::MAX,
            mail,
            order: Order::Serve,
            shared,
            input: vec![0; RECEIVE_LEN].into_boxed_slice(),
            output: Vec::new(),
            began: Instant::now(),
            last_event: Duration::ZERO,
        })
    }

    pub(crate) fn mail(&self) -> Arc<Mail> {
        Arc::clone(&self.mail)
    }

    /// Serves until it is told to stop and has no connection left.
    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        let mut letters = Vec::new();
        while self.order == Order::Serve || !self.sessions.is_empty() {
            match self.poll.poll(&mut events, self.timeout()) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return tracing::error!("a worker ends: {error}"),
            }
            let now = self.began.elapsed();
            if !events.is_empty() || !self.unfinished.is_empty() {
                self.last_event = now;
            } else if self.last_event + SPARE_TIME <= now {
                buffer::drop_all();
            }
            let n_unfinished = self.unfinished.len();
            for i in 0..n_unfinished {
                self.turn(self.unfinished[i], now, Session::go_on);
            }
            self.unfinished.drain(..n_unfinished);
            let mut accepts = self.accept_again.is_some_and(|again| again <= now);
            for event in &events {
                match event.token() {
                    MAIL => {}
                    Token(token) if token > door_token(self.doors.len()).0 => accepts = true,
                    Token(slot) => self.turn(slot, now, |session, turn| session.ready(event, turn)),
                }
            }
            self.take_mail(&mut letters, now);
            // Behind all that is about connections that have ended, whose slots are taken again.
            if accepts {
                self.accept(now);
            }
            if self.next_tick <= now {
                self.tick(now);
            }
        }
    }

    fn timeout(&self) -> Option<Duration> {
        if !self.unfinished.is_empty() {
            return Some(Duration::ZERO);
        }
        let mut next = self.next_tick.min(self.accept_again.unwrap_or(Duration::MAX));
        if !buffer::is_empty() {
            next = next.min(self.last_event + SPARE_TIME);
        }
        // A millisecond is what the system counts in; less would be a busy wait.
        let wait = |next: Duration| next.saturating_sub(self.began.elapsed()) + MILLISECOND;
        (next < Duration::MAX).then(|| wait(next))
    }

    /// Gives a connection its turn, and takes it away if that was its last.
    fn turn(
        &mut self,
        slot: usize,
        now: Duration,
        run: impl FnOnce(&mut Session, &mut Turn<'_, H>),
    ) {
        let Some(session) = self.sessions.get_mut(slot) else { return };
        self.output.clear();
        self.output.shrink_to(OUTPUT_KEPT);
        let mut turn = Turn {
            shared: &self.shared,
            mail: &self.mail,
            slot,
            input: &mut self.input,
            output: &mut self.output,
            now,
        };
        // A handler that panics costs its connection, not those that the worker serves besides.
        let result = catch_unwind(AssertUnwindSafe(|| run(session, &mut turn)));
        if result.is_err() {
            let abandoned = AssertUnwindSafe(|| session.abandon(&self.shared));
            let _ = catch_unwind(abandoned);
        }
        if session.is_over() {
            self.sessions.remove(slot);
            self.shared.n_connections.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        if session.wants_turn() {
            self.unfinished.push(slot);
        }
        self.next_tick = self.next_tick.min(now.saturating_add(session.remaining(now).max(TICK)));
    }

    fn take_mail(&mut self, letters: &mut Vec<Letter>, now: Duration) {
        let order = self.mail.take(letters);
        for Letter { slot, id } in letters.drain(..) {
            if self.sessions.get(slot).is_some_and(|session| session.id() == id) {
                self.turn(slot, now, Session::take_mail);
            }
        }
        if order == self.order {
            return;
        }
        self.order = order;
        self.doors.clear();
        self.accept_again = None;
        if order == Order::End {
            for (_, session) in &mut self.sessions {
                session.give_up_handshake();
            }
            self.tick(now);
        }
    }

    fn accept(&mut self, now: Duration) {
        self.accept_again = None;
        for i in 0..self.doors.len() {
            while self.accept_again.is_none() {
                match self.doors[i].accept() {
                    Ok((plain, remote_addr)) => {
                        if let Err(error) = self.begin(i, plain, remote_addr, now) {
                            tracing::debug!(?remote_addr, "dropped: {error}");
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => {
                        // Such as no file descriptor left: others must end before it helps to go on.
                        tracing::warn!("accepting a connection failed, pausing: {error}");
                        self.accept_again = Some(now + ACCEPT_PAUSE);
                    }
                }
            }
        }
    }

    /// Begins a connection, or drops it if not even a refusal can be afforded.
    fn begin(
        &mut self,
        door: usize,
        plain: Plain,
        remote_addr: Option<SocketAddr>,
        now: Duration,
    ) -> io::Result<()> {
        let limit = self.shared.limits.connections;
        let n = self.shared.n_connections.load(Ordering::Relaxed);
        if n >= limit.saturating_add(REFUSALS) {
            return Err(io::Error::other("too many connections"));
        }
        let stream = self.doors[door].begin(plain)?;
        let entry = self.sessions.vacant_entry();
        let handshake_time = self.shared.limits.handshake_time;
        let deadline = Deadline::after(handshake_time, now);
        let mut session = Session::new(stream, remote_addr, n >= limit, deadline);
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Some(source) = session.stream().source() {
            self.poll.registry().register(source, Token(entry.key()), interest)?;
        }
        entry.insert(session);
        self.shared.n_connections.fetch_add(1, Ordering::Relaxed);
        self.next_tick = self.next_tick.min(now.saturating_add(handshake_time.max(TICK)));
        Ok(())
    }

    /// Lets every connection look at its clock.
    fn tick(&mut self, now: Duration) {
        self.next_tick = Duration::MAX;
        for slot in 0..self.sessions.capacity() {
            self.turn(slot, now, Session::tick);
        }
    }
}

/// One read fills at most this much, and the replies to it leave in one write.
const RECEIVE_LEN: usize = 256 * 1024;

/// A send buffer that has grown beyond this is given back.
const OUTPUT_KEPT: usize = 256 * 1024;

/// How many events are taken at a time.
const EVENTS: usize = 1024;

/// How fine time is cut: connections look at their clocks at most this often.
const TICK: Duration = Duration::from_millis(20);

/// After so long without an event, what is kept for messages is given back.
const SPARE_TIME: Duration = Duration::from_secs(1);

const MILLISECOND: Duration = Duration::from_millis(1);

/// How long to wait after an accept that failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const MAIL: Token = Token(usize::MAX);

/// Below that of the mail, and above all slots.
const fn door_token(i: usize) -> Token {
    Token(usize::MAX - 1 - i)
}

/// How many connections beyond the limit are told so at a time; others are dropped.
const REFUSALS: usize = 64;
