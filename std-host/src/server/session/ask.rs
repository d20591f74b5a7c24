//! Waiting for a handler that answers a request later.

use std::sync::Arc;

use http::StatusCode;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;
use tracing::Instrument as _;

use crate::hub::wake::{Token, WakeQueue};
use crate::server::answer::{Answer, Later};
use crate::server::turn::Turn;

/// A handler that was asked and has not answered yet. Dropped, it is not asked any more.
pub(super) struct Asked(oneshot::Receiver<Answer>);

impl Asked {
    /// Awaits the answer in a task; the worker is woken when it is there.
    pub(super) fn new<H>(later: Later, turn: &Turn<'_, H>) -> Self {
        let (mut sender, receiver) = oneshot::channel();
        let token = Token { slot: turn.slot, id: None };
        let woken = WakeAtEnd { queue: Arc::clone(turn.queue), token };
        let asking = async move {
            let mut answer = Answer::Later(later);
            while let Answer::Later(later) = answer {
                answer = tokio::select! {
                    answer = later => answer,
                    () = sender.closed() => return,
                };
            }
            let _ = sender.send(answer);
            drop(woken);
        };
        tokio::spawn(asking.instrument(turn.span.clone()));
        Self(receiver)
    }

    /// Returns the answer, if it has come.
    pub(super) fn take(&mut self) -> Option<Answer> {
        match self.0.try_recv() {
            Ok(answer) => Some(answer),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Closed) => {
                tracing::error!("the handler has panicked while it thought about a request");
                let why = "the handler has failed";
                Some(Answer::refuse(StatusCode::INTERNAL_SERVER_ERROR, why))
            }
        }
    }
}

/// Wakes the worker at its end, also when a panic leads to it.
struct WakeAtEnd {
    queue: Arc<WakeQueue>,
    token: Token,
}

impl Drop for WakeAtEnd {
    fn drop(&mut self) {
        self.queue.wake(self.token);
    }
}
