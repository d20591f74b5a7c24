//! A connection and its process, from the beginning to the end of both.

use std::future::pending;
use std::io;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader,
};
use tokio::process::ChildStdin;
use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::timeout;
use wirelet::{Close, CloseCode};
use wirelet_host::{ConnectionId, Hub};

use super::Program;
use super::environment::Environment;
use super::feed::Feed;
use super::output::Output;
use super::process::{Process, Stopped};

/// Serves one connection.
pub(super) struct Attendant {
    pub(super) program: Arc<Program>,
    pub(super) feed: Arc<Feed>,
    pub(super) hub: Hub,
    pub(super) id: ConnectionId,
}

/// Why a connection and its process part.
enum End {
    /// The process has ended, and all that it said was delivered.
    Exited(Stopped),
    /// The connection has ended, or the server ends at once.
    Left,
    /// The process has not read while its client waited.
    Stalled,
    /// A line of the process is longer than a message may be.
    TooLong,
    /// A line of the process is no text.
    NotUtf8,
}

impl Attendant {
    /// Runs a process until it or the connection ends, and until nothing is left of it.
    pub(super) async fn attend(self, environment: Environment) {
        let command = &self.program.command;
        let process = Process::start(command, environment);
        let mut process = match process {
            Ok(process) => process,
            Err(error) => {
                let name = command.first().cloned().unwrap_or_default();
                tracing::error!(id = %self.id, "{} cannot be started: {error}", name.display());
                self.feed.close();
                return self.close(CloseCode::INTERNAL_ERROR, "the program cannot be started");
            }
        };
        let child = process.child();
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let mut log = tokio::spawn(log(stderr, self.id));
        let limit = self.program.limits.ping_timeout;
        let mut feeding = tokio::spawn(write(stdin, Arc::clone(&self.feed), limit));
        // Open to the end, or the process would be killed by what it says while it ends.
        let is_over = Arc::<AtomicBool>::default();
        let output = |pipe| BufReader::new(Output::new(pipe, Arc::clone(&is_over)));
        let mut output = stdout.map(output);

        let all_said = Notify::new();
        let relay = async {
            match self.relay(output.as_mut()).await {
                Some(end) => end,
                None => {
                    all_said.notify_one();
                    pending().await
                }
            }
        };
        let exit = async {
            let exit_time = self.program.exit_time;
            let stopped = tokio::select! {
                () = process.ended() => Stopped::ByItself,
                // Its input ends now, behind what was sent; what it says of that is awaited.
                () = self.feed.ended() => process.stop(exit_time).await,
            };
            // Others of its group may have something to say, unless it had to be told to end.
            let grace = if stopped == Stopped::ByItself { exit_time } else { LAST_WORDS };
            if timeout(grace, all_said.notified()).await.is_err() {
                process.kill();
                // Whoever has left the group may keep the pipe.
                is_over.store(true, Ordering::Relaxed);
                yield_now().await;
                all_said.notified().await;
            }
            End::Exited(stopped)
        };
        let stall = async {
            match (&mut feeding).await {
                Ok(Err(Stalled)) => End::Stalled,
                _ => pending().await,
            }
        };
        let end = tokio::select! {
            end = relay => end,
            end = exit => end,
            end = stall => end,
            () = self.feed.closed() => End::Left,
            () = self.killed() => End::Left,
        };

        if !matches!(end, End::Exited(_)) {
            self.part(&end);
            // Behind what it still has to read, its standard input ends.
            self.feed.close();
            if matches!(end, End::Stalled) {
                feeding.abort();
            }
            tokio::select! {
                _ = process.stop(self.program.exit_time) => {}
                () = self.killed() => {}
            }
        }
        let status = process.reap().await;
        if let End::Exited(stopped) = end {
            self.finish(status, stopped);
        }
        // If the client waits for the answer to its close, that may leave now.
        self.feed.close();
        feeding.abort();
        // Nobody is left who could say more, unless it has left the group.
        let _ = timeout(LAST_WORDS, &mut log).await;
        log.abort();
    }

    /// Makes messages of what the process says; returns `None` when it says no more.
    async fn relay(&self, output: Option<&mut BufReader<Output>>) -> Option<End> {
        let output = output?;
        let limit = self.program.limits.message_bytes;
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            let result = if self.program.binary {
                // Or it would be read into what little a vector makes room for by itself.
                bytes.reserve(limit.min(CHUNK));
                let mut chunk = output.take(limit.min(CHUNK) as u64);
                chunk.read_buf(&mut bytes).await
            } else {
                // A line may end with CR LF.
                let longest = (limit as u64).saturating_add(2);
                (&mut *output).take(longest).read_until(b'\n', &mut bytes).await
            };
            if !matches!(result, Ok(1..)) {
                return None;
            }
            let delivery = if self.program.binary {
                self.hub.deliver_to(self.id, &*bytes).await
            } else {
                let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                if line.len() > limit {
                    return Some(End::TooLong);
                }
                let Ok(line) = str::from_utf8(line) else { return Some(End::NotUtf8) };
                self.hub.deliver_to(self.id, line).await
            };
            if delivery.is_err() {
                return Some(End::Left);
            }
        }
    }

    /// Closes the connection because of what the process does.
    fn part(&self, end: &End) {
        let limit = self.program.limits.message_bytes;
        let (code, reason) = match end {
            End::Exited(_) | End::Left => return,
            End::Stalled => {
                tracing::warn!(id = %self.id, "the program does not read");
                (CloseCode::POLICY_VIOLATION, "the program does not read")
            }
            End::TooLong => {
                tracing::warn!(id = %self.id, "a line of the program is longer than {limit} bytes (--max-message)");
                (CloseCode::INTERNAL_ERROR, "a line of the program is too long")
            }
            End::NotUtf8 => {
                tracing::warn!(id = %self.id, "a line of the program is not UTF-8; --binary sends it as it is");
                (CloseCode::INVALID_FRAME_PAYLOAD_DATA, "a line of the program is no text")
            }
        };
        self.close(code, reason);
    }

    /// Closes the connection because the process has ended.
    fn finish(&self, status: io::Result<ExitStatus>, stopped: Stopped) {
        match status {
            // That it ends by the signal is no fault.
            Ok(_) if stopped == Stopped::BySignal => {}
            // The client has its own code back.
            Ok(status) if status.success() && self.feed.is_awaited() => {}
            Ok(status) if status.success() => self.close(CloseCode::NORMAL_CLOSURE, ""),
            Ok(status) => {
                tracing::warn!(id = %self.id, "the program failed: {status}");
                self.close(CloseCode::INTERNAL_ERROR, "the program failed");
            }
            Err(error) => {
                tracing::error!(id = %self.id, "the program is lost: {error}");
                self.close(CloseCode::INTERNAL_ERROR, "the program failed");
            }
        }
    }

    fn close(&self, code: CloseCode, reason: &str) {
        let close = Close::with_reason(code, reason).unwrap_or(code.into());
        // It may have gone meanwhile.
        let _ = self.hub.close(self.id, close);
    }

    /// Waits until all processes are to be killed.
    async fn killed(&self) {
        let _ = self.program.kill.subscribe().wait_for(|kill| *kill).await;
    }
}

/// The process has read nothing for too long.
struct Stalled;

/// Writes what was fed to a standard input, which ends with the feed. Progress of any kind has `limit`
/// if the client waits for it.
async fn write(stdin: Option<ChildStdin>, feed: Arc<Feed>, limit: Duration) -> Result<(), Stalled> {
    let Some(mut stdin) = stdin else { return Ok(()) };
    while let Some(bytes) = feed.take().await {
        let mut rest = &*bytes;
        while !rest.is_empty() {
            match timeout(limit, stdin.write(rest)).await {
                Ok(Ok(n)) => rest = &rest[n..],
                // It does not want to know more; the rest is taken and forgotten.
                Ok(Err(_)) => break,
                Err(_) if feed.is_full() => return Err(Stalled),
                Err(_) => {}
            }
        }
    }
    Ok(())
}

/// Logs what a process says on its standard error.
async fn log(stderr: Option<impl AsyncRead + Unpin>, id: ConnectionId) {
    let Some(stderr) = stderr else { return };
    let mut reader = BufReader::new(stderr);
    let mut line = Vec::new();
    while let Ok(1..) = (&mut reader).take(LOG_LINE).read_until(b'\n', &mut line).await {
        tracing::warn!(%id, "{}", String::from_utf8_lossy(line.trim_ascii_end()));
        line.clear();
    }
}

/// So much of a binary output is sent at a time, in bytes.
const CHUNK: usize = 64 * 1024;

/// A longer line, in bytes, becomes several in the log.
const LOG_LINE: u64 = 4096;

/// How long to wait for the log of a process that has ended.
const LAST_WORDS: Duration = Duration::from_millis(200);
