//! The blocking driver, end against end, through a pipe that reads and writes short and blocks.

mod common;
mod pipe;

use common::TestRng;
use pipe::{Blocking, SHAPES, Shape, WouldBlock, pipe};
use wirelet::blocking::{Pending, WebSocket};
use wirelet::handshake::{
    Acceptance, ClientRequest, HandshakeError, RequestError, ResponseError, Status,
};
use wirelet::{
    Chunk, Client, CloseCode, Error, Flush, Kind, Message, ProtocolError, Received, SendError,
    Server, Storage,
};

const REQUEST: ClientRequest<'static> = ClientRequest::new("example.com:8567", "/chat?room=1")
    .origin("http://example.com:8567")
    .subprotocols(&["b", "a"])
    .headers(&[("X-Test", "1")]);

/// From a page that is not this server's own.
const FOREIGN_PAGE: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nOrigin: http://evil.example\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

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
                echo(WebSocket::accept(Blocking(server), storage.buffers()).unwrap()).unwrap();
            });
            let mut storage = Storage::<512, 70_000, 200>::new();
            let mut ws =
                WebSocket::connect(Blocking(client), &REQUEST, TestRng::new(1), storage.buffers())
                    .unwrap();
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

/// Repeats a call until it does not block; what it did before must not be lost.
fn again<T>(mut call: impl FnMut() -> Result<T, Error<WouldBlock>>, mut other: impl FnMut()) -> T {
    for _ in 0..1_000_000 {
        match call() {
            Ok(value) => return value,
            Err(Error::Transport(WouldBlock)) => other(),
            Err(error) => panic!("{error:?}"),
        }
    }
    panic!("no progress");
}

#[test]
fn a_call_that_would_block_can_be_repeated_without_loss() {
    for shape in SHAPES {
        let (server, client) = pipe(shape);
        let (mut one, mut two) = (Storage::<50, 200, 256>::new(), Storage::<50, 200, 256>::new());
        let mut server = WebSocket::new(server, Server, one.buffers());
        let mut client = WebSocket::new(client, Client(TestRng::new(3)), two.buffers());
        let mut serve = || match server.receive() {
            Ok((Received::Data(message), sender)) => match sender.send(message) {
                Ok(()) | Err(Error::Transport(WouldBlock)) => {} // queued
                Err(error) => panic!("{error:?}"),
            },
            Ok(_) | Err(Error::Transport(WouldBlock) | Error::Closed) => {}
            Err(error) => panic!("{error:?}"),
        };
        for len in 0..=120 {
            let text = text(len);
            match client.send(text.as_str()) {
                Ok(()) | Err(Error::Transport(WouldBlock)) => {}
                Err(error) => panic!("{error:?}"),
            }
            again(
                || {
                    client.sender().flush()?;
                    let (received, _) = client.receive()?;
                    assert_eq!(received, Received::Data(Message::Text(&text)));
                    Ok(())
                },
                &mut serve,
            );
        }
    }
}

#[test]
fn all_replies_to_one_read_leave_in_one_write_and_one_flush() {
    let shape = Shape { read: 4096, write: 4096, capacity: 9000 };
    let (server_end, mut client_end) = pipe(shape);
    let mut storage = Storage::<512, 0, 512>::new();
    let mut server = WebSocket::new(server_end.clone(), Server, storage.buffers());
    let frame = [0x89, 0x81, 1, 2, 3, 4, b'x' ^ 1];
    embedded_io::Write::write_all(&mut client_end, &frame.repeat(20)).unwrap();
    for _ in 0..20 {
        assert_eq!(server.receive().unwrap().0, Received::Ping(b"x"));
    }
    assert_eq!(server.receive().unwrap_err(), Error::Transport(WouldBlock));
    assert_eq!(server_end.writes_and_flushes(), (1, 1));
    let mut replies = [0; 100];
    let n = embedded_io::Read::read(&mut client_end, &mut replies).unwrap();
    assert_eq!(replies[..n], b"\x8a\x01x".repeat(20));
}

#[test]
fn with_manual_flush_only_the_application_flushes() {
    let (server_end, _client) = pipe(SHAPES[4]);
    let mut storage = Storage::<64, 0, 256>::new();
    let mut server =
        WebSocket::new(server_end.clone(), Server, storage.buffers()).with_flush(Flush::Manual);
    server.send("one").unwrap();
    assert_eq!(server.receive().unwrap_err(), Error::Transport(WouldBlock));
    assert_eq!(server_end.writes_and_flushes(), (1, 0));
    server.sender().flush().unwrap();
    assert_eq!(server_end.writes_and_flushes(), (1, 1));
}

#[test]
fn queued_messages_leave_in_one_write() {
    let (server_end, _client) = pipe(SHAPES[4]);
    let mut storage = Storage::<64, 0, 256>::new();
    let mut server = WebSocket::new(server_end.clone(), Server, storage.buffers());
    for message in ["one", "two", "three"] {
        server.sender().queue(message).unwrap();
    }
    assert_eq!(server_end.writes_and_flushes(), (0, 0));
    server.sender().flush().unwrap();
    assert_eq!(server_end.writes_and_flushes(), (1, 1));
}

#[test]
fn a_long_frame_that_fails_half_way_is_never_followed_by_another() {
    let (server_end, _client) = pipe(Shape { read: 1, write: 100, capacity: 500 });
    let mut storage = Storage::<64, 0, 131>::new();
    let mut server = WebSocket::new(server_end, Server, storage.buffers());
    assert_eq!(server.send(&[0; 1000]).unwrap_err(), Error::Transport(WouldBlock));
    assert_eq!(server.send("next").unwrap_err(), Error::Send(SendError::FrameUnfinished));
    assert_eq!(server.sender().flush().unwrap_err(), Error::Send(SendError::FrameUnfinished));
}

#[test]
fn a_message_that_is_too_big_is_answered_by_1009() {
    for first in [&b"\x82\xfe\x00\xff\x00\x00\x00\x00"[..], b"\x02\xe5\x00\x00\x00\x00"] {
        let (server_end, mut client_end) = pipe(SHAPES[4]);
        let mut storage = Storage::<64, 100, 131>::new();
        let mut server = WebSocket::new(server_end, Server, storage.buffers());
        let bytes = [first, &[0; 101]].concat();
        embedded_io::Write::write_all(&mut client_end, &bytes).unwrap();
        assert!(matches!(server.receive().unwrap_err(), Error::Capacity(_)));
        assert_eq!(server.receive().unwrap_err(), Error::Closed);
        let mut reply = [0; 10];
        let n = embedded_io::Read::read(&mut client_end, &mut reply).unwrap();
        assert_eq!(reply[..n], *b"\x88\x02\x03\xf1");
    }
}

#[test]
fn a_violation_is_answered_and_reported_and_ends_the_connection() {
    let (server_end, mut client_end) = pipe(SHAPES[4]);
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
    let (server_end, client_end) = pipe(SHAPES[4]);
    let mut storage = Storage::<64, 100, 131>::new();
    let mut server = WebSocket::new(server_end, Server, storage.buffers());
    client_end.hang_up();
    assert_eq!(server.receive().unwrap_err(), Error::UnexpectedEof);
}

#[test]
fn the_client_waits_for_the_server_to_close_tcp_first() {
    let (server_end, client_end) = pipe(SHAPES[4]);
    let (mut one, mut two) = (Storage::<64, 9, 131>::new(), Storage::<64, 9, 131>::new());
    let mut server = WebSocket::new(server_end.clone(), Server, one.buffers());
    let mut client = WebSocket::new(client_end.clone(), Client(TestRng::new(4)), two.buffers());
    client.close(CloseCode::NORMAL_CLOSURE).unwrap();
    assert!(matches!(server.receive().unwrap().0, Received::Close(_)));
    server.finish().unwrap(); // at once
    assert!(matches!(client.receive().unwrap().0, Received::Close(_)));
    let mut buf = [0; 8];
    let end_of_file = Blocking(client_end.clone());
    assert_eq!(client.finish().unwrap_err(), Error::Transport(WouldBlock)); // it waits
    server_end.hang_up();
    assert_eq!(embedded_io::Read::read(&mut { end_of_file }, &mut buf), Ok(0));
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
fn the_receiving_half_goes_on_only_after_its_reply_was_handed_over() {
    let (server_end, mut client_end) = pipe(SHAPES[4]);
    let mut storage = Storage::<64, 0, 131>::new();
    let ws = WebSocket::new(server_end, Server, storage.buffers());
    let (mut receiver, mut sender) = ws.split(|socket| (socket.clone(), socket));
    embedded_io::Write::write_all(&mut client_end, b"\x89\x80abcd\x8a\x80abcd").unwrap();
    assert_eq!(receiver.receive().unwrap(), Received::Ping(b""));
    assert_eq!(receiver.receive().unwrap_err(), Error::Send(SendError::ReplyUnfinished));
    sender.answer(receiver.reply().unwrap()).unwrap();
    assert_eq!(receiver.receive().unwrap(), Received::Pong(b""));
    let mut reply = [0; 10];
    let n = embedded_io::Read::read(&mut client_end, &mut reply).unwrap();
    assert_eq!(reply[..n], *b"\x8a\x00");
}

#[test]
fn the_request_is_shown_and_the_response_too() {
    let (server, client) = pipe(SHAPES[2]);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            let mut storage = Storage::<512, 0, 256>::new();
            let pending = Pending::read(Blocking(server), storage.buffers()).unwrap();
            let request = pending.request().unwrap();
            assert_eq!((request.path(), request.query()), ("/chat", Some("room=1")));
            let subprotocol = request.upgrade().unwrap().choose_subprotocol(&["a", "b"]);
            let acceptance = Acceptance::new().subprotocol(subprotocol).headers(&[("X-Id", "7")]);
            let mut ws = pending.accept(&acceptance).unwrap();
            ws.send("early").unwrap();
        });
        let mut storage = Storage::<512, 16, 131>::new();
        let inspect = |response: &wirelet::handshake::Response<'_>| {
            assert_eq!(response.subprotocol(), Some("a"));
            assert_eq!(response.header("x-id"), Some(&b"7"[..]));
        };
        let mut ws = WebSocket::connect_with(
            Blocking(client),
            &REQUEST,
            TestRng::new(6),
            storage.buffers(),
            inspect,
        )
        .unwrap();
        // Also when it comes in the same read as the response.
        assert_eq!(ws.receive().unwrap().0, Received::Data(Message::Text("early")));
    });
}

#[test]
fn a_bad_request_is_refused_with_its_status() {
    let cases: [(&[u8], RequestError, &[u8]); 5] = [
        (FOREIGN_PAGE, RequestError::Origin, b"HTTP/1.1 403 "),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", RequestError::NotUpgrade, b"HTTP/1.1 426 "),
        (b"POST / HTTP/1.1\r\nHost: a\r\n\r\n", RequestError::Method, b"HTTP/1.1 405 "),
        (b"GET / HTTP/1.1\nHost: a\n\n", RequestError::Malformed, b"HTTP/1.1 400 "),
        (&[b'a'; 600], RequestError::HeadTooLong, b"HTTP/1.1 431 "),
    ];
    for (request, wanted, status) in cases {
        let (server_end, mut client_end) = pipe(SHAPES[4]);
        embedded_io::Write::write_all(&mut client_end, request).unwrap();
        let mut storage = Storage::<512, 0, 131>::new();
        let error = WebSocket::accept(server_end, storage.buffers()).unwrap_err();
        assert_eq!(error, Error::Handshake(HandshakeError::Request(wanted)));
        let mut response = [0; 200];
        let n = embedded_io::Read::read(&mut client_end, &mut response).unwrap();
        assert!(response[..n].starts_with(status), "{:?}", str::from_utf8(&response[..n]));
    }
}

#[test]
fn a_refused_client_learns_the_status() {
    let (mut server_end, client_end) = pipe(SHAPES[4]);
    embedded_io::Write::write_all(&mut server_end, b"HTTP/1.1 503 Busy\r\n\r\n").unwrap();
    let mut storage = Storage::<512, 0, 131>::new();
    let error =
        WebSocket::connect(client_end, &REQUEST, TestRng::new(8), storage.buffers()).unwrap_err();
    let wanted = ResponseError::Refused(Status::SERVICE_UNAVAILABLE);
    assert_eq!(error, Error::Handshake(HandshakeError::Response(wanted)));
}

#[test]
fn a_chunk_knows_its_place() {
    let (server_end, mut client_end) = pipe(SHAPES[4]);
    let mut storage = Storage::<8, 0, 131>::new();
    let mut server = WebSocket::new(server_end, Server, storage.buffers());
    embedded_io::Write::write_all(&mut client_end, b"\x82\x84\0\0\0\0abcd").unwrap();
    let (Received::Data(first), _) = server.receive_chunk().unwrap() else { panic!() };
    assert_eq!((first.as_bytes(), first.kind()), (&b"ab"[..], Kind::Binary));
    assert_eq!((first.is_first(), first.is_last(), first.remaining()), (true, false, 2));
    let (Received::Data(last), _) = server.receive_chunk().unwrap() else { panic!() };
    assert_eq!((last.as_bytes(), last.is_first(), last.is_last()), (&b"cd"[..], false, true));
}
