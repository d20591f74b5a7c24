//! The opening handshake, with the head of the peer parsed in the ring. It is the first that comes,
//! so it lies at the beginning of the ring, in one piece.

use smoltcp::socket::tcp::{self, RecvError};
use wirelet::handshake::{
    Acceptance, ClientRequest, HandshakeError, HeadScanner, Key, MAX_INTERIM_RESPONSES, Refusal,
    Request, RequestError, Response,
};
use wirelet::{Error, Random, SendError};

use super::{MIN_TRANSMIT, put};
use crate::TcpError;

/// The server's side: waits for a request.
#[derive(Debug, Default)]
pub struct Accepting {
    scanner: HeadScanner,
}

impl Accepting {
    /// Accepts the request as soon as all of it is in the ring, `None` until then; go on with
    /// [`WebSocket::new`](super::WebSocket::new). What follows the request stays in the ring.
    ///
    /// # Errors
    ///
    /// [`Error::Handshake`]: the client has been told with the right status. Close TCP. Also
    /// [`Error::Send`] if the transmit ring is too short, [`Error::Transport`] and
    /// [`Error::UnexpectedEof`].
    pub fn poll(&mut self, socket: &mut tcp::Socket<'_>) -> Result<Option<()>, Error<TcpError>> {
        check_transmit(socket)?;
        let capacity = socket.recv_capacity();
        // smoltcp lends one ring at a time, so the response waits here for the other.
        let mut response = [0; MIN_TRANSMIT];
        let answer = socket.recv(|ring| match self.answer(ring, capacity, &mut response) {
            Ok(Some((head_len, n))) => (head_len, Ok(Some(n))),
            Ok(None) => (0, Ok(None)),
            Err(error) => (ring.len(), Err(error)),
        });
        let (n, result) = match answer.map_err(eof)? {
            Ok(None) => return wait(socket),
            Ok(Some(n)) => (n, Ok(Some(()))),
            Err(HandshakeError::Request(error)) => {
                let n =
                    Refusal::from(error).encode(&mut response).map_err(HandshakeError::Build)?;
                (n, Err(error.into()))
            }
            Err(error) => (0, Err(error.into())),
        };
        put(socket, &response[..n])?;
        result
    }

    /// Returns the lengths of the request and of the response to it, once the request is whole.
    fn answer(
        &mut self,
        ring: &[u8],
        capacity: usize,
        response: &mut [u8],
    ) -> Result<Option<(usize, usize)>, HandshakeError> {
        let Some(head_len) = self.scanner.scan(ring)? else {
            if ring.len() == capacity {
                return Err(RequestError::HeadTooLong.into());
            }
            return Ok(None);
        };
        let request: Request<'_> = Request::parse(&ring[..head_len])?;
        let n = request.upgrade()?.accept(&Acceptance::default(), response)?;
        Ok(Some((head_len, n)))
    }
}

/// The client's side: has sent its request and waits for the response.
#[derive(Debug)]
pub struct Connecting<'q> {
    request: ClientRequest<'q>,
    key: Key,
    scanner: HeadScanner,
    /// How many interim responses have come, and their bytes, which are in front of what is scanned.
    n_interim: u8,
    interim_len: usize,
}

impl<'q> Connecting<'q> {
    /// Writes the request straight into the transmit ring, which is empty yet.
    ///
    /// # Errors
    ///
    /// [`Error::Handshake`] if `request` is not valid or does not fit, [`Error::Send`] if the
    /// transmit ring is too short; [`Error::Transport`].
    pub fn start(
        socket: &mut tcp::Socket<'_>,
        request: ClientRequest<'q>,
        random: &mut impl Random,
    ) -> Result<Self, Error<TcpError>> {
        check_transmit(socket)?;
        let mut nonce = [0; 16];
        random.fill(&mut nonce);
        let key = Key::from_nonce(nonce);
        let written = socket.send(|ring| match request.encode(&key, ring) {
            Ok(n) => (n, Ok(())),
            Err(error) => (0, Err(HandshakeError::Build(error))),
        });
        written.map_err(TcpError::from)??;
        Ok(Self { request, key, scanner: HeadScanner::new(), n_interim: 0, interim_len: 0 })
    }

    /// Checks the response as soon as all of it is in the ring, `None` until then; go on with
    /// [`WebSocket::new`](super::WebSocket::new). What follows the response stays in the ring.
    ///
    /// # Errors
    ///
    /// [`Error::Handshake`]: the server did not accept. [`Error::Capacity`]: its response is longer
    /// than the receive ring. Close TCP. Also [`Error::Transport`] and [`Error::UnexpectedEof`].
    pub fn poll(&mut self, socket: &mut tcp::Socket<'_>) -> Result<Option<()>, Error<TcpError>> {
        let capacity = socket.recv_capacity();
        let verified = socket.recv(|ring| match self.verify(ring, capacity) {
            Ok(Some(head_len)) => (head_len, Ok(Some(()))),
            Ok(None) => (0, Ok(None)),
            Err(error) => (ring.len(), Err(error)),
        });
        match verified.map_err(eof)?? {
            Some(()) => Ok(Some(())),
            None => wait(socket),
        }
    }

    /// Returns the length of the response and the interim ones before it, once it is whole.
    fn verify(
        &mut self,
        ring: &mut [u8],
        capacity: usize,
    ) -> Result<Option<usize>, HandshakeError> {
        let received = ring.len();
        // They stay in the ring, so that what follows them does not wrap around its end.
        while let Some(len) = self.scanner.scan_response(&mut ring[self.interim_len..])? {
            let head_len = self.interim_len + len;
            let head = &ring[self.interim_len..head_len];
            if !Response::parse(head)?.is_interim() || self.n_interim == MAX_INTERIM_RESPONSES {
                self.request.verify(&self.key, head)?;
                return Ok(Some(head_len));
            }
            self.scanner = HeadScanner::new();
            self.interim_len = head_len;
            self.n_interim += 1;
        }
        if received == capacity { Err(HandshakeError::HeadTooLong) } else { Ok(None) }
    }
}

fn check_transmit(socket: &tcp::Socket<'_>) -> Result<(), SendError> {
    if socket.send_capacity() < MIN_TRANSMIT {
        return Err(SendError::OutOfSpace { needed: MIN_TRANSMIT });
    }
    Ok(())
}

/// Waits for the rest of a head, which is in the ring in part: smoltcp tells of the end only when
/// the ring is empty.
fn wait(socket: &tcp::Socket<'_>) -> Result<Option<()>, Error<TcpError>> {
    match socket.state() {
        tcp::State::Established => Ok(None),
        tcp::State::CloseWait => Err(Error::UnexpectedEof),
        _ => Err(TcpError::Reset.into()),
    }
}

fn eof(error: RecvError) -> Error<TcpError> {
    match error {
        RecvError::Finished => Error::UnexpectedEof,
        RecvError::InvalidState => Error::Transport(TcpError::Reset),
    }
}
