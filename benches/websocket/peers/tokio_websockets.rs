//! tokio-websockets.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio_websockets::{ClientBuilder, Message, ServerBuilder, WebSocketStream};

use crate::contender::{BUFFER_LEN, HOST, Receive, Role, TARGET, run};
use crate::wire::Wire;

pub(crate) struct Receiver(WebSocketStream<Wire>);

impl Receive for Receiver {
    fn new(wire: Wire, _: usize) -> Self {
        Self(ServerBuilder::new().serve(wire))
    }

    fn receive(&mut self, mut seen: impl FnMut(&[u8])) {
        seen(run(self.0.next()).expect("no end").expect("a message").as_payload());
    }
}

pub(crate) fn sender(wire: Wire, role: Role, payload: &'static [u8]) -> impl FnMut() {
    let mut socket = match role {
        Role::Server => ServerBuilder::new().serve(wire),
        Role::Client => ClientBuilder::new().take_over(wire),
    };
    let payload = Bytes::from_static(payload);
    move || run(socket.send(Message::binary(payload.clone()))).expect("open")
}

pub(crate) fn closer(wire: Wire) -> impl FnMut() {
    let Receiver(mut socket) = Receiver::new(wire, BUFFER_LEN);
    move || {
        assert!(run(socket.next()).expect("no end").expect("a close frame").is_close());
        run(socket.close()).expect("open");
    }
}

pub(crate) fn accept(wire: Wire) -> impl Sized {
    run(ServerBuilder::new().accept(wire)).expect("a handshake")
}

pub(crate) fn connect(wire: Wire) -> impl Sized {
    let uri = format!("ws://{HOST}{TARGET}").parse().expect("a URI");
    run(ClientBuilder::from_uri(uri).connect_on(wire)).expect("a handshake")
}
