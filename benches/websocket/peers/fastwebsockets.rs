//! fastwebsockets. Its handshakes are those of hyper.

use bytes::Bytes;
use fastwebsockets::{FragmentCollector, Frame, OpCode, Payload, WebSocket, handshake, upgrade};
use http_body_util::Empty;
use hyper::Request;

use super::hyper::{self as http, Spawn};
use crate::contender::{BUFFER_LEN, HOST, Receive, Role, TARGET, run};
use crate::wire::Wire;

pub(crate) struct Receiver(FragmentCollector<Wire>);

impl Receive for Receiver {
    fn new(wire: Wire, _: usize) -> Self {
        let socket = WebSocket::after_handshake(wire, fastwebsockets::Role::Server);
        Self(FragmentCollector::new(socket))
    }

    fn receive(&mut self, mut seen: impl FnMut(&[u8])) {
        seen(&run(self.0.read_frame()).expect("a message").payload);
    }
}

pub(crate) fn sender(wire: Wire, role: Role, payload: &'static [u8]) -> impl FnMut() {
    let role = match role {
        Role::Server => fastwebsockets::Role::Server,
        Role::Client => fastwebsockets::Role::Client,
    };
    let mut socket = WebSocket::after_handshake(wire, role);
    move || {
        run(socket.write_frame(Frame::binary(Payload::Borrowed(payload)))).expect("open");
    }
}

pub(crate) fn closer(wire: Wire) -> impl FnMut() {
    let Receiver(mut socket) = Receiver::new(wire, BUFFER_LEN);
    move || assert!(run(socket.read_frame()).expect("a frame").opcode == OpCode::Close)
}

pub(crate) fn accept(wire: Wire) -> impl Sized {
    http::accept(wire, |request| {
        let (response, socket) = upgrade::upgrade(request).expect("a handshake");
        (response, async { socket.await.expect("an upgrade") })
    })
}

pub(crate) fn connect(wire: Wire) -> impl Sized {
    let request = Request::get(TARGET)
        .header("Host", HOST)
        .header("Upgrade", "websocket")
        .header("Connection", "upgrade")
        .header("Sec-WebSocket-Key", handshake::generate_key())
        .header("Sec-WebSocket-Version", "13")
        .body(Empty::<Bytes>::new())
        .expect("a request");
    http::block_on(handshake::client(&Spawn, request, wire)).expect("a handshake")
}
