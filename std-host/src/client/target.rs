//! Where a URL leads.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use super::url::{Credentials, Parts, shown};
use super::{ClientOptions, ConnectTo, addresses};

/// The parts of a URL. It is displayed without user and password.
///
/// ```
/// use wirelet_host::{Scheme, Target};
///
/// let target = Target::parse("wss://user:secret@Bücher.example/naïve path", &[Scheme::Wss])?;
/// assert_eq!(target.host, "xn--bcher-kva.example");
/// assert_eq!(target.path_and_query, "/na%C3%AFve%20path");
/// assert_eq!(target.authorization().as_deref(), Some("Basic dXNlcjpzZWNyZXQ="));
/// assert_eq!(target.to_string(), "wss://xn--bcher-kva.example/na%C3%AFve%20path");
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Target {
    /// How to speak to it.
    pub scheme: Scheme,
    /// The host for TCP: a name in ASCII, or an address without brackets; one of IPv6 may have a zone
    /// behind `%`.
    pub host: String,
    /// The port for TCP, the scheme's own unless the URL has another.
    pub port: u16,
    /// The value of `Host`.
    pub authority: String,
    /// What is asked for, at least `/`.
    pub path_and_query: String,
    credentials: Option<Credentials>,
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
    /// Takes a URL apart, which must have one of these schemes, in any case.
    ///
    /// # Errors
    ///
    /// Why this is no such URL, in words for people.
    pub fn parse(url: &str, schemes: &[Scheme]) -> Result<Self, String> {
        let refuse = |why: &str| format!("{}: {why}", shown(url));
        // RFC 3986 §3.1: "schemes are case-insensitive".
        let given = url.split_once("://").map_or("", |(scheme, _)| scheme);
        let scheme = schemes.iter().find(|scheme| scheme.name().eq_ignore_ascii_case(given));
        let scheme = *scheme.ok_or_else(|| {
            let names: Vec<_> =
                schemes.iter().map(|scheme| format!("{}://", scheme.name())).collect();
            refuse(&format!("the URL must begin with {}", names.join(" or ")))
        })?;
        // §3: "Fragment identifiers are meaningless in the context of WebSocket URIs and MUST NOT be
        // used on these URIs."
        if url.contains('#') {
            return Err(refuse("a WebSocket URL has no fragment; a # in the path is written %23"));
        }
        let parts = Parts::of(url).map_err(|why| refuse(&why))?;
        let port = parts.port().or(scheme.default_port());
        let port = port.ok_or_else(|| refuse("this URL needs a port"))?;
        let authority = parts.host_in_url();
        Ok(Self {
            scheme,
            host: parts.host(),
            port,
            // §4.1 item 4: the port only "if not using the default port".
            authority: if scheme.default_port() == Some(port) {
                authority.to_owned()
            } else {
                format!("{authority}:{port}")
            },
            path_and_query: match parts.path_and_query() {
                path if path.starts_with('/') => path.to_owned(),
                query => format!("/{query}"),
            },
            credentials: parts.credentials(),
        })
    }

    /// Returns the value of `Authorization` for the URL's user and password, if it has them.
    #[must_use]
    pub fn authorization(&self) -> Option<String> {
        self.credentials.as_ref().map(Credentials::basic)
    }

    /// Finds the address of the host, of several the first at which someone listens, as
    /// [`Client`](super::Client) does; a proxy is not asked.
    ///
    /// ```
    /// use wirelet_host::{ClientOptions, Scheme, Target};
    ///
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// let target = Target::parse("ws://example.org:81/", &[Scheme::Ws])?;
    /// let resolve = vec!["example.org:81:192.0.2.1".parse()?];
    /// let options = ClientOptions { resolve, ..ClientOptions::default() };
    /// assert_eq!(target.find(&options).await?.to_string(), "192.0.2.1:81");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// Which addresses were tried, and why none of them answers.
    pub async fn find(&self, options: &ClientOptions) -> io::Result<SocketAddr> {
        let (host, port) = ConnectTo::apply(&options.connect_to, &self.host, self.port);
        let deadline = options.deadline();
        match *addresses::find(&host, port, &options.resolve, deadline).await? {
            [addr] => Ok(addr),
            ref addrs => addresses::race(addrs, deadline).await?.peer_addr(),
        }
    }

    /// Tells whether two URLs have the same origin (RFC 6454 §5).
    pub(super) fn is_same_origin(&self, other: &Self) -> bool {
        self.scheme == other.scheme && self.authority == other.authority
    }

    /// Takes over what belongs to another URL of the same origin, and is not seen in it.
    pub(super) fn take_over(&mut self, other: &Self) {
        self.host.clone_from(&other.host);
        self.credentials.clone_from(&other.credentials);
    }

    /// Returns the name or address that a certificate has to be for.
    #[must_use]
    pub fn certified_host(&self) -> &str {
        let host = self.host.split_once('%').map_or(&*self.host, |(address, _)| address);
        // RFC 6066 §3: a name is sent "without a trailing dot".
        host.strip_suffix('.').unwrap_or(host)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme.name(), self.authority, self.path_and_query)
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
            ("tcp://a:80?b", Tcp, "a:80", "/?b", "a", 80),
            ("WS://A.Example:/X", Ws, "a.example", "/X", "a.example", 80),
            ("wSs://a:00444", Wss, "a:444", "/", "a", 444),
            ("ws://ü.example/ü x?ü=\"y z\"", Ws, UE, "/%C3%BC%20x?%C3%BC=%22y%20z%22", UE, 80),
            ("ws://ＥＸＡＭＰＬＥ/%2f%C3", Ws, "example", "/%2f%C3", "example", 80),
            ("ws://[fe80::a%25lo]:81", Ws, "[fe80::a]:81", "/", "fe80::a%lo", 81),
        ] {
            let target = Target::parse(url, ALL).unwrap();
            let (authority, path_and_query) = (authority.into(), path.into());
            let (host, credentials) = (host.into(), None);
            let wanted = Target { scheme, host, port, authority, path_and_query, credentials };
            assert_eq!(target, wanted, "{url}");
        }
    }

    #[test]
    fn what_leads_nowhere_is_refused() {
        for url in [
            "",
            "a",
            "http://a",
            "ws://",
            "ws:a",
            "ws:/a",
            "ws:///",
            "tcp://a",
            "tcp://:7",
            "ws://a/#x",
            "ws://a#",
            "ws://a b",
            "wss://",
            " ws://a",
            "ws://a/\tb",
            "ws://a\r\nb",
            "ws://[::1",
            "ws://::1/",
            "ws://[::g]/",
            "ws://1.2.3.256/",
            "ws://a%00b/",
            "ws://xn--a/",
        ] {
            let error = Target::parse(url, ALL).unwrap_err();
            assert!(error.starts_with(&format!("{url}: ")), "{error}");
        }
        let error = Target::parse("tcp://a:7", &[Scheme::Ws, Scheme::Wss]).unwrap_err();
        assert_eq!(error, "tcp://a:7: the URL must begin with ws:// or wss://");
    }

    #[test]
    fn a_port_that_is_none_is_refused() {
        for port in ["0", "00", "65536", "99999", "80a", "-1", "+80", "0x50", "http", "8 0", "٨٠"]
        {
            for scheme in ["ws", "wss", "tcp"] {
                let error = Target::parse(&format!("{scheme}://a:{port}/"), ALL).unwrap_err();
                assert!(error.ends_with("the port must be a number from 1 to 65535"), "{error}");
            }
        }
    }

    #[test]
    fn no_message_has_a_password() {
        for url in ["ws://u:secret@a:0/", "ws://u:secret@a/#", "http://u:secret@a", "u:secret@a"] {
            let error = Target::parse(url, ALL).unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
        let target = Target::parse("ws://u:secret@a/", ALL).unwrap();
        assert!(!format!("{target} {target:?}").contains("secret"));
    }

    #[test]
    fn certificates_are_for_names_without_their_last_dot_and_for_addresses_without_a_zone() {
        for (url, host) in [("wss://a.example.", "a.example"), ("wss://[fe80::1%25lo]", "fe80::1")]
        {
            assert_eq!(Target::parse(url, ALL).unwrap().certified_host(), host);
        }
    }

    const UE: &str = "xn--tda.example";
}
