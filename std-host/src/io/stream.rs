//! The byte streams under a connection of a server. None of them blocks.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use mio::event::Source;
use mio::net::TcpStream;
#[cfg(unix)]
use mio::net::UnixStream;
use tokio::io::{AsyncWrite, ReadBuf};

use crate::io::duplex::Duplex;
use crate::io::is_temporary;
use crate::io::tls::Tls;

/// A byte stream.
pub(crate) enum Stream {
    Plain(Plain),
    /// Boxed, because most have none.
    Tls(Box<(Tls, Plain)>),
    Task(Box<TaskStream>),
}

/// A socket of the system.
#[derive(Debug)]
pub enum Plain {
    /// To another machine, or to this.
    Tcp(TcpStream),
    /// Within this machine.
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Stream {
    /// Lends what a worker thread polls.
    pub(crate) fn source(&mut self) -> Option<&mut dyn Source> {
        match self {
            Self::Plain(plain) => Some(plain.source()),
            Self::Tls(both) => Some(both.1.source()),
            Self::Task(_) => None,
        }
    }

    /// Lends the socket under all else.
    pub(crate) fn plain(&mut self) -> Option<&mut Plain> {
        match self {
            Self::Plain(plain) => Some(plain),
            Self::Tls(both) => Some(&mut both.1),
            Self::Task(_) => None,
        }
    }

    /// Tells whether it is encrypted here.
    pub(crate) const fn is_tls(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Lends what a task polls.
    pub(crate) fn task(&mut self) -> Option<&mut TaskStream> {
        match self {
            Self::Task(stream) => Some(stream),
            Self::Plain(_) | Self::Tls(_) => None,
        }
    }

    /// Reads into two places, one behind the other. Returns the length, and whether there may be
    /// more without a new event.
    pub(crate) fn read_both(
        &mut self,
        first: &mut [u8],
        second: &mut [u8],
    ) -> io::Result<(usize, bool)> {
        let room = first.len() + second.len();
        let n = if first.is_empty() {
            self.read(second)?
        } else {
            self.read_vectored(&mut [IoSliceMut::new(first), IoSliceMut::new(second)])?
        };
        let has_more = match self {
            Self::Plain(_) => n == room,
            Self::Tls(both) => !both.0.is_drained(),
            Self::Task(_) => true,
        };
        Ok((n, has_more || !SHORT_READ_IS_ALL))
    }

    /// Sends what was written and is still held back, as far as the system takes it.
    pub(crate) fn send_held_back(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Tls(both) => both.0.flush(&mut both.1).map(drop),
            Self::Task(stream) => stream.send_held_back(),
        }
    }

    /// Tells whether something that was written is still held back.
    pub(crate) fn holds_back(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(both) => both.0.wants_write(),
            Self::Task(stream) => stream.holds_back,
        }
    }

    /// Ends our direction.
    pub(crate) fn end(&mut self) {
        // A stream that has failed has ended.
        let _ = match self {
            Self::Plain(plain) => plain.end(),
            Self::Tls(both) => {
                let (tls, plain) = &mut **both;
                tls.shutdown(plain).and_then(|()| plain.end())
            }
            Self::Task(stream) => stream.end(),
        };
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(plain) => plain.read(buffer),
            Self::Tls(both) => both.0.read(&mut both.1, &mut [IoSliceMut::new(buffer)]),
            Self::Task(stream) => stream.read(buffer),
        }
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        match self {
            Self::Plain(plain) => plain.read_vectored(buffers),
            Self::Tls(both) => both.0.read(&mut both.1, buffers),
            Self::Task(stream) => stream.read_vectored(buffers),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(plain) => plain.write(bytes),
            Self::Tls(both) => both.0.write(&mut both.1, &[IoSlice::new(bytes)]),
            Self::Task(stream) => stream.write(bytes),
        }
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Plain(plain) => plain.write_vectored(slices),
            Self::Tls(both) => both.0.write(&mut both.1, slices),
            Self::Task(stream) => stream.write_vectored(slices),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send_held_back()
    }
}

impl Plain {
    /// Lends what is polled.
    pub fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Tcp(stream) => stream,
            #[cfg(unix)]
            Self::Unix(stream) => stream,
        }
    }

    /// Returns the address at which it has come, if that is of TCP.
    pub(crate) fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(stream) => stream.local_addr().ok(),
            #[cfg(unix)]
            Self::Unix(_) => None,
        }
    }

    /// Ends our direction.
    ///
    /// # Errors
    ///
    /// That of the system, such as that the connection is gone.
    pub fn end(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            #[cfg(unix)]
            Self::Unix(stream) => stream.shutdown(Shutdown::Write),
        }
    }
}

impl Read for Plain {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            #[cfg(unix)]
            Self::Unix(stream) => stream.read(buffer),
        }
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read_vectored(buffers),
            #[cfg(unix)]
            Self::Unix(stream) => stream.read_vectored(buffers),
        }
    }
}

impl Write for Plain {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            #[cfg(unix)]
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write_vectored(slices),
            #[cfg(unix)]
            Self::Unix(stream) => stream.write_vectored(slices),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream of tokio's, used as a non-blocking one inside of a task: who is told to come back later
/// is woken when that is.
pub(crate) struct TaskStream {
    stream: Pin<Box<dyn Duplex>>,
    waker: Waker,
    /// Streams such as those of TLS keep what was written until they are flushed.
    holds_back: bool,
}

impl TaskStream {
    pub(crate) fn new(stream: impl Duplex + 'static) -> Self {
        Self { stream: Box::pin(stream), waker: Waker::noop().clone(), holds_back: false }
    }

    /// Must be called whenever the task runs, before anything else.
    pub(crate) fn set_waker(&mut self, waker: &Waker) {
        self.waker.clone_from(waker);
    }

    fn send_held_back(&mut self) -> io::Result<()> {
        match self.poll(AsyncWrite::poll_flush) {
            Ok(()) => self.holds_back = false,
            Err(error) if is_temporary(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        self.poll(AsyncWrite::poll_shutdown)
    }

    fn poll<T>(
        &mut self,
        poll: impl FnOnce(Pin<&mut (dyn Duplex + 'static)>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> io::Result<T> {
        match poll(self.stream.as_mut(), &mut Context::from_waker(&self.waker)) {
            Poll::Ready(result) => result,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Read for TaskStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(buffer);
        self.poll(|stream, context| stream.poll_read(context, &mut buffer))?;
        Ok(buffer.filled().len())
    }
}

impl Write for TaskStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.holds_back = true;
        self.poll(|stream, context| stream.poll_write(context, bytes))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.holds_back = true;
        self.poll(|stream, context| stream.poll_write_vectored(context, slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send_held_back()
    }
}

/// A read that did not fill its room has taken all that a socket had, and the next event comes with new bytes.
///
/// That is so where mio asks epoll or kqueue, which tell of every arrival. Elsewhere (Windows, `poll`) there is
/// no new event before a read has been told that there is nothing.
const SHORT_READ_IS_ALL: bool = cfg!(all(
    not(mio_unsupported_force_poll_poll),
    any(
        target_os = "android",
        target_os = "dragonfly",
        target_os = "freebsd",
        target_os = "illumos",
        target_os = "linux",
        target_os = "netbsd",
        target_os = "openbsd",
        target_os = "redox",
        target_vendor = "apple",
    )
));
