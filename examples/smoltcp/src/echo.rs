//! The same echo server, both ways. It serves a connection that the stack has accepted until the
//! client closes it; then close TCP.

use smoltcp::time::Duration;
use wirelet::blocking::WebSocket;
use wirelet::handshake::Acceptance;
use wirelet::{Error, Received, Server, Storage};

use crate::TcpError;
use crate::socket::Socket;
use crate::stack::{Machine, Stack};
use crate::zero_buffer::{self, Accepting};

/// Echoes with the blocking driver: messages of any length, through 1,280 bytes of buffers.
///
/// While it sends it does not receive, so a client whose messages are longer than the rings on the
/// way must read while it sends, or both wait for each other until `limit`;
/// [`zero_buffer()`] waits for nobody.
///
/// # Errors
///
/// Any [`Error`]: the client broke the protocol, left without a close, or was silent for `limit`.
pub fn blocking<M: Machine>(
    stack: &mut Stack<'_, M>,
    limit: Duration,
) -> Result<(), Error<TcpError>> {
    let mut storage = Storage::<1024, 0, 256>::new();
    let mut ws = WebSocket::new(Socket::new(stack, limit), Server, storage.buffers());
    ws.accept(&Acceptance::new())?;
    loop {
        match ws.receive_chunk()? {
            (Received::Data(chunk), sender) => sender.send(chunk)?,
            (Received::Ping(_) | Received::Pong(_), _) => {}
            (Received::Close(_), _) => return ws.finish(),
        }
    }
}

/// Echoes from ring to ring, without a buffer.
///
/// # Errors
///
/// Any [`Error`]: the client broke the protocol, left without a close, or took longer than
/// `limit` for all.
pub fn zero_buffer<M: Machine>(
    stack: &mut Stack<'_, M>,
    limit: Duration,
) -> Result<(), Error<TcpError>> {
    let mut accepting = Accepting::default();
    stack.until(limit, |socket| accepting.poll(socket))?;
    let mut ws = zero_buffer::WebSocket::new(Server);
    stack.until(limit, |socket| {
        ws.echo(socket)?;
        Ok(ws.is_over(socket).then_some(()))
    })
}
