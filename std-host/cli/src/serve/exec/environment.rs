//! What a program is told: the variables of CGI (RFC 3875 §4.1), and few of the server's own.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::net::IpAddr;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use percent_encoding::percent_decode_str;
use wirelet_host::http::uri::Authority;
use wirelet_host::{Handshake, Peer};

/// Variables and their values.
pub(super) type Environment = BTreeMap<String, OsString>;

/// Returns what a program has of the server's own environment: a short list, and `more`.
pub(super) fn inherited(more: &[String]) -> Environment {
    let is_passed = |name: &str| {
        INHERITED.contains(&name) || name.starts_with("LC_") || more.iter().any(|more| more == name)
    };
    let own =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    own.filter(|(name, _)| is_passed(name)).collect()
}

/// Adds what the request says. `Host` was looked at if `checks_host`.
///
/// # Errors
///
/// Says what stands in it that cannot be told.
pub(super) fn add_request(
    variables: &mut Environment,
    handshake: &Handshake<'_>,
    checks_host: bool,
) -> Result<(), &'static str> {
    let request = &handshake.request;
    let mut fields = Environment::new();
    for (name, value) in request.headers() {
        if let Some(name) = variable(name) {
            // RFC 6265 §5.4, and RFC 9110 §5.3 for all others.
            let separator = if name == "HTTP_COOKIE" { "; " } else { ", " };
            let joined = fields.entry(name).or_default();
            if !joined.is_empty() {
                joined.push(separator);
            }
            joined.push(OsStr::from_bytes(value));
        }
    }
    variables.append(&mut fields);
    let path: Vec<u8> = percent_decode_str(request.path()).collect();
    if path.contains(&0) {
        return Err("a path has no zero byte here");
    }
    variables.insert("PATH_INFO".into(), OsString::from_vec(path));
    let mut set = |name: &str, value: &str| drop(variables.insert(name.into(), value.into()));
    set("GATEWAY_INTERFACE", "CGI/1.1");
    set("SERVER_SOFTWARE", concat!("wirelet/", env!("CARGO_PKG_VERSION")));
    set("SERVER_PROTOCOL", "HTTP/1.1");
    set("REQUEST_METHOD", request.method());
    // §4.1.13: it identifies the script, which is the same at every path.
    set("SCRIPT_NAME", "");
    set("QUERY_STRING", request.query().unwrap_or_default());
    if handshake.is_tls {
        set("HTTPS", "on");
    }
    let local = handshake.local_addr;
    let asked = Authority::try_from(handshake.upgrade.host()).ok().filter(|_| checks_host);
    // A client chooses among the names that are served; beyond that it has no say.
    let name = match (&asked, local.map(|local| local.ip())) {
        (Some(asked), _) => asked.host().to_owned(),
        (None, Some(IpAddr::V6(ip))) => format!("[{ip}]"),
        (None, Some(ip)) => ip.to_string(),
        (None, None) => "localhost".to_owned(),
    };
    set("SERVER_NAME", &name);
    set("SERVER_PORT", &local.map(|local| local.port().to_string()).unwrap_or_default());
    Ok(())
}

/// Adds what the server knows.
pub(super) fn add_peer(variables: &mut Environment, peer: &Peer) {
    let mut set = |name: &str, value: String| drop(variables.insert(name.into(), value.into()));
    let addr = peer.remote_addr();
    let ip = addr.map(|addr| addr.ip().to_string()).unwrap_or_default();
    // §4.1.9: "If the hostname is not available", it may be the address.
    set("REMOTE_HOST", ip.clone());
    set("REMOTE_ADDR", ip);
    // 0: a proxy has told none.
    let port = addr.map(|addr| addr.port()).filter(|port| *port > 0);
    set("REMOTE_PORT", port.map(|port| port.to_string()).unwrap_or_default());
    set("CONNECTION_ID", peer.id().to_string());
    set("SEC_WEBSOCKET_PROTOCOL", peer.subprotocol().unwrap_or_default().into());
}

/// The variable for a header field. Names with `_` have none, or they could pass for those with `-`;
/// and `Proxy` has none, because `HTTP_PROXY` tells programs which proxy to use.
fn variable(name: &str) -> Option<String> {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_usable = is_plain && !name.eq_ignore_ascii_case("proxy");
    is_usable.then(|| format!("HTTP_{}", name.to_ascii_uppercase().replace('-', "_")))
}

/// Where things are, who the user is, and how to write; nothing that is likely to be a secret. `LC_*` besides.
const INHERITED: &[&str] =
    &["HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "SHELL", "TMPDIR", "TZ", "USER"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_field_becomes_a_variable_that_it_alone_can_set() {
        assert_eq!(variable("User-Agent").as_deref(), Some("HTTP_USER_AGENT"));
        assert_eq!(variable("x-real-ip").as_deref(), Some("HTTP_X_REAL_IP"));
        for name in ["X_Real_Ip", "Proxy", "PROXY", "a=b", "a!"] {
            assert_eq!(variable(name), None, "{name}");
        }
    }
}
