//! The zero-buffer way: a WebSocket that works in the rings of a TCP socket.
//!
//! ```text
//!               receive ring of smoltcp                     transmit ring
//!  packets ──▶ ┌──────┬────────────┬────┐                 ┌────┬─────────┬──────┐ ──▶ packets
//!              │ free │ ▓▓▓▓▓▓▓▓▓▓ │    │                 │    │ ▓▓▓▓▓▓▓ │ free │
//!              └──────┴─────┬──────┴────┘                 └────┴─────────┴──▲───┘
//!                   recv lends &mut [u8]                       send lends &mut [u8]
//!                           ▼                                               │
//!       Connection::receive unmasks in place and            Connection::begin makes the header;
//!       lends chunks of messages from there                 payload copies once, and masks there
//! ```
//!
//! What TCP has received is read where TCP has put it, so that a connection costs its two rings
//! and the `Connection`. Where a frame lies across the end of the ring, smoltcp lends two pieces,
//! which are two chunks; a header, a ping or a code point may be cut there as well.
//!
//! Nothing here waits: call [`receive`](WebSocket::receive) and [`send`](WebSocket::send) when the
//! stack has run, of as many sockets as there are.

mod handshake;

pub use handshake::{Accepting, Connecting};
use smoltcp::socket::tcp::{self, RecvError};
use wirelet::{
    Chunk, Close, Connection, Error, Event, Header, Progress, Received, Role, SendError,
};

use crate::{Fragments, TcpError};

/// One end of a connection, after its handshake.
///
/// Give every call the same socket.
#[derive(Debug)]
pub struct WebSocket<Ro> {
    connection: Connection<Ro>,
}

impl<Ro: Role> WebSocket<Ro> {
    /// Begins after the handshake, which [`Accepting`] and [`Connecting`] do. The transmit ring has
    /// at least [`MIN_TRANSMIT`] bytes.
    pub const fn new(role: Ro) -> Self {
        Self { connection: Connection::new(role) }
    }

    /// Takes all that the receive ring holds, and lends it to `application`; pings and closes are
    /// answered by themselves. While there is no room for an answer, what follows stays in the
    /// ring, so that TCP makes the peer wait.
    ///
    /// # Errors
    ///
    /// [`Error::Protocol`]: the peer has been sent the close frame that tells it so.
    /// [`Error::UnexpectedEof`] and [`Error::Transport`]. Close TCP.
    pub fn receive(
        &mut self,
        socket: &mut tcp::Socket<'_>,
        mut application: impl FnMut(Received<'_, Chunk<'_>>),
    ) -> Result<(), Error<TcpError>> {
        let mut show = |connection: &mut Connection<Ro>, event: Event<Chunk<'_>>| {
            application(match event {
                Event::Chunk(chunk) => Received::Data(chunk),
                Event::Ping => Received::Ping(connection.control_payload()),
                Event::Pong => Received::Pong(connection.control_payload()),
                Event::Close => {
                    Received::Close(connection.close_received().unwrap_or(Close::EMPTY))
                }
            });
            Ok(())
        };
        while self.advance(socket, usize::MAX, &mut show)? {}
        Ok(())
    }

    /// Puts as much of a message into the transmit ring as there is room for, as fragments; tells
    /// whether it is all in. If not, call it again when the stack has run.
    ///
    /// A frame goes in as a whole or not at all, and room for an answer is left behind it. So an
    /// answer never waits for the rest of a long frame, and two ends that both send cannot stop
    /// each other by a ping.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] and [`Error::Transport`].
    pub fn send(
        &mut self,
        socket: &mut tcp::Socket<'_>,
        message: &mut Fragments<'_>,
    ) -> Result<bool, Error<TcpError>> {
        self.reply(socket)?;
        while !message.is_empty() {
            let wanted = message.len().min(worthwhile(socket));
            let Some(room) = payload_room(socket, wanted) else { return Ok(false) };
            let kind = message.kind();
            let Some((mut payload, is_last)) = message.next_within(room) else { break };
            let start = self.connection.begin(kind, is_last, payload.len())?;
            put(socket, start.header())?;
            // In two pieces at the end of the ring.
            while !payload.is_empty() {
                let copy = |ring: &mut [u8]| match self.connection.payload(payload, ring) {
                    Ok(n) => (n, Ok(n)),
                    Err(error) => (0, Err(error)),
                };
                let n = socket.send(copy).map_err(TcpError::from)??;
                payload = &payload[n..];
            }
        }
        Ok(true)
    }

    /// Puts a ping with at most 125 bytes of payload into the ring, if there is room.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] and [`Error::Transport`].
    pub fn ping(
        &mut self,
        socket: &mut tcp::Socket<'_>,
        payload: &[u8],
    ) -> Result<bool, Error<TcpError>> {
        self.reply(socket)?;
        if payload_room(socket, payload.len()).is_none() {
            return Ok(false);
        }
        let mut frame = [0; MAX_CONTROL_FRAME];
        let n = self.connection.ping(payload, &mut frame)?;
        put(socket, &frame[..n])?;
        Ok(true)
    }

    /// Puts a close frame into the ring, if there is room: the beginning of the closing handshake,
    /// which ends when [`Received::Close`] comes.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] and [`Error::Transport`].
    pub fn close<'m>(
        &mut self,
        socket: &mut tcp::Socket<'_>,
        close: impl Into<Close<'m>>,
    ) -> Result<bool, Error<TcpError>> {
        self.reply(socket)?;
        if room(socket) < MAX_CONTROL_FRAME {
            return Ok(false);
        }
        let mut frame = [0; MAX_CONTROL_FRAME];
        let n = self.connection.close(close, &mut frame)?;
        put(socket, &frame[..n])?;
        Ok(true)
    }

    /// Sends back all that the receive ring holds, as it is, as long as there is room.
    ///
    /// smoltcp lends one ring at a time, so an echo has to cross from one to the other on the stack.
    ///
    /// # Errors
    ///
    /// As [`receive`](Self::receive) and [`send`](Self::send).
    pub fn echo(&mut self, socket: &mut tcp::Socket<'_>) -> Result<(), Error<TcpError>> {
        loop {
            let mut frame = [0; 256];
            let mut n = 0;
            let room = payload_room(socket, worthwhile(socket)).unwrap_or_default();
            let limit = room.min(frame.len() - Header::MAX_LEN);
            let send_back = |connection: &mut Connection<Ro>, event: Event<Chunk<'_>>| {
                if let Event::Chunk(chunk) = event {
                    n = connection.send(chunk, &mut frame)?;
                }
                Ok(())
            };
            if !self.advance(socket, limit, send_back)? {
                return Ok(());
            }
            put(socket, &frame[..n])?;
        }
    }

    /// Tells whether it is time to close TCP: the closing handshake is done, or the connection has
    /// failed, and (§7.1.1) this end is the server, or the server has closed already.
    pub fn is_over(&self, socket: &tcp::Socket<'_>) -> bool {
        self.connection.is_closed() && (self.connection.closes_tcp_first() || !socket.may_recv())
    }

    /// Lets the connection have the next `limit` bytes of the ring; tells whether it took any.
    fn advance(
        &mut self,
        socket: &mut tcp::Socket<'_>,
        limit: usize,
        on_event: impl FnOnce(&mut Connection<Ro>, Event<Chunk<'_>>) -> Result<(), SendError>,
    ) -> Result<bool, Error<TcpError>> {
        self.reply(socket)?;
        let connection = &mut self.connection;
        let outcome = socket.recv(|ring| {
            let len = ring.len();
            match connection.receive(&mut ring[..len.min(limit)]) {
                Ok(Progress { consumed, event }) => {
                    let handled = event.map_or(Ok(()), |event| on_event(connection, event));
                    (consumed, handled.map(|()| consumed > 0).map_err(Error::Send))
                }
                Err(violation) => (len, Err(violation.into())),
            }
        });
        match outcome {
            Ok(Ok(took_any)) => Ok(took_any),
            Ok(Err(error)) => {
                self.reply(socket)?;
                Err(error)
            }
            Err(RecvError::Finished) if self.connection.is_closed() => Ok(false),
            Err(RecvError::Finished) => Err(Error::UnexpectedEof),
            Err(RecvError::InvalidState) => Err(Error::Transport(TcpError::Reset)),
        }
    }

    /// Writes what the connection has to answer straight into the ring, as far as there is room.
    fn reply(&mut self, socket: &mut tcp::Socket<'_>) -> Result<(), Error<TcpError>> {
        let mut write = |ring: &mut [u8]| {
            let n = self.connection.reply(ring);
            (n, n)
        };
        // Once more at the end of the ring.
        while socket.send(&mut write).map_err(TcpError::from)? > 0 {}
        Ok(())
    }
}

/// The shortest transmit ring in bytes: a handshake, or a frame with room for an answer behind it.
pub const MIN_TRANSMIT: usize = 256;

/// 2 bytes of header, 4 of key, 125 of payload (§5.5).
const MAX_CONTROL_FRAME: usize = 131;

/// Returns how many bytes of payload the next frame may have, if that is `wanted` at least.
fn payload_room(socket: &tcp::Socket<'_>, wanted: usize) -> Option<usize> {
    let room = room(socket).checked_sub(Header::MAX_LEN + MAX_CONTROL_FRAME)?;
    (room >= wanted).then_some(room)
}

/// The shortest piece of a long message that is worth a frame: not each few bytes that the peer
/// acknowledges.
fn worthwhile(socket: &tcp::Socket<'_>) -> usize {
    socket.send_capacity() / 4
}

fn room(socket: &tcp::Socket<'_>) -> usize {
    socket.send_capacity() - socket.send_queue()
}

/// Copies bytes into the ring, for which there is room.
fn put(socket: &mut tcp::Socket<'_>, mut bytes: &[u8]) -> Result<(), Error<TcpError>> {
    while !bytes.is_empty() {
        let n = socket.send_slice(bytes).map_err(TcpError::from)?;
        bytes = &bytes[n..];
    }
    Ok(())
}
