//! tungstenite.

use bytes::Bytes;
use tungstenite::protocol::{self, WebSocket, WebSocketConfig};
use tungstenite::{ClientRequestBuilder, Error, Message};

use crate::contender::{BUFFER_LEN, HOST, Receive, Role, TARGET};
use crate::wire::Wire;

pub(crate) struct Receiver(WebSocket<Wire>);

impl Receive for Receiver {
    fn new(wire: Wire, buffer_len: usize) -> Self {
        let config = WebSocketConfig::default().read_buffer_size(buffer_len);
        Self(WebSocket::from_raw_socket(wire, protocol::Role::Server, Some(config)))
    }

    fn receive(&mut self, mut seen: impl FnMut(&[u8])) {
        seen(&self.0.read().expect("a message").into_data());
    }
}

pub(crate) fn sender(wire: Wire, role: Role, payload: &'static [u8]) -> impl FnMut() {
    let role = match role {
        Role::Server => protocol::Role::Server,
        Role::Client => protocol::Role::Client,
    };
    let mut socket = WebSocket::from_raw_socket(wire, role, None);
    let payload = Bytes::from_static(payload);
    move || socket.send(Message::Binary(payload.clone())).expect("open")
}

pub(crate) fn closer(wire: Wire) -> impl FnMut() {
    let Receiver(mut socket) = Receiver::new(wire, BUFFER_LEN);
    move || {
        assert!(socket.read().expect("a close frame").is_close());
        assert!(matches!(socket.flush(), Err(Error::ConnectionClosed)));
    }
}

pub(crate) fn accept(wire: Wire) -> impl Sized {
    tungstenite::accept(wire).expect("a handshake")
}

pub(crate) fn connect(wire: Wire) -> impl Sized {
    let uri = format!("ws://{HOST}{TARGET}").parse().expect("a URI");
    tungstenite::client(ClientRequestBuilder::new(uri), wire).expect("a handshake")
}
