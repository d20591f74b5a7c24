//! Byte streams that a task polls, in both directions.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::io::tls::Tls;

/// Both directions.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send {}

impl<T: AsyncRead + AsyncWrite + Send> Duplex for T {}

/// Any stream.
pub(crate) type BoxedDuplex = Pin<Box<dyn Duplex>>;

/// A stream, and what is known of its progress besides.
pub(crate) struct Transport {
    pub(crate) stream: BoxedDuplex,
    /// How many bytes have left below TLS, of which those above see nothing before a whole record has.
    pub(crate) n_written: Option<Arc<AtomicUsize>>,
}

/// TLS over a stream.
#[derive(Debug)]
struct TlsStream<S> {
    stream: S,
    tls: Tls,
    n_written: Arc<AtomicUsize>,
}

/// A stream that does not block, as long as this task polls it.
struct Polled<'p, 'c, S> {
    stream: &'p mut S,
    n_written: &'p AtomicUsize,
    context: &'p mut Context<'c>,
}

impl Transport {
    /// Takes any stream.
    pub(crate) fn new(stream: impl Duplex + 'static) -> Self {
        Self { stream: Box::pin(stream), n_written: None }
    }

    /// Goes on with TLS over a stream where it stands; without, if there is none.
    pub(crate) fn with_tls(stream: impl Duplex + Unpin + 'static, tls: Option<Tls>) -> Self {
        let Some(tls) = tls else { return Self::new(stream) };
        let n_written = Arc::default();
        let stream = TlsStream { stream, tls, n_written: Arc::clone(&n_written) };
        Self { stream: Box::pin(stream), n_written: Some(n_written) }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { stream, tls, n_written } = self.get_mut();
        let bufs = &mut [IoSliceMut::new(buf.initialize_unfilled())];
        let n = ready!(pending(tls.read(&mut Polled { stream, n_written, context }, bufs)))?;
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
        let Self { stream, tls, n_written } = self.get_mut();
        pending(tls.write(&mut Polled { stream, n_written, context }, &[IoSlice::new(bytes)]))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, tls, n_written } = self.get_mut();
        if !tls.flush(&mut Polled { stream, n_written, context })? {
            return Poll::Pending;
        }
        Pin::new(stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, tls, n_written } = self.get_mut();
        tls.shutdown(&mut Polled { stream, n_written, context })?;
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
        let polled = Pin::new(&mut *self.stream).poll_write(self.context, bytes);
        self.count(polled)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let polled = Pin::new(&mut *self.stream).poll_write_vectored(self.context, slices);
        self.count(polled)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<S> Polled<'_, '_, S> {
    fn count(&self, polled: Poll<io::Result<usize>>) -> io::Result<usize> {
        let n = not_blocking(polled)?;
        self.n_written.fetch_add(n, Ordering::Relaxed);
        Ok(n)
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
