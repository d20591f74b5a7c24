//! The client's request, as the server sees it (RFC 6455 §4.2.1).

use core::str::from_utf8;

use super::fields::{self, EMPTY_HEADER, Fields, HeadError, Header, is_token, named};
use super::response::{Acceptance, encode_acceptance};
use super::{BuildError, HeadScanner, Key, MAX_HEADERS, RequestError};

/// Holds the parsed head of an HTTP request with at most `N` header fields, lent from the buffer.
///
/// It may be a plain request for a page; [`upgrade`](Self::upgrade) checks that it is a WebSocket
/// handshake.
///
/// ```
/// use wirelet::handshake::Request;
///
/// let request: Request = Request::parse(b"GET /status?verbose HTTP/1.1\r\nHost: board\r\n\r\n")?;
/// assert!(!request.is_upgrade()); // serve the page
/// assert_eq!((request.path(), request.query()), ("/status", Some("verbose")));
/// assert_eq!(request.header("host"), Some(&b"board"[..]));
/// # Ok::<(), wirelet::handshake::RequestError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Request<'b, const N: usize = MAX_HEADERS> {
    method: &'b str,
    target: &'b str,
    minor_version: u8,
    headers: [Header<'b>; N],
    n_headers: usize,
}

impl<'b, const N: usize> Request<'b, N> {
    /// Parses a head, which ends with its empty line.
    ///
    /// # Errors
    ///
    /// [`RequestError::TooManyHeaders`] for more than `N`, [`RequestError::Malformed`] for what is
    /// no HTTP/1, or ends before or behind the end of `head`.
    pub fn parse(head: &'b [u8]) -> Result<Self, RequestError> {
        if HeadScanner::new().scan(head)? != Some(head.len()) {
            return Err(RequestError::Malformed);
        }
        let mut headers = [EMPTY_HEADER; N];
        let (line, n_headers) = fields::parse(head, &mut headers)?;
        let (method, target, minor_version) = parse_line(line).ok_or(RequestError::Malformed)?;
        Ok(Self { method, target, minor_version, headers, n_headers })
    }

    /// Returns the method, such as `GET`.
    #[must_use]
    pub const fn method(&self) -> &'b str {
        self.method
    }

    /// Returns the path, without the query and, of an absolute URI, without scheme and authority.
    #[must_use]
    pub fn path(&self) -> &'b str {
        split_target(self.target).0
    }

    /// Returns what follows the first `?` of the target.
    #[must_use]
    pub fn query(&self) -> Option<&'b str> {
        split_target(self.target).1
    }

    /// Returns the value of the first header field named `name`, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        named(self.fields().0, name).next()
    }

    /// Returns name and value of each header field, in the order in which they came.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields().0.iter().map(|field| (field.name, field.value))
    }

    /// Tells whether the client asks for a WebSocket: `Upgrade` lists `websocket`.
    #[must_use]
    pub fn is_upgrade(&self) -> bool {
        self.fields().has_token("Upgrade", "websocket")
    }

    /// Checks that this is a handshake as §4.2.1 wants it.
    ///
    /// # Errors
    ///
    /// The first of the conditions that does not hold; [`Refusal`](super::Refusal) tells the
    /// client.
    pub fn upgrade(&self) -> Result<Upgrade<'_>, RequestError> {
        let fields = self.fields();
        if self.method != "GET" {
            return Err(RequestError::Method);
        }
        if self.minor_version < 1 {
            return Err(RequestError::HttpVersion);
        }
        if !is_valid_target(self.target) {
            return Err(RequestError::Target);
        }
        let host = fields.only("Host").ok_or(RequestError::Host)?;
        if fields.has("Transfer-Encoding") || fields.all("Content-Length").any(|len| len != b"0") {
            return Err(RequestError::Body);
        }
        if !self.is_upgrade() {
            return Err(RequestError::NotUpgrade);
        }
        if !fields.has_token("Connection", "Upgrade") {
            return Err(RequestError::Connection);
        }
        // §4.4: a server may learn of the client's other versions, but speaks only this one.
        match fields.only("Sec-WebSocket-Version") {
            Some(b"13") => {}
            Some(_) => return Err(RequestError::WebSocketVersion),
            None => return Err(RequestError::VersionField),
        }
        let key = fields.only("Sec-WebSocket-Key").and_then(Key::parse).ok_or(RequestError::Key)?;
        Ok(Upgrade { fields, host, key })
    }

    fn fields(&self) -> Fields<'_> {
        Fields(self.headers.get(..self.n_headers).unwrap_or_default())
    }
}

/// Stands for a valid handshake request; made by [`Request::upgrade`], ended by
/// [`accept`](Self::accept), or by sending a [`Refusal`](super::Refusal).
///
/// ```
/// use wirelet::handshake::{Acceptance, AllowList, Refusal, Request, Status};
///
/// let request: Request = Request::parse(
///     b"GET / HTTP/1.1\r\nHost: board.local\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\
///       Origin: http://evil.example\r\nSec-WebSocket-Version: 13\r\n\
///       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
/// )?;
/// let upgrade = request.upgrade()?;
/// let mut out = [0; 256];
/// let n = if AllowList::Only(&["http://board.local"]).permits(upgrade.origin()) {
///     upgrade.accept(&Acceptance::default(), &mut out)?
/// } else {
///     Refusal::new(Status::FORBIDDEN).encode(&mut out)?
/// };
/// assert!(out[..n].starts_with(b"HTTP/1.1 403 Forbidden\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Upgrade<'r> {
    fields: Fields<'r>,
    host: &'r [u8],
    key: Key,
}

impl<'r> Upgrade<'r> {
    /// Returns the value of `Host`.
    #[must_use]
    pub const fn host(&self) -> &'r [u8] {
        self.host
    }

    /// Returns the value of `Origin`, which browsers send and others may forge; also when it is
    /// given twice, the first.
    #[must_use]
    pub fn origin(&self) -> Option<&'r [u8]> {
        self.fields.all("Origin").next()
    }

    /// Returns the subprotocols that the client offers, the one it likes best first.
    pub fn subprotocols(&self) -> impl Iterator<Item = &'r str> {
        self.fields.list("Sec-WebSocket-Protocol")
    }

    /// Returns the first of `supported` that the client offers.
    #[must_use]
    pub fn choose_subprotocol<'s>(&self, supported: &[&'s str]) -> Option<&'s str> {
        supported.iter().copied().find(|name| self.subprotocols().any(|offer| offer == *name))
    }

    /// Writes the response that opens the connection (§4.2.2); returns its length, about 130 bytes
    /// without headers of your own.
    ///
    /// # Errors
    ///
    /// [`BuildError`]; the response has not been written whole.
    pub fn accept(&self, acceptance: &Acceptance<'_>, out: &mut [u8]) -> Result<usize, BuildError> {
        if let Some(subprotocol) = acceptance.subprotocol
            && !self.subprotocols().any(|offer| offer == subprotocol)
        {
            return Err(BuildError::Subprotocol);
        }
        encode_acceptance(acceptance, &self.key, out)
    }
}

impl From<HeadError> for RequestError {
    fn from(error: HeadError) -> Self {
        match error {
            HeadError::Malformed => Self::Malformed,
            HeadError::TooManyHeaders => Self::TooManyHeaders,
        }
    }
}

/// RFC 9112 §3: `method SP request-target SP HTTP-version`.
fn parse_line(line: &[u8]) -> Option<(&str, &str, u8)> {
    let mut parts = from_utf8(line).ok()?.split([' ']);
    let (method, target, version) = (parts.next()?, parts.next()?, parts.next()?);
    let minor_version = match version {
        "HTTP/1.0" => 0,
        "HTTP/1.1" => 1,
        _ => return None,
    };
    let is_target = !target.is_empty() && target.bytes().all(|b| b > b' ' && b != 0x7f);
    (is_token(method) && is_target && parts.next().is_none()).then_some((
        method,
        target,
        minor_version,
    ))
}

/// Splits a target into path and query.
fn split_target(target: &str) -> (&str, Option<&str>) {
    let target = match after_scheme(target) {
        Some(rest) => rest.find(['/', '?']).and_then(|at| rest.get(at..)).unwrap_or("/"),
        None => target,
    };
    // A `char` in brackets: the search for a bare one leaves a panic in firmware.
    match target.split_once(['?']) {
        Some(("", query)) => ("/", Some(query)),
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    }
}

/// §4.2.1 item 1: a path, or "an absolute HTTP/HTTPS URI"; §3: "Fragment identifiers are
/// meaningless [...] and MUST NOT be used".
fn is_valid_target(target: &str) -> bool {
    // RFC 9110 §4.2.1: an empty host "MUST" be rejected as invalid.
    let has_host = |rest: &str| !rest.is_empty() && !rest.starts_with(['/', '?']);
    let has_form = target.starts_with('/') || after_scheme(target).is_some_and(has_host);
    has_form && !target.contains('#')
}

/// RFC 9112 §3.2.2: "a server MUST accept the absolute-form in requests".
fn after_scheme(target: &str) -> Option<&str> {
    ["http://", "https://"].iter().find_map(|scheme| {
        let (start, rest) = target.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    })
}
