//! What a program is told.

use std::io::{Read, Write};
use std::process::Command;

use crate::harness::certificates::Issued;
use crate::harness::tls::begin_tls;
use crate::harness::{
    self, CLOSE, Running, TEXT, handshake, read_frame, read_head, upgrade_request,
};
use crate::program::{read_text, serve};

/// Asks for a connection, and reads all lines to its end.
fn lines_of(socket: &mut (impl Read + Write), request: &str) -> Vec<String> {
    socket.write_all(request.as_bytes()).unwrap();
    let head = read_head(socket);
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let mut lines = Vec::new();
    loop {
        match read_frame(socket) {
            (TEXT, line) => lines.push(String::from_utf8(line).unwrap()),
            (first, _) => break assert_eq!(first, CLOSE),
        }
    }
    lines
}

fn asking(path: &str, fields: &[&str]) -> String {
    let fields = fields.join("\r\n");
    upgrade_request().replace("/chat", path).replace("Host: localhost", &fields)
}

#[test]
fn the_environment_tells_of_the_connection() {
    let server = serve(&["--subprotocol", "chat", "--any-host"], "env");
    let fields = [
        "Host: example.com:8080",
        "X-One: 1",
        "x-one: 2",
        "X_One: 3",
        "Proxy: evil:80",
        "Cookie: a=1; b=2",
        "Cookie: c=3",
        "Sec-WebSocket-Protocol: other, chat",
    ];
    let mut socket = harness::tcp(server.addr);
    let lines = lines_of(&mut socket, &asking("/a%20b/%C3%A4?x=%31&y=2", &fields));
    let port = socket.local_addr().unwrap().port();
    for line in [
        "REMOTE_ADDR=127.0.0.1",
        &format!("REMOTE_PORT={port}"),
        "PATH_INFO=/a b/ä",
        "SCRIPT_NAME=",
        "QUERY_STRING=x=%31&y=2",
        "REQUEST_METHOD=GET",
        "REMOTE_HOST=127.0.0.1",
        "SERVER_NAME=127.0.0.1", // the client may not choose it
        &format!("SERVER_PORT={}", server.addr.port()),
        "GATEWAY_INTERFACE=CGI/1.1",
        "SEC_WEBSOCKET_PROTOCOL=chat",
        "CONNECTION_ID=1",
        "HTTP_HOST=example.com:8080",
        "HTTP_X_ONE=1, 2",
        "HTTP_COOKIE=a=1; b=2; c=3",
        "HTTP_UPGRADE=websocket",
    ] {
        assert!(lines.iter().any(|found| found == line), "{line} is not in {lines:#?}");
    }
    for other in ["evil", "HTTPS="] {
        assert!(!lines.iter().any(|line| line.contains(other)), "{lines:#?}");
    }
}

#[test]
fn the_name_of_the_server_is_one_that_it_serves() {
    let server = serve(&["--host", "example.com:8080", "--host", "*.example.org"], "env");
    for (host, name) in [("example.com:8080", "example.com"), ("a.example.org", "a.example.org")] {
        let request = asking("/", &[&format!("Host: {host}")]);
        let lines = lines_of(&mut harness::tcp(server.addr), &request);
        assert!(lines.contains(&format!("SERVER_NAME={name}")), "{lines:#?}");
        assert!(lines.contains(&format!("SERVER_PORT={}", server.addr.port())), "{lines:#?}");
    }
}

#[test]
fn a_path_with_a_zero_byte_is_answered_400() {
    let server = serve(&[], "env");
    let mut socket = harness::tcp(server.addr);
    socket.write_all(asking("/a%00b", &["Host: localhost"]).as_bytes()).unwrap();
    let head = read_head(&mut socket);
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    // What is no number is no byte either.
    let lines = lines_of(&mut harness::tcp(server.addr), &asking("/a%0", &["Host: localhost"]));
    assert!(lines.iter().any(|line| line == "PATH_INFO=/a%0"), "{lines:#?}");
}

#[test]
fn https_is_on_over_tls() {
    let issued = Issued::new();
    let (chain, key) = (issued.chain(), issued.key());
    let server = serve(&["--cert", chain.to_str().unwrap(), "--key", key.to_str().unwrap()], "env");
    let mut socket = begin_tls(harness::tcp(server.addr), &issued.ca(), "localhost");
    let lines = lines_of(&mut socket, &asking("/", &["Host: localhost"]));
    assert!(lines.iter().any(|line| line == "HTTPS=on"), "{lines:#?}");
}

#[test]
fn the_environment_of_the_server_is_not_passed_on_but_for_a_short_list_and_what_is_named() {
    let mut command = Command::new(harness::PROGRAM);
    command.args(["serve", "--listen", "127.0.0.1:0", "--mode", "exec"]);
    command.args(["--pass-env", "TOKEN_FILE", "--pass-env", "NOT_SET", "--", "env"]);
    command.env("SECRET", "s3cr3t").env("TOKEN_FILE", "/run/token").env("LC_TIME", "C");
    command.env("HTTP_X_ROLE", "admin").env("HTTPS", "on").env("NOTIFY_SOCKET", "/nowhere");
    let server = Running::spawn(command);
    let lines = lines_of(&mut harness::tcp(server.addr), &asking("/", &["Host: localhost"]));
    for there in ["TOKEN_FILE=/run/token", "LC_TIME=C", "PATH="] {
        assert!(lines.iter().any(|line| line.starts_with(there)), "{there} is not in {lines:#?}");
    }
    for other in ["SECRET", "s3cr3t", "HTTP_X_ROLE", "HTTPS", "NOTIFY_SOCKET", "NOT_SET"] {
        assert!(!lines.iter().any(|line| line.contains(other)), "{other} is in {lines:#?}");
    }
    for name in ["", "A=b"] {
        let args = ["serve", "--mode", "exec", "--pass-env", name, "--", "env"];
        assert_eq!(harness::run(&args).0, Some(2), "{name:?}");
    }
}

#[test]
fn no_file_of_the_server_is_open_in_a_process() {
    const SCRIPT: &str = "cd /proc/$$/fd && echo *";
    // Whoever runs the tests may have left some open in all processes.
    let alone = std::process::Command::new("sh").args(["-c", SCRIPT]).output().unwrap();
    let server = serve(&["--metrics", "127.0.0.1:0"], SCRIPT);
    let _others: Vec<_> = (0..5).map(|_| handshake(server.addr)).collect();
    let files = read_text(&mut handshake(server.addr));
    assert_eq!(files.trim(), String::from_utf8(alone.stdout).unwrap().trim());
}
