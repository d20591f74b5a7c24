//! One process and those that it starts, which are a process group.

use std::ffi::OsString;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

use super::environment::Environment;

/// A process that leads a group of its own. It is not reaped before the end, so that the number of the
/// group cannot become another's.
pub(super) struct Process {
    child: Child,
    group: Pid,
    /// Some child has ended.
    children: tokio::signal::unix::Signal,
}

/// How a process was stopped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopped {
    ByItself,
    BySignal,
}

impl Process {
    /// Starts it, with pipes for its standard streams.
    pub(super) fn start(command: &[OsString], environment: Environment) -> io::Result<Self> {
        // Before the child can end.
        let children = signal(SignalKind::child())?;
        let (name, args) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let child = Command::new(name)
            .args(args)
            .env_clear()
            .envs(environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        let group = id.and_then(Pid::from_raw).ok_or(io::ErrorKind::Other)?;
        Ok(Self { child, group, children })
    }

    /// The process, for its pipes.
    pub(super) const fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Waits until it has ended.
    pub(super) async fn ended(&mut self) {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        while let Ok(None) = waitid(WaitId::Pid(self.group), options) {
            self.children.recv().await;
        }
    }

    /// Kills what is left of the group.
    pub(super) fn kill(&self) {
        self.send(Signal::KILL);
    }

    /// Waits until it has ended, which its standard input, now closed, may have told it to do; then asks
    /// by SIGTERM. It has `exit_time` for each. Tells how it did; what is left is to be [killed](Self::kill).
    pub(super) async fn stop(&mut self, exit_time: Duration) -> Stopped {
        if timeout(exit_time, self.ended()).await.is_ok() {
            return Stopped::ByItself;
        }
        self.send(Signal::TERM);
        if timeout(exit_time, self.ended()).await.is_err() {
            let pid = self.group.as_raw_pid();
            tracing::warn!(pid, "the program does not end; it is killed (--exit-time)");
        }
        Stopped::BySignal
    }

    /// Kills what is left of the group, and returns how the process ended.
    pub(super) async fn reap(mut self) -> io::Result<ExitStatus> {
        self.kill();
        self.child.wait().await
    }

    fn send(&self, signal: Signal) {
        if let Err(error) = kill_process_group(self.group, signal) {
            tracing::debug!(pid = self.group.as_raw_pid(), "the program has no signal: {error}");
        }
    }
}
