//! Both roles in one firmware.

use core::marker::PhantomData;

use embedded_io::{Read, Write};

use crate::{Echo, Failed};

/// Is a server or a client, as a first byte from the socket says.
pub struct Both<S, C>(PhantomData<(S, C)>);

impl<Server, Client> Echo for Both<Server, Client>
where
    Server: Echo,
    Client: Echo<Memory = Server::Memory>,
{
    type Memory = Server::Memory;

    const MEMORY: Self::Memory = Server::MEMORY;

    const HANDSHAKE: bool = true;

    fn run<S: Read + Write>(mut socket: S, memory: &mut Self::Memory) -> Result<(), Failed> {
        let mut role = [0];
        socket.read(&mut role).map_err(|_| Failed)?;
        match role {
            [b'c'] => Client::run(socket, memory),
            _ => Server::run(socket, memory),
        }
    }
}
