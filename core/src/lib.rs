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
//! | [`driver`] | what to write, flush and read next, as values | how that is done |
//! | [`blocking`], `asynch` | the traits of embedded-io | rules of any kind |
//! | [`handshake`] | HTTP/1.1 upgrade, both roles | frames |
//! | [`Keepalive`], [`Deadline`] | intervals | clocks |
//!
//! Start reading at [`Connection`]; the RFC is quoted where it decides. The [`guide`] has an example of each way to
//! use it, and all limits.
//!
//! # What holds
//!
//! - Input may be cut anywhere: the events and the replies are the same, and no byte is lost.
//! - Payloads of any length stream through a buffer of any size; text is validated as it comes,
//!   and fails at its first bad byte. What is received whole has one limit, however it arrives.
//! - Pings, closes and violations are answered by themselves, in order, never inside a frame; no
//!   API builds a frame that the RFC forbids.
//! - What is interrupted, by an error of the transport or by dropping a future, can be gone on with.
//! - Nothing that a peer sends keeps a call for ever: what is empty or ignored has a limit.
//! - Pages of other origins are refused unless they are let in.
//!
//! # Errors
//!
//! They tell who is to blame; [`Error`], that of the drivers, unites them.
//!
//! | error | who | what follows, with a driver |
//! |---|---|---|
//! | [`ProtocolError`] | the peer | it has been told by a close frame; close TCP |
//! | [`RequestError`](handshake::RequestError) | the client | it has been told by an HTTP status; close TCP |
//! | [`ResponseError`](handshake::ResponseError) | the server | close TCP |
//! | [`SendError`], [`BuildError`](handshake::BuildError) | the caller | nothing was sent |
//! | [`CapacityError`] | the length of a buffer | the peer has been told by close 1009, if it was a message; close TCP |
//! | [`Error::Transport`] | the socket | nothing has changed: call again |
//! | [`Error::Unflushed`] | the socket | it is queued: `flush` |
//! | [`Error::Unfinished`] | the socket | a long frame is cut: `write` the rest |
//!
//! # Features
//!
//! None is on by default, and none changes what the others do.
//!
//! - `async`: the module `asynch`.
//! - `alloc`: messages are made of `&String` and `&Vec<u8>`, too.
//! - `deflate`: the module `deflate`, permessage-deflate (RFC 7692) as far as it is done: its codec, its
//!   negotiation and, for a [`Connection`], its receiving direction. The drivers do not speak it.
//! - `defmt`: `defmt::Format` for the public types of data and errors; and the lines of `log` through
//!   defmt, where `DEFMT_LOG` asks for them. No line shows payload or a masking key.
//! - `simd`: text is validated, long payloads are masked and handshakes are digested with the
//!   instructions that a host is found to have for it; needs `std`, and brings `alloc` along.
//! - `log`: a line of level trace for each frame header, and of level debug for each violation.
//!
//! Random numbers come from the caller ([`Random`]); no release of `rand_core` is asked for.
// Unit tests are hosted programs.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

#[cfg(feature = "alloc")]
extern crate alloc;

#[cfg(feature = "async")]
pub mod asynch;
pub mod blocking;
mod buffers;
mod close;
mod connection;
#[cfg(feature = "deflate")]
pub mod deflate;
pub mod driver;
mod error;
// Only its text is of use.
#[cfg(any(doc, doctest))]
pub mod guide;
pub mod handshake;
mod header;
mod inbox;
mod keepalive;
mod log;
mod mask;
mod message;
mod opcode;
mod role;
mod slice;
mod utf8;

pub use buffers::{Buffers, Storage};
pub use close::{Close, CloseCode};
pub use connection::{Connection, Event, Extension, FrameStart, Incoming, Outgoing, Progress};
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
