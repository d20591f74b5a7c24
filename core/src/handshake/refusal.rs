//! Responses that do not accept (RFC 9110 §15).

use super::fields::Added;
use super::writer::{Head, Writer, write_head, write_whole};
use super::{BuildError, Piece, RequestError, Status};

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
/// const FULL: Refusal = Refusal::new(Status::SERVICE_UNAVAILABLE)
///     .headers(&[("Retry-After", "5")])
///     .body(b"all slots are taken\n");
/// assert_eq!(FULL.status().get(), 503);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Refusal<'a> {
    status: Status,
    headers: Added<'a>,
    body: &'a [u8],
}

impl<'a> Refusal<'a> {
    /// Refuses with a status, 200 or more, and nothing else.
    #[must_use]
    pub const fn new(status: Status) -> Self {
        Self { status, headers: Added(&[]), body: b"" }
    }

    /// Adds header fields, each a name and a value, in place of those given before.
    #[must_use]
    pub const fn headers(mut self, headers: &'a [(&'a str, &'a str)]) -> Self {
        self.headers = Added(headers);
        self
    }

    /// Says what was wrong; plain text unless the headers have a `Content-Type`. Statuses 204, 205 and
    /// 304 have none.
    #[must_use]
    pub const fn body(mut self, body: &'a [u8]) -> Self {
        self.body = body;
        self
    }

    /// Returns the status.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.status
    }

    /// Writes the response; returns its length. The connection is to be closed after it.
    ///
    /// # Errors
    ///
    /// [`BuildError::Status`], [`BuildError::Body`], [`BuildError::HeaderName`],
    /// [`BuildError::HeaderValue`] and [`BuildError::OutOfSpace`]; the response has not been written
    /// whole.
    pub fn encode(&self, out: &mut [u8]) -> Result<usize, BuildError> {
        write_whole(self, out)
    }

    /// Writes what fits of the response, from its byte number `at` on.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode), without [`BuildError::OutOfSpace`]; for the first piece or for
    /// none.
    pub fn encode_piece(&self, at: usize, out: &mut [u8]) -> Result<Piece, BuildError> {
        write_head(self, at, out)
    }
}

impl From<RequestError> for Refusal<'_> {
    fn from(error: RequestError) -> Self {
        Self::new(error.status())
    }
}

impl Head for Refusal<'_> {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), BuildError> {
        if self.status.get() < 200 {
            return Err(BuildError::Status);
        }
        // RFC 9110 §15.3.5, §15.3.6 and §15.4.5: these have no content. §8.6: and the first "MUST NOT"
        // have a length; that of the last would be another's.
        let has_content = !matches!(self.status.get(), 204 | 205 | 304);
        if !has_content && !self.body.is_empty() {
            return Err(BuildError::Body);
        }
        begin(self.status, writer);
        self.headers.write(writer)?;
        if !self.body.is_empty() && !self.headers.has(CONTENT_TYPE) {
            writer.field(CONTENT_TYPE, b"text/plain; charset=utf-8");
        }
        if has_content {
            writer.put(b"Content-Length: ");
            writer.number(self.body.len());
            writer.put(b"\r\n");
        }
        writer.put(b"\r\n");
        writer.put(self.body);
        Ok(())
    }
}

/// [`Refusal::from`] what is wrong with a request, without what that may have.
impl Head for RequestError {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), BuildError> {
        begin(self.status(), writer);
        writer.put(b"Content-Length: 0\r\n\r\n");
        Ok(())
    }
}

/// Writes the status line, and the fields that belong to the status.
fn begin(status: Status, writer: &mut Writer<'_>) {
    writer.put(b"HTTP/1.1 ");
    writer.number(status.get().into());
    writer.put(b" ");
    writer.put(status.reason_phrase().as_bytes());
    writer.put(match status {
        // RFC 9110 §15.5.22: "The server MUST send an Upgrade header field in a 426", §7.8: and it
        // "MUST also send an "Upgrade" connection option".
        Status::UPGRADE_REQUIRED => {
            b"\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nConnection: close, Upgrade\r\n"
        }
        Status::METHOD_NOT_ALLOWED => b"\r\nAllow: GET\r\nConnection: close\r\n",
        _ => b"\r\nConnection: close\r\n",
    });
}

const CONTENT_TYPE: &str = "Content-Type";
