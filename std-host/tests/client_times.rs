//! How long a client waits for what, by a clock that the tests move.

mod harness;

use std::time::Duration;

use harness::opening::{accepted, read_request, upgrade_to};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::{Instant, timeout};
use wirelet::CloseCode;
use wirelet_host::{Builder, Client, ClientError, ClientOptions, Echo, OwnedMessage};

/// Answers the request of a client with this, and leaves the connection open; returns why there is none,
/// and when that was told.
async fn refused(response: &str) -> (ClientError, Duration) {
    let (ours, mut theirs) = duplex(1000);
    let (begin, options) = (Instant::now(), ClientOptions::default());
    let answering = async {
        read_request(&mut theirs).await;
        theirs.write_all(format!("HTTP/1.1 {response}").as_bytes()).await.unwrap();
    };
    let connecting = Client::connect_over(ours, "ws://localhost/", &options);
    let (result, ()) = tokio::join!(connecting, answering);
    (result.unwrap_err(), begin.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_with_its_status_and_first_line_as_soon_as_that_has_come() {
    for (response, wanted, why) in [
        ("403 Forbidden\r\nContent-Length: 9\r\n\r\nnot you\r\n", 403, "not you"),
        ("503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nlater\n\r\n0\r\n\r\n", 503, "later"),
        ("429 Slow\r\nContent-Length: 4\r\n\r\nslow and what follows", 429, "slow"),
        ("404 Not Found\r\nContent-Length: 0\r\n\r\n", 404, ""),
        ("500 Oops\r\n\r\n\x1b[31mred\x07\nmore\n", 500, "[31mred"),
    ] {
        let (error, waited) = refused(response).await;
        let ClientError::Refused { status, why: line, .. } = error else { panic!("{error}") };
        assert_eq!((status.get(), &*line), (wanted, why));
        assert_eq!(waited, Duration::ZERO, "{response}");
    }
    // One whose line never ends is told as far as it came.
    let (error, waited) = refused("418 Tea\r\n\r\nno end").await;
    assert_eq!(error.to_string(), "the server refused with 418: no end");
    assert_eq!(waited.as_secs(), 1);
}

/// A client that sends pings, and its server.
async fn pinging(keepalive: Duration) -> (Client, DuplexStream) {
    let (ours, mut theirs) = duplex(1000);
    let options = ClientOptions { keepalive: Some(keepalive), ..ClientOptions::default() };
    let accepting = async {
        let response = accepted(&read_request(&mut theirs).await);
        theirs.write_all(response.as_bytes()).await.unwrap();
    };
    let connecting = Client::connect_over(ours, "ws://localhost/", &options);
    let (client, ()) = tokio::join!(connecting, accepting);
    (client.unwrap(), theirs)
}

#[tokio::test(start_paused = true)]
async fn a_server_that_has_gone_is_found_out_by_a_ping() {
    let (mut client, mut server) = pinging(Duration::from_millis(200)).await;
    let begin = Instant::now();
    let result = client.receive().await;
    assert!(matches!(result, Err(ClientError::TimedOut)), "{result:?}");
    // One silence for the ping, and one for its answer.
    assert!((400..=405).contains(&begin.elapsed().as_millis()), "{:?}", begin.elapsed());
    drop(client);
    let mut received = Vec::new();
    server.read_to_end(&mut received).await.unwrap();
    assert_eq!((received.len(), &received[..2]), (6, &b"\x89\x80"[..]), "one masked ping");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_answers_pings_is_kept() {
    let (mut client, server) = pinging(Duration::from_millis(50)).await;
    let request = upgrade_to("/").body(()).unwrap();
    let service = Builder::new().service(Echo);
    let (_, upgrade) = service.answer(&request, None).await.unwrap();
    tokio::spawn(upgrade.serve(server));
    let mut n_pongs = 0;
    let pongs = async {
        loop {
            assert_eq!(client.receive().await.unwrap(), OwnedMessage::Pong("".into()));
            n_pongs += 1;
        }
    };
    timeout(Duration::from_millis(1020), pongs).await.unwrap_err();
    assert!((18..=20).contains(&n_pongs), "{n_pongs}");
    client.close(CloseCode::NORMAL_CLOSURE).await.unwrap();
    assert!(matches!(client.receive().await.unwrap(), OwnedMessage::Close { .. }));
    client.finish(Duration::from_secs(5)).await.unwrap();
}
