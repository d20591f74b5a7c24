//! Waiting for a handler that answers a request later.

use std::sync::Arc;

use http::StatusCode;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use crate::hub::wake::{Letter, Mail};
use crate::server::answer::{Answer, Later};
use crate::server::worker::Turn;

/// A handler that was asked and has not answered yet. Dropped, it is not asked any more.
pub(super) struct Asked(oneshot::Receiver<Answer>);

impl Asked {
    /// Awaits the answer in a task; a letter tells when it is there.
    pub(super) fn new<H>(later: Later, turn: &Turn<'_, H>) -> Self {
        let (mut sender, receiver) = oneshot::channel();
        let letter = Letter { slot: turn.slot, id: None };
        let told = TellAtEnd { mail: Arc::clone(turn.mail), letter };
        tokio::spawn(async move {
            let mut answer = Answer::Later(later);
            while let Answer::Later(later) = answer {
                answer = tokio::select! {
                    answer = later => answer,
                    () = sender.closed() => return,
                };
            }
            let _ = sender.send(answer);
            drop(told);
        });
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

/// Sends a letter at its end, also when a panic leads to it.
struct TellAtEnd {
    mail: Arc<Mail>,
    letter: Letter,
}

impl Drop for TellAtEnd {
    fn drop(&mut self) {
        self.mail.send(self.letter);
    }
}
