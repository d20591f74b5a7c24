//! A file of options, beside those of the command line.

use crate::ask::{ask, status_of};
use crate::harness::{BINARY, CLOSE, PROGRAM, Running, TEXT, frame, get, handshake, read_frame};
use std::io::Write as _;
use std::process::Command;

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
    let settings = "binary = true\npass-env = [\"A\"]\nexit-time = \"1s\"";
    let lines = "newline = \"split\"";
    for settings in [exec.to_owned(), format!("{settings}\n{exec}"), format!("{lines}\n{exec}")] {
        let (_directory, command) = serve_with(&settings, &["--mode", "echo"]);
        let server = Running::spawn(command);
        let mut socket = handshake(server.addr);
        socket.write_all(&[frame(TEXT, b"hello"), frame(CLOSE, b"\x03\xe8")].concat()).unwrap();
        assert_eq!(read_frame(&mut socket), (TEXT, b"hello".to_vec()));
        assert_eq!(read_frame(&mut socket), (CLOSE, b"\x03\xe8".to_vec()));
        crate::harness::ended(&mut socket);
    }
}

#[test]
fn compression_is_told_in_a_file_as_it_is_on_the_command_line() {
    let [no, alone, ten] = [
        None,
        Some("permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
        Some("permessage-deflate; client_no_context_takeover; server_max_window_bits=10"),
    ];
    let offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
    for (settings, args, answer) in [
        ("", &[][..], no),
        ("deflate = true", &[], alone),
        ("deflate = \"alone\"\ndeflate-level = 9\ndeflate-threshold = \"1KiB\"", &[], alone),
        ("deflate = 10", &[], ten),
        ("deflate = 10", &["--deflate"], alone),
        ("deflate = 10", &["--deflate=off"], no),
        ("deflate = false", &["--deflate=10"], ten),
        ("deflate = false", &[], no),
    ] {
        let settings = format!("listen = [\"127.0.0.1:0\"]\n{settings}");
        let (_directory, command) = serve_with(&settings, args);
        let server = Running::spawn(command);
        let head = ask(server.addr, offer);
        let lines = head.lines().filter_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: "));
        assert_eq!(lines.collect::<Vec<_>>(), answer.into_iter().collect::<Vec<_>>(), "{settings}");
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
        ("deflate = 8", &["--deflate", "from 9 to 15"]),
        ("deflate-level = \"6\"", &["deflate-level", "an integer", "\"6\""]),
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
    let (status, _, err) = crate::harness::run(&["serve", "--config", "no-such.toml"]);
    assert_eq!(status, Some(2));
    assert!(err.contains("no-such.toml"), "{err}");
    // What is wrong on the command line is not blamed on the file.
    let (_directory, mut command) = serve_with("debug = true", &["--listen", "here"]);
    let err = String::from_utf8(command.output().unwrap().stderr).unwrap();
    assert!(err.contains("--listen") && !err.contains("wirelet.toml"), "{err}");
}
