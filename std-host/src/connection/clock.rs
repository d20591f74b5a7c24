//! The one timer of a connection.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};
use wirelet::{Action, Deadline, Keepalive};

use crate::connection::bounds::Bounds;

/// Knows what is due.
#[derive(Debug)]
pub(super) struct Clock {
    since: Instant,
    waits_for: Wait,
    close_time: Duration,
    close_limit: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug)]
enum Wait {
    /// Any sign of life.
    Keepalive(Keepalive),
    /// Whoever sends, who may still have something for a peer that has broken the protocol.
    Telling(Deadline),
    /// The end of the connection: both that from the last progress and the one that counts for all
    /// must be still to come.
    Closing { from_progress: Deadline, overall: Deadline },
    /// The peer's last bytes, when none can be sent to it any more.
    LastBytes(Deadline),
}

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    Ping,
    /// To tell the peer that it has broken the protocol.
    Tell,
    End,
}

impl Clock {
    pub(super) fn new(bounds: &Bounds) -> Self {
        let keepalive = Keepalive::new(bounds.ping_interval, bounds.ping_timeout, Duration::ZERO);
        Self {
            since: Instant::now(),
            waits_for: Wait::Keepalive(keepalive),
            close_time: bounds.close_time,
            close_limit: bounds.close_limit,
            sleep: None,
        }
    }

    /// Notes that bytes have come, or that the peer has taken some that it had refused.
    pub(super) fn progress(&mut self) {
        let now = self.since.elapsed();
        match &mut self.waits_for {
            Wait::Keepalive(keepalive) => keepalive.heard(now),
            Wait::Closing { from_progress, .. } => {
                *from_progress = Deadline::after(self.close_time, now);
            }
            Wait::Telling(_) | Wait::LastBytes(_) => {}
        }
    }

    /// Notes that nobody listens to the peer now, who may speak or not.
    pub(super) fn excuse(&mut self) {
        if let Wait::Keepalive(keepalive) = &mut self.waits_for {
            keepalive.heard(self.since.elapsed());
        }
    }

    /// A close frame waits for what else is sent.
    pub(super) fn begin_telling(&mut self) {
        if let Wait::Keepalive(_) = self.waits_for {
            let deadline = Deadline::after(self.close_time, self.since.elapsed());
            self.waits_for = Wait::Telling(deadline);
        }
    }

    /// A close frame was sent or is about to be.
    pub(super) fn begin_closing(&mut self) {
        if let Wait::Keepalive(_) | Wait::Telling(_) = self.waits_for {
            let now = self.since.elapsed();
            self.waits_for = Wait::Closing {
                from_progress: Deadline::after(self.close_time, now),
                overall: Deadline::after(self.close_limit, now),
            };
        }
    }

    /// Nothing can be sent any more.
    pub(super) fn begin_last_bytes(&mut self) {
        self.waits_for = Wait::LastBytes(Deadline::after(LAST_BYTES, self.since.elapsed()));
    }

    /// Waits until something is due. A ping is taken as sent.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Due> {
        loop {
            let now = self.since.elapsed();
            let remaining = match &mut self.waits_for {
                Wait::Keepalive(keepalive) => match keepalive.poll(now) {
                    Action::Wait(Duration::MAX) => return Poll::Pending,
                    Action::Wait(wait) => Some(wait),
                    Action::Ping => return Poll::Ready(Due::Ping),
                    Action::Disconnect => None,
                },
                Wait::Closing { from_progress, overall } => {
                    from_progress.remaining(now).min(overall.remaining(now))
                }
                Wait::Telling(deadline) => match deadline.remaining(now) {
                    None => return Poll::Ready(Due::Tell),
                    remaining => remaining,
                },
                Wait::LastBytes(deadline) => deadline.remaining(now),
            };
            let Some(remaining) = remaining else { return Poll::Ready(Due::End) };
            let until = Instant::now() + remaining.min(LONGEST_SLEEP);
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
            // One that ends too early looks again; so progress costs nothing here.
            if sleep.is_elapsed() || sleep.deadline() > until {
                sleep.as_mut().reset(until);
            }
            if sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

/// How long to wait for what the peer has sent before the stream broke: it is there already, but the
/// system may not have told of it.
const LAST_BYTES: Duration = Duration::from_secs(1);

/// Longer ones would overflow.
const LONGEST_SLEEP: Duration = Duration::from_secs(24 * 3600);
