//! Whom `connect` and `serve` trust, by options and files, and how long what they send is.
#![cfg(unix)]

mod harness;

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::Command;

use harness::certificates::Issued;
use harness::tls::begin_tls;
use harness::{Running, TEXT, frame, read_frame, upgrade_request};
use tempfile::TempDir;

/// A certificate that signed itself, as openssl makes it by default.
struct OpenSsl(TempDir);

impl OpenSsl {
    fn new(more: &[&str]) -> Self {
        let this = Self(TempDir::new().unwrap());
        let new =
            ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
        let output = Command::new("openssl")
            .args(new)
            .args(["-days", "2", "-subj", "/O=tests/CN=localhost", "-keyout", "key.pem"])
            .args(["-out", "cert.pem"])
            .args(more)
            .current_dir(this.0.path())
            .output()
            .expect("openssl is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        this
    }

    fn cert(&self) -> String {
        text(&self.0.path().join("cert.pem"))
    }

    fn key(&self) -> String {
        text(&self.0.path().join("key.pem"))
    }

    /// The pin of its key, as people make it.
    fn pin(&self) -> String {
        let script = "openssl x509 -in cert.pem -noout -pubkey | openssl pkey -pubin -outform der \
                      | openssl dgst -sha256 -binary | base64";
        let output = Command::new("sh").args(["-c", script]).current_dir(self.0.path()).output();
        format!("sha256/{}", String::from_utf8(output.unwrap().stdout).unwrap().trim_end())
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// Says nothing; returns the exit code, what was printed and what was told.
fn connect(url: &str, args: &[&str]) -> (Option<i32>, String, String) {
    harness::run(&[&["connect", url], args].concat())
}

#[track_caller]
fn echoes(url: &str, args: &[&str]) {
    let mut child = Command::new(harness::PROGRAM)
        .args(["connect", "--exit-after", "1", url])
        .args(args)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"hello\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "hello\n", "{said}");
    assert_eq!(output.status.code(), Some(0), "{said}");
}

#[track_caller]
fn fails(url: &str, args: &[&str], code: i32, why: &str) {
    let (status, _, err) = connect(url, args);
    assert_eq!(status, Some(code), "{err}");
    assert!(err.contains(why), "{err}");
    assert!(!err.contains("Error("), "no Debug of Rust: {err}");
}

#[test]
fn a_device_is_trusted_by_its_very_certificate_by_its_key_or_without_a_check() {
    let san = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    for (device, host) in [(OpenSsl::new(&san), "127.0.0.1"), (OpenSsl::new(&[]), "localhost")] {
        let server = Running::serve(&["--cert", &device.cert(), "--key", &device.key()]);
        let url = format!("wss://{host}:{}", server.addr.port());
        echoes(&url, &["--ca", &device.cert()]);
        echoes(&url, &["--pin", &device.pin()]);
        echoes(&url, &["--pin", &device.pin().replacen('/', "//", 1)]);
        echoes(&url, &["--insecure"]);
        echoes(&url, &["--insecure", "--pin", &device.pin()]);
        fails(&url, &[], 4, "--ca names a file with what to trust, --pin its key");
        let other = OpenSsl::new(&san);
        fails(&url, &["--ca", &other.cert()], 4, "is not trusted");
        fails(&url, &["--pin", &other.pin()], 4, "pinned");
        fails(&url, &["--insecure", "--pin", &other.pin()], 4, "pinned");
        fails(&url, &["--pin", "sha256/short"], 2, "sha256/");
        fails(&url, &["--insecure", "--ca", &device.cert()], 2, "--insecure");
        fails(&url.replacen("wss", "ws", 1), &[], 5, "begins with wss://");
    }
}

#[test]
fn clients_are_asked_for_certificates_and_show_them() {
    let (issued, authority) = (Issued::new(), Issued::for_names(&["device.test"]));
    let path = |path: std::path::PathBuf| text(&path);
    let (cert, key, ca) = (path(issued.chain()), path(issued.key()), path(issued.ca()));
    let client_ca = path(authority.ca());
    let server = Running::serve(&["--cert", &cert, "--key", &key, "--client-ca", &client_ca]);
    let url = format!("wss://localhost:{}", server.addr.port());
    let (mine, my_key) = (path(authority.chain()), path(authority.key()));
    echoes(&url, &["--ca", &ca, "--cert", &mine, "--key", &my_key]);
    fails(&url, &["--ca", &ca], 4, "it wants a certificate of ours");
    fails(&url, &["--ca", &ca, "--cert", &cert, "--key", &key], 4, "the peer refused TLS");
    fails(&url, &["--ca", &ca, "--cert", &mine], 2, "--key");
    fails(&url, &["--ca", &ca, "--cert", "none.pem", "--key", &my_key], 2, "none.pem");
    fails(&url, &["--ca", &ca, "--cert", &mine, "--key", &key], 2, "do not belong together");

    let bench = ["bench", &url, "-d", "0.2", "--warmup", "0", "-c", "2", "--ca", &ca];
    let (status, out, err) =
        harness::run(&[&bench[..], &["--cert", &mine, "--key", &my_key]].concat());
    assert_eq!(status, Some(0), "{out}{err}");
    let (status, _, err) = harness::run(&bench);
    assert_eq!(status, Some(1), "{err}");

    for (args, why) in [
        (&["--client-ca", &client_ca][..], "--cert"),
        (&["--cert", &cert, "--key", &key, "--key", &key], "their numbers differ"),
        (&["--cert", &cert, "--key", &key, "--max-tls-fragment", "26"], "from 27 to 16384"),
    ] {
        let (status, _, err) = harness::run(&[&["serve"], args].concat());
        assert_eq!(status, Some(2), "{err}");
        assert!(err.contains(why), "{err}");
    }
}

#[test]
fn each_name_has_its_certificate_after_a_reload_too() {
    let (first, second) = (Issued::for_names(&["localhost"]), Issued::for_names(&["b.test"]));
    let pair = |issued: &Issued| {
        ["--cert".into(), text(&issued.chain()), "--key".into(), text(&issued.key())]
    };
    let args = [pair(&first), pair(&second)].concat();
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let server =
        Running::serve(&[&args[..], &["--host", "localhost", "--host", "b.test"]].concat());
    let port = server.addr.port();
    let to_here = format!("*:{port}:127.0.0.1");
    let is_shown = |host: &str, issued: &Issued| {
        let url = format!("wss://{host}:{port}/");
        let args = ["connect", &url, "--resolve", &to_here, "--ca", &text(&issued.ca())];
        let (status, _, err) = harness::run(&args);
        // Inside of TLS, other hosts than this machine's are refused.
        assert!(matches!(status, Some(0 | 4 | 5)), "{err}");
        status != Some(4)
    };
    assert!(is_shown("localhost", &first) && is_shown("b.test", &second));
    second.renew(&["b.test"]);
    server.signal("HUP");
    harness::within(harness::LIMIT, || is_shown("b.test", &second));
    assert!(is_shown("localhost", &first));
}

#[test]
fn no_frame_and_no_record_is_longer_than_asked_for() {
    let issued = Issued::new();
    let (cert, key) = (text(&issued.chain()), text(&issued.key()));
    let server = Running::serve(&[
        "--cert",
        &cert,
        "--key",
        &key,
        "--max-frame",
        "1000",
        "--max-tls-fragment",
        "512",
    ]);
    let mut stream = begin_tls(Measured::new(harness::tcp(server.addr)), &issued.ca(), "localhost");
    stream.write_all(upgrade_request().as_bytes()).unwrap();
    harness::read_head(&mut stream);
    stream.sock.max_len = 0;
    stream.write_all(&frame(TEXT, &[b'a'; 2500])).unwrap();
    let lens: Vec<_> = (0..3)
        .map(|_| {
            let (first, payload) = read_frame(&mut stream);
            (first, payload.len())
        })
        .collect();
    assert_eq!(lens, [(0x01, 1000), (0x00, 1000), (0x80, 500)]);
    assert!((500..=512 + 5 + 17).contains(&stream.sock.max_len), "{}", stream.sock.max_len);

    // A client does so, too.
    let server = Running::serve(&[]);
    let url = format!("ws://{}", server.addr);
    let long = "a".repeat(2500);
    let mut child = Command::new(harness::PROGRAM)
        .args(["connect", "--exit-after", "1", "--max-frame", "1000", "--debug", &url])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{long}").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim_end(), long);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("1000") && told.contains("500"), "{told}");
}

#[test]
fn a_close_notify_is_answered_by_one() {
    let issued = Issued::new();
    let (cert, key) = (text(&issued.chain()), text(&issued.key()));
    let server = Running::serve(&["--cert", &cert, "--key", &key]);
    for is_open in [true, false] {
        let mut stream = begin_tls(harness::tcp(server.addr), &issued.ca(), "localhost");
        if is_open {
            stream.write_all(upgrade_request().as_bytes()).unwrap();
            harness::read_head(&mut stream);
        } else {
            stream.write_all(b"GET / HTTP/1.1\r\n").unwrap();
        }
        stream.conn.send_close_notify();
        stream.flush().unwrap();
        // Without one it is an error.
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"", "open: {is_open}");
    }
}

/// A socket, and the length of the longest record that was read from it.
struct Measured {
    socket: std::net::TcpStream,
    /// What of the record in progress has been read, and its length once that is known.
    head: Vec<u8>,
    rest: usize,
    max_len: usize,
}

impl Measured {
    fn new(socket: std::net::TcpStream) -> Self {
        Self { socket, head: Vec::new(), rest: 0, max_len: 0 }
    }
}

impl std::io::Read for Measured {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        // To the end of a head or of a record, no further.
        let wanted = if self.rest > 0 { self.rest } else { 5 - self.head.len() };
        let len = wanted.min(buf.len());
        let n = self.socket.read(&mut buf[..len])?;
        if self.rest > 0 {
            self.rest -= n;
        } else {
            self.head.extend_from_slice(&buf[..n]);
            if let [_, _, _, high, low] = *self.head {
                self.rest = u16::from_be_bytes([high, low]).into();
                self.max_len = self.max_len.max(5 + self.rest);
                self.head.clear();
            }
        }
        Ok(n)
    }
}

impl std::io::Write for Measured {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        self.socket.write(buf)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
