//! Two applications for small boards, on smoltcp: a WebSocket [`server`] and a WebSocket [`client`].
//!
//! ```text
//!            ┌────────────────────────────── this crate ──────────────────────────────┐
//!            │ server: Connection<Server> on the bytes that smoltcp's rings lend      │
//!  a Board ──┤                                                                        │
//!            │ client: blocking::WebSocket on an embedded-io socket made of smoltcp's │
//!            └────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! A [`Board`] has a network interface, a clock and random numbers. Everything else is here, and
//! runs on a host just as well: that is how it is tested.

// Unit tests are hosted programs.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod board;
pub mod client;
mod network;
pub mod server;

pub use board::Board;
