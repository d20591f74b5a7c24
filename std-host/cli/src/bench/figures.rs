//! The results, as a person or a program reads them.

use std::fmt::{self, Write as _};

use hdrhistogram::Histogram;
use serde::Serialize;
use wirelet::Kind;

use super::echo::Expect;
use super::load::Pacing;
use super::report::Origin;
use super::results::Results;

/// The figures that are printed; the names of the fields are those of the JSON.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a figure by itself")]
pub(super) struct Figures<'r> {
    #[serde(flatten)]
    pub(super) origin: Origin,
    url: &'r str,
    connections: usize,
    threads: usize,
    /// Bytes of a message.
    size: usize,
    /// By what TLS encrypts, as its registry names it but for the prefix: `TLS13_AES_256_GCM_SHA384`.
    cipher_suite: Option<String>,
    kind: &'static str,
    depth: usize,
    /// Messages a second that were asked for.
    rate: Option<f64>,
    broadcast: bool,
    rooms: usize,
    /// Nothing was sent.
    idle: bool,
    /// After how many messages each connection was closed and another opened.
    reconnect_after: Option<u64>,
    /// What a message is answered by: `echo` or `any`.
    expect: &'static str,
    check: bool,
    seconds: f64,
    messages: u64,
    messages_per_second: f64,
    megabytes_per_second: f64,
    /// Connections that were closed after their messages.
    closed_connections: u64,
    connections_per_second: Option<f64>,
    /// What latency counts from: `sent`, or `due` if there is a rate. Only the latter is corrected for
    /// messages that a stall has kept from being sent (coordinated omission).
    latency_since: &'static str,
    latency_is_corrected: bool,
    latency_us: Latency,
    /// From the sending of what goes to all until the last has received it.
    to_all_us: Option<Latency>,
    /// The share of a core that the busiest thread of the load took.
    load_cpu_share: Option<f64>,
    server_cpu_seconds: Option<f64>,
    /// The share of a core that the server took.
    server_cpu_share: Option<f64>,
    server_cpu_us_per_message: Option<f64>,
    server_cpu_us_per_connection: Option<f64>,
    failed_connections: usize,
    first_failure: Option<&'r str>,
    /// Messages under way, or due, when the measurement ended, and how long the oldest of them was.
    under_way_at_end: u64,
    oldest_under_way_us: f64,
    missing_messages: u64,
    /// Messages that came and answer none, with `any`.
    unasked_messages: u64,
    unclean_closes: usize,
}

#[derive(Debug, Serialize)]
struct Latency {
    min: f64,
    mean: f64,
    p50: f64,
    p90: f64,
    p99: f64,
    p99_9: f64,
    max: f64,
}

impl Latency {
    /// Takes the figures from times in nanoseconds.
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    fn new(times: &Histogram<u64>) -> Self {
        let quantile = |quantile| times.value_at_quantile(quantile) as f64 / 1e3;
        Self {
            min: times.min() as f64 / 1e3,
            mean: times.mean() / 1e3,
            p50: quantile(0.5),
            p90: quantile(0.9),
            p99: quantile(0.99),
            p99_9: quantile(0.999),
            max: quantile(1.0),
        }
    }
}

impl<'r> Figures<'r> {
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    pub(super) fn new(results: &'r Results<'_>) -> Self {
        let Results { load, messages, closed, outcome, .. } = results;
        let size = load.payload.len();
        let seconds = results.seconds();
        let server_cpu_us_each = |n: u64| {
            let cpu = results.server_cpu.filter(|_| n > 0);
            cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / n as f64)
        };
        Self {
            origin: Origin::of_this_run(),
            url: &load.target.url,
            connections: load.connections,
            threads: load.threads,
            size,
            cipher_suite: outcome.cipher_suite.map(|suite| format!("{suite:?}")),
            kind: match load.payload.message().kind() {
                Kind::Text => "text",
                Kind::Binary => "binary",
            },
            depth: load.depth,
            rate: match load.pacing {
                Pacing::AsTheyComeBack | Pacing::Idle => None,
                Pacing::Rate(rate) => Some(rate),
            },
            broadcast: load.broadcast,
            rooms: load.rooms.len(),
            idle: load.pacing == Pacing::Idle,
            reconnect_after: load.reconnect_after,
            expect: match load.expect {
                Expect::Echo => "echo",
                Expect::Any => "any",
            },
            check: load.check,
            seconds,
            messages: *messages,
            messages_per_second: results.messages_per_second(),
            megabytes_per_second: results.bytes_per_second() / 1e6,
            closed_connections: *closed,
            connections_per_second: load.reconnect_after.map(|_| results.connections_per_second()),
            latency_since: match load.pacing {
                Pacing::AsTheyComeBack | Pacing::Idle => "sent",
                Pacing::Rate(_) => "due",
            },
            latency_is_corrected: matches!(load.pacing, Pacing::Rate(_)),
            latency_us: Latency::new(&results.latency),
            to_all_us: Some(&results.to_all).filter(|times| !times.is_empty()).map(Latency::new),
            load_cpu_share: outcome.cpu.map(|cpu| cpu.as_secs_f64() / seconds),
            server_cpu_seconds: results.server_cpu.map(|cpu| cpu.as_secs_f64()),
            server_cpu_share: results.server_cpu.map(|cpu| cpu.as_secs_f64() / seconds),
            server_cpu_us_per_message: server_cpu_us_each(*messages),
            server_cpu_us_per_connection: server_cpu_us_each(*closed),
            failed_connections: outcome.failed,
            first_failure: outcome.failure.as_deref(),
            under_way_at_end: outcome.under_way,
            oldest_under_way_us: outcome.oldest.as_secs_f64() * 1e6,
            missing_messages: outcome.missing,
            unasked_messages: outcome.unasked,
            unclean_closes: outcome.unclean,
        }
    }

    /// Says what was done.
    pub(super) fn description(&self) -> String {
        if self.idle {
            return format!("{} connections, idle for {} s", self.connections, self.seconds);
        }
        let mut text = format!("{} connections, {} messages", self.connections, self.kind);
        let _ = write!(text, " of {} bytes", self.size);
        if self.depth > 1 {
            let _ = write!(text, ", depth {}", self.depth);
        }
        if let Some(rate) = self.rate {
            let _ = write!(text, ", {rate} a second");
        }
        if self.broadcast {
            text += ", from one to all";
            if self.rooms > 1 {
                let _ = write!(text, " of each of {} rooms", self.rooms);
            }
        }
        if let Some(n) = self.reconnect_after {
            let _ = write!(text, ", {n} a connection");
        }
        if self.expect == "any" {
            text += ", any answer";
        }
        text
    }

    /// Lists the figures, by name.
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 messages")]
    pub(super) fn rows(&self) -> Vec<(&'static str, String)> {
        if self.idle {
            let share = self.server_cpu_share;
            let row = share.map(|share| ("server, CPU", format!("{:.2} %", share * 100.0)));
            return row.into_iter().collect();
        }
        let latency = &self.latency_us;
        let mut rows = vec![
            ("messages", grouped(self.messages as f64)),
            ("messages / s", grouped(self.messages_per_second)),
            ("MB / s", format!("{:.1}", self.megabytes_per_second)),
            ("latency p50", human(latency.p50)),
            ("p90", human(latency.p90)),
            ("p99", human(latency.p99)),
            ("p99.9", human(latency.p99_9)),
            ("max", human(latency.max)),
        ];
        if let Some(times) = &self.to_all_us {
            rows.push(("to all p50", human(times.p50)));
            rows.push(("max", human(times.max)));
        }
        if let Some(rate) = self.connections_per_second {
            rows.insert(2, ("connections / s", grouped(rate)));
        }
        rows.push(("under way", grouped(self.under_way_at_end as f64)));
        if self.under_way_at_end > 0 {
            rows.push(("the oldest", human(self.oldest_under_way_us)));
        }
        if let Some(share) = self.load_cpu_share {
            rows.push(("load, CPU", format!("{:.0} %", share * 100.0)));
        }
        if let Some(us) = self.server_cpu_us_per_message {
            rows.push(("server, CPU", format!("{us:.3} µs/msg")));
        }
        if let Some(us) = self.server_cpu_us_per_connection {
            rows.push(("", format!("{us:.1} µs/conn")));
        }
        rows
    }

    /// What must be known to read the figures, in sentences.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.idle && !self.latency_is_corrected {
            notes.push(
                "latency counts from when a message left, and the next waits for its answer: what a stall \
                 kept from leaving is not in it (not corrected for coordinated omission); with --rate it is"
                    .into(),
            );
        }
        if self.unasked_messages > 0 {
            let n = self.unasked_messages;
            notes.push(format!("{n} messages came that answer none, and were ignored"));
        }
        notes
    }

    /// What is wrong with the figures, in sentences.
    pub(super) fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if let Some(failure) = self.first_failure {
            let n = self.failed_connections;
            remarks.push(format!(
                "{n} of {} connections failed, the first: {failure}",
                self.connections
            ));
        }
        if self.missing_messages > 0 {
            let n = self.missing_messages;
            remarks.push(format!("{n} messages were due and had not come back 5 s after the end"));
        } else if self.messages == 0 && !self.idle {
            remarks.push("no message came back while it was measured".into());
        } else if self.reconnect_after.is_some() && self.closed_connections == 0 {
            remarks.push("no connection was closed while it was measured".into());
        }
        if self.unclean_closes > 0 {
            remarks.push(format!("{} connections were not closed cleanly", self.unclean_closes));
        }
        if self.load_cpu_share.is_some_and(|share| share > 0.95) {
            let advice = if self.broadcast { "" } else { "; see --threads" };
            remarks.push(format!("the load took a whole core: the server may be faster{advice}"));
        }
        remarks
    }
}

impl fmt::Display for Figures<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n", self.url, self.description())?;
        for (name, value) in self.rows() {
            writeln!(f, "{name:<16}{value:>14}")?;
        }
        for remark in self.notes().into_iter().chain(self.remarks()) {
            writeln!(f, "\n{remark}")?;
        }
        writeln!(f, "\n{}", self.origin)?;
        Ok(())
    }
}

/// A whole number with a comma after each three digits.
pub(super) fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time of `us` microseconds, in the unit that fits.
pub(super) fn human(us: f64) -> String {
    match us {
        ..1e3 => format!("{us:.1} µs"),
        ..1e6 => format!("{:.2} ms", us / 1e3),
        _ => format!("{:.2} s", us / 1e6),
    }
}
