//! The request that every connection begins with, and the answer to it.

use core::time::Duration;

use embedded_io::Write as _;
use smoltcp::socket::tcp::{Socket, State};
use wirelet::Deadline;
use wirelet::handshake::{
    Acceptance, BuildError, HandshakeError, HeadScanner, Refusal, Request, RequestError, Status,
    Upgrade,
};

use super::client::Service;
use super::slot::{HANDSHAKE_TIME, Step, Turn};
use super::storage::RING_LEN;

/// The state of a connection until its request has been answered.
pub(crate) struct Handshake {
    scanner: HeadScanner,
    pub(crate) deadline: Deadline,
}

impl Handshake {
    pub(crate) const fn new(now: Duration) -> Self {
        Self { scanner: HeadScanner::new(), deadline: Deadline::after(HANDSHAKE_TIME, now) }
    }

    /// Answers the request once its head is whole.
    pub(crate) fn serve(&mut self, socket: &mut Socket<'_>, turn: &mut Turn<'_>) -> Step {
        if self.deadline.remaining(turn.now).is_none() {
            return Step::Abort;
        }
        if !socket.may_send() {
            return Step::Wait; // TCP's own handshake has not ended
        }
        // The ring of a new connection begins at its first byte, so that the head lies there in
        // one piece. The frames that follow it stay in the ring.
        let received = socket.recv(|ring| match self.scanner.scan(ring) {
            Ok(Some(head_len @ ..=HEAD_LEN)) => (head_len, Some(answer(&ring[..head_len], turn))),
            Ok(None) if ring.len() <= HEAD_LEN => (0, None),
            Ok(_) => (0, Some(refuse(RequestError::HeadTooLong.into(), turn))),
            Err(error) => (0, Some(refuse(error.into(), turn))),
        });
        match received {
            Ok(Some(Ok(Answer { len, step }))) => {
                // It fits: nothing was sent before, and the ring is as long as the scratch space.
                let _ = socket.send_slice(&turn.scratch[..len]);
                step
            }
            Ok(None) if socket.state() != State::CloseWait => Step::Wait,
            // The peer has closed TCP before the head was whole, or the answer could not be built.
            Ok(None | Some(Err(_))) | Err(_) => Step::Close,
        }
    }
}

/// So many bytes of the scratch space are to be sent, and then this is to be done.
struct Answer {
    len: usize,
    step: Step,
}

fn answer(head: &[u8], turn: &mut Turn<'_>) -> Result<Answer, HandshakeError> {
    let request: Request<'_> = match Request::parse(head) {
        Ok(request) => request,
        Err(error) => return refuse(error.into(), turn),
    };
    if request.is_upgrade() {
        return match request.upgrade() {
            Ok(upgrade) => open(&upgrade, Service::at(request.path()), turn),
            Err(error) => refuse(error.into(), turn),
        };
    }
    let with_body = match request.method() {
        "GET" => true,
        "HEAD" => false,
        _ => return refuse(RequestError::Method.into(), turn),
    };
    match request.path() {
        "/" => {
            let len = respond("text/html; charset=utf-8", PAGE.len(), "", turn.scratch)?;
            let rest = if with_body { PAGE } else { b"" };
            Ok(Answer { len, step: Step::Respond(rest) })
        }
        "/status" => {
            let json = turn.status.to_json();
            let body = if with_body { &*json } else { "" };
            let len = respond("application/json", json.len(), body, turn.scratch)?;
            Ok(Answer { len, step: Step::Close })
        }
        _ => {
            let refusal = Refusal::new(Status::NOT_FOUND)
                .body(b"here are / and /status, and WebSockets at every path\n");
            refuse(refusal, turn)
        }
    }
}

fn open(
    upgrade: &Upgrade<'_>,
    service: Service,
    turn: &mut Turn<'_>,
) -> Result<Answer, HandshakeError> {
    if turn.status.free() == 0 {
        let refusal = Refusal::new(Status::SERVICE_UNAVAILABLE)
            .headers(&[("Retry-After", "5")])
            .body(b"all places are taken\n");
        return refuse(refusal, turn);
    }
    // A page of another site must not talk to the board through the browser of who looks at it.
    match upgrade.accept(&Acceptance::new(), turn.scratch) {
        Err(HandshakeError::Request(error)) => refuse(error.into(), turn),
        accepted => Ok(Answer { len: accepted?, step: Step::Open(service) }),
    }
}

fn refuse(refusal: Refusal<'_>, turn: &mut Turn<'_>) -> Result<Answer, HandshakeError> {
    turn.counters.refused += 1;
    Ok(Answer { len: refusal.encode(turn.scratch)?, step: Step::Close })
}

/// Writes the response to a plain request, with as much of its body as is given; returns its length.
fn respond(
    content_type: &str,
    body_len: usize,
    body: &str,
    out: &mut [u8],
) -> Result<usize, BuildError> {
    let capacity = out.len();
    let mut rest = out;
    write!(
        rest,
        "HTTP/1.1 200 OK\r\n\
         Content-Type: {content_type}\r\n\
         Content-Length: {body_len}\r\n\
         Cache-Control: no-store\r\n\
         Connection: close\r\n\r\n\
         {body}"
    )
    .map_err(|_| BuildError::OutOfSpace)?;
    Ok(capacity - rest.len())
}

/// The longest head of a request in bytes; a browser's has about 600.
///
/// Half of the ring is more than enough to see that a head is longer: into less than half of the
/// largest window, a peer may send nothing for seconds (RFC 9293 §3.8.6.2.1).
pub const HEAD_LEN: usize = RING_LEN / 2;

/// The status page.
const PAGE: &[u8] = include_bytes!("page.html");
