//! Runs the program, and speaks WebSocket to it in plain bytes.
#![allow(dead_code, reason = "each test takes what it needs")]

pub(crate) mod certificates;
pub(crate) mod front;
#[cfg(unix)]
pub(crate) mod terminal;

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use wirelet::handshake::Key;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_wirelet");

/// First bytes of frames that are no fragments.
pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;

/// A `wirelet serve` on a free port, killed when it goes.
pub(crate) struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    pub(crate) addr: SocketAddr,
}

impl Running {
    pub(crate) fn serve(args: &[&str]) -> Self {
        Self::start(Command::new(PROGRAM), args)
    }

    /// A server that may hold so many files open.
    pub(crate) fn serve_with_files(files: usize, args: &[&str]) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit -n {files}; exec \"$0\" \"$@\""), PROGRAM]);
        Self::start(shell, args)
    }

    fn start(mut command: Command, args: &[&str]) -> Self {
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(args);
        Self::spawn(command)
    }

    /// Runs a command that becomes `wirelet serve`.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let url = line.trim_end().strip_prefix("listening on ws").expect("it listens");
        let addr = url.trim_start_matches('s').strip_prefix("://").unwrap().parse().unwrap();
        Self { child, stdout, addr }
    }

    /// Reads the next line that it prints when it begins.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Waits for the end; returns the exit code.
    pub(crate) fn wait_within(&mut self, limit: Duration) -> Option<i32> {
        let start = Instant::now();
        while start.elapsed() < limit {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }

    /// All of the log, once the program has ended.
    pub(crate) fn stderr(&mut self) -> String {
        let mut text = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        text
    }

    /// The processor time of the program, in ms, in steps of 10.
    pub(crate) fn cpu_ms(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields = stat.rsplit_once(')').unwrap().1.split_whitespace();
        // utime and stime, the 14th and 15th field of all
        fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap() * 10).sum()
    }

    /// The memory of the program, in KiB.
    pub(crate) fn rss_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the program to its end; returns exit code, output and errors.
pub(crate) fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(PROGRAM).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Sends a request with these header fields; returns the response's head, in lower case, and body.
pub(crate) fn request(addr: SocketAddr, line: &str, fields: &[&str]) -> (String, String) {
    let mut socket = TcpStream::connect(addr).unwrap();
    let head = format!("{line} HTTP/1.1\r\n{}\r\n\r\n", fields.join("\r\n"));
    socket.write_all(head.as_bytes()).unwrap();
    let head = read_head(&mut socket);
    let mut body = String::new();
    socket.read_to_string(&mut body).unwrap();
    (head.to_ascii_lowercase(), body)
}

/// Asks for a page.
pub(crate) fn get(addr: SocketAddr, path: &str) -> (String, String) {
    request(addr, &format!("GET {path}"), &[&format!("Host: {addr}")])
}

/// Runs `wirelet connect` with an input; returns exit code, output and errors.
pub(crate) fn connect(args: &[&str], input: &[u8]) -> (Option<i32>, String, String) {
    let mut child = Command::new(PROGRAM)
        .arg("connect")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Reads a request, and accepts it as a server does.
pub(crate) fn accept(mut socket: TcpStream) -> TcpStream {
    let head = read_head(&mut socket);
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
    let accept = Key::parse(key.as_bytes()).unwrap().accept();
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        str::from_utf8(&accept).unwrap()
    );
    socket.write_all(response.as_bytes()).unwrap();
    socket
}

/// Reads `len` bytes or more to the client's close, with a pause after each read, and answers that.
pub(crate) fn read_to_close(socket: &mut TcpStream, len: u64, pause: Duration) {
    let (mut n_all, mut buf, mut last) = (0, vec![0; 1 << 20], Vec::new());
    loop {
        let n = socket.read(&mut buf).unwrap();
        assert_ne!(n, 0, "the end without a close");
        n_all += n as u64;
        last.extend_from_slice(&buf[..n]);
        last.drain(..last.len().saturating_sub(8));
        // Masked, with a code. What comes before may look like it.
        if n_all > len && last.starts_with(&[CLOSE, 0x82]) {
            socket.write_all(b"\x88\x02\x03\xe8").unwrap();
            return;
        }
        std::thread::sleep(pause);
    }
}

/// The request of §1.3, for this server.
pub(crate) fn upgrade_request() -> String {
    "GET /chat HTTP/1.1\r\n\
     Host: server.example.com\r\n\
     Upgrade: websocket\r\n\
     Connection: Upgrade\r\n\
     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
     Sec-WebSocket-Version: 13\r\n\r\n"
        .to_owned()
}

/// Connects; no read takes longer than 10 s.
pub(crate) fn tcp(addr: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(addr).unwrap();
    socket.set_nodelay(true).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket
}

/// Opens a connection.
pub(crate) fn handshake(addr: SocketAddr) -> TcpStream {
    try_handshake(addr).expect("the server accepts")
}

/// Opens a connection, unless the server refuses.
pub(crate) fn try_handshake(addr: SocketAddr) -> Option<TcpStream> {
    let mut socket = tcp(addr);
    socket.write_all(upgrade_request().as_bytes()).unwrap();
    let head = read_head(&mut socket);
    if !head.starts_with("HTTP/1.1 101 Switching Protocols\r\n") {
        return None;
    }
    assert!(head.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{head}");
    Some(socket)
}

/// Reads a head to its empty line, and not a byte more.
pub(crate) fn read_head(socket: &mut impl Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match socket.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            other => panic!("{other:?} after {:?}", String::from_utf8_lossy(&head)),
        }
    }
    String::from_utf8(head).unwrap()
}

/// Makes a masked frame with this first byte.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let mut bytes = vec![first];
    match payload.len() {
        len @ 0..=125 => bytes.push(0x80 | u8::try_from(len).unwrap()),
        len @ 126..=0xffff => {
            bytes.push(0xfe);
            bytes.extend(u16::try_from(len).unwrap().to_be_bytes());
        }
        len => {
            bytes.push(0xff);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    bytes.extend(KEY);
    bytes.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

/// Reads a frame of the server; returns its first byte and its payload.
pub(crate) fn read_frame(socket: &mut impl Read) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    socket.read_exact(&mut head).unwrap();
    let len = match head[1] {
        126 => {
            let mut len = [0; 2];
            socket.read_exact(&mut len).unwrap();
            u64::from(u16::from_be_bytes(len))
        }
        127 => {
            let mut len = [0; 8];
            socket.read_exact(&mut len).unwrap();
            u64::from_be_bytes(len)
        }
        len => {
            assert!(len < 126, "a server's frame is not masked");
            u64::from(len)
        }
    };
    let mut payload = vec![0; usize::try_from(len).unwrap()];
    socket.read_exact(&mut payload).unwrap();
    (head[0], payload)
}

/// Makes sure that the server serves all of these.
pub(crate) fn settle(sockets: &mut [TcpStream]) {
    for socket in sockets {
        socket.write_all(&frame(0x89, b"settle")).unwrap();
        assert_eq!(read_frame(socket), (0x8a, b"settle".to_vec()));
    }
}

/// Ends a connection by a reset.
pub(crate) fn reset(socket: TcpStream) {
    // Unread or not, TCP resets when the linger time is 0.
    socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO)).unwrap();
    drop(socket);
}

/// Tries until it holds.
pub(crate) fn within(limit: Duration, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < limit, "not within {limit:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
