//! yawc, with the check of text, which is off by default. Its handshakes are those of hyper.

use bytes::Bytes;
use futures_util::SinkExt;
use yawc::{Frame, HttpWebSocket, OpCode, Options, WebSocket, WebSocketError};

use super::hyper as http;
use crate::contender::{BUFFER_LEN, HOST, Receive, Role, TARGET, run};
use crate::wire::Wire;

pub(crate) struct Receiver(WebSocket<Wire>);

impl Receive for Receiver {
    fn new(wire: Wire, buffer_len: usize) -> Self {
        let options = options().with_read_buffer_capacity(buffer_len);
        Self(WebSocket::from_stream(wire, yawc::Role::Server, options).expect("no extensions"))
    }

    fn receive(&mut self, mut seen: impl FnMut(&[u8])) {
        seen(run(self.0.next_frame()).expect("a message").payload());
    }
}

pub(crate) fn sender(wire: Wire, role: Role, payload: &'static [u8]) -> impl FnMut() {
    let role = match role {
        Role::Server => yawc::Role::Server,
        Role::Client => yawc::Role::Client,
    };
    let mut socket = WebSocket::from_stream(wire, role, options()).expect("no extensions");
    let payload = Bytes::from_static(payload);
    move || run(socket.send(Frame::binary(payload.clone()))).expect("open")
}

pub(crate) fn closer(wire: Wire) -> impl FnMut() {
    let Receiver(mut socket) = Receiver::new(wire, BUFFER_LEN);
    move || {
        assert!(run(socket.next_frame()).expect("a frame").opcode() == OpCode::Close);
        // The answer leaves when the next frame is waited for.
        assert!(matches!(run(socket.next_frame()), Err(WebSocketError::ConnectionClosed)));
    }
}

pub(crate) fn accept(wire: Wire) -> impl Sized {
    http::accept(wire, |request| {
        let (response, socket) =
            HttpWebSocket::upgrade_with_options(request, options()).expect("a handshake");
        (response, async { socket.await.expect("an upgrade") })
    })
}

pub(crate) fn connect(wire: Wire) -> impl Sized {
    let url = format!("ws://{HOST}{TARGET}").parse().expect("a URL");
    http::block_on(WebSocket::handshake(url, wire, options())).expect("a handshake")
}

fn options() -> Options {
    Options::default().with_utf8()
}
