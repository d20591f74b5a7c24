//! What all modes have in common: who is let in, and the page.

use std::net::SocketAddr;
use std::sync::Arc;

use wirelet::handshake::Request;
use wirelet::{Close, Message};
use wirelet_host::{Answer, Closed, Context, Handler, Handshake, Hub, Peer, Response, StatusCode};

use super::access_log::AccessLog;
use super::admission::AdmissionArgs;
use super::console::Console;

/// The program's server.
pub(super) struct Front {
    pub(super) admission: AdmissionArgs,
    pub(super) console: Console,
    pub(super) access_log: Option<Arc<AccessLog>>,
    /// The mode.
    pub(super) work: Box<dyn Handler>,
}

impl Handler for Front {
    fn handshake(&self, handshake: &Handshake<'_>) -> Answer {
        if !self.admission.serves(handshake.request.path()) {
            return Answer::refuse(StatusCode::NOT_FOUND, "nothing is served at this path")
                .with_hint("--path PATH");
        }
        match self.work.handshake(handshake) {
            Answer::Accept(accept) => self.admission.complete(accept, handshake).into(),
            other => other,
        }
    }

    fn request(&self, request: &Request<'_>, hub: &Hub) -> Option<Response> {
        self.console.answer(request, hub)
    }

    fn answered(&self, head: &[u8], response: &Response, remote_addr: Option<SocketAddr>) {
        if let Some(log) = &self.access_log {
            log.answered(head, response, remote_addr);
        }
    }

    fn opened(&self, context: &mut Context<'_>) {
        self.work.opened(context);
    }

    fn message(&self, message: Message<'_>, context: &mut Context<'_>) {
        self.work.message(message, context);
    }

    fn closing(&self, close: Close<'_>, context: &mut Context<'_>) {
        self.work.closing(close, context);
    }

    fn closed(&self, peer: &Peer, closed: &Closed, hub: &Hub) {
        self.work.closed(peer, closed, hub);
        if let Some(log) = &self.access_log {
            log.closed(peer, closed);
        }
    }
}
