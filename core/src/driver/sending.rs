//! The step machine for sending.

use super::Failure;
use crate::buffers::Window;
use crate::message::Place;
use crate::slice::{behind, front};
use crate::{Chunk, Error, Flush, Header, Kind, Outgoing, Role, SendError};

/// The sending half of a driver, without its socket.
#[derive(Debug)]
pub(crate) struct Sending<'b, Ro> {
    pub(crate) outgoing: Outgoing<Ro>,
    /// What waits for the transport.
    pub(super) window: Window<'b>,
    pub(crate) flush: Flush,
    /// The transport took bytes since it was flushed last.
    unflushed: bool,
    /// A reply is among what waits.
    pub(super) reply_waits: bool,
    /// How much of the head of the opening handshake has been queued; `None` is all.
    pub(super) head: Option<usize>,
}

/// What can be queued.
///
/// Each is a type of its own, so that firmware links those that it sends.
pub(crate) trait Put<'m, Ro> {
    /// Queues this, and returns what it could not queue of a payload; `None` if all that waits has
    /// to be written first.
    ///
    /// # Errors
    ///
    /// What must not be sent; nothing has been queued.
    fn put(&mut self, sending: &mut Sending<'_, Ro>) -> Result<Option<&'m [u8]>, Failure>;
}

/// What is written out.
pub(crate) struct Operation<'m> {
    /// What is not queued of a payload.
    rest: &'m [u8],
    then: Then,
    /// What it is for has been queued.
    queued: bool,
}

/// What follows once all is queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Nothing: it leaves with what is sent next.
    Wait,
    /// It is written, and flushed if the policy says so.
    Send,
    /// It is written.
    Write,
    /// It is written and flushed.
    Flush,
}

/// What the socket has to do next.
#[derive(Debug)]
pub(crate) enum Step<'s> {
    /// To write some of this, for [`Sending::wrote`].
    Write(&'s [u8]),
    /// To flush, for [`Sending::flushed`], which is the end of the operation.
    Flush,
    /// Nothing: the operation has come to its end.
    Done,
}

/// What the receiving half looks at before it goes on.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "what is so, and no options")]
pub(crate) struct Waits {
    /// Something is to be written or flushed before the driver waits for input.
    pub(super) batch: bool,
    /// A reply is among it.
    pub(super) reply: bool,
    /// The head of the opening handshake has been queued.
    pub(super) head: bool,
    pub(super) close_sent: bool,
}

impl Waits {
    pub(super) const NOTHING: Self =
        Self { batch: false, reply: false, head: false, close_sent: false };
}

impl<'m> Operation<'m> {
    /// Sends what waits, at the end of a batch.
    pub(crate) const BATCH: Operation<'static> =
        Operation { rest: &[], then: Then::Send, queued: false };

    /// Writes what waits, and flushes.
    pub(crate) const FLUSH: Operation<'static> =
        Operation { rest: &[], then: Then::Flush, queued: false };

    /// Makes room by writing what waits.
    pub(crate) const ROOM: Operation<'static> =
        Operation { rest: &[], then: Then::Write, queued: false };

    /// Goes on with what has been queued but for `rest`.
    pub(crate) const fn queued(rest: &'m [u8], then: Then) -> Self {
        Self { rest, then, queued: true }
    }
}

impl<'b, Ro: Role> Sending<'b, Ro> {
    pub(super) const fn new(outgoing: Outgoing<Ro>, window: Window<'b>) -> Self {
        Self {
            outgoing,
            window,
            flush: Flush::Batch,
            unflushed: false,
            reply_waits: false,
            head: Some(0),
        }
    }

    /// Says what the socket has to do next for `operation`.
    pub(crate) fn step<'s, 'm: 's>(&'s mut self, operation: &mut Operation<'m>) -> Step<'s> {
        if !operation.rest.is_empty() {
            operation.rest = self.put_payload(operation.rest);
            if !operation.rest.is_empty() && self.window.is_empty() {
                // Straight from where it lies.
                return Step::Write(operation.rest);
            }
        }
        let is_whole = operation.rest.is_empty();
        match operation.then {
            Then::Wait if is_whole => Step::Done,
            _ if !self.window.is_empty() => Step::Write(self.window.filled()),
            Then::Flush if self.unflushed => Step::Flush,
            Then::Send if self.unflushed && self.flush == Flush::Batch => Step::Flush,
            _ => Step::Done,
        }
    }

    /// Notes what became of [`Step::Write`].
    ///
    /// # Errors
    ///
    /// Those of the transport, by what they have left of the operation.
    pub(crate) fn wrote<E>(
        &mut self,
        operation: &mut Operation<'_>,
        result: Result<usize, E>,
    ) -> Result<(), Error<E>> {
        let n = match result {
            Ok(0) => return Err(Error::UnexpectedEof),
            Ok(n) => n,
            Err(error) => return Err(self.interrupted(operation, error)),
        };
        self.unflushed = true;
        if self.window.is_empty() {
            self.outgoing.skip_payload(front(operation.rest, n.min(operation.rest.len())));
            operation.rest = behind(operation.rest, n.min(operation.rest.len()));
            return Ok(());
        }
        self.window.consume(n);
        if self.window.is_empty() {
            self.window.clear();
            self.reply_waits = false;
        }
        Ok(())
    }

    /// Notes what became of [`Step::Flush`].
    ///
    /// # Errors
    ///
    /// As [`wrote`](Self::wrote).
    pub(crate) fn flushed<E>(
        &mut self,
        operation: &Operation<'_>,
        result: Result<(), E>,
    ) -> Result<(), Error<E>> {
        result.map_err(|error| self.interrupted(operation, error))?;
        self.unflushed = false;
        Ok(())
    }

    /// Tells what an error of the transport has left of an operation.
    fn interrupted<E>(&self, operation: &Operation<'_>, error: E) -> Error<E> {
        match operation {
            Operation { queued: true, rest: [], .. } => Error::Unflushed(error),
            Operation { queued: true, .. } => Error::Unfinished(error),
            // Of a text that is checked as it is queued, some may be.
            Operation { then: Then::Write, .. } if self.outgoing.unfinished() > 0 => {
                Error::Unfinished(error)
            }
            _ => Error::Transport(error),
        }
    }

    /// Tells what waits to be sent, or has been.
    pub(super) fn waits(&self) -> Waits {
        Waits {
            batch: !self.window.is_empty() || self.unflushed && self.flush == Flush::Batch,
            reply: self.reply_waits,
            head: self.head.is_none(),
            close_sent: self.outgoing.is_close_sent(),
        }
    }

    /// Tells connections apart, for as long as they live.
    pub(super) fn connection(&self) -> usize {
        self.window.addr()
    }

    /// Makes a fragment of the message in progress, or the first of one: as much of `bytes` as fits
    /// the window.
    pub(super) fn fragment<'m>(&self, kind: Kind, bytes: &'m [u8], last: bool) -> Chunk<'m> {
        let len = self.window.capacity().saturating_sub(Header::MAX_LEN).min(bytes.len());
        let place = Place { kind, first: !self.outgoing.is_in_message(), last };
        Chunk::received(place, front(bytes, len), 0)
    }

    /// Queues what `encode` writes; `None` if all that waits has to be written first.
    ///
    /// # Errors
    ///
    /// [`SendError::OutOfSpace`] for what does not fit the empty window.
    pub(super) fn fit<'m>(
        &mut self,
        encode: impl FnOnce(&mut Outgoing<Ro>, &mut [u8]) -> Result<usize, SendError>,
    ) -> Result<Option<&'m [u8]>, SendError> {
        match encode(&mut self.outgoing, self.window.space()) {
            Ok(n) => {
                self.window.fill(n);
                Ok(Some(&[]))
            }
            Err(SendError::OutOfSpace { needed }) if needed <= self.window.capacity() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Queues as much of a payload as fits, or none if it is to be written from where it lies;
    /// returns the rest.
    fn put_payload<'m>(&mut self, payload: &'m [u8]) -> &'m [u8] {
        let is_short = payload.len() <= self.window.capacity();
        if !Ro::IS_CLIENT && !is_short && self.window.is_empty() {
            return payload;
        }
        let n = self.outgoing.copy_payload(payload, self.window.space());
        self.window.fill(n);
        behind(payload, n)
    }
}
