//! Two ends that both have much to say, with little room on the way, do not stop each other.

use crate::common::TestRng;
use crate::pipe::{Async, Blocking, SHAPES, Shape, WouldBlock, pipe};
use embassy_futures::block_on;
use embassy_futures::join::join;
use wirelet::{
    Chunk, Client, CloseCode, Error, Message, Received, Server, Storage, asynch, blocking,
};

/// What a board has on the way.
const BOARD: Shape = Shape { read: 536, write: 536, capacity: 4096 };

static LONG: [u8; 70_000] = [7; 70_000];

/// Messages that the echo of the README takes, whose memory they fill, and which no way holds.
fn messages() -> impl Iterator<Item = String> {
    [0, 1, 125, 126, 1000, 1024].into_iter().map(|len| "x".repeat(len))
}

/// The echo of the README.
fn echo(socket: Blocking) -> Result<(), Error<WouldBlock>> {
    let mut storage = Storage::<1024, 1024, 256>::new();
    let mut ws = blocking::WebSocket::new(socket, Server, storage.buffers());
    loop {
        match ws.receive()? {
            (Received::Data(message), sender) => sender.send(message)?,
            (Received::Ping(_) | Received::Pong(_), _) => {}
            (Received::Close(_), _) => return ws.finish(),
        }
    }
}

#[test]
fn an_echo_of_whole_messages_never_stops_a_client_that_waits_for_each() {
    for shape in SHAPES {
        let (server, client) = pipe(shape);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                echo(Blocking(server.clone())).unwrap();
                server.hang_up();
            });
            let mut storage = Storage::<1024, 1024, 256>::new();
            let role = Client(TestRng::new(1));
            let mut ws = blocking::WebSocket::new(Blocking(client), role, storage.buffers());
            for message in messages() {
                ws.send(message.as_str()).unwrap();
                assert_eq!(ws.receive().unwrap().0, Received::Data(Message::Text(&message)));
            }
            ws.close_and_finish(CloseCode::NORMAL_CLOSURE).unwrap();
        });
    }
}

#[test]
fn an_async_echo_of_whole_messages_never_stops_a_client_that_waits_for_each() {
    for shape in SHAPES {
        let (server, client) = pipe(shape);
        let serve = async {
            let mut storage = Storage::<1024, 1024, 256>::new();
            let socket = Async(server.clone());
            let mut ws = asynch::WebSocket::new(socket, Server, storage.buffers());
            while let (Some(message), sender) = ws.receive_data().await? {
                sender.send(message).await?;
            }
            ws.finish().await?;
            server.hang_up();
            Ok::<(), Error<WouldBlock>>(())
        };
        let talk = async {
            let mut storage = Storage::<1024, 1024, 256>::new();
            let role = Client(TestRng::new(1));
            let mut ws = asynch::WebSocket::new(Async(client), role, storage.buffers());
            for message in messages() {
                ws.send(message.as_str()).await?;
                assert_eq!(ws.receive().await?.0, Received::Data(Message::Text(&message)));
            }
            ws.close_and_finish(CloseCode::NORMAL_CLOSURE).await
        };
        assert_eq!(block_on(join(serve, talk)), (Ok(()), Ok(())));
    }
}

#[test]
fn a_client_that_receives_while_it_sends_gets_a_long_message_back() {
    let (server, client) = pipe(BOARD);
    let mut storage = Storage::<512, 70_000, 256>::new();
    std::thread::scope(|threads| {
        threads.spawn(|| {
            let mut storage = Storage::<1024, 0, 256>::new();
            let socket = Blocking(server.clone());
            let mut ws = blocking::WebSocket::new(socket, Server, storage.buffers());
            loop {
                match ws.receive_chunk().unwrap() {
                    (Received::Data(chunk), sender) => sender.send(chunk).unwrap(),
                    (Received::Close(_), _) => break,
                    _ => {}
                }
            }
            ws.finish().unwrap();
            server.hang_up();
        });
        let role = Client(TestRng::new(2));
        let ws = blocking::WebSocket::new(Blocking(client), role, storage.buffers());
        let (mut receiver, mut sender) = ws.split(|socket| (socket.clone(), socket));
        let sending = threads.spawn(move || {
            sender.send(&LONG).unwrap();
            sender.send(Chunk::first(&LONG[..30_000])).unwrap();
            sender.ping(b"between").unwrap();
            sender.send(Chunk::last(&LONG[30_000..])).unwrap();
            sender
        });
        assert!(receiver.receive().unwrap() == Received::Data(Message::Binary(&LONG)));
        assert_eq!(receiver.receive().unwrap(), Received::Pong(b"between"));
        assert!(receiver.receive().unwrap() == Received::Data(Message::Binary(&LONG)));
        let sender = sending.join().unwrap();
        let ws = blocking::WebSocket::unsplit(receiver, sender, |_, socket| socket);
        ws.unwrap().close_and_finish(CloseCode::NORMAL_CLOSURE).unwrap();
    });
}

#[test]
fn an_async_client_that_receives_while_it_sends_gets_a_long_message_back() {
    let (server, client) = pipe(BOARD);
    let serve = async {
        let mut storage = Storage::<1024, 0, 256>::new();
        let socket = Async(server.clone());
        let mut ws = asynch::WebSocket::new(socket, Server, storage.buffers());
        loop {
            match ws.receive_chunk().await? {
                (Received::Data(chunk), sender) => sender.send(chunk).await?,
                (Received::Close(_), _) => break,
                _ => {}
            }
        }
        ws.finish().await?;
        server.hang_up();
        Ok::<(), Error<WouldBlock>>(())
    };
    let talk = async {
        let mut storage = Storage::<512, 70_000, 256>::new();
        let role = Client(TestRng::new(2));
        let ws = asynch::WebSocket::new(Async(client), role, storage.buffers());
        let (mut receiver, mut sender) = ws.split(|socket| (socket.clone(), socket));
        let send = async {
            sender.send(&LONG).await?;
            sender.send(Chunk::first(&LONG[..30_000])).await?;
            sender.ping(b"between").await?;
            sender.send(Chunk::last(&LONG[30_000..])).await
        };
        let receive = async {
            assert!(receiver.receive().await? == Received::Data(Message::Binary(&LONG)));
            assert_eq!(receiver.receive().await?, Received::Pong(b"between"));
            assert!(receiver.receive().await? == Received::Data(Message::Binary(&LONG)));
            Ok::<(), Error<WouldBlock>>(())
        };
        assert_eq!(join(send, receive).await, (Ok(()), Ok(())));
        let ws = asynch::WebSocket::unsplit(receiver, sender, |_, socket| socket);
        ws.unwrap().close_and_finish(CloseCode::NORMAL_CLOSURE).await
    };
    assert_eq!(block_on(join(serve, talk)), (Ok(()), Ok(())));
}
