//! The [`wirelet`] engine on a host: the same core as on a board, on ordinary TCP.
//!
//! [`Server`] gives every connection an id, calls a [`Handler`] for what happens on it, and lets
//! any thread send to one connection or to all through its [`Hub`]. [`Client`] is the other end, and
//! [`Reconnecting`] one that connects again.
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
//! let url = server.url();
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
//!
//! The [`guide`] has a page for each task, from a chat to a service of systemd.
#![forbid(unsafe_code)]

/// Compiles the code blocks of the README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

// Only its text is of use.
#[cfg(any(doc, doctest))]
pub mod guide;

mod answer;
mod builder;
mod client;
mod endpoint;
mod growing;
mod handler;
mod handshake;
mod history;
mod hub;
mod limits;
mod listen;
mod mail;
mod origins;
mod out;
mod outbox;
mod peer;
mod random;
mod scratch;
mod server;
mod service;
mod session;
mod socket;
mod spare;
mod stall;
mod stream;
mod tls;
mod topics;
mod worker;

pub use answer::{Accept, Answer, Handshake, Later, Response};
pub use builder::Builder;
pub use client::{Backoff, Client, ClientError, ClientOptions, Received, Reconnecting, Update};
pub use handler::{Chat, Closed, Context, Echo, Handler, Sink};
pub use history::{Record, Sender};
/// The types of [`Response`] and [`Service`].
pub use http::{self, StatusCode};
pub use hub::{DeliveryError, Hub, Totals};
pub use limits::Limits;
pub use listen::{Address, Listen};
pub use origins::Origins;
pub use outbox::Policy;
pub use peer::{ConnectionId, Peer, Status, Traffic};
/// What takes a prepared configuration of TLS.
pub use rustls;
pub use server::Server;
pub use service::{Service, Shutdown, Upgrade};
pub use stall::Hold;
pub use tls::config::{Certificates, LoadError};

/// What the program shares with the library, and nobody else is to use.
#[doc(hidden)]
pub mod program {
    pub use crate::client::target::{Scheme, Target};
    pub use crate::random::SeededRandom;
    pub use crate::stream::Plain;
    pub use crate::tls::Tls;
}
