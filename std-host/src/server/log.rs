//! What is logged of a connection: the span in which all of it stands, and why a request is refused.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tracing::Span;
use tracing::field::{Empty, display};
use wirelet::handshake::{HeadScanner, Request};

use crate::hub::peer::Peer;
use crate::server::answer::Response;

/// The span of a connection that is not open yet.
///
/// Spans are made for a turn, so that a connection that waits has none. While nobody wants to know, that
/// costs the comparison of a level.
pub(crate) fn span_of_request(remote_addr: Option<SocketAddr>) -> Span {
    let remote_addr = remote_addr.map(display);
    tracing::info_span!(target: SPAN, "connection", id = Empty, remote_addr, path = Empty)
}

/// The span of a connection that is open.
pub(crate) fn span_of(peer: &Peer) -> Span {
    tracing::info_span!(
        target: SPAN,
        "connection",
        id = u64::from(peer.id()),
        remote_addr = peer.remote_addr().map(display),
        path = beginning(peer.path())
    )
}

/// Adds what is known of a connection once it is open.
pub(crate) fn note_open(span: &Span, peer: &Peer) {
    if !span.is_disabled() {
        span.record("id", u64::from(peer.id())).record("path", beginning(peer.path()));
    }
}

/// Logs which response a request, which begins with `received`, has got.
pub(crate) fn answered(
    response: &Response,
    received: &[u8],
    remote_addr: Option<SocketAddr>,
    throttle: &Throttle,
) {
    let status = response.status().as_u16();
    if status < 400 {
        return tracing::debug!(status, "answered");
    }
    let head_len = HeadScanner::new().scan(received).ok().flatten();
    let request = head_len.and_then(|len| Request::parse(&received[..len]).ok());
    let path = request.as_ref().map(|request| beginning(request.path()));
    let origin = request.as_ref().and_then(|request| request.header("Origin"));
    let origin = origin.map(|origin| beginning(str::from_utf8(origin).unwrap_or("no UTF-8")));
    let body = str::from_utf8(response.body()).unwrap_or_default();
    let why = body.lines().next().map(beginning);
    let remote_addr = remote_addr.map(display);
    match throttle.next() {
        Some(n) if n < LINES => {
            tracing::warn!(status, why, path, origin, remote_addr, "a request was refused");
        }
        Some(_) => tracing::warn!(
            status,
            why,
            path,
            origin,
            remote_addr,
            "a request was refused; others within this second are told of at debug"
        ),
        None => tracing::debug!(status, why, path, origin, remote_addr, "a request was refused"),
    }
}

/// Lets some lines a second through, as anybody can cause them.
#[derive(Debug)]
pub(crate) struct Throttle {
    began: Instant,
    /// The second, and in the lowest byte how many lines it has had.
    last: AtomicU64,
}

impl Throttle {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), last: AtomicU64::new(0) }
    }

    /// Returns the number of the line in this second, from 1 to [`LINES`].
    fn next(&self) -> Option<u64> {
        self.next_at(self.began.elapsed().as_secs())
    }

    fn next_at(&self, second: u64) -> Option<u64> {
        let number = |last: u64| if last >> 8 == second { (last & 0xff) + 1 } else { 1 };
        let step = |last| Some(number(last)).filter(|n| *n <= LINES).map(|n| second << 8 | n);
        self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).ok().map(number)
    }
}

/// As much of a text as is logged.
fn beginning(text: &str) -> &str {
    let end = (0..=SHOWN.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or_default()]
}

/// By which the spans can be turned on and off by themselves.
const SPAN: &str = "wirelet_host::connection";

/// So many refusals are logged in a second. Fits a byte.
const LINES: u64 = 20;

/// So much of what a peer says is logged, in bytes.
const SHOWN: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_so_many_lines_and_the_next_as_many() {
        let throttle = Throttle::new();
        for second in [0, 1, 5] {
            let lines: Vec<_> = (0..LINES + 3).map_while(|_| throttle.next_at(second)).collect();
            assert_eq!(lines, (1..=LINES).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_is_long_is_cut_between_characters() {
        assert_eq!(beginning("/short"), "/short");
        let long = "é".repeat(SHOWN);
        assert_eq!(beginning(&format!("/{long}")).len(), SHOWN - 1);
    }
}
