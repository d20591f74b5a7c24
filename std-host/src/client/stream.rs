//! What a client's bytes go over: TCP or a Unix socket, with TLS or without.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{Interest, Ready};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use crate::io::is_temporary;
use crate::io::tls::Tls;

/// A connected stream, which is never waited for but in [`ready`](Self::ready).
#[derive(Debug)]
pub(super) struct Stream {
    socket: Socket,
    tls: Option<Tls>,
}

#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Stream {
    pub(super) const fn new(socket: Socket) -> Self {
        Self { socket, tls: None }
    }

    /// Begins TLS, which goes on as the stream is read and written.
    pub(super) fn start_tls(
        &mut self,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> Result<(), rustls::Error> {
        self.tls = Some(Tls::client(config, name)?);
        Ok(())
    }

    /// Waits until it makes sense to read or write. Cancel-safe.
    pub(super) async fn ready(&mut self, mut interest: Interest) -> io::Result<Ready> {
        if let Some(tls) = &self.tls {
            // What has been decrypted already makes no event.
            if interest.is_readable() && !tls.is_drained() {
                return Ok(Ready::READABLE);
            }
            if tls.wants_write() {
                interest |= Interest::WRITABLE;
            }
        }
        let ready = match &self.socket {
            Socket::Tcp(socket) => socket.ready(interest).await,
            #[cfg(unix)]
            Socket::Unix(socket) => socket.ready(interest).await,
        }?;
        if let Some(tls) = &mut self.tls
            && ready.is_writable()
        {
            tls.flush(&mut self.socket)?;
        }
        Ok(ready)
    }

    /// Reads what there is; `Ok(None)` if nothing is there now, `Ok(Some(0))` at the end.
    pub(super) fn try_read(&mut self, buf: &mut [u8]) -> io::Result<Option<usize>> {
        let result = match &mut self.tls {
            None => self.socket.read(buf),
            Some(tls) => tls.read(&mut self.socket, &mut [IoSliceMut::new(buf)]),
        };
        unless_temporary(result)
    }

    /// Writes as much as is taken now; `Ok(None)` if nothing is.
    pub(super) fn try_write(&mut self, bytes: &[u8]) -> io::Result<Option<usize>> {
        let result = match &mut self.tls {
            None => self.socket.write(bytes),
            Some(tls) => tls.write(&mut self.socket, &[IoSlice::new(bytes)]),
        };
        unless_temporary(result)
    }

    /// Tells whether some of what was written waits here.
    pub(super) fn has_unsent(&self) -> bool {
        self.tls.as_ref().is_some_and(Tls::wants_write)
    }

    /// Tells the peer of TLS that nothing more comes, if it still listens.
    pub(super) fn end(&mut self) {
        if let Some(tls) = &mut self.tls {
            let _ = tls.shutdown(&mut self.socket);
        }
    }
}

fn unless_temporary(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(n) => Ok(Some(n)),
        Err(error) if is_temporary(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Read for Socket {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.try_read(buf),
            #[cfg(unix)]
            Self::Unix(socket) => socket.try_read(buf),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.try_write(buf),
            #[cfg(unix)]
            Self::Unix(socket) => socket.try_write(buf),
        }
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.try_write_vectored(bufs),
            #[cfg(unix)]
            Self::Unix(socket) => socket.try_write_vectored(bufs),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
