//! Proxies between a client and its server.

use std::env;
use std::fmt;
use std::str::FromStr;

use super::target::{Scheme, Target};
use super::url::{Credentials, Parts, host_of, shown};

mod error;
mod except;
mod tunnel;

pub use error::ProxyError;
use except::Except;
pub(super) use tunnel::tunnel;

/// Proxies to go through, and the hosts to which the way is direct.
///
/// A URL is that of an HTTP proxy, which is asked with CONNECT (`http://`, over TLS `https://`), or of a
/// SOCKS 5 proxy, which is given the name of the server (`socks5h://`) or its addresses (`socks5://`), one
/// after the other until it gets to one. A user
/// and a password in it are told to the proxy. Without a port, it is 80, 443 or 1080.
///
/// ```
/// use wirelet_host::{ClientOptions, Proxy};
///
/// let proxy = Proxy::new("socks5h://user:password@proxy.example:1080")?
///     .with_exceptions("localhost, .internal, 10.0.0.0/8");
/// let options = ClientOptions { proxy: Some(proxy), ..ClientOptions::default() };
/// # let _ = options;
///
/// // What curl would do, if the environment says anything:
/// let options = ClientOptions { proxy: Proxy::from_env()?, ..ClientOptions::default() };
/// # let _ = options;
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// For `ws://`, and for `wss://`.
    ws: Option<Via>,
    wss: Option<Via>,
    except: Except,
}

/// One proxy; displayed without user and password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Via {
    kind: Kind,
    host: String,
    port: u16,
    credentials: Option<Credentials>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Http,
    /// HTTP over TLS.
    Https,
    /// Given the address of the server.
    Socks5,
    /// Given the name of the server.
    Socks5h,
}

impl Proxy {
    /// Goes through one proxy to all hosts.
    ///
    /// # Errors
    ///
    /// Why this is no URL of a proxy, in words for people.
    pub fn new(url: &str) -> Result<Self, String> {
        let via: Via = url.parse()?;
        Ok(Self { ws: Some(via.clone()), wss: Some(via), except: Except::default() })
    }

    /// Goes where the environment says, as curl does: `ws_proxy` or `http_proxy`, `wss_proxy` or
    /// `https_proxy`, `all_proxy`, not to those in `no_proxy`; all but `http_proxy`, which a client of a CGI
    /// program could set, may be in capitals. None if there is no such variable.
    ///
    /// # Errors
    ///
    /// Which variable is no URL of a proxy, and why.
    pub fn from_env() -> Result<Option<Self>, String> {
        Self::from_variables(|name| env::var(name).ok())
    }

    fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, String> {
        let first = |names: &[&str]| -> Result<Option<Via>, String> {
            let mut found = names.iter().filter_map(|name| Some((name, get(name)?)));
            match found.next() {
                // Set to nothing, it says that there is no proxy.
                Some((name, url)) if !url.is_empty() => {
                    url.parse().map(Some).map_err(|why| format!("{name}: {why}"))
                }
                _ => Ok(None),
            }
        };
        let ws = first(&["ws_proxy", "WS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY"])?;
        let wss =
            ["wss_proxy", "WSS_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
        let wss = first(&wss)?;
        let list = get("no_proxy").or_else(|| get("NO_PROXY")).unwrap_or_default();
        let is_any = ws.is_some() || wss.is_some();
        Ok(is_any.then(|| Self { ws, wss, except: Except::of(&list) }))
    }

    /// Goes directly to these hosts alone, separated by commas or spaces: names, which stand for those below
    /// them, too (`example.org` or `.example.org`), addresses, networks (`10.0.0.0/8`), each with a port or
    /// without; `*` is every host.
    #[must_use]
    pub fn with_exceptions(self, list: &str) -> Self {
        Self { except: Except::of(list), ..self }
    }

    /// Tells whether a server is reached through a proxy.
    #[must_use]
    pub fn is_for(&self, target: &Target) -> bool {
        self.via(target).is_some()
    }

    /// Returns the proxy on the way to a server.
    pub(super) fn via(&self, target: &Target) -> Option<&Via> {
        let via = if target.scheme == Scheme::Wss { &self.wss } else { &self.ws };
        via.as_ref().filter(|_| !self.except.has(target.certified_host(), target.port))
    }
}

/// As [`Proxy::new`].
impl FromStr for Proxy {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        Self::new(url)
    }
}

impl FromStr for Via {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = |why: &str| format!("{}: {why}", shown(text));
        let url = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
        let kind = KINDS.iter().find(|kind| kind.scheme().eq_ignore_ascii_case(scheme));
        let kind = *kind.ok_or_else(|| {
            let schemes: Vec<_> = KINDS.iter().map(|kind| kind.scheme()).collect();
            refuse(&format!("the URL of a proxy begins with {}://", schemes.join("://, ")))
        })?;
        let parts = Parts::of(&url).map_err(|why| refuse(&why))?;
        let credentials = parts.credentials();
        // RFC 1929 §2: both have 1 to 255 octets; the library takes text.
        let is_ok = |text: &[u8]| (1..=255).contains(&text.len()) && str::from_utf8(text).is_ok();
        if matches!(kind, Kind::Socks5 | Kind::Socks5h)
            && credentials.as_ref().is_some_and(|c| !is_ok(&c.user) || !is_ok(&c.password))
        {
            return Err(refuse("SOCKS wants a user and a password of 1 to 255 bytes each"));
        }
        let port = parts.port().unwrap_or(kind.default_port());
        let host = match parts.host() {
            address if address.contains(':') => address,
            // The library takes names to ASCII for the schemes that it knows.
            name => host_of(&name).map_err(|why| refuse(&why))?,
        };
        Ok(Self { kind, host, port, credentials })
    }
}

impl Kind {
    const fn scheme(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks5 => "socks5",
            Self::Socks5h => "socks5h",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
            Self::Socks5 | Self::Socks5h => 1080,
        }
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, host, port, .. } = self;
        let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{}://{open}{host}{close}:{port}", kind.scheme())
    }
}

const KINDS: [Kind; 4] = [Kind::Http, Kind::Https, Kind::Socks5, Kind::Socks5h];

#[cfg(test)]
mod tests {
    use super::*;

    fn ws(url: &str) -> Target {
        Target::parse(url, &[Scheme::Ws, Scheme::Wss]).unwrap()
    }

    #[test]
    fn urls_of_proxies_are_taken_apart() {
        for (url, text) in [
            ("http://a", "http://a:80"),
            ("a:3128", "http://a:3128"),
            ("HTTPS://A/", "https://a:443"),
            ("socks5://u:p@[::1]", "socks5://[::1]:1080"),
            ("socks5h://Ü:81", "socks5h://xn--tda:81"),
            ("u:p@a:81", "http://a:81"),
        ] {
            assert_eq!(url.parse::<Via>().unwrap().to_string(), text);
        }
        let long = format!("socks5://u:{}secret@a", "x".repeat(255));
        for url in [
            "",
            "ftp://a",
            "socks4://a",
            "http://",
            "a:0",
            "u:secret@a:x",
            "socks5://secret@a",
            &long,
        ] {
            let why = url.parse::<Via>().unwrap_err();
            assert!(!why.contains("secret"), "{why}");
        }
    }

    #[test]
    fn the_environment_is_read_as_curl_reads_it() {
        let via = |variables: &[(&str, &str)], url: &str| {
            let get = |name: &str| {
                let found = variables.iter().find(|(given, _)| *given == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            let proxy = Proxy::from_variables(get)?;
            Ok::<_, String>(proxy.and_then(|proxy| Some(proxy.via(&ws(url))?.host.clone())))
        };
        for (variables, of_ws, of_wss) in [
            (&[][..], None, None),
            (&[("http_proxy", "a"), ("HTTPS_PROXY", "b")], Some("a"), Some("b")),
            (&[("HTTP_PROXY", "a")], None, None),
            (&[("ALL_PROXY", "a")], Some("a"), Some("a")),
            (&[("all_proxy", "a"), ("https_proxy", "b"), ("ws_proxy", "c")], Some("c"), Some("b")),
            (&[("all_proxy", "a"), ("https_proxy", "")], Some("a"), None),
            (
                &[("ALL_PROXY", "socks://a"), ("http_proxy", "b"), ("https_proxy", "c")],
                Some("b"),
                Some("c"),
            ),
            (&[("all_proxy", "a"), ("NO_PROXY", "example.org:443")], Some("a"), None),
            (&[("all_proxy", "a"), ("NO_PROXY", "*"), ("no_proxy", "")], Some("a"), Some("a")),
        ] {
            let found = ["ws://example.org/", "wss://example.org/"].map(|url| via(variables, url));
            let wanted = [of_ws, of_wss].map(|host| Ok(host.map(str::to_owned)));
            assert_eq!(found, wanted, "{variables:?}");
        }
        let why = via(&[("https_proxy", "ftp://u:secret@a")], "ws://a/").unwrap_err();
        assert!(why.starts_with("https_proxy: ftp://…@a: the URL of a proxy begins with"), "{why}");
    }
}
