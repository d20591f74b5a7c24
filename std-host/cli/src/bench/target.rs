//! Where the load goes.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::path::PathBuf;
use std::sync::Arc;

use wirelet::handshake::ClientRequest;
use wirelet_host::ClientOptions;
use wirelet_host::rustls::ClientConfig;
use wirelet_host::rustls::pki_types::ServerName;
use wirelet_host::{Scheme, Tls};

/// A server, and how to speak to it.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) url: String,
    parts: wirelet_host::Target,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    #[cfg(unix)]
    unix_socket: Option<PathBuf>,
}

/// Where to connect to.
#[derive(Debug)]
pub(super) enum Address {
    Tcp(SocketAddr),
    #[cfg(unix)]
    Unix(PathBuf),
}

impl Target {
    /// Takes a URL apart, and reads what TLS needs.
    pub(super) fn new(url: &str, ca_files: Vec<PathBuf>) -> Result<Self, String> {
        let parts = wirelet_host::Target::parse(url, &[Scheme::Ws, Scheme::Wss, Scheme::Tcp])?;
        let tls = if parts.scheme.is_tls() {
            let name = ServerName::try_from(parts.host.clone())
                .map_err(|_| format!("{url}: a certificate cannot be for {}", parts.host))?;
            let mut options = ClientOptions { ca_files, ..ClientOptions::default() };
            options.prepare_tls().map_err(|error| error.to_string())?;
            options.tls.zip(Some(name))
        } else {
            None
        };
        Ok(Self {
            url: url.to_owned(),
            parts,
            tls,
            #[cfg(unix)]
            unix_socket: None,
        })
    }

    /// Leads to a Unix socket, if one is named.
    #[cfg(unix)]
    pub(super) fn through(self, unix_socket: Option<PathBuf>) -> Self {
        Self { unix_socket, ..self }
    }

    /// Tells whether plain bytes are echoed, without handshake and frames.
    pub(super) fn is_raw(&self) -> bool {
        self.parts.scheme == Scheme::Tcp
    }

    pub(super) fn request<'t>(&'t self, path: &'t str) -> ClientRequest<'t> {
        ClientRequest::new(&self.parts.authority, path)
    }

    /// Returns what the connections of each of `n` rooms ask for.
    pub(super) fn rooms(&self, n: usize) -> Result<Vec<String>, String> {
        let path = &self.parts.path_and_query;
        if n > 1 && !path.contains(ROOM) {
            return Err(format!("{}: the path tells no rooms apart; write {ROOM} in it", self.url));
        }
        Ok((0..n).map(|room| path.replace(ROOM, &room.to_string())).collect())
    }

    /// Begins TLS if it is spoken.
    pub(super) fn start_tls(&self) -> io::Result<Option<Tls>> {
        let Some((config, name)) = &self.tls else { return Ok(None) };
        Tls::client(Arc::clone(config), name.clone()).map(Some).map_err(io::Error::other)
    }

    /// Finds the address of the host, of several the first at which someone listens.
    pub(super) fn resolve(&self) -> Result<Address, String> {
        #[cfg(unix)]
        if let Some(path) = &self.unix_socket {
            return Ok(Address::Unix(path.clone()));
        }
        let explain = |error| format!("cannot connect to {}: {error}", self.url);
        let addrs = (&*self.parts.host, self.parts.port).to_socket_addrs().map_err(explain)?;
        let addr = match *addrs.collect::<Vec<_>>() {
            [addr] => addr,
            ref addrs => {
                let connected = TcpStream::connect(addrs).and_then(|stream| stream.peer_addr());
                connected.map_err(explain)?
            }
        };
        Ok(Address::Tcp(addr))
    }
}

/// Stands for the number of a room.
const ROOM: &str = "{room}";
