//! What can go wrong in the opening handshake, by who is to blame.

use core::fmt;

use super::Status;

/// Unites the errors of the opening handshake.
///
/// ```
/// use wirelet::handshake::{HandshakeError, RequestError};
///
/// let error = HandshakeError::from(RequestError::Key);
/// assert_eq!(error, HandshakeError::Request(RequestError::Key));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(usize)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The client's request cannot be accepted.
    Request(RequestError),
    /// The server did not accept, or not as RFC 6455 wants it.
    Response(ResponseError),
    /// The caller asked to send what must not be sent.
    Build(BuildError),
    /// The head of the server's response is longer than the caller's buffer for it. (A request that
    /// is too long is the client's fault: [`RequestError::HeadTooLong`].)
    HeadTooLong,
}

/// The client's request cannot be accepted, for the reason that the name says.
///
/// ```
/// use wirelet::handshake::{RequestError, Status};
///
/// assert_eq!(RequestError::WebSocketVersion.status(), Status::UPGRADE_REQUIRED);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(usize)]
#[non_exhaustive]
pub enum RequestError {
    /// The head is longer than the buffer for it.
    HeadTooLong,
    /// The head has more header fields than the limit.
    TooManyHeaders,
    /// This is not HTTP/1, or a line does not end in CR LF.
    Malformed,
    /// The HTTP version is below 1.1 (§4.1 item 2).
    HttpVersion,
    /// The method is not GET (§4.1 item 2).
    Method,
    /// The target is neither a path nor an http URI with a valid host.
    Target,
    /// There is no `Host`, or more than one, or it is neither name nor address (RFC 9112 §3.2).
    Host,
    /// The request announces a body, which would be taken for frames.
    Body,
    /// No `Upgrade: websocket`: the client does not want a WebSocket (§4.2.1 item 3).
    NotUpgrade,
    /// `Connection` has no token `Upgrade` (§4.2.1 item 4).
    Connection,
    /// Not exactly one `Sec-WebSocket-Key`, or not base64 of 16 bytes (§4.2.1 item 5).
    Key,
    /// `Sec-WebSocket-Version` is missing or given twice (§4.2.1 item 6).
    VersionField,
    /// `Sec-WebSocket-Version` is not 13 (§4.2.2 item 4).
    WebSocketVersion,
    /// A page of this origin is not let in, or there is more than one `Origin` (§10.2).
    Origin,
}

impl RequestError {
    /// Returns the HTTP status that tells the client.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::HeadTooLong | Self::TooManyHeaders => Status::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Method => Status::METHOD_NOT_ALLOWED,
            Self::Origin => Status::FORBIDDEN,
            Self::NotUpgrade | Self::WebSocketVersion => Status::UPGRADE_REQUIRED,
            Self::Malformed
            | Self::HttpVersion
            | Self::Target
            | Self::Host
            | Self::Body
            | Self::Connection
            | Self::Key
            | Self::VersionField => Status::BAD_REQUEST,
        }
    }
}

/// The server did not accept, or not as RFC 6455 wants it; the client fails the connection.
///
/// ```
/// use wirelet::handshake::{ClientRequest, Key, ResponseError, Status};
///
/// let request = ClientRequest::new("example.com", "/");
/// let head = b"HTTP/1.1 404 Not Found\r\n\r\n";
/// let error = request.verify(&Key::from_nonce([0; 16]), head).unwrap_err();
/// assert_eq!(error, ResponseError::Refused(Status::NOT_FOUND));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(usize)]
#[non_exhaustive]
pub enum ResponseError {
    /// The head has more header fields than the limit.
    TooManyHeaders,
    /// This is not HTTP/1.1, or a line does not end in CR LF.
    Malformed,
    /// The status is not 101 but this.
    Refused(Status),
    /// Not exactly `Upgrade: websocket` (§4.1 item 2 of the response).
    Upgrade,
    /// `Connection` has no token `Upgrade` (item 3).
    Connection,
    /// `Sec-WebSocket-Accept` is missing, given twice or wrong (item 4).
    Accept,
    /// An extension that was not offered (item 5).
    Extension,
    /// A subprotocol that was not offered, or more than one (item 6).
    Subprotocol,
}

/// The caller asked for what must not be sent; what is in the buffer is not whole.
///
/// ```
/// use wirelet::handshake::{BuildError, ClientRequest, Key};
///
/// let request = ClientRequest::new("example.com", "/ HTTP/1.1\r\nInjected: yes");
/// let error = request.encode(&Key::from_nonce([0; 16]), &mut [0; 512]).unwrap_err();
/// assert_eq!(error, BuildError::Target);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(usize)]
#[non_exhaustive]
pub enum BuildError {
    /// The head does not fit the buffer.
    OutOfSpace,
    /// The host is neither a name nor an address, with or without a port.
    Host,
    /// The target does not begin with `/`, or has a space or control character.
    Target,
    /// A header name is no token, or one that the handshake itself writes.
    HeaderName,
    /// A header value has a control character, such as CR or LF.
    HeaderValue,
    /// The subprotocol is no token, is named twice, or was not offered by the client.
    Subprotocol,
    /// The status of a refusal is below 200.
    Status,
    /// A response whose status forbids content (204, 205, 304) has a body.
    Body,
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(error) => error.fmt(f),
            Self::Response(error) => error.fmt(f),
            Self::Build(error) => error.fmt(f),
            Self::HeadTooLong => f.write_str("the response head is longer than the buffer for it"),
        }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HeadTooLong => "the request head is too long",
            Self::TooManyHeaders => "the request has too many header fields",
            Self::Malformed => "the request is not valid HTTP/1.1",
            Self::HttpVersion => "the HTTP version must be 1.1",
            Self::Method => "the method must be GET",
            Self::Target => "the request target must be a path",
            Self::Host => "there must be exactly one Host, a name or an address",
            Self::Body => "a handshake request must not have a body",
            Self::NotUpgrade => "this is a WebSocket endpoint: Upgrade must be websocket",
            Self::Connection => "Connection must list Upgrade",
            Self::Key => "Sec-WebSocket-Key must be given once, the base64 of 16 bytes",
            Self::VersionField => "Sec-WebSocket-Version must be given once",
            Self::WebSocketVersion => "Sec-WebSocket-Version must be 13",
            Self::Origin => "pages of this origin may not connect",
        })
    }
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooManyHeaders => "the response has too many header fields",
            Self::Malformed => "the response is not valid HTTP/1.1",
            Self::Refused(status) => {
                return write!(f, "the server answered {} instead of 101", status.get());
            }
            Self::Upgrade => "the response lacks Upgrade: websocket",
            Self::Connection => "Connection in the response does not list Upgrade",
            Self::Accept => "Sec-WebSocket-Accept is missing or wrong",
            Self::Extension => "the server chose an extension that was not offered",
            Self::Subprotocol => "the server chose a subprotocol that was not offered",
        })
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OutOfSpace => "the head does not fit the buffer",
            Self::Host => "the host must be a name or an address, with or without a port",
            Self::Target => "the target must begin with / and have no spaces or controls",
            Self::HeaderName => "the header name is no token, or written by the handshake itself",
            Self::HeaderValue => "the header value has a control character",
            Self::Subprotocol => "the subprotocol is no token, named twice or was not offered",
            Self::Status => "the status of a refusal must be 200 or more",
            Self::Body => "a response with status 204, 205 or 304 must not have a body",
        })
    }
}

impl core::error::Error for HandshakeError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Request(error) => Some(error),
            Self::Response(error) => Some(error),
            Self::Build(error) => Some(error),
            Self::HeadTooLong => None,
        }
    }
}
impl core::error::Error for RequestError {}
impl core::error::Error for ResponseError {}
impl core::error::Error for BuildError {}

impl From<RequestError> for HandshakeError {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}

impl From<ResponseError> for HandshakeError {
    fn from(error: ResponseError) -> Self {
        Self::Response(error)
    }
}

impl From<BuildError> for HandshakeError {
    fn from(error: BuildError) -> Self {
        Self::Build(error)
    }
}
