//! With the handshake, for which the example takes httparse.

use ::ws_framer::{Header, WsRxFramer, WsTxFramer};
use embedded_io::{Read, Write};

use super::{Frames, echo};
use crate::{BUFFER, Echo, Failed, buffer};

/// Accepts, then echoes whole messages.
pub struct Server;

impl Echo for Server {
    type Memory = <Frames as Echo>::Memory;

    const MEMORY: Self::Memory = Frames::MEMORY;

    const BUFFERS: &'static [(&'static str, usize)] =
        &[(buffer::RECEIVE, BUFFER), (buffer::TRANSMIT, BUFFER)];

    const HANDSHAKE: bool = true;

    const STATE: usize = Frames::STATE;

    fn run<S: Read + Write>(mut socket: S, memory: &mut Self::Memory) -> Result<(), Failed> {
        let (rx, tx) = memory;
        let mut tx = WsTxFramer::new(false, tx);
        let accept = read_head(&mut socket, rx)?;
        let headers = [
            Header { name: "Upgrade", value: b"websocket" },
            Header { name: "Connection", value: b"upgrade" },
            Header { name: "Sec-WebSocket-Accept", value: &accept },
        ];
        let response = tx.http_response(101, "Switching Protocols", &headers).ok_or(Failed)?;
        socket.write_all(response).map_err(|_| Failed)?;
        socket.flush().map_err(|_| Failed)?;
        echo(&mut socket, &mut WsRxFramer::new(rx), &mut tx)
    }
}

/// Reads the request and makes the answer to its key.
fn read_head<S: Read + Write>(socket: &mut S, space: &mut [u8]) -> Result<[u8; 28], Failed> {
    let mut len = 0;
    loop {
        match socket.read(space.get_mut(len..).unwrap_or_default()).map_err(|_| Failed)? {
            0 => return Err(Failed),
            n => len += n,
        }
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut request = httparse::Request::new(&mut headers);
        let head = space.get(..len).unwrap_or_default();
        if request.parse(head).map_err(|_| Failed)?.is_partial() {
            continue;
        }
        let is_key =
            |field: &&httparse::Header<'_>| field.name.eq_ignore_ascii_case("Sec-WebSocket-Key");
        let key = request.headers.iter().find(is_key).ok_or(Failed)?.value;
        let key = core::str::from_utf8(key).map_err(|_| Failed)?;
        return ::ws_framer::process_sec_websocket_key(key).ok_or(Failed);
    }
}
