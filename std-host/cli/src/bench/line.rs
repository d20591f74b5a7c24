//! One connection of the load.

use std::io::{self, Write as _};
use std::mem;

use mio::{Registry, Token};
use wirelet::handshake::{
    ClientRequest, HandshakeError, HeadScanner, Key, MAX_INTERIM_RESPONSES, Response,
};
use wirelet::{Client, CloseCode, Connection, Event, Random as _};
use wirelet_host::SeededRandom;
use wirelet_host::rustls::CipherSuite;

use super::echo::{Echo, Expect};
use super::failure::Failure;
use super::payload::Payload;
use super::stream::Stream;
use super::target::{Address, Target};

/// A connection, from its first packet to its last.
#[derive(Debug)]
pub(super) struct Line {
    stream: Stream,
    state: State,
    /// What the socket has not taken yet, from `written` on.
    unsent: Vec<u8>,
    written: usize,
    echo: Echo,
}

#[derive(Debug)]
enum State {
    Connecting,
    Handshaking(Box<Handshake>),
    Open(Box<Connection<Client<SeededRandom>>>),
    /// Plain bytes are exchanged.
    Raw,
}

#[derive(Debug)]
struct Handshake {
    key: Key,
    /// Becomes that of the connection.
    random: SeededRandom,
    /// The response, as far as it has come.
    head: Vec<u8>,
    scanner: HeadScanner,
    /// Interim responses before it, which are dropped.
    n_interim: u8,
}

/// What all connections of a thread have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contract<'l> {
    pub(super) target: &'l Target,
    /// What they ask for.
    pub(super) path: &'l str,
    pub(super) payload: &'l Payload,
    pub(super) expect: Expect,
    /// Every byte that comes back is compared.
    pub(super) check: bool,
}

/// What a read has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Nothing is there to be read.
    Nothing,
    /// Messages have ended; `drained` if nothing more is there to be read.
    Messages { came: Came, drained: bool },
    /// The stream has ended.
    End,
}

/// Messages that have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Came {
    pub(super) n: u64,
    /// What they carry.
    pub(super) n_bytes: u64,
}

impl<'l> Contract<'l> {
    fn request(&self) -> ClientRequest<'l> {
        self.target.request(self.path)
    }
}

impl Line {
    /// Begins to connect.
    pub(super) fn connect(
        address: &Address,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Self> {
        let stream = Stream::connect(address, registry, token)?;
        let (state, unsent, echo) = (State::Connecting, Vec::new(), Echo::default());
        Ok(Self { stream, state, unsent, written: 0, echo })
    }

    /// Tells whether messages can be exchanged.
    pub(super) const fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_) | State::Raw)
    }

    /// Returns by what TLS encrypts, if it is spoken.
    pub(super) fn cipher_suite(&self) -> Option<CipherSuite> {
        self.stream.cipher_suite()
    }

    /// Tells whether TCP may end.
    pub(super) fn is_closed(&self) -> bool {
        match &self.state {
            State::Open(connection) => connection.is_closed(),
            State::Connecting | State::Handshaking(_) => false,
            State::Raw => true,
        }
    }

    /// Goes on now that the socket takes more.
    pub(super) fn writable(&mut self, contract: &Contract<'_>) -> Result<(), Failure> {
        if !matches!(self.state, State::Connecting) {
            return Ok(self.write_unsent()?);
        }
        if !self.stream.finish_connect(contract.target)? {
            return Ok(());
        }
        if contract.target.is_raw() {
            self.state = State::Raw;
            return Ok(());
        }
        let mut random = SeededRandom::new();
        let mut nonce = [0; 16];
        random.fill(&mut nonce);
        let key = Key::from_nonce(nonce);
        let mut request = vec![0; HEAD_BYTES];
        let n = contract.target.encode_request(contract.path, &key, &mut request)?;
        let (head, scanner) = (Vec::new(), HeadScanner::new());
        self.state =
            State::Handshaking(Box::new(Handshake { key, random, head, scanner, n_interim: 0 }));
        Ok(self.write(&request[..n])?)
    }

    /// Reads once, into `buffer`, and takes in what came.
    pub(super) fn read(
        &mut self,
        buffer: &mut [u8],
        contract: &Contract<'_>,
    ) -> Result<Heard, Failure> {
        let (n, drained) = loop {
            match self.stream.read(buffer) {
                Ok((0, _)) => return Ok(Heard::End),
                Ok(read) => break read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Heard::Nothing);
                }
                Err(error) => return Err(Failure::Io(error)),
            }
        };
        let came = self.receive(&mut buffer[..n], contract)?;
        Ok(Heard::Messages { came, drained })
    }

    /// Sends `n` messages in one write; `scratch` has room for their frames.
    pub(super) fn send(
        &mut self,
        n: usize,
        scratch: &mut [u8],
        contract: &Contract<'_>,
    ) -> Result<(), Failure> {
        let message = contract.payload.message();
        let mut len = 0;
        for _ in 0..n {
            let room = &mut scratch[len..];
            len += match &mut self.state {
                State::Open(connection) => connection.send(message, room).map_err(Failure::Send)?,
                State::Connecting | State::Handshaking(_) | State::Raw => {
                    let bytes = message.as_bytes();
                    room[..bytes.len()].copy_from_slice(bytes);
                    bytes.len()
                }
            };
        }
        Ok(self.write(&scratch[..len])?)
    }

    /// Begins the closing handshake unless it has begun, or ends a stream of plain bytes.
    pub(super) fn close(&mut self) -> Result<(), Failure> {
        let State::Open(connection) = &mut self.state else {
            return Ok(self.stream.end()?);
        };
        if connection.is_close_sent() {
            return Ok(());
        }
        let mut frame = [0; MAX_CONTROL_FRAME];
        let close = CloseCode::NORMAL_CLOSURE;
        let n = connection.close(close, &mut frame).map_err(Failure::Send)?;
        Ok(self.write(&frame[..n])?)
    }

    /// Answers the end of the stream by ours.
    pub(super) fn end(&mut self) {
        // It may be gone altogether.
        let _ = self.stream.end();
    }

    /// Takes in received bytes; returns what messages end in them.
    fn receive(&mut self, input: &mut [u8], contract: &Contract<'_>) -> Result<Came, Failure> {
        match &mut self.state {
            State::Connecting => Ok(Came::default()),
            State::Handshaking(handshake) => {
                handshake.head.extend_from_slice(input);
                let Some(len) = handshake.scan()? else { return Ok(Came::default()) };
                let mut early = handshake.head.split_off(len);
                contract.request().verify(&handshake.key, &handshake.head)?;
                if let State::Handshaking(handshake) = mem::replace(&mut self.state, State::Raw) {
                    let connection = Connection::new(Client(handshake.random));
                    self.state = State::Open(Box::new(connection));
                }
                self.receive_frames(&mut early, contract)
            }
            State::Open(_) => self.receive_frames(input, contract),
            State::Raw => {
                let n = self.echo.take_raw(input, contract.payload, contract.check)?;
                Ok(Came { n, n_bytes: n * contract.payload.len() as u64 })
            }
        }
    }

    fn receive_frames(
        &mut self,
        mut input: &mut [u8],
        contract: &Contract<'_>,
    ) -> Result<Came, Failure> {
        let mut came = Came::default();
        let State::Open(connection) = &mut self.state else { return Ok(came) };
        while !input.is_empty() {
            let progress = connection.receive(input).map_err(Failure::Protocol)?;
            let consumed = progress.consumed;
            match progress.event {
                None => {}
                Some(Event::Chunk(chunk)) => {
                    let len = match contract.expect {
                        Expect::Echo => self.echo.take(&chunk, contract.payload, contract.check)?,
                        Expect::Any => self.echo.take_any(&chunk),
                    };
                    if let Some(len) = len {
                        came.n += 1;
                        came.n_bytes += len as u64;
                    }
                }
                Some(Event::Close) if !connection.is_close_sent() => {
                    let code = connection.close_received().and_then(|close| close.code());
                    return Err(Failure::Closed(code));
                }
                Some(Event::Ping | Event::Pong | Event::Close) => {
                    let mut reply = [0; MAX_CONTROL_FRAME];
                    let n = connection.reply(&mut reply);
                    write(&mut self.stream, &mut self.unsent, &reply[..n])?;
                }
            }
            input = &mut input[consumed..];
        }
        Ok(came)
    }

    fn write(&mut self, out: &[u8]) -> io::Result<()> {
        write(&mut self.stream, &mut self.unsent, out)
    }

    fn write_unsent(&mut self) -> io::Result<()> {
        while self.written < self.unsent.len() {
            match self.stream.write(&self.unsent[self.written..]) {
                Ok(n) => self.written += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        self.unsent.clear();
        self.written = 0;
        self.stream.flush()
    }
}

impl Handshake {
    /// Returns the length of the head once it is whole.
    fn scan(&mut self) -> Result<Option<usize>, HandshakeError> {
        while let Some(len) = self.scanner.scan_response(&mut self.head)? {
            if !Response::parse(&self.head[..len])?.is_interim()
                || self.n_interim == MAX_INTERIM_RESPONSES
            {
                return Ok(Some(len));
            }
            self.n_interim += 1;
            self.head.drain(..len);
            self.scanner = HeadScanner::new();
        }
        if self.head.len() >= HEAD_BYTES { Err(HandshakeError::HeadTooLong) } else { Ok(None) }
    }
}

/// Writes `out` behind what is `unsent`.
fn write(stream: &mut Stream, unsent: &mut Vec<u8>, mut out: &[u8]) -> io::Result<()> {
    while unsent.is_empty() && !out.is_empty() {
        match stream.write(out) {
            Ok(n) => out = &out[n..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    unsent.extend_from_slice(out);
    Ok(())
}

/// The longest head of a request or response, in bytes.
const HEAD_BYTES: usize = 16 * 1024;

/// The longest control frame of a client: header, masking key and payload.
const MAX_CONTROL_FRAME: usize = 2 + 4 + 125;
