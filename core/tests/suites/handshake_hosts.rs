//! Which host a request is for (RFC 9110 §7.2, RFC 9112 §3.2): the syntax of `Host`, and the target
//! that replaces it.

use wirelet::handshake::{Acceptance, BuildError, ClientRequest, Key, Request, RequestError};

fn head(target: &str, host_field: &[u8], other_fields: &str) -> Vec<u8> {
    [
        format!("GET {target} HTTP/1.1\r\nHost:").as_bytes(),
        host_field,
        b"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n",
        other_fields.as_bytes(),
        b"\r\n",
    ]
    .concat()
}

fn host(target: &str, host_field: &[u8]) -> Result<Vec<u8>, RequestError> {
    let head = head(target, host_field, "");
    Request::parse(&head)?.upgrade().map(|upgrade| upgrade.host().to_vec())
}

const GOOD: [&str; 23] = [
    "a",
    "example.com",
    "example.com.",
    "EXAMPLE.com:80",
    "board.local:8080",
    "board_1.local",
    "xn--bcher-kva.example",
    "b%C3%BCcher.example",
    "192.168.4.1",
    "192.168.4.1:65535",
    "127.1",
    "[::1]",
    "[::1]:8080",
    "[2001:db8::192.0.2.33]",
    "[FE80::A%25eth0]",
    "[fe80::a%eth0]:80",
    "localhost:",
    "[::1]:",
    "-",
    "~a!b$c&d'e(f)g*h+i;j=k",
    "0",
    "1.2.3.4.5",
    "a..b",
];

const BAD: [&[u8]; 42] = [
    b"",
    b":",
    b":80",
    b"a b",
    b"a\tb",
    b"a,b",
    b"a, a",
    b"a/b",
    b"a/",
    b"/a",
    b"a?b",
    b"a#b",
    b"a\\b",
    b"user@a",
    b"user:password@a",
    b"@a",
    b"a:b",
    b"a:b:c",
    b"a:80:80",
    b"a:-1",
    b"a:+80",
    b"a:80 80",
    b"a: 80",
    b"a:8o",
    b"::1",
    b"http://a",
    b"\xc3\xa9",
    b"a\xff",
    b"\"a\"",
    b"<a>",
    b"{a}",
    b"a|b",
    b"a^b",
    b"a`b",
    b"a%",
    b"a%2",
    b"a%2g",
    b"[::1",
    b"[]",
    b"[1]:80",
    b"[g::1]",
    b"[::1]80",
];

const BAD_LITERALS: [&str; 8] =
    ["[::1]:x", "[::1]]", "[[::1]]", "[::1%]", "[::1%a b]", "[::1/64]", "a[::1]", "::1]"];

#[test]
fn a_valid_host_is_lent_as_it_came() {
    for good in GOOD {
        let field = format!(" {good}\t");
        assert_eq!(host("/", field.as_bytes()).as_deref(), Ok(good.as_bytes()), "{good}");
    }
}

/// RFC 9112 §3.2: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request
/// message that [...] contains [...] a Host header field with an invalid field value."
#[test]
fn an_invalid_host_is_refused() {
    for bad in BAD.into_iter().chain(BAD_LITERALS.map(str::as_bytes)) {
        for target in ["/", "http://board.local/"] {
            let result = host(target, &[b" ", bad].concat());
            assert_eq!(result, Err(RequestError::Host), "{}", bad.escape_ascii());
        }
    }
    assert_eq!(RequestError::Host.status().get(), 400);
}

/// §3.2: and to one that lacks it, or "contains more than one Host header field line".
#[test]
fn a_page_is_asked_for_with_exactly_one_valid_host() {
    let host = |line: &str, fields: &[u8]| {
        let head = [line.as_bytes(), b"\r\n", fields, b"\r\n"].concat();
        Request::parse(&head)?.host().map(|host| host.map(<[u8]>::to_vec))
    };
    let page = |fields: &[u8]| host("GET / HTTP/1.1", fields);
    let field = |value: &[u8]| [b"Host: ", value, b"\r\n"].concat();
    for good in GOOD {
        assert_eq!(page(&field(good.as_bytes())), Ok(Some(good.into())), "{good}");
    }
    for bad in BAD.into_iter().chain(BAD_LITERALS.map(str::as_bytes)) {
        assert_eq!(page(&field(bad)), Err(RequestError::Host), "{}", bad.escape_ascii());
        let old = host("GET / HTTP/1.0", &field(bad));
        assert_eq!(old, Err(RequestError::Host), "{}", bad.escape_ascii());
    }
    assert_eq!(page(b""), Err(RequestError::Host));
    assert_eq!(page(b"Host: a\r\nhost: a\r\n"), Err(RequestError::Host));
    assert_eq!(host("GET / HTTP/1.0", b"Host: a\r\nHost: b\r\n"), Err(RequestError::Host));
    assert_eq!(host("GET / HTTP/1.0", b""), Ok(None));
    assert_eq!(host("GET http://b/x HTTP/1.1", b"Host: a\r\n"), Ok(Some(b"b".to_vec())));
    assert_eq!(host("GET http://b@c/ HTTP/1.1", b"Host: a\r\n"), Err(RequestError::Target));
    assert_eq!(host("GET http://b/ HTTP/1.1", b"Host: a b\r\n"), Err(RequestError::Host));
    assert_eq!(host("OPTIONS * HTTP/1.1", b"Host: a\r\n"), Ok(Some(b"a".to_vec())));
}

/// RFC 9112 §3.2.2: the server "MUST ignore the received Host header field (if any) and instead
/// replace it with the host information of the request-target".
#[test]
fn the_host_of_an_absolute_target_replaces_that_of_the_field() {
    for (target, wanted) in [
        ("http://board.local", "board.local"),
        ("http://board.local/chat", "board.local"),
        ("HTTPS://board.local:8443?a=b/c", "board.local:8443"),
        ("http://[::1]:80/", "[::1]:80"),
        ("http://192.168.4.1/http://evil.example/", "192.168.4.1"),
        ("/http://evil.example/", "field.local"),
        ("/", "field.local"),
    ] {
        let result = host(target, b" field.local");
        assert_eq!(result.as_deref(), Ok(wanted.as_bytes()), "{target}");
    }
    let origin = |page: &str| format!("Origin: http://{page}\r\n");
    for (page, is_let_in) in [("board.local", true), ("field.local", false)] {
        let head = head("http://board.local/", b" field.local", &origin(page));
        let upgrade = Request::parse(&head).unwrap().upgrade().unwrap();
        assert_eq!(upgrade.is_same_origin(), is_let_in, "a page of {page}");
        assert_eq!(upgrade.respond(&Acceptance::new()).is_ok(), is_let_in, "a page of {page}");
    }
}

/// RFC 9110 §4.2.4: a recipient "ought to parse for userinfo and treat its presence as an error".
#[test]
fn an_absolute_target_with_an_invalid_host_is_refused() {
    for authority in
        ["", ":80", "user@board.local", "user:password@board.local", "a,b", "a:b", "[::1", "a%2"]
    {
        for rest in ["", "/", "/chat", "?a"] {
            let target = format!("http://{authority}{rest}");
            assert_eq!(host(&target, b" a"), Err(RequestError::Target), "{target}");
        }
    }
}

#[test]
fn a_client_sends_only_a_host_that_a_server_takes() {
    let key = Key::from_nonce([0; 16]);
    let encode = |host| ClientRequest::new(host, "/").encode(&key, &mut [0; 512]);
    for good in GOOD {
        assert!(encode(good).is_ok(), "{good}");
    }
    for bad in BAD.into_iter().filter_map(|bad| str::from_utf8(bad).ok()).chain(BAD_LITERALS) {
        assert_eq!(encode(bad), Err(BuildError::Host), "{bad}");
    }
}
