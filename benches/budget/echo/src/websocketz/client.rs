//! The client of its documentation.

use ::websocketz::WebSocket;
use ::websocketz::http::Header;
use ::websocketz::options::ConnectOptions;
use embedded_io::{Read, Write};

use super::{Frames, Memory, echo};
use crate::asynch::{Socket, block_on};
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
        let Memory { read, write, fragments } = memory;
        let (socket, random) = (Socket(socket), Sequence::new());
        let headers = [Header { name: "Host", value: b"example.com" }];
        let options = ConnectOptions::default()
            .with_path("/echo")
            .map_err(|_| Failed)?
            .with_headers(&headers);
        block_on(async {
            let connected =
                WebSocket::connect::<16>(options, socket, random, read, write, fragments).await;
            echo(connected.map_err(|_| Failed)?).await
        })
    }
}
