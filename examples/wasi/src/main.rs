//! A WebSocket echo server in one thread over `std::net`: as a WASI component, where there are no
//! other threads, and as a native program.
//!
//! ```text
//! poll ─▶ a socket is ready ─▶ read into the shared buffer ─▶ Connection::receive, in place
//!                               write the rest of the echo ◀─ chunks, pongs, close
//! ```
//!
//! [`server`] waits and shares the buffers, [`session`] is one client from its accept to the end of
//! TCP, [`handshake`] answers its request.

mod handshake;
mod limits;
mod server;
mod session;

use std::convert::Infallible;
use std::env;
use std::error::Error;

use limits::Limits;
use server::Server;

/// Serves at the address that the first argument or `WIRELET_LISTEN` names.
fn main() -> Result<Infallible, Box<dyn Error>> {
    let address = env::args()
        .nth(1)
        .or_else(|| env::var("WIRELET_LISTEN").ok())
        .unwrap_or_else(|| DEFAULT_ADDRESS.to_owned());
    let server = Server::bind(&address, Limits::default())
        .map_err(|error| format!("cannot listen at {address}: {error}"))?;
    println!("listening on ws://{}", server.local_addr()?);
    Ok(server.run()?)
}

const DEFAULT_ADDRESS: &str = "127.0.0.1:8567";
