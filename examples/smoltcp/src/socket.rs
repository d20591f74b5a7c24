//! The blocking way: a TCP socket of smoltcp behind the traits of embedded-io, which is all that
//! `wirelet::blocking` asks for.
//!
//! To wait is to run the stack. While one end writes it does not read, so the two should take
//! turns, or their messages be shorter than the rings: two ends that both write and do not read
//! wait for each other.

use embedded_io::{ErrorType, Read, Write};
use smoltcp::socket::tcp::RecvError;
use smoltcp::time::Duration;

use crate::TcpError;
use crate::stack::{Machine, Stack};

/// A connected TCP socket that blocks, each time for at most its time limit.
pub struct Socket<'s, 'r, M> {
    stack: &'s mut Stack<'r, M>,
    limit: Duration,
}

impl<'s, 'r, M: Machine> Socket<'s, 'r, M> {
    /// Uses the connection that `stack` has opened or accepted.
    pub const fn new(stack: &'s mut Stack<'r, M>, limit: Duration) -> Self {
        Self { stack, limit }
    }
}

impl<M> ErrorType for Socket<'_, '_, M> {
    type Error = TcpError;
}

impl<M: Machine> Read for Socket<'_, '_, M> {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, TcpError> {
        if buf.is_empty() {
            return Ok(0);
        }
        self.stack.until(self.limit, |socket| match socket.recv_slice(buf) {
            Ok(0) => Ok(None),
            Ok(n) => Ok(Some(n)),
            Err(RecvError::Finished) => Ok(Some(0)),
            Err(RecvError::InvalidState) => Err(TcpError::Reset),
        })
    }
}

impl<M: Machine> Write for Socket<'_, '_, M> {
    fn write(&mut self, buf: &[u8]) -> Result<usize, TcpError> {
        if buf.is_empty() {
            return Ok(0);
        }
        self.stack.until(self.limit, |socket| match socket.send_slice(buf) {
            Ok(0) => Ok(None),
            Ok(n) => Ok(Some(n)),
            Err(error) => Err(error.into()),
        })
    }

    /// Sends what has been written. Does not wait for the acknowledgement: the ring holds what may
    /// have to be sent again.
    fn flush(&mut self) -> Result<(), TcpError> {
        self.stack.poll();
        Ok(())
    }
}
