//! What a program is told of its connection: the variables of CGI (RFC 3875 §4.1).

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use wirelet_host::http::uri::Authority;
use wirelet_host::{Handshake, Peer};

/// What the request says.
pub(super) fn of(handshake: &Handshake<'_>) -> BTreeMap<String, OsString> {
    let request = &handshake.request;
    let mut variables = BTreeMap::new();
    for (name, value) in request.headers() {
        if let Some(name) = variable(name) {
            let joined: &mut OsString = variables.entry(name).or_default();
            if !joined.is_empty() {
                joined.push(", ");
            }
            joined.push(OsStr::from_bytes(value));
        }
    }
    let mut set = |name: &str, value: &str| drop(variables.insert(name.into(), value.into()));
    set("GATEWAY_INTERFACE", "CGI/1.1");
    set("SERVER_SOFTWARE", concat!("wirelet/", env!("CARGO_PKG_VERSION")));
    set("SERVER_PROTOCOL", "HTTP/1.1");
    set("REQUEST_METHOD", request.method());
    set("PATH_INFO", request.path());
    set("QUERY_STRING", request.query().unwrap_or_default());
    if let Ok(host) = Authority::try_from(handshake.upgrade.host()) {
        set("SERVER_NAME", host.host());
        set("SERVER_PORT", host.port().as_ref().map_or("", |port| port.as_str()));
    }
    variables
}

/// What the server knows.
pub(super) fn add_peer(variables: &mut BTreeMap<String, OsString>, peer: &Peer) {
    let mut set = |name: &str, value: String| drop(variables.insert(name.into(), value.into()));
    let addr = peer.remote_addr();
    set("REMOTE_ADDR", addr.map(|addr| addr.ip().to_string()).unwrap_or_default());
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
