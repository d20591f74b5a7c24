//! Writing to the stream what it takes.

use std::io;
use std::mem;
use std::task::{Context, Poll, ready};

use crate::connection::clock::Clock;
use crate::connection::output::Output;
use crate::io::duplex::BoxedDuplex;

/// What waits for the stream, and what is known of how it takes it.
#[derive(Debug, Default)]
pub(super) struct Sending {
    pub(super) output: Output,
    /// The stream took something that it may keep until it is flushed.
    is_held_back: bool,
    /// The stream took less than there was.
    is_refused: bool,
    /// Why nothing can be written any more.
    pub(super) broken: Option<io::Error>,
    /// Something that was sent will not leave.
    pub(super) has_lost: bool,
}

impl Sending {
    /// Tells whether nothing waits.
    pub(super) const fn is_flushed(&self) -> bool {
        self.output.unsent().is_empty() && !self.is_held_back
    }

    /// Writes as much as the stream takes. Ready: it keeps nothing back, or nothing can be written.
    pub(super) fn flush(
        &mut self,
        stream: &mut BoxedDuplex,
        clock: &mut Clock,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        if self.broken.is_some() || self.has_lost {
            self.give_up();
            return Poll::Ready(());
        }
        if let Err(error) = ready!(self.try_flush(stream, clock, context)) {
            self.give_up();
            self.broken = Some(error);
            clock.begin_last_bytes();
        }
        self.is_refused = false;
        Poll::Ready(())
    }

    /// Forgets what waits; nothing may be sent behind half a frame.
    pub(super) fn give_up(&mut self) {
        self.has_lost |= !self.is_flushed();
        self.is_held_back = false;
        self.output.clear();
    }

    fn try_flush(
        &mut self,
        stream: &mut BoxedDuplex,
        clock: &mut Clock,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.output.unsent().is_empty() {
            let polled = stream.as_mut().poll_write(context, self.output.unsent());
            match ready!(self.unless_refused(polled, clock))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                n => {
                    self.output.advance(n);
                    self.is_held_back = true;
                }
            }
        }
        if self.is_held_back {
            let polled = stream.as_mut().poll_flush(context);
            ready!(self.unless_refused(polled, clock))?;
            self.is_held_back = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Notes whether the stream refuses more. What it takes after it has refused is a sign of life: the
    /// peer has made room. What it takes at once only the system may have taken.
    fn unless_refused<T>(
        &mut self,
        polled: Poll<io::Result<T>>,
        clock: &mut Clock,
    ) -> Poll<io::Result<T>> {
        match &polled {
            Poll::Pending => self.is_refused = true,
            Poll::Ready(Ok(_)) if mem::take(&mut self.is_refused) => clock.progress(),
            Poll::Ready(_) => {}
        }
        polled
    }
}
