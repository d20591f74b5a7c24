//! What the load goes over: TCP or a Unix socket, with TLS or without.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};

use mio::net::TcpStream;
#[cfg(unix)]
use mio::net::UnixStream;
use mio::{Interest, Registry, Token};
use wirelet_host::rustls::CipherSuite;
use wirelet_host::{Plain, Tls};

use super::target::{Address, Target};

/// A stream that never waits.
#[derive(Debug)]
pub(super) struct Stream {
    socket: Plain,
    tls: Option<Tls>,
}

impl Stream {
    /// Begins to connect.
    pub(super) fn connect(
        address: &Address,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Self> {
        let mut socket = match address {
            Address::Tcp(addr) => Plain::Tcp(TcpStream::connect(*addr)?),
            #[cfg(unix)]
            Address::Unix(path) => Plain::Unix(UnixStream::connect(path)?),
            #[cfg(unix)]
            Address::Proxied(relay) => Plain::Unix(relay.open()?),
        };
        registry.register(socket.source(), token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self { socket, tls: None })
    }

    /// Tells whether it is connected; if so, TLS begins where the target speaks it.
    pub(super) fn finish_connect(&mut self, target: &Target) -> io::Result<bool> {
        let (error, peer) = match &self.socket {
            Plain::Tcp(socket) => (socket.take_error()?, socket.peer_addr().map(drop)),
            #[cfg(unix)]
            Plain::Unix(socket) => (socket.take_error()?, socket.peer_addr().map(drop)),
        };
        match (error, peer) {
            (Some(error), _) => return Err(error),
            (None, Err(error)) if error.kind() == io::ErrorKind::NotConnected => return Ok(false),
            (None, result) => result?,
        }
        match &self.socket {
            Plain::Tcp(socket) => socket.set_nodelay(true)?,
            #[cfg(unix)]
            Plain::Unix(_) => {}
        }
        self.tls = target.start_tls()?;
        Ok(true)
    }

    /// Reads what there is; tells how much, 0 at the end, and whether nothing more is there now.
    pub(super) fn read(&mut self, buf: &mut [u8]) -> io::Result<(usize, bool)> {
        match &mut self.tls {
            None => {
                let n = self.socket.read(buf)?;
                // After a read that leaves room, what comes makes a new event. On Windows only a
                // read that finds nothing does that.
                Ok((n, cfg!(unix) && n < buf.len()))
            }
            Some(tls) => {
                let n = tls.read(&mut self.socket, &mut [IoSliceMut::new(buf)])?;
                Ok((n, cfg!(unix) && tls.is_drained()))
            }
        }
    }

    /// Returns by what TLS encrypts, if it is spoken.
    pub(super) fn cipher_suite(&self) -> Option<CipherSuite> {
        self.tls.as_ref().and_then(Tls::cipher_suite)
    }

    /// Ends our direction, first that of TLS if it is spoken.
    pub(super) fn end(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.shutdown(&mut self.socket)?;
        }
        self.socket.end()
    }
}

impl Write for Stream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => self.socket.write(buf),
            Some(tls) => tls.write(&mut self.socket, &[IoSlice::new(buf)]),
        }
    }

    /// Sends what waits in TLS, as far as the socket takes it.
    fn flush(&mut self) -> io::Result<()> {
        match &mut self.tls {
            None => Ok(()),
            Some(tls) => tls.flush(&mut self.socket).map(drop),
        }
    }
}
