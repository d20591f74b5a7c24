//! As in its `examples/client.rs`.

use ::embedded_websocket as ws;
use embedded_io::{Read, Write};
use ws::framer::Framer;
use ws::{WebSocketClient, WebSocketOptions};

use super::{Frames, Memory, Socket, echo};
use crate::random::Sequence;
use crate::{Echo, Failed};

/// Opens a connection and echoes whole messages.
pub struct Client;

impl Echo for Client {
    type Memory = Memory;

    const MEMORY: Memory = Frames::MEMORY;

    const HANDSHAKE: bool = false;

    const STATE: usize = Frames::STATE;

    fn run<S: Read + Write>(socket: S, memory: &mut Memory) -> Result<(), Failed> {
        let mut stream = Socket(socket);
        let Memory { read, write, frame } = memory;
        let mut websocket = WebSocketClient::new_client(Sequence::new());
        let mut cursor = 0;
        let mut framer = Framer::new(read, &mut cursor, write, &mut websocket);
        let options = WebSocketOptions {
            path: "/echo",
            host: "example.com",
            origin: "http://example.com",
            sub_protocols: None,
            additional_headers: None,
        };
        framer.connect(&mut stream, &options).map_err(|_| Failed)?;
        echo(&mut framer, &mut stream, frame)
    }
}
