//! One thread of the load: its connections, and the loop that serves them.

use std::io;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::{Events, Poll, Token};

use super::alarm::Alarm;
use super::echo::Expect;
use super::failure::Failure;
use super::line::{Contract, Heard, Line};
use super::load::{Load, News, Outcome};
#[cfg(unix)]
use super::target::Address;
use super::traffic::Traffic;
use super::usage;
use super::window::Window;

/// A share of the connections, and all it takes to serve them.
pub(super) struct Worker<'l> {
    load: &'l Load,
    contract: Contract<'l>,
    poll: Poll,
    alarm: Alarm,
    /// Those that have begun, and have neither failed nor ended.
    lines: Vec<Option<Line>>,
    n_opening: usize,
    n_open: usize,
    /// While there is load.
    traffic: Option<Traffic>,
    closing: bool,
    /// What is read, and the frames to be written: the same memory for all connections.
    input: Vec<u8>,
    output: Vec<u8>,
    news: mpsc::Sender<News>,
    outcome: Outcome,
}

impl<'l> Worker<'l> {
    /// Takes the share of thread `number`.
    pub(super) fn new(load: &'l Load, number: usize, news: mpsc::Sender<News>) -> io::Result<Self> {
        let n_lines = (load.connections + number) / load.threads;
        let poll = Poll::new()?;
        let alarm = Alarm::new(poll.registry(), ALARM)?;
        let mut lines = Vec::new();
        lines.resize_with(n_lines, || None);
        Ok(Self {
            load,
            contract: load.contract(number),
            poll,
            alarm,
            lines,
            n_opening: 0,
            n_open: 0,
            traffic: None,
            closing: false,
            input: vec![0; INPUT_BYTES],
            output: vec![0; load.depth * (load.payload.len() + wirelet::Header::MAX_LEN)],
            news,
            outcome: Outcome::default(),
        })
    }

    /// Opens the connections, waits for the start, loads, and closes.
    pub(super) fn run(mut self, start: &mpsc::Receiver<Window>) -> io::Result<Outcome> {
        let mut events = Events::with_capacity(1024);
        self.open(&mut events)?;
        self.outcome.cipher_suite = self.lines.iter().flatten().find_map(Line::cipher_suite);
        // Where nobody listens or starts, the program is ending.
        if self.news.send(News::Opened { n: self.n_open }).is_ok()
            && let Ok(window) = start.recv()
        {
            self.exchange(window, &mut events)?;
            self.close(&mut events)?;
        }
        Ok(self.outcome)
    }

    fn open(&mut self, events: &mut Events) -> io::Result<()> {
        let begin = Instant::now();
        let n_lines = u32::try_from(self.lines.len()).unwrap_or(u32::MAX);
        let (mut n_begun, mut last_step) = (0, begin);
        while n_begun < n_lines || self.n_opening > 0 {
            let mut now = Instant::now();
            while n_begun < n_lines
                && self.n_opening < OPENING_AT_ONCE
                && begin + self.load.ramp * n_begun / n_lines <= now
            {
                self.begin(n_begun as usize);
                n_begun += 1;
                last_step = now;
            }
            let n_opening = self.n_opening;
            now = self.turn(events, now + TICK)?;
            if self.n_opening < n_opening {
                last_step = now;
            } else if now > last_step + HANDSHAKE_TIME {
                self.fail_all_opening();
            }
        }
        Ok(())
    }

    /// Exchanges messages, until all that were due have come back or their time is over.
    fn exchange(&mut self, window: Window, events: &mut Events) -> io::Result<()> {
        let news = self.news.clone();
        let open = self.lines.iter().map(Option::is_some).collect();
        let traffic = self.traffic.insert(Traffic::new(self.load, open, window, news));
        for sender in traffic.senders() {
            self.send_next(sender);
        }
        self.turn_until(window.begin, events)?;
        let before = usage::of_this_thread();
        self.turn_until(window.end, events)?;
        let after = usage::of_this_thread();
        self.outcome.cpu = after.zip(before).map(|(after, before)| after.saturating_sub(before));
        let end = Instant::now();
        self.outcome.under_way = self.n_missing();
        self.outcome.oldest =
            self.traffic.as_ref().map_or(Duration::ZERO, |traffic| traffic.oldest(end));
        let limit = end + DRAIN_TIME;
        while (self.n_opening > 0 || self.n_open > 0 && self.n_missing() > 0)
            && Instant::now() < limit
        {
            self.turn_until(Instant::now() + TICK, events)?;
        }
        // Such as were to take the place of others.
        self.fail_all_opening();
        self.outcome.missing = self.n_missing();
        if let Some(traffic) = self.traffic.take() {
            self.outcome.unasked += traffic.n_unasked();
            traffic.end();
        }
        Ok(())
    }

    fn close(&mut self, events: &mut Events) -> io::Result<()> {
        self.closing = true;
        for i in 0..self.lines.len() {
            if let Some(Err(failure)) = self.lines[i].as_mut().map(Line::close) {
                self.fail(i, &failure);
            }
        }
        let limit = Instant::now() + CLOSE_TIME;
        while self.n_open > 0 && Instant::now() < limit {
            self.turn(events, limit)?;
        }
        self.outcome.unclean += self.n_open;
        Ok(())
    }

    /// Serves, and sends what becomes due, until `end` or until there is nothing to serve.
    fn turn_until(&mut self, end: Instant, events: &mut Events) -> io::Result<()> {
        let mut now = Instant::now();
        while now < end && self.n_open + self.n_opening > 0 {
            while let Some(sender) = self.traffic.as_mut().and_then(|traffic| traffic.next_due(now))
            {
                self.send_next(sender);
            }
            let mut limit = end.min(now + TICK);
            if let Some(at) = self.traffic.as_ref().and_then(Traffic::next_due_at)
                && let Some(at) = self.alarm.set(at, now)?
            {
                limit = limit.min(at);
            }
            now = self.turn(events, limit)?;
            if let Some(traffic) = &mut self.traffic {
                traffic.end_slices(now);
            }
        }
        Ok(())
    }

    /// Waits for events, until `limit` at most, and serves them; returns the time.
    fn turn(&mut self, events: &mut Events, limit: Instant) -> io::Result<Instant> {
        let wait = limit.saturating_duration_since(Instant::now());
        match self.poll.poll(events, Some(wait)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in &*events {
            if event.token() != ALARM {
                self.serve(event);
            }
        }
        Ok(Instant::now())
    }

    /// Does what an event lets a connection do.
    fn serve(&mut self, event: &Event) {
        let Token(i) = event.token();
        let Some(line) = &self.lines[i] else { return };
        let was_open = line.is_open();
        let result = self.advance(i, event);
        if !was_open && self.lines[i].as_ref().is_some_and(Line::is_open) {
            self.n_opening -= 1;
            self.n_open += 1;
        }
        match result {
            Ok(Heard::End) if self.closing => self.end(i),
            Ok(Heard::End) if self.is_done(i) => self.renew(i),
            Ok(Heard::End) => self.fail(i, &Failure::Eof),
            Ok(Heard::Nothing | Heard::Messages { .. }) => {
                let sender = self.traffic.as_ref().map_or(i, |traffic| traffic.sender_of(i));
                self.send_next(sender);
            }
            Err(failure) => self.fail(i, &failure),
        }
    }

    /// Writes and reads what there is; returns what was heard last.
    fn advance(&mut self, i: usize, event: &Event) -> Result<Heard, Failure> {
        let Some(line) = &mut self.lines[i] else { return Ok(Heard::Nothing) };
        if event.is_writable() {
            line.writable(&self.contract)?;
        }
        loop {
            let heard = line.read(&mut self.input, &self.contract)?;
            let Heard::Messages { came, drained } = heard else { return Ok(heard) };
            if came.n > 0 && self.traffic.is_none() && self.load.expect == Expect::Any {
                self.outcome.unasked += came.n;
            } else if came.n > 0 {
                let traffic = self.traffic.as_mut().ok_or(Failure::Unasked)?;
                traffic.received(i, came, Instant::now())?;
                if traffic.is_done(i) {
                    line.close()?;
                }
            }
            if drained && !event.is_read_closed() {
                return Ok(heard);
            }
        }
    }

    /// Sends what connection `i` is to send now, if anything.
    fn send_next(&mut self, i: usize) {
        let Some(traffic) = &mut self.traffic else { return };
        let Some(line) = self.lines[i].as_mut().filter(|line| line.is_open()) else { return };
        let now = Instant::now();
        let n = traffic.to_send(i, now);
        if n == 0 {
            return;
        }
        match line.send(n, &mut self.output, &self.contract) {
            Ok(()) => traffic.sent(i, n, now),
            Err(failure) => self.fail(i, &failure),
        }
    }

    fn begin(&mut self, i: usize) {
        match Line::connect(&self.load.address, self.poll.registry(), Token(i)) {
            Ok(line) => {
                self.lines[i] = Some(line);
                self.n_opening += 1;
            }
            Err(error) => self.note(&Failure::Io(error)),
        }
    }

    fn end(&mut self, i: usize) {
        if let Some(mut line) = self.lines[i].take() {
            line.end();
            self.n_open -= 1;
            self.outcome.unclean += usize::from(!line.is_closed());
        }
    }

    /// Ends a connection that is done, and begins another in its place while there is load.
    fn renew(&mut self, i: usize) {
        self.end(i);
        if self.traffic.as_mut().is_some_and(|traffic| traffic.renew(i, Instant::now())) {
            self.begin(i);
        }
    }

    fn fail(&mut self, i: usize, failure: &Failure) {
        let Some(line) = self.lines[i].take() else { return };
        if line.is_open() {
            self.n_open -= 1;
        } else {
            self.n_opening -= 1;
        }
        if let Some(traffic) = &mut self.traffic {
            traffic.lost(i);
        }
        if self.closing {
            self.outcome.unclean += 1;
        } else {
            self.note(failure);
        }
    }

    fn fail_all_opening(&mut self) {
        for i in 0..self.lines.len() {
            if self.lines[i].as_ref().is_some_and(|line| !line.is_open()) {
                self.fail(i, &Failure::TimedOut);
            }
        }
    }

    fn note(&mut self, failure: &Failure) {
        self.outcome.failed += 1;
        let why = match (&self.load.address, failure) {
            // Its stream ends, and no more is seen of it here.
            #[cfg(unix)]
            (Address::Proxied(relay), Failure::Eof | Failure::Io(_)) => relay.failure(),
            _ => None,
        };
        self.outcome
            .failure
            .get_or_insert_with(|| why.map_or_else(|| failure.to_string(), str::to_owned));
    }

    fn is_done(&self, i: usize) -> bool {
        self.traffic.as_ref().is_some_and(|traffic| traffic.is_done(i))
    }

    fn n_missing(&self) -> u64 {
        self.traffic.as_ref().map_or(0, Traffic::n_missing)
    }
}

/// Not the number of any connection.
const ALARM: Token = Token(usize::MAX);

/// How many bytes are read at a time.
const INPUT_BYTES: usize = 256 * 1024;

/// How many connections are being opened at a time, so that no backlog of a server overflows.
const OPENING_AT_ONCE: usize = 64;

/// How often to look at the clock when nothing happens.
const TICK: Duration = Duration::from_millis(10);

/// How long no connection may come further in its opening.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// How long to wait for the last messages.
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// How long to wait for the server's part of the closing handshakes.
const CLOSE_TIME: Duration = Duration::from_secs(5);
