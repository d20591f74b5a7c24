//! Tries the clients out, of which only flash and stack are measured: each must open a connection,
//! echo, answer a ping and close.

use std::collections::VecDeque;
use std::convert::Infallible;

use echo::Echo;
use embedded_io::{ErrorType, Read, Write};
use wirelet::handshake::{Acceptance, HeadScanner, Request};
use wirelet::{CloseCode, Connection, Event};

#[test]
fn wirelet_is_a_client() {
    serve::<echo::wirelet::Client>();
}

#[test]
fn embedded_websocket_is_a_client() {
    serve::<echo::embedded_websocket::Client>();
}

#[test]
fn websocketz_is_a_client() {
    serve::<echo::websocketz::Client>();
}

#[test]
fn ws_framer_is_a_client() {
    serve::<echo::ws_framer::Client>();
}

fn serve<E: Echo>() {
    let mut server = Server::default();
    assert_eq!(E::run(&mut server, &mut { E::MEMORY }), Ok(()));
    server.check_replies();
}

/// A socket with a server that accepts, then says hello, pings and closes, a frame a read.
#[derive(Default)]
struct Server {
    received: Vec<u8>,
    head_len: Option<usize>,
    to_send: VecDeque<Vec<u8>>,
}

impl Server {
    /// Accepts the request, which has come in whole.
    fn accept(&mut self) -> usize {
        let len = HeadScanner::new().scan(&self.received).unwrap().expect("the request is whole");
        let request = Request::parse(&self.received[..len]).unwrap();
        let mut response = [0; 256];
        let upgrade = request.upgrade().unwrap();
        let n = upgrade.accept(&Acceptance::default(), &mut response).unwrap();
        self.to_send.push_back(response[..n].to_vec());
        for frame in [&b"\x81\x05hello"[..], b"\x89\x01?", b"\x88\x02\x03\xe8"] {
            self.to_send.push_back(frame.to_vec());
        }
        len
    }

    /// Reads what the client has sent as strictly as wirelet does.
    fn check_replies(mut self) {
        let mut frames = &mut self.received[self.head_len.expect("there was a request")..];
        let mut connection = Connection::new(wirelet::Server);
        let mut events = Vec::new();
        while !frames.is_empty() {
            let progress = connection.receive(frames).unwrap();
            let consumed = progress.consumed;
            events.extend(progress.event.map(|event| match event {
                Event::Chunk(chunk) => format!("{:?}", chunk.as_str()),
                other => format!("{other:?}"),
            }));
            frames = &mut frames[consumed..];
        }
        assert_eq!(events, ["Some(\"hello\")", "Pong", "Close"]);
        let close = connection.close_received().expect("it has come");
        assert_eq!(close.code(), Some(CloseCode::NORMAL_CLOSURE));
    }
}

impl ErrorType for Server {
    type Error = Infallible;
}

impl Read for Server {
    fn read(&mut self, out: &mut [u8]) -> Result<usize, Infallible> {
        if self.head_len.is_none() {
            self.head_len = Some(self.accept());
        }
        let Some(bytes) = self.to_send.pop_front() else { return Ok(0) };
        out[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }
}

impl Write for Server {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.received.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
