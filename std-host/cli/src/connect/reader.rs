//! Whoever reads the output.

use std::future::pending;

/// Knows when the reader of a pipe has left.
pub(super) struct Reader {
    #[cfg(unix)]
    pipe: Option<tokio::io::unix::AsyncFd<std::os::fd::OwnedFd>>,
}

#[cfg(unix)]
impl Reader {
    pub(super) fn of_stdout() -> Self {
        use std::io::{IsTerminal as _, stdout};
        use std::os::fd::AsFd as _;
        let stdout = stdout();
        let is_terminal = stdout.is_terminal();
        let fd = stdout.as_fd().try_clone_to_owned().ok().filter(|_| !is_terminal);
        // A file has nobody who could leave, and cannot be waited for.
        let interest = tokio::io::Interest::ERROR;
        Self { pipe: fd.and_then(|fd| tokio::io::unix::AsyncFd::with_interest(fd, interest).ok()) }
    }

    /// Waits until it has left, for ever where that is not known. Cancel-safe.
    pub(super) async fn left(&self) {
        let Some(pipe) = &self.pipe else { return pending().await };
        while let Ok(mut guard) = pipe.ready(tokio::io::Interest::ERROR).await {
            if guard.ready().is_error() {
                return;
            }
            guard.clear_ready();
        }
        pending::<()>().await;
    }
}

#[cfg(not(unix))]
impl Reader {
    pub(super) const fn of_stdout() -> Self {
        Self {}
    }

    pub(super) async fn left(&self) {
        pending::<()>().await;
    }
}
