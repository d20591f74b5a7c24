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
//! # Architecture
//!
//! ```text
//!            server/ listener ─▶ accepts, and shares out among the workers, in turn
//!                                    │
//! socket ─▶ worker's receive buffer ─▶ endpoint ─▶ Handler ──────┐ answers to one read
//!    ▲       one turn each, by the run queue         │ Hub       │
//!    │                                               ▼           │
//!    ├─── one write ◀── worker's send buffer ◀── outbox ◀────────┤ one order
//!    │                                               ▲           │
//!    └─▶ unsent: what the socket refuses           any thread    ▼
//!                                                             Connection: either end as a value, in a task
//! ```
//!
//! | folder | what is there |
//! |---|---|
//! | `io/` | sockets, TLS, what the system has not taken yet, the buffers for both |
//! | `endpoint` | the engine with storage that is allocated; knows no socket |
//! | `hub/` | who is there (rosters, topics), what others have for a connection (outbox), how its worker is told (wake queue) |
//! | `server/` | listeners, workers, sessions and their timers, handshakes, the embedding in another HTTP server |
//! | `connection` | either end as an asynchronous value |
//! | `client/` | how a connection is opened, and opened again |
//!
//! An arrow between files leads one way; CI looks for circles. In `server/`, a worker is a thread with many
//! connections. Each stands at most once in its run queue, and has one turn in a round. Each has one timer, which
//! nothing can veto, in a heap: time costs what is due, not what is open. What a socket has refused counts against
//! its peer, and nothing else does; sent to one or to thousands, a message is encoded once, and no lock is held
//! while it is handed out.
//!
//! Every limit of [`Limits`] holds by default.
//!
//! # Features
//!
//! All are on by default: `client` ([`Client`], [`Reconnecting`]), `server` ([`Server`], [`Service`], [`Hub`]), and `tls`
//! for both. [`Connection`] is there in any case.
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

#[cfg(feature = "client")]
mod client;
#[cfg_attr(
    not(all(feature = "client", feature = "server")),
    allow(dead_code, reason = "each end takes what it needs")
)]
mod compression;
#[cfg_attr(
    not(all(feature = "client", feature = "server")),
    allow(dead_code, reason = "each end takes what it needs")
)]
mod connection;
#[cfg_attr(
    not(all(feature = "client", feature = "server")),
    allow(dead_code, reason = "each end takes what it needs")
)]
mod endpoint;
#[cfg(feature = "server")]
mod hub;
#[cfg_attr(
    not(all(feature = "client", feature = "server")),
    allow(dead_code, reason = "each end takes what it needs")
)]
mod io;
#[cfg_attr(
    not(all(feature = "client", feature = "server")),
    allow(dead_code, reason = "each end takes what it needs")
)]
mod random;
#[cfg(feature = "server")]
mod server;

/// The types of [`OwnedMessage`]'s content.
pub use bytes::Bytes;
pub use bytestring::ByteString;
#[cfg(feature = "client")]
pub use client::target::{Scheme, Target};
#[cfg(feature = "client")]
pub use client::{
    Backoff, Client, ClientError, ClientOptions, ConnectTo, Proxy, ProxyError, Reconnecting,
    RedirectError, Resolve, Update,
};
#[cfg(feature = "server")]
pub use compression::Compressed;
pub use compression::Compression;
pub use connection::error::ConnectionError;
pub use connection::message::OwnedMessage;
pub use connection::{Connection, ReceiveHalf, SendHalf};
/// The types of [`Response`] and [`Service`].
pub use http::{self, StatusCode};
#[cfg(feature = "server")]
pub use hub::endings::{Ending, Endings};
#[cfg(feature = "server")]
pub use hub::history::{Record, Sender};
#[cfg(feature = "server")]
pub use hub::id::ConnectionId;
#[cfg(feature = "server")]
pub use hub::obstacle::Hold;
#[cfg(feature = "server")]
pub use hub::outbox::{Policy, Status};
#[cfg(feature = "server")]
pub use hub::peer::{Peer, Traffic};
#[cfg(feature = "server")]
pub use hub::{DeliveryError, Hub, Totals};
#[cfg(feature = "server")]
pub use io::stream::Plain;
#[cfg(feature = "tls")]
pub use io::tls::Tls;
#[cfg(feature = "tls")]
pub use io::tls::config::{Certificates, TlsFiles};
#[cfg(feature = "tls")]
pub use io::tls::pem::{CertificateFiles, LoadError};
#[cfg(feature = "tls")]
pub use io::tls::pin::Pin;
/// The type of [`Builder::trusted_proxies`].
#[cfg(feature = "server")]
pub use ipnet::IpNet;
pub use random::SeededRandom;
/// What takes a prepared configuration of TLS.
#[cfg(feature = "tls")]
pub use rustls;
#[cfg(feature = "server")]
pub use server::Server;
#[cfg(feature = "server")]
pub use server::answer::{Accept, Answer, Handshake, Hint, Later, Response};
#[cfg(feature = "server")]
pub use server::builder::Builder;
#[cfg(feature = "server")]
pub use server::handler::{Chat, Closed, Context, Echo, Handler, Sent, Sink};
#[cfg(feature = "server")]
pub use server::limits::Limits;
#[cfg(feature = "server")]
pub use server::listener::{Address, Listen};
#[cfg(feature = "server")]
pub use server::liveness::Liveness;
#[cfg(feature = "server")]
pub use server::origins::{Hosts, Origins};
#[cfg(feature = "server")]
pub use server::service::{Service, Upgrade};
#[cfg(feature = "server")]
pub use server::shutdown::{Drain, Shutdown};
/// The engine: messages, close codes, errors.
pub use wirelet;
