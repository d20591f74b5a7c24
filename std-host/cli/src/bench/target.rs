//! Where the load goes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use wirelet::handshake::{BuildError, ClientRequest, Key};
use wirelet_host::rustls::pki_types::ServerName;
use wirelet_host::{ClientOptions, Scheme, Tls};

#[cfg(unix)]
use super::relay::Relay;

/// A server, and how to speak to it.
#[derive(Debug)]
pub(super) struct Target {
    /// As reports show it, without a password.
    pub(super) url: String,
    parts: wirelet_host::Target,
    options: ClientOptions,
    /// The name or address that a certificate has to be for, if TLS is spoken.
    name: Option<ServerName<'static>>,
}

/// Where to connect to.
#[derive(Debug)]
pub(super) enum Address {
    Tcp(SocketAddr),
    #[cfg(unix)]
    Unix(std::path::PathBuf),
    /// Through a proxy.
    #[cfg(unix)]
    Proxied(Relay),
}

impl Target {
    /// Takes a URL apart, and reads what TLS needs.
    pub(super) fn new(url: &str, mut options: ClientOptions) -> Result<Self, String> {
        let parts = wirelet_host::Target::parse(url, &[Scheme::Ws, Scheme::Wss, Scheme::Tcp])?;
        let is_given =
            |name| options.headers.iter().any(|field| field.0.eq_ignore_ascii_case(name));
        if let Some(value) = parts.authorization().filter(|_| !is_given("Authorization")) {
            options.headers.push(("Authorization".into(), value));
        }
        let name = if parts.scheme.is_tls() {
            let name = ServerName::try_from(parts.certified_host().to_owned());
            options.prepare_tls().map_err(|error| error.to_string())?;
            Some(name.map_err(|_| format!("{parts}: no name that a certificate can be for"))?)
        } else {
            None
        };
        let url = parts.to_string().replace(ENCODED_ROOM, ROOM);
        Ok(Self { url, parts, options, name })
    }

    /// Tells whether plain bytes are echoed, without handshake and frames.
    pub(super) fn is_raw(&self) -> bool {
        self.parts.scheme == Scheme::Tcp
    }

    /// Writes the request for a path; returns its length.
    pub(super) fn encode_request(
        &self,
        path: &str,
        key: &Key,
        out: &mut [u8],
    ) -> Result<usize, BuildError> {
        let headers = self.options.headers.iter().map(|(name, value)| (&**name, &**value));
        self.request(path).headers(&headers.collect::<Vec<_>>()).encode(key, out)
    }

    /// Returns the request for a path, as far as an answer is for it.
    pub(super) fn request<'t>(&'t self, path: &'t str) -> ClientRequest<'t> {
        let host = self.options.host.as_ref().unwrap_or(&self.parts.authority);
        ClientRequest::new(host, path)
    }

    /// Returns what the connections of each of `n` rooms ask for.
    pub(super) fn rooms(&self, n: usize) -> Result<Vec<String>, String> {
        let path = self.parts.path_and_query.replace(ENCODED_ROOM, ROOM);
        if n > 1 && !path.contains(ROOM) {
            return Err(format!("{}: the path tells no rooms apart; write {ROOM} in it", self.url));
        }
        let rooms = 0..n;
        Ok(rooms.map(|room| path.replace(ROOM, &room.to_string())).collect())
    }

    /// Begins TLS if it is spoken.
    pub(super) fn start_tls(&self) -> io::Result<Option<Tls>> {
        let (Some(config), Some(name)) = (&self.options.tls, &self.name) else { return Ok(None) };
        Tls::client(Arc::clone(config), name.clone()).map(Some).map_err(io::Error::other)
    }

    /// Finds the address of the host, of several the first at which someone listens.
    pub(super) fn resolve(&self) -> Result<Address, String> {
        #[cfg(unix)]
        if let Some(path) = &self.options.unix_socket {
            return Ok(Address::Unix(path.clone()));
        }
        if self.options.proxy.as_ref().is_some_and(|proxy| proxy.is_for(&self.parts)) {
            #[cfg(unix)]
            return Relay::start(self.parts.clone(), self.options.clone()).map(Address::Proxied);
            #[cfg(not(unix))]
            return Err("bench goes through proxies on Unix alone; see --no-proxy".into());
        }
        let find = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(self.parts.find(&self.options))
        };
        find().map(Address::Tcp).map_err(|error| format!("cannot connect to {}: {error}", self.url))
    }
}

/// Stands for the number of a room.
const ROOM: &str = "{room}";

/// The same, where a path has no braces.
const ENCODED_ROOM: &str = "%7Broom%7D";
