//! Where a URL leads.

use http::Uri;

/// The parts of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// How to speak to it.
    pub scheme: Scheme,
    /// The host for TCP, without the brackets of an IPv6 address.
    pub host: String,
    /// The port for TCP, the scheme's own unless the URL has another.
    pub port: u16,
    /// The value of `Host`.
    pub authority: String,
    /// What is asked for, at least `/`.
    pub path_and_query: String,
}

/// What a URL begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// WebSocket.
    Ws,
    /// WebSocket over TLS.
    Wss,
    /// Plain bytes.
    Tcp,
}

impl Target {
    /// Takes a URL apart, which must have one of these schemes.
    ///
    /// # Errors
    ///
    /// Why this is no such URL, in words for people.
    pub fn parse(url: &str, schemes: &[Scheme]) -> Result<Self, String> {
        let refuse = |why: &str| format!("{url}: {why}");
        // §3: "Fragment identifiers are meaningless in the context of WebSocket URIs and MUST NOT be
        // used on these URIs."
        if url.contains('#') {
            return Err(refuse("a WebSocket URL has no fragment"));
        }
        let uri: Uri = url.parse().map_err(|error| refuse(&format!("{error}")))?;
        let scheme = schemes.iter().find(|scheme| uri.scheme_str() == Some(scheme.name()));
        let scheme = *scheme.ok_or_else(|| {
            let names: Vec<_> =
                schemes.iter().map(|scheme| format!("{}://", scheme.name())).collect();
            refuse(&format!("the URL must begin with {}", names.join(" or ")))
        })?;
        let authority = uri.authority().ok_or_else(|| refuse("the URL has no host"))?;
        if authority.as_str().contains('@') {
            return Err(refuse("a user in the URL is not supported; use a header"));
        }
        let port = authority.port_u16().or(scheme.default_port());
        let port = port.ok_or_else(|| refuse("this URL needs a port"))?;
        Ok(Self {
            scheme,
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            port,
            // §4.1 item 4: the port only "if not using the default port".
            authority: if scheme.default_port() == Some(port) {
                authority.host().to_owned()
            } else {
                authority.as_str().to_owned()
            },
            // Displayed, a lone query has its path `/`.
            path_and_query: uri.path_and_query().map_or_else(|| "/".into(), ToString::to_string),
        })
    }
}

impl Scheme {
    /// Tells whether TLS is spoken.
    #[must_use]
    pub const fn is_tls(self) -> bool {
        matches!(self, Self::Wss)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Ws => "ws",
            Self::Wss => "wss",
            Self::Tcp => "tcp",
        }
    }

    const fn default_port(self) -> Option<u16> {
        match self {
            Self::Ws => Some(80),
            Self::Wss => Some(443),
            Self::Tcp => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[Scheme] = &[Scheme::Ws, Scheme::Wss, Scheme::Tcp];

    #[test]
    fn urls_are_taken_apart() {
        use Scheme::{Tcp, Ws, Wss};
        for (url, scheme, authority, path, host, port) in [
            ("ws://a", Ws, "a", "/", "a", 80),
            ("ws://a:80/x", Ws, "a", "/x", "a", 80),
            ("ws://a:443/", Ws, "a:443", "/", "a", 443),
            ("ws://a:8567/x?y=z", Ws, "a:8567", "/x?y=z", "a", 8567),
            ("ws://a?y", Ws, "a", "/?y", "a", 80),
            ("ws://[::1]:81/", Ws, "[::1]:81", "/", "::1", 81),
            ("wss://a", Wss, "a", "/", "a", 443),
            ("wss://a:443/x", Wss, "a", "/x", "a", 443),
            ("wss://a:80", Wss, "a:80", "/", "a", 80),
            ("tcp://a:7", Tcp, "a:7", "/", "a", 7),
        ] {
            let target = Target::parse(url, ALL).unwrap();
            let (authority, path) = (authority.into(), path.into());
            let wanted =
                Target { scheme, host: host.into(), port, authority, path_and_query: path };
            assert_eq!(target, wanted, "{url}");
        }
    }

    #[test]
    fn what_leads_nowhere_is_refused() {
        for url in
            ["", "a", "http://a", "ws://", "tcp://a", "ws://a/#x", "ws://u@a", "ws://a b", "wss://"]
        {
            let error = Target::parse(url, ALL).unwrap_err();
            assert!(error.starts_with(&format!("{url}: ")), "{error}");
        }
        let error = Target::parse("tcp://a:7", &[Scheme::Ws, Scheme::Wss]).unwrap_err();
        assert_eq!(error, "tcp://a:7: the URL must begin with ws:// or wss://");
    }
}
