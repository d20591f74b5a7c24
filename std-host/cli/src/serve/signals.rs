//! What a terminal, or whoever runs the program, asks it to do.

use std::io;

/// Signals, which are kept for [`next`](Self::next) instead of ending the program.
#[cfg(unix)]
pub(super) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// Only if there is something to reload; it ends the program otherwise.
    hang_up: Option<tokio::signal::unix::Signal>,
}

/// What a signal asks for.
pub(super) enum Asked {
    /// To end; the exit code if that is to be at once.
    End(u8),
    /// To read files again.
    #[cfg_attr(windows, expect(dead_code, reason = "there is no such signal"))]
    Reload,
}

#[cfg(unix)]
impl Signals {
    pub(super) fn listen(reload: bool) -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: reload.then(|| signal(SignalKind::hangup())).transpose()?,
        })
    }

    pub(super) async fn next(&mut self) -> Asked {
        let hang_up = async {
            match &mut self.hang_up {
                Some(hang_up) => hang_up.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => Asked::End(128 + 2),
            _ = self.terminate.recv() => Asked::End(128 + 15),
            _ = hang_up => Asked::Reload,
        }
    }
}

#[cfg(windows)]
pub(super) struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    pub(super) fn listen(_reload: bool) -> io::Result<Self> {
        Ok(Self(tokio::signal::windows::ctrl_c()?))
    }

    pub(super) async fn next(&mut self) -> Asked {
        let _ = self.0.recv().await;
        Asked::End(128 + 2)
    }
}
