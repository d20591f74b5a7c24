//! The server of wirelet's README: whole messages through the blocking driver.

use embedded_io::{Read, Write};
use wirelet::blocking::WebSocket;
use wirelet::handshake::Acceptance;
use wirelet::{Error, MaskingKey, Received, Storage};

use crate::{BUFFER, Echo, Failed, Unmask, buffer};

/// Echoes whole messages.
pub struct Server;

impl Echo for Server {
    type Memory = Storage<BUFFER, BUFFER, 256>;

    const MEMORY: Self::Memory = Storage::new();

    const BUFFERS: &'static [(&'static str, usize)] =
        &[(buffer::RECEIVE, BUFFER), (buffer::MESSAGE, BUFFER), (buffer::TRANSMIT, 256)];

    const HANDSHAKE: bool = true;

    const STATE: usize = size_of::<WebSocket<'_, (), wirelet::Server>>();

    const TYPES: &'static [(&'static str, usize)] = &super::types::ALL;

    const UNMASK: Option<Unmask> = Some(|payload, key| MaskingKey::new(key).apply(payload));

    fn run<S: Read + Write>(socket: S, memory: &mut Self::Memory) -> Result<(), Failed> {
        let result = echo(socket, memory);
        #[cfg(feature = "defmt")]
        if let Err(error) = &result {
            tell(error);
        }
        result.map_err(|_| Failed)
    }
}

fn echo<S: Read + Write>(
    socket: S,
    memory: &mut Storage<BUFFER, BUFFER, 256>,
) -> Result<(), Error<S::Error>> {
    let mut ws = WebSocket::new(socket, wirelet::Server, memory.buffers());
    ws.accept(&Acceptance::new())?;
    loop {
        match ws.receive()? {
            (Received::Data(message), sender) => sender.send(message)?,
            (Received::Ping(_) | Received::Pong(_), _) => {}
            (Received::Close(_), _) => return Ok(()),
        }
    }
}

#[cfg(feature = "defmt")]
fn tell<E>(error: &Error<E>) {
    match error {
        Error::Protocol(error) => defmt::warn!("{}", error),
        Error::Capacity(error) => defmt::warn!("{}", error),
        Error::Handshake(error) => defmt::warn!("{}", error),
        Error::Send(error) => defmt::error!("{}", error),
        _ => defmt::warn!("the transport ended"),
    }
}
