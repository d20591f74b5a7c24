//! ws-framer. The head of a request is the caller's to parse.

use httparse::{EMPTY_HEADER, Header, Request};
use ws_framer::{WsFrame, WsRxFramer, WsTxFramer, process_sec_websocket_key};

use crate::contender::{BUFFER_LEN, HOST, Receive, Role, TARGET};
use crate::wire::Wire;

pub(crate) struct Receiver {
    wire: Wire,
    receiving: WsRxFramer<'static>,
}

impl Receive for Receiver {
    fn new(wire: Wire, buffer_len: usize) -> Self {
        Self { wire, receiving: WsRxFramer::new(vec![0; buffer_len].leak()) }
    }

    fn receive(&mut self, mut seen: impl FnMut(&[u8])) {
        loop {
            match self.receiving.next_frame() {
                Some(Ok(WsFrame::Text(text))) => return seen(text.as_bytes()),
                Some(Ok(WsFrame::Binary(bytes))) => return seen(bytes),
                Some(other) => panic!("received {other:?}"),
                None => {
                    let n = self.wire.receive(self.receiving.read_buf());
                    self.receiving.advance(n);
                }
            }
        }
    }
}

pub(crate) fn sender(mut wire: Wire, role: Role, payload: &'static [u8]) -> impl FnMut() {
    let buffer = vec![0; payload.len() + 14].leak();
    let mut sending = WsTxFramer::new(role == Role::Client, buffer);
    move || wire.send(sending.binary(payload).expect("space"))
}

pub(crate) fn closer(mut wire: Wire) -> impl FnMut() {
    let (mut read, mut write) = ([0; BUFFER_LEN], [0; 256]);
    move || {
        let mut receiving = WsRxFramer::new(&mut read);
        let n = wire.receive(receiving.read_buf());
        receiving.advance(n);
        let close = receiving.next_frame().expect("a frame").expect("a valid one");
        assert!(matches!(close, WsFrame::Close(..)));
        wire.send(WsTxFramer::new(false, &mut write).frame(close).expect("space"));
    }
}

pub(crate) fn accept(mut wire: Wire) -> impl Sized {
    let (mut buffer, mut out) = ([0; 1024], [0; 256]);
    let n = wire.receive(&mut buffer);
    let mut headers = [EMPTY_HEADER; 64];
    let mut request = Request::new(&mut headers);
    assert!(request.parse(&buffer[..n]).expect("a request").is_complete());
    let is_key = |header: &&Header<'_>| header.name.eq_ignore_ascii_case("Sec-WebSocket-Key");
    let key = request.headers.iter().find(is_key).expect("a key").value;
    let key = std::str::from_utf8(key).expect("text");
    let accept = process_sec_websocket_key(key).expect("a key");
    let headers = [
        Header { name: "Upgrade", value: b"websocket" },
        Header { name: "Connection", value: b"Upgrade" },
        Header { name: "Sec-WebSocket-Accept", value: &accept },
    ];
    let mut sending = WsTxFramer::new(false, &mut out);
    wire.send(sending.http_response(101, "Switching Protocols", &headers).expect("space"));
    wire
}

pub(crate) fn connect(mut wire: Wire) -> impl Sized {
    let (mut buffer, mut out) = ([0; 1024], [0; 1024]);
    let mut sending = WsTxFramer::new(true, &mut out);
    wire.send(sending.http_upgrade_request(HOST, TARGET, &[]).expect("space"));
    let mut receiving = WsRxFramer::new(&mut buffer);
    let n = wire.receive(receiving.read_buf());
    receiving.advance(n);
    let response = receiving.http_response().expect("a head").expect("a response");
    assert!(response.is_websocket_accepted(&sending.accept_key()));
    wire
}
