//! A TCP connection of smoltcp as a blocking socket with the embedded-io traits.

use core::cell::RefCell;
use core::fmt;

use embedded_io::{ErrorKind, ErrorType, Read, Write};
use smoltcp::iface::{Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::tcp::{RecvError, Socket, SocketBuffer};
use smoltcp::time::Duration;
use smoltcp::wire::IpEndpoint;

use crate::{Board, network};

/// A TCP connection. Whoever waits for it runs the whole network meanwhile.
pub(super) struct TcpStream<'r, 'b, B> {
    board: &'r RefCell<&'b mut B>,
    interface: Interface,
    sockets: SocketSet<'r>,
    socket: SocketHandle,
}

/// What TCP has received and nobody read, and what it sends until that is acknowledged.
pub(super) struct Rings {
    receive: [u8; RING_LEN],
    transmit: [u8; RING_LEN],
}

/// Why a TCP connection failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamError {
    /// There is no way to this address.
    Unreachable,
    /// The peer does not accept connections.
    Refused,
    /// The peer has reset the connection.
    Reset,
    /// The peer has been silent for too long.
    TimedOut,
}

impl Rings {
    pub(super) const fn new() -> Self {
        Self { receive: [0; RING_LEN], transmit: [0; RING_LEN] }
    }
}

impl<'r, 'b, B: Board> TcpStream<'r, 'b, B> {
    pub(super) fn connect(
        board: &'r RefCell<&'b mut B>,
        server: IpEndpoint,
        rings: &'r mut Rings,
        storage: &'r mut [SocketStorage<'r>; 1],
    ) -> Result<Self, StreamError> {
        let mut interface = network::interface(*board.borrow_mut());
        let mut socket = Socket::new(
            SocketBuffer::new(&mut rings.receive[..]),
            SocketBuffer::new(&mut rings.transmit[..]),
        );
        socket.set_nagle_enabled(false);
        let [low, high, ..] = board.borrow_mut().random().to_le_bytes();
        let port = FIRST_EPHEMERAL_PORT | u16::from_le_bytes([low, high]);
        socket.connect(interface.context(), server, port).map_err(|_| StreamError::Unreachable)?;
        let mut sockets = SocketSet::new(&mut storage[..]);
        let socket = sockets.add(socket);

        let mut stream = Self { board, interface, sockets, socket };
        stream.wait_until(|socket| {
            let failed = (!socket.is_open()).then_some(Err(StreamError::Refused));
            failed.or(socket.may_send().then_some(Ok(())))
        })?;
        Ok(stream)
    }

    /// Closes this direction, when all has been read, and waits until the peer knows.
    pub(super) fn close(mut self) -> Result<(), StreamError> {
        self.sockets.get_mut::<Socket<'_>>(self.socket).close();
        self.wait_until(|socket| (!socket.is_open()).then_some(Ok(())))
    }

    /// Runs the network until `ready` has a result.
    fn wait_until<T>(
        &mut self,
        mut ready: impl FnMut(&mut Socket<'r>) -> Option<Result<T, StreamError>>,
    ) -> Result<T, StreamError> {
        let mut board = self.board.borrow_mut();
        let deadline = board.now() + PATIENCE;
        loop {
            let now = board.now();
            self.interface.poll(now, board.nic(), &mut self.sockets);
            if let Some(result) = ready(self.sockets.get_mut(self.socket)) {
                // What `ready` has put into a ring leaves now.
                self.interface.poll(now, board.nic(), &mut self.sockets);
                return result;
            }
            if now >= deadline {
                return Err(StreamError::TimedOut);
            }
            let delay = self.interface.poll_delay(now, &self.sockets).unwrap_or(PATIENCE);
            board.wait(Some(delay.min(deadline - now)));
        }
    }
}

impl<B: Board> Read for TcpStream<'_, '_, B> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StreamError> {
        self.wait_until(|socket| match socket.recv_slice(buffer) {
            Ok(0) if !buffer.is_empty() => None,
            Ok(n) => Some(Ok(n)),
            Err(RecvError::Finished) => Some(Ok(0)),
            Err(RecvError::InvalidState) => Some(Err(StreamError::Reset)),
        })
    }
}

impl<B: Board> Write for TcpStream<'_, '_, B> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, StreamError> {
        self.wait_until(|socket| match socket.send_slice(bytes) {
            Ok(0) if !bytes.is_empty() => None,
            Ok(n) => Some(Ok(n)),
            Err(_) => Some(Err(StreamError::Reset)),
        })
    }

    /// Does nothing: what is written is on its way.
    fn flush(&mut self) -> Result<(), StreamError> {
        Ok(())
    }
}

impl<B> ErrorType for TcpStream<'_, '_, B> {
    type Error = StreamError;
}

impl embedded_io::Error for StreamError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Unreachable => ErrorKind::AddrNotAvailable,
            Self::Refused => ErrorKind::ConnectionRefused,
            Self::Reset => ErrorKind::ConnectionReset,
            Self::TimedOut => ErrorKind::TimedOut,
        }
    }
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreachable => "there is no way to the server",
            Self::Refused => "the server does not accept connections",
            Self::Reset => "the server has reset the connection",
            Self::TimedOut => "the server has been silent for too long",
        })
    }
}

impl core::error::Error for StreamError {}

/// How long the peer may keep this end waiting.
const PATIENCE: Duration = Duration::from_secs(10);

/// RFC 6335 §6: dynamic ports are 49152 to 65535.
const FIRST_EPHEMERAL_PORT: u16 = 49152;

const RING_LEN: usize = 1536;
