//! What a client makes of a URL, down to the bytes that the server reads.

mod harness;

use std::net::TcpListener;

use harness::certificates::Issued;
use harness::front;
use harness::opening::field;
use harness::peer::{accepting, answering};
use wirelet::CloseCode;
use wirelet_host::{Client, ClientError, ClientOptions, OwnedMessage, StatusCode};

/// Connects, and receives the close of a server that is done.
async fn visit(url: &str, options: &ClientOptions) {
    let mut client = Client::connect_with(url, options).await.unwrap();
    let code = Some(CloseCode::NORMAL_CLOSURE);
    assert_eq!(client.receive().await.unwrap(), OwnedMessage::Close { code, reason: "".into() });
}

#[tokio::test]
async fn a_url_is_asked_for_as_a_browser_would() {
    let (addr, heads) = accepting();
    let port = addr.port();
    for (url, line, host) in [
        ("WS://127.0.0.1:PORT", "/", "127.0.0.1"),
        ("wS://LOCALHOST:PORT/a/../B", "/B", "localhost"),
        ("ws://127.1:PORT/ü ß?q=ü \"", "/%C3%BC%20%C3%9F?q=%C3%BC%20%22", "127.0.0.1"),
        ("ws://ⓛocalhost:PORT/%2F%c3?", "/%2F%c3?", "localhost"),
    ] {
        visit(&url.replace("PORT", &port.to_string()), &ClientOptions::default()).await;
        let head = heads.recv().unwrap();
        assert!(head.starts_with(&format!("GET {line} HTTP/1.1\r\n")), "{url}: {head}");
        assert_eq!(field(&head, "Host").unwrap(), format!("{host}:{port}"), "{url}");
        assert_eq!(field(&head, "Authorization"), None);
    }
}

#[tokio::test]
async fn a_zone_is_for_tcp_and_not_for_the_server() {
    let (addr, heads) = harness::peer::listening("[::1]:0", harness::peer::closing);
    let port = addr.port();
    // An address that is of this machine alone takes the number of any interface.
    visit(&format!("ws://[::1%251]:{port}/"), &ClientOptions::default()).await;
    assert_eq!(field(&heads.recv().unwrap(), "Host").unwrap(), format!("[::1]:{port}"));
    let error = Client::connect(&format!("ws://[fe80::1%25nosuchif0]:{port}/")).await.unwrap_err();
    assert!(matches!(error, ClientError::Io(_)), "{error:?}");
    assert!(error.to_string().starts_with("fe80::1%nosuchif0: "), "{error}");
}

#[tokio::test]
async fn a_user_becomes_basic_unless_there_is_an_authorization() {
    let (addr, heads) = accepting();
    let url = format!("ws://us%65r:p%40ss@{addr}/");
    visit(&url, &ClientOptions::default()).await;
    let head = heads.recv().unwrap();
    assert_eq!(field(&head, "Authorization"), Some("Basic dXNlcjpwQHNz"));
    assert_eq!(field(&head, "Host").unwrap(), addr.to_string());
    let headers = vec![("authorization".into(), "Bearer 3f9a".into())];
    visit(&url, &ClientOptions { headers, ..ClientOptions::default() }).await;
    assert_eq!(field(&heads.recv().unwrap(), "Authorization"), Some("Bearer 3f9a"));
}

#[tokio::test]
async fn no_error_has_the_password() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (refusing, _heads) = answering(|_| b"HTTP/1.1 401 Unauthorized\r\n\r\n".to_vec());
    for place in [nobody.to_string(), refusing.to_string(), "127.0.0.1:99999".into()] {
        let url = format!("ws://user:secret@{place}/");
        let error = Client::connect(&url).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
    let error = Client::connect(&format!("ws://user:secret@{refusing}/")).await.unwrap_err();
    let unauthorized = StatusCode::UNAUTHORIZED.as_u16();
    assert!(
        matches!(error, ClientError::Refused { status, .. } if status.get() == unauthorized),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_wrong_port_is_told_before_anything_is_sent() {
    for port in ["0", "99999", "80a", "-1", "http"] {
        for scheme in ["ws", "wss"] {
            let url = format!("{scheme}://127.0.0.1:{port}/");
            let error = Client::connect(&url).await.unwrap_err();
            assert!(matches!(error, ClientError::Url(_)), "{url}: {error:?}");
            assert!(error.to_string().contains("from 1 to 65535"), "{error}");
        }
    }
}

#[tokio::test]
async fn another_host_is_asked_for_and_tls_goes_by_the_url() {
    let (plain, heads) = accepting();
    let issued = Issued::for_names(&["inside.example"]);
    let tls = front::tls(&issued, plain);
    let options = ClientOptions {
        host: Some("virtual.example:1".into()),
        ca_files: vec![issued.ca()],
        connect_to: vec![format!("inside.example::127.0.0.1:{}", tls.port()).parse().unwrap()],
        ..ClientOptions::default()
    };
    visit("wss://inside.example/", &options).await;
    assert_eq!(field(&heads.recv().unwrap(), "Host"), Some("virtual.example:1"));

    // Neither the name that is connected to nor that in `Host` is the one that the certificate is for.
    let options = ClientOptions {
        host: Some("inside.example".into()),
        connect_to: vec![format!("other.example:443:127.0.0.1:{}", tls.port()).parse().unwrap()],
        ..options
    };
    let error = Client::connect_with("wss://other.example/", &options).await.unwrap_err();
    assert!(matches!(error, ClientError::Tls(_)), "{error:?}");

    for host in ["", "a b", "a\r\nb: c", "a/b", "u@a"] {
        let options = ClientOptions { host: Some(host.into()), ..ClientOptions::default() };
        let error = Client::connect_with(&format!("ws://{plain}/"), &options).await.unwrap_err();
        assert!(matches!(error, ClientError::Handshake(_)), "{host:?}: {error:?}");
    }
}
