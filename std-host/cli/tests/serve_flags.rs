//! The options of `wirelet serve`, one by one.
#![cfg(unix)]

mod harness;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use harness::{
    BINARY, CLOSE, LIMIT, PING, PONG, PROGRAM, Running, TEXT, frame, get, handshake, read_frame,
    read_head, request, upgrade_request, within,
};
use serde_json::Value;

/// Sends a request to open a connection with these fields added; returns the response's head.
fn ask(addr: SocketAddr, fields: &str) -> String {
    let mut socket = TcpStream::connect(addr).unwrap();
    let asked = upgrade_request().replace("\r\nUpgrade:", &format!("\r\n{fields}Upgrade:"));
    socket.write_all(asked.as_bytes()).unwrap();
    read_head(&mut socket)
}

fn status_of(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

fn json(addr: SocketAddr, path: &str) -> Value {
    let (head, body) = get(addr, path);
    assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
    assert!(head.contains("\r\ncontent-type: application/json\r\n"), "{head}");
    assert!(!head.contains("access-control"), "{head}");
    serde_json::from_str(&body).unwrap()
}

/// Opens a connection over a Unix socket and has a text echoed.
fn echo_over_unix(path: &Path) {
    let mut socket = UnixStream::connect(path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket.write_all(upgrade_request().as_bytes()).unwrap();
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        socket.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    socket.write_all(&frame(TEXT, b"hello")).unwrap();
    let mut answer = [0; 7];
    socket.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"\x81\x05hello");
}

#[test]
fn every_place_is_listened_at_and_a_unix_socket_goes_with_the_server() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let unix = format!("unix:{}", path.display());
    let mut server = Running::serve(&["--listen", "[::1]:0", "--listen", &unix]);
    let second = server.line();
    let second: SocketAddr =
        second.strip_prefix("listening on ws://").unwrap().parse().expect("an address");
    assert_eq!(server.line(), format!("listening on ws+{unix}"));
    for addr in [server.addr, second] {
        let mut socket = handshake(addr);
        socket.write_all(&frame(TEXT, b"hello")).unwrap();
        assert_eq!(read_frame(&mut socket), (TEXT, b"hello".to_vec()));
    }
    echo_over_unix(&path);
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    assert!(!path.exists());
}

#[test]
fn the_unix_sockets_have_the_mode_that_was_asked_for() {
    use std::os::unix::fs::PermissionsExt as _;

    let directory = tempfile::tempdir().unwrap();
    let [path, metrics] = ["socket", "metrics"].map(|name| directory.path().join(name));
    let [unix, unix_metrics] = [&path, &metrics].map(|path| format!("unix:{}", path.display()));
    let args = ["--listen", &*unix, "--metrics", &*unix_metrics, "--unix-mode", "620"];
    let mut server = Running::serve(&args);
    for path in [&path, &metrics] {
        let mode = std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o620, "{}", path.display());
    }
    echo_over_unix(&path);
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    assert!(!path.exists() && !metrics.exists());
}

#[test]
fn a_server_that_has_too_few_files_for_its_threads_does_not_start() {
    let start = |files: u32| {
        let mut shell = Command::new("sh");
        let script = format!("ulimit -n {files}; exec \"$0\" \"$@\"");
        shell.args(["-c", &script, PROGRAM, "serve", "--listen", "127.0.0.1:0"]);
        shell.args(["--reuse-port", "--threads", "40"]);
        shell
    };
    // Each thread takes four: its socket, that as it polls it, the poll, and what wakes it.
    for files in [50, 100, 150] {
        let output = start(files).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{files}: {err}");
        assert!(err.contains("open files") && err.contains("--listen"), "{files}: {err}");
        assert_eq!(output.stdout, b"", "{files}");
    }
    // And one that starts answers whoever comes, whichever thread that is.
    let server = Running::spawn(start(250));
    for _ in 0..100 {
        let mut socket = handshake(server.addr);
        socket.write_all(&frame(TEXT, b"hello")).unwrap();
        assert_eq!(read_frame(&mut socket), (TEXT, b"hello".to_vec()));
    }
}

#[test]
fn origins_decide_which_pages_come_in() {
    // The request names localhost as its host.
    for (flags, origin, status) in [
        (&[][..], "http://localhost", 101),
        (&[], "https://evil.example", 403),
        (
            &["--origin", "https://a.example", "--origin", "https://b.example"],
            "https://b.example",
            101,
        ),
        (&["--origin", "https://a.example"], "http://localhost", 403),
        (&["--any-origin"], "https://evil.example", 101),
    ] {
        let server = Running::serve(flags);
        let head = ask(server.addr, &format!("Origin: {origin}\r\n"));
        assert_eq!(status_of(&head), status, "{flags:?} {origin}");
        assert_eq!(status_of(&ask(server.addr, "")), 101, "{flags:?}: what is no browser");
    }
}

#[test]
fn hosts_and_paths_decide_who_comes_in() {
    for (flags, status) in [
        (&["--host", "localhost"][..], 101),
        (&["--host", "a.example", "--host", "LOCALHOST"], 101),
        (&["--host", "a.example"], 403),
        (&["--path", "/chat"], 101),
        (&["--path", "/a", "--path", "/chat"], 101),
        (&["--path", "/"], 404),
    ] {
        let server = Running::serve(flags);
        assert_eq!(status_of(&ask(server.addr, "")), status, "{flags:?}");
    }
}

#[test]
fn a_name_that_was_pointed_at_this_machine_is_answered_403_by_all_that_listens_on_it_alone() {
    let directory = tempfile::tempdir().unwrap();
    let unix = format!("unix:{}", directory.path().join("socket").display());
    let elsewhere = "evil.example:8567";
    for (flags, host, status) in [
        (&[][..], elsewhere, 403),
        (&["--no-page", "--any-origin"], elsewhere, 403),
        (&["--listen", &*unix], elsewhere, 403),
        (&[], "localhost:8567", 101),
        (&[], "app.localhost", 101),
        (&[], "127.1.2.3:1", 101),
        (&[], "[::1]:8567", 101),
        (&["--host", elsewhere], elsewhere, 101),
        (&["--host", elsewhere], "localhost", 403),
        (&["--any-host"], elsewhere, 101),
        (&["--listen", "0.0.0.0:0"], elsewhere, 101),
    ] {
        let server = Running::serve(flags);
        // Both agree, as they do in the browser that was led here; what is no browser sends no origin.
        for origin in [format!("Origin: http://{host}\r\n"), String::new()] {
            let mut socket = harness::tcp(server.addr);
            let asked = upgrade_request()
                .replace("Host: localhost\r\n", &format!("Host: {host}\r\n{origin}"));
            socket.write_all(asked.as_bytes()).unwrap();
            let head = read_head(&mut socket);
            assert_eq!(status_of(&head), status, "{flags:?} {host} {origin:?}");
            if status == 101 {
                socket.write_all(&frame(TEXT, b"hello")).unwrap();
                assert_eq!(read_frame(&mut socket), (TEXT, b"hello".to_vec()));
                continue;
            }
            let mut why = String::new();
            socket.read_to_string(&mut why).unwrap(); // to the end of the connection
            assert!(why.starts_with("this host is not served here"), "{why}");
        }
        if status == 403 {
            let (head, _) = request(server.addr, "GET /", &[&format!("Host: {host}")]);
            assert_eq!(status_of(&head), 403, "{flags:?} {host}: the page");
        }
    }
    // One for others is seen at an address, and under names that are known.
    for (flags, host, status) in [
        (&["--page"][..], elsewhere, 403),
        (&["--page"], "10.0.0.1", 200),
        (&["--page", "--host", elsewhere], elsewhere, 200),
        (&["--page", "--any-host"], elsewhere, 200),
    ] {
        let server = Running::serve(&[&["--listen", "0.0.0.0:0"], flags].concat());
        let (head, _) = request(server.addr, "GET /", &[&format!("Host: {host}")]);
        assert_eq!(status_of(&head), status, "{flags:?} {host}");
    }
}

#[test]
fn the_acceptance_has_the_subprotocol_and_the_header_fields() {
    let server = Running::serve(&[
        "--subprotocol",
        "v2",
        "--subprotocol",
        "v1",
        "--header",
        "X-One: 1: a",
        "--header",
        "Server:x",
    ]);
    let head = ask(server.addr, "Sec-WebSocket-Protocol: v1, v2\r\n");
    assert_eq!(status_of(&head), 101);
    for field in ["Sec-WebSocket-Protocol: v2", "X-One: 1: a", "Server: x"] {
        assert!(head.contains(&format!("\r\n{field}\r\n")), "{field} is not in {head}");
    }
    let head = ask(server.addr, "Sec-WebSocket-Protocol: v3\r\n");
    assert!(head.starts_with("HTTP/1.1 101 ") && !head.contains("Protocol:"), "{head}");
}

#[test]
fn the_policy_for_slow_peers_is_followed() {
    for (policy, closes) in [("close", true), ("drop", false)] {
        let flags = ["--max-queue", "1000", "--slow-peers", policy, "--close-time", "60"];
        let server = Running::serve(&[&["--mode", "chat"], &flags[..]].concat());
        let mut slow = handshake(server.addr);
        let mut fast = handshake(server.addr);
        harness::settle(std::slice::from_mut(&mut slow));
        let message = vec![7; 500_000];
        for _ in 0..30 {
            fast.write_all(&frame(BINARY, &message)).unwrap();
            assert_eq!(read_frame(&mut fast), (BINARY, message.clone()));
        }
        let dropped = json(server.addr, "/status.json")["totals"]["dropped"].as_u64().unwrap();
        assert!(dropped > 0, "{policy}");
        // To the close, or to the answer that tells that it is served on.
        slow.write_all(&frame(PING, b"open?")).unwrap();
        let mut n = 0;
        let end = loop {
            match read_frame(&mut slow) {
                (BINARY, _) => n += 1,
                (PONG, _) if closes => {}
                end => break end,
            }
        };
        assert!((1..30).contains(&n), "{policy}: {n}");
        if closes {
            assert_eq!(end, (CLOSE, b"\x03\xf0".to_vec()));
            continue;
        }
        assert_eq!(end, (PONG, b"open?".to_vec()));
        assert_eq!(n + dropped, 30, "each has come or is counted");
        // What is sent from now on is for it, too: when the server has come to its next ping, it has noted that
        // nothing waits any more.
        harness::settle(std::slice::from_mut(&mut slow));
        fast.write_all(&frame(TEXT, b"on")).unwrap();
        for socket in [&mut fast, &mut slow] {
            assert_eq!(read_frame(socket), (TEXT, b"on".to_vec()));
        }
    }
    // Who sends is read no faster than the slowest reads.
    let server = Running::serve(&["--mode", "chat", "--max-queue", "1000", "--slow-peers", "wait"]);
    let mut slow = handshake(server.addr);
    let mut fast = handshake(server.addr);
    let mut reading = fast.try_clone().unwrap();
    harness::settle(std::slice::from_mut(&mut slow));
    let sender = std::thread::spawn(move || {
        for _ in 0..30 {
            fast.write_all(&frame(BINARY, &vec![7; 500_000])).unwrap();
        }
    });
    let reader = std::thread::spawn(move || (0..30).for_each(|_| drop(read_frame(&mut reading))));
    // Until no more is received, though the server has answered for a second.
    let (mut n_before, mut n_same) = (0, 0);
    while n_same < 20 {
        std::thread::sleep(Duration::from_millis(50));
        let n = json(server.addr, "/status.json")["totals"]["bytes_received"].as_u64().unwrap();
        n_same = if n > 0 && n == n_before { n_same + 1 } else { 0 };
        n_before = n;
    }
    assert!(!reader.is_finished(), "nobody has waited");
    for _ in 0..30 {
        assert_eq!(read_frame(&mut slow), (BINARY, vec![7; 500_000]));
    }
    sender.join().unwrap();
    reader.join().unwrap();
}

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

/// Runs `wirelet serve` with a file of settings; the place to listen at is in it.
fn serve_with(settings: &str, args: &[&str]) -> (tempfile::TempDir, Command) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("wirelet.toml");
    std::fs::write(&file, settings).unwrap();
    let mut command = Command::new(PROGRAM);
    command.args(["serve", "--config", file.to_str().unwrap()]).args(args);
    (directory, command)
}

#[test]
fn a_file_has_every_kind_of_option_and_the_command_line_is_stronger() {
    let settings = r#"
        listen = ["127.0.0.1:0"]
        max-message = 1000
        path = ["/chat", "/other"]
        header = ["X-From: file"]
        no-page = true
        drain-delay = 0
        drain-time = 0
        drain-code = 1012
        debug = false
        log-level = "info"
    "#;
    let (_directory, command) = serve_with(settings, &[]);
    let mut server = Running::spawn(command);
    assert!(ask(server.addr, "").contains("\r\nX-From: file\r\n"));
    let mut socket = handshake(server.addr);
    socket.write_all(&frame(BINARY, &[7; 1001])).unwrap();
    assert_eq!(read_frame(&mut socket), (CLOSE, b"\x03\xf1".to_vec()));
    assert_eq!(status_of(&get(server.addr, "/").0), 426);
    let mut socket = handshake(server.addr);
    server.signal("TERM");
    assert_eq!(read_frame(&mut socket), (CLOSE, b"\x03\xf4".to_vec()));
    socket.write_all(&frame(CLOSE, b"\x03\xf4")).unwrap();
    drop(socket);
    assert_eq!(server.wait(), Some(0));

    // Also where one excludes the other.
    let args = ["--max-message", "1001", "--path", "/mine", "--path", "/chat", "--page", "--debug"];
    let (_directory, command) = serve_with(settings, &args);
    let server = Running::spawn(command);
    let mut socket = handshake(server.addr);
    socket.write_all(&frame(BINARY, &[7; 1001])).unwrap();
    assert_eq!(read_frame(&mut socket).0, BINARY);
    assert_eq!(status_of(&get(server.addr, "/").0), 200);

    let exec =
        "listen = [\"127.0.0.1:0\"]\nmode = \"exec\"\ncommand = [\"echo\", \"-n\", \"a  b\"]\n";
    let (_directory, command) = serve_with(exec, &[]);
    let server = Running::spawn(command);
    assert_eq!(read_frame(&mut handshake(server.addr)), (TEXT, b"a  b".to_vec()));
    let (_directory, command) = serve_with(exec, &["--", "echo", "mine"]);
    let server = Running::spawn(command);
    assert_eq!(read_frame(&mut handshake(server.addr)), (TEXT, b"mine".to_vec()));
    // Another mode has no use for the program of the file, nor for what is said about it.
    for settings in [exec.to_owned(), format!("binary = true\n{exec}")] {
        let (_directory, command) = serve_with(&settings, &["--mode", "echo"]);
        let server = Running::spawn(command);
        let mut socket = handshake(server.addr);
        socket.write_all(&[frame(TEXT, b"hello"), frame(CLOSE, b"\x03\xe8")].concat()).unwrap();
        assert_eq!(read_frame(&mut socket), (TEXT, b"hello".to_vec()));
        assert_eq!(read_frame(&mut socket), (CLOSE, b"\x03\xe8".to_vec()));
        harness::ended(&mut socket);
    }
}

#[test]
fn what_is_wrong_in_a_file_is_told_with_its_name() {
    for (settings, parts) in [
        ("max-mesage = 1", &["\"max-mesage\"", "max-message,"][..]),
        ("config = \"x\"", &["\"config\""]),
        ("max-connections = \"1\"", &["max-connections", "an integer", "\"1\""]),
        ("max-message = true", &["max-message", "an integer, or a string with a unit", "true"]),
        ("ping-interval = \"30 lightyears\"", &["ping-interval", "no time", "30 lightyears"]),
        ("max-message = -1", &["--max-message", "-1"]),
        ("max-message = 1.5", &["max-message", "an integer", "1.5"]),
        ("drain-code = \"1012\"", &["drain-code", "an integer", "\"1012\""]),
        ("drain-code = 1000", &["--drain-code", "1001 or 1012"]),
        ("debug = 1", &["debug", "true or false", "1"]),
        ("listen = \"127.0.0.1:0\"", &["listen", "array of strings"]),
        ("listen = [1]", &["listen", "array of strings"]),
        ("listen = [\"127.0.0.1\"]", &["--listen", "the port is missing"]),
        ("mode = \"ehco\"", &["--mode", "ehco", "echo"]),
        ("mode = [\"echo\"]", &["mode", "a string"]),
        ("key = \"k.pem\"", &["--cert"]),
        ("command = [\"cat\"]", &["--mode exec"]),
        ("[serve]\nmode = \"echo\"", &["\"serve\""]),
        ("mode = ", &["line 1"]),
    ] {
        let (_directory, mut command) = serve_with(settings, &["--no-page"]);
        let output = command.output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{settings}: {err}");
        assert!(err.contains("wirelet.toml"), "{settings}: {err}");
        for part in parts {
            assert!(err.contains(part), "{settings}: {part:?} is not in {err}");
        }
    }
    let (status, _, err) = harness::run(&["serve", "--config", "no-such.toml"]);
    assert_eq!(status, Some(2));
    assert!(err.contains("no-such.toml"), "{err}");
    // What is wrong on the command line is not blamed on the file.
    let (_directory, mut command) = serve_with("debug = true", &["--listen", "here"]);
    let err = String::from_utf8(command.output().unwrap().stderr).unwrap();
    assert!(err.contains("--listen") && !err.contains("wirelet.toml"), "{err}");
}

/// Runs `wirelet serve` with a socket handed over as systemd does it.
fn handed_over(socket: OwnedFd, args: &[&str]) -> Command {
    let mut shell = Command::new("sh");
    let script = "exec 3<&0 0</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" \"$@\"";
    shell.args(["-c", script, PROGRAM, "serve"]).args(args).stdin(Stdio::from(socket));
    shell
}

#[test]
fn sockets_that_were_handed_over_are_listened_at_instead_of_the_default() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let mut server =
        Running::spawn(handed_over(listener.into(), &["--no-page", "--metrics", "127.0.0.1:0"]));
    assert_eq!(server.addr, addr);
    assert!(server.line().starts_with("metrics at"), "it listens nowhere else");
    handshake(addr);

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let mut command = handed_over(listener.into(), &["--listen", "127.0.0.1:0"]);
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    echo_over_unix(&path);
    child.kill().unwrap();
    child.wait().unwrap();

    let other = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let output = handed_over(other.into(), &[]).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.contains("LISTEN_FDS"), "{err}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn two_programs_share_a_port_if_both_want_to() {
    let server = Running::serve(&["--reuse-port"]);
    let place = server.addr.to_string();
    let mut other = Command::new(PROGRAM);
    other.args(["serve", "--reuse-port", "--listen", &place]);
    assert_eq!(Running::spawn(other).addr, server.addr);
    let (status, _, _) = harness::run(&["serve", "--listen", &place]);
    assert_eq!(status, Some(1), "this one does not want to");
}

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
        harness::ended(&mut socket);
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
fn a_limit_of_zero_is_meant_so_or_refused() {
    for (option, why, told) in [
        ("--max-connections", "0 is not in 1..", "1 or more"),
        ("--max-handshakes", "0 is not in 1..", "1 or more"),
        ("--max-handshake", "more than 0", "more than 0"),
        ("--handshake-time", "more than 0", "more than 0"),
        ("--ping-timeout", "more than 0", "more than 0"),
        ("--close-time", "more than 0", "more than 0"),
        ("--close-limit", "more than 0", "more than 0"),
    ] {
        let (code, _, err) = harness::run(&["serve", "--listen", "127.0.0.1:0", option, "0"]);
        assert_eq!(code, Some(2), "{option}: {err}");
        assert!(err.contains(option) && err.contains(why), "{option}: {err}");
        let (_, help, _) = harness::run(&["serve", "--help"]);
        let help = &help[help.find(&format!("{option} <")).unwrap()..];
        let help = help[2..].split("  --").next().unwrap();
        assert!(help.contains(told), "{option} is {help}");
    }
    // Empty messages alone.
    let server = Running::serve(&["--max-message", "0"]);
    let mut socket = handshake(server.addr);
    socket.write_all(&[frame(TEXT, b""), frame(BINARY, b"")].concat()).unwrap();
    assert_eq!(read_frame(&mut socket), (TEXT, Vec::new()));
    assert_eq!(read_frame(&mut socket), (BINARY, Vec::new()));
    socket.write_all(&frame(TEXT, b"x")).unwrap();
    assert_eq!(read_frame(&mut socket), (CLOSE, b"\x03\xf1".to_vec()));
    harness::ended(&mut socket);
    // One message waits, and who reads gets them all.
    for args in [&["--mode", "chat"][..], &["--mode", "exec", "--", "cat"]] {
        let mut args: Vec<&str> = args.to_vec();
        args.splice(0..0, ["--max-queue", "0"]);
        let server = Running::serve(&args);
        let mut socket = handshake(server.addr);
        for i in 0..20 {
            let text = format!("message {i}");
            socket.write_all(&frame(TEXT, text.as_bytes())).unwrap();
            assert_eq!(read_frame(&mut socket), (TEXT, text.into_bytes()), "{args:?}");
        }
    }
}

#[test]
fn a_ping_interval_of_zero_turns_pings_off() {
    let mut server = Running::serve(&["--ping-interval", "0", "--ping-timeout", "1"]);
    let mut socket = handshake(server.addr);
    // Longer than the time-out, so that nothing else ends the silence either.
    harness::silent(&socket, Duration::from_secs(3));
    socket.write_all(&[frame(PING, b"p"), frame(TEXT, b"still here")].concat()).unwrap();
    assert_eq!(read_frame(&mut socket), (PONG, b"p".to_vec()));
    assert_eq!(read_frame(&mut socket), (TEXT, b"still here".to_vec()));
    server.signal("TERM");
    assert_eq!(read_frame(&mut socket), (CLOSE, b"\x03\xe9".to_vec()));
    socket.write_all(&frame(CLOSE, b"\x03\xe9")).unwrap();
    harness::ended(&mut socket);
    drop(socket);
    assert_eq!(server.wait(), Some(0));
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

#[test]
fn a_second_signal_ends_at_once_and_the_exit_code_says_so() {
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let mut server = Running::serve(&["--close-time", "3600"]);
        let mut socket = handshake(server.addr); // never answers the close
        server.signal(signal);
        assert_eq!(read_frame(&mut socket), (CLOSE, b"\x03\xe9".to_vec()));
        assert_eq!(server.wait_within(Duration::from_millis(300)), None, "{signal}");
        server.signal(signal);
        assert_eq!(server.wait(), Some(code));
    }
}

#[test]
fn what_cannot_be_done_is_explained() {
    let server = Running::serve(&[]);
    let taken = server.addr.to_string();
    for (args, status, parts) in [
        (&["--listen", &*taken][..], 1, &[&*taken, "--listen"][..]),
        (&["--listen", "127.0.0.1:0", "--metrics", &taken], 1, &[&taken, "--metrics"]),
        (&["--listen", "192.0.2.1:80"], 1, &["192.0.2.1:80", "no such address"]),
        (&["--listen", "unix:/no/such/directory"], 1, &["/no/such/directory", "--listen"]),
        (&["--listen", "8567"], 2, &["127.0.0.1:8567"]),
        (&["--listen", "127.0.0.1"], 2, &["the port is missing"]),
        (&["--listen", ":80"], 2, &["127.0.0.1:80"]),
        (&["--listen", "::1:80"], 2, &["[::1]:80"]),
        (&["--listen", "127.0.0.1:65536"], 2, &["65536", "65535"]),
        (&["--listen", "unix:"], 2, &["the path is missing"]),
        (&["--unix-mode", "660"], 2, &["--unix-mode", "unix:"]),
        (&["--listen", "unix:/a", "--unix-mode", "890"], 2, &["890", "octal"]),
        (&["--listen", "unix:/a", "--unix-mode", "1777"], 2, &["1777", "octal"]),
        (&["--mode", "ehco"], 2, &["ehco", "echo"]),
        (&["--key", "k.pem"], 2, &["--cert"]),
        (&["--cert", "c.pem"], 2, &["--key"]),
        (&["--cert", "no-such.pem", "--key", "k.pem"], 1, &["no-such.pem"]),
        (&["--origin", "example.com"], 2, &["example.com", "https://example.com"]),
        (&["--origin", "https://example.com/chat"], 2, &["https://example.com/chat", "file://"]),
        (&["--origin", "https://bücher.example"], 2, &["ASCII"]),
        (&["--origin", "https://a*.example"], 2, &["https://*.example.com"]),
        (&["--origin", "*"], 2, &["--any-origin"]),
        (&["--host", "https://example.com"], 2, &["https://example.com", "example.com:8567"]),
        (&["--host", "example.com/"], 2, &["no request can have it"]),
        (&["--host", "::1"], 2, &["[::1]:8567"]),
        (&["--host", "*"], 2, &["--any-host"]),
        (&["--path", "/a b"], 2, &["percent-encoded"]),
        (&["--path", "/é"], 2, &["percent-encoded"]),
        (&["--path", "/a?b"], 2, &["no query"]),
        (&["--trusted-proxy", "10.0.0.0/33"], 2, &["10.0.0.0/8"]),
        (&["--trusted-proxy", "proxy.example"], 2, &["proxy.example", "an address or a network"]),
        (&["--ping-interval", "1.5"], 2, &["1.5", "500ms"]),
        (&["--max-message", "1 parsec"], 2, &["1 parsec", "1MiB"]),
        (&["--access-log", "/no/such/directory/log"], 1, &["/no/such/directory/log"]),
        (&["--origin", "https://example.com", "--any-origin"], 2, &["--any-origin"]),
        (&["--page", "--no-page"], 2, &["--no-page"]),
        (&["--host", "a", "--any-host"], 2, &["--any-host"]),
        (&["--path", "chat"], 2, &["begins with /"]),
        (&["--header", "X-One"], 2, &["NAME:VALUE"]),
        (&["--header", "Upgrade: x"], 2, &["handshake itself"]),
        (&["--header", "a b: x"], 2, &["no token"]),
        (&["--subprotocol", "a b"], 2, &["a b"]),
        (&["--slow-peers", "wat"], 2, &["wait"]),
        (&["--log-level", "loud"], 2, &["debug"]),
        (&["--drain-code", "1000"], 2, &["--drain-code", "1001 or 1012"]),
        (&["--drain-time", "-1"], 2, &["-1"]),
        (&["--threads", "0"], 2, &["--threads"]),
    ] {
        let (code, _, err) = harness::run(&[&["serve"], args].concat());
        assert_eq!(code, Some(status), "{args:?}: {err}");
        for part in parts {
            assert!(err.contains(part), "{args:?}: {part:?} is not in {err}");
        }
    }
}

#[test]
fn shells_and_manuals_know_every_option() {
    let (_, help, _) = harness::run(&["serve", "--help"]);
    let options: Vec<&str> = help
        .split_whitespace()
        .filter(|word| word.starts_with("--") && word.len() > 2)
        .map(|word| word.trim_end_matches([',', ';', '.', ')']))
        .collect();
    assert!(options.len() > 30, "{options:?}");
    let (status, script, _) = harness::run(&["completions", "bash"]);
    assert_eq!(status, Some(0));
    let directory = tempfile::tempdir().unwrap();
    let (status, _, err) = harness::run(&["man", "--dir", directory.path().to_str().unwrap()]);
    assert_eq!(status, Some(0), "{err}");
    let page = std::fs::read_to_string(directory.path().join("wirelet-serve.1")).unwrap();
    let page = page.replace('\\', "");
    for option in options {
        assert!(script.contains(option), "{option} is not completed");
        assert!(page.contains(option), "{option} is not in the manual");
    }
    let checked = Command::new("bash").args(["-n", "-c", &script]).status().unwrap();
    assert!(checked.success(), "the script is none");
    for shell in ["zsh", "fish"] {
        let (status, script, _) = harness::run(&["completions", shell]);
        assert!(status == Some(0) && script.contains("max-message"), "{shell}");
    }
    let (status, page, _) = harness::run(&["man"]);
    assert!(status == Some(0) && page.contains(".TH wirelet 1"), "{page}");
}
