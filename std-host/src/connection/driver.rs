//! Moves bytes both ways between a stream and an endpoint, whichever of the two sides is polled.
//!
//! ```text
//! stream ─▶ (scratch) ─▶ endpoint ─▶ received ─▶ who receives
//!    ▲                      │ replies
//!    └────── output ◀───────┴────────────────── who sends
//! ```
//!
//! Input is looked at one message at a time, when the one before has been taken, so that a message can
//! be answered before the next ends the connection; and ahead of that only while somebody waits for the
//! stream to take more, because the peer may be waiting for its pongs.
//!
//! A peer that breaks the protocol is told at once, unless the two directions have an owner each: then
//! whoever sends may still have answers to what came before, and the close frame waits for them.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::ReadBuf;
use wirelet::{Chunk, Close, CloseCode};

use crate::connection::bounds::Bounds;
use crate::connection::clock::{Clock, Due};
use crate::connection::error::ConnectionError;
use crate::connection::message::OwnedMessage;
use crate::connection::role::Either;
use crate::connection::sending::Sending;
use crate::connection::wakers::Side;
use crate::io::duplex::{BoxedDuplex, Transport};
use crate::io::scratch;

pub(super) struct Driver {
    stream: BoxedDuplex,
    endpoint: Either,
    bounds: Bounds,
    clock: Clock,
    /// What came behind the last message that was taken; without it, nothing waits to be looked at.
    input: VecDeque<u8>,
    received: VecDeque<OwnedMessage>,
    /// What those take.
    received_len: usize,
    sending: Sending,
    phase: Phase,
    /// Each direction has an owner of its own.
    is_split: bool,
    /// The peer has broken the protocol, and the close frame that tells it so waits for whoever sends.
    is_untold: bool,
    is_shut_down: bool,
    /// Who else has something to look at.
    news: [bool; 2],
    /// Comes to its end when the connection shall go away, with this code.
    going_away: Option<Pin<Box<dyn Future<Output = CloseCode> + Send>>>,
}

enum Phase {
    Open,
    /// The peer has closed; behind what was received comes the end.
    Closed,
    /// Behind what was received comes this.
    Failed(ConnectionError),
    /// What was sent leaves, and TCP ends; this end goes first if it `is_first`.
    Ending {
        is_first: bool,
    },
    Over,
}

impl Driver {
    /// Begins with bytes that came behind the opening handshake.
    pub(super) fn new(
        transport: Transport,
        endpoint: Either,
        early: Vec<u8>,
        bounds: Bounds,
        going_away: Option<Pin<Box<dyn Future<Output = CloseCode> + Send>>>,
    ) -> Self {
        let Transport { stream, n_written } = transport;
        Self {
            stream,
            endpoint,
            clock: Clock::new(&bounds),
            bounds,
            input: early.into(),
            received: VecDeque::new(),
            received_len: 0,
            sending: Sending::new(n_written),
            phase: Phase::Open,
            is_split: false,
            is_untold: false,
            is_shut_down: false,
            news: [false; 2],
            going_away,
        }
    }

    /// Returns what comes next; `None` when the connection is over.
    ///
    /// What is whole is handed out before anything is waited for, and all that has come before an error.
    pub(super) fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<OwnedMessage, ConnectionError>>> {
        loop {
            if let Some(message) = self.received.pop_front() {
                self.received_len -= cost(&message);
                if matches!(message, OwnedMessage::Close { .. }) {
                    // Who does not look for the end has answered the close nevertheless.
                    let _ = self.flush(context);
                }
                return Poll::Ready(Some(Ok(message)));
            }
            match mem::replace(&mut self.phase, Phase::Over) {
                Phase::Open => self.phase = Phase::Open,
                Phase::Closed => {
                    // §7.1.1: "in most normal cases, the TCP connection SHOULD be closed first by the
                    // server".
                    self.phase = Phase::Ending { is_first: self.endpoint.is_server() };
                    continue;
                }
                Phase::Failed(error) => {
                    if error.is_violation() {
                        self.phase = Phase::Ending { is_first: true };
                        let _ = self.flush(context);
                    }
                    return Poll::Ready(Some(Err(error)));
                }
                Phase::Ending { is_first } => {
                    self.phase = Phase::Ending { is_first };
                    ready!(self.poll_end(is_first, context));
                    self.phase = Phase::Over;
                    continue;
                }
                Phase::Over => return Poll::Ready(None),
            }
            if self.look() {
                continue;
            }
            let _ = self.flush(context);
            // Unless it stands at its bound of replies.
            let is_moving = if self.input.is_empty() {
                self.may_read() && self.read(context).is_ready()
            } else {
                self.may_read()
            };
            if !is_moving && !self.tick(context) {
                return Poll::Pending;
            }
        }
    }

    /// Waits until at most `limit` bytes are unsent, where 0 also means that the stream keeps nothing
    /// back.
    ///
    /// # Errors
    ///
    /// Nothing can be sent any more.
    pub(super) fn poll_unsent(
        &mut self,
        limit: usize,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), ConnectionError>> {
        loop {
            let flushed = self.flush(context);
            // All has left, even if nothing more will.
            if limit == 0 && self.is_flushed() {
                return Poll::Ready(Ok(()));
            }
            self.check()?;
            if flushed.is_ready() || (limit > 0 && self.sending.output.unsent().len() <= limit) {
                return Poll::Ready(Ok(()));
            }
            while self.may_read_ahead() && self.look() {}
            if !self.may_read_ahead() {
                self.clock.excuse();
            } else if self.read(context).is_ready() {
                continue;
            }
            if !self.tick(context) {
                return Poll::Pending;
            }
        }
    }

    /// Waits until the stream has taken all, or what has come must be received before it will.
    pub(super) fn poll_close(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), ConnectionError>> {
        let flushed = self.poll_unsent(0, context);
        if matches!(self.phase, Phase::Open) && !self.may_read_ahead() {
            return Poll::Ready(Ok(()));
        }
        flushed
    }

    /// Tells whether more can be sent without waiting.
    pub(super) fn has_room(&self) -> bool {
        self.sending.output.unsent().len() <= self.bounds.unsent_bytes
    }

    /// Tells whether the stream has taken all that was sent.
    pub(super) const fn is_flushed(&self) -> bool {
        self.sending.is_flushed() && !self.sending.has_lost
    }

    /// Returns how many bytes the stream has not taken.
    pub(super) const fn unsent_bytes(&self) -> usize {
        self.sending.output.unsent().len()
    }

    /// Returns how many of them may be before there is no room.
    pub(super) const fn max_unsent_bytes(&self) -> usize {
        self.bounds.unsent_bytes
    }

    /// Takes a message or a control frame over.
    pub(super) fn send(&mut self, message: &OwnedMessage) -> Result<(), ConnectionError> {
        match message {
            OwnedMessage::Text(text) => self.send_chunk(&Chunk::whole(&**text)),
            OwnedMessage::Binary(bytes) => self.send_chunk(&Chunk::whole(&**bytes)),
            OwnedMessage::Ping(payload) => self.ping(payload),
            OwnedMessage::Pong(payload) => {
                self.check()?;
                Ok(self.endpoint.pong(payload, self.sending.output.space())?)
            }
            OwnedMessage::Close { code: None, .. } => self.close(Close::EMPTY),
            OwnedMessage::Close { code: Some(code), reason } => {
                self.close(Close::with_reason(*code, reason)?)
            }
        }
    }

    /// Takes a message or a fragment over.
    pub(super) fn send_chunk(&mut self, chunk: &Chunk<'_>) -> Result<(), ConnectionError> {
        self.check()?;
        Ok(self.endpoint.send(chunk, self.bounds.frame_bytes, self.sending.output.space())?)
    }

    /// Takes a ping over.
    pub(super) fn ping(&mut self, payload: &[u8]) -> Result<(), ConnectionError> {
        self.check()?;
        Ok(self.endpoint.ping(payload, self.sending.output.space())?)
    }

    /// Takes a close frame over, which begins the closing handshake; instead of it goes the one that
    /// tells the peer of its violation, if that waits.
    pub(super) fn close(&mut self, close: Close<'_>) -> Result<(), ConnectionError> {
        self.check()?;
        if self.is_untold {
            self.tell();
            return Ok(());
        }
        self.endpoint.close(close, self.sending.output.space())?;
        self.clock.begin_closing();
        // Its deadline is another one, which somebody must wait for.
        self.news = [true; 2];
        Ok(())
    }

    pub(super) fn is_close_sent(&self) -> bool {
        self.endpoint.is_close_sent()
    }

    /// Gives each direction an owner of its own.
    pub(super) const fn split(&mut self) {
        self.is_split = true;
    }

    /// One owner is left: nothing more is sent, or nothing received, or both by the same.
    pub(super) fn unsplit(&mut self, context: &mut Context<'_>) {
        self.is_split = false;
        if self.is_untold {
            self.tell();
            // Nobody may poll any more.
            let _ = self.flush(context);
        }
    }

    /// Tells whether this side has something to look at that the other one has done.
    pub(super) fn take_news(&mut self, side: Side) -> bool {
        mem::take(&mut self.news[side as usize])
    }

    /// Writes as much as the stream takes. Ready: it keeps nothing back, or nothing can be written.
    pub(super) fn flush(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.sending.is_flushed() {
            return Poll::Ready(());
        }
        self.news[Side::Send as usize] = true;
        let flushed = self.sending.flush(&mut self.stream, &mut self.clock, context);
        if self.sending.broken.is_some() {
            self.news = [true; 2];
        }
        flushed
    }

    /// Checks that something can be sent.
    fn check(&self) -> Result<(), ConnectionError> {
        match (&self.sending.broken, &self.phase) {
            (Some(error), _) => Err(ConnectionError::Io(error.kind().into())),
            (None, _) if self.sending.has_lost => Err(ConnectionError::Closed),
            (None, Phase::Open | Phase::Closed | Phase::Ending { .. }) => Ok(()),
            (None, Phase::Failed(error)) if error.is_violation() => Ok(()),
            (None, Phase::Failed(_) | Phase::Over) => Err(ConnectionError::Closed),
        }
    }

    /// Tells whether a peer that does not read its pongs may go on.
    const fn may_read(&self) -> bool {
        self.sending.output.reply_len() <= self.bounds.unsent_bytes
    }

    /// Tells whether more may come than is received now.
    fn may_read_ahead(&self) -> bool {
        matches!(self.phase, Phase::Open)
            && self.received_len < self.bounds.unreceived_bytes
            && self.may_read()
    }

    /// Looks at what has come already; tells whether that has changed anything.
    fn look(&mut self) -> bool {
        if self.input.is_empty() || !matches!(self.phase, Phase::Open) || !self.may_read() {
            return false;
        }
        let mut input = mem::take(&mut self.input);
        let n = self.take(0, input.make_contiguous());
        input.drain(..n);
        self.input = input;
        n > 0
    }

    /// Reads once. Ready: something has changed.
    fn read(&mut self, context: &mut Context<'_>) -> Poll<()> {
        debug_assert!(self.input.is_empty(), "what came before is looked at first");
        let rest = self.endpoint.rest();
        let result = if rest.is_empty() {
            ready!(scratch::with(|buf| {
                let n = ready!(poll_read(&mut self.stream, buf, context))?;
                let taken = self.take(0, &mut buf[..n]);
                self.input.extend(&buf[taken..n]);
                Poll::Ready(Ok(n))
            }))
        } else {
            let result = ready!(poll_read(&mut self.stream, rest, context));
            if let Ok(n @ 1..) = result {
                self.take(n, &mut []);
            }
            result
        };
        match result {
            Ok(0) => {
                let why = self.sending.broken.take().map_or(ConnectionError::Eof, Into::into);
                self.fail(why);
            }
            Ok(_) => self.clock.progress(),
            Err(error) => self.fail(error.into()),
        }
        Poll::Ready(())
    }

    /// Gives bytes to the endpoint; returns how many of `input` it took.
    fn take(&mut self, of_rest: usize, input: &mut [u8]) -> usize {
        let start = self.sending.output.end();
        let len = input.len();
        let limit = self.bounds.message_bytes;
        let result = self.endpoint.receive(of_rest, input, limit, self.sending.output.space());
        self.sending.output.note_replies(start);
        let n = match result {
            Ok((n, message)) => {
                if let Some(message) = message {
                    if matches!(message, OwnedMessage::Close { .. }) {
                        self.phase = Phase::Closed;
                    }
                    self.received_len += cost(&message);
                    self.received.push_back(message);
                    self.news[Side::Receive as usize] = true;
                }
                n
            }
            Err(error) => {
                self.fail(error.into());
                self.tell_in_time();
                len
            }
        };
        if self.endpoint.is_close_sent() {
            self.clock.begin_closing();
        }
        n
    }

    fn fail(&mut self, why: ConnectionError) {
        self.input.clear();
        self.phase = Phase::Failed(why);
        self.news = [true; 2];
    }

    /// Tells the peer that it has broken the protocol, when nobody sends anything else.
    fn tell_in_time(&mut self) {
        if self.is_split && !self.endpoint.is_close_sent() {
            self.is_untold = true;
            self.clock.begin_telling();
        } else {
            self.tell();
        }
    }

    /// Tells the peer that it has broken the protocol.
    fn tell(&mut self) {
        self.is_untold = false;
        self.endpoint.tell(self.sending.output.space());
        self.clock.begin_closing();
        self.news = [true; 2];
    }

    /// Does what is due; tells whether that has changed anything.
    fn tick(&mut self, context: &mut Context<'_>) -> bool {
        if let Some(going_away) = &mut self.going_away
            && let Poll::Ready(code) = going_away.as_mut().poll(context)
        {
            self.going_away = None;
            // One that was sent before says enough.
            let _ = self.close(code.into());
            return true;
        }
        match self.clock.poll(context) {
            Poll::Pending => false,
            Poll::Ready(Due::Ping) => {
                // No close was sent, or its deadline would be running.
                let _ = self.endpoint.ping(&[], self.sending.output.space());
                true
            }
            Poll::Ready(Due::Tell) => {
                self.tell();
                true
            }
            Poll::Ready(Due::End) => {
                self.sending.give_up();
                // Otherwise the end comes by itself, behind what was received.
                if matches!(self.phase, Phase::Open) {
                    let why = self.sending.broken.take();
                    self.fail(why.map_or(ConnectionError::TimedOut, Into::into));
                }
                true
            }
        }
    }

    /// Lets what was sent leave, and waits for the peer's end, so that no reset overtakes it.
    fn poll_end(&mut self, is_first: bool, context: &mut Context<'_>) -> Poll<()> {
        while self.is_untold {
            let _ = self.flush(context);
            let has_left = self.sending.broken.is_some() || self.skip(context).is_ready();
            if !has_left {
                ready!(self.clock.poll(context));
            }
            self.tell();
        }
        let is_flushed = self.flush(context).is_ready();
        if self.sending.broken.is_some() {
            return Poll::Ready(());
        }
        if is_flushed && is_first {
            self.shut_down(context);
        }
        if self.skip(context).is_ready() && is_flushed {
            self.shut_down(context);
            return Poll::Ready(());
        }
        self.clock.poll(context).map(drop)
    }

    /// Reads to the peer's end.
    fn skip(&mut self, context: &mut Context<'_>) -> Poll<()> {
        scratch::with(|buf| {
            while let 1.. = ready!(poll_read(&mut self.stream, buf, context)).unwrap_or_default() {}
            Poll::Ready(())
        })
    }

    /// Ends this direction.
    fn shut_down(&mut self, context: &mut Context<'_>) {
        if !self.is_shut_down {
            // A stream that has failed has ended.
            self.is_shut_down = self.stream.as_mut().poll_shutdown(context).is_ready();
        }
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("bounds", &self.bounds)
            .field("n_received", &self.received.len())
            .field("unsent", &self.sending.output.unsent().len())
            .finish_non_exhaustive()
    }
}

fn poll_read(
    stream: &mut BoxedDuplex,
    buf: &mut [u8],
    context: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    loop {
        let mut buf = ReadBuf::new(buf);
        match ready!(stream.as_mut().poll_read(context, &mut buf)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return Poll::Ready(result.map(|()| buf.filled().len())),
        }
    }
}

/// What a message takes while it waits, however short it is.
fn cost(message: &OwnedMessage) -> usize {
    size_of::<OwnedMessage>() + message.len()
}
