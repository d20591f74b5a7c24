//! The hosts to which the way is direct: `NO_PROXY`, as curl reads it.

use std::net::IpAddr;

use ipnet::IpNet;

/// A list of hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Except(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    hosts: Hosts,
    /// None is every port.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    All,
    Net(IpNet),
    /// This name, in lower case, and those below it.
    Name(String),
}

impl Except {
    pub(super) fn of(list: &str) -> Self {
        let entries = list.split(|char: char| char == ',' || char.is_whitespace());
        Self(entries.filter(|entry| !entry.is_empty()).map(Entry::of).collect())
    }

    /// Tells whether a host is in the list: a name in lower case, or an address without brackets.
    pub(super) fn has(&self, host: &str, port: u16) -> bool {
        let addr: Option<IpAddr> = host.parse().ok();
        self.0.iter().filter(|entry| entry.port.is_none_or(|given| given == port)).any(|entry| {
            match &entry.hosts {
                Hosts::All => true,
                Hosts::Net(net) => addr.is_some_and(|addr| net.contains(&addr)),
                Hosts::Name(name) => {
                    let above = host.strip_suffix(&**name).filter(|_| addr.is_none());
                    above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
                }
            }
        })
    }
}

impl Entry {
    fn of(text: &str) -> Self {
        let (host, port) = match text.rsplit_once(':') {
            // An address of IPv6 has colons of its own.
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                port.parse().map_or((text, None), |port| (host, Some(port)))
            }
            _ => (text, None),
        };
        let bare = host.replace(['[', ']'], "");
        let addr = bare.parse::<IpAddr>().map(IpNet::from);
        let hosts = match bare.parse().or(addr) {
            _ if host == "*" => Hosts::All,
            Ok(net) => Hosts::Net(net),
            Err(_) => {
                let name = host.strip_prefix('*').unwrap_or(host);
                Hosts::Name(name.trim_matches('.').to_ascii_lowercase())
            }
        };
        Self { hosts, port }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_networks_and_ports_are_told_apart() {
        for (list, hosts, others) in [
            ("", "", "a ::1 127.0.0.1"),
            ("*", "a ::1 127.0.0.1", ""),
            ("b, A.Example\tc", "a.example x.a.example b c", "xa.example example a"),
            (".a.example *.b d.", "a.example x.a.example b x.b d", "xb a xd"),
            (
                "10.0.0.0/8,192.168.1.77/24",
                "10.1.2.3 192.168.1.1",
                "11.0.0.1 192.168.2.1 a.10.0.0.0",
            ),
            ("127.0.0.1", "127.0.0.1", "127.0.0.2 x.127.0.0.1"),
            ("::1,fe80::/10", "::1 fe80::1 febf::", "::2 fec0::"),
            ("[::1] [::2]/128 [::3]:80", "::1 ::2 ::3", "::4"),
            ("a:80 b:81 [::1]:81 10.0.0.0/8:80", "a 10.1.1.1", "b ::1"),
        ] {
            let except = Except::of(list);
            for host in hosts.split_whitespace() {
                assert!(except.has(host, 80), "{list}: {host}");
            }
            for host in others.split_whitespace() {
                assert!(!except.has(host, 80), "{list}: {host}");
            }
        }
    }
}
