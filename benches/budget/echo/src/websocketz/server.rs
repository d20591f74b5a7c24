//! With the handshake.

use ::websocketz::WebSocket;
use ::websocketz::options::AcceptOptions;
use embedded_io::{Read, Write};

use super::{Frames, Memory, echo};
use crate::asynch::{Socket, block_on};
use crate::random::Sequence;
use crate::{BUFFER, Echo, Failed, buffer};

/// Accepts, then echoes whole messages.
pub struct Server;

impl Echo for Server {
    type Memory = Memory;

    const MEMORY: Memory = Frames::MEMORY;

    const BUFFERS: &'static [(&'static str, usize)] =
        &[(buffer::RECEIVE, BUFFER), (buffer::MESSAGE, BUFFER), (buffer::TRANSMIT, BUFFER)];

    const HANDSHAKE: bool = true;

    const STATE: usize = Frames::STATE;

    fn run<S: Read + Write>(socket: S, memory: &mut Memory) -> Result<(), Failed> {
        let Memory { read, write, fragments } = memory;
        let (socket, random) = (Socket(socket), Sequence::new());
        block_on(async {
            let options = AcceptOptions::default();
            let accepted =
                WebSocket::accept::<16>(options, socket, random, read, write, fragments).await;
            echo(accepted.map_err(|_| Failed)?).await
        })
    }
}
