//! Where a server listens.

mod tcp;
#[cfg(unix)]
mod unix;

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
#[cfg(unix)]
use std::os::unix::net::UnixListener;
#[cfg(unix)]
use std::path::{Path, PathBuf};

use mio::event::Source;

use crate::io::Certificates;
use crate::io::stream::{Plain, Stream};
use crate::server::proxies::canonical;

pub(crate) use tcp::TcpOptions;

/// A place to listen at: a TCP address, a Unix socket, or a socket that listens already, such as one
/// that an init system has opened.
///
/// ```
/// use wirelet_host::{Builder, Echo, Listen};
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("echo.sock");
/// let server = Builder::new()
///     .listen("127.0.0.1:0")
///     .listen(Listen::unix(&path))
///     .bind(Echo)
///     .await?;
/// assert_eq!(server.addresses().len(), 2);
/// # Ok::<(), std::io::Error>(())
/// # });
/// ```
#[derive(Debug)]
pub struct Listen {
    place: Place,
    certificates: Option<Certificates>,
    /// Of the Unix socket.
    mode: Option<u32>,
}

#[derive(Debug)]
enum Place {
    Tcp(String),
    Bound(Listener),
    #[cfg(unix)]
    Unix(PathBuf),
}

/// A socket that listens.
#[derive(Debug)]
enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

/// An address that a server listens at.
///
/// ```
/// use wirelet_host::Address;
///
/// assert_eq!(Address::Tcp(([127, 0, 0, 1], 8567).into()).to_string(), "127.0.0.1:8567");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Address {
    /// Of TCP.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    #[cfg(unix)]
    Unix(PathBuf),
}

impl Address {
    /// Returns the address of TCP.
    #[must_use]
    pub const fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(addr) => Some(*addr),
            #[cfg(unix)]
            Self::Unix(_) => None,
        }
    }

    /// Tells whether only programs on this machine can connect to it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.tcp().is_none_or(|addr| addr.ip().to_canonical().is_loopback())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(addr) => addr.fmt(f),
            #[cfg(unix)]
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Listen {
    /// Listens at a host and port such as `[::]:8567`; port 0 takes a free one. `[::]` takes IPv4, too, where
    /// the system has it so, as Linux does; unless the server listens at an address of IPv4 with the same port
    /// besides.
    #[must_use]
    pub fn tcp(addr: impl Into<String>) -> Self {
        Place::Tcp(addr.into()).into()
    }

    /// Listens at a Unix socket, which is made here and removed when the server ends, unless another has
    /// taken its place; one that nobody listens at any more is replaced.
    #[cfg(unix)]
    #[must_use]
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Place::Unix(path.into()).into()
    }

    /// Sets the permissions of the Unix socket that is made, such as `0o660`: who may write to it may
    /// connect. They hold before anybody can. Default: what the umask leaves. To set them for another place
    /// is an error of [`Builder::bind`](crate::Builder::bind).
    #[cfg(unix)]
    #[must_use]
    pub const fn with_mode(mut self, mode: u32) -> Self {
        self.mode = Some(mode);
        self
    }

    /// Speaks TLS.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls(mut self, certificates: Certificates) -> Self {
        self.certificates = Some(certificates);
        self
    }

    /// Returns the port that it has on IPv4.
    pub(crate) fn v4_port(&self) -> Option<u16> {
        let addr = match &self.place {
            Place::Tcp(addr) => addr.parse().ok()?,
            Place::Bound(Listener::Tcp(listener)) => listener.local_addr().ok()?,
            #[cfg(unix)]
            Place::Bound(Listener::Unix(_)) | Place::Unix(_) => return None,
        };
        (addr.is_ipv4() && addr.port() != 0).then(|| addr.port())
    }

    /// Binds. With `n`, a place of TCP gets so many sockets, and other programs may have more. `v4_ports` are
    /// those that the server has on IPv4.
    pub(crate) async fn bind(
        self,
        n: Option<usize>,
        v4_ports: &[u16],
        options: TcpOptions,
    ) -> io::Result<Bound> {
        if self.mode.is_some() && !self.is_to_be_made() {
            let why = "only a Unix socket that is made here has a mode";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let sockets = match self.place {
            Place::Tcp(addr) => {
                let listeners = tcp::bind(&addr, n, v4_ports).await?;
                listeners.into_iter().map(Listener::Tcp).collect()
            }
            Place::Bound(listener) => vec![listener],
            #[cfg(unix)]
            Place::Unix(path) => {
                let (listener, made) = unix::bind(&path, self.mode)?;
                return Ok(Bound {
                    _made: Some(made),
                    sockets: vec![Listener::Unix(listener)],
                    certificates: self.certificates,
                    options,
                    address: Address::Unix(path),
                });
            }
        };
        let address = match &sockets[0] {
            Listener::Tcp(listener) => Address::Tcp(listener.local_addr()?),
            #[cfg(unix)]
            Listener::Unix(listener) => {
                let addr = listener.local_addr()?;
                Address::Unix(addr.as_pathname().unwrap_or(Path::new("")).to_owned())
            }
        };
        let certificates = self.certificates;
        Ok(Bound {
            #[cfg(unix)]
            _made: None,
            sockets,
            certificates,
            options,
            address,
        })
    }

    /// Tells whether this is a Unix socket that does not listen yet.
    const fn is_to_be_made(&self) -> bool {
        match self.place {
            Place::Tcp(_) | Place::Bound(_) => false,
            #[cfg(unix)]
            Place::Unix(_) => true,
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Tcp(addr) => f.write_str(addr),
            Place::Bound(_) => f.write_str("a socket that listens already"),
            #[cfg(unix)]
            Place::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl From<Place> for Listen {
    fn from(place: Place) -> Self {
        Self { place, certificates: None, mode: None }
    }
}

impl From<&str> for Listen {
    fn from(addr: &str) -> Self {
        Self::tcp(addr)
    }
}

impl From<String> for Listen {
    fn from(addr: String) -> Self {
        Self::tcp(addr)
    }
}

impl From<SocketAddr> for Listen {
    fn from(addr: SocketAddr) -> Self {
        Self::tcp(addr.to_string())
    }
}

impl From<TcpListener> for Listen {
    fn from(listener: TcpListener) -> Self {
        Place::Bound(Listener::Tcp(listener)).into()
    }
}

#[cfg(unix)]
impl From<UnixListener> for Listen {
    fn from(listener: UnixListener) -> Self {
        Place::Bound(Listener::Unix(listener)).into()
    }
}

/// Sockets that listen at one address.
#[derive(Debug)]
pub(crate) struct Bound {
    /// Before the sockets, so that it goes while they still listen.
    #[cfg(unix)]
    _made: Option<unix::Made>,
    sockets: Vec<Listener>,
    certificates: Option<Certificates>,
    options: TcpOptions,
    pub(crate) address: Address,
}

impl Bound {
    pub(crate) const fn is_tls(&self) -> bool {
        self.certificates.is_some()
    }

    /// Lets a worker thread accept here: the `i`th of `threads`, if this is the `n`th place. One thread
    /// is enough for a socket, for it shares out what it accepts; so that each connection wakes one.
    pub(crate) fn door(&self, n: usize, i: usize, threads: usize) -> Option<io::Result<Door>> {
        let socket = if self.sockets.len() > 1 { i } else { 0 };
        let is_its = self.sockets.len() > 1 || n % threads == i;
        let listener = self.sockets.get(socket).filter(|_| is_its)?;
        let (is_shared, certificates) = (self.sockets.len() == 1, self.certificates.clone());
        let options = self.options;
        Some(listener.door().map(|listener| Door { listener, certificates, options, is_shared }))
    }
}

impl Listener {
    fn door(&self) -> io::Result<DoorListener> {
        Ok(match self {
            Self::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                DoorListener::Tcp(mio::net::TcpListener::from_std(listener.try_clone()?))
            }
            #[cfg(unix)]
            Self::Unix(listener) => {
                listener.set_nonblocking(true)?;
                DoorListener::Unix(mio::net::UnixListener::from_std(listener.try_clone()?))
            }
        })
    }
}

/// A worker thread's part of a place to listen at.
#[derive(Debug)]
pub(crate) struct Door {
    listener: DoorListener,
    certificates: Option<Certificates>,
    options: TcpOptions,
    /// What is accepted here is for all threads.
    pub(crate) is_shared: bool,
}

#[derive(Debug)]
enum DoorListener {
    Tcp(mio::net::TcpListener),
    #[cfg(unix)]
    Unix(mio::net::UnixListener),
}

impl Door {
    pub(crate) fn source(&mut self) -> &mut dyn Source {
        match &mut self.listener {
            DoorListener::Tcp(listener) => listener,
            #[cfg(unix)]
            DoorListener::Unix(listener) => listener,
        }
    }

    /// Takes the next connection, and begins to speak on it. One that has ended while it waited is passed
    /// over.
    pub(crate) fn accept(&self) -> io::Result<(Stream, Option<SocketAddr>)> {
        loop {
            match self.accept_one() {
                Err(error) if is_about_one_connection(&error) => {
                    tracing::debug!("a connection ended before it was accepted: {error}");
                }
                result => return result,
            }
        }
    }

    fn accept_one(&self) -> io::Result<(Stream, Option<SocketAddr>)> {
        let (plain, remote_addr) = match &self.listener {
            DoorListener::Tcp(listener) => {
                let (stream, addr) = listener.accept()?;
                self.options.set(&stream);
                (Plain::Tcp(stream), Some(canonical(addr)))
            }
            #[cfg(unix)]
            DoorListener::Unix(listener) => (Plain::Unix(listener.accept()?.0), None),
        };
        let Some(certificates) = &self.certificates else {
            return Ok((Stream::Plain(plain), remote_addr));
        };
        Ok((Stream::Tls(Box::new((certificates.start()?, plain))), remote_addr))
    }
}

/// Tells whether an accept has failed because of the connection that it took, so that the next may be
/// there: on BSD and macOS one that was reset while it waited; on Linux, "already-pending network errors on
/// the new socket" (accept(2)).
fn is_about_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
    )
}

/// How many connections may wait to be accepted, if the system lets so many.
const BACKLOG: i32 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accept_that_fails_for_one_connection_is_told_from_one_that_fails_for_all() {
        #[cfg(target_os = "linux")]
        const OF_ONE: [i32; 6] = [103, 104, 111, 113, 101, 100]; // ECONNABORTED to ENETDOWN
        #[cfg(target_os = "linux")]
        const OF_ALL: [i32; 6] = [11, 4, 24, 23, 12, 105]; // EAGAIN, EINTR, EMFILE, ENFILE, ENOMEM, ENOBUFS
        #[cfg(target_os = "macos")]
        const OF_ONE: [i32; 1] = [53]; // ECONNABORTED
        #[cfg(target_os = "macos")]
        const OF_ALL: [i32; 3] = [35, 24, 23]; // EAGAIN, EMFILE, ENFILE
        #[cfg(windows)]
        const OF_ONE: [i32; 1] = [10054]; // WSAECONNRESET
        #[cfg(windows)]
        const OF_ALL: [i32; 2] = [10035, 10024]; // WSAEWOULDBLOCK, WSAEMFILE
        for code in OF_ONE {
            assert!(is_about_one_connection(&io::Error::from_raw_os_error(code)), "{code}");
        }
        for code in OF_ALL {
            assert!(!is_about_one_connection(&io::Error::from_raw_os_error(code)), "{code}");
        }
    }
}
