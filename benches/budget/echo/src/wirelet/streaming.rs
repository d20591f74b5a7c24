//! Messages of any length, chunk by chunk through the blocking driver.

use embedded_io::{Read, Write};
use wirelet::blocking::WebSocket;
use wirelet::handshake::Acceptance;
use wirelet::{Error, Received, Storage};

use crate::{BUFFER, Echo, Failed, buffer};

/// Echoes chunks; it has no buffer for messages.
pub struct Streaming;

impl Echo for Streaming {
    type Memory = Storage<BUFFER, 0, 256>;

    const MEMORY: Self::Memory = Storage::new();

    const BUFFERS: &'static [(&'static str, usize)] =
        &[(buffer::RECEIVE, BUFFER), (buffer::TRANSMIT, 256)];

    const HANDSHAKE: bool = true;

    const STATE: usize = size_of::<WebSocket<'_, (), wirelet::Server>>();

    fn run<S: Read + Write>(socket: S, memory: &mut Self::Memory) -> Result<(), Failed> {
        echo(socket, memory).map_err(|_| Failed)
    }
}

fn echo<S: Read + Write>(
    socket: S,
    memory: &mut Storage<BUFFER, 0, 256>,
) -> Result<(), Error<S::Error>> {
    let mut ws = WebSocket::new(socket, wirelet::Server, memory.buffers());
    ws.accept(&Acceptance::new())?;
    loop {
        match ws.receive_chunk()? {
            (Received::Data(chunk), sender) => sender.send(chunk)?,
            (Received::Ping(_) | Received::Pong(_), _) => {}
            (Received::Close(_), _) => return Ok(()),
        }
    }
}
