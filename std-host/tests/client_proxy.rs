//! A client behind a proxy.

mod harness;

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use harness::certificates::Issued;
use harness::opening::field;
use harness::peer::{accepting, answering};
use harness::{front, proxy};
use wirelet::CloseCode;
use wirelet_host::{Client, ClientError, ClientOptions, OwnedMessage, Proxy, ProxyError};

const ESTABLISHED: &str = "HTTP/1.1 200 Connection established\r\n\r\n";

fn through(url: &str) -> ClientOptions {
    ClientOptions { proxy: Some(Proxy::new(url).unwrap()), ..ClientOptions::default() }
}

/// Connects, and receives the close of a server that is done.
async fn visit(url: &str, options: &ClientOptions) {
    let mut client = Client::connect_with(url, options).await.unwrap();
    let code = Some(CloseCode::NORMAL_CLOSURE);
    assert_eq!(client.receive().await.unwrap(), OwnedMessage::Close { code, reason: "".into() });
}

/// Fails at the proxy.
async fn fail(url: &str, options: &ClientOptions) -> ProxyError {
    match Client::connect_with(url, options).await.unwrap_err() {
        ClientError::Proxy { error, .. } => error,
        error => panic!("{error:?}"),
    }
}

fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn an_http_proxy_is_asked_for_the_host_and_told_who_asks() {
    for answer in [
        ESTABLISHED,
        "HTTP/1.0 200 OK\r\nProxy-Agent: x\r\n\r\n",
        "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    ] {
        let (server, heads) = accepting();
        let (addr, asked) = proxy::http(answer, server);
        // Nobody but the proxy knows the name.
        visit("ws://inside.example/a", &through(&format!("http://{addr}"))).await;
        let wanted = "CONNECT inside.example:80 HTTP/1.1\r\nHost: inside.example:80\r\n\r\n";
        assert_eq!(asked.recv().unwrap(), wanted);
        let head = heads.recv().unwrap();
        assert!(head.starts_with("GET /a HTTP/1.1\r\n"), "{head}");
        assert_eq!(field(&head, "Host"), Some("inside.example"));

        // What is for the proxy is not for the server, nor the other way round.
        let options = through(&format!("http://us%65r:p%40ss@{addr}"));
        visit("ws://me:mine@[2001:db8::1]:81/", &options).await;
        let head = asked.recv().unwrap();
        assert!(head.starts_with("CONNECT [2001:db8::1]:81 HTTP/1.1\r\n"), "{head}");
        assert_eq!(field(&head, "Proxy-Authorization"), Some("Basic dXNlcjpwQHNz"));
        assert_eq!(field(&head, "Authorization"), None);
        let head = heads.recv().unwrap();
        assert_eq!(field(&head, "Authorization"), Some("Basic bWU6bWluZQ=="));
        assert_eq!(field(&head, "Proxy-Authorization"), None);
    }
}

#[tokio::test]
async fn tls_is_spoken_with_the_server_through_the_proxy_and_with_the_proxy() {
    let issued = Issued::for_names(&["inside.example", "127.0.0.1"]);
    let (server, heads) = accepting();
    let (addr, asked) = proxy::http(ESTABLISHED, front::tls(&issued, server));
    let over_tls = front::tls(&issued, addr);
    let (socks, _asked) = proxy::socks5(None, 0, front::tls(&issued, server));
    for url in
        [format!("http://{addr}"), format!("https://{over_tls}"), format!("socks5h://{socks}")]
    {
        let options = ClientOptions { ca_files: vec![issued.ca()], ..through(&url) };
        visit("wss://inside.example/", &options).await;
        assert_eq!(field(&heads.recv().unwrap(), "Host"), Some("inside.example"));
        // The name is that of the server and not that of the proxy.
        let error = Client::connect_with("wss://other.example/", &options).await.unwrap_err();
        assert!(matches!(error, ClientError::Tls(_)), "{url}: {error:?}");
    }
    assert!(asked.recv().unwrap().starts_with("CONNECT inside.example:443 "));
    let error = fail("wss://inside.example/", &through(&format!("https://{over_tls}"))).await;
    assert!(matches!(error, ProxyError::Tls(_)), "{error:?}");
    assert!(!error.is_temporary());
}

#[tokio::test]
async fn a_socks_proxy_is_told_the_name_or_the_address_and_who_asks() {
    let (server, heads) = accepting();
    let port = server.port();
    let named = format!("ws://inside.example:{port}/");
    let resolve = vec![format!("inside.example:{port}:192.0.2.7").parse().unwrap()];
    for credentials in [None, Some(("user", "p@ss"))] {
        let (addr, asked) = proxy::socks5(credentials, 0, server);
        for (scheme, url, wanted) in [
            ("socks5h", &named, format!("3 inside.example:{port}")),
            ("socks5", &named, format!("1 192.0.2.7:{port}")),
            ("socks5h", &format!("ws://192.0.2.8:{port}/"), format!("1 192.0.2.8:{port}")),
            ("SOCKS5", &format!("ws://[2001:db8::1]:{port}/"), format!("4 [2001:db8::1]:{port}")),
        ] {
            let options = through(&format!("{scheme}://user:p%40ss@{addr}"));
            visit(url, &ClientOptions { resolve: resolve.clone(), ..options }).await;
            assert_eq!(asked.recv().unwrap(), wanted, "{scheme} {url}");
            assert!(url.contains(field(&heads.recv().unwrap(), "Host").unwrap()));
        }
    }
    let (addr, asked) = proxy::socks5(Some(("user", "p@ss")), 0, server);
    for url in [format!("socks5h://{addr}"), format!("socks5h://user:other@{addr}")] {
        let error = fail(&named, &through(&url)).await;
        assert!(matches!(error, ProxyError::Credentials), "{error:?}");
    }
    assert!(asked.try_recv().is_err());
}

#[tokio::test]
async fn a_socks_proxy_that_cannot_get_to_one_address_is_asked_for_the_next() {
    let (server, _heads) = accepting();
    let (addr, asked) = proxy::socks5(None, 0, server);
    let options = |addrs: &str| ClientOptions {
        resolve: vec![format!("many.example:80:{addrs}").parse().unwrap()],
        ..through(&format!("socks5://{addr}"))
    };
    visit("ws://many.example/", &options("203.0.113.1,203.0.113.2,192.0.2.7,192.0.2.8")).await;
    for wanted in ["1 203.0.113.1:80", "1 203.0.113.2:80", "1 192.0.2.7:80"] {
        assert_eq!(asked.recv().unwrap(), wanted);
    }
    let error = fail("ws://many.example/", &options("203.0.113.1,203.0.113.2")).await;
    assert!(matches!(error, ProxyError::Unreachable(ErrorKind::HostUnreachable)), "{error:?}");
    assert_eq!(asked.try_iter().count(), 2);
}

#[tokio::test]
async fn the_proxy_leads_to_where_connect_to_does() {
    let (server, heads) = accepting();
    let (addr, asked) = proxy::http(ESTABLISHED, server);
    let connect_to = vec!["a.example:80:b.example:81".parse().unwrap()];
    // The name of the proxy is looked up here.
    let resolve = vec![format!("proxy.example:{}:127.0.0.1", addr.port()).parse().unwrap()];
    let options = through(&format!("http://proxy.example:{}", addr.port()));
    visit("ws://a.example/", &ClientOptions { connect_to, resolve, ..options }).await;
    assert!(asked.recv().unwrap().starts_with("CONNECT b.example:81 "));
    assert_eq!(field(&heads.recv().unwrap(), "Host"), Some("a.example"));
}

#[tokio::test]
async fn exceptions_are_connected_to_directly() {
    let (server, heads) = accepting();
    for list in ["localhost", ".localhost", "10.0.0.0/8 127.0.0.0/8", "*"] {
        let host = if list.contains("local") { "localhost" } else { "127.0.0.1" };
        let proxy = Proxy::new(&format!("http://{}", nobody())).unwrap().with_exceptions(list);
        let options = ClientOptions { proxy: Some(proxy), ..ClientOptions::default() };
        visit(&format!("ws://{host}:{}/", server.port()), &options).await;
        heads.recv().unwrap();
    }
}

#[tokio::test]
async fn each_refusal_of_a_proxy_is_told_from_those_of_the_server() {
    let (server, _heads) = answering(|_| b"HTTP/1.1 407 What\r\n\r\n".to_vec());
    let url = "ws://inside.example/";
    let said = |answer| format!("http://user:secret@{}", proxy::http(answer, server).0);
    let failed = async |answer| fail(url, &through(&said(answer))).await;
    let body =
        "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n<html>";
    let error = failed(body).await;
    assert!(matches!(error, ProxyError::Credentials), "{error:?}");
    assert!(error.to_string().contains("407"), "{error}");
    for (answer, code, is_temporary) in [
        ("HTTP/1.1 403 Forbidden\r\n\r\n", 403, false),
        ("HTTP/1.0 503 Busy\r\nContent-Length: 4\r\n\r\nbusy", 503, true),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", 101, false),
        ("HTTP/1.1 401 Unauthorized\r\n\r\n", 401, false),
    ] {
        let error = failed(answer).await;
        assert_eq!(error.is_temporary(), is_temporary, "{error}");
        assert!(matches!(error, ProxyError::Refused(status) if status.get() == code), "{error:?}");
    }
    for answer in [
        "SSH-2.0-OpenSSH_9.6\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/2 200\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nearly",
        "\0\0\0",
    ] {
        let error = failed(answer).await;
        assert!(matches!(error, ProxyError::Malformed), "{answer:?}: {error:?}");
    }
    assert!(matches!(failed("").await, ProxyError::Io(_)));
    assert!(matches!(failed("HTTP/1.1 403 Forbidden\r\n").await, ProxyError::Io(_)));

    let error = Client::connect_with(url, &through(&said(ESTABLISHED))).await.unwrap_err();
    assert!(
        matches!(error, ClientError::Refused { status, .. } if status.get() == 407),
        "the server's own: {error:?}"
    );
}

#[tokio::test]
async fn each_failure_of_socks_has_its_words() {
    for (reply, kind) in [
        (1, ErrorKind::Other),
        (2, ErrorKind::PermissionDenied),
        (3, ErrorKind::NetworkUnreachable),
        (4, ErrorKind::HostUnreachable),
        (5, ErrorKind::ConnectionRefused),
        (6, ErrorKind::TimedOut),
        (8, ErrorKind::Unsupported),
    ] {
        let (addr, _asked) = proxy::socks5(None, reply, nobody());
        let error = fail("ws://a.example/", &through(&format!("socks5h://{addr}"))).await;
        assert!(matches!(error, ProxyError::Unreachable(found) if found == kind), "{error:?}");
    }
    // Another kind of proxy, or none at all.
    let (http, _asked) = proxy::http(ESTABLISHED, nobody());
    let (server, _heads) = accepting();
    for addr in [http, server] {
        let short = Duration::from_millis(500);
        let options =
            ClientOptions { handshake_time: short, ..through(&format!("socks5h://{addr}")) };
        let error = fail("ws://a.example/", &options).await;
        assert!(matches!(error, ProxyError::TimedOut | ProxyError::Malformed), "{error:?}");
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_there_or_silent_is_named_without_its_password() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    for (addr, part) in
        [(nobody(), "Connection refused"), (silent.local_addr().unwrap(), "in time")]
    {
        for scheme in ["http", "https", "socks5h"] {
            let options = through(&format!("{scheme}://user:secret@{addr}"));
            let options = ClientOptions { handshake_time: Duration::from_millis(300), ..options };
            let begin = Instant::now();
            let error = Client::connect_with("ws://a.example/", &options).await.unwrap_err();
            assert!(begin.elapsed() < Duration::from_secs(8), "{:?}", begin.elapsed());
            let text = format!("{error}");
            assert!(text.starts_with(&format!("the proxy {scheme}://{addr}: ")), "{text}");
            assert!(text.contains(part), "{text}");
            assert!(error.is_temporary());
            assert!(!format!("{error:?} {options:?}").contains("secret"), "{options:?}");
        }
    }
}

#[tokio::test]
async fn there_is_no_proxy_unless_one_is_asked_for() {
    let (server, heads) = accepting();
    let options = ClientOptions::default();
    assert_eq!(options.proxy, None);
    visit(&format!("ws://{server}/"), &options).await;
    heads.recv().unwrap();
}
