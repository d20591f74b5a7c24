//! A socket and a source of random numbers of which nothing is known.

use core::future::poll_fn;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use embedded_io::{Error, ErrorKind, ErrorType};

/// Does what firmware that is not seen here does: any result may come, lengths that cannot be too.
pub struct Socket {
    pub read: fn(&mut [u8]) -> Poll<Result<usize, Failed>>,
    pub write: fn(&[u8]) -> Poll<Result<usize, Failed>>,
    pub flush: fn() -> Poll<Result<(), Failed>>,
}

#[derive(Clone, Copy, Debug)]
pub struct Failed;

impl core::fmt::Display for Failed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("failed")
    }
}

impl core::error::Error for Failed {}

impl Error for Failed {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

impl ErrorType for Socket {
    type Error = Failed;
}

impl embedded_io::Read for Socket {
    fn read(&mut self, out: &mut [u8]) -> Result<usize, Failed> {
        now((self.read)(out))
    }
}

impl embedded_io::Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Failed> {
        now((self.write)(bytes))
    }

    fn flush(&mut self) -> Result<(), Failed> {
        now((self.flush)())
    }
}

fn now<T>(result: Poll<Result<T, Failed>>) -> Result<T, Failed> {
    match result {
        Poll::Ready(result) => result,
        Poll::Pending => Err(Failed),
    }
}

impl embedded_io_async::Read for Socket {
    fn read(&mut self, out: &mut [u8]) -> impl Future<Output = Result<usize, Failed>> {
        poll_fn(move |_| (self.read)(out))
    }
}

impl embedded_io_async::Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> impl Future<Output = Result<usize, Failed>> {
        poll_fn(move |_| (self.write)(bytes))
    }

    fn flush(&mut self) -> impl Future<Output = Result<(), Failed>> {
        poll_fn(move |_| (self.flush)())
    }
}

/// Polls a future as an executor does, which may also drop it at any time.
pub fn run<F: Future>(future: F, goes_on: fn() -> bool) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
        if !goes_on() {
            return None;
        }
    }
}

/// Random numbers of which nothing is known.
pub type Random = fn(&mut [u8]);
