//! A WebSocket client: connects to an echo server, exchanges messages with it and tells how it went.
//!
//! It uses the blocking driver of wirelet, on an embedded-io socket that is made of smoltcp's.
//! Messages may be longer than all of its buffers: it sends them from flash and receives them
//! chunk by chunk.

mod stream;

use core::cell::RefCell;
use core::{fmt, str};

use embedded_io::{Read, Write};
use heapless::String;
use smoltcp::iface::SocketStorage;
use smoltcp::wire::{IpAddress, IpEndpoint};
use wirelet::blocking::WebSocket;
use wirelet::handshake::ClientRequest;
use wirelet::{Chunk, Client, CloseCode, Message, Random, Received, Storage};

use crate::Board;
use stream::{Rings, TcpStream};

pub use stream::StreamError;

/// The echo server: QEMU leads this address to where the host says.
pub const SERVER: IpEndpoint = IpEndpoint { addr: IpAddress::v4(10, 0, 2, 100), port: 80 };

/// Tells what came back as it was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many messages.
    pub messages: u32,
    /// Their bytes.
    pub bytes: u64,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The connection.
    Connection(wirelet::Error<StreamError>),
    /// A message of so many bytes came back as another.
    Echo(usize),
    /// The server has not answered a ping with its payload.
    Pong,
    /// The server has closed before the end, or with another code.
    Close,
}

/// Talks to the echo server.
///
/// # Errors
///
/// See [`Error`].
pub fn run(board: &mut impl Board, server: IpEndpoint) -> Result<Report, Error> {
    let board = RefCell::new(board);
    let mut rings = Rings::new();
    let mut socket = [SocketStorage::EMPTY];
    let stream = TcpStream::connect(&board, server, &mut rings, &mut socket)?;

    let host: String<21> = heapless::format!("{server}").expect("255.255.255.255:65535 has room");
    let mut storage = Storage::<1024, 0, 256>::new();
    let mut ws = WebSocket::new(stream, Client(random(&board)), storage.buffers());
    ws.connect(&ClientRequest::new(&host, "/"))?;

    let report = exchange(&mut ws)?;
    ws.close_and_finish(CloseCode::NORMAL_CLOSURE)?;
    if ws.close_received() != Some(CloseCode::NORMAL_CLOSURE.into()) {
        return Err(Error::Close);
    }
    let (stream, _) = ws.into_parts();
    stream.close()?;
    Ok(report)
}

/// The board's random numbers, which the socket draws from as well.
fn random(board: &RefCell<&mut impl Board>) -> impl Random {
    |bytes: &mut [u8]| {
        for word in bytes.chunks_mut(4) {
            let random = board.borrow_mut().random().to_le_bytes();
            word.copy_from_slice(&random[..word.len()]);
        }
    }
}

type Socket<'b, S, R> = WebSocket<'b, S, Client<R>>;

fn exchange<S, R>(ws: &mut Socket<'_, S, R>) -> Result<Report, Error>
where
    S: Read + Write<Error = StreamError>,
    R: Random,
{
    let mut report = Report::default();
    for len in LENGTHS {
        let bytes = &MESSAGE[..len];
        let text = str::from_utf8(bytes).map_err(|_| Error::Echo(len))?;
        for message in [Message::Binary(bytes), Message::Text(text)] {
            ws.send(message)?;
            expect_echo(ws, message)?;
            report.count(len);
        }
        ping(ws, &bytes[..len.min(125)])?;
    }
    let (first, rest) = MESSAGE.split_at(1);
    let (middle, last) = rest.split_at(2000);
    for fragment in [Chunk::first(first), Chunk::middle(middle), Chunk::last(last)] {
        ws.send(fragment)?;
    }
    expect_echo(ws, Message::Binary(MESSAGE))?;
    report.count(MESSAGE.len());
    Ok(report)
}

/// Receives one message, in whatever pieces it comes.
fn expect_echo<S, R>(ws: &mut Socket<'_, S, R>, sent: Message<'_>) -> Result<(), Error>
where
    S: Read + Write<Error = StreamError>,
    R: Random,
{
    let wrong = Error::Echo(sent.as_bytes().len());
    let mut rest = sent.as_bytes();
    loop {
        match ws.receive_chunk()?.0 {
            Received::Data(chunk) => {
                if chunk.kind() != sent.kind() {
                    return Err(wrong);
                }
                rest = rest.strip_prefix(chunk.as_bytes()).ok_or(wrong)?;
                if chunk.is_last() {
                    return if rest.is_empty() { Ok(()) } else { Err(wrong) };
                }
            }
            Received::Ping(_) | Received::Pong(_) => {}
            Received::Close(_) => return Err(Error::Close),
        }
    }
}

fn ping<S, R>(ws: &mut Socket<'_, S, R>, payload: &[u8]) -> Result<(), Error>
where
    S: Read + Write<Error = StreamError>,
    R: Random,
{
    ws.sender().ping(payload)?;
    loop {
        match ws.receive_chunk()?.0 {
            Received::Pong(echo) if echo == payload => return Ok(()),
            Received::Ping(_) => {}
            Received::Pong(_) | Received::Data(_) => return Err(Error::Pong),
            Received::Close(_) => return Err(Error::Close),
        }
    }
}

impl Report {
    const fn count(&mut self, len: usize) {
        self.messages += 1;
        self.bytes += len as u64;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} messages, {} bytes, came back as they were", self.messages, self.bytes)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(error) => error.fmt(f),
            Self::Echo(len) => write!(f, "a message of {len} bytes came back as another"),
            Self::Pong => f.write_str("a ping was not answered as it should be"),
            Self::Close => f.write_str("the server has not closed when and as it should"),
        }
    }
}

impl core::error::Error for Error {}

impl From<wirelet::Error<StreamError>> for Error {
    fn from(error: wirelet::Error<StreamError>) -> Self {
        Self::Connection(error)
    }
}

impl From<StreamError> for Error {
    fn from(error: StreamError) -> Self {
        Self::Connection(wirelet::Error::Transport(error))
    }
}

/// On both sides of every change of the header (125, 65,535) and of the buffers (1,024).
const LENGTHS: [usize; 9] = [0, 1, 125, 126, 1024, 1025, 20_000, 65_535, 65_536];

/// The longest message, in flash; the others are its beginnings.
static MESSAGE: &[u8; 65_536] = &{
    let mut bytes = [0; 65_536];
    let mut state = 1_u32;
    let mut i = 0;
    while i < bytes.len() {
        // No two places look alike, and all of it is printable.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        bytes[i] = b' ' + (state >> 24) as u8 % 95;
        i += 1;
    }
    bytes
};
