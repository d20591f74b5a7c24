//! An end that uses the blocking driver. The client takes whole messages, the server streams.

use embedded_io::Write as _;
use wirelet::blocking::{Sender, WebSocket};
use wirelet::handshake::Acceptance;
use wirelet::{Chunk, Client, CloseCode, Error, Random, Received, Role, Server, Storage};

use super::hearing::Hearing;
use super::{CLIENT_PORT, LIMIT, PORT, Plan, REQUEST, Reason, SERVER_ENDPOINT, Seen};
use crate::TcpError;
use crate::link::LinkEnd;
use crate::script::{LONGEST, Line, Pings};
use crate::socket::Socket;
use crate::stack::Stack;

/// Says a message, hears one, and so on; then closes.
pub(super) fn connect(
    stack: &mut Stack<'_, LinkEnd>,
    plan: &Plan<'_>,
    random: impl Random,
) -> Result<Seen, Reason> {
    stack.connect(SERVER_ENDPOINT, CLIENT_PORT, LIMIT)?;
    let mut storage = Storage::<1024, LONGEST, 256>::new();
    let mut ws = WebSocket::new(Socket::new(stack, LIMIT), Client(random), storage.buffers());
    ws.connect(&REQUEST)?;
    let mut hearing = Hearing::new(plan);
    for (n_said, line) in (1..).zip(plan.own.lines()) {
        say(ws.sender(), line, &mut hearing.pings)?;
        while hearing.checker.n_whole() < n_said {
            hearing.take(whole(ws.receive()?.0))?;
        }
    }
    ws.close(CloseCode::NORMAL_CLOSURE)?;
    while !hearing.is_closed {
        hearing.take(whole(ws.receive()?.0))?;
    }
    ws.finish()?;
    stack.close(LIMIT)?;
    Ok(Seen { pongs: hearing.pings.n_answered(), ..Seen::default() })
}

/// Hears a message, says one, and so on, until the client closes.
pub(super) fn serve(stack: &mut Stack<'_, LinkEnd>, plan: &Plan<'_>) -> Result<Seen, Reason> {
    stack.accept(PORT, LIMIT)?;
    let mut storage = Storage::<1024, 0, 256>::new();
    let mut ws = WebSocket::new(Socket::new(stack, LIMIT), Server, storage.buffers());
    ws.accept(&Acceptance::new())?;
    let mut hearing = Hearing::new(plan);
    for (n_heard, line) in (1..).zip(plan.own.lines()) {
        while hearing.checker.n_whole() < n_heard {
            hearing.take(ws.receive_chunk()?.0)?;
        }
        say(ws.sender(), line, &mut hearing.pings)?;
    }
    while !hearing.is_closed {
        hearing.take(ws.receive_chunk()?.0)?;
    }
    ws.finish()?;
    stack.close(LIMIT)?;
    Ok(Seen { pongs: hearing.pings.n_answered(), ..Seen::default() })
}

/// Sends a message in its fragments, with its ping, if it has one, before the last of them, or in
/// one frame, whatever its length.
fn say<Ro: Role>(
    sender: &mut Sender<'_, Socket<'_, '_, LinkEnd>, Ro>,
    line: &Line,
    pings: &mut Pings,
) -> Result<(), Error<TcpError>> {
    let message = line.message();
    if let Some(limit) = line.frame_limit() {
        let mut writer = sender.message(message.kind());
        for piece in message.as_bytes().chunks(limit) {
            writer.write_all(piece)?;
        }
    }
    if line.has_ping() {
        sender.ping(&pings.payload())?;
        pings.sent();
    }
    match line.frame_limit() {
        Some(_) => sender.message(message.kind()).finish(),
        None => sender.send(message),
    }
}

fn whole<'m>(received: Received<'m, wirelet::Message<'m>>) -> Received<'m, Chunk<'m>> {
    match received {
        Received::Data(message) => Received::Data(Chunk::whole(message)),
        Received::Ping(payload) => Received::Ping(payload),
        Received::Pong(payload) => Received::Pong(payload),
        Received::Close(close) => Received::Close(close),
    }
}
