//! permessage-deflate between clients and servers, and what hostile ones make of it.
#![cfg(all(feature = "client", feature = "server"))]

mod harness;

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};

use harness::{frame, read_frame, read_head, tcp, upgrade_request};
use wirelet::{Chunk, Message};
use wirelet_host::{
    Builder, Client, ClientOptions, Compression, Connection, ConnectionError, Context, Echo,
    Handler, Limits, OwnedMessage, Record, Server,
};

/// RFC 7692 §7.2.3.1: "Hello".
const HELLO: &[u8] = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
const DEFLATED_TEXT: u8 = 0xc1;
const CLOSE: u8 = 0x88;

fn run<H: Handler>(server: Server<H>) -> SocketAddr {
    let addr = server.addresses()[0].tcp().unwrap();
    tokio::spawn(server.run());
    addr
}

async fn echo_with(compression: Option<Compression>) -> SocketAddr {
    let limits = Limits { message_bytes: 100_000, ..Limits::default() };
    let builder = Builder::new().limits(limits).compression(compression).listen("127.0.0.1:0");
    run(builder.bind(Echo).await.unwrap())
}

async fn client(addr: SocketAddr, compression: Option<Compression>) -> Client {
    let options = ClientOptions { compression, ..ClientOptions::default() };
    Client::connect_with(&format!("ws://{addr}/"), &options).await.unwrap()
}

/// Opens a connection by hand, with this offer; returns what is agreed.
fn offering(addr: SocketAddr, offer: &str) -> (TcpStream, Option<String>) {
    let mut socket = tcp(addr);
    let request = upgrade_request();
    let head = request.trim_end();
    write!(socket, "{head}\r\nSec-WebSocket-Extensions: {offer}\r\n\r\n").unwrap();
    let head = read_head(&mut socket);
    let answer = harness::opening::field(&head, "Sec-WebSocket-Extensions").map(str::to_owned);
    (socket, answer)
}

fn text(i: usize) -> String {
    format!("message {i}: all of this is the same, Grüße ").repeat(20)
}

#[tokio::test]
async fn any_two_ends_agree_on_something_and_echo() {
    let settings = [
        None,
        Some(Compression::new()),
        Some(Compression::new().level(9).threshold(0)),
        Some(Compression::new().takeover(9)),
        Some(Compression::new().takeover(15)),
    ];
    for ours in settings {
        let addr = echo_with(ours).await;
        for theirs in settings {
            let mut client = client(addr, theirs).await;
            let agreed = client.headers().get("sec-websocket-extensions").is_some();
            assert_eq!(agreed, ours.is_some() && theirs.is_some(), "{ours:?} {theirs:?}");
            for i in 0..4 {
                for message in [String::new(), "short".into(), text(i), text(0)] {
                    client.send(message.as_str()).await.unwrap();
                    let echoed = client.receive().await.unwrap();
                    assert_eq!(echoed, OwnedMessage::Text(message.into()), "{ours:?} {theirs:?}");
                }
                let bytes = vec![b'x'; 50_000];
                client.send(&bytes[..]).await.unwrap();
                assert_eq!(client.receive().await.unwrap(), OwnedMessage::Binary(bytes.into()));
            }
            client.close(wirelet::CloseCode::NORMAL_CLOSURE).await.unwrap();
            client.finish(std::time::Duration::from_secs(5)).await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_goes_to_all_and_what_goes_to_one_come_in_their_order_to_each() {
    /// Echoes, and tells all.
    struct Both;

    impl Handler for Both {
        fn message(&self, message: Message<'_>, context: &mut Context<'_>) {
            context.send(message);
            context.hub().send_to_all(message);
            let fragment = Chunk::first("in ");
            context.send(fragment);
            context.send(Chunk::last("fragments"));
        }
    }

    let compression = Compression::new().takeover(12);
    let server = Builder::new().compression(compression).listen("127.0.0.1:0").bind(Both).await;
    let server = server.unwrap();
    let hub = server.hub();
    let addr = run(server);
    let alone = Compression::new();
    let mut clients = Vec::new();
    for compression in [Some(compression), Some(alone), None, Some(compression)] {
        clients.push(client(addr, compression).await);
    }
    while hub.connections().len() < clients.len() {
        tokio::task::yield_now().await;
    }
    for i in 0..20 {
        let sender = i % clients.len();
        clients[sender].send(text(i).as_str()).await.unwrap();
        for (j, client) in clients.iter_mut().enumerate() {
            let mut expected = vec![text(i)];
            if j == sender {
                expected = vec![text(i), text(i), "in fragments".into()];
            }
            let mut received = Vec::new();
            for _ in 0..expected.len() {
                match client.receive().await.unwrap() {
                    OwnedMessage::Text(text) => received.push(text.to_string()),
                    other => panic!("{other}"),
                }
            }
            // Those of the hub come behind the fragments, or before.
            received.sort_unstable();
            expected.sort_unstable();
            assert_eq!(received, expected, "{i} to {j}");
        }
    }
    let compressed = hub.totals().compressed;
    assert!(compressed.sent_after * 5 < compressed.sent_before, "{compressed:?}");
    assert!(compressed.received_after > compressed.received_before);
}

#[tokio::test]
async fn the_history_has_messages_as_they_were() {
    for compression in [Compression::new(), Compression::new().takeover(9)] {
        let builder = Builder::new().compression(compression).frame_bytes(20).history(3);
        let server = builder.listen("127.0.0.1:0").bind(Echo).await.unwrap();
        let hub = server.hub();
        let mut client = client(run(server), Some(compression)).await;
        client.send(text(1).as_str()).await.unwrap();
        assert_eq!(client.receive().await.unwrap(), OwnedMessage::Text(text(1).into()));
        assert_eq!(hub.send_to_all(text(2).as_str()), 1);
        assert_eq!(client.receive().await.unwrap(), OwnedMessage::Text(text(2).into()));
        let history = hub.connections()[0].history();
        let texts = history.iter().map(|record| (record.bytes, record.beginning.to_vec()));
        let beginning = |text: String| (text.len(), text.as_bytes()[..Record::SHOWN].to_vec());
        let expected = [text(1), text(1), text(2)].map(beginning);
        assert_eq!(texts.collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn a_connection_that_is_served_as_a_value_compresses_too() {
    async fn serve(mut connection: Connection) -> Result<(), ConnectionError> {
        while let Some(message) = connection.receive().await {
            connection.send(message?).await?;
        }
        Ok(())
    }
    let builder = Builder::new().compression(Compression::new().takeover(10));
    let server = builder.listen("127.0.0.1:0").bind_async(serve).await.unwrap();
    let addr = run(server);
    let mut client = client(addr, Some(Compression::new().takeover(15))).await;
    for i in 0..5 {
        client.send(text(i).as_str()).await.unwrap();
        assert_eq!(client.receive().await.unwrap(), OwnedMessage::Text(text(i).into()));
    }
}

#[tokio::test]
async fn offers_are_answered_as_the_rfc_says() {
    let [off, alone, ten] = [
        echo_with(None).await,
        echo_with(Some(Compression::new())).await,
        echo_with(Some(Compression::new().takeover(10))).await,
    ];
    let check = move || {
        for (offer, by_alone, by_ten) in [
            (
                "permessage-deflate",
                Some("permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
                Some("permessage-deflate; client_no_context_takeover; server_max_window_bits=10"),
            ),
            (
                "permessage-deflate; client_max_window_bits",
                Some("permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
                Some("permessage-deflate; server_max_window_bits=10; client_max_window_bits=10"),
            ),
            ("permessage-deflate; server_max_window_bits=7", None, None),
            ("x-webkit-deflate-frame", None, None),
        ] {
            assert_eq!(offering(off, offer).1, None);
            assert_eq!(offering(alone, offer).1.as_deref(), by_alone, "{offer}");
            assert_eq!(offering(ten, offer).1.as_deref(), by_ten, "{offer}");
        }
    };
    tokio::task::spawn_blocking(check).await.unwrap();
}

#[tokio::test]
async fn what_must_not_be_compressed_is_refused() {
    let (off, on) = (echo_with(None).await, echo_with(Some(Compression::new())).await);
    let check = move || {
        let offer = "permessage-deflate";
        // A message of 100,001 zeros: by zlib, from which only the end of the flush was cut.
        let bomb = bomb(100_001);
        assert!(bomb.len() < 500);
        for (addr, frames, code) in [
            // Nothing was agreed on.
            (off, vec![(DEFLATED_TEXT, HELLO)], 1002),
            // Another bit, a continuation, a ping.
            (on, vec![(0xa1, HELLO)], 1002),
            (on, vec![(0x41, &HELLO[..3]), (0xc0, &HELLO[3..])], 1002),
            (on, vec![(0xc9, &b""[..])], 1002),
            // No deflated data.
            (on, vec![(DEFLATED_TEXT, &b"\x07"[..])], 1007),
            // It would become longer than the limit, in one frame or in many.
            (on, vec![(0xc2, &bomb[..])], 1009),
            (on, vec![(0x42, &bomb[..9]), (0x00, &bomb[9..20]), (0x80, &bomb[20..])], 1009),
        ] {
            let (mut socket, _) = offering(addr, offer);
            for (first, payload) in &frames {
                socket.write_all(&frame(*first, payload)).unwrap();
            }
            let (first, payload) = read_frame(&mut socket);
            assert_eq!((first, &payload[..2]), (CLOSE, &u16::to_be_bytes(code)[..]), "{frames:?}");
            harness::ended(&mut socket);
        }
        // And what is right comes back, on the same terms.
        let (mut socket, _) = offering(on, offer);
        socket.write_all(&frame(0x41, &HELLO[..2])).unwrap();
        socket.write_all(&frame(0x89, b"between")).unwrap();
        socket.write_all(&frame(0x80, &HELLO[2..])).unwrap();
        assert_eq!(read_frame(&mut socket), (0x8a, b"between".to_vec()));
        assert_eq!(read_frame(&mut socket), (0x81, b"Hello".to_vec()));
    };
    tokio::task::spawn_blocking(check).await.unwrap();
}

/// So many zeros, compressed.
fn bomb(len: usize) -> Vec<u8> {
    let mut deflate = zlib_rs::Deflate::new(9, false, 15);
    let mut out = vec![0; len];
    deflate.compress(&vec![0; len], &mut out, zlib_rs::DeflateFlush::SyncFlush).unwrap();
    out.truncate(usize::try_from(deflate.total_out()).unwrap() - 4);
    out
}
