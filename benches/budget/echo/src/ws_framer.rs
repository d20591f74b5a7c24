//! ws-framer, as in its `examples/ws-framer-test.rs`.

use ::ws_framer::{WsFrame, WsRxFramer, WsTxFramer};
use embedded_io::{Read, Write};

use crate::{BUFFER, Echo, Failed};

#[cfg(feature = "ws-framer-client")]
mod client;
#[cfg(feature = "ws-framer-server")]
mod server;

#[cfg(feature = "ws-framer-client")]
pub use client::Client;
#[cfg(feature = "ws-framer-server")]
pub use server::Server;

/// Echoes whole messages, after a handshake that somebody else did.
pub struct Frames;

impl Echo for Frames {
    type Memory = ([u8; BUFFER], [u8; BUFFER]);

    const MEMORY: Self::Memory = ([0; BUFFER], [0; BUFFER]);

    const HANDSHAKE: bool = false;

    const STATE: usize = size_of::<WsRxFramer<'_>>() + size_of::<WsTxFramer<'_>>();

    fn run<S: Read + Write>(mut socket: S, memory: &mut Self::Memory) -> Result<(), Failed> {
        let (rx, tx) = memory;
        echo(&mut socket, &mut WsRxFramer::new(rx), &mut WsTxFramer::new(false, tx))
    }
}

fn echo<S: Read + Write>(
    socket: &mut S,
    rx: &mut WsRxFramer<'_>,
    tx: &mut WsTxFramer<'_>,
) -> Result<(), Failed> {
    loop {
        while let Some(frame) = rx.next_frame() {
            let reply = match frame {
                Ok(WsFrame::Ping(payload)) => WsFrame::Pong(payload),
                Ok(WsFrame::Pong(_)) | Err(_) => continue,
                Ok(frame) => frame,
            };
            let is_close = matches!(reply, WsFrame::Close(..));
            socket.write_all(tx.frame(reply).ok_or(Failed)?).map_err(|_| Failed)?;
            socket.flush().map_err(|_| Failed)?;
            if is_close {
                return Ok(());
            }
        }
        match socket.read(rx.read_buf()).map_err(|_| Failed)? {
            0 => return Err(Failed),
            n => rx.advance(n),
        }
    }
}
