//! Byte streams that a task polls, in both directions.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::io::tls::Tls;

/// Both directions.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send {}

impl<T: AsyncRead + AsyncWrite + Send> Duplex for T {}

/// Any stream.
pub(crate) type BoxedDuplex = Pin<Box<dyn Duplex>>;

/// TLS over a stream.
#[derive(Debug)]
pub(crate) struct TlsStream<S> {
    stream: S,
    tls: Tls,
}

/// A stream that does not block, as long as this task polls it.
struct Polled<'p, 'c, S> {
    stream: &'p mut S,
    context: &'p mut Context<'c>,
}

impl<S> TlsStream<S> {
    /// Goes on with TLS where it stands.
    pub(crate) const fn new(stream: S, tls: Tls) -> Self {
        Self { stream, tls }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { stream, tls } = self.get_mut();
        let bufs = &mut [IoSliceMut::new(buf.initialize_unfilled())];
        let n = ready!(pending(tls.read(&mut Polled { stream, context }, bufs)))?;
        buf.advance(n);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlsStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Self { stream, tls } = self.get_mut();
        pending(tls.write(&mut Polled { stream, context }, &[IoSlice::new(bytes)]))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, tls } = self.get_mut();
        if !tls.flush(&mut Polled { stream, context })? {
            return Poll::Pending;
        }
        Pin::new(stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, tls } = self.get_mut();
        tls.shutdown(&mut Polled { stream, context })?;
        if tls.wants_write() {
            return Poll::Pending;
        }
        Pin::new(stream).poll_shutdown(context)
    }
}

impl<S: AsyncRead + Unpin> Read for Polled<'_, '_, S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut buf = ReadBuf::new(buf);
        not_blocking(Pin::new(&mut *self.stream).poll_read(self.context, &mut buf))?;
        Ok(buf.filled().len())
    }
}

impl<S: AsyncWrite + Unpin> Write for Polled<'_, '_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        not_blocking(Pin::new(&mut *self.stream).poll_write(self.context, bytes))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        not_blocking(Pin::new(&mut *self.stream).poll_write_vectored(self.context, slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn pending<T>(result: io::Result<T>) -> Poll<io::Result<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        result => Poll::Ready(result),
    }
}

fn not_blocking<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}
