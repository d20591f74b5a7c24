//! A client that connects again.

mod harness;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Barrier, mpsc};
use std::time::{Duration, Instant};

use harness::accept;
use wirelet::CloseCode;
use wirelet_host::{Backoff, ClientError, ClientOptions, OwnedMessage, Reconnecting, Update};

/// Connects again within 10 ms.
fn reconnecting(url: &str) -> Reconnecting {
    let first = Duration::from_millis(10);
    let backoff = Backoff { first, longest: first, lasting: first };
    Reconnecting::with_backoff(url, ClientOptions::default(), backoff).unwrap()
}

/// Listens; each connection is given to the next of `serve`, then the listener is closed.
fn listen(serve: Vec<fn(TcpStream)>) -> (String, mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let (served, all_served) = mpsc::channel();
    std::thread::spawn(move || {
        for serve in serve {
            serve(listener.accept().unwrap().0);
        }
        served.send(()).unwrap();
    });
    (url, all_served)
}

fn refuse(mut socket: TcpStream, response: &str) {
    harness::read_head(&mut socket);
    socket
        .write_all(format!("HTTP/1.1 {response}\r\nContent-Length: 0\r\n\r\n").as_bytes())
        .unwrap();
}

async fn connected(client: &mut Reconnecting) {
    loop {
        match client.receive().await.unwrap() {
            Update::Connected => return,
            Update::Waiting { .. } => {}
            update => panic!("{update:?}"),
        }
    }
}

async fn waiting(client: &mut Reconnecting) -> (ClientError, usize) {
    match client.receive().await.unwrap() {
        Update::Waiting { why, unsent, wait } => {
            assert!(wait <= Duration::from_millis(10));
            (why, unsent)
        }
        update => panic!("{update:?}"),
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_followed_by_the_next() {
    let (url, _) = listen(vec![
        |socket| drop(accept(socket)),
        |socket| harness::reset(accept(socket)),
        |socket| accept(socket).write_all(b"\x81\x02hi\x88\x02\x03\xe9").unwrap(),
    ]);
    let mut client = reconnecting(&url);
    assert!(matches!(client.send("early").await, Err(ClientError::NotConnected)));
    connected(&mut client).await;
    assert!(matches!(waiting(&mut client).await, (ClientError::Eof, 0)));
    connected(&mut client).await;
    assert!(matches!(waiting(&mut client).await, (ClientError::Io(_), 0)));
    assert!(matches!(client.send("between").await, Err(ClientError::NotConnected)));
    connected(&mut client).await;
    let Update::Received(received) = client.receive().await.unwrap() else { panic!() };
    assert_eq!(received, OwnedMessage::Text("hi".into()));
    let Update::Received(received) = client.receive().await.unwrap() else { panic!() };
    let code = Some(CloseCode::GOING_AWAY);
    assert_eq!(received, OwnedMessage::Close { code, reason: "".into() });
    assert!(matches!(waiting(&mut client).await, (ClientError::Closed, 0)));
    // Nobody listens any more.
    assert!(matches!(waiting(&mut client).await, (ClientError::Io(_), 0)));
}

#[tokio::test]
async fn a_server_is_left_alone_for_as_long_as_it_asks() {
    let (url, _) = listen(vec![
        |socket| refuse(socket, "503 Service Unavailable\r\nRetry-After: 1"),
        |socket| refuse(socket, "500 Internal Server Error\r\nRetry-After: 60"),
        |socket| {
            refuse(socket, "429 Too Many Requests\r\nRetry-After: Thu, 01 Jan 1970 00:00:00 GMT");
        },
        |socket| drop(accept(socket)),
    ]);
    let mut client = reconnecting(&url);
    for longest in [1010, 10, 10] {
        let Update::Waiting { wait, .. } = client.receive().await.unwrap() else { panic!() };
        let shortest = if longest > 1000 { 1000 } else { 0 };
        assert!((shortest..=longest).contains(&wait.as_millis()), "{wait:?}");
        let begin = Instant::now();
        if longest > 1000 {
            // Nothing is asked before.
            let early = tokio::time::timeout(Duration::from_millis(900), client.receive()).await;
            assert!(early.is_err() || begin.elapsed() > Duration::from_millis(950), "{early:?}");
        }
    }
    connected(&mut client).await;

    // Nor does a number that no clock has hurt.
    let (url, _) = listen(vec![|socket| {
        refuse(socket, "503 Service Unavailable\r\nRetry-After: 99999999999999999999");
    }]);
    let Update::Waiting { wait, .. } = reconnecting(&url).receive().await.unwrap() else {
        panic!()
    };
    let day = Duration::from_secs(24 * 3600);
    assert!((day..day + Duration::from_millis(10)).contains(&wait), "{wait:?}");
}

#[tokio::test]
async fn a_server_that_is_busy_is_asked_again() {
    let (url, _) = listen(vec![
        |socket| refuse(socket, "503 Service Unavailable"),
        |socket| refuse(socket, "429 Too Many Requests"),
        |socket| refuse(socket, "408 Request Timeout"),
        |socket| drop(accept(socket)),
    ]);
    let mut client = reconnecting(&url);
    for wanted in [503, 429, 408] {
        match waiting(&mut client).await {
            (ClientError::Refused { status, .. }, 0) => assert_eq!(status.get(), wanted),
            other => panic!("{other:?}"),
        }
    }
    connected(&mut client).await;
}

#[tokio::test]
async fn what_trying_again_cannot_mend_is_given_up() {
    for response in ["400 Bad", "401 Who", "403 No", "404 Where", "301 Elsewhere", "200 OK"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let served = std::thread::spawn(move || refuse(listener.accept().unwrap().0, response));
        let mut client = reconnecting(&url);
        match client.receive().await {
            Err(ClientError::Refused { status, .. }) => {
                assert!(response.starts_with(&status.get().to_string()));
            }
            other => panic!("{response}: {other:?}"),
        }
        served.join().unwrap();
        assert!(matches!(client.receive().await, Err(ClientError::Closed)), "{response}");
    }
    let result = Reconnecting::new("http://example.org", ClientOptions::default());
    assert!(matches!(result, Err(ClientError::Url(_))));
    let ca_files = vec!["no-such.pem".into()];
    let options = ClientOptions { ca_files, ..ClientOptions::default() };
    let result = Reconnecting::new("wss://example.org", options);
    assert!(matches!(result, Err(ClientError::Authorities(_))));
}

#[tokio::test]
async fn what_has_not_left_is_told_and_never_sent_again() {
    static GIVEN_UP: Barrier = Barrier::new(2);
    let (url, all_served) = listen(vec![
        |socket| {
            let socket = accept(socket);
            // It reads nothing.
            GIVEN_UP.wait();
            harness::reset(socket);
        },
        |socket| {
            let mut received = [0; 11];
            accept(socket).read_exact(&mut received).unwrap();
            assert_eq!(received[..2], [0x81, 0x85], "a text of 5 bytes comes first");
        },
    ]);
    let mut client = reconnecting(&url);
    connected(&mut client).await;
    let long = vec![0; 30_000_000];
    for _ in 0..2 {
        // Given up while it waits.
        let sent = tokio::time::timeout(Duration::from_millis(50), client.send(&long[..])).await;
        assert!(sent.is_err(), "{sent:?}");
    }
    GIVEN_UP.wait();
    assert!(matches!(client.send(&long[..]).await, Err(ClientError::NotConnected)));
    let (why, unsent) = waiting(&mut client).await;
    assert!(matches!(why, ClientError::Io(_)), "{why:?}");
    assert_eq!(unsent, 3);
    connected(&mut client).await;
    client.send("fresh").await.unwrap();
    tokio::task::spawn_blocking(move || all_served.recv().unwrap()).await.unwrap();
    assert!(matches!(waiting(&mut client).await, (_, 0)));
}

#[tokio::test]
async fn connecting_goes_on_however_often_receiving_is_given_up() {
    let (url, _) = listen(vec![|socket| refuse(socket, "503 Service Unavailable"), |socket| {
        let mut socket = accept(socket);
        socket.write_all(b"\x81\x02hi").unwrap();
        let _ = socket.read(&mut [0; 1]);
    }]);
    let mut client = reconnecting(&url);
    let (mut updates, mut n_given_up) = (Vec::new(), 0);
    while updates.len() < 3 {
        tokio::select! {
            biased;
            update = client.receive() => updates.push(update.unwrap()),
            () = tokio::task::yield_now() => n_given_up += 1,
        }
    }
    assert!(n_given_up > 3, "{n_given_up}");
    let [Update::Waiting { .. }, Update::Connected, Update::Received(received)] = &updates[..]
    else {
        panic!("{updates:?}");
    };
    assert_eq!(*received, OwnedMessage::Text("hi".into()));
}

#[tokio::test]
async fn who_has_closed_is_not_connected_again() {
    let (url, _) = listen(vec![|socket| {
        let mut socket = accept(socket);
        let mut close = [0; 8];
        socket.read_exact(&mut close).unwrap();
        assert_eq!(close[..2], [0x88, 0x82]);
        socket.write_all(b"\x88\x02\x03\xe8").unwrap();
    }]);
    let mut client = reconnecting(&url);
    connected(&mut client).await;
    client.close(CloseCode::NORMAL_CLOSURE).await.unwrap();
    let update = client.receive().await.unwrap();
    assert!(matches!(update, Update::Received(OwnedMessage::Close { .. })), "{update:?}");
    for _ in 0..2 {
        assert!(matches!(client.receive().await, Err(ClientError::Closed)));
    }
    // And one that was closed before it was connected never is.
    let mut client = reconnecting(&url);
    let result = client.close(CloseCode::NORMAL_CLOSURE).await;
    assert!(matches!(result, Err(ClientError::NotConnected)));
    assert!(matches!(client.receive().await, Err(ClientError::Closed)));
}
