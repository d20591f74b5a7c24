//! A client over TLS and over a Unix socket.

mod harness;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::certificates::Issued;
use harness::{Running, front};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use wirelet::CloseCode;
use wirelet_host::{
    Builder, Certificates, Client, ClientError, ClientOptions, Echo, Listen, OwnedMessage, rustls,
};

fn trusting(issued: &Issued) -> ClientOptions {
    ClientOptions { ca_files: vec![issued.ca()], ..ClientOptions::default() }
}

/// Sends and receives, short and long, and closes.
async fn talk(mut client: Client) {
    for len in [0, 1, 125, 70_000, 3_000_000] {
        let bytes: Vec<u8> = (0..=250).cycle().take(len).collect();
        client.send(&bytes[..]).await.unwrap();
        assert!(
            client.receive().await.unwrap() == OwnedMessage::Binary(bytes.into()),
            "{len} bytes"
        );
    }
    client.close(CloseCode::NORMAL_CLOSURE).await.unwrap();
    let code = Some(CloseCode::NORMAL_CLOSURE);
    assert_eq!(client.receive().await.unwrap(), OwnedMessage::Close { code, reason: "".into() });
    client.finish(Duration::from_secs(5)).await.unwrap();
}

#[tokio::test]
async fn messages_of_every_length_go_over_tls() {
    let (server, issued) = (Running::serve(&[]), Issued::new());
    let addr = front::tls(&issued, server.addr);
    for host in ["localhost", "127.0.0.1"] {
        let url = format!("wss://{host}:{}/", addr.port());
        talk(Client::connect_with(&url, &trusting(&issued)).await.unwrap()).await;
    }
}

#[tokio::test]
async fn our_server_and_our_client_talk_over_tls_and_over_a_unix_socket() {
    let issued = Issued::new();
    let certificates = Certificates::load(issued.chain(), issued.key()).unwrap();
    let places = Builder::new().listen(Listen::tcp("127.0.0.1:0").with_tls(certificates));
    #[cfg(unix)]
    let places = places.listen(Listen::unix(issued.path("socket")));
    let server = places.bind(Echo).await.unwrap();
    let url = server.urls().next().unwrap();
    tokio::spawn(server.run());
    talk(Client::connect_with(&url, &trusting(&issued)).await.unwrap()).await;
    #[cfg(unix)]
    {
        let unix_socket = Some(issued.path("socket"));
        let options = ClientOptions { unix_socket, ..ClientOptions::default() };
        talk(Client::connect_with("ws://localhost/", &options).await.unwrap()).await;
    }
}

#[tokio::test]
async fn tls_prepared_once_serves_many_connections() {
    let (server, issued) = (Running::serve(&[]), Issued::new());
    let url = format!("wss://{}/", front::tls(&issued, server.addr));
    let mut options = trusting(&issued);
    options.prepare_tls().unwrap();
    // What is prepared counts.
    options.ca_files = vec!["no-such.pem".into()];
    for _ in 0..3 {
        talk(Client::connect_with(&url, &options).await.unwrap()).await;
    }
}

#[tokio::test]
async fn tls_1_2_is_spoken_too() {
    let (server, issued) = (Running::serve(&[]), Issued::new());
    let url = format!("wss://{}/", front::tls(&issued, server.addr));
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(issued.ca()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let options = ClientOptions { tls: Some(Arc::new(tls)), ..ClientOptions::default() };
    talk(Client::connect_with(&url, &options).await.unwrap()).await;
}

#[tokio::test]
async fn a_wrong_certificate_is_an_error_that_says_why() {
    let server = Running::serve(&[]);
    let (issued, other) = (Issued::new(), Issued::for_names(&["example.org"]));
    for (addr, options, why) in [
        (front::tls(&issued, server.addr), trusting(&other), "not trusted"),
        (front::tls(&issued, server.addr), ClientOptions::default(), "not trusted"),
        (front::tls(&other, server.addr), trusting(&other), "not valid for name"),
    ] {
        let error = Client::connect_with(&format!("wss://{addr}/"), &options).await.unwrap_err();
        assert!(matches!(error, ClientError::Tls(_)), "{error:?}");
        assert!(error.to_string().contains(why), "{error}");
        assert!(!error.is_temporary(), "{error}");
    }
}

#[tokio::test]
async fn nothing_is_sent_in_the_open_to_a_server_without_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let served = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut received = vec![0; 4096];
        let n = socket.read(&mut received).unwrap();
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        received.truncate(n);
        // All the rest, to the end.
        let _ = socket.read_to_end(&mut received);
        received
    });
    let headers = vec![("Authorization".into(), "Bearer secret".into())];
    let options = ClientOptions { headers, ..ClientOptions::default() };
    let result = Client::connect_with(&format!("wss://{addr}/"), &options).await;
    let error = result.unwrap_err();
    assert!(error.to_string().contains("does not speak TLS"), "{error}");
    let received = served.join().unwrap();
    // A record of type handshake.
    assert_eq!(received[0], 22);
    assert!(!String::from_utf8_lossy(&received).contains("secret"));
}

#[tokio::test]
async fn the_time_for_the_handshake_covers_that_of_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let options =
        ClientOptions { handshake_time: Duration::from_millis(300), ..ClientOptions::default() };
    let url = format!("wss://{}/", listener.local_addr().unwrap());
    let begin = Instant::now();
    let result = Client::connect_with(&url, &options).await;
    assert!(matches!(result, Err(ClientError::TimedOut)), "{result:?}");
    assert!(begin.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_file_of_authorities_that_is_none_is_named() {
    let options = ClientOptions { ca_files: vec!["Cargo.toml".into()], ..ClientOptions::default() };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("wss://{}/", listener.local_addr().unwrap());
    let error = Client::connect_with(&url, &options).await.unwrap_err();
    assert!(error.to_string().starts_with("Cargo.toml holds no certificate"), "{error}");
}

#[tokio::test]
async fn nothing_is_lost_however_often_receiving_is_given_up() {
    let (server, issued) = (Running::serve(&[]), Issued::new());
    let tls = front::tls(&issued, server.addr);
    for url in [format!("ws://{}/", server.addr), format!("wss://{tls}/")] {
        let mut client = Client::connect_with(&url, &trusting(&issued)).await.unwrap();
        let (mut n_sent, mut n_received, mut n_given_up) = (0, 0, 0);
        let message = |n: usize| vec![u8::try_from(n % 251).unwrap(); n * 997 % 100_000];
        while n_received < 300 {
            tokio::select! {
                biased;
                received = client.receive() => {
                    assert!(received.unwrap() == OwnedMessage::Binary(message(n_received).into()));
                    n_received += 1;
                }
                // Given up as soon as it has to wait.
                () = std::future::ready(()) => n_given_up += 1,
            }
            tokio::task::yield_now().await;
            if n_sent < 300 && n_sent < n_received + 10 {
                // Given up at once, and taken over nevertheless.
                let bytes = message(n_sent);
                tokio::select! {
                    biased;
                    sent = client.send(&bytes[..]) => sent.unwrap(),
                    () = std::future::ready(()) => {}
                }
                n_sent += 1;
            }
        }
        // The first message cannot have been there before it was sent.
        assert!(n_given_up > 0);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_is_as_good_as_tcp() {
    let (server, issued) = (Running::serve(&[]), Issued::new());
    let options = |path| ClientOptions { unix_socket: Some(path), ..trusting(&issued) };
    let (plain, missing) = (issued.path("plain"), issued.path("missing"));
    front::unix(&plain, server.addr);
    talk(Client::connect_with("ws://localhost/", &options(plain.clone())).await.unwrap()).await;
    // TLS inside it, for the host that the URL names.
    let tls = issued.path("tls");
    front::unix(&tls, front::tls(&issued, server.addr));
    talk(Client::connect_with("wss://localhost/", &options(tls.clone())).await.unwrap()).await;
    let error = Client::connect_with("wss://example.org/", &options(tls)).await.unwrap_err();
    assert!(matches!(error, ClientError::Tls(_)), "{error}");
    let error = Client::connect_with("ws://localhost/", &options(missing.clone())).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains(&missing.display().to_string()), "{error}");
}

#[tokio::test]
async fn a_refusal_is_told_with_its_status_and_first_line() {
    for (response, status, why) in [
        ("403 Forbidden\r\nContent-Length: 9\r\n\r\nnot you\r\n", 403, "not you"),
        ("503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nlater\n\r\n0\r\n\r\n", 503, "later"),
        ("429 Slow\r\nContent-Length: 4\r\n\r\nslow and what follows", 429, "slow"),
        ("404 Not Found\r\nContent-Length: 0\r\n\r\n", 404, ""),
        ("500 Oops\r\n\r\n\x1b[31mred\x07\nmore\n", 500, "[31mred"),
    ] {
        let addr = answer(format!("HTTP/1.1 {response}"));
        let begin = Instant::now();
        match Client::connect(&format!("ws://{addr}/")).await {
            Err(ClientError::Refused { status: got, why: line, .. }) => {
                assert_eq!((got.get(), &*line), (status, why));
            }
            other => panic!("{response}: {other:?}"),
        }
        // Nobody waited for more than was told to come.
        assert!(begin.elapsed() < Duration::from_millis(900), "{response}");
    }
    // One whose line never ends is told as far as it came.
    let addr = answer("HTTP/1.1 418 Tea\r\n\r\nno end".into());
    let error = Client::connect(&format!("ws://{addr}/")).await.unwrap_err().to_string();
    assert_eq!(error, "the server refused with 418: no end");
}

#[tokio::test]
async fn a_server_that_has_gone_is_found_out_by_pings() {
    // A server that takes all and says nothing, behind a server that does not know.
    let server = Running::serve(&["--mode", "sink"]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut server = std::net::TcpStream::connect(server.addr).unwrap();
        let mut buf = [0; 4096];
        let n = client.read(&mut buf).unwrap();
        server.write_all(&buf[..n]).unwrap();
        let n = server.read(&mut buf).unwrap();
        client.write_all(&buf[..n]).unwrap();
        while client.read(&mut buf).is_ok_and(|n| n > 0) {}
    });
    let keepalive = Some(Duration::from_millis(200));
    let options = ClientOptions { keepalive, ..ClientOptions::default() };
    let mut client = Client::connect_with(&url, &options).await.unwrap();
    let begin = Instant::now();
    let result = client.receive().await;
    assert!(matches!(result, Err(ClientError::TimedOut)), "{result:?}");
    assert!((300..2000).contains(&begin.elapsed().as_millis()), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_server_that_answers_pings_is_kept() {
    let server = Running::serve(&[]);
    let keepalive = Some(Duration::from_millis(50));
    let options = ClientOptions { keepalive, ..ClientOptions::default() };
    let url = format!("ws://{}/", server.addr);
    let mut client = Client::connect_with(&url, &options).await.unwrap();
    let mut n_pongs = 0;
    let silence = async {
        loop {
            assert_eq!(client.receive().await.unwrap(), OwnedMessage::Pong("".into()));
            n_pongs += 1;
        }
    };
    tokio::time::timeout(Duration::from_secs(1), silence).await.unwrap_err();
    assert!((3..=20).contains(&n_pongs), "{n_pongs}");
    talk_only_close(client).await;
}

async fn talk_only_close(mut client: Client) {
    client.close(CloseCode::NORMAL_CLOSURE).await.unwrap();
    while !matches!(client.receive().await.unwrap(), OwnedMessage::Close { .. }) {}
}

/// Answers the request of one connection with this, and leaves the connection open.
fn answer(response: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        harness::read_head(&mut socket);
        socket.write_all(response.as_bytes()).unwrap();
        let _ = socket.read(&mut [0; 1]);
    });
    addr
}
