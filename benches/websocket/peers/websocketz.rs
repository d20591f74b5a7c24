//! websocketz.

use rand::rngs::ThreadRng;
use websocketz::http::Header;
use websocketz::options::{AcceptOptions, ConnectOptions};
use websocketz::{Message, WebSocket, next};

use crate::contender::{BUFFER_LEN, HOST, Receive, Role, TARGET, run};
use crate::wire::Wire;

pub(crate) struct Receiver(WebSocket<'static, Wire, ThreadRng>);

impl Receive for Receiver {
    fn new(wire: Wire, buffer_len: usize) -> Self {
        Self(WebSocket::server(
            wire,
            rand::rng(),
            buffer(buffer_len),
            buffer(256),
            buffer(buffer_len),
        ))
    }

    fn receive(&mut self, mut seen: impl FnMut(&[u8])) {
        let socket = &mut self.0;
        run(async {
            match next!(socket).expect("no end").expect("a message") {
                Message::Text(text) => seen(text.as_bytes()),
                Message::Binary(bytes) => seen(bytes),
                other => panic!("received {other:?}"),
            }
        });
    }
}

pub(crate) fn sender(wire: Wire, role: Role, payload: &'static [u8]) -> impl FnMut() {
    let (read, write, joined) = (buffer(256), buffer(payload.len() + 14), buffer(0));
    let mut socket = match role {
        Role::Server => WebSocket::server(wire, rand::rng(), read, write, joined),
        Role::Client => WebSocket::client(wire, rand::rng(), read, write, joined),
    };
    move || run(socket.send(Message::Binary(payload))).expect("open")
}

pub(crate) fn closer(wire: Wire) -> impl FnMut() {
    let (mut wire, mut read, mut write) = (Some(wire), [0; BUFFER_LEN], [0; 256]);
    move || {
        let wire = wire.take().expect("one call");
        let mut socket = WebSocket::server(wire, rand::rng(), &mut read, &mut write, &mut []);
        run(async { assert!(next!(socket).is_none()) });
    }
}

/// A handshake in buffers that the caller lends.
pub(crate) fn accept(wire: Wire) -> impl Sized {
    let [read, write, joined] = &mut [[0; 1024]; 3];
    let options = AcceptOptions::default();
    run(WebSocket::accept::<64>(options, wire, rand::rng(), read, write, joined))
        .expect("a handshake")
        .into_inner()
}

pub(crate) fn connect(wire: Wire) -> impl Sized {
    let [read, write, joined] = &mut [[0; 1024]; 3];
    let headers = [Header { name: "Host", value: HOST.as_bytes() }];
    let options = ConnectOptions::new(TARGET).expect("a path").with_headers(&headers);
    run(WebSocket::connect::<64>(options, wire, rand::rng(), read, write, joined))
        .expect("a handshake")
        .into_inner()
}

fn buffer(len: usize) -> &'static mut [u8] {
    vec![0; len].leak()
}
