//! web-socket. Buffering, joining, the answer to a close and the check of text are the caller's;
//! it has no handshake.

use tokio::io::BufReader;
use web_socket::{DataType, Event, MessageType, Stream, WebSocket};

use crate::contender::{BUFFER_LEN, Receive, Role, run};
use crate::wire::Wire;

pub(crate) struct Receiver {
    socket: WebSocket<BufReader<Wire>>,
    message: Vec<u8>,
}

impl Receive for Receiver {
    fn new(wire: Wire, buffer_len: usize) -> Self {
        let reader = BufReader::with_capacity(buffer_len, wire);
        Self { socket: WebSocket::server(reader), message: Vec::new() }
    }

    fn receive(&mut self, mut seen: impl FnMut(&[u8])) {
        loop {
            let Event::Data { ty, data } = run(self.socket.recv()).expect("a frame") else {
                panic!("received something else");
            };
            match ty {
                DataType::Complete(kind) => return seen(checked(kind, &data)),
                DataType::Stream(part) => {
                    if let Stream::Start(_) = part {
                        self.message.clear();
                    }
                    self.message.extend_from_slice(&data);
                    if let Stream::End(kind) = part {
                        return seen(checked(kind, &self.message));
                    }
                }
            }
        }
    }
}

pub(crate) fn sender(wire: Wire, role: Role, payload: &'static [u8]) -> impl FnMut() {
    let mut socket = match role {
        Role::Server => WebSocket::server(wire),
        Role::Client => WebSocket::client(wire),
    };
    move || run(socket.send(payload)).expect("open")
}

pub(crate) fn closer(wire: Wire) -> impl FnMut() {
    let mut socket = Some(Receiver::new(wire, BUFFER_LEN).socket);
    move || {
        let mut socket = socket.take().expect("one call");
        let Event::Close { code, reason } = run(socket.recv()).expect("a frame") else {
            panic!("received something else");
        };
        run(socket.close((code, &*reason))).expect("open");
    }
}

fn checked(kind: MessageType, message: &[u8]) -> &[u8] {
    if kind.is_text() {
        std::str::from_utf8(message).expect("text");
    }
    message
}
