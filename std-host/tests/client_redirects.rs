//! A client that is sent on, and one that is told to come later.

mod harness;

use std::net::SocketAddr;
use std::sync::mpsc::Receiver;

use harness::certificates::Issued;
use harness::front;
use harness::opening::field;
use harness::peer::{accepting, answering, closing};
use wirelet::CloseCode;
use wirelet_host::{Client, ClientError, ClientOptions, OwnedMessage, RedirectError};

/// A server that sends on from some paths, each with a status and where to, and accepts what has none.
fn sending_on(places: &[(&str, u16, &str)]) -> (SocketAddr, Receiver<String>) {
    let places: Vec<_> = places
        .iter()
        .map(|(path, status, to)| ((*path).to_owned(), *status, (*to).to_owned()))
        .collect();
    answering(move |head| {
        let path = head.split(' ').nth(1).unwrap();
        match places.iter().find(|(from, ..)| from == path) {
            Some((_, status, to)) => {
                format!("HTTP/1.1 {status} Elsewhere\r\nLocation: {to}\r\n\r\n").into_bytes()
            }
            None => closing(head),
        }
    })
}

fn following(redirects: usize) -> ClientOptions {
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    ClientOptions {
        redirects,
        headers: vec![
            field("authorization", "Bearer 3f9a"),
            field("Cookie", "a=b"),
            field("X-Other", "c"),
        ],
        ..ClientOptions::default()
    }
}

async fn visit(url: &str, options: &ClientOptions) {
    let mut client = Client::connect_with(url, options).await.unwrap();
    let code = Some(CloseCode::NORMAL_CLOSURE);
    assert_eq!(client.receive().await.unwrap(), OwnedMessage::Close { code, reason: "".into() });
}

async fn fail(url: &str, options: &ClientOptions) -> RedirectError {
    match Client::connect_with(url, options).await.unwrap_err() {
        ClientError::Redirect { error, .. } => error,
        error => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn each_redirect_is_followed_with_all_headers_at_the_same_origin() {
    for status in [301, 302, 303, 307, 308] {
        let (addr, heads) = sending_on(&[("/a/b?c", status, "d#e"), ("/a/d", status, "/f?g")]);
        let options = ClientOptions { host: Some("virtual.example".into()), ..following(2) };
        visit(&format!("ws://{addr}/a/b?c"), &options).await;
        for path in ["/a/b?c", "/a/d", "/f?g"] {
            let head = heads.recv().unwrap();
            assert!(head.starts_with(&format!("GET {path} HTTP/1.1\r\n")), "{head}");
            assert_eq!(field(&head, "Host"), Some("virtual.example"));
            assert_eq!(field(&head, "Authorization"), Some("Bearer 3f9a"));
            assert_eq!(field(&head, "Cookie"), Some("a=b"));
        }
    }
}

#[tokio::test]
async fn another_origin_is_told_no_secret_and_neither_is_the_first_one_behind_it() {
    let (back, back_heads) = sending_on(&[]);
    let (other, other_heads) = sending_on(&[("/", 302, &format!("http://{back}/behind"))]);
    let (first, first_heads) = sending_on(&[("/", 307, &format!("http://{other}"))]);
    let options = ClientOptions { host: Some("virtual.example".into()), ..following(5) };
    visit(&format!("ws://{first}/"), &options).await;
    assert_eq!(field(&first_heads.recv().unwrap(), "Host"), Some("virtual.example"));
    // The user of the URL, too.
    let headers = vec![("X-Other".to_owned(), "c".to_owned())];
    visit(&format!("ws://me:mine@{first}/"), &ClientOptions { headers, ..following(5) }).await;
    assert_eq!(field(&first_heads.recv().unwrap(), "Authorization"), Some("Basic bWU6bWluZQ=="));
    for (heads, addr) in [(other_heads, other), (back_heads, back)] {
        for _ in 0..2 {
            let head = heads.recv().unwrap();
            assert_eq!(field(&head, "Host").unwrap(), addr.to_string());
            assert_eq!((field(&head, "Authorization"), field(&head, "Cookie")), (None, None));
            assert_eq!(field(&head, "X-Other"), Some("c"));
        }
    }
}

#[tokio::test]
async fn the_user_of_the_url_stays_at_the_same_origin() {
    let (addr, heads) = sending_on(&[("/", 301, "/b")]);
    let options = ClientOptions { redirects: 1, ..ClientOptions::default() };
    visit(&format!("ws://me:mine@{addr}/"), &options).await;
    for _ in 0..2 {
        let head = heads.recv().unwrap();
        assert_eq!(field(&head, "Authorization"), Some("Basic bWU6bWluZQ=="));
    }
}

#[tokio::test]
async fn from_plain_to_tls_it_goes_and_never_back() {
    let issued = Issued::new();
    let (plain, heads) = accepting();
    let tls = front::tls(&issued, plain);
    let (begin, _heads) = sending_on(&[("/", 301, &format!("https://{tls}/x"))]);
    let options = ClientOptions { ca_files: vec![issued.ca()], ..following(5) };
    visit(&format!("ws://{begin}/"), &options).await;
    let head = heads.recv().unwrap();
    assert!(head.starts_with("GET /x "), "{head}");
    assert_eq!(field(&head, "Authorization"), None);

    for to in [format!("http://{plain}/"), format!("ws://{plain}/")] {
        let (secure, _heads) = sending_on(&[("/", 302, &to)]);
        let url = format!("wss://{}/", front::tls(&issued, secure));
        assert_eq!(fail(&url, &options).await, RedirectError::Insecure);
        // Nor on a detour.
        let (begin, _heads) = sending_on(&[("/", 301, &url)]);
        assert_eq!(fail(&format!("ws://{begin}/"), &options).await, RedirectError::Insecure);
    }
    assert!(heads.try_recv().is_err());
}

#[tokio::test]
async fn circles_and_too_many_are_found() {
    let (addr, heads) = sending_on(&[("/self", 302, "#x"), ("/a", 302, "/b"), ("/b", 302, "/a")]);
    let url = |path: &str| format!("ws://{addr}/{path}");
    assert_eq!(fail(&url("self"), &following(5)).await, RedirectError::Loop);
    assert_eq!(fail(&url("a"), &following(5)).await, RedirectError::Loop);
    assert_eq!(heads.try_iter().count(), 3);

    let (addr, heads) = sending_on(&[("/1", 302, "/2"), ("/2", 302, "/3"), ("/3", 302, "/4")]);
    let url = format!("ws://{addr}/1");
    assert_eq!(fail(&url, &following(2)).await, RedirectError::TooMany);
    assert_eq!(heads.try_iter().count(), 3);
    visit(&url, &following(3)).await;
}

#[tokio::test]
async fn what_is_no_place_to_go_on_to_is_told() {
    let endings = ["ftp://a/", "http://user:secret@127.0.0.1/", "http://127.0.0.1:0/", "http://"];
    for to in endings {
        let (addr, _heads) = sending_on(&[("/", 302, to)]);
        let url = format!("ws://{addr}/");
        let error = Client::connect_with(&url, &following(5)).await.unwrap_err();
        assert!(
            matches!(error, ClientError::Redirect { error: RedirectError::Location, .. }),
            "{to}: {error:?}"
        );
        assert!(!error.is_temporary());
        assert!(!format!("{error}").contains("secret"), "{error}");
    }
    // Other answers are what they were.
    for (status, to) in [(300, "/x"), (304, "/x"), (404, "/x"), (201, "/x")] {
        let (addr, _heads) = sending_on(&[("/", status, to)]);
        let error =
            Client::connect_with(&format!("ws://{addr}/"), &following(5)).await.unwrap_err();
        assert!(matches!(error, ClientError::Refused { location: None, .. }), "{error:?}");
    }
}

#[tokio::test]
async fn nothing_is_followed_unless_that_is_asked_for() {
    let (other, heads) = accepting();
    let to = format!("http://{other}/x");
    let (addr, _heads) = sending_on(&[("/", 301, &to)]);
    let error = Client::connect(&format!("ws://{addr}/")).await.unwrap_err();
    let wanted = format!("the server refused with 301; it sends on to {to}");
    assert_eq!(error.to_string(), wanted);
    let ClientError::Refused { location, .. } = error else { panic!("{error:?}") };
    assert_eq!(location.unwrap(), to);
    assert!(heads.try_recv().is_err());
}
