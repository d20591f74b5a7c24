//! The server's response: acceptance or refusal (RFC 6455 §4.2.2).

use super::fields::{is_field_value, is_handshake_field, is_token};
use super::writer::Writer;
use super::{BuildError, RequestError, key};

/// Says with what the server accepts; the default is nothing special.
///
/// ```
/// use wirelet::handshake::Acceptance;
///
/// let acceptance = Acceptance {
///     subprotocol: Some("mqtt"),
///     headers: &[("Server", "board/1.0")],
/// };
/// # let _ = acceptance;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Acceptance<'a> {
    /// The chosen subprotocol, one of those that the client offered.
    pub subprotocol: Option<&'a str>,
    /// Header fields to add.
    pub headers: &'a [(&'a str, &'a str)],
}

/// Says no, with an HTTP status and a text for people.
///
/// ```
/// use wirelet::handshake::{Refusal, RequestError, Status};
///
/// let mut out = [0; 256];
/// let n = Refusal::from(RequestError::WebSocketVersion).encode(&mut out)?;
/// assert_eq!(str::from_utf8(&out[..n])?, "HTTP/1.1 426 Upgrade Required\r\n\
///     Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
///     Connection: close, Upgrade\r\nContent-Length: 0\r\n\r\n");
///
/// let full = Refusal { body: b"all slots are taken\n", ..Refusal::new(Status::SERVICE_UNAVAILABLE) };
/// # let _ = full;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal<'a> {
    /// The status, 200 or more.
    pub status: Status,
    /// Header fields to add.
    pub headers: &'a [(&'a str, &'a str)],
    /// What was wrong; plain text unless `headers` have a `Content-Type`.
    pub body: &'a [u8],
}

impl Refusal<'_> {
    /// Refuses with a status and nothing else.
    #[must_use]
    pub const fn new(status: Status) -> Self {
        Self { status, headers: &[], body: b"" }
    }

    /// Writes the response; returns its length. The connection is to be closed after it.
    ///
    /// # Errors
    ///
    /// [`BuildError`]; the response has not been written whole.
    pub fn encode(&self, out: &mut [u8]) -> Result<usize, BuildError> {
        if self.status.get() < 200 {
            return Err(BuildError::Status);
        }
        let mut writer = Writer::new(out);
        writer.put(b"HTTP/1.1 ");
        writer.number(self.status.get().into());
        writer.put(b" ");
        writer.put(self.status.reason_phrase().as_bytes());
        writer.put(match self.status {
            // RFC 9110 §15.5.22: "The server MUST send an Upgrade header field in a 426", §7.8:
            // and it "MUST also send an "Upgrade" connection option".
            Status::UPGRADE_REQUIRED => {
                b"\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nConnection: close, Upgrade\r\n"
            }
            Status::METHOD_NOT_ALLOWED => b"\r\nAllow: GET\r\nConnection: close\r\n",
            _ => b"\r\nConnection: close\r\n",
        });
        put_headers(&mut writer, self.headers)?;
        let has_type = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(CONTENT_TYPE));
        if !self.body.is_empty() && !has_type {
            writer.field(CONTENT_TYPE, b"text/plain; charset=utf-8");
        }
        writer.put(b"Content-Length: ");
        writer.number(self.body.len());
        writer.put(b"\r\n\r\n");
        writer.put(self.body);
        writer.finish()
    }
}

impl From<RequestError> for Refusal<'_> {
    fn from(error: RequestError) -> Self {
        Self::new(error.status())
    }
}

/// Holds an HTTP status of three digits.
///
/// ```
/// use wirelet::handshake::Status;
///
/// assert_eq!(Status::FORBIDDEN.get(), 403);
/// assert_eq!(Status::new(403), Some(Status::FORBIDDEN));
/// assert_eq!(Status::new(99), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Status(u16);

impl Status {
    /// 200: a page, which is sent as a [`Refusal`] to open a connection.
    pub const OK: Self = Self(200);
    /// 400.
    pub const BAD_REQUEST: Self = Self(400);
    /// 401.
    pub const UNAUTHORIZED: Self = Self(401);
    /// 403.
    pub const FORBIDDEN: Self = Self(403);
    /// 404.
    pub const NOT_FOUND: Self = Self(404);
    /// 405.
    pub const METHOD_NOT_ALLOWED: Self = Self(405);
    /// 408.
    pub const REQUEST_TIMEOUT: Self = Self(408);
    /// 426.
    pub const UPGRADE_REQUIRED: Self = Self(426);
    /// 429.
    pub const TOO_MANY_REQUESTS: Self = Self(429);
    /// 431.
    pub const REQUEST_HEADER_FIELDS_TOO_LARGE: Self = Self(431);
    /// 500.
    pub const INTERNAL_SERVER_ERROR: Self = Self(500);
    /// 503.
    pub const SERVICE_UNAVAILABLE: Self = Self(503);

    /// Takes a number of three digits.
    #[must_use]
    pub const fn new(status: u16) -> Option<Self> {
        match status {
            100..=999 => Some(Self(status)),
            _ => None,
        }
    }

    /// Returns the number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Returns the phrase of RFC 9110 for the statuses that have a name here, or an empty one.
    #[must_use]
    pub const fn reason_phrase(self) -> &'static str {
        match self {
            Self::OK => "OK",
            Self::BAD_REQUEST => "Bad Request",
            Self::UNAUTHORIZED => "Unauthorized",
            Self::FORBIDDEN => "Forbidden",
            Self::NOT_FOUND => "Not Found",
            Self::METHOD_NOT_ALLOWED => "Method Not Allowed",
            Self::REQUEST_TIMEOUT => "Request Timeout",
            Self::UPGRADE_REQUIRED => "Upgrade Required",
            Self::TOO_MANY_REQUESTS => "Too Many Requests",
            Self::REQUEST_HEADER_FIELDS_TOO_LARGE => "Request Header Fields Too Large",
            Self::INTERNAL_SERVER_ERROR => "Internal Server Error",
            Self::SERVICE_UNAVAILABLE => "Service Unavailable",
            _ => "",
        }
    }
}

pub(super) fn encode_acceptance(
    acceptance: &Acceptance<'_>,
    key: &[u8; 24],
    out: &mut [u8],
) -> Result<usize, BuildError> {
    let mut writer = Writer::new(out);
    writer
        .put(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n");
    let mut accept = [0; 28];
    key::accept(key, &mut accept);
    writer.field("Sec-WebSocket-Accept", &accept);
    if let Some(subprotocol) = acceptance.subprotocol {
        writer.field("Sec-WebSocket-Protocol", subprotocol.as_bytes());
    }
    put_headers(&mut writer, acceptance.headers)?;
    writer.put(b"\r\n");
    writer.finish()
}

/// Writes fields of the application, which can neither inject a line nor replace a field of ours.
pub(super) fn put_headers(
    writer: &mut Writer<'_>,
    headers: &[(&str, &str)],
) -> Result<(), BuildError> {
    for (name, value) in headers {
        if !is_token(name.as_bytes()) || is_handshake_field(name) {
            return Err(BuildError::HeaderName);
        }
        if !is_field_value(value.as_bytes()) {
            return Err(BuildError::HeaderValue);
        }
        writer.field(name, value.as_bytes());
    }
    Ok(())
}

const CONTENT_TYPE: &str = "Content-Type";
