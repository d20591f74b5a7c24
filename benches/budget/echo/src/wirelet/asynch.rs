//! Whole messages through the async driver.

use embedded_io::{Read, Write};
use wirelet::asynch::WebSocket;
use wirelet::handshake::Acceptance;
use wirelet::{Error, Received, Storage};

use crate::asynch::{Socket, block_on};
use crate::{BUFFER, Echo, Failed, buffer};

/// Echoes whole messages, async.
pub struct Asynch;

impl Echo for Asynch {
    type Memory = Storage<BUFFER, BUFFER, 256>;

    const MEMORY: Self::Memory = Storage::new();

    const BUFFERS: &'static [(&'static str, usize)] =
        &[(buffer::RECEIVE, BUFFER), (buffer::MESSAGE, BUFFER), (buffer::TRANSMIT, 256)];

    const HANDSHAKE: bool = true;

    const STATE: usize = size_of::<WebSocket<'_, (), wirelet::Server>>();

    fn run<S: Read + Write>(socket: S, memory: &mut Self::Memory) -> Result<(), Failed> {
        block_on(echo(Socket(socket), memory)).map_err(|_| Failed)
    }
}

async fn echo<S>(
    socket: S,
    memory: &mut Storage<BUFFER, BUFFER, 256>,
) -> Result<(), Error<S::Error>>
where
    S: embedded_io_async::Read + embedded_io_async::Write,
{
    let mut ws = WebSocket::new(socket, wirelet::Server, memory.buffers());
    ws.accept(&Acceptance::new()).await?;
    loop {
        match ws.receive().await? {
            (Received::Data(message), sender) => sender.send(message).await?,
            (Received::Ping(_) | Received::Pong(_), _) => {}
            (Received::Close(_), _) => return Ok(()),
        }
    }
}
