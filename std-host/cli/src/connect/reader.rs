//! Whoever reads the output.

use std::sync::Arc;

use tokio::sync::Notify;

/// Knows when the reader of a pipe has left.
pub(super) struct Reader(Arc<Notify>);

impl Reader {
    /// Looks after the standard output.
    pub(super) fn of_stdout() -> Self {
        let left = Arc::new(Notify::new());
        #[cfg(unix)]
        std::thread::spawn({
            let left = Arc::clone(&left);
            move || {
                if wait() {
                    left.notify_one();
                }
            }
        });
        Self(left)
    }

    /// Waits until it has left, for ever where that is not known.
    pub(super) async fn left(&self) {
        self.0.notified().await;
    }
}

/// Waits until nobody reads the standard output; a file or a terminal has nobody who could leave.
#[cfg(unix)]
fn wait() -> bool {
    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::io::Errno;
    let stdout = std::io::stdout();
    // Errors are told in any case.
    let mut fds = [PollFd::new(&stdout, PollFlags::empty())];
    loop {
        match poll(&mut fds, None) {
            Ok(_) => return fds[0].revents().contains(PollFlags::ERR),
            Err(Errno::INTR) => {}
            Err(_) => return false,
        }
    }
}
