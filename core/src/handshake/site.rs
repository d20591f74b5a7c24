//! What an origin or a host names (RFC 6454 §4, RFC 9110 §4.2.3).

use super::fields::split_at;
use super::host::split_host;
use crate::slice::behind;

/// A scheme, a name and a port, as an `Origin` has them; of a `Host`, the scheme is empty.
#[derive(Clone, Copy)]
pub(super) struct Site<'v> {
    scheme: &'v [u8],
    /// A name, or an IPv6 address without its brackets.
    name: &'v [u8],
    /// Digits; empty for the default port.
    port: &'v [u8],
}

impl<'v> Site<'v> {
    /// Reads `scheme "://" host [ ":" port ] [ "/" ]`, or the middle of it alone.
    pub(super) fn parse(value: &'v [u8]) -> Option<Self> {
        match split_scheme(value) {
            // A URL instead of an origin: some clients send their own.
            Some((scheme, [host @ .., b'/'] | host)) => Self::new(scheme, host),
            None => Self::new(b"", value),
        }
    }

    fn new(scheme: &'v [u8], host: &'v [u8]) -> Option<Self> {
        let (name, port) = split_host(host)?;
        Some(Self { scheme, name, port })
    }

    /// Tells whether this is an origin of a host, which may be asked for with any scheme.
    pub(super) fn is_of(&self, host: &[u8]) -> bool {
        // Whose scheme is that of the page, as far as its default port goes.
        let host = split_host(host).map(|(name, port)| Site { scheme: self.scheme, name, port });
        self.has_scheme()
            && host.is_some_and(|host| self.name_is(host.name) && self.has_port_of(&host))
    }

    /// Tells whether this, an item of a list, stands for another: `*.a` for all names below `a`.
    pub(super) fn names(&self, other: &Site<'_>) -> bool {
        let has_name = match self.name {
            [b'*', end @ ..] if matches!(end, [b'.', _, ..]) => {
                let at = other.name.len().saturating_sub(end.len());
                at > 0 && behind(other.name, at).eq_ignore_ascii_case(end)
            }
            _ => self.name_is(other.name),
        };
        has_name && self.scheme.eq_ignore_ascii_case(other.scheme) && self.has_port_of(other)
    }

    const fn name_is(&self, name: &[u8]) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    fn has_port_of(&self, other: &Site<'_>) -> bool {
        self.port == other.port || self.has_default_port() && other.has_default_port()
    }

    /// RFC 6454 §4: an origin has a port in any case. A `Host` has no scheme: both ports are the default.
    fn has_default_port(&self) -> bool {
        let schemes: [&[u8]; 2] = match self.port {
            b"" => return true,
            b"80" => [b"http", b"ws"],
            b"443" => [b"https", b"wss"],
            _ => return false,
        };
        !self.has_scheme() || schemes.iter().any(|name| self.scheme.eq_ignore_ascii_case(name))
    }

    /// Tells whether anything can be named so: with a `*`, if that is all of the first label.
    pub(super) fn can_match(&self) -> bool {
        let rest = match self.name {
            [b'*', b'.', rest @ ..] if !rest.is_empty() => rest,
            name => name,
        };
        rest.iter().all(|byte| *byte != b'*')
    }

    pub(super) const fn has_scheme(&self) -> bool {
        !self.scheme.is_empty()
    }
}

/// Splits `scheme "://" rest`.
pub(super) fn split_scheme(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let (scheme, rest) = split_at(value, b':');
    // Not by `strip_prefix`, which leaves a panic in what is optimized for size.
    match rest? {
        [b'/', b'/', rest @ ..] => Some((scheme, rest)),
        _ => None,
    }
}
