//! What a client receives.

use std::fmt;

use wirelet::{CloseCode, Message};

/// What a [`Client`](crate::Client) received.
///
/// ```
/// use wirelet_host::Received;
///
/// assert_eq!(Received::Text("hi".into()).to_string(), "hi");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// A ping, answered already.
    Ping(Vec<u8>),
    /// A pong.
    Pong(Vec<u8>),
    /// The server's close frame, answered already. Nothing follows.
    Close {
        /// The code; `None` if there was none.
        code: Option<CloseCode>,
        /// The reason, in most cases empty.
        reason: String,
    },
}

impl From<wirelet::Received<'_, Message<'_>>> for Received {
    fn from(received: wirelet::Received<'_, Message<'_>>) -> Self {
        use wirelet::Received as Lent;
        match received {
            Lent::Data(Message::Text(text)) => Self::Text(text.to_owned()),
            Lent::Data(Message::Binary(bytes)) => Self::Binary(bytes.to_owned()),
            Lent::Ping(payload) => Self::Ping(payload.to_owned()),
            Lent::Pong(payload) => Self::Pong(payload.to_owned()),
            Lent::Close(close) => {
                Self::Close { code: close.code(), reason: close.reason().to_owned() }
            }
        }
    }
}

impl fmt::Display for Received {
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
