//! The [`wirelet`] engine on a host: the same core as on a board, on ordinary TCP.
//!
//! [`Server`] gives every connection an id, calls a [`Handler`] for what happens on it, and lets
//! any thread send to one connection or to all through its [`Hub`]. [`Client`] is the other end.
//!
//! ```
//! use wirelet::Message;
//! use wirelet_host::{Client, Context, Handler, Server, Received};
//!
//! struct Shout;
//!
//! impl Handler for Shout {
//!     fn message(&self, message: Message<'_>, context: &mut Context<'_>) {
//!         if let Message::Text(text) = message {
//!             context.send(text.to_uppercase().as_str());
//!         }
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let server = Server::bind("127.0.0.1:0", Shout).await?;
//! let url = format!("ws://{}/", server.local_addr());
//! let running = tokio::spawn(server.run());
//!
//! let mut client = Client::connect(&url).await?;
//! client.send("hello").await?;
//! assert_eq!(client.receive().await?, Received::Text("HELLO".into()));
//! # running.abort();
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! # The way of the data
//!
//! ```text
//! socket ─▶ the worker thread's receive buffer ─▶ Endpoint ─▶ Handler ─┐
//!    ▲                                                                 │ replies to one read
//!    └──────────── one write ◀── the worker's send buffer ◀────────────┘
//!                                      ▲
//!                     outbox of the connection ◀── Hub ◀── any thread
//! ```
//!
//! Every limit of [`Limits`] holds by default.
#![forbid(unsafe_code)]

/// Compiles the code blocks of the README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

mod client;
mod endpoint;
mod growing;
mod handler;
mod handshake;
mod hub;
mod limits;
mod mail;
mod out;
mod outbox;
mod scratch;
mod server;
mod session;
mod socket;
mod spare;
#[allow(dead_code, reason = "taken up by the client and the server one after the other")]
mod tls;
mod worker;

pub use client::{Client, ClientError, ClientOptions, Received};
pub use handler::{Chat, Closed, Context, Echo, Handler, Sink};
pub use hub::{ConnectionId, Hub, Peer};
pub use limits::Limits;
pub use rustls;
pub use server::{Server, Shutdown};
pub use tls::config::{Certificates, LoadError};
