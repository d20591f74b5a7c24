//! Speaks WebSocket in plain bytes.
#![allow(dead_code, reason = "each test takes what it needs")]

pub(crate) mod certificates;
pub(crate) mod front;
pub(crate) mod peer;
pub(crate) mod proxy;
pub(crate) mod tls;

use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use wirelet::handshake::Key;

/// First bytes of frames that are no fragments.
pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;

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

/// The request of §1.3, for a server on this machine.
pub(crate) fn upgrade_request() -> String {
    "GET /chat HTTP/1.1\r\n\
     Host: localhost\r\n\
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
