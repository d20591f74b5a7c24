//! A page for each task.
//!
//! | page | the task |
//! |---|---|
//! | [`echo`] | a server in ten lines, and with the program |
//! | [`chat`] | names, notices of who joins and leaves, the last messages for who comes late |
//! | [`rooms`] | topics, by path |
//! | [`auth`] | tokens, cookies, origins and hosts; who a connection belongs to |
//! | [`limits`] | all limits and their defaults; what happens to a peer that reads too slowly |
//! | [`client`] | a client, and one that connects again |
//! | [`tls`] | certificates, their renewal, an authority for tests |
//! | [`nginx`] | behind a reverse proxy |
//! | [`axum`] | beside the routes of axum and hyper |
//! | [`systemd`] | a service and its socket, sandboxed, restarted without a refused connection |
//!
//! The code in them is run with every change, or compiled where it would not end; commands and files of
//! configuration by `std-host/tests/docs/run`.

#[doc = include_str!("../docs/auth.md")]
pub mod auth {}
#[doc = include_str!("../docs/axum.md")]
pub mod axum {}
#[doc = include_str!("../docs/chat.md")]
pub mod chat {}
#[doc = include_str!("../docs/client.md")]
pub mod client {}
#[doc = include_str!("../docs/echo.md")]
pub mod echo {}
#[doc = include_str!("../docs/limits.md")]
pub mod limits {}
#[doc = include_str!("../docs/nginx.md")]
pub mod nginx {}
#[doc = include_str!("../docs/rooms.md")]
pub mod rooms {}
#[doc = include_str!("../docs/systemd.md")]
pub mod systemd {}
#[doc = include_str!("../docs/tls.md")]
pub mod tls {}
