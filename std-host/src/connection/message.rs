//! Messages that own their bytes.

use std::fmt;

use bytes::Bytes;
use bytestring::ByteString;
use wirelet::{Close, CloseCode, Message, Received};

/// A message or a control frame that owns its bytes: what a [`Connection`](crate::Connection) and a
/// [`Client`](crate::Client) receive, and what a connection sends. Clones share the bytes.
///
/// ```
/// use wirelet_host::OwnedMessage;
///
/// let message = OwnedMessage::from("hi");
/// assert_eq!(message, OwnedMessage::Text("hi".into()));
/// assert_eq!(message.to_string(), "hi");
/// assert_eq!(message.as_text(), Some("hi"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OwnedMessage {
    /// A text message.
    Text(ByteString),
    /// A binary message.
    Binary(Bytes),
    /// A ping. One that was received is answered already.
    Ping(Bytes),
    /// A pong.
    Pong(Bytes),
    /// A close frame. One that was received is answered already, and nothing follows it.
    Close {
        /// The code; `None` if there is none.
        code: Option<CloseCode>,
        /// The reason, in most cases empty. It counts only with a code.
        reason: ByteString,
    },
}

impl OwnedMessage {
    /// Returns the text, if it is a text message.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Tells whether it is text or binary, and no control frame.
    #[must_use]
    pub const fn is_data(&self) -> bool {
        matches!(self, Self::Text(_) | Self::Binary(_))
    }

    /// Returns the length of what it holds, in bytes.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) | Self::Ping(bytes) | Self::Pong(bytes) => bytes.len(),
            Self::Close { reason, .. } => reason.len(),
        }
    }
}

impl From<&str> for OwnedMessage {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for OwnedMessage {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<ByteString> for OwnedMessage {
    fn from(text: ByteString) -> Self {
        Self::Text(text)
    }
}

impl From<&[u8]> for OwnedMessage {
    fn from(bytes: &[u8]) -> Self {
        Self::Binary(Bytes::copy_from_slice(bytes))
    }
}

impl From<Vec<u8>> for OwnedMessage {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes.into())
    }
}

impl From<Bytes> for OwnedMessage {
    fn from(bytes: Bytes) -> Self {
        Self::Binary(bytes)
    }
}

impl From<Message<'_>> for OwnedMessage {
    fn from(message: Message<'_>) -> Self {
        match message {
            Message::Text(text) => text.into(),
            Message::Binary(bytes) => bytes.into(),
        }
    }
}

impl From<Close<'_>> for OwnedMessage {
    fn from(close: Close<'_>) -> Self {
        Self::Close { code: close.code(), reason: close.reason().into() }
    }
}

impl From<CloseCode> for OwnedMessage {
    fn from(code: CloseCode) -> Self {
        Close::from(code).into()
    }
}

impl From<Received<'_, Message<'_>>> for OwnedMessage {
    fn from(received: Received<'_, Message<'_>>) -> Self {
        match received {
            Received::Data(message) => message.into(),
            Received::Ping(payload) => Self::Ping(Bytes::copy_from_slice(payload)),
            Received::Pong(payload) => Self::Pong(Bytes::copy_from_slice(payload)),
            Received::Close(close) => close.into(),
        }
    }
}

impl fmt::Display for OwnedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Binary(bytes) => write!(f, "<{} bytes>", bytes.len()),
            Self::Ping(payload) => write!(f, "<ping, {} bytes>", payload.len()),
            Self::Pong(payload) => write!(f, "<pong, {} bytes>", payload.len()),
            Self::Close { code: None, .. } => f.write_str("<closed without a code>"),
            Self::Close { code: Some(code), reason } => write!(f, "<closed with {code} {reason}>"),
        }
    }
}
