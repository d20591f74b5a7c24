//! sockudo-ws.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use sockudo_ws::handshake::{client_handshake, server_handshake};
use sockudo_ws::{Config, Message, WebSocketStream};

use crate::contender::{BUFFER_LEN, HOST, Receive, Role, TARGET, run};
use crate::wire::Wire;

pub(crate) struct Receiver(WebSocketStream<Wire>);

impl Receive for Receiver {
    fn new(wire: Wire, _: usize) -> Self {
        Self(WebSocketStream::server(wire, Config::default()))
    }

    fn receive(&mut self, mut seen: impl FnMut(&[u8])) {
        seen(run(self.0.next()).expect("no end").expect("a message").as_bytes());
    }
}

pub(crate) fn sender(wire: Wire, role: Role, payload: &'static [u8]) -> impl FnMut() {
    let mut socket = match role {
        Role::Server => WebSocketStream::server(wire, Config::default()),
        Role::Client => WebSocketStream::client(wire, Config::default()),
    };
    let payload = Bytes::from_static(payload);
    move || run(socket.send(Message::Binary(payload.clone()))).expect("open")
}

pub(crate) fn closer(wire: Wire) -> impl FnMut() {
    let Receiver(mut socket) = Receiver::new(wire, BUFFER_LEN);
    move || {
        assert!(run(socket.next()).expect("no end").expect("a close frame").is_close());
        // The answer leaves when the next message is waited for.
        assert!(run(socket.next()).is_none());
    }
}

pub(crate) fn accept(mut wire: Wire) -> impl Sized {
    let leftover = run(server_handshake(&mut wire)).expect("a handshake").leftover;
    let (role, config) = (sockudo_ws::Role::Server, Config::default());
    WebSocketStream::from_raw_with_leftover(wire, role, config, leftover)
}

pub(crate) fn connect(mut wire: Wire) -> impl Sized {
    let handshake = client_handshake(&mut wire, HOST, TARGET, None);
    let leftover = run(handshake).expect("a handshake").leftover;
    let (role, config) = (sockudo_ws::Role::Client, Config::default());
    WebSocketStream::from_raw_with_leftover(wire, role, config, leftover)
}
