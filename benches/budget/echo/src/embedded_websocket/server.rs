//! With the handshake, for which the example takes httparse.

use ::embedded_websocket as ws;
use embedded_io::{Read, Write};
use ws::framer::{Framer, Stream as _};
use ws::{WebSocketContext, WebSocketServer};

use super::{Frames, Memory, Socket, echo};
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
        let mut stream = Socket(socket);
        let Memory { read, write, frame } = memory;
        let mut cursor = 0;
        let context = read_head(&mut stream, read, &mut cursor)?;
        let mut websocket = WebSocketServer::new_server();
        let mut framer = Framer::new(read, &mut cursor, write, &mut websocket);
        framer.accept(&mut stream, &context).map_err(|_| Failed)?;
        echo(&mut framer, &mut stream, frame)
    }
}

fn read_head<S: Read + Write>(
    stream: &mut Socket<S>,
    read: &mut [u8],
    cursor: &mut usize,
) -> Result<WebSocketContext, Failed> {
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut request = httparse::Request::new(&mut headers);
        let received = stream.read(&mut read[*cursor..]).map_err(|_| Failed)?;
        if received == 0 {
            return Err(Failed);
        }
        *cursor += received;
        match request.parse(&read[..*cursor]).map_err(|_| Failed)? {
            httparse::Status::Complete(len) => {
                // What follows the head, of which the framer takes the length for the place.
                *cursor -= len;
                let headers = request.headers.iter().map(|field| (field.name, field.value));
                return ws::read_http_header(headers).map_err(|_| Failed)?.ok_or(Failed);
            }
            httparse::Status::Partial => {}
        }
    }
}
