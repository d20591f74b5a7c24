//! The client's request, as the server sees it (RFC 6455 §4.2.1).

use core::fmt;

use super::extension::{Extension, Extensions, MalformedExtension};
use super::fields::{self, Fields, List, Only, is_named, is_token, split_at, text};
use super::host::is_host;
use super::site::{Site, split_scheme};
use super::{
    Acceptance, BuildError, HandshakeError, HeadScanner, RequestError, SwitchingProtocols, key,
};
use crate::slice::behind;

/// Holds the checked head of an HTTP request, lent from the buffer.
///
/// It may be a plain request for a page; [`upgrade`](Self::upgrade) checks that it is a WebSocket
/// handshake.
///
/// ```
/// use wirelet::handshake::Request;
///
/// let request = Request::parse(b"GET /status?verbose HTTP/1.1\r\nHost: board\r\n\r\n")?;
/// assert!(!request.is_upgrade()); // serve the page
/// assert_eq!((request.path(), request.query()), ("/status", Some("verbose")));
/// assert_eq!(request.header("host"), Some(&b"board"[..]));
/// # Ok::<(), wirelet::handshake::RequestError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Request<'b> {
    /// A token.
    method: &'b [u8],
    /// Visible ASCII and what is beyond it.
    target: &'b [u8],
    minor_version: u8,
    fields: Fields<'b>,
}

impl<'b> Request<'b> {
    /// Parses a head, which ends with its empty line.
    ///
    /// # Errors
    ///
    /// [`RequestError::TooManyHeaders`] for more than [`MAX_HEADERS`](super::MAX_HEADERS),
    /// [`RequestError::Malformed`] for what is no HTTP/1, or ends before or behind the end of `head`.
    pub fn parse(head: &'b [u8]) -> Result<Self, RequestError> {
        if HeadScanner::new().scan(head)? != Some(head.len()) {
            return Err(RequestError::Malformed);
        }
        Self::of_scanned(head)
    }

    /// Parses a head that a [`HeadScanner`] has found to be whole.
    pub(crate) fn of_scanned(head: &'b [u8]) -> Result<Self, RequestError> {
        let (line, fields) = fields::split(head);
        let (method, target, minor_version) = parse_line(line).ok_or(RequestError::Malformed)?;
        Ok(Self { method, target, minor_version, fields })
    }

    /// Returns the method, such as `GET`.
    #[must_use]
    pub fn method(&self) -> &'b str {
        text(self.method)
    }

    /// Returns the path, without the query and, of an absolute URI, without scheme and authority.
    #[must_use]
    pub fn path(&self) -> &'b str {
        text(split_target(self.target).0)
    }

    /// Returns what follows the first `?` of the target.
    #[must_use]
    pub fn query(&self) -> Option<&'b str> {
        split_target(self.target).1.map(text)
    }

    /// Returns the value of the first header field named `name`, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'b [u8]> {
        self.fields.first(name)
    }

    /// Returns name and value of each header field, in the order in which they came.
    pub fn headers(&self) -> impl Iterator<Item = (&'b str, &'b [u8])> + use<'b> {
        self.fields.map(|(name, value)| (text(name), value))
    }

    /// Returns the host that the request, which may be one for a page, is for: the value of `Host` or, if
    /// the target is an absolute URI, its authority. `None` only for HTTP/1.0, which needs no host.
    ///
    /// ```
    /// use wirelet::handshake::{Request, RequestError};
    ///
    /// let request = Request::parse(b"GET / HTTP/1.1\r\nHost: board.local:8080\r\n\r\n")?;
    /// assert_eq!(request.host(), Ok(Some(&b"board.local:8080"[..])));
    /// let request = Request::parse(b"GET / HTTP/1.1\r\nHost: user@board.local\r\n\r\n")?;
    /// assert_eq!(request.host(), Err(RequestError::Host)); // answered 400
    /// # Ok::<(), RequestError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`RequestError::Host`] and [`RequestError::Target`], which are to be answered before it is looked at
    /// whether the host is served here.
    pub fn host(&self) -> Result<Option<&'b [u8]>, RequestError> {
        let mut host = Only::default();
        let mut fields = self.fields;
        while let Some(value) = fields.next_named("Host") {
            host.push(value);
        }
        if self.minor_version < 1 && !host.is_given() {
            return Ok(None);
        }
        let of_target = match check_target(self.target) {
            Some(host) => host,
            None if after_scheme(self.target).is_some() => return Err(RequestError::Target),
            // That of `OPTIONS *`, or what a page is asked for by mistake.
            None => &[],
        };
        check_host(&host, of_target).map(Some)
    }

    /// Tells whether the client asks for a WebSocket: `Upgrade` lists `websocket`.
    #[must_use]
    pub fn is_upgrade(&self) -> bool {
        self.fields.list("Upgrade").has("websocket")
    }

    /// Checks that this is a handshake as §4.2.1 wants it.
    ///
    /// # Errors
    ///
    /// The first of the conditions that does not hold; [`Refusal`](super::Refusal) tells the
    /// client.
    pub fn upgrade(&self) -> Result<Upgrade<'b>, RequestError> {
        let (mut host, mut origin) = (Only::default(), Only::default());
        let (mut version, mut key) = (Only::default(), Only::default());
        let (mut has_body, mut has_upgrade, mut has_connection) = (false, false, false);
        for (name, value) in self.fields {
            if is_named(name, "Host") {
                host.push(value);
            } else if is_named(name, "Origin") {
                origin.push(value);
            } else if is_named(name, "Upgrade") {
                has_upgrade |= List::of(value).has("websocket");
            } else if is_named(name, "Connection") {
                has_connection |= List::of(value).has("Upgrade");
            } else if is_named(name, "Sec-WebSocket-Version") {
                version.push(value);
            } else if is_named(name, "Sec-WebSocket-Key") {
                key.push(value);
            } else if is_named(name, "Content-Length") {
                has_body |= value != b"0";
            } else if is_named(name, "Transfer-Encoding") {
                has_body = true;
            }
        }
        if self.method != b"GET" {
            return Err(RequestError::Method);
        }
        if self.minor_version < 1 {
            return Err(RequestError::HttpVersion);
        }
        let target_host = check_target(self.target).ok_or(RequestError::Target)?;
        let host = check_host(&host, target_host)?;
        if has_body {
            return Err(RequestError::Body);
        }
        if !has_upgrade {
            return Err(RequestError::NotUpgrade);
        }
        if !has_connection {
            return Err(RequestError::Connection);
        }
        // §4.4: a server may learn of the client's other versions, but speaks only this one.
        match version.get() {
            Some(b"13") => {}
            Some(_) => return Err(RequestError::WebSocketVersion),
            None => return Err(RequestError::VersionField),
        }
        let key = key.get().and_then(key::check).ok_or(RequestError::Key)?;
        // RFC 6454 §7.3: "the user agent MUST NOT include more than one Origin header field"; to
        // take one of them, or none, would be to let in a page that the other would keep out.
        if origin.is_given() && origin.get().is_none() {
            return Err(RequestError::Origin);
        }
        Ok(Upgrade { fields: self.fields, host, origin: origin.get(), key })
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method())
            .field("target", &text(self.target))
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Request<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=str} {=str}", self.method(), text(self.target));
    }
}

/// Stands for a valid handshake request; made by [`Request::upgrade`], ended by
/// [`accept`](Self::accept), or by sending a [`Refusal`](super::Refusal).
///
/// ```
/// use wirelet::handshake::{
///     Acceptance, AllowList, HandshakeError, Refusal, Request, RequestError,
/// };
///
/// let request = Request::parse(
///     b"GET / HTTP/1.1\r\nHost: board.local\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\
///       Origin: http://evil.example\r\nSec-WebSocket-Version: 13\r\n\
///       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
/// )?;
/// let upgrade = request.upgrade()?;
/// assert_eq!(upgrade.origin(), Some(&b"http://evil.example"[..]));
/// let mut out = [0; 256];
/// let error = upgrade.accept(&Acceptance::new(), &mut out).unwrap_err();
/// assert_eq!(error, HandshakeError::Request(RequestError::Origin));
/// let n = Refusal::from(RequestError::Origin).encode(&mut out)?;
/// assert!(out[..n].starts_with(b"HTTP/1.1 403 Forbidden\r\n"));
///
/// let to_all_the_world = Acceptance::new().origins(AllowList::Any);
/// let n = upgrade.accept(&to_all_the_world, &mut out)?;
/// assert!(out[..n].starts_with(b"HTTP/1.1 101 Switching Protocols\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct Upgrade<'r> {
    fields: Fields<'r>,
    host: &'r [u8],
    origin: Option<&'r [u8]>,
    key: &'r [u8; 24],
}

impl<'r> Upgrade<'r> {
    /// Returns the host that the client asks for, with `:port` unless that is the default one: the
    /// value of `Host` or, if the target is an absolute URI, its authority (RFC 9112 §3.2.2).
    #[must_use]
    pub const fn host(&self) -> &'r [u8] {
        self.host
    }

    /// Returns the value of `Origin`, which browsers send and others may forge; `None` if there is
    /// none.
    #[must_use]
    pub const fn origin(&self) -> Option<&'r [u8]> {
        self.origin
    }

    /// Tells whether this comes from a page of this very host, or from what is no browser: `Origin`
    /// is missing (§10.2), or names the host and port of `Host`, whatever its scheme; what is no browser
    /// may send the URL that it connects to. The default ports of http, https, ws and wss are as none. A name
    /// that an attacker lets point to this machine passes; an [`AllowList`](super::AllowList) for
    /// [`host`](Self::host) stops it.
    #[must_use]
    pub fn is_same_origin(&self) -> bool {
        self.origin
            .is_none_or(|origin| Site::parse(origin).is_some_and(|origin| origin.is_of(self.host)))
    }

    /// Returns the subprotocols that the client offers, the one it likes best first. What is no token
    /// is none (§4.1 item 10).
    pub fn subprotocols(&self) -> impl Iterator<Item = &'r str> + use<'r> {
        self.fields.list("Sec-WebSocket-Protocol").filter(|offer| is_token(offer)).map(text)
    }

    /// Returns the first of `supported` that the client offers.
    #[must_use]
    pub fn choose_subprotocol<'s>(&self, supported: &[&'s str]) -> Option<&'s str> {
        supported.iter().copied().find(|name| self.offers(name))
    }

    /// Returns the extensions that the client offers, the one it likes best first, with their
    /// parameters, as [`Extension`] shows.
    pub fn extensions(
        &self,
    ) -> impl Iterator<Item = Result<Extension<'r>, MalformedExtension>> + Clone + use<'r> {
        Extensions::of(self.fields)
    }

    /// Writes the response that opens the connection (§4.2.2); returns its length, about 130 bytes
    /// without headers of your own.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond), and [`HandshakeError::Build`] for what must not be sent or does
    /// not fit; the response has not been written whole.
    pub fn accept(
        &self,
        acceptance: &Acceptance<'_>,
        out: &mut [u8],
    ) -> Result<usize, HandshakeError> {
        self.check(acceptance)?;
        // Where it is, and not as a result of `respond`, which would be copied: firmware would link
        // `memcpy` for that.
        let mut response = SwitchingProtocols::new(acceptance);
        response.answer(self.key);
        Ok(response.encode(out)?)
    }

    /// Makes the response that opens the connection, to be written in pieces.
    ///
    /// # Errors
    ///
    /// [`RequestError::Origin`]: the client is a page that `acceptance` does not let in, by default
    /// of another host than [`host`](Self::host); tell it by a [`Refusal`](super::Refusal).
    /// [`BuildError::Subprotocol`].
    pub fn respond<'a>(
        &self,
        acceptance: &Acceptance<'a>,
    ) -> Result<SwitchingProtocols<'a>, HandshakeError> {
        let mut response = SwitchingProtocols::new(acceptance);
        self.answer(acceptance, &mut response)?;
        Ok(response)
    }

    /// As [`respond`](Self::respond), to a response that lies where it is needed: to return it would
    /// be a copy, for which firmware links `memcpy`.
    pub(crate) fn answer(
        &self,
        acceptance: &Acceptance<'_>,
        response: &mut SwitchingProtocols<'_>,
    ) -> Result<(), HandshakeError> {
        self.check(acceptance)?;
        response.answer(self.key);
        Ok(())
    }

    /// Checks that this request may be accepted so.
    fn check(&self, acceptance: &Acceptance<'_>) -> Result<(), HandshakeError> {
        self.check_origin(acceptance)?;
        if !acceptance.chosen().is_none_or(|subprotocol| self.offers(subprotocol)) {
            return Err(BuildError::Subprotocol.into());
        }
        Ok(())
    }

    /// Checks that the client is no page that `acceptance` does not let in.
    pub(crate) fn check_origin(&self, acceptance: &Acceptance<'_>) -> Result<(), RequestError> {
        let is_let_in = match acceptance.let_in() {
            Some(origins) => origins.permits(self.origin),
            None => self.is_same_origin(),
        };
        if is_let_in { Ok(()) } else { Err(RequestError::Origin) }
    }

    fn offers(&self, subprotocol: &str) -> bool {
        self.subprotocols().any(|offer| offer == subprotocol)
    }
}

/// Without the key.
impl fmt::Debug for Upgrade<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrade")
            .field("host", &text(self.host))
            .field("origin", &self.origin.map(text))
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Upgrade<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        let origin = self.origin.map(text);
        defmt::write!(f, "Upgrade {{ host: {=str}, origin: {} }}", text(self.host), origin);
    }
}

/// RFC 9112 §3: `method SP request-target SP HTTP-version`.
fn parse_line(line: &[u8]) -> Option<(&[u8], &[u8], u8)> {
    let (method, rest) = split_at(line, b' ');
    let (target, version) = split_at(rest?, b' ');
    let minor_version = match version? {
        b"HTTP/1.0" => 0,
        b"HTTP/1.1" => 1,
        _ => return None,
    };
    let is_target = !target.is_empty() && target.iter().all(u8::is_ascii_graphic);
    (is_token(method) && is_target).then_some((method, target, minor_version))
}

/// Splits a target into path and query.
fn split_target(target: &[u8]) -> (&[u8], Option<&[u8]>) {
    let target = match after_scheme(target) {
        Some(rest) => behind(rest, authority_len(rest)),
        None => target,
    };
    match split_at(target, b'?') {
        (b"", query) => (b"/", query),
        parts => parts,
    }
}

/// Returns the host of a target, empty if it has none; `None` if it is no target.
///
/// §4.2.1 item 1: a path, or "an absolute HTTP/HTTPS URI"; §3: "Fragment identifiers are
/// meaningless [...] and MUST NOT be used".
fn check_target(target: &[u8]) -> Option<&[u8]> {
    let host = match after_scheme(target) {
        Some(rest) => rest.get(..authority_len(rest)).filter(|host| is_host(host)),
        None => target.starts_with(b"/").then_some(&[][..]),
    };
    // Not `contains`, which takes 160 bytes of flash to search by words.
    host.filter(|_| target.iter().all(|byte| *byte != b'#'))
}

/// Returns the host: that of the target, if it has one.
fn check_host<'b>(field: &Only<'b>, of_target: &'b [u8]) -> Result<&'b [u8], RequestError> {
    // RFC 9112 §3.2.2: an absolute-form target replaces "the received Host header field", but
    // §3.2: "A server MUST respond with a 400 [...] to any [...] request message that contains
    // [...] a Host header field with an invalid field value."
    let field = field.get().filter(|host| is_host(host)).ok_or(RequestError::Host)?;
    Ok(if of_target.is_empty() { field } else { of_target })
}

/// How long the authority at the beginning of a URI without its scheme is.
fn authority_len(rest: &[u8]) -> usize {
    rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len())
}

/// RFC 9112 §3.2.2: "a server MUST accept the absolute-form in requests".
fn after_scheme(target: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = split_scheme(target)?;
    let is_http = scheme.eq_ignore_ascii_case(b"http") || scheme.eq_ignore_ascii_case(b"https");
    is_http.then_some(rest)
}
