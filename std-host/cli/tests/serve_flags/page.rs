//! The page, and its figures.

use crate::ask::{json, status_of};
use crate::harness::{
    BINARY, CLOSE, LIMIT, Running, TEXT, frame, get, handshake, read_frame, read_head, request,
    upgrade_request, within,
};
use serde_json::Value;
use std::io::Write as _;
use std::net::TcpStream;

#[test]
fn the_page_has_a_policy_and_all_of_its_files() {
    let mut server = Running::serve(&[]);
    assert_eq!(server.line(), format!("page at http://{}", server.addr));
    let (head, page) = get(server.addr, "/");
    assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
    assert!(head.contains("\r\ncontent-type: text/html; charset=utf-8\r\n"), "{head}");
    assert!(head.contains("\r\ncontent-security-policy: default-src 'none';"), "{head}");
    assert!(head.contains("\r\nx-content-type-options: nosniff\r\n"), "{head}");
    let names: Vec<&str> = ["href=\"", "src=\""]
        .iter()
        .flat_map(|mark| page.split(mark).skip(1).map(|rest| rest.split('"').next().unwrap()))
        .collect();
    assert!(names.len() >= 3, "{names:?}");
    for name in names {
        let (head, _) = get(server.addr, &format!("/{name}?v=1"));
        assert!(head.starts_with("http/1.1 200 ok\r\n"), "{name}: {head}");
    }
    let (head, _) = request(server.addr, "POST /", &["Host: localhost"]);
    assert!(head.starts_with("http/1.1 405 "), "{head}");
    let (head, _) = get(server.addr, "/no-such-file");
    assert!(head.starts_with("http/1.1 426 "), "{head}");
}

#[test]
fn a_page_of_another_name_gets_no_figures() {
    for (flags, host, status) in [
        (&[][..], "localhost:1", 200),
        (&[], "[::1]", 200),
        (&[], "rebound.example", 403),
        (&[], "127.0.0.1.example", 403),
        (&["--host", "mine.example"], "mine.example", 200),
        (&["--host", "mine.example"], "localhost", 403),
    ] {
        let server = Running::serve(flags);
        for path in ["/", "/status.json", "/history.json?id=1"] {
            let (head, body) =
                request(server.addr, &format!("GET {path}"), &[&format!("Host: {host}")]);
            let expected = if status == 200 && path.starts_with("/history") { 404 } else { status };
            assert_eq!(status_of(&head), expected, "{flags:?} {host} {path}: {body}");
        }
    }
}

#[test]
fn the_page_is_shown_to_this_machine_alone_unless_asked_for() {
    for (flags, shown) in [
        (&["--no-page"][..], false),
        (&["--listen", "0.0.0.0:0"], false),
        (&["--listen", "0.0.0.0:0", "--page"], true),
        (&["--listen", "[::1]:0"], true),
    ] {
        let server = Running::serve(flags);
        for path in ["/", "/status.json", "/history.json?id=1", "/style.css"] {
            let status = status_of(&get(server.addr, path).0);
            assert_eq!(status != 426, shown, "{flags:?} {path}: {status}");
        }
    }
}

#[test]
fn who_asks_through_a_proxy_sees_no_page_unless_asked_for() {
    for (flags, status) in [(&[][..], 403), (&["--page"], 200)] {
        let server = Running::serve(flags);
        for field in ["X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1", "Via: 1.1 front"] {
            let (head, _) = request(server.addr, "GET /status.json", &["Host: localhost", field]);
            assert_eq!(status_of(&head), status, "{flags:?} {field}");
        }
    }
}

#[test]
fn the_figures_tell_what_has_happened() {
    let server =
        Running::serve(&["--history", "3", "--max-connections", "7", "--subprotocol", "chat"]);
    let status = json(server.addr, "/status.json");
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["mode"], "echo");
    assert_eq!(status["limit"], 7);
    assert_eq!(status["connections"], 0);
    assert_eq!(status["peers"], Value::Array(Vec::new()));

    let mut first = handshake(server.addr);
    let mut second = TcpStream::connect(server.addr).unwrap();
    let asked =
        upgrade_request().replace("Upgrade: w", "Sec-WebSocket-Protocol: chat\r\nUpgrade: w");
    second.write_all(asked.as_bytes()).unwrap();
    let accepted = read_head(&mut second).len();
    let long = "ä".repeat(129);
    for (kind, payload) in [(TEXT, &b"gone"[..]), (BINARY, b"\x00\xff"), (TEXT, long.as_bytes())] {
        first.write_all(&frame(kind, payload)).unwrap();
        read_frame(&mut first);
    }
    let status = json(server.addr, "/status.json");
    assert_eq!(status["connections"], 2);
    let totals = &status["totals"];
    assert_eq!(totals["opened"], 2);
    // The pages that were sent are no refusals.
    assert_eq!(totals["refused"], 0);
    assert_eq!(totals["messages_received"], 3);
    assert_eq!(totals["messages_sent"], 3);
    assert_eq!(totals["bytes_received"], (6 + 4) + (6 + 2) + (8 + 258));
    // The other acceptance differs by the subprotocol.
    let accepted = 2 * accepted - "Sec-WebSocket-Protocol: chat\r\n".len();
    assert_eq!(totals["bytes_sent"], accepted + (2 + 4) + (2 + 2) + (4 + 258));
    assert_eq!(totals["dropped"], 0);
    assert!(status["uptime"].as_f64().unwrap() > 0.0);
    let peers = status["peers"].as_array().unwrap();
    assert_eq!((&peers[0]["id"], &peers[1]["id"]), (&2.into(), &1.into()), "the newest first");
    assert_eq!(peers[0]["subprotocol"], "chat");
    assert_eq!(peers[1]["subprotocol"], Value::Null);
    assert_eq!(peers[1]["path"], "/chat");
    assert_eq!(peers[1]["address"], first.local_addr().unwrap().to_string());
    assert_eq!(peers[1]["messages_received"], 3);
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let connected_at = u128::from(peers[1]["connected_at"].as_u64().unwrap());
    assert!((now - 60_000..=now).contains(&connected_at), "{connected_at}");

    let history = json(server.addr, "/history.json?id=1");
    assert_eq!(history["id"], 1);
    let lines = history["history"].as_array().unwrap();
    let told: Vec<(&str, &str, u64, &str)> = lines
        .iter()
        .map(|line| {
            let text = |key: &str| line[key].as_str().unwrap();
            (text("from"), text("kind"), line["bytes"].as_u64().unwrap(), text("data"))
        })
        .collect();
    let beginning = "ä".repeat(128);
    assert_eq!(
        told,
        [
            ("server", "binary", 2, "00ff"),
            ("peer", "text", 258, &*beginning),
            ("server", "text", 258, &*beginning),
        ]
    );

    second.write_all(&frame(CLOSE, b"\x03\xe8")).unwrap();
    read_frame(&mut second);
    within(LIMIT, || json(server.addr, "/status.json")["connections"] == 1);
    let ended = &json(server.addr, "/status.json")["totals"]["ended"];
    assert_eq!((&ended["close_1000"], &ended["eof"]), (&1.into(), &Value::Null), "{ended}");
    for (query, status) in
        [("?id=2", 404), ("?id=99", 404), ("?id=x", 400), ("", 400), ("?id=", 400)]
    {
        let head = get(server.addr, &format!("/history.json{query}")).0;
        assert_eq!(status_of(&head), status, "{query}");
    }
    let server = Running::serve(&[]);
    let _socket = handshake(server.addr);
    assert_eq!(json(server.addr, "/history.json?id=1")["history"], Value::Null);
}

#[test]
fn at_most_200_connections_are_listed() {
    let server = Running::serve(&[]);
    let _sockets: Vec<_> = (0..205).map(|_| handshake(server.addr)).collect();
    let status = json(server.addr, "/status.json");
    assert_eq!(status["connections"], 205);
    let peers = status["peers"].as_array().unwrap();
    assert_eq!((peers.len(), &peers[0]["id"], &peers[199]["id"]), (200, &205.into(), &6.into()));
}
