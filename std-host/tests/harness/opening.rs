//! The opening handshake by hand, from both ends.

use tokio::io::{AsyncRead, AsyncReadExt as _};
use wirelet::handshake::Key;
use wirelet_host::http;

/// The request of §1.3, as an HTTP server has read it.
pub(crate) fn upgrade_to(path: &str) -> http::request::Builder {
    http::Request::get(path)
        .header("Host", "example.com")
        .header("Upgrade", "websocket")
        .header("Connection", "Upgrade")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
}

/// Reads a request from a stream of tokio's.
pub(crate) async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// The value that accepts a request.
pub(crate) fn accept_value(head: &str) -> String {
    let accept = Key::parse(field(head, "Sec-WebSocket-Key").unwrap().as_bytes()).unwrap().accept();
    String::from_utf8(accept.to_vec()).unwrap()
}

/// The answer that accepts a request, with these lines besides.
pub(crate) fn accepted_with(head: &str, lines: &str) -> String {
    let value = accept_value(head);
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {value}\r\n{lines}\r\n"
    )
}

/// The answer that accepts a request.
pub(crate) fn accepted(head: &str) -> String {
    accepted_with(head, "")
}

/// The value of a header field, which is there once at most.
pub(crate) fn field<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut values = head.lines().filter_map(|line| {
        let (given, value) = line.split_once(':')?;
        given.eq_ignore_ascii_case(name).then_some(value.trim())
    });
    let value = values.next();
    assert_eq!(values.next(), None, "{head}");
    value
}
