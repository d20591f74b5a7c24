//! The step machine for receiving.

use embedded_io::ErrorKind;

use super::opening::Phase;
use super::sending::Waits;
use super::{Failure, Received, Sending};
use crate::buffers::{Joined, Window};
use crate::handshake::Head;
use crate::inbox::message;
use crate::message::Place;
use crate::{
    CapacityError, Chunk, Close, Error, Event, Inbox, Incoming, Message, ProtocolError, Role,
    SendError, Store,
};

/// The receiving half of a driver, without its socket.
#[derive(Debug)]
pub(crate) struct Receiving<'b, Ro> {
    pub(crate) incoming: Incoming<Ro>,
    pub(super) window: Window<'b>,
    inbox: Inbox<Joined<'b>>,
    /// What has been received and waits to be taken.
    found: Option<Result<Event<Found>, ProtocolError>>,
    /// Some chunks of the message in progress have been taken as chunks.
    streaming: bool,
    /// Nobody is left to read what is sent.
    unheard: bool,
    pub(super) phase: Phase,
    pub(crate) n_received: u64,
}

/// A chunk without its bytes.
#[derive(Clone, Copy, Debug)]
struct Found {
    place: Place,
    bytes: At,
}

/// Where the bytes of a chunk are.
#[derive(Clone, Copy, Debug)]
enum At {
    /// They are the last that the window consumed, so many.
    Window(usize),
    /// They are all that the inbox holds.
    Inbox,
}

/// What can be waited for.
///
/// Each is a type of its own, so that firmware links those that it waits for.
pub(crate) trait Want<Ro> {
    /// It is something that the peer says.
    const RECEIVES: bool = false;

    /// Says what the driver has to do next for this.
    ///
    /// # Errors
    ///
    /// Why it will not come.
    fn step<'s>(
        &'s mut self,
        receiving: &'s mut Receiving<'_, Ro>,
        sending: Waits,
    ) -> Result<Step<'s, Ro>, Failure>;
}

/// What comes next: a chunk or, if it is `WHOLE`, a message; and control frames, unless only
/// `DATA` is wanted, with which pings and pongs are passed over.
pub(crate) struct Next<const WHOLE: bool, const DATA: bool>;

impl Next<true, false> {
    pub(crate) const MESSAGE: Self = Self;
}

impl Next<true, true> {
    pub(crate) const DATA: Self = Self;
}

impl Next<false, false> {
    pub(crate) const CHUNK: Self = Self;
}

/// The end: all is sent and, if a close frame was, all is received.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End;

/// What the driver has to do next.
pub(crate) enum Step<'s, Ro> {
    /// To queue the reply that waits here.
    Reply(&'s mut Incoming<Ro>),
    /// To queue a head of the opening handshake.
    Head(&'s (dyn Head + 's)),
    /// To send what is queued.
    Batch,
    /// To read into this, for [`Receiving::read`].
    Read(&'s mut [u8]),
    /// Nothing: what was asked for is there.
    Done,
}

impl<'b, Ro: Role> Receiving<'b, Ro> {
    pub(super) fn new(incoming: Incoming<Ro>, receive: Window<'b>, message: Joined<'b>) -> Self {
        Self {
            incoming,
            window: receive,
            inbox: Inbox::new(message),
            found: None,
            streaming: false,
            unheard: false,
            phase: Phase::START,
            n_received: 0,
        }
    }

    /// Says what the driver has to do next for what is wanted. Without a sending half beside it, what
    /// that has to do is left to the application.
    ///
    /// # Errors
    ///
    /// Why it will not come.
    pub(crate) fn step<'s>(
        &'s mut self,
        want: &'s mut impl Want<Ro>,
        sending: Option<&Sending<'_, Ro>>,
    ) -> Result<Step<'s, Ro>, Failure> {
        want.step(self, sending.map_or(Waits::NOTHING, Sending::waits))
    }

    /// Notes what became of sending. Where nobody is left to read it, there are no answers from here on: what the
    /// peer has said before comes first, up to where reading fails, too.
    ///
    /// # Errors
    ///
    /// Those of the result, but for such a one on the way to something to be received.
    pub(crate) fn sent<W: Want<Ro>, E: embedded_io::Error>(
        &mut self,
        _want: &W,
        result: Result<(), Error<E>>,
    ) -> Result<(), Error<E>> {
        match result {
            Err(Error::Transport(error))
                if W::RECEIVES && !self.unheard && is_gone(error.kind()) =>
            {
                self.unheard = true;
                Ok(())
            }
            result => result,
        }
    }

    /// Notes what became of [`Step::Read`].
    ///
    /// # Errors
    ///
    /// [`Error::Transport`], and [`Error::UnexpectedEof`] where the peer has not closed.
    pub(crate) fn read<E>(&mut self, result: Result<usize, E>) -> Result<(), Error<E>> {
        match result.map_err(Error::Transport)? {
            0 if self.incoming.is_closed() => self.phase = Phase::Over,
            0 => return Err(Error::UnexpectedEof),
            n => {
                self.window.fill(n);
                self.n_received = self.n_received.wrapping_add(n as u64);
            }
        }
        Ok(())
    }

    /// Goes on until there is something to take.
    fn step_frames<const WHOLE: bool, const DATA: bool>(
        &mut self,
        sending: Waits,
    ) -> Result<Step<'_, Ro>, Failure> {
        self.begin_frames()?;
        if self.streaming && WHOLE && !self.incoming.is_ended() {
            return Err(Failure::MessageInProgress);
        }
        loop {
            if WHOLE {
                self.join();
            } else {
                self.unjoin();
            }
            // What was found is told after it has been answered, so that an application that leaves
            // at a close has closed properly.
            if self.incoming.has_reply() {
                if !self.unheard {
                    return Ok(Step::Reply(&mut self.incoming));
                }
                self.incoming.forget_reply();
            }
            if DATA && matches!(self.found, Some(Ok(Event::Ping | Event::Pong))) {
                self.found = None;
            }
            if self.found.is_some() {
                // And the answers to all that one read brought have left when its last event is told.
                let is_last = self.window.is_empty() || self.incoming.is_ended();
                let waits = is_last && sending.reply && !self.unheard;
                return Ok(if waits { Step::Batch } else { Step::Done });
            }
            if self.incoming.is_ended() {
                return Err(Failure::Closed);
            }
            if self.window.is_empty() && !self.incoming.has_more() {
                return Ok(self.read_after(sending));
            }
            self.receive(if WHOLE { self.inbox.store().capacity() } else { usize::MAX });
        }
    }

    /// Reads, once what was queued has left.
    pub(super) fn read_after(&mut self, sending: Waits) -> Step<'_, Ro> {
        if sending.batch && !self.unheard {
            return Step::Batch;
        }
        if self.window.is_empty() && matches!(self.phase, Phase::Frames | Phase::Closing(_)) {
            self.window.clear();
        }
        Step::Read(self.window.space())
    }

    /// Leaves the opening handshake behind.
    fn begin_frames(&mut self) -> Result<(), Failure> {
        match self.phase {
            Phase::Frames | Phase::Closing(_) => return Ok(()),
            Phase::Opened(len) => self.window.consume(len),
            // It was done elsewhere.
            Phase::Head(..) if self.window.is_fresh() => {}
            Phase::Head(..) | Phase::Whole(_) => return Err(SendError::HandshakePending.into()),
            Phase::Refused(_) | Phase::Over => return Err(Failure::Closed),
        }
        self.phase = Phase::Frames;
        Ok(())
    }

    /// Takes what the window has, up to the next event.
    #[inline(never)] // for each kind of `Next`
    fn receive(&mut self, limit: usize) {
        self.found = match self.incoming.receive_within(limit, self.window.filled_mut()) {
            Ok(progress) => {
                let found = progress.event.map(|event| Ok(Self::found(&event)));
                let consumed = progress.consumed;
                self.window.consume(consumed);
                found
            }
            Err(error) => {
                self.window.clear();
                Some(Err(error))
            }
        };
    }

    fn found(event: &Event<Chunk<'_>>) -> Event<Found> {
        match event {
            Event::Chunk(chunk) => {
                let bytes = At::Window(chunk.as_bytes().len());
                Event::Chunk(Found { place: chunk.place(), bytes })
            }
            Event::Ping => Event::Ping,
            Event::Pong => Event::Pong,
            Event::Close => Event::Close,
        }
    }

    /// Turns a chunk that was found into a message, or the beginning of one.
    fn join(&mut self) {
        let Some(Ok(Event::Chunk(found))) = self.found else { return };
        let At::Window(len) = found.bytes else {
            // The beginning of a message stays where it is, as it was not taken as a chunk.
            if !found.place.last {
                self.found = None;
            }
            return;
        };
        if found.place.is_whole() && len <= self.inbox.store().capacity() {
            return;
        }
        self.found = match self.inbox.join(found.place, self.window.consumed(len)) {
            Ok(()) if !found.place.last => None,
            Ok(()) => {
                let place = Place { first: true, ..found.place };
                Some(Ok(Event::Chunk(Found { place, bytes: At::Inbox })))
            }
            // The limit was another when the header came.
            Err(CapacityError) => {
                self.incoming.fail(CapacityError::CLOSE_CODE);
                self.window.clear();
                Some(Err(ProtocolError::MessageTooBig))
            }
        };
    }

    /// What was joined for a message that is not wanted whole any more comes first.
    fn unjoin(&mut self) {
        if self.found.is_none()
            && let Some(kind) = self.incoming.message()
            && self.inbox.is_joining()
            && !self.incoming.is_ended()
        {
            let place = Place { kind, first: true, last: false };
            self.found = Some(Ok(Event::Chunk(Found { place, bytes: At::Inbox })));
        }
    }

    /// Goes on until nothing is left to be done but to close TCP.
    fn step_end(&mut self, sending: Waits) -> Result<Step<'_, Ro>, Failure> {
        loop {
            if self.incoming.has_reply() {
                return Ok(Step::Reply(&mut self.incoming));
            }
            if !sending.close_sent || matches!(self.phase, Phase::Over) {
                return Ok(Self::flush(sending));
            }
            self.begin_frames()?;
            if matches!(self.phase, Phase::Frames) {
                self.phase = Phase::Closing(0);
            }
            if let Some(Err(error)) = self.found.take() {
                return Err(Failure::Protocol(error));
            }
            // §7.1.1: the server closes TCP first, a client when the server has done so.
            let waits = Ro::IS_CLIENT && self.incoming.is_closed();
            if self.incoming.is_ended() && !waits {
                return Ok(Self::flush(sending));
            }
            if self.window.is_empty() {
                return Ok(self.read_after(sending));
            }
            let before = self.window.filled().len();
            self.receive(usize::MAX);
            self.ignore(before.saturating_sub(self.window.filled().len()))?;
        }
    }

    fn flush<'s>(sending: Waits) -> Step<'s, Ro> {
        if sending.batch { Step::Batch } else { Step::Done }
    }

    /// Counts what came after this end had closed.
    fn ignore(&mut self, n: usize) -> Result<(), Failure> {
        if let Phase::Closing(n_ignored) = &mut self.phase {
            *n_ignored = n_ignored.saturating_add(n);
            if *n_ignored > MAX_IGNORED {
                return Err(Failure::Protocol(ProtocolError::StillSending));
            }
        }
        Ok(())
    }

    /// What has been read and not been handed out.
    pub(super) fn into_unread(mut self) -> &'b mut [u8] {
        let head_len = self.head_len();
        self.window.consume(head_len);
        self.window.into_filled()
    }

    /// Takes what was wanted by [`Next::MESSAGE`].
    pub(crate) fn take_message<E>(&mut self) -> Result<Received<'_, Message<'_>>, Error<E>> {
        self.take(|receiving, found| match found.bytes {
            At::Window(len) => message(found.place.kind, receiving.window.consumed(len)),
            At::Inbox => receiving.inbox.message(found.place.kind),
        })
    }

    /// Takes what was wanted by [`Next::CHUNK`].
    pub(crate) fn take_chunk<E>(&mut self) -> Result<Received<'_, Chunk<'_>>, Error<E>> {
        if let Some(Ok(Event::Chunk(found))) = self.found {
            self.streaming = !found.place.last;
            self.inbox.hand_out();
        }
        self.take(|receiving, found| {
            let bytes = match found.bytes {
                At::Window(len) => receiving.window.consumed(len),
                At::Inbox => receiving.inbox.store().as_bytes(),
            };
            Chunk::received(found.place, bytes, receiving.incoming.remaining())
        })
    }

    fn take<'s, D, E>(
        &'s mut self,
        data: impl FnOnce(&'s Self, Found) -> D,
    ) -> Result<Received<'s, D>, Error<E>> {
        let found = self.found.take();
        let this = &*self;
        Ok(match found {
            Some(Ok(Event::Chunk(found))) => Received::Data(data(this, found)),
            Some(Ok(Event::Ping)) => Received::Ping(this.incoming.control_payload()),
            Some(Ok(Event::Pong)) => Received::Pong(this.incoming.control_payload()),
            Some(Ok(Event::Close)) => {
                Received::Close(this.incoming.close_received().unwrap_or(Close::EMPTY))
            }
            Some(Err(error)) => return Err(error.into()),
            // The halves: the sending one has to do something first.
            None => return Err(SendError::ReplyUnfinished.into()),
        })
    }
}

impl<Ro: Role, const WHOLE: bool, const DATA: bool> Want<Ro> for Next<WHOLE, DATA> {
    const RECEIVES: bool = true;

    fn step<'s>(
        &'s mut self,
        receiving: &'s mut Receiving<'_, Ro>,
        sending: Waits,
    ) -> Result<Step<'s, Ro>, Failure> {
        receiving.step_frames::<WHOLE, DATA>(sending)
    }
}

impl<Ro: Role> Want<Ro> for End {
    fn step<'s>(
        &'s mut self,
        receiving: &'s mut Receiving<'_, Ro>,
        sending: Waits,
    ) -> Result<Step<'s, Ro>, Failure> {
        receiving.step_end(sending)
    }
}

/// Tells whether nobody will read what is sent, now or later.
const fn is_gone(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::BrokenPipe
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::NotConnected
    )
}

/// More than lies on the way when this end closes.
const MAX_IGNORED: usize = 1 << 20;
