//! soketto. That text is valid is the caller's to check.

use soketto::connection::{Builder, Mode};
use soketto::handshake::server::Response;
use soketto::handshake::{Client, Server, ServerResponse};
use soketto::{Data, Incoming};

use crate::contender::{BUFFER_LEN, HOST, Receive, Role, TARGET, run};
use crate::wire::Wire;

pub(crate) struct Receiver {
    receiver: soketto::Receiver<Wire>,
    message: Vec<u8>,
}

impl Receive for Receiver {
    fn new(wire: Wire, _: usize) -> Self {
        let (_, receiver) = Builder::new(wire, Mode::Server).finish();
        Self { receiver, message: Vec::new() }
    }

    fn receive(&mut self, mut seen: impl FnMut(&[u8])) {
        self.message.clear();
        let data = run(self.receiver.receive_data(&mut self.message)).expect("a message");
        if let Data::Text(_) = data {
            std::str::from_utf8(&self.message).expect("text");
        }
        seen(&self.message);
    }
}

pub(crate) fn sender(wire: Wire, role: Role, payload: &'static [u8]) -> impl FnMut() {
    let mode = match role {
        Role::Server => Mode::Server,
        Role::Client => Mode::Client,
    };
    // The other half shares the socket.
    let (mut sender, receiver) = Builder::new(wire, mode).finish();
    move || {
        let _ = &receiver;
        run(sender.send_binary(payload)).expect("open");
        run(sender.flush()).expect("open");
    }
}

pub(crate) fn closer(wire: Wire) -> impl FnMut() {
    let Receiver { mut receiver, mut message } = Receiver::new(wire, BUFFER_LEN);
    move || {
        let close = run(receiver.receive(&mut message)).expect("a frame");
        assert!(matches!(close, Incoming::Closed(_)));
    }
}

pub(crate) fn accept(wire: Wire) -> impl Sized {
    let mut server = Server::new(wire);
    let key = run(server.receive_request()).expect("a handshake").key();
    run(server.send_response(&Response::Accept { key, protocol: None })).expect("open");
    server.into_builder().finish()
}

pub(crate) fn connect(wire: Wire) -> impl Sized {
    let mut client = Client::new(wire, HOST, TARGET);
    match run(client.handshake()).expect("a handshake") {
        ServerResponse::Accepted { .. } => client.into_builder().finish(),
        refused => panic!("{refused:?}"),
    }
}
