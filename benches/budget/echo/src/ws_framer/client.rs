//! As in its README.

use ::ws_framer::{WsRxFramer, WsTxFramer};
use embedded_io::{Read, Write};

use super::{Frames, echo};
use crate::{Echo, Failed};

/// Opens a connection and echoes whole messages. Its keys are zeros: the library takes random
/// numbers from the operating system alone.
pub struct Client;

impl Echo for Client {
    type Memory = <Frames as Echo>::Memory;

    const MEMORY: Self::Memory = Frames::MEMORY;

    const HANDSHAKE: bool = false;

    const STATE: usize = Frames::STATE;

    fn run<S: Read + Write>(mut socket: S, memory: &mut Self::Memory) -> Result<(), Failed> {
        let (rx, tx) = memory;
        let (mut rx, mut tx) = (WsRxFramer::new(rx), WsTxFramer::new(true, tx));
        let request = tx.http_upgrade_request("example.com", "/echo", &[]).ok_or(Failed)?;
        socket.write_all(request).map_err(|_| Failed)?;
        socket.flush().map_err(|_| Failed)?;
        let accept = tx.accept_key();
        loop {
            match socket.read(rx.read_buf()).map_err(|_| Failed)? {
                0 => return Err(Failed),
                n => rx.advance(n),
            }
            if let Some(response) = rx.http_response() {
                if response.map_err(|_| Failed)?.is_websocket_accepted(&accept) {
                    break;
                }
                return Err(Failed);
            }
        }
        echo(&mut socket, &mut rx, &mut tx)
    }
}
