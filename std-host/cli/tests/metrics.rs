//! `wirelet serve --metrics`, as Prometheus and a load balancer ask for it.

mod harness;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use harness::{
    BINARY, CLOSE, LIMIT, PING, Running, TEXT, frame, get, handshake, read_frame, request,
    try_handshake, upgrade_request, within,
};

/// A server, and where its figures are.
fn serve(flags: &[&str]) -> (Running, SocketAddr) {
    let flags = [&["--no-page", "--metrics", "127.0.0.1:0"], flags].concat();
    let mut server = Running::serve(&flags);
    let line = server.line();
    let addr = line.strip_prefix("metrics at http://").unwrap().strip_suffix("/metrics").unwrap();
    (server, addr.parse().unwrap())
}

/// What Prometheus would take.
#[derive(Debug, Default)]
struct Scrape {
    values: BTreeMap<String, f64>,
    types: BTreeMap<String, String>,
}

impl Scrape {
    fn value(&self, name: &str) -> u64 {
        let value = *self.values.get(name).unwrap_or_else(|| panic!("{name} is not in {self:#?}"));
        assert!(value >= 0.0 && value.fract() == 0.0, "{name} is {value}");
        format!("{value:.0}").parse().unwrap()
    }
}

fn scrape(addr: SocketAddr) -> Scrape {
    let (head, body) = get(addr, "/metrics");
    assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
    let content_type = "\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\n";
    assert!(head.contains(content_type), "{head}");
    parse(&body)
}

/// Parses the text format 0.0.4, as strictly as `OpenMetrics` is: each family has a HELP, a TYPE and then
/// its samples, once; lines end with LF; counters end with `_total`.
fn parse(text: &str) -> Scrape {
    let is_name = |name: &str| {
        !name.is_empty()
            && !name.starts_with(|first: char| first.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "_:".contains(c))
    };
    let (mut scrape, mut helped) = (Scrape::default(), BTreeSet::new());
    let (mut helps, mut family) = (String::new(), String::new());
    for line in text.strip_suffix('\n').expect("the last line ends").split('\n') {
        assert!(!line.contains('\r') && line.trim() == line, "{line:?}");
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect(line);
            assert!(is_name(name) && !help.is_empty(), "{line}");
            assert!(helped.insert(name.to_owned()), "{name} is helped twice");
            name.clone_into(&mut helps);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect(line);
            assert_eq!(name, helps, "the TYPE stands behind its HELP");
            assert!(["counter", "gauge"].contains(&kind), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            assert!(scrape.types.insert(name.into(), kind.into()).is_none(), "{line}");
            name.clone_into(&mut family);
        } else {
            let (series, value) = line.rsplit_once(' ').expect(line);
            let name = match series.split_once('{') {
                None => series,
                Some((name, labels)) => {
                    let labels = labels.strip_suffix('}').expect(line);
                    for label in labels.split(',') {
                        let (name, value) = label.split_once('=').expect(line);
                        let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
                        assert!(
                            is_name(name) && !value.expect(line).contains(['"', '\\']),
                            "{line}"
                        );
                    }
                    name
                }
            };
            assert!(is_name(name), "{line}");
            assert_eq!(name, family, "the samples stand behind their TYPE");
            let value = value.parse().expect(line);
            assert!(scrape.values.insert(series.into(), value).is_none(), "{series} twice");
        }
    }
    for name in scrape.types.keys() {
        let is_of = |series: &String| series.split('{').next() == Some(name);
        assert!(scrape.values.keys().any(is_of), "{name} has no sample");
    }
    scrape
}

#[test]
fn the_figures_are_those_of_the_traffic() {
    let (server, metrics) = serve(&["--max-connections", "3", "--path", "/chat"]);
    let before = scrape(metrics);
    for (name, value) in [
        ("wirelet_connections", 0),
        ("wirelet_connections_limit", 3),
        ("wirelet_connections_opened_total", 0),
        ("wirelet_requests_refused_total", 0),
        ("wirelet_messages_received_total", 0),
        ("wirelet_messages_sent_total", 0),
        ("wirelet_messages_dropped_total", 0),
        ("wirelet_bytes_received_total", 0),
        ("wirelet_bytes_sent_total", 0),
        (concat!("wirelet_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"}"), 1),
    ] {
        assert_eq!(before.value(name), value, "{name}");
    }
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let start = before.values["process_start_time_seconds"];
    assert!((now.as_secs_f64() - start).abs() < 60.0, "{start}");

    let mut socket = handshake(server.addr);
    let opened = scrape(metrics).value("wirelet_bytes_sent_total");
    for (first, payload) in [(TEXT, "hello"), (BINARY, ""), (PING, "ping")] {
        socket.write_all(&frame(first, payload.as_bytes())).unwrap();
        read_frame(&mut socket);
    }
    let gone = handshake(server.addr);
    drop(gone);
    let refused = upgrade_request().replace("/chat", "/other");
    let mut other = std::net::TcpStream::connect(server.addr).unwrap();
    other.write_all(refused.as_bytes()).unwrap();
    assert!(harness::read_head(&mut other).starts_with("HTTP/1.1 404 "));
    within(LIMIT, || scrape(metrics).value("wirelet_connections") == 1);
    let after = scrape(metrics);
    for (name, value) in [
        ("wirelet_connections_opened_total", 2),
        ("wirelet_requests_refused_total", 1),
        ("wirelet_messages_received_total", 2),
        ("wirelet_messages_sent_total", 2),
        ("wirelet_bytes_received_total", (6 + 5) + 6 + (6 + 4)),
    ] {
        assert_eq!(after.value(name), value, "{name}");
    }
    // The other acceptance was as long as this one.
    assert_eq!(after.value("wirelet_bytes_sent_total"), 2 * opened + (2 + 5) + 2 + (2 + 4));
}

#[test]
fn every_end_of_a_connection_is_in_the_figures_by_how_it_came() {
    let (server, metrics) = serve(&["--handshake-time", "1", "--max-message", "10"]);
    let how = |label| format!("wirelet_connections_ended_total{{how=\"{label}\"}}");
    let before = scrape(metrics);
    for label in ["close_none", "close_other", "ping_timeout", "tls_failure", "slow_peer"] {
        assert_eq!(before.value(&how(label)), 0, "{label}");
    }
    for payload in [&b"\x03\xe9"[..], b"\x0f\xa0", b""] {
        handshake(server.addr).write_all(&frame(CLOSE, payload)).unwrap();
    }
    handshake(server.addr).write_all(&frame(TEXT, b"eleven byte")).unwrap();
    drop(handshake(server.addr));
    get(server.addr, "/");
    let silent = harness::tcp(server.addr);
    let sum = |scrape: &Scrape| -> u64 {
        let series =
            scrape.values.keys().filter(|series| series.starts_with("wirelet_connections_ended"));
        series.map(|series| scrape.value(series)).sum()
    };
    within(LIMIT, || sum(&scrape(metrics)) == 7);
    drop(silent);
    let after = scrape(metrics);
    for label in [
        "close_1001",
        "close_other",
        "close_none",
        "message_too_big",
        "eof",
        "answered",
        "no_request",
    ] {
        assert_eq!(after.value(&how(label)), 1, "{label}");
    }
}

#[test]
fn what_a_slow_peer_misses_is_counted() {
    let (server, metrics) =
        serve(&["--mode", "chat", "--max-queue", "1000", "--slow-peers", "drop"]);
    let mut slow = handshake(server.addr);
    harness::settle(std::slice::from_mut(&mut slow));
    let mut fast = handshake(server.addr);
    let message = vec![7; 500_000];
    for _ in 0..30 {
        fast.write_all(&frame(BINARY, &message)).unwrap();
        read_frame(&mut fast);
    }
    let figures = scrape(metrics);
    let dropped = figures.value("wirelet_messages_dropped_total");
    assert!((1..=30).contains(&dropped), "{dropped}");
    // One may wait in the queue of the slow one.
    let told = figures.value("wirelet_messages_sent_total") + dropped;
    assert!((59..=60).contains(&told), "{told}");
}

#[test]
fn the_health_is_bad_from_the_first_signal_on() {
    let (mut server, metrics) = serve(&[]);
    let (head, body) = get(metrics, "/healthz");
    assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
    assert_eq!(body, "ok\n");
    let mut socket = handshake(server.addr);
    server.signal("TERM");
    assert_eq!(read_frame(&mut socket), (CLOSE, b"\x03\xe9".to_vec()));
    let (head, body) = get(metrics, "/healthz");
    assert!(head.starts_with("http/1.1 503 "), "{head}");
    assert_eq!(body, "shutting down\n");
    assert_eq!(scrape(metrics).value("wirelet_connections"), 1);
    socket.write_all(&frame(CLOSE, b"\x03\xe9")).unwrap();
    drop(socket);
    assert_eq!(server.wait(), Some(0));
}

/// The status of the health.
fn health(metrics: SocketAddr) -> String {
    get(metrics, "/healthz").0[9..12].to_owned()
}

#[test]
fn a_server_that_is_going_to_drain_is_unready_and_accepts() {
    let (server, metrics) = serve(&["--drain-delay", "3600"]);
    assert_eq!(health(metrics), "200");
    let mut sockets = vec![handshake(server.addr)];
    server.signal("TERM");
    within(LIMIT, || health(metrics) == "503");
    sockets.extend((0..3).map(|_| handshake(server.addr)));
    harness::settle(&mut sockets);
    for socket in &sockets {
        harness::silent(socket, Duration::from_millis(100));
    }
}

#[test]
fn a_server_that_drains_closes_one_after_the_other() {
    let flags = ["--drain-delay", "1", "--drain-time", "2", "--drain-code", "1012"];
    let (mut server, metrics) = serve(&flags);
    let sockets: Vec<_> = (0..4).map(|_| handshake(server.addr)).collect();
    let start = Instant::now();
    server.signal("TERM");
    for (i, mut socket) in (0..).zip(sockets) {
        assert_eq!(read_frame(&mut socket), (CLOSE, b"\x03\xf4".to_vec()));
        assert!(start.elapsed() >= Duration::from_millis(1000 + 500 * i), "{i}");
        assert_eq!(health(metrics), "503");
        socket.write_all(&frame(CLOSE, b"\x03\xf4")).unwrap();
    }
    assert_eq!(server.wait(), Some(0));
}

#[test]
fn a_second_signal_ends_a_drain_at_once() {
    for flag in ["--drain-delay", "--drain-time"] {
        let (mut server, metrics) = serve(&[flag, "3600"]);
        let _sockets = [handshake(server.addr), handshake(server.addr)];
        server.signal("TERM");
        within(LIMIT, || get(metrics, "/healthz").0.contains(" 503 "));
        assert_eq!(server.wait_within(Duration::from_millis(300)), None, "{flag}");
        server.signal("TERM");
        assert_eq!(server.wait(), Some(143), "{flag}");
    }
}

#[test]
fn there_is_nothing_else_there() {
    let (_server, metrics) = serve(&[]);
    for (line, status) in [
        ("GET /", 404),
        ("GET /metrics/", 404),
        ("GET /status.json", 404),
        ("POST /metrics", 405),
        ("DELETE /healthz", 405),
    ] {
        let (head, _) = request(metrics, line, &["Host: localhost"]);
        assert!(head.starts_with(&format!("http/1.1 {status} ")), "{line}: {head}");
    }
    let (head, body) = request(metrics, "HEAD /metrics", &["Host: localhost"]);
    assert!(head.starts_with("http/1.1 200 ") && body.is_empty(), "{head}{body}");
    assert!(!head.contains("content-length: 0"), "{head}");
    assert!(try_handshake(metrics).is_none());
}

#[test]
#[should_panic(expected = "the samples stand behind their TYPE")]
fn the_parser_of_this_test_is_strict() {
    parse("# HELP a A.\n# TYPE a gauge\na 1\nb 2\n");
}
