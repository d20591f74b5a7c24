//! With the handshake of edge-http, without its `Server` that runs several connections at a time.

use ::edge_ws::FrameHeader;
use edge_http::io::server::Connection;
use edge_http::ws::MAX_BASE64_KEY_RESPONSE_LEN;
use embedded_io::{Read, Write};

use super::echo;
use crate::asynch::{Socket, block_on};
use crate::{BUFFER, Echo, Failed, Unmask, buffer};

/// Accepts, then echoes frames.
pub struct Server;

/// The header fields that a request may have.
const MAX_HEADERS: usize = 16;

impl Echo for Server {
    type Memory = ([u8; BUFFER], [u8; BUFFER]);

    const MEMORY: Self::Memory = ([0; BUFFER], [0; BUFFER]);

    const BUFFERS: &'static [(&'static str, usize)] =
        &[(buffer::HEAD, BUFFER), (buffer::RECEIVE, BUFFER)];

    const HANDSHAKE: bool = true;

    const STATE: usize = size_of::<Connection<'_, (), MAX_HEADERS>>() + size_of::<FrameHeader>();

    const UNMASK: Option<Unmask> =
        Some(|payload, key| FrameHeader::mask_with(payload, Some(u32::from_be_bytes(key)), 0));

    fn run<S: Read + Write>(socket: S, memory: &mut Self::Memory) -> Result<(), Failed> {
        let (head, payload) = memory;
        block_on(async {
            let mut connection = Connection::<_, MAX_HEADERS>::new(head, Socket(socket))
                .await
                .map_err(|_| Failed)?;
            if !connection.is_ws_upgrade_request().map_err(|_| Failed)? {
                connection.initiate_response(400, None, &[]).await.map_err(|_| Failed)?;
                return Err(Failed);
            }
            let mut key = [0; MAX_BASE64_KEY_RESPONSE_LEN];
            connection.initiate_ws_upgrade_response(&mut key).await.map_err(|_| Failed)?;
            connection.complete().await.map_err(|_| Failed)?;
            echo(connection.unbind().map_err(|_| Failed)?, payload).await
        })
    }
}
