//! The standard output of a process, which others may hold open when it has ended.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use rustix::io::ioctl_fionread;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::process::ChildStdout;

/// What a process says. It ends with the pipe; or, once it is [over](Self::over), with what the pipe holds then: a
/// daemon in a session of its own may keep it open for years.
pub(super) struct Output {
    pipe: ChildStdout,
    is_over: Arc<AtomicBool>,
    /// So many bytes are still to be read.
    left: Option<u64>,
}

impl Output {
    pub(super) fn new(pipe: ChildStdout, is_over: Arc<AtomicBool>) -> Self {
        Self { pipe, is_over, left: None }
    }
}

impl AsyncRead for Output {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left.is_none() && self.is_over.load(Ordering::Relaxed) {
            self.left = Some(ioctl_fionread(&self.pipe).unwrap_or_default());
        }
        if self.left == Some(0) {
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.pipe).poll_read(context, buf);
        let n = (buf.filled().len() - before) as u64;
        // A few bytes more do no harm.
        self.left = self.left.map(|left| left.saturating_sub(n));
        polled
    }
}
