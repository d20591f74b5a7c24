//! A client that echoes, through the blocking driver.

use embedded_io::{Read, Write};
use wirelet::blocking::WebSocket;
use wirelet::handshake::ClientRequest;
use wirelet::{Error, Received, Storage};

use crate::random::Sequence;
use crate::{BUFFER, Echo, Failed};

/// Opens a connection and echoes whole messages.
pub struct Client;

impl Echo for Client {
    type Memory = Storage<BUFFER, BUFFER, 256>;

    const MEMORY: Self::Memory = Storage::new();

    const HANDSHAKE: bool = false;

    const STATE: usize = size_of::<WebSocket<'_, (), wirelet::Client<Sequence>>>();

    fn run<S: Read + Write>(socket: S, memory: &mut Self::Memory) -> Result<(), Failed> {
        echo(socket, memory).map_err(|_| Failed)
    }
}

fn echo<S: Read + Write>(
    socket: S,
    memory: &mut Storage<BUFFER, BUFFER, 256>,
) -> Result<(), Error<S::Error>> {
    let request = ClientRequest::new("example.com", "/echo");
    let mut ws = WebSocket::new(socket, wirelet::Client(Sequence::new()), memory.buffers());
    ws.connect(&request)?;
    loop {
        match ws.receive()? {
            (Received::Data(message), sender) => sender.send(message)?,
            (Received::Ping(_) | Received::Pong(_), _) => {}
            (Received::Close(_), _) => return Ok(()),
        }
    }
}
