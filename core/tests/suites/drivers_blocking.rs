//! The blocking driver, end against end, through a pipe that reads and writes short and blocks.

use crate::common::TestRng;
use crate::pipe::{Blocking, SHAPES, WIDE, pipe};
use wirelet::blocking::WebSocket;
use wirelet::handshake::{Acceptance, ClientRequest};
use wirelet::{
    Chunk, Client, CloseCode, Error, Kind, Message, ProtocolError, Received, SendError, Server,
    Storage,
};

const REQUEST: ClientRequest<'static> = ClientRequest::new("example.com:8567", "/chat?room=1")
    .origin("http://example.com:8567")
    .subprotocols(&["b", "a"])
    .headers(&[("X-Test", "1")]);

/// Lengths around every border that there is.
const LENGTHS: [usize; 13] = [0, 1, 2, 7, 125, 126, 127, 131, 255, 256, 300, 1000, 70_000];

fn text(len: usize) -> String {
    let text = "añ漢😀".repeat(len / 10 + 1);
    let end = (0..=len).rev().find(|&end| text.is_char_boundary(end)).unwrap();
    text[..end].to_owned()
}

fn echo<S: embedded_io::Read + embedded_io::Write>(
    mut ws: WebSocket<'_, S, Server>,
) -> Result<(), Error<S::Error>> {
    loop {
        match ws.receive()? {
            (Received::Data(message), sender) => sender.send(message)?,
            (Received::Close(_), _) => return Ok(()),
            _ => {}
        }
    }
}

fn echo_chunks<S: embedded_io::Read + embedded_io::Write>(
    mut ws: WebSocket<'_, S, Server>,
) -> Result<(), Error<S::Error>> {
    loop {
        match ws.receive_chunk()? {
            (Received::Data(chunk), sender) => sender.send(chunk)?,
            (Received::Close(_), _) => return Ok(()),
            _ => {}
        }
    }
}

#[test]
fn messages_of_every_length_come_back_as_they_went() {
    for shape in SHAPES {
        let lengths = LENGTHS.iter().filter(|&&len| shape.capacity > 1 || len <= 1000);
        let (server, client) = pipe(shape);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                let mut storage = Storage::<600, 70_000, 131>::new();
                let mut ws = WebSocket::new(Blocking(server), Server, storage.buffers());
                ws.accept(&Acceptance::new()).unwrap();
                echo(ws).unwrap();
            });
            let mut storage = Storage::<512, 70_000, 200>::new();
            let role = Client(TestRng::new(1));
            let mut ws = WebSocket::new(Blocking(client), role, storage.buffers());
            ws.connect(&REQUEST).unwrap();
            for &len in lengths {
                let (text, binary) = (text(len), vec![7; len]);
                for message in [Message::Text(&text), Message::Binary(&binary)] {
                    ws.send(message).unwrap();
                    assert_eq!(ws.receive().unwrap().0, Received::Data(message), "{shape:?}");
                }
            }
            ws.close(CloseCode::NORMAL_CLOSURE).unwrap();
            let (received, _) = ws.receive().unwrap();
            assert_eq!(received, Received::Close(CloseCode::NORMAL_CLOSURE.into()));
            assert_eq!(ws.receive().unwrap_err(), Error::Closed);
        });
    }
}

#[test]
fn chunks_echo_messages_that_are_longer_than_all_memory() {
    for shape in SHAPES {
        let (server, client) = pipe(shape);
        let mut storage = Storage::<64, 3001, 200>::new();
        std::thread::scope(|threads| {
            threads.spawn(|| {
                let mut storage = Storage::<16, 0, 131>::new();
                let ws = WebSocket::new(Blocking(server), Server, storage.buffers());
                echo_chunks(ws).unwrap();
            });
            let ws = WebSocket::new(Blocking(client), Client(TestRng::new(2)), storage.buffers());
            let (mut receiver, mut sender) = ws.split(|socket| (socket.clone(), socket));
            let text = text(3000);
            threads.spawn({
                let text = text.clone();
                move || {
                    sender.send(Chunk::first(text.as_str())).unwrap();
                    sender.ping(b"between").unwrap();
                    sender.send(Chunk::last("!")).unwrap();
                    sender.close(CloseCode::GOING_AWAY).unwrap();
                }
            });
            assert_eq!(receiver.receive().unwrap(), Received::Pong(b"between"));
            let text = text + "!";
            assert_eq!(receiver.receive().unwrap(), Received::Data(Message::Text(&text)));
            let close = Received::Close(CloseCode::GOING_AWAY.into());
            assert_eq!(receiver.receive().unwrap(), close);
        });
    }
}

#[test]
fn a_violation_is_answered_and_reported_and_ends_the_connection() {
    let (server_end, mut client_end) = pipe(WIDE);
    let mut storage = Storage::<64, 100, 131>::new();
    let mut server = WebSocket::new(server_end, Server, storage.buffers());
    embedded_io::Write::write_all(&mut client_end, b"\x81\x00\x89\x00").unwrap();
    assert_eq!(server.receive().unwrap_err(), Error::Protocol(ProtocolError::Unmasked));
    assert_eq!(server.send("late").unwrap_err(), Error::Send(SendError::Closed));
    assert_eq!(server.receive().unwrap_err(), Error::Closed);
    let mut reply = [0; 10];
    let n = embedded_io::Read::read(&mut client_end, &mut reply).unwrap();
    assert_eq!(reply[..n], *b"\x88\x02\x03\xea");
}

#[test]
fn an_end_of_file_without_a_close_frame_is_an_error() {
    let (server_end, client_end) = pipe(WIDE);
    let mut storage = Storage::<64, 100, 131>::new();
    let mut server = WebSocket::new(server_end, Server, storage.buffers());
    client_end.hang_up();
    assert_eq!(server.receive().unwrap_err(), Error::UnexpectedEof);
}

#[test]
fn full_duplex_goes_through_two_halves_and_any_lock() {
    const N: usize = 300;
    for shape in SHAPES {
        let (server, client) = pipe(shape);
        let mut storage = Storage::<64, 200, 256>::new();
        let ws = WebSocket::new(Blocking(client), Client(TestRng::new(5)), storage.buffers());
        let (mut rx, tx) = ws.split(|socket| (socket.clone(), socket));
        let tx = std::sync::Mutex::new(tx);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                let mut storage = Storage::<64, 200, 256>::new();
                echo(WebSocket::new(Blocking(server), Server, storage.buffers())).unwrap();
            });
            threads.spawn(|| {
                for i in 0..N {
                    tx.lock().unwrap().send(i.to_string().as_str()).unwrap();
                }
                tx.lock().unwrap().close(CloseCode::NORMAL_CLOSURE).unwrap();
            });
            let mut n = 0;
            loop {
                let received = rx.receive().unwrap();
                let done = match received {
                    Received::Data(Message::Text(text)) => {
                        assert_eq!(text, n.to_string());
                        n += 1;
                        false
                    }
                    Received::Close(_) => true,
                    other => panic!("{other:?}"),
                };
                if let Some(reply) = rx.reply() {
                    tx.lock().unwrap().answer(reply).unwrap();
                }
                if done {
                    break;
                }
            }
            assert_eq!(n, N);
        });
    }
}

#[test]
fn the_request_is_shown_and_the_response_too() {
    let (server, client) = pipe(SHAPES[2]);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            let mut storage = Storage::<512, 0, 256>::new();
            let mut ws = WebSocket::new(Blocking(server), Server, storage.buffers());
            let request = ws.request().unwrap();
            assert_eq!((request.path(), request.query()), ("/chat", Some("room=1")));
            let subprotocol = ws.upgrade().unwrap().choose_subprotocol(&["a", "b"]);
            let acceptance = Acceptance::new().subprotocol(subprotocol).headers(&[("X-Id", "7")]);
            ws.accept(&acceptance).unwrap();
            ws.send("early").unwrap();
        });
        let mut storage = Storage::<512, 16, 131>::new();
        let mut ws = WebSocket::new(Blocking(client), Client(TestRng::new(6)), storage.buffers());
        let response = ws.connect(&REQUEST).unwrap();
        assert_eq!(response.subprotocol(), Some("a"));
        assert_eq!(response.header("x-id"), Some(&b"7"[..]));
        // Also when it comes in the same read as the response.
        assert_eq!(ws.receive().unwrap().0, Received::Data(Message::Text("early")));
    });
}

#[test]
fn a_chunk_knows_its_place() {
    let (server_end, mut client_end) = pipe(WIDE);
    let mut storage = Storage::<8, 0, 131>::new();
    let mut server = WebSocket::new(server_end, Server, storage.buffers());
    embedded_io::Write::write_all(&mut client_end, b"\x82\x84\0\0\0\0abcd").unwrap();
    let (Received::Data(first), _) = server.receive_chunk().unwrap() else { panic!() };
    assert_eq!((first.as_bytes(), first.kind()), (&b"ab"[..], Kind::Binary));
    assert_eq!((first.is_first(), first.is_last(), first.remaining()), (true, false, 2));
    let (Received::Data(last), _) = server.receive_chunk().unwrap() else { panic!() };
    assert_eq!((last.as_bytes(), last.is_first(), last.is_last()), (&b"cd"[..], false, true));
}
