//! The page, and what it shows of the server.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use clap::Args;
use serde::Serialize;
use wirelet::Kind;
use wirelet::handshake::Request;
use wirelet_host::http::uri::Authority;
use wirelet_host::http::{HeaderName, HeaderValue};
use wirelet_host::{Address, Hub, Peer, Record, Response, Sender, StatusCode};

use super::reply;
use crate::page::{self, Asset};

/// Whether there is a page.
#[derive(Args, Debug)]
pub(super) struct PageArgs {
    /// Show the page at / also if others than programs on this machine can connect, or through a proxy.
    /// It tells the addresses of all clients, and with --history their messages, to whoever asks
    #[arg(long)]
    page: bool,
    /// Show no page
    #[arg(long, conflicts_with = "page")]
    no_page: bool,
    /// Keep the last N messages of each connection for the page
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) history: usize,
}

impl PageArgs {
    /// Tells whether there is to be a page on a server that listens here, and maybe for proxies alone.
    pub(super) fn wants_page(&self, addresses: &[Address], has_proxies: bool) -> bool {
        let is_local = !has_proxies && addresses.iter().all(Address::is_local);
        self.page || !self.no_page && is_local
    }
}

/// Answers requests for the page.
pub(super) struct Console {
    mode: String,
    limit: usize,
    history: usize,
    /// It was said which hosts are served, and the server looks at that.
    has_hosts: bool,
    /// Others may see the page, too.
    is_public: bool,
    start: Instant,
    /// Known when the server listens.
    is_shown: Arc<OnceLock<bool>>,
}

impl Console {
    pub(super) fn new(mode: String, limit: usize, page: &PageArgs, has_hosts: bool) -> Self {
        Self {
            mode,
            limit,
            history: page.history,
            has_hosts,
            is_public: page.page,
            start: Instant::now(),
            is_shown: Arc::default(),
        }
    }

    /// Returns what is to be told whether the page is shown.
    pub(super) fn is_shown(&self) -> Arc<OnceLock<bool>> {
        Arc::clone(&self.is_shown)
    }

    /// Answers a request for the page or its figures.
    pub(super) fn answer(&self, request: &Request<'_>, hub: &Hub) -> Option<Response> {
        if self.is_shown.get() != Some(&true) {
            return None;
        }
        let respond: &dyn Fn() -> Response = match request.path() {
            "/status.json" => &|| reply::json(&self.status(hub)),
            "/history.json" => &|| self.history_of(request.query(), hub),
            path => {
                let asset = page::asset(path)?;
                &move || file(&asset)
            }
        };
        Some(self.refuse(request).unwrap_or_else(respond))
    }

    /// A page that reads plain responses sends no `Origin` if it believes this to be its own server, as
    /// it does when its name was pointed here (DNS rebinding). The server itself sees to that where only this
    /// machine can connect; a page for others is shown at an address, unless its name is known.
    fn refuse(&self, request: &Request<'_>) -> Option<Response> {
        if !self.is_public && is_from_a_proxy(request) {
            let why = "the page is for this machine alone; --page shows it to others";
            return Some(reply::text(StatusCode::FORBIDDEN, why));
        }
        if !self.has_hosts && !request.header("Host").is_some_and(has_no_owner) {
            let why = "the page is not shown under this name; --host names those under which it is";
            return Some(reply::text(StatusCode::FORBIDDEN, why));
        }
        reply::refuse_method(request)
    }

    fn status(&self, hub: &Hub) -> Status<'_> {
        let totals = hub.totals();
        let (traffic, compressed) = (totals.traffic, totals.compressed);
        Status {
            version: env!("CARGO_PKG_VERSION"),
            mode: &self.mode,
            uptime: self.start.elapsed().as_secs_f64(),
            limit: self.limit,
            connections: totals.open,
            totals: Totals {
                opened: totals.opened,
                refused: totals.refused,
                ended: totals.endings.iter().filter(|(_, n)| *n > 0).collect(),
                messages_received: traffic.messages_received,
                messages_sent: traffic.messages_sent,
                bytes_received: traffic.bytes_received,
                bytes_sent: traffic.bytes_sent,
                dropped: traffic.messages_dropped,
                compression: Compression {
                    sent: [compressed.sent_before, compressed.sent_after],
                    received: [compressed.received_before, compressed.received_after],
                },
            },
            peers: hub.connections().iter().rev().take(SHOWN).map(|peer| Row::new(peer)).collect(),
        }
    }

    fn history_of(&self, query: Option<&str>, hub: &Hub) -> Response {
        let id = query.and_then(|query| query.split('&').find_map(|part| part.strip_prefix("id=")));
        let Some(id) = id.and_then(|id| id.parse::<u64>().ok()) else {
            return reply::text(
                StatusCode::BAD_REQUEST,
                "the query is id=N, a connection's number",
            );
        };
        match hub.info(id.into()) {
            Ok(peer) => {
                let records = || peer.history().iter().map(Line::new).collect();
                let history = (self.history > 0).then(records);
                reply::json(&History { id, history })
            }
            Err(error) => reply::text(StatusCode::NOT_FOUND, error.to_string()),
        }
    }
}

/// Tells whether somebody else has asked a proxy on this machine.
fn is_from_a_proxy(request: &Request<'_>) -> bool {
    let fields = ["Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP"];
    fields.iter().any(|field| request.header(field).is_some())
}

/// Tells whether a `Host` is none that somebody could point elsewhere: an address, or a name that means
/// this machine everywhere.
fn has_no_owner(host: &[u8]) -> bool {
    let Ok(authority) = Authority::try_from(host) else { return false };
    let name = authority.host().to_ascii_lowercase();
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(&name);
    address == "localhost"
        || address.ends_with(".localhost")
        || address.parse::<std::net::IpAddr>().is_ok()
}

fn file(asset: &Asset) -> Response {
    let mut response = reply::content(asset.content_type, asset.bytes);
    for (name, value) in Asset::HEADERS {
        if let Ok(name) = HeaderName::try_from(name) {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
    }
    response
}

#[derive(Serialize)]
struct Status<'c> {
    version: &'static str,
    mode: &'c str,
    /// In seconds.
    uptime: f64,
    limit: usize,
    connections: usize,
    totals: Totals,
    /// The newest first.
    peers: Vec<Row>,
}

#[derive(Serialize)]
struct Totals {
    opened: u64,
    refused: u64,
    /// How those that have ended did.
    ended: BTreeMap<&'static str, u64>,
    messages_received: u64,
    messages_sent: u64,
    bytes_received: u64,
    bytes_sent: u64,
    dropped: u64,
    compression: Compression,
}

/// Bytes of messages that were compressed, before that was done or undone, and after.
#[derive(Serialize)]
struct Compression {
    sent: [u64; 2],
    received: [u64; 2],
}

/// A connection.
#[derive(Serialize)]
struct Row {
    id: u64,
    address: String,
    path: String,
    subprotocol: Option<String>,
    connected_at: u64,
    messages_received: u64,
    messages_sent: u64,
    bytes_received: u64,
    bytes_sent: u64,
}

impl Row {
    fn new(peer: &Peer) -> Self {
        let traffic = peer.traffic();
        Self {
            id: peer.id().into(),
            address: peer.remote_addr().map_or_else(|| "unix".into(), |addr| addr.to_string()),
            path: peer.path().into(),
            subprotocol: peer.subprotocol().map(Into::into),
            connected_at: milliseconds(peer.connected_at()),
            messages_received: traffic.messages_received,
            messages_sent: traffic.messages_sent,
            bytes_received: traffic.bytes_received,
            bytes_sent: traffic.bytes_sent,
        }
    }
}

#[derive(Serialize)]
struct History {
    id: u64,
    history: Option<Vec<Line>>,
}

/// A message.
#[derive(Serialize)]
struct Line {
    time: u64,
    from: &'static str,
    kind: &'static str,
    bytes: usize,
    data: String,
}

impl Line {
    fn new(record: &Record) -> Self {
        let (kind, data) = match record.kind {
            Kind::Text => ("text", beginning_of_text(&record.beginning).into()),
            Kind::Binary => ("binary", hex(&record.beginning)),
        };
        let from = match record.from {
            Sender::Peer => "peer",
            Sender::Server => "server",
        };
        Self { time: milliseconds(record.time), from, kind, bytes: record.bytes, data }
    }
}

/// The text, which may have been cut in a code point.
fn beginning_of_text(bytes: &[u8]) -> &str {
    let valid = str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
    str::from_utf8(&bytes[..valid]).unwrap_or_default()
}

fn hex(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// A time in ms of the Unix epoch.
fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// How many connections the page shows at most.
const SHOWN: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_localhost_have_no_owner_and_other_names_have() {
        for host in
            ["localhost", "LOCALHOST:80", "127.0.0.1:8567", "[::1]:8567", "[::1]", "10.0.0.1"]
        {
            assert!(has_no_owner(host.as_bytes()), "{host}");
        }
        for host in
            ["", "example.com", "127.0.0.1.example.com", "localhost.example.com:8567", "a b"]
        {
            assert!(!has_no_owner(host.as_bytes()), "{host}");
        }
    }

    #[test]
    fn a_text_is_cut_between_code_points() {
        assert_eq!(beginning_of_text("aé".as_bytes()), "aé");
        assert_eq!(beginning_of_text(&"aé".as_bytes()[..2]), "a");
        assert_eq!(beginning_of_text(b""), "");
    }
}
