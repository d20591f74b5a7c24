//! Messages that leave in fragments, for peers with little memory.
#![cfg(all(feature = "client", feature = "server"))]

mod harness;

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};

use harness::{BINARY, TEXT, frame, read_client_frame, read_frame};
use wirelet::Message;
use wirelet_host::{
    Builder, Client, ClientOptions, Connection, ConnectionError, Context, Echo, Handler,
    OwnedMessage, Server,
};

const FIRST_TEXT: u8 = 0x01;
const FIRST_BINARY: u8 = 0x02;
const MIDDLE: u8 = 0x00;
const LAST: u8 = 0x80;

/// Sends what comes to all, by the hub.
struct ToAll;

impl Handler for ToAll {
    fn message(&self, message: Message<'_>, context: &mut Context<'_>) {
        context.hub().send_to_all(message);
    }
}

/// Sends what comes in two parts.
struct InParts;

impl Handler for InParts {
    fn message(&self, message: Message<'_>, context: &mut Context<'_>) {
        if let Message::Text(text) = message {
            context.send(wirelet::Chunk::first(text));
            context.send(wirelet::Chunk::last(text));
        }
    }
}

fn run<H: Handler>(server: Server<H>) -> SocketAddr {
    let addr = server.addresses()[0].tcp().unwrap();
    tokio::spawn(server.run());
    addr
}

/// Sends a frame, and reads as many as there are to be.
async fn answers(addr: SocketAddr, sent: (u8, &[u8]), n: usize) -> Vec<(u8, Vec<u8>)> {
    let sent = frame(sent.0, sent.1);
    let reading = move || {
        let mut socket = harness::handshake(addr);
        socket.write_all(&sent).unwrap();
        (0..n).map(|_| read_frame(&mut socket)).collect()
    };
    tokio::task::spawn_blocking(reading).await.unwrap()
}

fn frames(expected: &[(u8, &str)]) -> Vec<(u8, Vec<u8>)> {
    expected.iter().map(|(first, payload)| (*first, payload.as_bytes().to_vec())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_send_of_a_server_keeps_to_the_longest_frame() {
    async fn echo(mut connection: Connection) -> Result<(), ConnectionError> {
        while let Some(message) = connection.receive().await {
            let message = message?;
            if message.is_data() {
                connection.send(message).await?;
            }
        }
        Ok(())
    }
    let builder = || Builder::new().listen("127.0.0.1:0").frame_bytes(5);
    let addrs = [
        run(builder().bind(Echo).await.unwrap()),
        run(builder().bind(ToAll).await.unwrap()),
        run(builder().bind_async(echo).await.unwrap()),
    ];
    for addr in addrs {
        // 4 letters of 3 bytes: each frame has one, and no half.
        let text = "天地玄黄";
        let expected = [(FIRST_TEXT, "天"), (MIDDLE, "地"), (MIDDLE, "玄"), (LAST, "黄")];
        assert_eq!(answers(addr, (TEXT, text.as_bytes()), 4).await, frames(&expected), "{addr}");
        let expected = [(FIRST_BINARY, "01234"), (MIDDLE, "56789"), (LAST, "ab")];
        assert_eq!(answers(addr, (BINARY, b"0123456789ab"), 3).await, frames(&expected));
        for short in ["", "12345"] {
            let answers = answers(addr, (TEXT, short.as_bytes()), 1).await;
            assert_eq!(answers, frames(&[(TEXT, short)]));
        }
    }
    let addr = run(builder().bind(InParts).await.unwrap());
    let expected = [(FIRST_TEXT, "01234"), (MIDDLE, "56"), (MIDDLE, "01234"), (LAST, "56")];
    assert_eq!(answers(addr, (TEXT, b"0123456"), 4).await, frames(&expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_in_fragments_is_one_in_counts_and_in_the_history() {
    let builder = Builder::new().listen("127.0.0.1:0").frame_bytes(5).history(10);
    let server = builder.bind(ToAll).await.unwrap();
    let hub = server.hub().clone();
    let addr = run(server);
    let mut client = Client::connect(&format!("ws://{addr}/")).await.unwrap();
    let text = "0123456789abcdef";
    client.send(text).await.unwrap();
    assert_eq!(client.receive().await.unwrap(), OwnedMessage::from(text));
    assert_eq!(hub.totals().traffic.messages_sent, 1);
    let history = hub.connections()[0].history();
    assert_eq!(history.len(), 2, "{history:?}");
    assert!(history.iter().all(|record| &*record.beginning == text.as_bytes()), "{history:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_keeps_to_the_longest_frame() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let served = std::thread::spawn(move || {
        let mut socket = harness::accept(listener.accept().unwrap().0);
        (0..5).map(|_| read_client_frame(&mut socket).unwrap()).collect::<Vec<_>>()
    });
    let options = ClientOptions { frame_bytes: 5, ..ClientOptions::default() };
    let mut client = Client::connect_with(&url, &options).await.unwrap();
    client.send("01234567").await.unwrap();
    client.send(&b"0123456789"[..]).await.unwrap();
    client.send("01234").await.unwrap();
    let expected = [
        (FIRST_TEXT, "01234"),
        (LAST, "567"),
        (FIRST_BINARY, "01234"),
        (LAST, "56789"),
        (TEXT, "01234"),
    ];
    assert_eq!(served.join().unwrap(), frames(&expected));
}
