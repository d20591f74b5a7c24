//! Speaks WebSocket in plain bytes.
#![allow(dead_code, reason = "each test takes what it needs")]

pub(crate) mod certificates;
pub(crate) mod front;
pub(crate) mod opening;
pub(crate) mod peer;
pub(crate) mod proxy;
pub(crate) mod tls;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// First bytes of frames that are no fragments.
pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;

/// How long anything may take that has to come: only a fault takes longer, however busy the machine is.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Sends a request with these header fields; returns the response's head, in lower case, and body.
pub(crate) fn request(addr: SocketAddr, line: &str, fields: &[&str]) -> (String, String) {
    let mut socket = tcp(addr);
    let head = format!("{line} HTTP/1.1\r\n{}\r\n\r\n", fields.join("\r\n"));
    socket.write_all(head.as_bytes()).unwrap();
    let head = read_head(&mut socket);
    let (body, end) = read_to_end(&mut socket);
    assert_eq!(end, End::Eof, "{head}");
    (head.to_ascii_lowercase(), String::from_utf8(body).unwrap())
}

/// Asks for a page.
pub(crate) fn get(addr: SocketAddr, path: &str) -> (String, String) {
    request(addr, &format!("GET {path}"), &[&format!("Host: {addr}")])
}

/// Reads a request, and accepts it as a server does.
pub(crate) fn accept(mut socket: TcpStream) -> TcpStream {
    let head = read_head(&mut socket);
    socket.write_all(opening::accepted(&head).as_bytes()).unwrap();
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

/// Reads so many bytes, and a few more maybe.
pub(crate) fn read_len(socket: &mut TcpStream, len: u64) {
    let (mut n_all, mut buf) = (0, vec![0; 64 * 1024]);
    while n_all < len {
        let n = socket.read(&mut buf).unwrap();
        assert_ne!(n, 0, "the end after {n_all} bytes");
        n_all += n as u64;
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

/// Connects; no read takes longer than [`LIMIT`].
pub(crate) fn tcp(addr: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(addr).unwrap();
    socket.set_nodelay(true).unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    socket
}

/// Connects with a small receive buffer.
pub(crate) fn narrow(addr: SocketAddr) -> TcpStream {
    let domain = socket2::Domain::for_address(addr);
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&addr.into()).unwrap();
    let mut socket = TcpStream::from(socket);
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    socket.write_all(upgrade_request().as_bytes()).unwrap();
    assert!(read_head(&mut socket).starts_with("HTTP/1.1 101 "));
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
            Err(error) if is_time_out(&error) => panic!("timed out after {}", lossy(&head)),
            other => panic!("{other:?} after {}", lossy(&head)),
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
#[track_caller]
pub(crate) fn read_frame(socket: &mut impl Read) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    read_exact(socket, &mut head);
    assert!(head[1] < 0x80, "a server's frame is not masked");
    let mut len = vec![0; len_bytes(head[1])];
    read_exact(socket, &mut len);
    let mut payload = vec![0; payload_len(head[1], &len)];
    read_exact(socket, &mut payload);
    (head[0], payload)
}

/// Reads a frame of a client; returns its first byte and its payload. `None` where the connection ends before.
pub(crate) fn read_client_frame(socket: &mut impl Read) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    socket.read_exact(&mut head).ok()?;
    assert!(head[1] >= 0x80, "a client masks");
    let (mut len, mut key) = (vec![0; len_bytes(head[1])], [0; 4]);
    socket.read_exact(&mut len).ok()?;
    socket.read_exact(&mut key).ok()?;
    let mut payload = vec![0; payload_len(head[1], &len)];
    socket.read_exact(&mut payload).ok()?;
    payload.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
    Some((head[0], payload))
}

/// How many bytes behind the second of a frame say its length.
const fn len_bytes(second: u8) -> usize {
    match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    }
}

fn payload_len(second: u8, bytes: &[u8]) -> usize {
    match bytes {
        [] => (second & 0x7f).into(),
        _ => bytes.iter().fold(0, |len, byte| len << 8 | usize::from(*byte)),
    }
}

#[track_caller]
fn read_exact(socket: &mut impl Read, buf: &mut [u8]) {
    match socket.read_exact(buf) {
        Ok(()) => {}
        Err(error) if is_time_out(&error) => panic!("timed out, and the connection goes on"),
        Err(error) => panic!("the peer has ended the connection: {error}"),
    }
}

/// How a peer has ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// By the end of its direction of TCP.
    Eof,
    /// By a reset, or by an end of TCP without that of TLS.
    Broken,
}

/// Reads to where the peer ends the connection; returns what comes before, and how it ends. That this
/// harness waits no longer is no end.
#[track_caller]
pub(crate) fn read_to_end(stream: &mut impl Read) -> (Vec<u8>, End) {
    let mut received = Vec::new();
    match stream.read_to_end(&mut received) {
        Ok(_) => (received, End::Eof),
        Err(error) if is_break(&error) => (received, End::Broken),
        Err(error) if is_time_out(&error) => {
            panic!("timed out, and the connection goes on after {}", lossy(&received))
        }
        Err(error) => panic!("{error} after {}", lossy(&received)),
    }
}

/// Sees the peer end its direction of TCP, and say nothing more before.
#[track_caller]
pub(crate) fn ended(stream: &mut impl Read) {
    let (received, end) = read_to_end(stream);
    assert!(received.is_empty(), "before the end there is {}", lossy(&received));
    assert_eq!(end, End::Eof);
}

/// Sees that for so long the peer neither says anything nor ends the connection.
#[track_caller]
pub(crate) fn silent(socket: &TcpStream, time: Duration) {
    let before = socket.read_timeout().unwrap();
    socket.set_read_timeout(Some(time)).unwrap();
    let result = socket.peek(&mut [0]);
    socket.set_read_timeout(before).unwrap();
    assert!(result.as_ref().is_err_and(is_time_out), "it is not silent: {result:?}");
}

/// Tells whether it was this harness that did not wait any longer.
pub(crate) fn is_time_out(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn is_break(error: &io::Error) -> bool {
    use ErrorKind as E;
    let kind = error.kind();
    matches!(kind, E::ConnectionReset | E::ConnectionAborted | E::BrokenPipe | E::UnexpectedEof)
}

fn lossy(bytes: &[u8]) -> String {
    format!("{} bytes, {:?}", bytes.len(), String::from_utf8_lossy(&bytes[..bytes.len().min(200)]))
}

/// Sends these bytes again and again until the peer has stopped to read: until its socket takes nothing
/// more, though the peer goes on with its other work, which is what `others` makes it do. Returns how
/// many it took, which are fewer than `most`. The writes to the stream must have a short time-out.
#[track_caller]
pub(crate) fn stuff(
    stream: &mut impl Write,
    bytes: &[u8],
    most: usize,
    mut others: impl FnMut(),
) -> usize {
    let (mut n_all, mut n_refused) = (0, 0);
    while n_refused < 10 {
        match stream.write(&bytes[n_all % bytes.len()..]) {
            Ok(n) => {
                n_all += n;
                n_refused = 0;
                assert!(n_all < most, "{n_all} bytes were taken of one who reads nothing");
            }
            Err(error) if is_time_out(&error) => {
                n_refused += 1;
                others();
            }
            Err(error) => panic!("the peer has ended the connection after {n_all} bytes: {error}"),
        }
    }
    n_all
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
#[track_caller]
pub(crate) fn within(limit: Duration, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < limit, "not within {limit:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
