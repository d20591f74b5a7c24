//! What core promises, a suite a file: `cargo test -p wirelet --test suites closing::` runs one.
//!
//! All are one program, for linking forty took longer than running them.

mod alive;
mod buffers;
mod cancelling;
mod closing;
mod common;
mod deflate;
mod drive;
mod drivers_async;
mod drivers_blocking;
mod drivers_random;
mod duplex;
mod errors;
mod extension;
mod failing;
mod finishing;
mod frame_rules;
mod gone;
mod halves;
mod handshake_answers;
mod handshake_client;
mod handshake_extensions;
mod handshake_hosts;
mod handshake_interim;
mod handshake_origins;
mod handshake_pieces;
mod handshake_reference;
mod handshake_server;
mod inbox;
mod interrupted;
mod limits;
mod mixing;
mod no_panic_random;
mod opening;
mod opening_client;
mod pipe;
mod replies;
mod rfc_vectors;
mod sending;
mod splits;
mod text;
mod utf8;
mod writers;
