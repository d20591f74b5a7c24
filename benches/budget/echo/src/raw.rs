//! Echoes bytes: what a firmware has without a WebSocket.

use embedded_io::{Read, Write};

use crate::{BUFFER, Echo, Failed};

/// Reads and writes.
#[cfg(feature = "raw")]
pub struct Blocking;

#[cfg(feature = "raw")]
impl Echo for Blocking {
    type Memory = [u8; BUFFER];

    const MEMORY: Self::Memory = [0; BUFFER];

    const HANDSHAKE: bool = false;

    fn run<S: Read + Write>(mut socket: S, memory: &mut Self::Memory) -> Result<(), Failed> {
        loop {
            let n = socket.read(memory).map_err(|_| Failed)?;
            if n == 0 {
                return Ok(());
            }
            #[cfg(feature = "log")]
            log::debug!("{n} bytes");
            #[cfg(feature = "defmt")]
            defmt::debug!("{} bytes", n);
            socket.write_all(memory.get(..n).unwrap_or_default()).map_err(|_| Failed)?;
            socket.flush().map_err(|_| Failed)?;
        }
    }
}

/// The same, async.
#[cfg(feature = "raw-asynch")]
pub struct Asynch;

#[cfg(feature = "raw-asynch")]
impl Echo for Asynch {
    type Memory = [u8; BUFFER];

    const MEMORY: Self::Memory = [0; BUFFER];

    const HANDSHAKE: bool = false;

    fn run<S: Read + Write>(socket: S, memory: &mut Self::Memory) -> Result<(), Failed> {
        crate::asynch::block_on(echo(crate::asynch::Socket(socket), memory))
    }
}

#[cfg(feature = "raw-asynch")]
async fn echo<S>(mut socket: S, memory: &mut [u8]) -> Result<(), Failed>
where
    S: embedded_io_async::Read + embedded_io_async::Write,
{
    loop {
        let n = socket.read(memory).await.map_err(|_| Failed)?;
        if n == 0 {
            return Ok(());
        }
        socket.write_all(memory.get(..n).unwrap_or_default()).await.map_err(|_| Failed)?;
        socket.flush().await.map_err(|_| Failed)?;
    }
}
