//! A connection before it is open: who it is from, its request, and the answer to that.

use std::io;
use std::net::SocketAddr;

use http::StatusCode;

use super::ask::Asked;
use super::open::Accepted;
use super::{Phase, Session};
use crate::hub::endings::Ending;
use crate::io::is_temporary;
use crate::server::addresses::Counted;
use crate::server::answer::{Accept, Answer, Response, refusal};
use crate::server::handler::{Closed, Handler};
use crate::server::handshake::{self, Head, Way};
use crate::server::log;
use crate::server::proxies::{Proxies, canonical};
use crate::server::proxy_header::{NoHeader, ProxyHeader, Source};
use crate::server::timer::Why;
use crate::server::turn::Turn;

/// What is known of a connection that is not open.
pub(super) struct Handshake {
    head: Head,
    /// That of the socket, until a proxy has told another.
    remote_addr: Option<SocketAddr>,
    /// What a proxy sends in front of all else, while it is not whole.
    proxy_header: Option<ProxyHeader>,
    /// The fields of the request may tell another address.
    is_forwarded: bool,
    /// By its address, once it is let in.
    counted: Option<Counted>,
    /// The handler was asked about the head, which has this length.
    asked: Option<(Asked, usize)>,
}

impl Handshake {
    pub(super) fn new(remote_addr: Option<SocketAddr>, proxies: &Proxies) -> Self {
        Self {
            head: Head::default(),
            remote_addr,
            proxy_header: proxies.has_header.then(ProxyHeader::default),
            is_forwarded: proxies.may_forward(remote_addr),
            counted: None,
            asked: None,
        }
    }

    pub(super) const fn awaits_proxy_header(&self) -> bool {
        self.proxy_header.is_some()
    }

    /// Returns the address of the client, unless a proxy is still to tell it.
    pub(super) fn known_addr(&self) -> Option<SocketAddr> {
        self.remote_addr.filter(|_| !self.awaits_proxy_header() && !self.is_forwarded)
    }

    /// Tells whether no more is read while the handler thinks: as much as a request may have.
    pub(super) fn is_full_while_asked(&self) -> bool {
        self.asked.as_ref().is_some_and(|(_, head_len)| {
            self.head.received().len() >= head_len.saturating_add(EARLY_BYTES)
        })
    }
}

impl Session {
    /// Reads what a proxy sends in front, and nothing behind that; returns how much.
    pub(super) fn read_proxy_header<H: Handler>(&mut self, turn: &mut Turn<'_, H>) -> usize {
        let Phase::Handshake(handshake) = &mut self.phase else { return 0 };
        let (Some(header), Some(plain)) = (&mut handshake.proxy_header, self.socket.stream.plain())
        else {
            return 0;
        };
        let mut n_read = 0;
        let source = loop {
            match header.read(plain) {
                Ok((0, _)) => break Err(Closed::Eof),
                Ok((n, Ok(None))) => n_read += n,
                Ok((n, source)) => {
                    n_read += n;
                    break Ok(source);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_temporary(&error) => {
                    self.readable = false;
                    return n_read;
                }
                Err(error) => break Err(Closed::Io(error)),
            }
        };
        match source {
            Ok(Ok(source)) => {
                handshake.proxy_header = None;
                if let Some(Source::Told(addr)) = source {
                    handshake.remote_addr = Some(canonical(addr));
                    let proxies = &turn.shared.rules.proxies;
                    handshake.is_forwarded = proxies.may_forward(handshake.remote_addr);
                }
                log::note_addr(turn.span, handshake.known_addr());
            }
            Ok(Err(NoHeader)) => {
                turn.shared.hub.count_ending(Ending::NoProxyHeader);
                let why = "the connection does not begin with a PROXY header";
                let hint = "no Builder::proxy_protocol, no --proxy-protocol";
                let (received, addr) = (Some(header.received()), handshake.remote_addr);
                log::dropped(why, hint, received, addr, &turn.shared.refusals);
                self.phase = Phase::Over;
            }
            Err(closed) => {
                self.readable = false;
                self.end_with(closed, turn);
            }
        }
        n_read
    }

    /// Handles received bytes of the request, and of what comes behind it.
    pub(super) fn receive_request<H: Handler>(&mut self, bytes: &[u8], turn: &mut Turn<'_, H>) {
        let Phase::Handshake(handshake) = &mut self.phase else { return };
        // What comes behind the request waits for the answer to that.
        if handshake.asked.is_some() {
            return handshake.head.append(bytes);
        }
        match handshake.head.push(bytes, turn.shared.rules.limits.handshake_bytes) {
            Ok(None) => {}
            Ok(Some(head_len)) => self.judge(head_len, turn),
            Err(error) => self.respond(&handshake::refusal_of(error), Ending::Answered, turn),
        }
    }

    /// Decides about a request, whose head has come.
    fn judge<H: Handler>(&mut self, head_len: usize, turn: &mut Turn<'_, H>) {
        let Phase::Handshake(handshake) = &mut self.phase else { return };
        let head = &handshake.head.received()[..head_len];
        if handshake.is_forwarded {
            let proxies = &turn.shared.rules.proxies;
            handshake.remote_addr = handshake::client(head, handshake.remote_addr, proxies);
            handshake.is_forwarded = false;
            log::note_addr(turn.span, handshake.remote_addr);
        }
        match turn.shared.let_in(handshake.remote_addr) {
            Ok(counted) => {
                handshake.counted = counted;
                self.is_let_in = true;
                let stream = &mut self.socket.stream;
                let is_tls = stream.is_tls();
                let local_addr = stream.plain().and_then(|plain| plain.local_addr());
                let local_addr = local_addr.map(canonical);
                let way = Way { remote_addr: handshake.remote_addr, local_addr, is_tls };
                let answer = handshake::judge(head, way, turn.shared);
                self.answer(head_len, answer, turn);
            }
            Err(full) => self.respond(&full.response(), full.ending(), turn),
        }
    }

    /// Does what the handler says to a request.
    fn answer<H: Handler>(&mut self, head_len: usize, answer: Answer, turn: &mut Turn<'_, H>) {
        match answer {
            Answer::Accept(accept) => self.accept(head_len, accept, turn),
            Answer::Refuse(response) => self.respond(&response, Ending::Answered, turn),
            Answer::Later(later) => {
                if let Phase::Handshake(handshake) = &mut self.phase {
                    handshake.asked = Some((Asked::new(later, turn), head_len));
                }
            }
        }
    }

    /// Takes the answer that was waited for, if it has come.
    pub(super) fn take_answer<H: Handler>(&mut self, turn: &mut Turn<'_, H>) {
        let Phase::Handshake(handshake) = &mut self.phase else { return };
        let Some((asked, head_len)) = &mut handshake.asked else { return };
        if let Some(answer) = asked.take() {
            let head_len = *head_len;
            handshake.asked = None;
            self.answer(head_len, answer, turn);
        }
    }

    fn accept<H: Handler>(&mut self, head_len: usize, accept: Accept, turn: &mut Turn<'_, H>) {
        let Phase::Handshake(handshake) = &self.phase else { return };
        let head = &handshake.head.received()[..head_len];
        let compression = turn.shared.rules.compression.as_ref();
        let Some(agreed) = handshake::accept(head, &accept, compression, turn.output) else {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            let response = refusal(status, &"the acceptance cannot be sent");
            return self.respond(&response, Ending::Answered, turn);
        };
        let kept = turn.shared.rules.keeps_requests.then(|| head.into());
        let Phase::Handshake(handshake) = std::mem::replace(&mut self.phase, Phase::Over) else {
            return;
        };
        let accepted =
            Accepted::new(agreed, accept, handshake.remote_addr, kept, handshake.counted);
        let mut received = handshake.head.into_received();
        if turn.shared.serve.is_some() {
            received.drain(..head_len);
            self.phase = Phase::Accepted(Box::new((accepted, received)));
            if let Err(error) = self.socket.send([turn.output]) {
                self.end_with(Closed::Io(error), turn);
            }
            turn.output.clear();
        } else {
            self.open(accepted, &received[head_len..], turn);
        }
    }

    /// Responds to a request without opening a connection.
    fn respond<H: Handler>(&mut self, response: &Response, ending: Ending, turn: &mut Turn<'_, H>) {
        let Phase::Handshake(handshake) = &self.phase else { return };
        let received = handshake.head.received();
        log::answered(response, received, handshake.remote_addr, &turn.shared.refusals);
        turn.shared.handler.answered(received, response, handshake.remote_addr);
        turn.shared.hub.count_response(response.status());
        turn.shared.hub.count_ending(ending);
        turn.output.clear();
        handshake::respond(response, received, turn.output);
        self.phase = Phase::Lingering;
        if std::mem::take(&mut self.is_let_in) {
            turn.shared.count.let_out();
        }
        self.timer.wait(Why::Linger, turn.now);
        if self.socket.send([turn.output]).is_err() {
            self.phase = Phase::Over;
        }
        turn.output.clear();
    }

    /// Nothing has come of a request in time.
    pub(super) fn time_out<H: Handler>(&mut self, turn: &mut Turn<'_, H>) {
        let Phase::Handshake(handshake) = &self.phase else {
            self.phase = Phase::Over;
            return;
        };
        if handshake.asked.is_some() {
            let why = "the server did not decide in time";
            let response = refusal(StatusCode::SERVICE_UNAVAILABLE, &why);
            self.respond(&response, Ending::AnswerTimeout, turn);
        } else {
            turn.shared.hub.count_ending(Ending::NoRequest);
            tracing::debug!("no request within {:?}", turn.shared.rules.limits.handshake_time);
            self.phase = Phase::Over;
        }
    }

    /// Makes room for another, as the oldest that is not open.
    pub(crate) fn give_way<H>(&mut self, turn: &Turn<'_, H>) {
        if let Phase::Handshake(handshake) = &self.phase {
            turn.shared.hub.count_ending(Ending::Dropped);
            let why = "there are too many handshakes under way, of which the oldest is dropped";
            let hint = "Limits::handshakes, --max-handshakes, more open files (ulimit -n)";
            log::dropped(why, hint, None, handshake.remote_addr, &turn.shared.refusals);
        }
        self.phase = Phase::Over;
    }

    /// Drops a connection that has not sent its request yet.
    pub(crate) fn give_up_handshake<H>(&mut self, turn: &Turn<'_, H>) {
        if matches!(self.phase, Phase::Handshake(_)) {
            turn.shared.hub.count_ending(Ending::Shutdown);
            self.phase = Phase::Over;
        }
    }
}

/// So much is read of what a client sends before it is let in, in bytes.
const EARLY_BYTES: usize = 16 * 1024;
