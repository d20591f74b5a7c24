//! The client's side: its request, and the check of the response (RFC 6455 §4.1).

use core::str::from_utf8;

use super::extension::{Extension, Extensions, MalformedExtension};
use super::fields::{self, Added, Fields, List, Only, is_field_value, is_named, is_token, text};
use super::host::is_host;
use super::writer::{Head, Writer, write_head, write_whole};
use super::{BuildError, HeadScanner, Key, Piece, RequestError, ResponseError, Status, key};
#[cfg(feature = "deflate")]
use crate::deflate::Deflate;

/// Describes the connection that a client asks for.
///
/// Nothing that the application puts in can add a line of its own.
///
/// ```
/// use wirelet::handshake::{ClientRequest, Key};
///
/// let request = ClientRequest::new("server.example.com", "/chat")
///     .subprotocols(&["chat", "superchat"]);
/// let key = Key::from_nonce(*b"the sample nonce"); // draw 16 random bytes instead
/// let mut out = [0; 256];
/// let n = request.encode(&key, &mut out)?;
/// // Send out[..n], and read the head of the response.
/// let head = b"HTTP/1.1 101 Switching Protocols\r\n\
///     Upgrade: websocket\r\n\
///     Connection: Upgrade\r\n\
///     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
///     Sec-WebSocket-Protocol: chat\r\n\r\n";
/// let response = request.verify(&key, head)?;
/// assert_eq!(response.subprotocol(), Some("chat"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ClientRequest<'a> {
    host: &'a str,
    target: &'a str,
    origin: Option<&'a str>,
    subprotocols: &'a [&'a str],
    headers: Added<'a>,
    #[cfg(feature = "deflate")]
    deflate: Option<Deflate>,
}

impl<'a> ClientRequest<'a> {
    /// Asks `host`, as in the URL, with `:port` unless it is the default port, for `target`, path
    /// and query of the URL beginning with `/`, and offers nothing else.
    #[must_use]
    pub const fn new(host: &'a str, target: &'a str) -> Self {
        Self {
            host,
            target,
            origin: None,
            subprotocols: &[],
            headers: Added(&[]),
            #[cfg(feature = "deflate")]
            deflate: None,
        }
    }

    /// Offers permessage-deflate (RFC 7692). What the server has chosen of it, [`verify`](Self::verify) has
    /// held against this, and [`Deflate::agree`] tells.
    ///
    /// ```
    /// use wirelet::deflate::Deflate;
    /// use wirelet::handshake::{ClientRequest, Key};
    ///
    /// const OFFER: Deflate = Deflate::new().client_max_window_bits(15);
    /// let request = ClientRequest::new("server.example.com", "/").deflate(Some(OFFER));
    /// let key = Key::from_nonce(*b"the sample nonce"); // draw 16 random bytes instead
    /// let head = b"HTTP/1.1 101 Switching Protocols\r\n\
    ///     Upgrade: websocket\r\n\
    ///     Connection: Upgrade\r\n\
    ///     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    ///     Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=10\r\n\r\n";
    /// let response = request.verify(&key, head)?;
    /// let agreed = OFFER.agree(response.extensions())?.expect("it was chosen");
    /// assert_eq!(agreed.client().window_bits, 10);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "deflate")]
    #[must_use]
    pub const fn deflate(mut self, offer: Option<Deflate>) -> Self {
        self.deflate = offer;
        self
    }

    /// Tells the server the origin, as a browser does.
    #[must_use]
    pub const fn origin(mut self, origin: &'a str) -> Self {
        self.origin = Some(origin);
        self
    }

    /// Offers subprotocols, the best first.
    #[must_use]
    pub const fn subprotocols(mut self, subprotocols: &'a [&'a str]) -> Self {
        self.subprotocols = subprotocols;
        self
    }

    /// Adds header fields, each a name and a value, such as `Authorization`, in place of those
    /// given before.
    #[must_use]
    pub const fn headers(mut self, headers: &'a [(&'a str, &'a str)]) -> Self {
        self.headers = Added(headers);
        self
    }

    /// Writes the request; returns its length.
    ///
    /// `key` must be made of 16 fresh random bytes.
    ///
    /// # Errors
    ///
    /// [`BuildError`]; the request has not been written whole and must not be sent.
    pub fn encode(&self, key: &Key, out: &mut [u8]) -> Result<usize, BuildError> {
        write_whole(&self.with_key(key), out)
    }

    /// Writes what fits of the request, from its byte number `at` on.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode), without [`BuildError::OutOfSpace`]; for the first piece or for
    /// none.
    pub fn encode_piece(&self, key: &Key, at: usize, out: &mut [u8]) -> Result<Piece, BuildError> {
        write_head(&self.with_key(key), at, out)
    }

    /// The head of this request.
    pub(crate) const fn with_key<'q>(&'q self, key: &'q Key) -> Keyed<'q, 'a> {
        Keyed { request: self, key }
    }

    /// Checks the head of the server's response to this request with at most
    /// [`MAX_HEADERS`](super::MAX_HEADERS) header fields.
    ///
    /// # Errors
    ///
    /// [`ResponseError`]; the client must close TCP.
    pub fn verify<'b>(&self, key: &Key, head: &'b [u8]) -> Result<Response<'b>, ResponseError> {
        let response = Response::parse(head)?;
        if response.status.get() != 101 {
            return Err(ResponseError::Refused(response.status));
        }
        let (mut upgrade, mut accept) = (Only::default(), Only::default());
        let (mut subprotocol, mut extensions) = (Only::default(), Only::default());
        let mut has_connection = false;
        for (name, value) in response.fields {
            if is_named(name, "Upgrade") {
                upgrade.push(value);
            } else if is_named(name, "Connection") {
                has_connection |= List::of(value).has("Upgrade");
            } else if is_named(name, "Sec-WebSocket-Accept") {
                accept.push(value);
            } else if is_named(name, "Sec-WebSocket-Extensions") {
                extensions.push(value);
            } else if is_named(name, "Sec-WebSocket-Protocol") {
                subprotocol.push(value);
            }
        }
        if !upgrade.get().is_some_and(|value| value.eq_ignore_ascii_case(b"websocket")) {
            return Err(ResponseError::Upgrade);
        }
        if !has_connection {
            return Err(ResponseError::Connection);
        }
        let mut expected = [0; 28];
        key::accept(key.as_bytes(), &mut expected);
        if accept.get() != Some(&expected) {
            return Err(ResponseError::Accept);
        }
        if extensions.is_given() && !self.has_offered(&response) {
            return Err(ResponseError::Extension);
        }
        let is_offered = |chosen: &[u8]| self.subprotocols.iter().any(|s| s.as_bytes() == chosen);
        if subprotocol.is_given() && !subprotocol.get().is_some_and(is_offered) {
            return Err(ResponseError::Subprotocol);
        }
        Ok(response)
    }

    /// Tells whether the extension that the server has chosen was offered so.
    #[cfg_attr(
        not(feature = "deflate"),
        expect(clippy::unused_self, reason = "there is no extension to offer")
    )]
    fn has_offered(&self, response: &Response<'_>) -> bool {
        #[cfg(feature = "deflate")]
        return self.deflate.is_some_and(|offer| {
            offer.agree(response.extensions()).is_ok_and(|agreed| agreed.is_some())
        });
        #[cfg(not(feature = "deflate"))]
        {
            let _ = response;
            false
        }
    }
}

/// A request and its key, which make a head.
#[derive(Debug)]
pub(crate) struct Keyed<'q, 'a> {
    request: &'q ClientRequest<'a>,
    key: &'q Key,
}

impl Head for Keyed<'_, '_> {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), BuildError> {
        let Self { request, key } = self;
        if !is_host(request.host.as_bytes()) {
            return Err(BuildError::Host);
        }
        let is_target_byte = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
        if !request.target.starts_with('/') || !request.target.bytes().all(is_target_byte) {
            return Err(BuildError::Target);
        }
        writer.put(b"GET ");
        writer.put(request.target.as_bytes());
        writer.put(b" HTTP/1.1\r\n");
        writer.field("Host", request.host.as_bytes());
        writer.put(b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n");
        writer.field("Sec-WebSocket-Key", key.as_bytes());
        if let Some(origin) = request.origin {
            if !is_field_value(origin.as_bytes()) {
                return Err(BuildError::HeaderValue);
            }
            writer.field("Origin", origin.as_bytes());
        }
        write_subprotocols(request.subprotocols, writer)?;
        #[cfg(feature = "deflate")]
        if let Some(offer) = &request.deflate {
            writer.extension(offer);
        }
        request.headers.write(writer)?;
        writer.put(b"\r\n");
        Ok(())
    }
}

fn write_subprotocols(subprotocols: &[&str], writer: &mut Writer<'_>) -> Result<(), BuildError> {
    let mut separator: &[u8] = b"Sec-WebSocket-Protocol: ";
    for (i, name) in subprotocols.iter().enumerate() {
        // §4.1 item 10: "The elements that comprise this value MUST be non-empty strings [...]
        // and MUST all be unique strings."
        if !is_token(name.as_bytes()) || subprotocols.iter().take(i).any(|other| other == name) {
            return Err(BuildError::Subprotocol);
        }
        writer.put(separator);
        writer.put(name.as_bytes());
        separator = b", ";
    }
    if !subprotocols.is_empty() {
        writer.put(b"\r\n");
    }
    Ok(())
}

/// Holds the checked head of the server's response, lent from the buffer.
///
/// ```
/// use wirelet::handshake::Response;
///
/// let response = Response::parse(b"HTTP/1.1 503 Busy\r\nRetry-After: 5\r\n\r\n")?;
/// assert_eq!(response.status().get(), 503);
/// assert_eq!(response.header("retry-after"), Some(&b"5"[..]));
/// # Ok::<(), wirelet::handshake::ResponseError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Response<'b> {
    status: Status,
    fields: Fields<'b>,
}

impl<'b> Response<'b> {
    /// Parses a head, which ends with its empty line, of any status. If a header field goes on in the
    /// next line, [`HeadScanner::scan_response`] has to have made it one line.
    ///
    /// # Errors
    ///
    /// [`ResponseError::TooManyHeaders`] and [`ResponseError::Malformed`].
    pub fn parse(head: &'b [u8]) -> Result<Self, ResponseError> {
        match HeadScanner::new().scan(head) {
            Ok(Some(len)) if len == head.len() => {}
            Err(RequestError::TooManyHeaders) => return Err(ResponseError::TooManyHeaders),
            _ => return Err(ResponseError::Malformed),
        }
        Self::of_scanned(head)
    }

    /// Parses a head that a [`HeadScanner`] has found to be whole.
    pub(crate) fn of_scanned(head: &'b [u8]) -> Result<Self, ResponseError> {
        let (line, fields) = fields::split(head);
        let status = parse_line(line).ok_or(ResponseError::Malformed)?;
        Ok(Self { status, fields })
    }

    /// Tells whether another response follows: 1xx, but not 101 (RFC 9110 §15.2).
    ///
    /// A client drops it and scans what is behind it, at most
    /// [`MAX_INTERIM_RESPONSES`](super::MAX_INTERIM_RESPONSES) times.
    #[must_use]
    pub const fn is_interim(&self) -> bool {
        self.status.get() < 200 && self.status.get() != 101
    }

    /// Returns the status.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.status
    }

    /// Returns the subprotocol that the server chose.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&'b str> {
        self.fields.first("Sec-WebSocket-Protocol").and_then(|value| from_utf8(value).ok())
    }

    /// Returns the extensions that the server chose, with their parameters, as [`Extension`] shows.
    pub fn extensions(
        &self,
    ) -> impl Iterator<Item = Result<Extension<'b>, MalformedExtension>> + Clone + use<'b> {
        Extensions::of(self.fields)
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
}

/// RFC 9112 §4: `HTTP-version SP status-code SP [ reason-phrase ]`; the last space is often left out.
fn parse_line(line: &[u8]) -> Option<Status> {
    let (b"HTTP/1.1 ", [a, b, c, reason @ ..]) = line.split_first_chunk()? else { return None };
    let status = [a, b, c].iter().try_fold(0, |status, digit| {
        digit.is_ascii_digit().then(|| status * 10 + u16::from(**digit - b'0'))
    })?;
    let is_reason = matches!(reason, [] | [b' ', ..]) && is_field_value(reason);
    Status::new(status).filter(|_| is_reason)
}
