//! Where a server sends a client on to (RFC 9110 §15.4).

use std::borrow::Cow;
use std::fmt;

use url::{Position, Url};

use super::target::{Scheme, Target};
use super::url::shown;
use super::{ClientError, ClientOptions};

/// Why a redirect is not followed.
///
/// ```
/// use wirelet_host::RedirectError;
///
/// assert_eq!(RedirectError::Loop.to_string(), "it leads back to where it came from");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedirectError {
    /// There were as many as [`ClientOptions::redirects`](crate::ClientOptions::redirects) before.
    TooMany,
    /// It leads to a URL that was asked before.
    Loop,
    /// It leads from `wss://` to `ws://`.
    Insecure,
    /// It is no URL of a WebSocket, nor of HTTP, or has a user.
    Location,
}

/// A way from server to server.
pub(super) struct Route<'o> {
    pub(super) target: Target,
    /// Without what other servers must not know.
    pub(super) options: Cow<'o, ClientOptions>,
    asked: Vec<Target>,
}

impl<'o> Route<'o> {
    pub(super) fn new(target: Target, options: &'o ClientOptions) -> Self {
        Self { target, options: Cow::Borrowed(options), asked: Vec::new() }
    }

    /// Returns where an answer sends on to, if that is to be followed.
    pub(super) fn next<'e>(&self, answer: &'e ClientError) -> Option<&'e str> {
        match answer {
            ClientError::Refused { status, location: Some(location), .. } => {
                let follows = self.options.redirects > 0 && is_redirect(status.get());
                follows.then_some(location)
            }
            _ => None,
        }
    }

    /// Goes on to another URL.
    pub(super) fn follow(&mut self, location: &str) -> Result<(), ClientError> {
        let refuse = |error| ClientError::Redirect { location: shown(location), error };
        let mut next =
            resolve(&self.target, location).ok_or_else(|| refuse(RedirectError::Location))?;
        if self.target.scheme.is_tls() && !next.scheme.is_tls() {
            return Err(refuse(RedirectError::Insecure));
        }
        if next.is_same_origin(&self.target) {
            next.take_over(&self.target);
        } else {
            // RFC 9110 §15.4: "consider removing" what was for the origin alone.
            let options = self.options.to_mut();
            options.headers.retain(|(name, _)| !is_for_one_origin(name));
            options.host = None;
        }
        let last = std::mem::replace(&mut self.target, next);
        self.asked.push(last);
        if self.asked.contains(&self.target) {
            return Err(refuse(RedirectError::Loop));
        }
        if self.asked.len() > self.options.redirects {
            return Err(refuse(RedirectError::TooMany));
        }
        Ok(())
    }
}

/// Tells whether a status says that what was asked for is at another URL.
pub(super) const fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// Makes a target of a `Location`, which may be relative.
fn resolve(base: &Target, location: &str) -> Option<Target> {
    let mut url = Url::parse(&base.to_string()).ok()?.join(location).ok()?;
    // RFC 9110 §4.2.4: a user in a URL is "likely being used to obscure the authority".
    if !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    url.set_fragment(None);
    // §3: WebSocket URLs have another scheme than those of HTTP, and no other difference.
    let scheme = match url.scheme() {
        "http" | "ws" => "ws",
        "https" | "wss" => "wss",
        _ => return None,
    };
    let url = format!("{scheme}{}", &url[Position::AfterScheme..]);
    Target::parse(&url, &[Scheme::Ws, Scheme::Wss]).ok()
}

fn is_for_one_origin(name: &str) -> bool {
    ["Authorization", "Cookie", "Proxy-Authorization"]
        .iter()
        .any(|secret| secret.eq_ignore_ascii_case(name))
}

impl fmt::Display for RedirectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooMany => "there were too many before it",
            Self::Loop => "it leads back to where it came from",
            Self::Insecure => "it leads from wss:// to ws://",
            Self::Location => "it is no URL of a WebSocket or of HTTP, or has a user",
        })
    }
}

impl std::error::Error for RedirectError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_resolved_as_urls_of_http() {
        let base = Target::parse("wss://u:p@a.example/b/c?d", &[Scheme::Wss]).unwrap();
        for (location, url) in [
            ("x", "wss://a.example/b/x"),
            ("/x?y#z", "wss://a.example/x?y"),
            ("?e", "wss://a.example/b/c?e"),
            ("", "wss://a.example/b/c?d"),
            ("//b.example:443/ü", "wss://b.example/%C3%BC"),
            ("HTTPS://b.example", "wss://b.example/"),
            ("http://b.example:80/x", "ws://b.example/x"),
            ("http://b.example:443/x", "ws://b.example:443/x"),
            ("ws://b.example", "ws://b.example/"),
        ] {
            let target = resolve(&base, location).map(|target| target.to_string());
            assert_eq!(target.as_deref(), Some(url), "{location}");
        }
        for location in
            ["ftp://a/", "https://u:p@a.example/", "https://a.example:0", "https://[::1"]
        {
            assert!(resolve(&base, location).is_none(), "{location}");
        }
    }
}
