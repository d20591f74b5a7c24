//! WebSocket echo and a status page on one port, over embassy-net: all of it but the board.
//!
//! ```text
//!  board: clocks, NIC, embassy_net::Stack       this crate
//!  ───────────────────────────────────────      ──────────────────────────────────────────
//!  TASKS tasks, each ─────────────────────────▶ run: TCP accept, serve, hang up, for ever
//!                                                └─▶ serve: any embedded-io-async socket
//!                                                     ├─ GET /        page.html
//!                                                     ├─ GET /status  Counters as JSON
//!                                                     └─ an upgrade   echo, chunk by chunk
//! ```
//!
//! A board brings up its network, makes a `static` [`Status`], and spawns [`TASKS`] tasks that
//! [`run`]. Everything else, and every limit, is here.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod connection;
mod event;
mod listener;
mod mac;
mod page;
mod status;

use core::time::Duration;

pub use connection::serve;
pub use event::{Event, Failure, Served};
pub use listener::run;
pub use mac::mac_address;
pub use status::{Counters, Place, Status};

/// The port, of the page and for WebSocket alike.
pub const PORT: u16 = 80;

/// How many clients may have a WebSocket open at once.
pub const MAX_WEB_SOCKETS: usize = 4;

/// How many tasks run [`run`], each with a TCP socket of its own: two more than that, so that when
/// no WebSocket is left, one client can get the page, or a refusal, while TCP with the client before
/// it is still being closed.
pub const TASKS: usize = MAX_WEB_SOCKETS + 2;

/// How many sockets the stack has to hold: those of the tasks, and one for DHCP.
pub const SOCKETS: usize = TASKS + 1;

/// The memory of one connection: the receive buffer holds the head of a browser's request, and
/// then what one read brings; messages are not joined, so they may have any length.
pub type Storage = wirelet::Storage<1536, 0, 256>;

/// How long a client may take for its request, and to take the answer.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// How long a client may take to make room for one chunk or ping.
const SEND_TIME: Duration = Duration::from_secs(10);

/// After so much silence, a ping.
const PING_INTERVAL: Duration = Duration::from_secs(15);

/// After so much silence after a ping, the end.
const PONG_TIME: Duration = Duration::from_secs(5);

/// How long the client may take to close TCP after this end has.
const HANG_UP_TIME: Duration = Duration::from_secs(5);
