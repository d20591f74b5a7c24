//! Which proxies are believed when they tell who a connection is from (RFC 7239, and `X-Forwarded-For`).

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use wirelet::handshake::Request;

/// Which proxies are believed, and by which way they tell.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies {
    /// Each connection begins with a header of the PROXY protocol.
    pub(crate) has_header: bool,
    /// If none is named, the header is taken from this machine, and the fields of requests from nobody.
    pub(crate) trusted: Vec<IpNet>,
}

impl Proxies {
    /// Tells whether a header of the PROXY protocol is believed that comes from here; `None` is a Unix
    /// socket, to which only those write who may.
    pub(crate) fn may_send_header(&self, addr: Option<SocketAddr>) -> bool {
        match addr.map(|addr| addr.ip()) {
            None => true,
            Some(ip) if self.trusted.is_empty() => ip.is_loopback(),
            Some(ip) => self.trusts(ip),
        }
    }

    /// Tells whether the fields of requests are believed that come from here.
    pub(crate) fn may_forward(&self, addr: Option<SocketAddr>) -> bool {
        !self.trusted.is_empty() && addr.is_none_or(|addr| self.trusts(addr.ip()))
    }

    fn trusts(&self, ip: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&ip))
    }

    /// Returns who a request is from that a proxy which [may](Self::may_forward) has passed on.
    ///
    /// The two ways to say so are not mixed: if both are there and differ, a client may have sent the one
    /// that its proxy does not write, and none is believed.
    pub(crate) fn client(
        &self,
        proxy: Option<SocketAddr>,
        request: &Request<'_>,
    ) -> Option<SocketAddr> {
        let mut ways = [("X-Forwarded-For", Way::List), ("Forwarded", Way::Elements)]
            .into_iter()
            .filter(|(name, _)| request.header(name).is_some())
            .map(|(name, way)| self.last_untrusted(proxy, &nodes(request, name, way)));
        match (ways.next(), ways.next()) {
            (Some(client), None) => client,
            (Some(client), Some(other))
                if client.map(|addr| addr.ip()) == other.map(|addr| addr.ip()) =>
            {
                client
            }
            _ => proxy,
        }
    }

    /// Goes back from the last proxy as long as each is believed; `None` stands for what is no address.
    fn last_untrusted(
        &self,
        proxy: Option<SocketAddr>,
        nodes: &[Option<SocketAddr>],
    ) -> Option<SocketAddr> {
        let mut client = proxy;
        for node in nodes.iter().rev() {
            // What is behind something unknown may be anybody's word.
            let Some(addr) = node else { break };
            client = Some(*addr);
            if !self.trusts(addr.ip()) {
                break;
            }
        }
        client
    }
}

#[derive(Clone, Copy)]
enum Way {
    /// `192.0.2.7, 2001:db8::7`
    List,
    /// `for=192.0.2.7;proto=https, for="[2001:db8::7]:5000"`
    Elements,
}

/// Returns whom the fields name, in their order.
fn nodes(request: &Request<'_>, name: &str, way: Way) -> Vec<Option<SocketAddr>> {
    let fields = request.headers().filter(|(found, _)| found.eq_ignore_ascii_case(name));
    let values = fields.map(|(_, value)| str::from_utf8(value).unwrap_or("not UTF-8"));
    values
        .flat_map(|value| match way {
            Way::List => value.split(',').map(|node| parse_node(node.trim())).collect(),
            Way::Elements => elements(value),
        })
        .collect()
}

/// RFC 7239 §4: elements with commas between them, of pairs with semicolons between them. What is wrong in
/// one makes that one unknown; a quote that does not end, all behind it.
fn elements(value: &str) -> Vec<Option<SocketAddr>> {
    split_unquoted(value, ',')
        .map(|element| {
            let mut nodes = split_unquoted(element, ';').filter_map(|pair| {
                let (name, value) = pair.trim().split_once('=')?;
                name.eq_ignore_ascii_case("for").then_some(value)
            });
            // "Each parameter MUST NOT occur more than once per field-value."
            let node = nodes.next().filter(|_| nodes.next().is_none())?;
            parse_node(&unquoted(node)?)
        })
        .collect()
}

/// Splits at a separator that is not inside of a quoted string (RFC 9110 §5.6.4).
fn split_unquoted(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.split(move |char| {
        let was_escaped = std::mem::take(&mut is_escaped);
        match char {
            '\\' if is_quoted && !was_escaped => is_escaped = true,
            '"' if !was_escaped => is_quoted = !is_quoted,
            _ => {}
        }
        char == separator && !is_quoted
    })
}

/// A token as it is, or what a quoted string stands for.
fn unquoted(value: &str) -> Option<String> {
    let Some(rest) = value.strip_prefix('"') else { return Some(value.into()) };
    let quoted = rest.strip_suffix('"')?;
    let mut text = String::new();
    let mut chars = quoted.chars();
    while let Some(char) = chars.next() {
        text.push(if char == '\\' { chars.next()? } else { char });
    }
    Some(text)
}

/// RFC 7239 §6: an address, and maybe a port, which is 0 if it is not told. In `X-Forwarded-For` IPv6 stands
/// without brackets, too.
fn parse_node(node: &str) -> Option<SocketAddr> {
    let bare = node.strip_prefix('[').and_then(|node| node.strip_suffix(']')).unwrap_or(node);
    let addr = match (bare.parse::<IpAddr>(), node.parse::<SocketAddr>()) {
        (Ok(ip), _) => SocketAddr::new(ip, 0),
        (_, Ok(addr)) => addr,
        // The port may be a name that tells nothing.
        _ => {
            let (host, port) = node.rsplit_once(':').filter(|(_, port)| port.starts_with('_'))?;
            return (port.len() > 1).then(|| parse_node(host))?;
        }
    };
    Some(canonical(addr))
}

/// Shows as IPv4 what is IPv4 to a socket of IPv6.
pub(crate) fn canonical(addr: SocketAddr) -> SocketAddr {
    match addr.ip().to_canonical() {
        ip if ip == addr.ip() => addr,
        ip => SocketAddr::new(ip, addr.port()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who a request with these fields is from, that has come from 10.0.0.1.
    fn client(fields: &str) -> String {
        let trusted = ["10.0.0.0/8", "2001:db8:1::/48"].map(|network| network.parse().unwrap());
        let proxies = Proxies { has_header: false, trusted: trusted.into() };
        let proxy = Some("10.0.0.1:5000".parse().unwrap());
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let request = Request::parse(head.as_bytes()).unwrap();
        proxies.client(proxy, &request).unwrap().to_string()
    }

    #[test]
    fn the_client_is_the_last_that_is_no_trusted_proxy() {
        for (value, addr) in [
            ("192.0.2.7", "192.0.2.7:0"),
            ("192.0.2.7:80", "192.0.2.7:80"),
            ("2001:db8::7", "[2001:db8::7]:0"),
            ("[2001:db8::7]", "[2001:db8::7]:0"),
            ("[2001:db8::7]:80", "[2001:db8::7]:80"),
            ("::ffff:192.0.2.7", "192.0.2.7:0"),
            ("6.6.6.6, 192.0.2.7", "192.0.2.7:0"),
            ("6.6.6.6,192.0.2.7 , 10.9.9.9", "192.0.2.7:0"),
            ("192.0.2.7, 2001:db8:1::1, 10.9.9.9", "192.0.2.7:0"),
            // All are trusted: the first of them.
            ("10.0.0.3, 10.0.0.2", "10.0.0.3:0"),
            // Whoever says "unknown" is the last that is known.
            ("192.0.2.7, unknown, 10.0.0.2", "10.0.0.2:0"),
            ("unknown", "10.0.0.1:5000"),
            ("", "10.0.0.1:5000"),
            ("192.0.2.7,", "10.0.0.1:5000"),
            ("evil.example", "10.0.0.1:5000"),
            ("192.0.2.256", "10.0.0.1:5000"),
            ("192.0.2.7:99999", "10.0.0.1:5000"),
        ] {
            assert_eq!(client(&format!("X-Forwarded-For: {value}\r\n")), addr, "{value}");
        }
        let two = "X-Forwarded-For: 6.6.6.6\r\nx-forwarded-for: 192.0.2.7\r\n";
        assert_eq!(client(two), "192.0.2.7:0");
        assert_eq!(client(""), "10.0.0.1:5000");
    }

    #[test]
    fn forwarded_is_read_as_rfc_7239_has_it() {
        for (value, addr) in [
            ("for=192.0.2.7", "192.0.2.7:0"),
            ("For=192.0.2.7;proto=http;by=203.0.113.43", "192.0.2.7:0"),
            ("proto=http; FOR=\"192.0.2.7:80\"", "192.0.2.7:80"),
            ("for=\"[2001:db8:cafe::17]:4711\"", "[2001:db8:cafe::17]:4711"),
            ("for=\"[2001:db8:cafe::17]\"", "[2001:db8:cafe::17]:0"),
            ("for=6.6.6.6, for=192.0.2.7, for=10.0.0.2", "192.0.2.7:0"),
            ("for=\"192.0.2.7:_hidden\"", "192.0.2.7:0"),
            ("for=\"\\1\\9\\2.0.2.7\"", "192.0.2.7:0"),
            // What a client has put into quotes is no element.
            ("host=\"a, for=6.6.6.6\";for=192.0.2.7", "192.0.2.7:0"),
            ("host=\"a\\\", for=6.6.6.6\";for=192.0.2.7", "192.0.2.7:0"),
            ("for=192.0.2.7, for=unknown", "10.0.0.1:5000"),
            ("for=192.0.2.7, for=_gazonk", "10.0.0.1:5000"),
            ("for=192.0.2.7, proto=http", "10.0.0.1:5000"),
            ("for=192.0.2.7;for=192.0.2.8", "10.0.0.1:5000"),
            ("for=\"192.0.2.7", "10.0.0.1:5000"),
            ("192.0.2.7", "10.0.0.1:5000"),
        ] {
            assert_eq!(client(&format!("Forwarded: {value}\r\n")), addr, "{value}");
        }
    }

    #[test]
    fn two_ways_that_differ_are_not_believed() {
        let both = |list: &str, element: &str| {
            client(&format!("Forwarded: for={element}\r\nX-Forwarded-For: {list}\r\n"))
        };
        assert_eq!(both("192.0.2.7", "192.0.2.7"), "192.0.2.7:0");
        assert_eq!(both("192.0.2.7", "6.6.6.6"), "10.0.0.1:5000");
        assert_eq!(both("6.6.6.6", "192.0.2.7"), "10.0.0.1:5000");
    }

    #[test]
    fn nobody_is_believed_that_was_not_named_but_this_machine_with_the_header() {
        let [own, other] = ["127.0.0.1:1", "192.0.2.7:1"].map(|addr| Some(addr.parse().unwrap()));
        let none = Proxies::default();
        assert!(none.may_send_header(own) && none.may_send_header(None));
        assert!(!none.may_send_header(other));
        assert!([own, other, None].iter().all(|addr| !none.may_forward(*addr)));
        let trusted = vec!["192.0.2.0/24".parse().unwrap()];
        let named = Proxies { trusted, ..Proxies::default() };
        for (addr, is_trusted) in [(own, false), (other, true), (None, true)] {
            assert_eq!(named.may_send_header(addr), is_trusted, "{addr:?}");
            assert_eq!(named.may_forward(addr), is_trusted, "{addr:?}");
        }
    }
}
