//! WebSocket (RFC 6455) for small machines: `no_std`, no allocator, safe code only, no panic.
//!
//! One core, three ways to use it:
//!
//! | you have | take |
//! |---|---|
//! | a socket with the [`embedded_io`] traits | [`blocking::WebSocket`] |
//! | one with the `embedded_io_async` traits | `asynch::WebSocket` (feature `async`) |
//! | bytes in a `&mut [u8]`, such as a TCP stack's ring | [`Connection`] |
//!
//! # The way of the data
//!
//! One direction each way; nobody reaches back.
//!
//! ```text
//! bytes in ─▶ header ─▶ payload, unmasked in place ─▶ chunk ─▶ (joined) message ─▶ application
//!            [Header]      [MaskingKey, Utf8Validator]  [Chunk]   [Inbox, Message]
//!
//! application ─▶ message ─▶ header + payload, masked if client ─▶ bytes out
//!
//! control frames: answered by the connection itself; the application also sees them
//! ```
//!
//! | layer | knows | does not know |
//! |---|---|---|
//! | [`Header`], [`MaskingKey`], [`Utf8Validator`], [`Opcode`], [`CloseCode`] | bits | connections |
//! | [`Connection`], or its halves [`Incoming`] and [`Outgoing`] | RFC 6455: fragments, control, closing | sockets, time, buffers that it does not own |
//! | [`Inbox`] | one store of fixed capacity | sockets |
//! | [`blocking`], `asynch` | the traits of embedded-io | the RFC |
//! | [`handshake`] | HTTP/1.1 upgrade, both roles | frames |
//! | [`Keepalive`], [`Deadline`] | intervals | clocks |
//!
//! Start reading at [`Connection`]; the RFC is quoted where it decides.
//!
//! # What holds
//!
//! - Input may be cut anywhere: the events and the replies are the same, and no byte is lost.
//! - Payloads of any length stream through a buffer of any size; text is validated as it comes,
//!   and fails at its first bad byte.
//! - Pings, closes and violations are answered by themselves, in order, never inside a frame; no
//!   API builds a frame that the RFC forbids.
//! - Errors tell who is to blame: [`ProtocolError`] the peer, [`SendError`] the caller,
//!   [`CapacityError`] the size of a buffer, [`Error::Transport`] the socket.
//!
//! # Features
//!
//! None is on by default, and none changes what the others do.
//!
//! - `async`: the module `asynch`.
//! - `defmt`: `defmt::Format` for the public types of data and errors; and the lines of `log` through
//!   defmt, where `DEFMT_LOG` asks for them. No line shows payload or a masking key.
//! - `simd`: text is validated, long payloads are masked and handshakes are digested with the
//!   instructions that a host is found to have for it; needs `std`.
//! - `log`: a line of level trace for each frame header, and of level debug for each violation.
// Unit tests are hosted programs.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

#[cfg(feature = "async")]
pub mod asynch;
pub mod blocking;
mod buffers;
mod close;
mod connection;
mod driver;
mod error;
pub mod handshake;
mod header;
mod inbox;
mod keepalive;
mod log;
mod mask;
mod message;
mod opcode;
mod role;
mod utf8;

pub use buffers::{Buffers, Storage};
pub use close::{Close, CloseCode};
pub use connection::{Connection, Event, FrameStart, Incoming, Outgoing, Progress};
pub use driver::{Flush, Received, Reply};
pub use error::{CapacityError, Error, ProtocolError, SendError};
pub use header::{Header, LengthForm};
pub use inbox::{Inbox, Store};
pub use keepalive::{Action, Deadline, Keepalive};
pub use mask::MaskingKey;
pub use message::{Chunk, Kind, Message};
pub use opcode::Opcode;
pub use role::{Client, Random, Role, Server};
pub use utf8::Utf8Validator;
