//! `wirelet serve` behind proxies and in production: both families, addresses that proxies tell, limits for those
//! who are silent, and the access log.
#![cfg(unix)]

mod harness;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use harness::{
    CLOSE, PING, PROGRAM, Running, TEXT, frame, handshake, read_frame, read_head, tcp,
    upgrade_request, within,
};
use serde_json::Value;

/// Opens a connection with what a proxy sends in front, and these fields.
fn open(addr: SocketAddr, header: &[u8], fields: &str) -> TcpStream {
    let mut socket = tcp(addr);
    let request = upgrade_request().replace("Host:", &format!("{fields}Host:"));
    socket.write_all(&[header, request.as_bytes()].concat()).unwrap();
    let head = read_head(&mut socket);
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    socket
}

/// Ends a connection, to the end of TCP.
fn close(mut socket: TcpStream) {
    socket.write_all(&frame(CLOSE, b"\x03\xe8")).unwrap();
    while read_frame(&mut socket).0 != CLOSE {}
    assert_eq!(socket.read(&mut [0]).unwrap(), 0);
}

/// Reads a file once it has so many lines.
fn lines_of(path: &Path, n: usize) -> Vec<String> {
    let read = || std::fs::read_to_string(path).unwrap_or_default();
    within(Duration::from_secs(30), || read().lines().count() >= n);
    let lines: Vec<String> = read().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), n, "{lines:?}");
    lines
}

const V1: &[u8] = b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 80\r\n";

#[test]
fn one_port_is_listened_at_on_both_families() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let places = [format!("0.0.0.0:{port}"), format!("[::]:{port}")];
    let mut command = Command::new(PROGRAM);
    command.args(["serve", "--listen", &places[0], "--listen", &places[1]]);
    let mut server = Running::spawn(command);
    assert_eq!(server.line(), format!("listening on ws://[::]:{port}"));
    for host in ["127.0.0.1", "[::1]"] {
        let mut socket = handshake(format!("{host}:{port}").parse().unwrap());
        socket.write_all(&frame(TEXT, b"hello")).unwrap();
        assert_eq!(read_frame(&mut socket), (TEXT, b"hello".to_vec()));
        close(socket);
    }
}

#[test]
fn a_program_is_told_the_address_that_a_proxy_tells() {
    let command = ["--", "sh", "-c", "echo \"$REMOTE_ADDR/$REMOTE_PORT\"; cat"];
    let flags = ["--mode", "exec", "--proxy-protocol", "--trusted-proxy", "127.0.0.1"];
    let server = Running::serve(&[&flags[..], &command].concat());
    for (header, fields, address) in [
        (V1, "", "192.0.2.7/5000"),
        (b"PROXY UNKNOWN\r\n", "X-Forwarded-For: 6.6.6.6, 192.0.2.8\r\n", "192.0.2.8/"),
        // Who is no proxy may say what it likes.
        (V1, "X-Forwarded-For: 6.6.6.6\r\n", "192.0.2.7/5000"),
    ] {
        let mut socket = open(server.addr, header, fields);
        assert_eq!(read_frame(&mut socket), (TEXT, address.as_bytes().to_vec()));
        close(socket);
    }
}

#[test]
fn the_page_shows_the_address_that_a_proxy_tells_and_is_not_shown_to_others_unasked() {
    let page = |flags: &[&str]| {
        let server = Running::serve(flags);
        let _open = open(server.addr, b"", "X-Forwarded-For: 192.0.2.7\r\n");
        harness::get(server.addr, "/status.json")
    };
    let (head, body) = page(&["--trusted-proxy", "127.0.0.0/8", "--page"]);
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    let status: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status["peers"][0]["address"], "192.0.2.7:0", "{status}");
    // Who comes through a proxy is elsewhere.
    let (head, _) = page(&["--trusted-proxy", "127.0.0.0/8"]);
    assert!(head.starts_with("http/1.1 426 "), "{head}");
}

#[test]
fn a_house_full_of_silent_sockets_keeps_nobody_out() {
    let flags = ["--max-connections", "3", "--max-handshakes", "10", "--threads", "2"];
    let server = Running::serve(&flags);
    let silent: Vec<_> = (0..100).map(|_| tcp(server.addr)).collect();
    let mut open: Vec<_> = (0..3).map(|_| handshake(server.addr)).collect();
    let more: Vec<_> = (0..100).map(|_| tcp(server.addr)).collect();
    for socket in &mut open {
        socket.write_all(&frame(PING, b"there?")).unwrap();
        assert_eq!(read_frame(socket), (harness::PONG, b"there?".to_vec()));
    }
    // Of those that are silent the newest are there still, and no others.
    let is_there = |mut socket: &TcpStream| {
        socket.set_nonblocking(true).unwrap();
        matches!(socket.read(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
    };
    within(Duration::from_secs(30), || !silent.iter().chain(&more[..80]).any(is_there));
    assert!(more.iter().filter(|socket| is_there(socket)).count() <= 10);
    open.into_iter().for_each(close);
    close(handshake(server.addr));
}

/// The limit is far away, and that of the system is not.
#[test]
fn silent_sockets_keep_nobody_out_when_there_is_no_open_file_left() {
    let server = Running::serve_with_files(40, &["--threads", "1", "--handshake-time", "10min"]);
    let silent: Vec<_> = (0..100).map(|_| tcp(server.addr)).collect();
    let mut open: Vec<_> = (0..5)
        .map(|_| {
            let mut socket = tcp(server.addr);
            socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            socket.write_all(upgrade_request().as_bytes()).unwrap();
            assert!(read_head(&mut socket).starts_with("HTTP/1.1 101 "));
            socket
        })
        .collect();
    for socket in &mut open {
        socket.write_all(&frame(TEXT, b"hello")).unwrap();
        assert_eq!(read_frame(socket), (TEXT, b"hello".to_vec()));
    }
    open.into_iter().for_each(close);
    drop(silent);
    close(handshake(server.addr));
}

#[test]
fn the_system_looks_after_connections_if_it_is_asked_to() {
    // The timer of each socket, as `ss -o` shows it: 2 is that of keep-alive.
    let timer = |server: &Running, socket: &TcpStream| {
        let port = |addr: SocketAddr| format!("0100007F:{:04X}", addr.port());
        let ends = [port(server.addr), port(socket.local_addr().unwrap())];
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let line = table.lines().find(|line| {
            let mut fields = line.split_whitespace().skip(1);
            ends.iter().all(|end| fields.next() == Some(end))
        });
        line.unwrap().split_whitespace().nth(5).unwrap()[..2].to_owned()
    };
    for (flags, expected) in [
        (&["--tcp-keepalive", "1m", "--tcp-user-timeout", "30s"][..], "02"),
        (&["--tcp-keepalive", "0", "--tcp-user-timeout", "0"], "00"),
        (&[], "00"),
    ] {
        let server = Running::serve(flags);
        let mut socket = handshake(server.addr);
        // What was sent is acknowledged then.
        socket.write_all(&frame(PING, b"p")).unwrap();
        read_frame(&mut socket);
        within(Duration::from_secs(10), || timer(&server, &socket) == expected);
    }
}

#[test]
fn times_and_sizes_have_units_on_the_command_line_and_in_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("wirelet.toml");
    std::fs::write(&file, "max-message = \"1KiB\"\nping-interval = \"200ms\"\nping-timeout = 30\n")
        .unwrap();
    let flags = ["--max-message", "1KiB", "--ping-interval", "200ms", "--ping-timeout", "30"];
    for flags in [&flags[..], &["--config", file.to_str().unwrap()]] {
        let server = Running::serve(flags);
        let mut socket = handshake(server.addr);
        let start = Instant::now();
        assert_eq!(read_frame(&mut socket).0, PING, "{flags:?}");
        assert!(start.elapsed() >= Duration::from_millis(150), "{flags:?}");
        let mut other = handshake(server.addr);
        other
            .write_all(&[frame(TEXT, &[b'x'; 1024]), frame(TEXT, &[b'x'; 1025])].concat())
            .unwrap();
        assert_eq!(read_frame(&mut other), (TEXT, vec![b'x'; 1024]), "{flags:?}");
        assert_eq!(read_frame(&mut other), (CLOSE, b"\x03\xf1".to_vec()), "{flags:?}");
        drop(server);
    }
    let (_, help, _) = harness::run(&["serve", "--help"]);
    for part in ["[default: 16MiB]", "[default: 100s]", "[default: 16KiB]"] {
        assert!(help.contains(part), "{part} is not in {help}");
    }
}

#[test]
fn the_access_log_has_a_line_for_each_connection_and_each_request_without_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("access.log");
    let fields =
        "X-Forwarded-For: 192.0.2.7\r\nOrigin: http://localhost\r\nUser-Agent: a \"test\"\r\n";
    let flags = ["--access-log", path.to_str().unwrap(), "--trusted-proxy", "127.0.0.1"];
    for format in ["combined", "json"] {
        let args = [&flags[..], &["--access-log-format", format]].concat();
        let mut server = Running::serve(&args);
        let mut socket = open(server.addr, b"", fields);
        socket.write_all(&frame(TEXT, b"hello")).unwrap();
        assert_eq!(read_frame(&mut socket), (TEXT, b"hello".to_vec()));
        assert!(!path.exists() || std::fs::read(&path).unwrap().is_empty(), "it has not ended");
        close(socket);
        lines_of(&path, 1);
        let mut refused = tcp(server.addr);
        let evil = upgrade_request().replace("/chat", "/chat?token=s3cret");
        let evil = evil.replace("Host:", "Origin: https://evil.example\r\nHost:");
        refused.write_all(evil.as_bytes()).unwrap();
        assert!(read_head(&mut refused).starts_with("HTTP/1.1 403 "));
        lines_of(&path, 2);
        let mut garbage = tcp(server.addr);
        garbage.write_all(b"\x16\x03\x01\r\n\r\n").unwrap();
        assert!(read_head(&mut garbage).starts_with("HTTP/1.1 400 "));
        let lines = lines_of(&path, 3);
        assert!(!lines.concat().contains("s3cret"), "{lines:?}");
        if format == "combined" {
            let start = r#"] "GET /chat HTTP/1.1" 101 "#;
            let middle = r#" "http://localhost" "a \"test\"" "#;
            assert!(
                lines[0].starts_with("192.0.2.7 - - [") && lines[0].contains(start),
                "{lines:?}"
            );
            assert!(lines[0].contains(middle), "{lines:?}");
            // 11 bytes of a text, 8 of a close.
            assert!(lines[0].ends_with(" 1 1 19 close_1000"), "{lines:?}");
            assert!(lines[1].contains(r#"] "GET /chat HTTP/1.1" 403 "#), "{lines:?}");
            assert!(
                lines[1].starts_with("127.0.0.1 - - [")
                    && lines[1].contains("https://evil.example")
            );
            assert!(lines[2].contains(r#"] "-" 400 "#), "{lines:?}");
        } else {
            let json: Vec<Value> =
                lines.iter().map(|line| serde_json::from_str(line).expect(line)).collect();
            for (key, value) in [
                ("remote_addr", Value::from("192.0.2.7")),
                ("remote_port", Value::Null),
                ("method", "GET".into()),
                ("path", "/chat".into()),
                ("status", 101.into()),
                ("origin", "http://localhost".into()),
                ("user_agent", "a \"test\"".into()),
                ("host", "localhost".into()),
                ("id", 1.into()),
                ("messages_received", 1.into()),
                ("messages_sent", 1.into()),
                ("bytes_received", 19.into()),
                ("end", "close_1000".into()),
            ] {
                assert_eq!(json[0][key], value, "{key} of {}", lines[0]);
            }
            assert!(json[0]["seconds"].as_f64().unwrap() < 60.0);
            assert!(json[0]["time"].as_str().unwrap().ends_with('Z'));
            assert_eq!((&json[1]["status"], &json[2]["status"]), (&403.into(), &400.into()));
            assert_eq!(json[2]["path"], Value::Null);
        }
        // As `logrotate` has it.
        let moved = directory.path().join("access.log.1");
        std::fs::rename(&path, &moved).unwrap();
        server.signal("HUP");
        within(Duration::from_secs(20), || path.exists());
        close(handshake(server.addr));
        assert_eq!((lines_of(&path, 1).len(), lines_of(&moved, 3).len()), (1, 3));
        // A connection that the end of the server ends has its line, too.
        let mut last = handshake(server.addr);
        server.signal("TERM");
        assert_eq!(read_frame(&mut last).0, CLOSE);
        last.write_all(&frame(CLOSE, b"\x03\xe9")).unwrap();
        assert_eq!(last.read(&mut [0]).unwrap(), 0);
        assert_eq!(server.wait_within(Duration::from_secs(30)), Some(0));
        assert!(lines_of(&path, 2)[1].contains("close_1001"));
        std::fs::remove_file(&path).unwrap();
    }
    // Without a file it is the standard output.
    let mut server = Running::serve(&["--no-page", "--access-log"]);
    close(handshake(server.addr));
    assert!(server.line().ends_with("close_1000"));
}
