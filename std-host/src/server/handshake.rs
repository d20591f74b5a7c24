//! The opening handshake: gathering a head within its limits, and answering it.

use std::error::Error;
use std::net::SocketAddr;

use http::StatusCode;
use wirelet::handshake::{
    Acceptance, AllowList, BuildError, HeadScanner, Refusal, Request, RequestError, Status,
};

use crate::compression::{Agreement, Compression};
use crate::server::answer::{Accept, Answer, Handshake, Response, refusal, refusal_with_hint};
use crate::server::handler::Handler;
use crate::server::origins::KeptOut;
use crate::server::proxies::Proxies;
use crate::server::shared::Shared;

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

    /// Adds what comes behind the head.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
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

/// Returns who a request is from that a proxy has passed on.
pub(crate) fn client(
    head: &[u8],
    proxy: Option<SocketAddr>,
    proxies: &Proxies,
) -> Option<SocketAddr> {
    match Request::parse(head) {
        Ok(request) => proxies.client(proxy, &request),
        Err(_) => proxy,
    }
}

/// From where a request has come, and how.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Way {
    pub(crate) remote_addr: Option<SocketAddr>,
    pub(crate) local_addr: Option<SocketAddr>,
    pub(crate) is_tls: bool,
}

/// Decides about a request.
pub(crate) fn judge<H: Handler>(head: &[u8], way: Way, shared: &Shared<H>) -> Answer {
    match try_judge(head, way, shared) {
        Ok(answer) => answer,
        Err(error) => Answer::Refuse(refusal_of(error)),
    }
}

fn try_judge<H: Handler>(
    head: &[u8],
    way: Way,
    shared: &Shared<H>,
) -> Result<Answer, RequestError> {
    let request = Request::parse(head)?;
    // Whatever hosts are served: RFC 9112 §3.2 has a 400 for what is none.
    // And the name that the client was led to stands in `Host`, whatever an absolute target says.
    for host in [request.host()?, request.header("Host")] {
        if let Err(kept_out) = shared.rules.gate.check_host(host, may_be_a_page(&request)) {
            return Ok(kept_out.into());
        }
    }
    if !request.is_upgrade()
        && let Some(response) = shared.handler.request(&request, &shared.hub)
    {
        return Ok(Answer::Refuse(response));
    }
    let upgrade = request.upgrade()?;
    if let Err(kept_out) = shared.rules.gate.check_origin(&upgrade) {
        return Ok(kept_out.into());
    }
    let Way { remote_addr, local_addr, is_tls } = way;
    let handshake = Handshake { request, upgrade, remote_addr, local_addr, is_tls };
    Ok(shared.handler.handshake(&handshake))
}

/// Tells whether a page may have sent this, which knows no more of the server than the name that it has
/// for it. Browsers send an `Origin` with each request to upgrade (RFC 6455 §4.1), and let no script do it otherwise.
fn may_be_a_page(request: &Request<'_>) -> bool {
    !request.is_upgrade() || request.header("Origin").is_some()
}

impl From<KeptOut> for Answer {
    fn from(KeptOut { why, hint }: KeptOut) -> Self {
        Self::refuse(StatusCode::FORBIDDEN, why).with_hint(hint)
    }
}

/// The response to a request that is none.
pub(crate) fn refusal_of(error: RequestError) -> Response {
    let status = StatusCode::from_u16(error.status().get());
    let status = status.unwrap_or(StatusCode::BAD_REQUEST);
    match error {
        RequestError::HeadTooLong => {
            refusal_with_hint(status, &error, "Limits::handshake_bytes, --max-handshake")
        }
        _ => refusal(status, &error),
    }
}

/// Appends the response that accepts a request to `out`; returns the path that was asked for, and how messages
/// are compressed.
pub(crate) fn accept(
    head: &[u8],
    accept: &Accept,
    compression: Option<&Compression>,
    out: &mut Vec<u8>,
) -> Option<(String, Option<Agreement>)> {
    let request = Request::parse(head).ok()?;
    let upgrade = request.upgrade().ok()?;
    let headers: Vec<(&str, &str)> =
        accept.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    let deflate = compression.and_then(|compression| compression.accept(upgrade.extensions()));
    let acceptance = Acceptance::new()
        .deflate(deflate)
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
    let agreement = compression.zip(deflate).map(|(ours, agreed)| ours.of_server(agreed));
    Some((request.path().to_owned(), agreement))
}

/// Appends a response to `out`, for a request that begins with `received`; what cannot be sent becomes a
/// 500.
pub(crate) fn respond(response: &Response, received: &[u8], out: &mut Vec<u8>) {
    let at = out.len();
    if let Err(error) = try_respond(response, out) {
        tracing::error!(status = %response.status(), "the handler's response cannot be sent: {error}");
        out.truncate(at);
        let refusal = Refusal::new(Status::INTERNAL_SERVER_ERROR);
        let _ = append(out, 0, |space| refusal.encode(space));
    } else if received.trim_ascii_start().starts_with(b"HEAD ") {
        // RFC 9110 §9.3.2: "the server MUST NOT send content in the response"; whatever follows the
        // request, and however it ends.
        out.truncate(out.len() - response.body().len());
    }
}

fn try_respond(response: &Response, out: &mut Vec<u8>) -> Result<(), Box<dyn Error>> {
    let mut headers = Vec::with_capacity(response.headers().len());
    for (name, value) in response.headers() {
        // What is beyond ASCII goes as it is (RFC 9110 §5.5: `obs-text`).
        let value = str::from_utf8(value.as_bytes())
            .map_err(|error| format!("the value of {name} is not UTF-8: {error}"))?;
        headers.push((name.as_str(), value));
    }
    let status = Status::new(response.status().as_u16()).ok_or(BuildError::Status)?;
    let refusal = Refusal::new(status).headers(&headers).body(response.body());
    let extra = len_of(&headers) + response.body().len();
    Ok(append(out, extra, |space| refusal.encode(space))?)
}

/// Returns a response as [`respond`] sends it, with all of its header fields, for another to send.
pub(crate) fn complete(response: &Response, received: &[u8]) -> Response {
    let mut out = Vec::new();
    respond(response, received, &mut out);
    let head_len = HeadScanner::new().scan(&out).ok().flatten().unwrap_or(out.len());
    let body = out.split_off(head_len);
    parse(&out).map(|()| body.into())
}

/// Reads the head of a response that was written here.
pub(crate) fn parse(head: &[u8]) -> http::Response<()> {
    let mut lines = head.split(|byte| *byte == b'\n');
    // `HTTP/1.1 101 Switching Protocols`
    let status = lines.next().and_then(|line| line.split(|byte| *byte == b' ').nth(1));
    let mut response = http::Response::builder().status(status.unwrap_or_default());
    for line in lines {
        if let Some(at) = line.iter().position(|byte| *byte == b':') {
            response = response.header(&line[..at], line[at + 1..].trim_ascii());
        }
    }
    response.body(()).unwrap_or_default()
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
