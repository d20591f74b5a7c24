//! The opening handshake: gathering a head within its limits, and answering it.

use std::io;
use std::net::SocketAddr;

use http::StatusCode;
use wirelet::handshake::{
    Acceptance, AllowList, BuildError, HeadScanner, Refusal, Request, RequestError, Status,
};

use crate::server::answer::{Accept, Answer, Handshake, Response, refusal};
use crate::server::handler::Handler;
use crate::server::service::Shared;

/// A head that arrives in pieces, with what comes behind it.
#[derive(Debug, Default)]
pub(crate) struct Head {
    received: Vec<u8>,
    scanner: HeadScanner,
}

impl Head {
    /// Adds what was received; returns the length of the head, which is at most `limit`, once it
    /// is whole.
    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        limit: usize,
    ) -> Result<Option<usize>, RequestError> {
        self.received.extend_from_slice(bytes);
        match self.scanner.scan(&self.received)? {
            Some(len) if len <= limit => Ok(Some(len)),
            None if self.received.len() <= limit => Ok(None),
            _ => Err(RequestError::HeadTooLong),
        }
    }

    /// Returns all that was received.
    pub(crate) fn received(&self) -> &[u8] {
        &self.received
    }

    /// Returns all that was received.
    pub(crate) fn into_received(self) -> Vec<u8> {
        self.received
    }
}

/// Decides about a request.
pub(crate) fn judge<H: Handler>(
    head: &[u8],
    remote_addr: Option<SocketAddr>,
    shared: &Shared<H>,
) -> Answer {
    match try_judge(head, remote_addr, shared) {
        Ok(answer) => answer,
        Err(error) => Answer::Refuse(refusal_of(error)),
    }
}

fn try_judge<H: Handler>(
    head: &[u8],
    remote_addr: Option<SocketAddr>,
    shared: &Shared<H>,
) -> Result<Answer, RequestError> {
    let request = Request::parse(head)?;
    if let Err(why) = shared.gate.check_host(&request) {
        return Ok(Answer::refuse(StatusCode::FORBIDDEN, why));
    }
    if !request.is_upgrade()
        && let Some(response) = shared.handler.request(&request, &shared.hub)
    {
        return Ok(Answer::Refuse(response));
    }
    let upgrade = request.upgrade()?;
    if let Err(why) = shared.gate.check(&upgrade) {
        return Ok(Answer::refuse(StatusCode::FORBIDDEN, why));
    }
    Ok(shared.handler.handshake(&Handshake { request, upgrade, remote_addr }))
}

/// The response to a request that is none.
pub(crate) fn refusal_of(error: RequestError) -> Response {
    let status = StatusCode::from_u16(error.status().get());
    refusal(status.unwrap_or(StatusCode::BAD_REQUEST), &error)
}

/// Appends the response that accepts a request to `out`; returns the path that was asked for.
pub(crate) fn accept(head: &[u8], accept: &Accept, out: &mut Vec<u8>) -> Option<String> {
    let request = Request::parse(head).ok()?;
    let upgrade = request.upgrade().ok()?;
    let headers: Vec<(&str, &str)> =
        accept.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    let acceptance = Acceptance::new()
        .subprotocol(accept.subprotocol.as_deref())
        .headers(&headers)
        // The gate has let it in.
        .origins(AllowList::Any);
    let extra = accept.subprotocol.as_ref().map_or(0, |name| name.len());
    let result = append(out, len_of(&headers) + extra, |space| upgrade.accept(&acceptance, space));
    if let Err(error) = result {
        tracing::error!(path = request.path(), "the handler's acceptance cannot be sent: {error}");
        return None;
    }
    Some(request.path().to_owned())
}

/// Appends a response to `out`; what cannot be sent becomes a 500.
pub(crate) fn respond(response: &Response, head: &[u8], out: &mut Vec<u8>) {
    let is_head = Request::parse(head).is_ok_and(|request| request.method() == "HEAD");
    let headers: Vec<(&str, &str)> = response
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect();
    let refusal = Status::new(response.status().as_u16())
        .map(|status| Refusal::new(status).headers(&headers).body(response.body()))
        .ok_or(BuildError::Status);
    let at = out.len();
    let extra = len_of(&headers) + response.body().len();
    if let Err(error) =
        refusal.and_then(|refusal| append(out, extra, |space| refusal.encode(space)))
    {
        tracing::error!(status = %response.status(), "the handler's response cannot be sent: {error}");
        out.truncate(at);
        let refusal = Refusal::new(Status::INTERNAL_SERVER_ERROR);
        let _ = append(out, 0, |space| refusal.encode(space));
    } else if is_head {
        // RFC 9110 §9.3.2: "the server MUST NOT send content in the response".
        out.truncate(out.len() - response.body().len());
    }
}

/// Appends a response, which takes some 250 bytes and `extra`.
fn append<E>(
    out: &mut Vec<u8>,
    extra: usize,
    encode: impl FnOnce(&mut [u8]) -> Result<usize, E>,
) -> Result<(), E> {
    let at = out.len();
    out.resize(at + 512 + extra, 0);
    let result = encode(&mut out[at..]);
    out.truncate(at + *result.as_ref().unwrap_or(&0));
    result.map(drop)
}

/// What header fields take.
fn len_of(headers: &[(&str, &str)]) -> usize {
    headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum()
}

/// The socket has nothing for us now, and may have later.
pub(crate) fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
