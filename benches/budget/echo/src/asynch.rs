//! What an async program needs on a socket that blocks: next to nothing.

use core::pin::pin;
use core::task::{Context, Poll, Waker};

use embedded_io::ErrorType;
use embedded_io_async::{Read, Write};

/// Runs a future that never waits, as those over a [`Socket`].
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

/// Gives a blocking socket the async traits.
pub(crate) struct Socket<S>(pub(crate) S);

impl<S: ErrorType> ErrorType for Socket<S> {
    type Error = S::Error;
}

impl<S: embedded_io::Read> Read for Socket<S> {
    async fn read(&mut self, out: &mut [u8]) -> Result<usize, S::Error> {
        self.0.read(out)
    }
}

impl<S: embedded_io::Write> Write for Socket<S> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, S::Error> {
        self.0.write(bytes)
    }

    async fn flush(&mut self) -> Result<(), S::Error> {
        self.0.flush()
    }
}
