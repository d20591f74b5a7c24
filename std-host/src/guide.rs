//! A page for each task.
//!
//! | page | the task |
//! |---|---|
//! | [`echo`] | a server in ten lines, and with the program |
//! | [`chat`] | names, notices of who joins and leaves, the last messages for who comes late |
//! | [`rooms`] | topics, by path |
//! | [`auth`] | tokens, cookies, origins and hosts; who a connection belongs to |
//! | [`limits`] | all limits and their defaults; what happens to a peer that reads too slowly |
//! | [`deflate`] | compression: which setting for which memory |
//! | [`client`] | a client, and one that connects again |
//! | [`connect`] | `wirelet connect` in scripts: pipes, recordings, exit codes, ways to end |
//! | [`jsonrpc`] | JSON-RPC, with many requests at once and answers in their order |
//! | [`database`] | a look-up in a database for each message |
//! | [`proxy`] | a proxy between two WebSockets, which passes on pings and closes |
//! | [`push`] | pushing to clients as fast as each of them reads |
//! | [`state`] | state of a connection, without a mutex |
//! | [`tls`] | certificates, their renewal, an authority for tests |
//! | [`certificates`] | three ways to trust a device, certificates of clients, several names |
//! | [`exec`] | a program in any language for each connection, by the program `wirelet` |
//! | [`nginx`], [`haproxy`], [`caddy`] | behind a reverse proxy |
//! | [`axum`] | beside the routes of axum and hyper |
//! | [`systemd`] | a service and its socket, sandboxed, restarted without a refused connection |
//! | [`troubleshooting`] | why it does not connect, by symptom |
//!
//! The code in them is run with every change, or compiled where it would not end; commands and files of
//! configuration by `std-host/tests/docs/run`.

#[doc = include_str!("../docs/auth.md")]
pub mod auth {}
#[doc = include_str!("../docs/axum.md")]
pub mod axum {}
#[doc = include_str!("../docs/caddy.md")]
pub mod caddy {}
#[doc = include_str!("../docs/certificates.md")]
pub mod certificates {}
#[doc = include_str!("../docs/chat.md")]
pub mod chat {}
#[doc = include_str!("../docs/client.md")]
pub mod client {}
#[doc = include_str!("../docs/connect.md")]
pub mod connect {}
#[doc = include_str!("../docs/database.md")]
pub mod database {}
#[doc = include_str!("../docs/deflate.md")]
pub mod deflate {}
#[doc = include_str!("../docs/echo.md")]
pub mod echo {}
#[doc = include_str!("../docs/exec.md")]
pub mod exec {}
#[doc = include_str!("../docs/haproxy.md")]
pub mod haproxy {}
#[doc = include_str!("../docs/jsonrpc.md")]
pub mod jsonrpc {}
#[doc = include_str!("../docs/limits.md")]
pub mod limits {}
#[doc = include_str!("../docs/nginx.md")]
pub mod nginx {}
#[doc = include_str!("../docs/proxy.md")]
pub mod proxy {}
#[doc = include_str!("../docs/push.md")]
pub mod push {}
#[doc = include_str!("../docs/rooms.md")]
pub mod rooms {}
#[doc = include_str!("../docs/state.md")]
pub mod state {}
#[doc = include_str!("../docs/systemd.md")]
pub mod systemd {}
#[doc = include_str!("../docs/tls.md")]
pub mod tls {}
#[doc = include_str!("../docs/troubleshooting.md")]
pub mod troubleshooting {}
