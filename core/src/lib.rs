//! WebSocket (RFC 6455) for small machines.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
mod close;
mod connection;
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
pub use close::{Close, CloseCode};
pub use connection::{Connection, Event, FrameStart, Incoming, Outgoing, Progress};
pub use error::{CapacityError, Error, ProtocolError, SendError};
pub use header::Header;
pub use inbox::{Inbox, Store};
pub use keepalive::{Action, Deadline, Keepalive};
pub use mask::MaskingKey;
pub use message::{Chunk, Kind, Message};
pub use opcode::Opcode;
pub use role::{Client, Role, Server};
pub use utf8::Utf8Validator;
