//! Responses that do not accept (RFC 9110 §15).

use super::fields::{is_field_value, is_handshake_field, is_token};
use super::writer::Writer;
use super::{BuildError, RequestError, Status};

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
