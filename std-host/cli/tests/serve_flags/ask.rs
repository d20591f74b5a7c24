//! Asking a server.

use crate::harness::{get, read_head, upgrade_request};
use serde_json::Value;
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};

/// Sends a request to open a connection with these fields added; returns the response's head.
pub(crate) fn ask(addr: SocketAddr, fields: &str) -> String {
    let mut socket = TcpStream::connect(addr).unwrap();
    let asked = upgrade_request().replace("\r\nUpgrade:", &format!("\r\n{fields}Upgrade:"));
    socket.write_all(asked.as_bytes()).unwrap();
    read_head(&mut socket)
}

pub(crate) fn status_of(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

pub(crate) fn json(addr: SocketAddr, path: &str) -> Value {
    let (head, body) = get(addr, path);
    assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
    assert!(head.contains("\r\ncontent-type: application/json\r\n"), "{head}");
    assert!(!head.contains("access-control"), "{head}");
    serde_json::from_str(&body).unwrap()
}
