//! wtx.

use wtx::collection::Vector;
use wtx::misc::UriRef;
use wtx::rng::{Xorshift64, simple_seed};
use wtx::web_socket::{
    Frame, OpCode, WebSocketAcceptor, WebSocketBuffer, WebSocketConnector, WebSocketOwned,
    WebSocketPayloadOrigin,
};

use crate::contender::{BUFFER_LEN, HOST, Receive, Role, TARGET, run};
use crate::wire::Wire;

type WebSocket<const IS_CLIENT: bool> = WebSocketOwned<(), Xorshift64, Wire, IS_CLIENT>;

pub(crate) struct Receiver {
    socket: WebSocket<false>,
    /// For what does not lie in one piece.
    message: Vector<u8>,
}

impl Receive for Receiver {
    fn new(wire: Wire, buffer_len: usize) -> Self {
        let buffer = WebSocketBuffer::with_capacity(buffer_len, 0, 0).expect("memory");
        Self { socket: new(wire, buffer), message: Vector::new() }
    }

    fn receive(&mut self, mut seen: impl FnMut(&[u8])) {
        self.message.clear();
        let read = self.socket.read_frame(&mut self.message, WebSocketPayloadOrigin::Adaptive);
        seen(run(read).expect("a message").payload());
    }
}

pub(crate) fn sender(wire: Wire, role: Role, payload: &'static [u8]) -> Box<dyn FnMut()> {
    match role {
        Role::Server => {
            let mut socket = new::<false>(wire, WebSocketBuffer::new());
            let mut payload = payload.to_vec();
            Box::new(move || {
                let mut frame = Frame::new_fin(OpCode::Binary, &mut payload[..]);
                run(socket.write_frame(&mut frame)).expect("open");
            })
        }
        Role::Client => {
            let mut socket = new::<true>(wire, WebSocketBuffer::new());
            let mut masked = payload.to_vec();
            Box::new(move || {
                // The payload is masked where it lies.
                masked.copy_from_slice(payload);
                let mut frame = Frame::new_fin(OpCode::Binary, &mut masked[..]);
                run(socket.write_frame(&mut frame)).expect("open");
            })
        }
    }
}

pub(crate) fn closer(wire: Wire) -> impl FnMut() {
    let Receiver { mut socket, mut message } = Receiver::new(wire, BUFFER_LEN);
    move || {
        let read = socket.read_frame(&mut message, WebSocketPayloadOrigin::Adaptive);
        assert!(run(read).expect("a frame").op_code() == OpCode::Close);
    }
}

pub(crate) fn accept(wire: Wire) -> impl Sized {
    let socket: wtx::Result<_> = run(WebSocketAcceptor::default().accept(wire));
    socket.expect("a handshake")
}

pub(crate) fn connect(wire: Wire) -> impl Sized {
    let uri = format!("ws://{HOST}{TARGET}");
    let uri = UriRef::new(uri.as_str());
    let socket: wtx::Result<_> = run(WebSocketConnector::default().connect(wire, &uri));
    socket.expect("a handshake")
}

fn new<const IS_CLIENT: bool>(wire: Wire, buffer: WebSocketBuffer) -> WebSocket<IS_CLIENT> {
    WebSocket::new((), false, Xorshift64::from(simple_seed()), wire, buffer)
}
