//! The [`wirelet`] engine on a host: the same core as on a board, on ordinary TCP.
//!
//! [`Server`] gives every connection an id, calls a [`Handler`] for what happens on it, and lets
//! any thread send to one connection or to all through its [`Hub`]. [`Client`] is the other end, and
//! [`Reconnecting`] one that connects again. [`Connection`] is either end as an asynchronous value, with
//! messages that own their bytes.
//!
//! ```
//! use wirelet::Message;
//! use wirelet_host::{Client, Context, Handler, OwnedMessage, Server};
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
//! assert_eq!(client.receive().await?, OwnedMessage::from("HELLO"));
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

mod client;
mod connection;
mod endpoint;
mod hub;
mod io;
mod random;
mod server;

/// The types of [`OwnedMessage`]'s content.
pub use bytes::Bytes;
pub use bytestring::ByteString;
pub use client::target::{Scheme, Target};
pub use client::{Backoff, Client, ClientError, ClientOptions, Reconnecting, Update};
pub use connection::error::ConnectionError;
pub use connection::message::OwnedMessage;
pub use connection::{Connection, ReceiveHalf, SendHalf};
/// The types of [`Response`] and [`Service`].
pub use http::{self, StatusCode};
pub use hub::endings::{Ending, Endings};
pub use hub::history::{Record, Sender};
pub use hub::id::ConnectionId;
pub use hub::obstacle::Hold;
pub use hub::outbox::{Policy, Status};
pub use hub::peer::{Peer, Traffic};
pub use hub::{DeliveryError, Hub, Totals};
pub use io::stream::Plain;
pub use io::tls::Tls;
pub use io::tls::config::{Certificates, LoadError};
pub use random::SeededRandom;
/// What takes a prepared configuration of TLS.
pub use rustls;
pub use server::Server;
pub use server::answer::{Accept, Answer, Handshake, Later, Response};
pub use server::builder::Builder;
pub use server::handler::{Chat, Closed, Context, Echo, Handler, Sent, Sink};
pub use server::limits::Limits;
pub use server::listener::{Address, Listen};
pub use server::origins::{Hosts, Origins};
pub use server::service::{Service, Upgrade};
pub use server::shutdown::{Drain, Shutdown};
/// The engine: messages, close codes, errors.
pub use wirelet;
