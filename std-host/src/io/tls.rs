//! TLS over a non-blocking stream, the same for either end and for every kind of polling.

use std::error::Error;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{
    CipherSuite, ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection,
};

#[cfg(feature = "client")]
pub(crate) mod client;
pub(crate) mod config;
mod named;
pub(crate) mod pem;
pub(crate) mod pin;
pub(crate) mod words;

/// One end of a TLS connection, without its stream.
#[derive(Debug)]
pub struct Tls {
    /// Boxed, because most connections have none.
    session: Box<Connection>,
    /// The peer has ended, by `close_notify` or by the end of the stream.
    is_ended: bool,
    is_drained: bool,
    /// What broke the connection, kept while what came before has yet to be read.
    failure: Option<io::Error>,
}

/// Why TLS failed, as the source of an [`io::Error`].
#[derive(Debug)]
pub(crate) struct TlsError(pub(crate) rustls::Error);

/// Tells whether TLS is what failed.
pub(crate) fn is_failure(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn Error + Send + Sync>::is::<TlsError>)
}

/// A stream, and whether the last read left room.
struct Source<'s, S> {
    stream: &'s mut S,
    is_short: bool,
}

impl Tls {
    /// The end that is connected to.
    ///
    /// # Errors
    ///
    /// What is wrong with the configuration.
    pub fn server(config: Arc<ServerConfig>) -> Result<Self, rustls::Error> {
        Ok(Self::new(ServerConnection::new(config)?.into()))
    }

    /// The end that connects, to a server of this name.
    ///
    /// # Errors
    ///
    /// What is wrong with the configuration.
    pub fn client(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> Result<Self, rustls::Error> {
        Ok(Self::new(ClientConnection::new(config, name)?.into()))
    }

    fn new(mut session: Connection) -> Self {
        session.set_buffer_limit(Some(UNSENT_BYTES));
        Self { session: Box::new(session), is_ended: false, is_drained: false, failure: None }
    }

    /// Returns by which algorithms it is encrypted; `None` before the handshake has settled it.
    #[must_use]
    pub fn cipher_suite(&self) -> Option<CipherSuite> {
        self.session.negotiated_cipher_suite().map(|suite| suite.suite())
    }

    /// Reads decrypted bytes into `bufs`, which must have room; it fills them as far as there is
    /// something to be read. `Ok(0)`: the peer has ended. What TLS itself has to say (handshake, alerts,
    /// key updates) leaves meanwhile, as far as the stream takes it; see
    /// [`wants_write`](Self::wants_write).
    ///
    /// The end of TCP counts as an end, `close_notify` or not: whether anything is missing, the closing
    /// handshake of WebSocket tells.
    ///
    /// # Errors
    ///
    /// `WouldBlock`: nothing now. `InvalidData`: TLS failed, and the peer has been told why if it
    /// listens; `UnexpectedEof`: it ended during the TLS handshake. Others are the stream's own. What
    /// came before an error is read first.
    pub fn read(
        &mut self,
        stream: &mut (impl Read + Write),
        mut bufs: &mut [IoSliceMut<'_>],
    ) -> io::Result<usize> {
        let mut source = Source { stream, is_short: false };
        self.is_drained = false;
        let mut n = 0;
        loop {
            while let Some(buf) = bufs.first_mut() {
                // Whether it is the end that nothing is there is known without asking here.
                let taken = self.session.reader().read(buf).unwrap_or_default();
                if taken == 0 && !buf.is_empty() {
                    break;
                }
                n += taken;
                IoSliceMut::advance_slices(&mut bufs, taken);
            }
            if bufs.is_empty() {
                return Ok(n);
            }
            if n > 0 && (self.is_ended || self.failure.is_some()) {
                return Ok(n);
            }
            if let Some(error) = self.failure.take() {
                return Err(error);
            }
            if self.is_ended {
                return Ok(0);
            }
            // Only on its own word the stream has nothing: what it told of its end may be told once.
            if source.is_short && n > 0 {
                self.is_drained = true;
                return Ok(n);
            }
            match self.read_records(&mut source) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.is_drained = true;
                    return if n > 0 { Ok(n) } else { Err(error) };
                }
                Err(error) => self.failure = Some(error),
            }
        }
    }

    /// Tells whether the last [`read`](Self::read) left nothing: what comes later makes a new event
    /// of the stream. Where only changes are told (edge-triggered polling), read until this holds, or
    /// until `WouldBlock`, an error or the end; after an event that told of the end of the stream,
    /// until one of the latter three.
    #[must_use]
    pub const fn is_drained(&self) -> bool {
        self.is_drained
    }

    /// Takes plaintext, and sends it in records as far as the stream takes them. What was taken and has
    /// not left has at most some 64 KiB.
    ///
    /// # Errors
    ///
    /// `WouldBlock`: takes nothing now; try again when the stream is writable or, while the TLS
    /// handshake is going on, after the next [`read`](Self::read). Others are the stream's own.
    pub fn write(&mut self, stream: &mut impl Write, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        // Behind a full stream no more records are made.
        if !self.flush(stream)? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let n = self.session.writer().write_vectored(bufs)?;
        if n == 0 && bufs.iter().any(|buf| !buf.is_empty()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.flush(stream)?;
        Ok(n)
    }

    /// Sends records that wait; tells whether none does any more.
    ///
    /// # Errors
    ///
    /// The stream's own, but never `WouldBlock`.
    pub fn flush(&mut self, stream: &mut impl Write) -> io::Result<bool> {
        while self.session.wants_write() {
            match self.session.write_tls(stream) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Tells whether records wait for the stream to be writable.
    #[must_use]
    pub fn wants_write(&self) -> bool {
        self.session.wants_write()
    }

    /// Ends our direction, by a `close_notify` behind all that was written.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush).
    pub fn shutdown(&mut self, stream: &mut impl Write) -> io::Result<()> {
        self.session.send_close_notify();
        self.flush(stream).map(drop)
    }

    /// Reads once, decrypts what came, and answers what TLS has to answer.
    fn read_records<S: Read + Write>(&mut self, source: &mut Source<'_, S>) -> io::Result<()> {
        let n = match self.session.read_tls(source) {
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error),
        };
        let result = self.session.process_new_packets();
        // What cannot leave, whoever writes next is told; there may be more to be read.
        let _ = self.flush(source.stream);
        let state =
            result.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, TlsError(error)))?;
        if n == 0 && self.session.is_handshaking() {
            let why = "the connection ended during the TLS handshake";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
        }
        self.is_ended |= n == 0 || state.peer_has_closed();
        Ok(())
    }
}

impl<S: Read> Read for Source<'_, S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.stream.read(buf)?;
        // After a read that leaves room, what comes makes a new event. On Windows only a read that
        // finds nothing does that.
        self.is_short = cfg!(unix) && n < buf.len();
        Ok(n)
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        words::describe(&self.0, f)
    }
}

impl std::error::Error for TlsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// How much that was written may wait, in bytes: of plaintext during the handshake, of records later.
const UNSENT_BYTES: usize = 64 * 1024;

#[cfg(test)]
#[path = "../../tests/harness/certificates.rs"]
pub(crate) mod certificates;

#[cfg(test)]
mod tests;
