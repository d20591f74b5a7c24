//! Frames alone: the sans-I/O connection on two buffers, after a handshake that somebody else did.

use embedded_io::{Read, Write};
use wirelet::{Connection, Event, Server};

use crate::{BUFFER, Echo, Failed};

/// Echoes chunks.
pub struct Frames;

impl Echo for Frames {
    type Memory = ([u8; BUFFER], [u8; BUFFER]);

    const MEMORY: Self::Memory = ([0; BUFFER], [0; BUFFER]);

    const HANDSHAKE: bool = false;

    const STATE: usize = size_of::<Connection<Server>>();

    fn run<S: Read + Write>(mut socket: S, memory: &mut Self::Memory) -> Result<(), Failed> {
        echo(&mut socket, memory, 0, 0)
    }
}

/// Echoes frames, of which the first `end` bytes from `start` on have been received already.
pub(super) fn echo<S: Read + Write>(
    socket: &mut S,
    (input, out): &mut (impl AsMut<[u8]>, impl AsMut<[u8]>),
    mut start: usize,
    mut end: usize,
) -> Result<(), Failed> {
    let (input, out) = (input.as_mut(), out.as_mut());
    let mut connection = Connection::new(Server);
    while !connection.is_closed() {
        if start == end {
            start = 0;
            end = socket.read(input).map_err(|_| Failed)?;
            if end == 0 {
                return Err(Failed);
            }
        }
        let mut written = 0;
        match connection.receive(input.get_mut(start..end).unwrap_or_default()) {
            Ok(progress) => {
                start += progress.consumed;
                if let Some(Event::Chunk(chunk)) = progress.event {
                    written = connection.send(chunk, out).map_err(|_| Failed)?;
                }
            }
            Err(_) => start = end,
        }
        written += connection.reply(out.get_mut(written..).unwrap_or_default());
        if written > 0 {
            socket.write_all(out.get(..written).unwrap_or_default()).map_err(|_| Failed)?;
            socket.flush().map_err(|_| Failed)?;
        }
    }
    Ok(())
}
