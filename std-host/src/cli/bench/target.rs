//! Where the load goes.

use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};

use http::Uri;
use wirelet::handshake::ClientRequest;

/// The parts of a `ws://` or `tcp://` URL.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) url: String,
    is_raw: bool,
    host: String,
    port: u16,
    authority: String,
    path_and_query: String,
}

impl Target {
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let refuse = |why: &str| format!("{url}: {why}");
        // §3: "Fragment identifiers are meaningless in the context of WebSocket URIs and MUST NOT be
        // used on these URIs."
        if url.contains('#') {
            return Err(refuse("a WebSocket URL has no fragment"));
        }
        let uri: Uri = url.parse().map_err(|error| refuse(&format!("{error}")))?;
        let is_raw = match uri.scheme_str() {
            Some("ws") => false,
            Some("tcp") => true,
            Some("wss") => return Err(refuse("wss:// is not supported yet")),
            _ => return Err(refuse("the URL must begin with ws:// or tcp://")),
        };
        let authority = uri.authority().ok_or_else(|| refuse("the URL has no host"))?;
        let port = match authority.port_u16() {
            Some(port) => port,
            None if is_raw => return Err(refuse("a tcp:// URL needs a port")),
            None => 80,
        };
        Ok(Self {
            url: url.to_owned(),
            is_raw,
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            port,
            // §4.1 item 4: the port only "if not using the default port".
            authority: if port == 80 { authority.host() } else { authority.as_str() }.to_owned(),
            // Displayed, a lone query has its path `/`.
            path_and_query: uri.path_and_query().map_or_else(|| "/".into(), ToString::to_string),
        })
    }

    /// Tells whether plain bytes are echoed, without handshake and frames.
    pub(super) const fn is_raw(&self) -> bool {
        self.is_raw
    }

    pub(super) fn request(&self) -> ClientRequest<'_> {
        ClientRequest::new(&self.authority, &self.path_and_query)
    }

    /// Finds the address of the host, of several the first at which someone listens.
    pub(super) fn resolve(&self) -> Result<SocketAddr, String> {
        let explain = |error| format!("cannot connect to {}: {error}", self.url);
        let addrs = (&*self.host, self.port).to_socket_addrs().map_err(explain)?;
        match *addrs.collect::<Vec<_>>() {
            [addr] => Ok(addr),
            ref addrs => {
                TcpStream::connect(addrs).and_then(|stream| stream.peer_addr()).map_err(explain)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        for (url, is_raw, authority, path, host, port) in [
            ("ws://a", false, "a", "/", "a", 80),
            ("ws://a:80/x", false, "a", "/x", "a", 80),
            ("ws://a:8567/x?y=z", false, "a:8567", "/x?y=z", "a", 8567),
            ("ws://[::1]:81/", false, "[::1]:81", "/", "::1", 81),
            ("tcp://a:7", true, "a:7", "/", "a", 7),
        ] {
            let target = Target::parse(url).unwrap();
            assert_eq!((target.is_raw, &*target.authority), (is_raw, authority), "{url}");
            assert_eq!((&*target.path_and_query, &*target.host), (path, host), "{url}");
            assert_eq!(target.port, port, "{url}");
        }
    }

    #[test]
    fn what_cannot_be_loaded_is_refused() {
        for url in ["", "a", "http://a", "ws://", "wss://a", "ws://a/#x", "tcp://a", "ws://a b"] {
            assert!(Target::parse(url).is_err(), "{url}");
        }
    }
}
