//! Where it listens: addresses, Unix sockets, sockets that were handed over.

use crate::harness::{PROGRAM, Running, TEXT, frame, handshake, read_frame, upgrade_request};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

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
    let (status, _, _) = crate::harness::run(&["serve", "--listen", &place]);
    assert_eq!(status, Some(1), "this one does not want to");
}
