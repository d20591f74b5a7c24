//! The handshake, by httparse, sha1 and base64 and with the conditions of RFC 6455 §4.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use httparse::{EMPTY_HEADER, Request, Response};
use sha1::{Digest, Sha1};

use crate::contender::{HOST, TARGET};
use crate::wire::Wire;

pub(crate) fn accept(mut wire: Wire) -> Wire {
    let mut head = [0; 1024];
    let n = wire.receive(&mut head);
    let mut headers = [EMPTY_HEADER; 64];
    let mut request = Request::new(&mut headers);
    assert!(request.parse(&head[..n]).expect("a request").is_complete());
    assert!(request.method == Some("GET") && request.version == Some(1));
    let (mut host, mut key, mut is_upgrade, mut is_connection, mut is_13) =
        (None, None, false, false, false);
    for header in &*request.headers {
        let (name, value) = (header.name, header.value);
        if name.eq_ignore_ascii_case("Host") {
            assert!(host.replace(value).is_none());
        } else if name.eq_ignore_ascii_case("Upgrade") {
            is_upgrade |= lists(value, b"websocket");
        } else if name.eq_ignore_ascii_case("Connection") {
            is_connection |= lists(value, b"Upgrade");
        } else if name.eq_ignore_ascii_case("Sec-WebSocket-Key") {
            assert!(key.replace(value).is_none());
        } else if name.eq_ignore_ascii_case("Sec-WebSocket-Version") {
            is_13 = value == b"13";
        }
    }
    assert!(host.is_some() && is_upgrade && is_connection && is_13);
    let key = key.expect("a key");
    assert!(BASE64.decode_slice(key, &mut [0; 18]) == Ok(16));
    let mut response = [0; 256];
    let n = put(&mut response, &[RESPONSE, &accept_value(key), b"\r\n\r\n"]);
    wire.send(&response[..n]);
    wire
}

pub(crate) fn connect(mut wire: Wire) -> Wire {
    let mut key = [0; 24];
    let nonce: [u8; 16] = rand::random();
    BASE64.encode_slice(nonce, &mut key).expect("24 characters");
    let mut buffer = [0; 1024];
    let (target, host) = (TARGET.as_bytes(), HOST.as_bytes());
    let request = [b"GET ", target, b" HTTP/1.1\r\nHost: ", host, REQUEST, &key, b"\r\n\r\n"];
    let n = put(&mut buffer, &request);
    wire.send(&buffer[..n]);

    let n = wire.receive(&mut buffer);
    let mut headers = [EMPTY_HEADER; 64];
    let mut response = Response::new(&mut headers);
    assert!(response.parse(&buffer[..n]).expect("a response").is_complete());
    assert!(response.code == Some(101));
    let (mut is_accept, mut is_upgrade, mut is_connection) = (false, false, false);
    for header in &*response.headers {
        let (name, value) = (header.name, header.value);
        if name.eq_ignore_ascii_case("Upgrade") {
            is_upgrade = value.eq_ignore_ascii_case(b"websocket");
        } else if name.eq_ignore_ascii_case("Connection") {
            is_connection |= lists(value, b"Upgrade");
        } else if name.eq_ignore_ascii_case("Sec-WebSocket-Accept") {
            is_accept = value == accept_value(&key);
        }
    }
    assert!(is_accept && is_upgrade && is_connection);
    wire
}

/// Answers a client's request, for all clients alike; nothing until there is one.
pub(crate) fn answer(request: &[u8], response: &mut Vec<u8>) {
    const KEY: &[u8] = b"sec-websocket-key:";
    let is_key =
        |line: &&[u8]| line.len() > KEY.len() && line[..KEY.len()].eq_ignore_ascii_case(KEY);
    if let Some(line) = request.split(|byte| *byte == b'\n').find(is_key) {
        let key = line[KEY.len()..].trim_ascii();
        response.extend([RESPONSE, &accept_value(key), b"\r\n\r\n"].concat());
    }
}

/// §4.2.2 item 5.4.
fn accept_value(key: &[u8]) -> [u8; 28] {
    let hash = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    let mut value = [0; 28];
    BASE64.encode_slice(hash, &mut value).expect("28 characters");
    value
}

fn lists(value: &[u8], token: &[u8]) -> bool {
    value.split(|byte| *byte == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(token))
}

fn put(out: &mut [u8], parts: &[&[u8]]) -> usize {
    let mut len = 0;
    for part in parts {
        out[len..len + part.len()].copy_from_slice(part);
        len += part.len();
    }
    len
}

const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const REQUEST: &[u8] = b"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ";

const RESPONSE: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: ";
