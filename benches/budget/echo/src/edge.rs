//! edge-ws and edge-http, as in the example of a server in the README of edge-ws.

use ::edge_ws::{FrameHeader, FrameType};
use embedded_io::{Read, Write};
use embedded_io_async as io;

use crate::asynch::{Socket, block_on};
use crate::{BUFFER, Echo, Failed};

#[cfg(feature = "edge-server")]
mod server;

#[cfg(feature = "edge-server")]
pub use server::Server;

/// Echoes frames, after a handshake that somebody else did.
pub struct Frames;

impl Echo for Frames {
    type Memory = [u8; BUFFER];

    const MEMORY: Self::Memory = [0; BUFFER];

    const HANDSHAKE: bool = false;

    const STATE: usize = size_of::<FrameHeader>();

    fn run<S: Read + Write>(socket: S, memory: &mut Self::Memory) -> Result<(), Failed> {
        block_on(echo(Socket(socket), memory))
    }
}

async fn echo<S: io::Read + io::Write>(mut socket: S, payload: &mut [u8]) -> Result<(), Failed> {
    loop {
        let mut header = FrameHeader::recv(&mut socket).await.map_err(|_| Failed)?;
        let payload = header.recv_payload(&mut socket, payload).await.map_err(|_| Failed)?;
        match header.frame_type {
            FrameType::Text(_) => {
                core::str::from_utf8(payload).map_err(|_| Failed)?;
            }
            FrameType::Close => return Ok(()),
            FrameType::Ping => header.frame_type = FrameType::Pong,
            _ => {}
        }
        header.mask_key = None; // servers never mask the payload
        header.send(&mut socket).await.map_err(|_| Failed)?;
        header.send_payload(&mut socket, payload).await.map_err(|_| Failed)?;
        socket.flush().await.map_err(|_| Failed)?;
    }
}
