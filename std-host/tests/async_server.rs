//! A server whose connections are values, each in a task of its own.

mod harness;

use std::io::Write as _;
use std::time::Duration;

use harness::certificates::Issued;
use harness::{TEXT, frame, read_frame};
use tokio::time::timeout;
use wirelet::CloseCode;
use wirelet_host::{
    Answer, Builder, Certificates, Client, ClientError, ClientOptions, Connection, ConnectionError,
    Context, Handler, Handshake, Limits, Listen, OwnedMessage, StatusCode,
};

async fn echo(mut connection: Connection) -> Result<(), ConnectionError> {
    while let Some(message) = connection.receive().await {
        let message = message?;
        if message.is_data() {
            connection.send(message).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn long_messages_go_both_ways_over_tcp_and_tls_and_the_server_ends_with_the_last() {
    let issued = Issued::new();
    let certificates = Certificates::load(issued.chain(), issued.key()).unwrap();
    let server = Builder::new()
        .listen("127.0.0.1:0")
        .listen(Listen::tcp("127.0.0.1:0").with_tls(certificates))
        .bind_async(echo)
        .await
        .unwrap();
    let (urls, shutdown) = (server.urls().collect::<Vec<_>>(), server.shutdown());
    let running = tokio::spawn(server.run());
    let options = ClientOptions { ca_files: vec![issued.ca()], ..ClientOptions::default() };
    let text = "Grüße, 世界 ".repeat(50_000);
    let mut clients = Vec::new();
    for url in urls.iter().cycle().take(4) {
        let mut client = Client::connect_with(url, &options).await.unwrap();
        client.send(&*text).await.unwrap();
        assert!(client.receive().await.unwrap() == OwnedMessage::from(&*text), "{url}");
        clients.push(client);
    }
    shutdown.begin();
    for mut client in clients {
        let code = Some(CloseCode::GOING_AWAY);
        let close = timeout(harness::LIMIT, client.receive()).await.unwrap().unwrap();
        assert!(matches!(close, OwnedMessage::Close { code: c, .. } if c == code), "{close:?}");
        client.finish(harness::LIMIT).await.unwrap();
    }
    timeout(harness::LIMIT, running).await.unwrap().unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_with_the_request_is_the_first_message() {
    let server = Builder::new().listen("127.0.0.1:0").bind_async(echo).await.unwrap();
    let addr = server.addresses()[0].tcp().unwrap();
    let running = tokio::spawn(server.run());
    tokio::task::spawn_blocking(move || {
        let mut socket = harness::tcp(addr);
        let request = harness::upgrade_request().into_bytes();
        socket.write_all(&[request, frame(TEXT, b"early")].concat()).unwrap();
        harness::read_head(&mut socket);
        assert_eq!(read_frame(&mut socket), (TEXT, b"early".to_vec()));
        socket.write_all(&frame(TEXT, b"late")).unwrap();
        assert_eq!(read_frame(&mut socket), (TEXT, b"late".to_vec()));
        socket.write_all(&frame(harness::CLOSE, b"\x03\xe8")).unwrap();
        assert_eq!(read_frame(&mut socket), (harness::CLOSE, b"\x03\xe8".to_vec()));
        harness::ended(&mut socket);
    })
    .await
    .unwrap();
    running.abort();
}

/// Lets in who asks for `/in`, and says who it is.
struct Door;

impl Handler for Door {
    fn handshake(&self, handshake: &Handshake<'_>) -> Answer {
        match handshake.request.path() {
            "/in" => wirelet_host::Accept::new().with_data(7_u32).into(),
            _ => Answer::refuse(StatusCode::NOT_FOUND, "not here"),
        }
    }

    fn message(&self, _message: wirelet::Message<'_>, _context: &mut Context<'_>) {
        unreachable!("the connections are served as values");
    }
}

#[tokio::test]
async fn a_handler_decides_who_comes_in_and_the_limit_of_connections_holds() {
    let tell = |mut connection: Connection| async move {
        let known = connection.data::<u32>().copied();
        connection.send(format!("{} {known:?}", connection.path())).await?;
        while connection.receive().await.is_some() {}
        Ok::<(), ConnectionError>(())
    };
    let server = Builder::new()
        .limits(Limits { connections: 1, ..Limits::default() })
        .listen("127.0.0.1:0")
        .bind_async_with(Door, tell)
        .await
        .unwrap();
    let url = server.url();
    tokio::spawn(server.run());
    let refused = Client::connect(&format!("{url}/out")).await.unwrap_err();
    assert!(matches!(refused, ClientError::Refused { status, .. } if status.get() == 404));

    // The place of the one that was refused is free again when it has left.
    let mut client = retry(&format!("{url}/in")).await;
    assert_eq!(client.receive().await.unwrap(), OwnedMessage::from("/in Some(7)"));
    let full = Client::connect(&format!("{url}/in")).await.unwrap_err();
    assert!(matches!(full, ClientError::Refused { status, .. } if status.get() == 503), "{full}");
    client.close(CloseCode::NORMAL_CLOSURE).await.unwrap();
    client.finish(harness::LIMIT).await.unwrap();
    let mut next = retry(&format!("{url}/in")).await;
    assert_eq!(next.receive().await.unwrap(), OwnedMessage::from("/in Some(7)"));
}

/// Connects as soon as there is a place.
async fn retry(url: &str) -> Client {
    for _ in 0..3000 {
        if let Ok(client) = Client::connect(url).await {
            return client;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("there is no place");
}
