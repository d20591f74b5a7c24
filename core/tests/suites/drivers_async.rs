//! The async driver: the same, and futures that are dropped at every await.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::common::TestRng;
use crate::pipe::{Async, Blocking, SHAPES, Shape, WouldBlock, pipe};
use embassy_futures::block_on;
use embassy_futures::join::join;
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::mutex::Mutex;
use wirelet::asynch::WebSocket;
use wirelet::handshake::{Acceptance, ClientRequest};
use wirelet::{Client, CloseCode, Error, Message, Received, Server, Storage, blocking};

const REQUEST: ClientRequest<'static> = ClientRequest::new("example.com", "/");

async fn echo(mut ws: WebSocket<'_, Async, Server>) -> Result<(), Error<WouldBlock>> {
    loop {
        match ws.receive().await? {
            (Received::Data(message), sender) => sender.send(message).await?,
            (Received::Close(_), _) => return Ok(()),
            _ => {}
        }
    }
}

#[test]
fn messages_of_every_length_come_back_as_they_went() {
    for shape in SHAPES {
        let (server, client) = pipe(shape);
        let (server, client) = (Async(server), Async(client));
        let serve = async {
            let mut storage = Storage::<600, 70_000, 131>::new();
            let mut ws = WebSocket::new(server, Server, storage.buffers());
            ws.accept(&Acceptance::new()).await?;
            echo(ws).await
        };
        let talk = async {
            let mut storage = Storage::<512, 70_000, 200>::new();
            let mut ws = WebSocket::new(client, Client(TestRng::new(1)), storage.buffers());
            ws.connect(&REQUEST).await?;
            let lengths = [0, 1, 125, 126, 300, 1000, 70_000];
            for len in lengths.into_iter().filter(|&len| shape.capacity > 1 || len <= 1000) {
                let binary = vec![7; len];
                ws.send(binary.as_slice()).await?;
                assert_eq!(ws.receive().await?.0, Received::Data(Message::Binary(&binary)));
            }
            ws.close(CloseCode::NORMAL_CLOSURE).await?;
            assert!(matches!(ws.receive().await?.0, Received::Close(_)));
            Ok::<(), Error<WouldBlock>>(())
        };
        let (server, client) = block_on(join(serve, talk));
        server.unwrap();
        client.unwrap();
    }
}

#[test]
fn the_blocking_and_the_async_driver_talk_to_each_other() {
    for shape in SHAPES {
        let (server, client) = pipe(shape);
        std::thread::scope(|threads| {
            threads.spawn(move || {
                let mut storage = Storage::<300, 2000, 131>::new();
                let buffers = storage.buffers();
                let mut ws = blocking::WebSocket::new(Blocking(server), Server, buffers);
                ws.accept(&Acceptance::new()).unwrap();
                loop {
                    match ws.receive().unwrap() {
                        (Received::Data(message), sender) => sender.send(message).unwrap(),
                        (Received::Close(_), _) => break,
                        _ => {}
                    }
                }
            });
            let mut storage = Storage::<300, 2000, 200>::new();
            block_on(async {
                let client = Async(client);
                let mut ws = WebSocket::new(client, Client(TestRng::new(3)), storage.buffers());
                ws.connect(&REQUEST).await.unwrap();
                for len in [0, 125, 126, 300, 2000] {
                    let text = "x".repeat(len);
                    ws.send(text.as_str()).await.unwrap();
                    assert_eq!(ws.receive().await.unwrap().0, Received::Data(Message::Text(&text)));
                }
                ws.close(CloseCode::NORMAL_CLOSURE).await.unwrap();
                assert!(matches!(ws.receive().await.unwrap().0, Received::Close(_)));
            });
        });
    }
}

/// The bytes that a client sends in the session below: text in fragments with a ping between
/// them, a message that is joined, one that lies whole in the buffer, and a close.
fn session() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut frame = |first: u8, payload: &[u8]| {
        bytes.extend([first, 0x80 | u8::try_from(payload.len()).unwrap(), 1, 2, 3, 4]);
        bytes.extend(payload.iter().zip([1, 2, 3, 4].iter().cycle()).map(|(byte, key)| byte ^ key));
    };
    frame(0x01, "caf\u{e9}".as_bytes());
    frame(0x89, &[b'p'; 125]);
    frame(0x89, b"second ping");
    frame(0x80, b"!");
    frame(0x82, &[9; 60]);
    frame(0x81, b"short");
    frame(0x8a, b"pong");
    frame(0x88, b"\x03\xe8bye");
    bytes
}

/// Runs the session against a server whose await number `stop_at` pends and has its future
/// dropped; returns what the application saw, what the client got, and the number of awaits.
fn run(stop_at: usize) -> (Vec<String>, Vec<u8>, usize) {
    let (server_end, client_end) = pipe(Shape { read: 40, write: 50, capacity: 9000 });
    client_end.put(&session());
    server_end.fail_at(stop_at);
    let mut storage = Storage::<32, 64, 131>::new();
    let mut ws = WebSocket::new(Async(server_end.clone()), Server, storage.buffers());
    let mut seen = Vec::new();
    let mut drops = 0;
    let mut context = Context::from_waker(Waker::noop());
    loop {
        // Each poll is of a new future: the one that pended before has been dropped.
        let received = loop {
            if let Poll::Ready(received) = pin!(ws.receive()).poll(&mut context) {
                break match received.unwrap().0 {
                    Received::Data(message) => format!("{message:?}"),
                    Received::Ping(payload) => format!("ping {payload:?}"),
                    Received::Pong(payload) => format!("pong {payload:?}"),
                    Received::Close(close) => format!("close {:?}", close.reason()),
                };
            }
            drops += 1;
            assert!(drops < 100, "no progress");
        };
        let done = received.starts_with("close");
        // A send that fits is atomic: once dropped, it is queued, and the next call writes it out.
        if received.starts_with("Text") && pin!(ws.send("answer")).poll(&mut context).is_pending() {
            drops += 1;
        }
        seen.push(received);
        if done {
            break;
        }
    }
    let reached = usize::from(server_end.has_failed());
    assert_eq!(drops, reached, "await {stop_at} pended, and its future was dropped");
    (seen, client_end.take(), server_end.calls())
}

#[test]
fn a_future_dropped_at_any_await_loses_and_doubles_nothing() {
    let undisturbed = run(usize::MAX);
    assert_eq!(undisturbed.0.len(), 7);
    let n_awaits = undisturbed.2;
    assert!(n_awaits > 15, "{n_awaits}");
    for stop_at in 0..n_awaits {
        let (seen, got, _) = run(stop_at);
        assert_eq!(seen, undisturbed.0, "dropped at await {stop_at}");
        assert_eq!(got, undisturbed.1, "dropped at await {stop_at}");
    }
}

#[test]
fn a_dropped_flush_is_made_up_for() {
    let (server_end, _client) = pipe(SHAPES[4]);
    server_end.fail_at(1); // 0 is the write, 1 the flush
    let mut storage = Storage::<32, 0, 131>::new();
    let mut ws = WebSocket::new(Async(server_end.clone()), Server, storage.buffers());
    let mut context = Context::from_waker(Waker::noop());
    assert!(pin!(ws.send("hello")).poll(&mut context).is_pending());
    assert_eq!(server_end.writes_and_flushes(), (1, 0));
    assert!(pin!(ws.receive()).poll(&mut context).is_pending());
    assert_eq!(server_end.writes_and_flushes(), (1, 1));
}

#[test]
fn full_duplex_goes_through_two_halves_and_any_lock() {
    const N: usize = 200;
    for shape in SHAPES {
        let (server, client) = pipe(shape);
        let (server, client) = (Async(server), Async(client));
        let serve = async {
            let mut storage = Storage::<64, 200, 256>::new();
            echo(WebSocket::new(server, Server, storage.buffers())).await.unwrap();
        };
        let mut storage = Storage::<64, 200, 256>::new();
        let ws = WebSocket::new(client, Client(TestRng::new(5)), storage.buffers());
        let (mut receiver, sender) = ws.split(|socket| (socket.clone(), socket));
        let sender = Mutex::<NoopRawMutex, _>::new(sender);
        let send = async {
            for i in 0..N {
                let mut sender = sender.lock().await;
                sender.ping(b"?").await.unwrap();
                sender.send(i.to_string().as_str()).await.unwrap();
            }
            sender.lock().await.close(CloseCode::NORMAL_CLOSURE).await.unwrap();
        };
        let receive = async {
            let (mut n, mut pongs, mut done) = (0, 0, false);
            while !done {
                match receiver.receive().await.unwrap() {
                    Received::Data(Message::Text(text)) => {
                        assert_eq!(text, n.to_string());
                        n += 1;
                    }
                    Received::Pong(_) => pongs += 1,
                    Received::Close(_) => done = true,
                    other => panic!("{other:?}"),
                }
                if let Some(reply) = receiver.reply() {
                    sender.lock().await.answer(reply).await.unwrap();
                }
            }
            assert_eq!((n, pongs), (N, N));
        };
        block_on(join(serve, join(send, receive)));
    }
}
