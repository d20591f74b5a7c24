//! Names that lead elsewhere, as curl's `--resolve` and `--connect-to` say it.

use std::net::IpAddr;
use std::str::FromStr;

use super::url::host_of;

/// Addresses of a name, instead of those that the system knows.
///
/// ```
/// use wirelet_host::{ClientOptions, Resolve};
///
/// let options = ClientOptions {
///     resolve: vec!["example.org:443:192.0.2.1,[2001:db8::1]".parse()?],
///     ..ClientOptions::default()
/// };
/// assert_eq!(options.resolve[0], Resolve::new("example.org", 443, [
///     "192.0.2.1".parse()?,
///     "2001:db8::1".parse()?,
/// ])?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolve {
    /// None is every host.
    host: Option<String>,
    port: u16,
    addrs: Vec<IpAddr>,
}

/// Another host and port to connect to; `Host` and the name for TLS stay those of the URL.
///
/// ```
/// use wirelet_host::{ClientOptions, ConnectTo};
///
/// // From a host and a port to others; empty are any, and the same.
/// let connect_to: ConnectTo = "example.org:443:backend.internal:8443".parse()?;
/// let to_this_machine: ConnectTo = "::localhost:".parse()?;
/// let options = ClientOptions {
///     connect_to: vec![connect_to, to_this_machine],
///     ..ClientOptions::default()
/// };
/// # let _ = options;
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectTo {
    from: (Option<String>, Option<u16>),
    to: (Option<String>, Option<u16>),
}

impl Resolve {
    /// Says which addresses a host has at a port; `*` is every host.
    ///
    /// # Errors
    ///
    /// Why this is no host.
    pub fn new(
        host: &str,
        port: u16,
        addrs: impl IntoIterator<Item = IpAddr>,
    ) -> Result<Self, String> {
        let host = (host != "*").then(|| host_of(host)).transpose()?;
        Ok(Self { host, port, addrs: addrs.into_iter().collect() })
    }

    /// Returns the addresses of a host at a port, if there is a word on it.
    pub(super) fn find<'r>(all: &'r [Self], host: &str, port: u16) -> Option<&'r [IpAddr]> {
        let found = all.iter().find(|one| one.port == port && is_same(one.host.as_ref(), host))?;
        Some(&found.addrs)
    }
}

impl ConnectTo {
    /// Returns where TCP leads for a host and a port.
    pub(super) fn apply(all: &[Self], host: &str, port: u16) -> (String, u16) {
        let found = all.iter().find(|one| {
            is_same(one.from.0.as_ref(), host) && one.from.1.is_none_or(|from| from == port)
        });
        let (to_host, to_port) = found.map_or((None, None), |one| (one.to.0.as_deref(), one.to.1));
        (to_host.unwrap_or(host).to_owned(), to_port.unwrap_or(port))
    }
}

/// `HOST:PORT:ADDR[,ADDR]`; addresses of IPv6, and hosts that are such, may be in brackets.
impl FromStr for Resolve {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = |why: &str| format!("{text}: {why}; the form is HOST:PORT:ADDR[,ADDR]");
        // With curl, it lets the entry become old, as all do in a program that ends.
        let (host, rest) = split_host(text.strip_prefix('+').unwrap_or(text));
        let (port, addrs) = rest.and_then(|rest| rest.split_once(':')).unwrap_or_default();
        let port = port_of(port)?.ok_or_else(|| refuse("no port"))?;
        let addrs = addrs.split(',').map(|addr| {
            let inner = addr.strip_prefix('[').and_then(|addr| addr.strip_suffix(']'));
            inner.unwrap_or(addr).parse().map_err(|_| refuse(&format!("{addr:?} is no address")))
        });
        Self::new(host, port, addrs.collect::<Result<Vec<_>, _>>()?)
    }
}

/// `HOST1:PORT1:HOST2:PORT2`, of which each may be empty.
impl FromStr for ConnectTo {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || format!("{text}: the form is HOST1:PORT1:HOST2:PORT2");
        let (from_host, rest) = split_host(text);
        let (from_port, to) = rest.and_then(|rest| rest.split_once(':')).ok_or_else(refuse)?;
        let (to_host, to_port) = split_host(to);
        let to_port = to_port.ok_or_else(refuse)?;
        let host = |host: &str| (!host.is_empty()).then(|| host_of(host)).transpose();
        Ok(Self {
            from: (host(from_host)?, port_of(from_port)?),
            to: (host(to_host)?, port_of(to_port)?),
        })
    }
}

/// Splits a host from what follows behind a colon.
fn split_host(text: &str) -> (&str, Option<&str>) {
    let colon = match text.find(']').filter(|_| text.starts_with('[')) {
        Some(end) => Some(end + 1).filter(|at| text[*at..].starts_with(':')),
        None => text.find(':'),
    };
    colon.map_or((text, None), |at| (&text[..at], Some(&text[at + 1..])))
}

fn port_of(text: &str) -> Result<Option<u16>, String> {
    match text.parse() {
        _ if text.is_empty() => Ok(None),
        Ok(port @ 1..) if text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Some(port)),
        _ => Err(format!("{text}: a port is a number from 1 to 65535")),
    }
}

fn is_same(given: Option<&String>, host: &str) -> bool {
    given.is_none_or(|given| given.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_resolved_as_curl_is_told() {
        let all: Vec<Resolve> = [
            "Bücher.example:80:127.0.0.1",
            "+b:81:[::1],127.0.0.2,::2",
            "[::1]:82:127.0.0.3",
            "*:83:127.0.0.4",
            "*:83:127.0.0.5",
        ]
        .iter()
        .map(|text| text.parse().unwrap())
        .collect();
        for (host, port, addrs) in [
            ("xn--bcher-kva.example", 80, "127.0.0.1"),
            ("xn--bcher-kva.example", 81, ""),
            ("B", 81, "::1 127.0.0.2 ::2"),
            ("::1", 82, "127.0.0.3"),
            ("any", 83, "127.0.0.4"),
            ("any", 84, ""),
        ] {
            let found = Resolve::find(&all, host, port).unwrap_or_default();
            let found: Vec<_> = found.iter().map(ToString::to_string).collect();
            assert_eq!(found.join(" "), addrs, "{host}:{port}");
        }
        for text in [
            "",
            "a",
            "a:80",
            "a:80:",
            "a:0:::1",
            "a:x:::1",
            "a:80:b",
            "a:80:::1,",
            ":80:::1",
            "a b:80:::1",
            "[::1:80:::1",
            "u@a:80:::1",
            "a:+80:::1",
            "-a:80",
        ] {
            assert!(text.parse::<Resolve>().is_err(), "{text}");
        }
    }

    #[test]
    fn hosts_and_ports_lead_elsewhere() {
        for (text, to) in [
            ("a:80:b:81", ("b", 81)),
            ("A:80:b:", ("b", 80)),
            ("a::b:81", ("b", 81)),
            (":80:[::1]:81", ("::1", 81)),
            ("::[fe80::1%25lo]:", ("fe80::1%lo", 80)),
            ("::::", ("", 0)),
            (":::82", ("a", 82)),
            ("c:80:b:81", ("a", 80)),
            ("a:81:b:82", ("a", 80)),
        ] {
            let Ok(connect_to) = text.parse::<ConnectTo>() else {
                assert_eq!(to.1, 0, "{text}");
                continue;
            };
            let found = ConnectTo::apply(&[connect_to], "a", 80);
            assert_eq!((&*found.0, found.1), to, "{text}");
        }
        let all = ["a:80:first:".parse().unwrap(), "::second:".parse().unwrap()];
        assert_eq!(ConnectTo::apply(&all, "a", 80).0, "first");
        for text in ["", "a", "a:80", "a:80:b", "a:80:b:x", "a:0:b:1", "a/b:80:b:1", "a:80:b c:1"] {
            assert!(text.parse::<ConnectTo>().is_err(), "{text}");
        }
    }
}
