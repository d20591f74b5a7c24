//! embedded-websocket. Buffering, joining, the head of a request and the check of text are the
//! caller's.

use embedded_websocket::{
    Error, WebSocket, WebSocketClient, WebSocketOptions, WebSocketReceiveMessageType,
    WebSocketSendMessageType, WebSocketServer, WebSocketState, WebSocketType, read_http_header,
};
use httparse::{EMPTY_HEADER, Request};
use rand_08::{RngCore, thread_rng};

use crate::contender::{BUFFER_LEN, HOST, Receive, Role, TARGET};
use crate::wire::Wire;

pub(crate) struct Receiver {
    wire: Wire,
    codec: WebSocketServer,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    message: Box<[u8]>,
}

impl Receive for Receiver {
    fn new(wire: Wire, buffer_len: usize) -> Self {
        let codec = open(WebSocketServer::new_server());
        let buffer = vec![0; buffer_len].into_boxed_slice();
        Self { wire, codec, message: buffer.clone(), buffer, start: 0, end: 0 }
    }

    fn receive(&mut self, mut seen: impl FnMut(&[u8])) {
        let mut len = 0;
        loop {
            if self.start == self.end {
                self.fill();
            }
            let from = &self.buffer[self.start..self.end];
            let result = match self.codec.read(from, &mut self.message[len..]) {
                Ok(result) => result,
                Err(Error::ReadFrameIncomplete) => {
                    self.fill();
                    continue;
                }
                Err(error) => panic!("{error:?}"),
            };
            self.start += result.len_from;
            len += result.len_to;
            if result.end_of_message {
                let message = &self.message[..len];
                if result.message_type == WebSocketReceiveMessageType::Text {
                    std::str::from_utf8(message).expect("text");
                }
                return seen(message);
            }
        }
    }
}

impl Receiver {
    fn fill(&mut self) {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        let n = self.wire.receive(&mut self.buffer[self.end..]);
        self.end += n;
    }
}

pub(crate) fn sender(wire: Wire, role: Role, payload: &'static [u8]) -> Box<dyn FnMut()> {
    match role {
        Role::Server => Box::new(sender_of(wire, WebSocketServer::new_server(), payload)),
        Role::Client => {
            Box::new(sender_of(wire, WebSocketClient::new_client(thread_rng()), payload))
        }
    }
}

fn sender_of<R: RngCore, T: WebSocketType>(
    mut wire: Wire,
    codec: WebSocket<R, T>,
    payload: &'static [u8],
) -> impl FnMut() {
    let mut codec = open(codec);
    let mut out = vec![0; payload.len() + 14];
    move || {
        let n = codec.write(WebSocketSendMessageType::Binary, true, payload, &mut out);
        wire.send(&out[..n.expect("space")]);
    }
}

pub(crate) fn closer(wire: Wire) -> impl FnMut() {
    let Receiver { mut wire, mut codec, mut buffer, mut message, .. } =
        Receiver::new(wire, BUFFER_LEN);
    move || {
        let n = wire.receive(&mut buffer);
        let close = codec.read(&buffer[..n], &mut message).expect("a frame");
        assert!(close.message_type == WebSocketReceiveMessageType::CloseMustReply);
        let (kind, payload) = (WebSocketSendMessageType::CloseReply, &message[..close.len_to]);
        let n = codec.write(kind, true, payload, &mut buffer).expect("space");
        wire.send(&buffer[..n]);
    }
}

pub(crate) fn accept(mut wire: Wire) -> impl Sized {
    let (mut buffer, mut out) = ([0; 1024], [0; 256]);
    let n = wire.receive(&mut buffer);
    let mut headers = [EMPTY_HEADER; 64];
    let mut request = Request::new(&mut headers);
    assert!(request.parse(&buffer[..n]).expect("a request").is_complete());
    let headers = request.headers.iter().map(|header| (header.name, header.value));
    let context = read_http_header(headers).expect("a request").expect("a handshake");
    let mut codec = WebSocketServer::new_server();
    let n = codec.server_accept(&context.sec_websocket_key, None, &mut out).expect("space");
    wire.send(&out[..n]);
    (wire, codec)
}

pub(crate) fn connect(mut wire: Wire) -> impl Sized {
    let mut buffer = [0; 1024];
    let mut codec = WebSocketClient::new_client(thread_rng());
    let origin = "http://example.com";
    let options = WebSocketOptions {
        path: TARGET,
        host: HOST,
        origin,
        sub_protocols: None,
        additional_headers: None,
    };
    let (n, key) = codec.client_connect(&options, &mut buffer).expect("space");
    wire.send(&buffer[..n]);
    let n = wire.receive(&mut buffer);
    codec.client_accept(&key, &buffer[..n]).expect("a handshake");
    (wire, codec)
}

/// Skips the handshake.
fn open<R: RngCore, T: WebSocketType>(mut codec: WebSocket<R, T>) -> WebSocket<R, T> {
    codec.state = WebSocketState::Open;
    codec
}
