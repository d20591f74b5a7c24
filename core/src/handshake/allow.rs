//! Allow-lists for `Origin` and `Host` (RFC 6455 §10.2).

use super::fields::is_scheme;
use super::site::{Site, split_scheme};

/// Decides which values of a header field are let in.
///
/// An item is what the field has: an origin such as `https://example.com` or `http://board.local:8080`, a
/// host such as `board.local:8080`, or `null` and `file://`, the origins of local files and sandboxed frames.
/// They are compared whole, so `https://example.com.evil.org` is not `https://example.com`; but whatever
/// their case, with or without a `/` at the end of an origin, and a default port is as none (RFC 6454 §4): that
/// of the origin's scheme, or for a host, which has no scheme, 80 and 443.
///
/// `*.` at the beginning of the name stands for one label or more: `https://*.example.com` lets in
/// `https://a.b.example.com`, and not `https://example.com`.
///
/// ```
/// use wirelet::handshake::AllowList;
///
/// let origins = AllowList::Only(&["https://example.com", "https://*.example.com"]);
/// assert!(origins.permits(Some(b"https://EXAMPLE.com")));
/// assert!(origins.permits(Some(b"https://www.example.com:443")));
/// assert!(!origins.permits(Some(b"https://example.com.evil.org")));
/// assert!(!origins.permits(None)); // what is no browser sends no Origin
/// assert!(AllowList::OnlyOrMissing(&[]).permits(None));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum AllowList<'a> {
    /// Everything is let in.
    #[default]
    Any,
    /// The field must be there and its value in the list.
    Only(&'a [&'a str]),
    /// If the field is there, its value must be in the list.
    OnlyOrMissing(&'a [&'a str]),
}

impl AllowList<'_> {
    /// Tells whether a field with this value, or none, is let in.
    #[must_use]
    pub fn permits(&self, value: Option<&[u8]>) -> bool {
        let contains =
            |list: &[&str]| value.is_some_and(|v| list.iter().any(|item| stands_for(item, v)));
        match self {
            Self::Any => true,
            Self::Only(list) => contains(list),
            Self::OnlyOrMissing(list) => value.is_none() || contains(list),
        }
    }

    /// Tells whether an item can ever be the origin of something.
    ///
    /// ```
    /// use wirelet::handshake::AllowList;
    ///
    /// assert!(["https://*.example.com", "ws://a:80/", "null", "file://"].map(AllowList::is_origin) == [true; 4]);
    /// assert!(["example.com", "https://a/b", "*", "https://"].map(AllowList::is_origin) == [false; 4]);
    /// ```
    #[must_use]
    pub fn is_origin(item: &str) -> bool {
        let is_site = Site::parse(item.as_bytes()).is_some_and(|site| site.can_match());
        match split_scheme(item.as_bytes()) {
            Some((scheme, b"")) => scheme.eq_ignore_ascii_case(b"file"),
            Some((scheme, _)) => is_scheme(scheme) && is_site,
            None => item.eq_ignore_ascii_case("null"),
        }
    }

    /// Tells whether an item can ever be the host of a request.
    ///
    /// ```
    /// use wirelet::handshake::AllowList;
    ///
    /// assert!(["example.com", "*.example.com:8080", "[::1]"].map(AllowList::is_host) == [true; 3]);
    /// assert!(["http://a", "a/b", "::1", "a:port"].map(AllowList::is_host) == [false; 4]);
    /// ```
    #[must_use]
    pub fn is_host(item: &str) -> bool {
        let site = Site::parse(item.as_bytes());
        site.is_some_and(|site| !site.has_scheme() && site.can_match())
    }
}

/// Tells whether an item of a list is or stands for a value.
fn stands_for(item: &str, value: &[u8]) -> bool {
    let item = item.as_bytes();
    if item.eq_ignore_ascii_case(value) {
        return true;
    }
    match (Site::parse(item), Site::parse(value)) {
        (Some(item), Some(value)) => item.names(&value),
        _ => false,
    }
}
