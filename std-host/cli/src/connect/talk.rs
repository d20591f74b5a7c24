//! The conversation, until both ends have closed.

use std::collections::VecDeque;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

use wirelet::{Chunk, CloseCode};
use wirelet_host::{ClientError, OwnedMessage, Update};

use super::blocks::Blocks;
use super::console::Console;
use super::peer::Peer;
use super::print::Style;
use super::round_trip::RoundTrips;

/// A connection, and what to do with it.
pub(super) struct Talk {
    pub(super) peer: Peer,
    pub(super) console: Console,
    /// Lines are binary messages.
    pub(super) binary: bool,
    pub(super) style: Style,
    pub(super) ping: Option<Duration>,
    /// Close after so many messages.
    pub(super) exit_after: Option<u64>,
}

/// Why a conversation ended before both ends had closed.
pub(super) enum End {
    /// The server could not be reached.
    Unreachable(io::Error),
    Client(ClientError),
    /// Of the standard streams or files.
    Input(String),
}

/// How far the conversation is.
struct Progress {
    file: Option<Blocks>,
    /// Lines that wait for room, and their length together. They are read ahead so that the end of the
    /// input is seen also when the server reads nothing.
    lines: VecDeque<Vec<u8>>,
    line_bytes: usize,
    pings: Option<RoundTrips>,
    is_connected: bool,
    /// No more lines come.
    at_end: bool,
    is_closing: bool,
    n_received: u64,
}

impl Talk {
    /// Sends the file, then the lines; prints what comes.
    pub(super) async fn run(mut self, file: Option<Blocks>) -> Result<ExitCode, End> {
        let mut now = Progress {
            pings: self.ping.map(RoundTrips::new),
            is_connected: self.peer.is_connected(),
            at_end: false,
            is_closing: false,
            n_received: 0,
            lines: VecDeque::new(),
            line_bytes: 0,
            file,
        };
        if let Some(file) = &now.file {
            self.console.show_progress(file.len());
        }
        loop {
            let can_send = now.is_connected && !now.is_closing;
            // The server may read no more before what it has sent has been received.
            let has_room = self.peer.has_room();
            // Lines of a pipe wait for the next connection; people must be able to end the program.
            let takes_lines = !now.is_closing && !now.at_end && now.file.is_none();
            let takes_lines = takes_lines && (now.is_connected || self.console.is_edited());
            let takes_lines = takes_lines && now.line_bytes < AHEAD_BYTES;
            tokio::select! {
                update = receive(&mut self.peer, can_send && !has_room) => {
                    if let Some(update) = update?
                        && let Some(code) = self.take(update, &mut now).await?
                    {
                        drop(self.console);
                        self.peer.finish().await;
                        return Ok(code);
                    }
                }
                () = std::future::ready(()), if can_send && has_room && now.file.is_some() => {
                    self.send_block(&mut now)?;
                }
                line = self.console.next_line(), if takes_lines => {
                    match line? {
                        Some(line) => {
                            now.line_bytes += line.len();
                            now.lines.push_back(line);
                        }
                        None => now.at_end = true,
                    }
                }
                () = due(&mut now.pings), if can_send && has_room => self.ping(&mut now).await?,
            }
            // Behind the end there is only the close, and all of them fit.
            while (self.peer.has_room() || !now.is_connected || now.at_end)
                && let Some(line) = now.lines.pop_front()
            {
                now.line_bytes -= line.len();
                self.send_line(&line, &mut now).await?;
            }
            let is_over = match self.exit_after {
                Some(n) => now.n_received >= n || (now.at_end && self.console.is_edited()),
                None => now.at_end,
            };
            if is_over && !now.is_closing {
                now.is_closing = true;
                if !self.peer.close().await? {
                    return Ok(ExitCode::SUCCESS);
                }
            }
        }
    }

    /// Deals with what came; returns the exit code at the end.
    async fn take(&mut self, update: Update, now: &mut Progress) -> Result<Option<ExitCode>, End> {
        let console = &mut self.console;
        match update {
            Update::Connected => {
                now.is_connected = true;
                console.note("connected").await?;
            }
            Update::Waiting { why, unsent, wait } => {
                now.is_connected = false;
                if let Some(pings) = &mut now.pings {
                    pings.forget();
                }
                let lost = match unsent {
                    0 => String::new(),
                    1 => "; a message was lost".to_owned(),
                    n => format!("; {n} messages were lost"),
                };
                let wait = wait.as_secs_f64();
                console.note(&format!("{why}{lost}; connecting again in {wait:.1} s")).await?;
            }
            Update::Received(OwnedMessage::Pong(payload)) => {
                let answered = now.pings.as_mut().and_then(|pings| pings.answered(&payload));
                if let Some(answered) = answered {
                    console.note(&answered).await?;
                }
            }
            Update::Received(OwnedMessage::Close { code, reason }) => {
                let is_clean = is_clean(code);
                if !now.is_closing || !is_clean {
                    let code = code.map_or_else(|| "no code".to_owned(), |code| code.to_string());
                    let reason = reason.escape_debug();
                    console.note(&format!("closed by the server: {code} {reason}")).await?;
                }
                if matches!(self.peer, Peer::Again(_)) && !now.is_closing {
                    return Ok(None); // the next update says when it goes on
                }
                return Ok(Some(if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }));
            }
            Update::Received(received) => {
                let is_wanted = self.exit_after.is_none_or(|n| now.n_received < n);
                if let Some(line) = self.style.line(&received)
                    && is_wanted
                {
                    now.n_received += 1;
                    console.print(&line).await?;
                }
            }
            _ => {}
        }
        Ok(None)
    }

    async fn send_line(&mut self, line: &[u8], now: &mut Progress) -> Result<(), End> {
        let chunk = match str::from_utf8(line) {
            _ if self.binary => Chunk::whole(line),
            Ok(text) => Chunk::whole(text),
            Err(_) => {
                return Ok(self.console.note("a line is no UTF-8, not sent; see --binary").await?);
            }
        };
        if !now.is_connected {
            return Ok(self.console.note("not connected, not sent").await?);
        }
        self.feed(chunk, now)
    }

    fn send_block(&mut self, now: &mut Progress) -> Result<(), End> {
        let Some(mut file) = now.file.take() else { return Ok(()) };
        let block = file.next().map_err(End::Input)?;
        self.feed(block.chunk(), now)?;
        self.console.advance(block.chunk().as_bytes().len());
        if block.is_last {
            self.console.end_progress();
        } else {
            now.file = Some(file);
        }
        Ok(())
    }

    fn feed(&mut self, chunk: Chunk<'_>, now: &mut Progress) -> Result<(), End> {
        match self.peer.feed(chunk) {
            // The next update says why, and that it is lost.
            Err(ClientError::NotConnected) => now.is_connected = false,
            result => result?,
        }
        Ok(())
    }

    async fn ping(&mut self, now: &mut Progress) -> Result<(), End> {
        let Some(pings) = &mut now.pings else { return Ok(()) };
        let (payload, unanswered) = pings.begin();
        if let Some(unanswered) = unanswered {
            self.console.note(&unanswered).await?;
        }
        match self.peer.ping(&payload) {
            Err(ClientError::NotConnected) => Ok(()),
            result => Ok(result?),
        }
    }
}

/// Waits for what comes, or for room if that is wanted.
async fn receive(peer: &mut Peer, wants_room: bool) -> Result<Option<Update>, ClientError> {
    if wants_room { peer.receive_or_room().await } else { peer.receive().await.map(Some) }
}

/// Waits for the next ping, for ever if there is none.
async fn due(pings: &mut Option<RoundTrips>) {
    match pings {
        Some(pings) => pings.due().await,
        None => std::future::pending().await,
    }
}

/// Clean is our own close, answered, and a peer that closes with 1000 or 1001 or no code.
const fn is_clean(code: Option<CloseCode>) -> bool {
    matches!(code, None | Some(CloseCode::NORMAL_CLOSURE | CloseCode::GOING_AWAY))
}

impl From<ClientError> for End {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Input(error.to_string())
    }
}

/// How long to wait for the server to end TCP, once both have closed.
pub(super) const CLOSE_TIME: Duration = Duration::from_secs(5);

/// How much is read ahead of the lines that wait for room, in bytes; one may be longer.
const AHEAD_BYTES: usize = 64 * 1024;
