//! The opening handshake: the request as it comes, and what it gets.

use wirelet::handshake::{
    Acceptance, BuildError, HandshakeError, HeadScanner, Refusal, Request, RequestError, Status,
};

/// Gathers the head of a request.
#[derive(Debug, Default)]
pub(crate) struct Handshake {
    scanner: HeadScanner,
    received: Vec<u8>,
}

/// What has been appended to the output.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Nothing: the head has not ended.
    NotYet,
    /// The response that opens the connection; `early` are frames that came with the request.
    Accepted { early: Vec<u8> },
    /// The page or a refusal, after which TCP ends.
    Refused,
}

impl Handshake {
    /// Takes received bytes; appends the answer to `out` once the head is whole, or wrong.
    ///
    /// # Errors
    ///
    /// None of the answers below is longer than the buffer for it, or has a bad field.
    pub(crate) fn receive(
        &mut self,
        bytes: &[u8],
        full: bool,
        out: &mut Vec<u8>,
    ) -> Result<Answer, HandshakeError> {
        self.received.extend_from_slice(bytes);
        let head_len = match self.scanner.scan(&self.received) {
            Ok(Some(head_len)) if head_len <= MAX_HEAD_LEN => head_len,
            Ok(None) if self.received.len() <= MAX_HEAD_LEN => return Ok(Answer::NotYet),
            Ok(_) => return refuse_error(RequestError::HeadTooLong, out),
            Err(error) => return refuse_error(error, out),
        };
        let early = self.received.split_off(head_len);
        answer(&self.received, early, full, out)
    }
}

fn answer(
    head: &[u8],
    early: Vec<u8>,
    full: bool,
    out: &mut Vec<u8>,
) -> Result<Answer, HandshakeError> {
    let request: Request<'_> = match Request::parse(head) {
        Ok(request) => request,
        Err(error) => return refuse_error(error, out),
    };
    match request.upgrade() {
        Err(error) if error != RequestError::NotUpgrade => refuse_error(error, out),
        _ if request.path() != "/" => {
            refuse(&Refusal::new(Status::NOT_FOUND).body(b"all there is is /\n"), out)
        }
        Err(_) => refuse(&PAGE, out),
        Ok(_) if full => refuse(&FULL, out),
        Ok(upgrade) => match upgrade.respond(&Acceptance::new()) {
            Err(HandshakeError::Request(error)) => refuse_error(error, out),
            response => {
                let response = response?;
                append(out, |space| response.encode(space))?;
                Ok(Answer::Accepted { early })
            }
        },
    }
}

fn refuse_error(error: RequestError, out: &mut Vec<u8>) -> Result<Answer, HandshakeError> {
    refuse(&Refusal::from(error).body(format!("{error}\n").as_bytes()), out)
}

fn refuse(refusal: &Refusal<'_>, out: &mut Vec<u8>) -> Result<Answer, HandshakeError> {
    append(out, |space| refusal.encode(space))?;
    Ok(Answer::Refused)
}

fn append(
    out: &mut Vec<u8>,
    encode: impl FnOnce(&mut [u8]) -> Result<usize, BuildError>,
) -> Result<(), BuildError> {
    let len = out.len();
    out.resize(len + MAX_ANSWER_LEN, 0);
    let n = encode(&mut out[len..])?;
    out.truncate(len + n);
    Ok(())
}

/// What a browser gets that asks for a page; it opens the WebSocket.
const PAGE: Refusal<'_> = Refusal::new(Status::OK)
    .headers(&[("Content-Type", "text/html; charset=utf-8")])
    .body(include_bytes!("page.html"));

const FULL: Refusal<'_> =
    Refusal::new(Status::SERVICE_UNAVAILABLE).body(b"too many connections; try again later\n");

const MAX_HEAD_LEN: usize = 16 * 1024;
const MAX_ANSWER_LEN: usize = 4096;
