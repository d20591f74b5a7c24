//! A complete server without a driver: the handshake and the connection on two buffers.

use embedded_io::{Read, Write};
use wirelet::handshake::{Acceptance, HandshakeError, HeadScanner, Refusal, Request, RequestError};

use super::{Frames, frames};
use crate::{BUFFER, Echo, Failed, buffer};

/// Accepts or refuses, then echoes chunks.
pub struct SansIo;

impl Echo for SansIo {
    type Memory = <Frames as Echo>::Memory;

    const MEMORY: Self::Memory = Frames::MEMORY;

    const BUFFERS: &'static [(&'static str, usize)] =
        &[(buffer::RECEIVE, BUFFER), (buffer::TRANSMIT, BUFFER)];

    const HANDSHAKE: bool = true;

    const STATE: usize = Frames::STATE;

    fn run<S: Read + Write>(mut socket: S, memory: &mut Self::Memory) -> Result<(), Failed> {
        let (input, out) = memory;
        let mut scanner = HeadScanner::new();
        let mut end = 0;
        let head = loop {
            match scanner.scan(input.get(..end).unwrap_or_default()) {
                Ok(Some(len)) => break Ok(len),
                Ok(None) if end == input.len() => break Err(RequestError::HeadTooLong),
                Ok(None) => {}
                Err(error) => break Err(error),
            }
            match socket.read(input.get_mut(end..).unwrap_or_default()).map_err(|_| Failed)? {
                0 => return Err(Failed),
                n => end += n,
            }
        };
        let accepted = head
            .and_then(|len| accept(input.get(..len).unwrap_or_default(), out).map(|n| (len, n)));
        match accepted {
            Ok((len, n)) => {
                socket.write_all(out.get(..n).unwrap_or_default()).map_err(|_| Failed)?;
                frames::echo(&mut socket, memory, len, end)
            }
            Err(error) => {
                let n = Refusal::from(error).encode(out).map_err(|_| Failed)?;
                socket.write_all(out.get(..n).unwrap_or_default()).map_err(|_| Failed)?;
                Err(Failed)
            }
        }
    }
}

/// Writes the acceptance of the request; returns its length.
fn accept(head: &[u8], out: &mut [u8]) -> Result<usize, RequestError> {
    let request: Request<'_> = Request::parse(head)?;
    match request.upgrade()?.accept(&Acceptance::new(), out) {
        Err(HandshakeError::Request(error)) => Err(error),
        // It fits: the response has about 130 bytes.
        accepted => Ok(accepted.unwrap_or_default()),
    }
}
