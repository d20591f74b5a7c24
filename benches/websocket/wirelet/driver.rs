//! The blocking driver.

use wirelet::blocking::WebSocket;
use wirelet::handshake::{Acceptance, ClientRequest};
use wirelet::{Buffers, Client, Received, Server, Storage};

use super::random;
use crate::contender::{BUFFER_LEN, HOST, Receive, Role, TARGET};
use crate::wire::Wire;

/// Receives whole messages.
#[derive(Debug)]
pub(crate) struct Receiver(WebSocket<'static, Wire, Server>);

impl Receive for Receiver {
    fn new(wire: Wire, _: usize) -> Self {
        Self(WebSocket::new(wire, Server, buffers()))
    }

    fn receive(&mut self, mut seen: impl FnMut(&[u8])) {
        match self.0.receive().expect("valid frames") {
            (Received::Data(message), _) => seen(message.as_bytes()),
            (other, _) => panic!("received {other:?}"),
        }
    }
}

pub(crate) fn sender(wire: Wire, role: Role, payload: &'static [u8]) -> Box<dyn FnMut()> {
    match role {
        Role::Server => {
            let mut socket = WebSocket::new(wire, Server, buffers());
            Box::new(move || socket.send(payload).expect("open"))
        }
        Role::Client => {
            let mut socket = WebSocket::new(wire, Client(random()), buffers());
            Box::new(move || socket.send(payload).expect("open"))
        }
    }
}

pub(crate) fn closer(wire: Wire) -> impl FnMut() {
    let (mut wire, mut storage) = (Some(wire), Box::new(Storage::<BUFFER_LEN, 0, 256>::new()));
    move || {
        let wire = wire.take().expect("one call");
        let mut socket = WebSocket::new(wire, Server, storage.buffers());
        assert!(matches!(socket.receive().expect("a close frame").0, Received::Close(_)));
    }
}

pub(crate) fn accept(wire: Wire) -> impl Sized {
    let mut storage = Storage::<1024, 0, 256>::new();
    let mut socket = WebSocket::new(wire, Server, storage.buffers());
    socket.accept(&Acceptance::new()).expect("a handshake");
    socket.into_parts().0
}

pub(crate) fn connect(wire: Wire) -> impl Sized {
    let mut storage = Storage::<1024, 0, 256>::new();
    let mut socket = WebSocket::new(wire, Client(random()), storage.buffers());
    socket.connect(&ClientRequest::new(HOST, TARGET)).expect("a handshake");
    socket.into_parts().0
}

/// Buffers for the longest message and its header.
fn buffers() -> Buffers<'static> {
    Box::leak(Box::new(Storage::<LEN, LEN, LEN>::new())).buffers()
}

const LEN: usize = 128 * 1024;
