//! What the log says, in which form.

use crate::ask::{ask, status_of};
use crate::harness::{CLOSE, Running, frame, get, handshake, read_frame};
use serde_json::Value;
use std::io::Write as _;
use std::time::Duration;

#[test]
fn the_log_has_the_form_and_the_level_that_were_asked_for() {
    let mut server = Running::serve(&["--log-format", "json", "--log-level", "debug"]);
    drop(handshake(server.addr));
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    let log = server.stderr();
    let lines: Vec<Value> =
        log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert!(lines.iter().any(|line| line["message"] == "open" && line["id"] == "1"), "{log}");
    assert!(lines.iter().all(|line| line["level"] != "TRACE"), "{log}");

    let mut server = Running::serve(&["--log-level", "off"]);
    drop(handshake(server.addr));
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    assert_eq!(server.stderr(), "");
}

#[test]
fn a_close_reason_cannot_forge_a_line_of_the_log() {
    const REASON: &str = "bye\n2026-01-01T00:00:00Z ERROR forged\r\n\x1b[2J\u{9b}2J\x7f";
    for (format, shown) in [
        ("human", "bye\\n2026-01-01T00:00:00Z ERROR forged\\r\\n"),
        ("json", "bye\\n2026-01-01T00:00:00Z ERROR forged\\r\\n\\u001b[2J\\u009b2J\\u007f"),
    ] {
        let mut server = Running::serve(&["--log-format", format, "--log-level", "debug"]);
        let mut socket = handshake(server.addr);
        let close = [b"\x03\xe8", REASON.as_bytes()].concat();
        socket.write_all(&frame(CLOSE, &close)).unwrap();
        assert_eq!(read_frame(&mut socket).0, CLOSE);
        crate::harness::ended(&mut socket);
        drop(socket);
        server.signal("TERM");
        assert_eq!(server.wait(), Some(0));
        let log = server.stderr();
        assert!(log.contains(shown), "{log}");
        for line in log.lines() {
            assert!(!line.starts_with("2026-01-01"), "{log}");
            assert!(!line.contains(char::is_control), "{log:?}");
            if format == "json" {
                serde_json::from_str::<Value>(line).expect(line);
            }
        }
    }
}

#[test]
fn who_is_refused_and_why_is_logged_without_being_asked_for() {
    let mut server = Running::serve(&["--path", "/chat"]);
    let origin = "Origin: https://app.example\r\n";
    assert!(ask(server.addr, origin).starts_with("HTTP/1.1 403 "));
    assert_eq!(status_of(&get(server.addr, "/nowhere").0), 426);
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    let log = server.stderr();
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines.len(), 2, "{log}");
    for part in ["WARN", "403", "/chat", "https://app.example", "may not connect", "127.0.0.1:"] {
        assert!(lines[0].contains(part), "{part} is not in {log}");
    }
    assert!(lines[1].contains("426") && lines[1].contains("/nowhere"), "{log}");
}

/// An attempt each second leaves its trace, and does not fill the disk.
#[test]
fn a_refusal_is_one_line_with_the_option_that_lets_it_in_however_often_it_is_repeated() {
    for (flags, fields, parts) in [
        (
            &[][..],
            "Origin: https://app.example\r\n",
            &["--origin", "https://app.example", "403"][..],
        ),
        (&["--host", "a.example"], "", &["--host", "host=\"localhost\"", "403"]),
        (&["--path", "/other"], "", &["--path", "path=\"/chat\"", "404"]),
        (&["--max-connections-per-address", "1"], "", &["--max-connections-per-address", "503"]),
        (&["--max-handshake", "64"], "", &["--max-handshake", "431", "/chat"]),
    ] {
        let mut server = Running::serve(flags);
        // The one that an address may have.
        let open = flags.contains(&"--max-connections-per-address").then(|| handshake(server.addr));
        for _ in 0..20 {
            let answered = status_of(&ask(server.addr, fields));
            assert!(answered >= 400, "{flags:?}: {answered}");
        }
        drop(open);
        server.signal("TERM");
        assert_eq!(server.wait_within(Duration::from_secs(30)), Some(0));
        let log = server.stderr();
        let lines: Vec<&str> = log.lines().collect();
        assert_eq!(lines.len(), 2, "{flags:?}: {log}");
        for part in ["WARN", "127.0.0.1:"].iter().chain(parts) {
            assert!(lines[0].contains(part), "{flags:?}: {part} is not in {log}");
        }
        assert!(lines[1].contains("others=19"), "{flags:?}: {log}");
    }
}
