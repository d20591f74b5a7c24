//! The conversation, until both ends have closed.

use std::io;
use std::pin::pin;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};
use wirelet::CloseCode;
use wirelet_host::{ClientError, OwnedMessage, Update};

use super::USAGE;
use super::blocks::{Block, Blocks};
use super::console::Console;
use super::peer::Peer;
use super::print::Style;
use super::progress::{Closing, Progress, Quiet};
use super::reader::Reader;
use super::recording::Recording;
use super::round_trip::RoundTrips;
use super::stop::{self, Stop};
use crate::output::is_gone;

/// A connection, and what to do with it.
pub(super) struct Talk {
    pub(super) peer: Peer,
    /// Where it leads, for the recording.
    pub(super) url: String,
    pub(super) console: Console,
    pub(super) reader: Reader,
    pub(super) style: Style,
    pub(super) ping: Option<Duration>,
    /// Close after so many messages.
    pub(super) exit_after: Option<u64>,
    /// How long the server must be silent behind the end of the input.
    pub(super) linger: Duration,
    pub(super) recording: Option<Recording>,
    pub(super) stop: Stop,
}

/// Why a conversation ended before both ends had closed.
pub(super) enum End {
    /// The server could not be reached.
    Unreachable(io::Error),
    Client(ClientError),
    /// Of what the command line names.
    Input(String),
    /// By a signal, before there was a connection.
    Signal(u8),
}

impl Talk {
    /// Sends the file, then the input; prints what comes.
    pub(super) async fn run(mut self, file: Option<Blocks>) -> Result<ExitCode, End> {
        let pings = self.ping.map(RoundTrips::new);
        let mut now = Progress::new(file, pings, self.peer.is_connected());
        if let Some(file) = &now.file {
            self.console.show_progress(file.len());
        }
        if now.is_connected {
            self.record(&mut now, Recording::opened);
        }
        let result = self.talk(&mut now).await;
        let code = match (now.closing, result) {
            (Some(Closing::Signal(number)), _) => stop::exit_code(number).into(),
            (Some(Closing::Unheard), _) => ExitCode::SUCCESS,
            (_, Err(error)) => return Err(error),
            (_, Ok(_)) if now.has_failed => USAGE.into(),
            (_, Ok(code)) => code,
        };
        // The terminal is as it was before anything is waited for.
        drop(self.console);
        tokio::select! {
            () = self.peer.finish() => {}
            _ = self.stop.asked(), if !matches!(now.closing, Some(Closing::Signal(_))) => {}
        }
        Ok(code)
    }

    async fn talk(&mut self, now: &mut Progress) -> Result<ExitCode, End> {
        loop {
            let can_send = now.is_connected && now.closing.is_none();
            // The server may read no more before what it has sent has been received.
            let has_room = self.peer.has_room();
            // A pipe waits for the next connection; people must be able to end the program.
            let is_edited = self.console.is_edited();
            let takes_input = now.closing.is_none() && !now.at_end;
            let takes_input = takes_input && (now.file.is_none() || !is_edited);
            let takes_input = takes_input && (now.is_connected || is_edited);
            let takes_input = takes_input && now.waiting_bytes < AHEAD_BYTES;
            let may_linger = self.exit_after.is_none() || now.has_failed;
            let waits_for_file = now.file.is_some() && has_room;
            if waits_for_file {
                now.quiet.since = Instant::now();
            }
            let is_ending = now.at_end && can_send && may_linger && !is_edited && !waits_for_file;
            let patience = self.patience(now);
            tokio::select! {
                number = self.stop.asked(), if !matches!(now.closing, Some(Closing::Signal(_))) => {
                    if !self.close(now, Closing::Signal(number)).await? {
                        return Ok(ExitCode::SUCCESS);
                    }
                }
                // Who has been told nothing may not care for the output at all.
                () = self.reader.left(), if now.n_received > 0 && now.closing.is_none() => {
                    now.is_muted = true;
                    self.close(now, Closing::Unheard).await?;
                }
                update = receive(&mut self.peer, can_send && !has_room) => {
                    if let Some(update) = update?
                        && let Some(code) = self.take(update, now).await?
                    {
                        return Ok(code);
                    }
                }
                block = next_of(&mut now.file), if can_send && has_room && now.file.is_some() => {
                    self.send_of_file(block, now)?;
                }
                block = self.console.next(), if takes_input => match block {
                    Ok(Some(block)) => {
                        now.waiting_bytes += block.len();
                        now.waiting.push_back(block);
                    }
                    Ok(None) => self.end(now),
                    Err(why) => self.fail(now, &why),
                },
                () = due(&mut now.pings), if can_send && has_room => self.ping(now)?,
                () = sleep(patience), if is_ending => {
                    if self.is_over(now)? && !self.close_behind_all(now).await? {
                        return Ok(ExitCode::SUCCESS);
                    }
                }
            }
            while now.file.is_none()
                && (self.peer.has_room() || (!now.is_connected && is_edited))
                && let Some(block) = now.waiting.pop_front()
            {
                now.waiting_bytes -= block.len();
                self.send(&block, now)?;
            }
            let is_over = match self.exit_after {
                Some(n) => now.n_received >= n || (now.at_end && is_edited),
                // There may be nobody to wait for.
                None => {
                    let is_gone = !now.is_connected && matches!(self.peer, Peer::Again(_));
                    now.at_end && (is_edited || (is_gone && now.waiting.is_empty()))
                }
            };
            if is_over && now.closing.is_none() && !self.close_behind_all(now).await? {
                return Ok(ExitCode::SUCCESS);
            }
        }
    }

    /// Deals with what came; returns the exit code at the end.
    async fn take(&mut self, update: Update, now: &mut Progress) -> Result<Option<ExitCode>, End> {
        if let Update::Received(received) = &update {
            self.record(now, |recording, _| recording.received(received));
        }
        match update {
            Update::Connected => {
                now.is_connected = true;
                self.console.note("connected");
                self.record(now, Recording::opened);
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
                self.console.note(&format!("{why}{lost}; connecting again in {wait:.1} s"));
            }
            Update::Received(OwnedMessage::Pong(payload)) => {
                let answered = now.pings.as_mut().and_then(|pings| pings.answered(&payload));
                if let Some(answered) = answered {
                    self.console.note(&answered);
                }
            }
            Update::Received(OwnedMessage::Close { code, reason }) => {
                let is_clean = is_clean(code);
                let is_answer = now.closing.is_some() && is_clean;
                if !is_answer && now.closing != Some(Closing::Unheard) {
                    let code = code.map_or_else(|| "no code".to_owned(), |code| code.to_string());
                    let note = format!("closed by the server: {code} {}", reason.escape_debug());
                    self.console.note(note.trim_end());
                }
                if matches!(self.peer, Peer::Again(_)) && now.closing.is_none() {
                    return Ok(None); // the next update says when it goes on
                }
                return Ok(Some(if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }));
            }
            Update::Received(received) => self.print(&received, now).await?,
            _ => {}
        }
        Ok(None)
    }

    async fn print(&mut self, received: &OwnedMessage, now: &mut Progress) -> Result<(), End> {
        let Some(shown) = self.style.show(received) else { return Ok(()) };
        now.quiet.since = Instant::now();
        let is_wanted = self.exit_after.is_none_or(|n| now.n_received < n);
        if !is_wanted || now.is_muted {
            return Ok(());
        }
        now.n_received += 1;
        let is_stopped = matches!(now.closing, Some(Closing::Signal(_)));
        let (printed, number) = {
            let mut printing = pin!(self.console.print(&shown));
            tokio::select! {
                biased;
                printed = &mut printing => (Some(printed), None),
                // Whoever reads the output must not keep the program from ending.
                number = self.stop.asked(), if !is_stopped => {
                    (timeout(GRACE, printing).await.ok(), Some(number))
                }
                () = sleep(GRACE), if is_stopped => (None, None),
            }
        };
        if let Some(number) = number {
            self.close(now, Closing::Signal(number)).await?;
        }
        match printed {
            Some(printed) => self.printed(printed, now).await,
            None => {
                now.is_muted = true;
                Ok(())
            }
        }
    }

    async fn printed(&mut self, printed: io::Result<()>, now: &mut Progress) -> Result<(), End> {
        match printed {
            Ok(()) => {}
            Err(error) if is_gone(&error) => {
                now.is_muted = true;
                if now.closing.is_none() {
                    self.close(now, Closing::Unheard).await?;
                }
            }
            Err(error) => self.fail(now, &format!("cannot print: {error}")),
        }
        Ok(())
    }

    fn send(&mut self, block: &Block, now: &mut Progress) -> Result<(), End> {
        if !now.is_connected {
            self.console.note("not connected, not sent");
            return Ok(());
        }
        self.record(now, |recording, _| recording.sent(block));
        match self.peer.feed(block.chunk()) {
            // The next update says why, and that it is lost.
            Err(ClientError::NotConnected) => now.is_connected = false,
            result => result?,
        }
        Ok(())
    }

    fn send_of_file(
        &mut self,
        block: Result<Block, String>,
        now: &mut Progress,
    ) -> Result<(), End> {
        let block = match block {
            Ok(block) => block,
            Err(why) => {
                self.fail(now, &why);
                return Ok(());
            }
        };
        self.send(&block, now)?;
        self.console.advance(block.len());
        if block.is_last {
            self.console.end_progress();
            now.file = None;
        }
        Ok(())
    }

    fn ping(&mut self, now: &mut Progress) -> Result<(), End> {
        let Some(pings) = &mut now.pings else { return Ok(()) };
        let (payload, unanswered) = pings.begin();
        if let Some(unanswered) = unanswered {
            self.console.note(&unanswered);
        }
        self.record(now, |recording, _| recording.sent_ping(&payload));
        match self.peer.ping(&payload) {
            Err(ClientError::NotConnected) => Ok(()),
            result => Ok(result?),
        }
    }

    /// Nothing more comes to be sent.
    fn end(&self, now: &mut Progress) {
        now.at_end = true;
        now.quiet = Quiet { since: Instant::now(), unsent_bytes: self.peer.unsent_bytes() };
    }

    /// Something that the command line names has failed: says so, and sends nothing more. What comes is still
    /// printed.
    fn fail(&mut self, now: &mut Progress, why: &str) {
        if now.has_failed {
            return;
        }
        self.console.end_progress();
        self.console.note(why);
        (now.has_failed, now.file) = (true, None);
        self.end(now);
    }

    /// Returns how long until something must have moved.
    fn patience(&self, now: &Progress) -> Duration {
        let is_sent = self.peer.unsent_bytes() == 0 && now.waiting.is_empty() && now.file.is_none();
        let limit = if is_sent { self.linger } else { self.linger.max(CLOSE_TIME) };
        limit.saturating_sub(now.quiet.since.elapsed())
    }

    /// Tells whether nothing has moved for so long that nothing more will.
    fn is_over(&self, now: &mut Progress) -> Result<bool, End> {
        let unsent_bytes = self.peer.unsent_bytes();
        if unsent_bytes != now.quiet.unsent_bytes {
            now.quiet = Quiet { since: Instant::now(), unsent_bytes };
            return Ok(false);
        }
        if !self.patience(now).is_zero() {
            return Ok(false);
        }
        // The rest of a message cannot be sent in the time for closing.
        if now.file.is_some() { Err(ClientError::TimedOut.into()) } else { Ok(true) }
    }

    /// Closes behind all that is to be sent; it fits, as nothing more will come.
    async fn close_behind_all(&mut self, now: &mut Progress) -> Result<bool, End> {
        while now.is_connected
            && now.file.is_none()
            && let Some(block) = now.waiting.pop_front()
        {
            self.send(&block, now)?;
        }
        self.close(now, Closing::Done).await
    }

    /// Begins the closing handshake; tells whether there is anything to be closed.
    async fn close(&mut self, now: &mut Progress, why: Closing) -> Result<bool, End> {
        let was_closing = now.closing.replace(why).is_some();
        (now.file, now.at_end) = (None, true);
        self.console.end_progress();
        if was_closing {
            return Ok(true);
        }
        let is_early = matches!(why, Closing::Signal(_)) || now.has_failed;
        let code = if is_early { CloseCode::GOING_AWAY } else { CloseCode::NORMAL_CLOSURE };
        self.record(now, |recording, _| recording.sent_close(code.get()));
        Ok(self.peer.close(code).await?)
    }

    /// Writes something to the recording, if there is one.
    fn record(
        &mut self,
        now: &mut Progress,
        write: impl FnOnce(&mut Recording, &str) -> Result<(), String>,
    ) {
        if let Some(recording) = &mut self.recording
            && let Err(why) = write(recording, &self.url)
        {
            self.recording = None;
            self.fail(now, &why);
        }
    }
}

/// Waits for what comes, or for room if that is wanted.
async fn receive(peer: &mut Peer, wants_room: bool) -> Result<Option<Update>, ClientError> {
    if wants_room { peer.receive_or_room().await } else { peer.receive().await.map(Some) }
}

/// Waits for the next fragment of a file, for ever if there is none.
async fn next_of(file: &mut Option<Blocks>) -> Result<Block, String> {
    match file {
        Some(file) => file.next().await,
        None => std::future::pending().await,
    }
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

/// How long to wait for the server to end TCP, once both have closed; and for a server that takes nothing of what is
/// to be sent.
pub(super) const CLOSE_TIME: Duration = Duration::from_secs(5);

/// How long what is printed may take once the program shall end.
const GRACE: Duration = Duration::from_secs(1);

/// How much is read ahead of the input while the server takes nothing, in bytes; one message may be longer.
const AHEAD_BYTES: usize = 64 * 1024;
