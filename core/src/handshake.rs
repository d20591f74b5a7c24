//! The opening handshake (RFC 6455 §4), both roles, sans-I/O.
//!
//! ```text
//! bytes in ─▶ HeadScanner ─▶ Request::parse ─▶ Request::upgrade ─▶ Upgrade::accept ─▶ bytes out
//!                                   │                 └─ Refusal::encode ─▶ bytes out
//!                                   └─ a plain GET: the application's own page
//!
//! ClientRequest::encode ─▶ bytes out        bytes in ─▶ HeadScanner ─▶ ClientRequest::verify
//!                                                           │
//!                                                           └─ Response::is_interim: drop it, scan again
//! ```
//!
//! A head lies in one buffer of the caller, whose length is the limit in bytes; it may have
//! [`MAX_HEADERS`] fields, which are looked up where they lie. What follows the head in the buffer
//! belongs to the frames.
//!
//! ```
//! use wirelet::handshake::{Acceptance, HeadScanner, Request};
//!
//! let bytes = b"GET /chat HTTP/1.1\r\n\
//!     Host: server.example.com\r\n\
//!     Upgrade: websocket\r\n\
//!     Connection: Upgrade\r\n\
//!     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
//!     Sec-WebSocket-Protocol: chat, superchat\r\n\
//!     Sec-WebSocket-Version: 13\r\n\
//!     \r\n\
//!     early frames";
//! let head_len = HeadScanner::new().scan(bytes)?.expect("the head is whole");
//! let request = Request::parse(&bytes[..head_len])?;
//! assert_eq!(request.path(), "/chat");
//!
//! let upgrade = request.upgrade()?;
//! let subprotocol = upgrade.choose_subprotocol(&["superchat", "chat"]);
//! let mut out = [0; 256];
//! let n = upgrade.accept(&Acceptance::new().subprotocol(subprotocol), &mut out)?;
//! assert!(out[..n].starts_with(b"HTTP/1.1 101 Switching Protocols\r\n"));
//! assert_eq!(bytes[head_len..], *b"early frames");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod acceptance;
mod allow;
mod client;
mod digest;
mod error;
mod extension;
mod fields;
mod head;
mod host;
mod key;
mod refusal;
mod request;
mod site;
mod status;
mod writer;

pub use acceptance::{Acceptance, SwitchingProtocols};
pub use allow::AllowList;
pub use client::{ClientRequest, Response};
pub use error::{BuildError, HandshakeError, RequestError, ResponseError};
pub use extension::{Extension, MalformedExtension, ParameterValue};
pub use head::HeadScanner;
pub use key::Key;
pub use refusal::Refusal;
pub use request::{Request, Upgrade};
pub use status::Status;
pub use writer::Piece;
pub(crate) use writer::{Head, write_head};

/// How many header fields a head may have. A browser sends about 15.
pub const MAX_HEADERS: usize = 64;

/// How many interim responses ([`Response::is_interim`]) a client skips before it gives the server up.
///
/// RFC 9110 §15.2 sets no limit; servers send one or two.
pub const MAX_INTERIM_RESPONSES: u8 = 8;
