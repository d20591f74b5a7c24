//! One client, from the accept of its socket to the end of TCP.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use wirelet::handshake::HandshakeError;
use wirelet::{Action, Connection, Deadline, Event, Keepalive, SendError, Server};

use crate::handshake::{Answer, Handshake};
use crate::limits::Limits;

/// A socket and the state of its connection; the bytes lie in buffers that all sessions share.
#[derive(Debug)]
pub(crate) struct Session {
    stream: TcpStream,
    phase: Phase,
    /// What the socket has not taken yet, at most the echo of one read. While there is any,
    /// nothing is read, so that a peer that sends and never reads holds up itself alone.
    unsent: Vec<u8>,
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "nearly all sessions are open")]
enum Phase {
    Handshake {
        handshake: Handshake,
        deadline: Deadline,
    },
    Open {
        connection: Connection<Server>,
        keepalive: Keepalive,
    },
    /// All is said, and the peer is to end TCP; closing first could cost it our last bytes.
    Closing {
        deadline: Deadline,
    },
    Over,
}

/// What a session has to know in a turn.
#[derive(Debug)]
pub(crate) struct Turn<'s> {
    pub(crate) now: Duration,
    /// There are as many open connections as there may be.
    pub(crate) full: bool,
    pub(crate) limits: &'s Limits,
}

/// The buffers that all sessions use, one after the other.
#[derive(Debug)]
pub(crate) struct Scratch {
    input: Box<[u8]>,
    output: Vec<u8>,
}

/// The session is over: the peer or the socket has ended it, or it took too long.
#[derive(Debug)]
struct Gone;

impl Scratch {
    pub(crate) fn new() -> Self {
        Self { input: vec![0; INPUT_LEN].into_boxed_slice(), output: Vec::new() }
    }
}

impl Session {
    pub(crate) fn new(stream: TcpStream, now: Duration, limits: &Limits) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let deadline = Deadline::after(limits.handshake_time, now);
        let phase = Phase::Handshake { handshake: Handshake::default(), deadline };
        Ok(Self { stream, phase, unsent: Vec::new() })
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open { .. })
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// What the socket must be ready for to be worth a turn.
    pub(crate) fn interest(&self) -> PollFd<'_> {
        let flags = if self.unsent.is_empty() { PollFlags::IN } else { PollFlags::OUT };
        PollFd::new(&self.stream, flags)
    }

    /// How long there is nothing to do, unless the socket becomes ready.
    pub(crate) fn wait(&self, now: Duration) -> Duration {
        match &self.phase {
            Phase::Handshake { deadline, .. } | Phase::Closing { deadline } => {
                deadline.remaining(now).unwrap_or_default()
            }
            Phase::Open { keepalive, .. } => keepalive.remaining(now),
            Phase::Over => Duration::ZERO,
        }
    }

    /// Does what the socket is ready for, and what is due.
    pub(crate) fn serve(&mut self, ready: bool, turn: &Turn<'_>, scratch: &mut Scratch) {
        let exchanged = match (ready, self.unsent.is_empty()) {
            (false, _) => Ok(()),
            (true, true) => self.read(turn, scratch),
            (true, false) => self.write_unsent(),
        };
        if exchanged.and_then(|()| self.tick(turn.now)).is_err() {
            self.phase = Phase::Over;
        }
    }

    fn read(&mut self, turn: &Turn<'_>, scratch: &mut Scratch) -> Result<(), Gone> {
        let Scratch { input, output } = scratch;
        match self.stream.read(input) {
            Ok(0) => Err(Gone),
            Ok(n) => {
                output.clear();
                self.receive(&mut input[..n], output, turn)?;
                self.write(output)
            }
            Err(error) if is_temporary(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Handles received bytes; appends all answers to `out`, to leave in one write.
    fn receive(
        &mut self,
        received: &mut [u8],
        out: &mut Vec<u8>,
        turn: &Turn<'_>,
    ) -> Result<(), Gone> {
        match &mut self.phase {
            Phase::Handshake { handshake, .. } => {
                match handshake.receive(received, turn.full, out)? {
                    Answer::NotYet => {}
                    Answer::Refused => self.begin_closing(turn),
                    Answer::Accepted { mut early } => {
                        self.open(turn);
                        self.receive(&mut early, out, turn)?;
                    }
                }
            }
            Phase::Open { connection, keepalive } => {
                keepalive.heard(turn.now);
                echo(connection, received, out)?;
                if connection.is_closed() {
                    self.begin_closing(turn);
                }
            }
            // §1.4: after a close, "a peer discards any further data received".
            Phase::Closing { .. } | Phase::Over => {}
        }
        Ok(())
    }

    fn open(&mut self, turn: &Turn<'_>) {
        let Limits { ping_interval, ping_timeout, .. } = *turn.limits;
        let keepalive = Keepalive::new(ping_interval, ping_timeout, turn.now);
        self.phase = Phase::Open { connection: Connection::new(Server), keepalive };
    }

    fn begin_closing(&mut self, turn: &Turn<'_>) {
        let deadline = Deadline::after(turn.limits.close_time, turn.now);
        self.phase = Phase::Closing { deadline };
    }

    fn tick(&mut self, now: Duration) -> Result<(), Gone> {
        match &mut self.phase {
            Phase::Handshake { deadline, .. } | Phase::Closing { deadline } => {
                deadline.remaining(now).map(|_| ()).ok_or(Gone)
            }
            Phase::Open { connection, keepalive } => match keepalive.poll(now) {
                Action::Wait(_) => Ok(()),
                Action::Ping => {
                    let mut frame = [0; 2];
                    let n = connection.ping(b"", &mut frame)?;
                    self.write(&frame[..n])
                }
                Action::Disconnect => Err(Gone),
            },
            Phase::Over => Ok(()),
        }
    }

    fn write_unsent(&mut self) -> Result<(), Gone> {
        let unsent = std::mem::take(&mut self.unsent);
        self.write(&unsent)
    }

    /// Sends `out` behind what is unsent, as far as the socket takes it now.
    fn write(&mut self, mut out: &[u8]) -> Result<(), Gone> {
        while self.unsent.is_empty() && !out.is_empty() {
            match self.stream.write(out) {
                Ok(0) => return Err(Gone),
                Ok(n) => out = &out[n..],
                Err(error) if is_temporary(&error) => break,
                Err(error) => return Err(error.into()),
            }
        }
        self.unsent.extend_from_slice(out);
        if self.unsent.is_empty() && matches!(self.phase, Phase::Closing { .. }) {
            // §7.1.1: TCP "SHOULD be closed first by the server".
            self.stream.shutdown(Shutdown::Write)?;
        }
        Ok(())
    }
}

/// Appends to `out` what `input` brings, frame for chunk, and what the connection itself replies.
///
/// A message of any length passes: each piece of it goes back as a fragment as soon as it is here.
fn echo(
    connection: &mut Connection<Server>,
    input: &mut [u8],
    out: &mut Vec<u8>,
) -> Result<(), SendError> {
    let mut at = 0;
    while at < input.len() {
        match connection.receive(&mut input[at..]) {
            Ok(progress) => {
                at += progress.consumed;
                if let Some(Event::Chunk(chunk)) = progress.event {
                    out.extend_from_slice(connection.start(&chunk)?.header());
                    out.extend_from_slice(chunk.as_bytes());
                }
            }
            // The reply is the close frame that tells the peer.
            Err(_) => at = input.len(),
        }
        let mut reply = [0; 131];
        let n = connection.reply(&mut reply);
        out.extend_from_slice(&reply[..n]);
    }
    Ok(())
}

/// The socket has nothing for us now, and may have later.
pub(crate) fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

impl From<io::Error> for Gone {
    fn from(_: io::Error) -> Self {
        Self
    }
}

impl From<SendError> for Gone {
    fn from(_: SendError) -> Self {
        Self
    }
}

impl From<HandshakeError> for Gone {
    fn from(_: HandshakeError) -> Self {
        Self
    }
}

/// One read takes at most this much; its echo has at most a few bytes more.
const INPUT_LEN: usize = 64 * 1024;
