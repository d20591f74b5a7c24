//! embedded-websocket, as in its `examples/server.rs`.

use ::embedded_websocket as ws;
use embedded_io::{Read, Write};
use rand_core_0_6::RngCore;
use ws::framer::{Framer, ReadResult, Stream};
use ws::{EmptyRng, WebSocketSendMessageType, WebSocketServer, WebSocketState, WebSocketType};

use crate::{BUFFER, Echo, Failed};

#[cfg(feature = "embedded-websocket-client")]
mod client;
#[cfg(feature = "embedded-websocket-server")]
mod server;

#[cfg(feature = "embedded-websocket-client")]
pub use client::Client;
#[cfg(feature = "embedded-websocket-server")]
pub use server::Server;

/// Echoes whole messages, after a handshake that somebody else did.
pub struct Frames;

/// Its buffers: to read, to write, and for a message.
pub struct Memory {
    read: [u8; BUFFER],
    write: [u8; BUFFER],
    frame: [u8; BUFFER],
}

impl Echo for Frames {
    type Memory = Memory;

    const MEMORY: Memory = Memory { read: [0; BUFFER], write: [0; BUFFER], frame: [0; BUFFER] };

    const HANDSHAKE: bool = false;

    const STATE: usize =
        size_of::<WebSocketServer>() + size_of::<Framer<'_, EmptyRng, ws::Server>>();

    fn run<S: Read + Write>(socket: S, memory: &mut Memory) -> Result<(), Failed> {
        let mut websocket = WebSocketServer::new_server();
        websocket.state = WebSocketState::Open;
        let mut cursor = 0;
        let Memory { read, write, frame } = memory;
        echo(&mut Framer::new(read, &mut cursor, write, &mut websocket), &mut Socket(socket), frame)
    }
}

fn echo<S: Read + Write, R: RngCore, Role: WebSocketType>(
    framer: &mut Framer<'_, R, Role>,
    stream: &mut Socket<S>,
    frame: &mut [u8],
) -> Result<(), Failed> {
    loop {
        let (kind, bytes) = match framer.read(stream, frame).map_err(|_| Failed)? {
            ReadResult::Text(text) => (WebSocketSendMessageType::Text, text.as_bytes()),
            ReadResult::Binary(bytes) => (WebSocketSendMessageType::Binary, bytes),
            ReadResult::Pong(_) => continue,
            ReadResult::Closed => return Ok(()),
        };
        framer.write(stream, kind, true, bytes).map_err(|_| Failed)?;
    }
}

/// Gives a socket the trait that the library asks for.
struct Socket<S>(S);

impl<S: Read + Write> Stream<S::Error> for Socket<S> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize, S::Error> {
        self.0.read(out)
    }

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), S::Error> {
        self.0.write_all(bytes)?;
        self.0.flush()
    }
}
