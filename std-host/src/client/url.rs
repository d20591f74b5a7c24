//! URLs, of servers and of proxies.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use url::{ParseError, Position, Url};

/// A URL, taken apart.
pub(super) struct Parts {
    url: Url,
    zone: Option<String>,
}

/// A user and a password, which no message shows.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) user: Vec<u8>,
    pub(super) password: Vec<u8>,
}

impl Parts {
    /// Takes a URL apart; the error says why it is none.
    pub(super) fn of(text: &str) -> Result<Self, String> {
        // The library would leave tabs and line ends out, as browsers do.
        if text.contains(char::is_control) {
            return Err("a URL has no control characters".into());
        }
        let (text, zone) = without_zone(text)?;
        let url = Url::parse(&text).map_err(|error| match error {
            ParseError::InvalidPort => PORT.to_owned(),
            ParseError::EmptyHost => NO_HOST.to_owned(),
            error => error.to_string(),
        })?;
        if url.port() == Some(0) {
            return Err(PORT.into());
        }
        match url.host_str() {
            None | Some("") => Err(NO_HOST.into()),
            Some(_) => Ok(Self { url, zone }),
        }
    }

    /// The host for TCP: a name, in ASCII, or an address without brackets, with its zone.
    pub(super) fn host(&self) -> String {
        let host = self.host_in_url().trim_matches(['[', ']']);
        match &self.zone {
            Some(zone) => format!("{host}%{zone}"),
            None => host.to_owned(),
        }
    }

    /// The host as a header field has it. RFC 6874 §1: a zone has "no meaning outside the node at
    /// which it is assigned".
    pub(super) fn host_in_url(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The port, unless there is none or it is the scheme's own.
    pub(super) fn port(&self) -> Option<u16> {
        self.url.port()
    }

    /// Path and query; all that HTTP does not allow in them is percent-encoded.
    pub(super) fn path_and_query(&self) -> &str {
        &self.url[Position::BeforePath..Position::AfterQuery]
    }

    /// Returns what stands before the `@`.
    pub(super) fn credentials(&self) -> Option<Credentials> {
        let (user, password) = (self.url.username(), self.url.password());
        let decoded = |text| percent_decode_str(text).collect();
        let is_given = !user.is_empty() || password.is_some();
        is_given.then(|| Credentials {
            user: decoded(user),
            password: decoded(password.unwrap_or_default()),
        })
    }
}

impl Credentials {
    /// Returns the value of `Authorization` or `Proxy-Authorization` (RFC 7617).
    pub(super) fn basic(&self) -> String {
        format!("Basic {}", STANDARD.encode([&self.user[..], b":", &self.password].concat()))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// Returns a host as a [`Target`](super::Target) has it: a name in ASCII, or an address without
/// brackets.
pub(super) fn host_of(text: &str) -> Result<String, String> {
    let refuse = |why: &str| format!("{text:?} is no host: {why}");
    if text.contains(['/', '?', '#', '@', '\\', ' ']) {
        return Err(refuse("it has other characters"));
    }
    let parts = Parts::of(&format!("ws://{text}/")).map_err(|why| refuse(&why))?;
    match parts.url.port() {
        Some(_) => Err(refuse("it has a port")),
        None => Ok(parts.host()),
    }
}

/// Returns a URL, or what should be one, as messages show it: without user and password.
pub(super) fn shown(text: &str) -> String {
    // Where the password is in a wrong URL, nobody knows: `ws://user:pa/s#s@host`.
    let Some((before, behind)) = text.rsplit_once('@') else { return text.to_owned() };
    match before.split_once("://") {
        Some((scheme, _)) if !scheme.contains([':', '@', '/']) => format!("{scheme}://…@{behind}"),
        _ => format!("…@{behind}"),
    }
}

/// Takes the zone out of an address such as `[fe80::1%25eth0]` (RFC 6874), which the library has no
/// word for. As with curl, `25` may be missing.
fn without_zone(text: &str) -> Result<(String, Option<String>), String> {
    let same = Ok((text.to_owned(), None));
    let Some(begin) = text.find("://").map(|at| at + 3) else { return same };
    let end = text[begin..].find(['/', '?', '#', '\\']).map_or(text.len(), |len| begin + len);
    let host = text[begin..end].rfind('@').map_or(begin, |at| begin + at + 1);
    let Some(len) = text[host..end].find(']').filter(|_| text[host..].starts_with('[')) else {
        return same;
    };
    let (address, rest) = text[host..].split_at(len);
    let Some((address, zone)) = address.split_once('%') else { return same };
    let zone = zone.strip_prefix("25").filter(|zone| !zone.is_empty()).unwrap_or(zone);
    let zone: Vec<u8> = percent_decode_str(zone).collect();
    match String::from_utf8(zone) {
        Ok(zone) if !zone.is_empty() && zone.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Ok((format!("{}{address}{rest}", &text[..host]), Some(zone)))
        }
        _ => Err("the zone of the IPv6 address is no name of an interface".into()),
    }
}

const PORT: &str = "the port must be a number from 1 to 65535";
const NO_HOST: &str = "the URL has no host";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_belong_to_the_host_for_tcp_alone() {
        for (url, host, in_url) in [
            ("ws://[fe80::1%25eth0]/", "fe80::1%eth0", "[fe80::1]"),
            ("ws://u:p@[fe80::1%eth0]:81/%25", "fe80::1%eth0", "[fe80::1]"),
            ("ws://[fe80::1%2525]/", "fe80::1%25", "[fe80::1]"),
            ("ws://[fe80::1%25]/", "fe80::1%25", "[fe80::1]"),
            ("ws://[fe80::1%25a%2eb]/", "fe80::1%a.b", "[fe80::1]"),
            ("ws://[FE80::0:1]/[a%25b]", "fe80::1", "[fe80::1]"),
        ] {
            let parts = Parts::of(url).unwrap();
            assert_eq!((&*parts.host(), parts.host_in_url()), (host, in_url), "{url}");
        }
        for url in ["ws://[fe80::1%]/", "ws://[fe80::1%25%20]/", "ws://[fe80::1%25%ff]/"] {
            assert!(Parts::of(url).is_err(), "{url}");
        }
    }

    #[test]
    fn users_become_basic_and_are_never_shown() {
        for (url, value) in [
            ("ws://user:p%40ss@a/", Some("Basic dXNlcjpwQHNz")),
            ("ws://user@a/", Some("Basic dXNlcjo=")),
            ("ws://:x@a/", Some("Basic Ong=")),
            ("ws://a:b@c:d@e/", Some("Basic YTpiQGM6ZA==")),
            ("ws://ü:€@a/", Some("Basic w7w64oKs")),
            ("ws://@a/", None),
            ("ws://a/b@c:d", None),
        ] {
            let credentials = Parts::of(url).unwrap().credentials();
            assert_eq!(credentials.as_ref().map(Credentials::basic).as_deref(), value, "{url}");
            assert!(!format!("{credentials:?}").contains("user"));
        }
        for (url, text) in [
            ("ws://a/", "ws://a/"),
            ("ws://user:secret@a/", "ws://…@a/"),
            ("ws://user:secret/#?@secret@a:b", "ws://…@a:b"),
            ("user:secret@a", "…@a"),
            ("user:secret://secret@a", "…@a"),
        ] {
            assert_eq!(shown(url), text);
        }
    }
}
