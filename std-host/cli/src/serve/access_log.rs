//! `--access-log`: a line for each connection at its end, and for each request that opened none.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use clap::{Args, ValueEnum};
use serde::Serialize;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use wirelet::handshake::{HeadScanner, Request};
use wirelet_host::{Closed, Peer, Response};

/// What is written about connections, and where.
#[derive(Args, Debug)]
pub(super) struct AccessLogArgs {
    /// Write a line for each connection at its end, and for each request that opens none, to this file, or to
    /// the standard output; SIGHUP opens the file again. Queries are left out, as they may hold a token
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    access_log: Option<PathBuf>,
    /// How a line of the access log looks
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Combined)]
    access_log_format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// As of Apache and nginx, with the origin as the referer; behind it the seconds, messages in and out,
    /// bytes in, and how the connection ended
    Combined,
    /// A JSON object
    Json,
}

/// Where the lines go.
#[derive(Debug)]
pub(super) struct AccessLog {
    format: Format,
    /// None is the standard output.
    path: Option<PathBuf>,
    file: Mutex<Option<File>>,
    /// The last line could not be written, which was told.
    is_failing: AtomicBool,
}

impl AccessLogArgs {
    /// Opens it, if there is to be one.
    pub(super) fn open(&self) -> Result<Option<AccessLog>, String> {
        let Some(path) = &self.access_log else { return Ok(None) };
        let path = (path.as_os_str() != "-").then(|| path.clone());
        let file = path.as_deref().map(open).transpose()?;
        Ok(Some(AccessLog {
            format: self.access_log_format,
            path,
            file: Mutex::new(file),
            is_failing: AtomicBool::new(false),
        }))
    }
}

impl AccessLog {
    /// Tells whether there is a file that can be opened again.
    pub(super) const fn has_file(&self) -> bool {
        self.path.is_some()
    }

    /// Opens the file again, which may have been moved away.
    pub(super) fn reopen(&self) -> Result<(), String> {
        let file = self.path.as_deref().map(open).transpose()?;
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = file;
        Ok(())
    }

    /// Writes that a connection has ended.
    pub(super) fn closed(&self, peer: &Peer, closed: &Closed) {
        let traffic = peer.traffic();
        let request = peer.request();
        self.write(&Entry {
            bytes_sent: traffic.bytes_sent,
            connection: Some(Ended {
                id: peer.id().into(),
                subprotocol: peer.subprotocol(),
                seconds: peer.connected_at().elapsed().unwrap_or_default().as_secs_f64(),
                messages_received: traffic.messages_received,
                messages_sent: traffic.messages_sent,
                bytes_received: traffic.bytes_received,
                end: closed.ending().label(),
            }),
            ..Entry::new(peer.remote_addr(), request.as_ref(), 101)
        });
    }

    /// Writes that a request was answered.
    pub(super) fn answered(&self, head: &[u8], response: &Response, addr: Option<SocketAddr>) {
        let len = HeadScanner::new().scan(head).ok().flatten();
        let request = len.and_then(|len| Request::parse(&head[..len]).ok());
        self.write(&Entry {
            bytes_sent: response.body().len() as u64,
            ..Entry::new(addr, request.as_ref(), response.status().as_u16())
        });
    }

    fn write(&self, entry: &Entry<'_>) {
        let mut line = match self.format {
            Format::Combined => entry.combined(),
            Format::Json => serde_json::to_string(entry).unwrap_or_default(),
        };
        line.push('\n');
        let result = match &mut *self.file.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(file) => file.write_all(line.as_bytes()),
            None => io::stdout().write_all(line.as_bytes()),
        };
        let was_failing = self.is_failing.swap(result.is_err(), Ordering::Relaxed);
        if let Err(error) = result
            && !was_failing
        {
            tracing::error!("the access log cannot be written: {error}");
        }
    }
}

fn open(path: &Path) -> Result<File, String> {
    let opened = OpenOptions::new().create(true).append(true).open(path);
    opened.map_err(|error| format!("cannot write the access log {}: {error}", path.display()))
}

/// A line.
#[derive(Serialize)]
struct Entry<'e> {
    time: String,
    /// `None` on a Unix socket.
    remote_addr: Option<String>,
    /// Of the client; `None` if a proxy has told none.
    remote_port: Option<u16>,
    /// What was asked for; `None` if that was no HTTP.
    method: Option<&'e str>,
    path: Option<&'e str>,
    status: u16,
    bytes_sent: u64,
    host: Option<String>,
    origin: Option<String>,
    user_agent: Option<String>,
    #[serde(flatten)]
    connection: Option<Ended<'e>>,
}

/// What is known of a connection that was open.
#[derive(Serialize)]
struct Ended<'e> {
    id: u64,
    subprotocol: Option<&'e str>,
    seconds: f64,
    messages_received: u64,
    messages_sent: u64,
    bytes_received: u64,
    end: &'static str,
}

impl<'e> Entry<'e> {
    fn new(addr: Option<SocketAddr>, request: Option<&Request<'e>>, status: u16) -> Self {
        let field = |name| request.and_then(|request| request.header(name));
        let field = |name| field(name).map(|value| String::from_utf8_lossy(value).into_owned());
        Self {
            time: now(),
            remote_addr: addr.map(|addr| addr.ip().to_string()),
            remote_port: addr.map(|addr| addr.port()).filter(|port| *port > 0),
            method: request.map(Request::method),
            path: request.map(Request::path),
            status,
            bytes_sent: 0,
            host: field("Host"),
            origin: field("Origin"),
            user_agent: field("User-Agent"),
            connection: None,
        }
    }

    fn combined(&self) -> String {
        let quoted = |text: Option<&str>| {
            text.map_or("-".into(), |text| text.as_bytes().escape_ascii().to_string())
        };
        let mut line = format!(
            "{} - - [{}] \"{}\" {} {} \"{}\" \"{}\"",
            self.remote_addr.as_deref().unwrap_or("unix:"),
            day_first(&self.time),
            match (self.method, self.path) {
                (Some(method), Some(path)) => format!("{method} {} HTTP/1.1", quoted(Some(path))),
                _ => "-".into(),
            },
            self.status,
            self.bytes_sent,
            quoted(self.origin.as_deref()),
            quoted(self.user_agent.as_deref()),
        );
        if let Some(ended) = &self.connection {
            let Ended { seconds, messages_received, messages_sent, bytes_received, end, .. } =
                ended;
            let _ = write!(
                line,
                " {seconds:.3} {messages_received} {messages_sent} {bytes_received} {end}"
            );
        }
        line
    }
}

/// The time as RFC 3339 has it, in UTC.
fn now() -> String {
    let mut time = String::new();
    let _ = SystemTime.format_time(&mut Writer::new(&mut time));
    time
}

/// Writes `2026-11-28T01:52:22.5Z` as `28/Nov/2026:01:52:22 +0000`.
fn day_first(time: &str) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let part = |range| time.get(range).unwrap_or_default();
    let month =
        part(5..7).parse::<usize>().ok().and_then(|month| MONTHS.get(month.wrapping_sub(1)));
    format!("{}/{}/{}:{} +0000", part(8..10), month.unwrap_or(&"-"), part(0..4), part(11..19))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_of_apache() {
        assert_eq!(day_first("2026-11-28T01:52:22.123456Z"), "28/Nov/2026:01:52:22 +0000");
        assert_eq!(day_first("2027-01-01T00:00:00Z"), "01/Jan/2027:00:00:00 +0000");
        assert_eq!(day_first(&now()).len(), "28/Nov/2026:01:52:22 +0000".len());
    }

    #[test]
    fn what_a_client_sends_stays_in_its_quotes() {
        let head = b"GET /a\"b?token HTTP/1.1\r\nHost: a\r\nUser-Agent: x\" \xff\t\\y\r\n\r\n";
        let request = Request::parse(head).unwrap();
        let line = Entry::new(Some("192.0.2.7:5".parse().unwrap()), Some(&request), 403).combined();
        assert!(line.starts_with("192.0.2.7 - - ["), "{line}");
        let rest = line.split_once("] ").unwrap().1;
        let user_agent = r#""x\" \xef\xbf\xbd\t\\y""#;
        assert_eq!(rest, format!(r#""GET /a\"b HTTP/1.1" 403 0 "-" {user_agent}"#));
        let none = Entry::new(None, None, 400).combined();
        assert!(none.starts_with("unix: - - ["), "{none}");
        assert!(none.ends_with(r#"] "-" 400 0 "-" "-""#), "{none}");
    }
}
