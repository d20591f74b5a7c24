//! `wirelet serve --cert --key`, with rustls as the client.
#![cfg(unix)]

mod harness;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use harness::certificates::Issued;
use harness::tls::begin_tls;
use harness::{CLOSE, LIMIT, Running, TEXT, frame, upgrade_request, within};
use wirelet_host::rustls::{ClientConnection, StreamOwned};

type Stream = StreamOwned<ClientConnection, TcpStream>;

fn serve(issued: &Issued, flags: &[&str]) -> Running {
    let (cert, key) = (issued.chain(), issued.key());
    let tls = ["--cert", cert.to_str().unwrap(), "--key", key.to_str().unwrap()];
    Running::serve(&[&tls[..], flags].concat())
}

/// Begins TLS, and trusts the authority in this file alone.
fn connect(addr: SocketAddr, authority: &Path, name: &str) -> Stream {
    begin_tls(harness::tcp(addr), authority, name)
}

fn read_head(stream: &mut Stream) -> std::io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(String::from_utf8(head).unwrap())
}

/// Opens a connection, unless its certificate is not trusted.
fn open(addr: SocketAddr, authority: &Path) -> std::io::Result<Stream> {
    let mut stream = connect(addr, authority, "localhost");
    stream.write_all(upgrade_request().as_bytes())?;
    let head = read_head(&mut stream)?;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    Ok(stream)
}

fn echo(stream: &mut Stream, text: &str) {
    stream.write_all(&frame(TEXT, text.as_bytes())).unwrap();
    let mut answer = vec![0; 2 + text.len()];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer[2..], text.as_bytes());
}

#[test]
fn the_page_and_the_connections_are_encrypted() {
    let issued = Issued::new();
    let mut server = serve(&issued, &["--handshake-time", "3600"]);
    assert_eq!(server.line(), format!("page at https://{}", server.addr));
    let mut stream = open(server.addr, &issued.ca()).unwrap();
    echo(&mut stream, "hello");

    let mut page = connect(server.addr, &issued.ca(), "127.0.0.1");
    page.write_all(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").unwrap();
    assert!(read_head(&mut page).unwrap().starts_with("HTTP/1.1 200 OK\r\n"));

    // Who does not speak TLS gets no answer in HTTP.
    let mut plain = harness::tcp(server.addr);
    plain.write_all(upgrade_request().as_bytes()).unwrap();
    let (answer, _) = harness::read_to_end(&mut plain);
    assert!(answer.len() <= 16 && !answer.starts_with(b"HTTP"), "{answer:?}"); // at most an alert
}

#[test]
fn openssl_gets_in_too() {
    let issued = Issued::new();
    let server = serve(&issued, &[]);
    let output = Command::new("openssl")
        .args(["s_client", "-connect", &server.addr.to_string(), "-servername", "localhost"])
        .args([
            "-verify_return_error",
            "-CAfile",
            issued.ca().to_str().unwrap(),
            "-alpn",
            "http/1.1",
        ])
        .output()
        .expect("openssl is installed");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("Verify return code: 0 (ok)"), "{text}");
    assert!(text.contains("ALPN protocol: http/1.1"), "{text}");
}

#[test]
fn a_unix_socket_beside_tls_is_plain() {
    let issued = Issued::new();
    let path = issued.path("socket");
    let place = format!("unix:{}", path.display());
    let mut server = serve(&issued, &["--listen", &place]);
    assert_eq!(server.line(), format!("listening on ws+{place}"));
    let mut socket = std::os::unix::net::UnixStream::connect(path).unwrap();
    socket.write_all(upgrade_request().as_bytes()).unwrap();
    let mut begin = [0; 12];
    socket.read_exact(&mut begin).unwrap();
    assert_eq!(&begin, b"HTTP/1.1 101");
}

#[test]
fn a_renewed_certificate_is_taken_under_load_and_nobody_is_disturbed() {
    let issued = Issued::new();
    let first_ca = issued.path("first-ca.pem");
    std::fs::copy(issued.ca(), &first_ca).unwrap();
    let mut server = serve(&issued, &["--log-level", "info"]);
    let addr = server.addr;
    let (stop, n) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let load: Vec<_> = (0..4)
        .map(|_| {
            let (stop, n) = (Arc::clone(&stop), Arc::clone(&n));
            let mut stream = open(addr, &first_ca).unwrap();
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    echo(&mut stream, "as before");
                    n.fetch_add(1, Ordering::Relaxed);
                }
                stream
            })
        })
        .collect();
    let progress = |from: usize| {
        within(LIMIT, || n.load(Ordering::Relaxed) > from + 100);
    };
    progress(0);

    issued.renew(&["localhost"]);
    assert!(open(addr, &issued.ca()).is_err(), "nobody has asked for the new one yet");
    server.signal("HUP");
    within(LIMIT, || open(addr, &issued.ca()).is_ok());
    assert!(open(addr, &first_ca).is_err(), "the old one is shown");
    progress(n.load(Ordering::Relaxed));

    // What is no key changes nothing.
    let second_ca = issued.path("second-ca.pem");
    std::fs::copy(issued.ca(), &second_ca).unwrap();
    std::fs::write(issued.key(), "no key").unwrap();
    server.signal("HUP");
    within(LIMIT, || server.log().contains("the old certificate goes on: "));
    echo(&mut open(addr, &second_ca).unwrap(), "still the second");
    progress(n.load(Ordering::Relaxed));

    issued.renew(&["localhost"]);
    server.signal("HUP");
    within(LIMIT, || open(addr, &issued.ca()).is_ok());
    progress(n.load(Ordering::Relaxed));

    stop.store(true, Ordering::Relaxed);
    for thread in load {
        let mut stream = thread.join().unwrap();
        stream.write_all(&frame(CLOSE, b"\x03\xe8")).unwrap();
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer, [CLOSE, 2, 3, 0xe8]);
    }
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    let log = server.stderr();
    assert_eq!(log.matches("the certificate was read again").count(), 2, "{log}");
    assert_eq!(log.matches("the old certificate goes on: ").count(), 1, "{log}");
    assert!(log.contains("key.pem holds no private key"), "{log}");
}

#[test]
fn bad_files_are_named_at_the_start() {
    let (issued, other) = (Issued::new(), Issued::new());
    let path = |path: std::path::PathBuf| path.to_str().unwrap().to_owned();
    for (cert, key, named) in [
        (issued.path("none.pem"), issued.key(), "none.pem"),
        (issued.chain(), issued.path("none.pem"), "none.pem"),
        (issued.key(), issued.key(), "key.pem holds no certificate"),
        (issued.chain(), other.key(), "key.pem is of no use"),
    ] {
        let args = ["serve", "--listen", "127.0.0.1:0", "--cert", &path(cert), "--key", &path(key)];
        let (status, _, err) = harness::run(&args);
        assert_eq!(status, Some(1), "{err}");
        assert!(err.contains(named), "{named}: {err}");
    }
}
