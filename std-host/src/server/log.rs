//! What is logged of a connection: the span in which all of it stands, and why a request is refused.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::Span;
use tracing::field::{Empty, display};
use wirelet::handshake::{HeadScanner, Request};

use crate::hub::peer::Peer;
use crate::server::answer::{Hint, Response};

/// The span of a connection that is not open yet.
///
/// Spans are made for a turn, so that a connection that waits has none. While nobody wants to know, that
/// costs the comparison of a level.
pub(crate) fn span_of_request(remote_addr: Option<SocketAddr>) -> Span {
    let remote_addr = remote_addr.map(display);
    tracing::info_span!(target: SPAN, "connection", id = Empty, remote_addr, path = Empty)
}

/// Adds who a request is from, once a proxy has told it.
pub(crate) fn note_addr(span: &Span, remote_addr: Option<SocketAddr>) {
    if let Some(addr) = remote_addr.filter(|_| !span.is_disabled()) {
        span.record("remote_addr", display(addr));
    }
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
    refusals: &Refusals,
) {
    let status = response.status().as_u16();
    if status < 400 {
        return tracing::debug!(status, "answered");
    }
    let head_len = HeadScanner::new().scan(received).ok().flatten();
    let request = head_len.and_then(|len| Request::parse(&received[..len]).ok());
    let field = |name| request.as_ref().and_then(|request| request.header(name)).map(shown);
    let body = String::from_utf8_lossy(response.body());
    let line = Line {
        status: Some(status),
        why: beginning(body.lines().next().unwrap_or_default()).to_owned(),
        hint: response.extensions().get::<Hint>().map(|hint| hint.0),
        path: request.as_ref().map(|request| beginning(request.path()).to_owned()),
        host: field("Host"),
        origin: field("Origin"),
        received: request.is_none().then(|| shown(first_line(received))),
    };
    refusals.tell(&line, remote_addr);
}

/// Logs that a connection was dropped without an answer, after it has sent this.
pub(crate) fn dropped(
    why: &str,
    hint: &'static str,
    received: Option<&[u8]>,
    remote_addr: Option<SocketAddr>,
    refusals: &Refusals,
) {
    let received = received.map(|received| shown(first_line(received)));
    let line = Line { why: why.to_owned(), hint: Some(hint), received, ..Line::default() };
    refusals.tell(&line, remote_addr);
}

macro_rules! write_line {
    ($level:ident, $line:expr, $remote_addr:expr, $others:expr, $message:literal) => {
        tracing::$level!(
            status = $line.status,
            why = $line.why,
            let_in_by = $line.hint,
            path = $line.path.as_deref(),
            host = $line.host.as_deref(),
            origin = $line.origin.as_deref(),
            received = $line.received.as_deref(),
            remote_addr = $remote_addr,
            others = $others,
            $message
        )
    };
}

/// What was refused, and why: what is the same for all who are refused alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Line {
    status: Option<u16>,
    why: String,
    hint: Option<&'static str>,
    path: Option<String>,
    host: Option<String>,
    origin: Option<String>,
    received: Option<String>,
}

/// Tells of refusals: of each kind once a minute, with how many others there were, and of so many kinds in a
/// second, as anybody can cause them.
#[derive(Debug)]
pub(crate) struct Refusals {
    throttle: Throttle,
    told: Mutex<Vec<Told>>,
}

#[derive(Debug)]
struct Told {
    line: Line,
    at: Instant,
    /// How many others there were since.
    n: u64,
}

impl Refusals {
    pub(crate) fn new() -> Self {
        Self { throttle: Throttle::new(), told: Mutex::default() }
    }

    fn tell(&self, line: &Line, remote_addr: Option<SocketAddr>) {
        let now = Instant::now();
        let mut kinds = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = |told: &Told| now.duration_since(told.at) >= SILENCE;
        // Those that nobody has repeated since, and the oldest if there are too many.
        let is_forgotten = |told: &mut Told| told.line != *line && is_due(told);
        let mut forgotten: Vec<Told> = kinds.extract_if(.., is_forgotten).collect();
        let others = match kinds.iter_mut().find(|told| told.line == *line) {
            Some(told) if !is_due(told) => {
                told.n += 1;
                None
            }
            Some(told) => {
                told.at = now;
                Some(std::mem::take(&mut told.n))
            }
            None => {
                forgotten.extend((kinds.len() >= KINDS).then(|| kinds.remove(0)));
                kinds.push(Told { line: line.clone(), at: now, n: 0 });
                Some(0)
            }
        };
        drop(kinds);
        for told in forgotten {
            if told.n > 0 && self.throttle.next().is_some() {
                told.line.sum_up(told.n);
            }
        }
        let remote_addr = remote_addr.map(display);
        let next = others.and_then(|others| Some((others, self.throttle.next()?)));
        let Some((others, n)) = next else {
            return write_line!(debug, line, remote_addr, others, "a request was refused");
        };
        let others = (others > 0).then_some(others);
        let more = if n < LINES { "" } else { "; others within this second are told of at debug" };
        write_line!(warn, line, remote_addr, others, "a request was refused{more}");
    }
}

impl Drop for Refusals {
    fn drop(&mut self) {
        let told = self.told.get_mut().unwrap_or_else(PoisonError::into_inner);
        told.iter().filter(|told| told.n > 0).for_each(|told| told.line.sum_up(told.n));
    }
}

impl Line {
    /// Tells how many were refused alike since this was logged.
    fn sum_up(&self, others: u64) {
        let remote_addr: Option<&str> = None;
        write_line!(warn, self, remote_addr, Some(others), "others were refused alike");
    }
}

/// Lets some lines a second through.
#[derive(Debug)]
struct Throttle {
    began: Instant,
    /// The second, and in the lowest byte how many lines it has had.
    last: AtomicU64,
}

impl Throttle {
    fn new() -> Self {
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

/// What came, without what may be a secret: a query, and header fields.
fn first_line(received: &[u8]) -> &[u8] {
    let received = received.trim_ascii_start();
    let end = received.iter().position(|byte| b"\r\n?".contains(byte));
    &received[..end.unwrap_or(received.len())]
}

/// What came, as far as it is logged.
fn shown(bytes: &[u8]) -> String {
    let bytes = &bytes[..bytes.len().min(SHOWN)];
    match str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.escape_ascii().to_string(),
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

/// So many kinds of refusals are kept in mind.
const KINDS: usize = 64;

/// For so long another of a kind is only counted.
const SILENCE: Duration = Duration::from_secs(60);

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
    fn kinds_are_kept_apart_and_counted_and_the_oldest_is_forgotten() {
        let refusals = Refusals::new();
        let line = |i: usize| Line { why: i.to_string(), ..Line::default() };
        let counts = || -> Vec<(String, u64)> {
            let told = refusals.told.lock().unwrap();
            told.iter().map(|told| (told.line.why.clone(), told.n)).collect()
        };
        for i in [0, 1, 0, 0] {
            refusals.tell(&line(i), None);
        }
        assert_eq!(counts(), [("0".into(), 2), ("1".into(), 0)]);
        // After the silence it is told of again, and the other is forgotten.
        for told in &mut *refusals.told.lock().unwrap() {
            told.at = told.at.checked_sub(SILENCE).unwrap();
        }
        refusals.tell(&line(0), None);
        assert_eq!(counts(), [("0".into(), 0)]);
        (1..2 * KINDS).for_each(|i| refusals.tell(&line(i), None));
        assert_eq!(counts().len(), KINDS);
    }

    #[test]
    fn what_is_long_is_cut_between_characters() {
        assert_eq!(beginning("/short"), "/short");
        let long = "é".repeat(SHOWN);
        assert_eq!(beginning(&format!("/{long}")).len(), SHOWN - 1);
    }
}
