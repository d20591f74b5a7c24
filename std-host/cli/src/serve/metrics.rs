//! `--metrics`: figures for Prometheus, and whether the server is well.

use std::fmt::{Display, Write as _};
use std::io;
use std::num::NonZero;
use std::time::{SystemTime, UNIX_EPOCH};

use wirelet::Message;
use wirelet::handshake::Request;
use wirelet_host::{
    Answer, Builder, Context, Handler, Handshake, Hub, Limits, Listen, Response, Server, Shutdown,
    StatusCode,
};

use super::reply;

/// Answers `/metrics` and `/healthz`.
pub(super) struct Metrics {
    hub: Hub,
    /// How many connections there may be.
    limit: usize,
    start: SystemTime,
    shutdown: Shutdown,
}

impl Metrics {
    /// Listens for who asks for the figures of `hub`, and whether its server is ready.
    pub(super) async fn bind(
        place: Listen,
        hub: Hub,
        limit: usize,
        shutdown: Shutdown,
    ) -> io::Result<Server<Self>> {
        let limits = Limits { connections: 64, ..Limits::default() };
        let metrics = Self { hub, limit, start: SystemTime::now(), shutdown };
        Builder::new()
            .limits(limits)
            .threads(NonZero::<usize>::MIN)
            .listen(place)
            .bind(metrics)
            .await
    }

    fn health(&self) -> Response {
        if self.shutdown.is_ready() {
            reply::text(StatusCode::OK, "ok")
        } else {
            reply::text(StatusCode::SERVICE_UNAVAILABLE, "shutting down")
        }
    }

    fn figures(&self) -> String {
        let totals = self.hub.totals();
        let traffic = totals.traffic;
        let start = self.start.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let mut page = Page::default();
        page.add("wirelet_build_info", "gauge", "The version, as a label", 1);
        page.gauge("wirelet_connections", "Connections that are open", totals.open);
        page.gauge("wirelet_connections_limit", "Connections that may be open", self.limit);
        page.counter("wirelet_connections_opened", "Connections that were opened", totals.opened);
        page.counter("wirelet_requests_refused", "Requests answered by 400 to 599", totals.refused);
        page.counters(
            "wirelet_connections_ended",
            "Connections of TCP that have ended, by how",
            ("how", totals.endings.iter()),
        );
        page.counter("wirelet_messages_received", "Messages of clients", traffic.messages_received);
        page.counter("wirelet_messages_sent", "Messages to clients", traffic.messages_sent);
        page.counter(
            "wirelet_messages_dropped",
            "Messages that a client did not get because it reads too slowly",
            traffic.messages_dropped,
        );
        page.counter(
            "wirelet_bytes_received",
            "Bytes of frames of clients",
            traffic.bytes_received,
        );
        page.counter("wirelet_bytes_sent", "Bytes of frames to clients", traffic.bytes_sent);
        let compressed = totals.compressed;
        for (name, help, n) in [
            (
                "sent_before",
                "Bytes of messages that were compressed, before",
                compressed.sent_before,
            ),
            ("sent_after", "Bytes of messages that were compressed, after", compressed.sent_after),
            (
                "received_before",
                "Bytes of messages that clients had compressed, as they came",
                compressed.received_before,
            ),
            (
                "received_after",
                "Bytes of messages that clients had compressed, undone",
                compressed.received_after,
            ),
        ] {
            page.counter(&format!("wirelet_compression_bytes_{name}"), help, n);
        }
        page.gauge("process_start_time_seconds", "Start, in seconds of the Unix epoch", start);
        page.0
    }
}

impl Handler for Metrics {
    fn handshake(&self, _handshake: &Handshake<'_>) -> Answer {
        Answer::refuse(StatusCode::NOT_FOUND, "there is no WebSocket here")
    }

    fn request(&self, request: &Request<'_>, _hub: &Hub) -> Option<Response> {
        let respond: &dyn Fn() -> Response = match request.path() {
            "/metrics" => &|| reply::content(TEXT, self.figures().into_bytes()),
            "/healthz" => &|| self.health(),
            _ => &|| reply::text(StatusCode::NOT_FOUND, "there are /metrics and /healthz"),
        };
        Some(reply::refuse_method(request).unwrap_or_else(respond))
    }

    fn message(&self, _message: Message<'_>, _context: &mut Context<'_>) {}
}

/// Prometheus' text.
#[derive(Default)]
struct Page(String);

impl Page {
    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.add(name, "gauge", help, value);
    }

    /// A number that only grows, whose name ends with `_total`.
    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.add(&format!("{name}_total"), "counter", help, value);
    }

    /// Numbers that only grow, one for each value of a label.
    fn counters(
        &mut self,
        name: &str,
        help: &str,
        (label, values): (&str, impl Iterator<Item = (&'static str, u64)>),
    ) {
        let name = format!("{name}_total");
        let _ = write!(self.0, "# HELP {name} {help}.\n# TYPE {name} counter\n");
        for (of, value) in values {
            let _ = writeln!(self.0, "{name}{{{label}=\"{of}\"}} {value}");
        }
    }

    fn add(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        let labels = match name {
            "wirelet_build_info" => concat!("{version=\"", env!("CARGO_PKG_VERSION"), "\"}"),
            _ => "",
        };
        let text =
            format_args!("# HELP {name} {help}.\n# TYPE {name} {kind}\n{name}{labels} {value}\n");
        let _ = self.0.write_fmt(text);
    }
}

/// The type of that text.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
