//! websocketz, as in its documentation and its `examples/autobahn-server.rs`.

use ::websocketz::{Message, WebSocket, next, send};
use embedded_io::{Read, Write};
use embedded_io_async as io;

use crate::asynch::{Socket, block_on};
use crate::random::Sequence;
use crate::{BUFFER, Echo, Failed};

#[cfg(feature = "websocketz-client")]
mod client;
#[cfg(feature = "websocketz-server")]
mod server;

#[cfg(feature = "websocketz-client")]
pub use client::Client;
#[cfg(feature = "websocketz-server")]
pub use server::Server;

/// Echoes whole messages, after a handshake that somebody else did.
pub struct Frames;

/// Its buffers: to read, to write, and for fragments.
pub struct Memory {
    read: [u8; BUFFER],
    write: [u8; BUFFER],
    fragments: [u8; BUFFER],
}

impl Echo for Frames {
    type Memory = Memory;

    const MEMORY: Memory = Memory { read: [0; BUFFER], write: [0; BUFFER], fragments: [0; BUFFER] };

    const HANDSHAKE: bool = false;

    const STATE: usize = size_of::<WebSocket<'_, (), Sequence>>();

    fn run<S: Read + Write>(socket: S, memory: &mut Memory) -> Result<(), Failed> {
        let Memory { read, write, fragments } = memory;
        let (socket, random) = (Socket(socket), Sequence::new());
        block_on(echo(WebSocket::server(socket, random, read, write, fragments)))
    }
}

async fn echo<S: io::Read + io::Write>(mut ws: WebSocket<'_, S, Sequence>) -> Result<(), Failed> {
    while let Some(message) = next!(ws) {
        match message {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => {
                send!(ws, message).map_err(|_| Failed)?;
            }
            Ok(_) => {}
            Err(_) => {
                send!(ws, Message::Close(None)).map_err(|_| Failed)?;
                return Err(Failed);
            }
        }
    }
    Ok(())
}
