//! The server's side of the opening handshake (§4.2): what is accepted, and how the rest is
//! refused.

use wirelet::handshake::{Acceptance, HeadScanner, Request, RequestError};

const FIELDS: [&str; 5] = [
    "Host: board.local",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
];

fn head(request_line: &str, fields: &[&str]) -> Vec<u8> {
    let mut head = request_line.to_owned();
    for field in fields {
        head.push_str("\r\n");
        head.push_str(field);
    }
    (head + "\r\n\r\n").into_bytes()
}

/// A valid request, with the fields named `name` replaced by `fields`.
fn with(name: &str, fields: &[&str]) -> Vec<u8> {
    let others = FIELDS.iter().filter(|field| !field.starts_with(name)).copied();
    let fields: Vec<&str> = others.chain(fields.iter().copied()).collect();
    head("GET /chat HTTP/1.1", &fields)
}

/// A valid request for this target.
fn for_target(target: &str) -> Vec<u8> {
    head(&format!("GET {target} HTTP/1.1"), &FIELDS)
}

/// Answers a head as a server does: the response, or why not. All bytes at once and one at a time
/// give the same.
#[track_caller]
fn answer(bytes: &[u8]) -> Result<Vec<u8>, RequestError> {
    let at_once = HeadScanner::new().scan(bytes);
    let mut scanner = HeadScanner::new();
    let dribbled =
        (0..=bytes.len()).find_map(|len| scanner.scan(&bytes[..len]).transpose()).transpose();
    assert_eq!(at_once, dribbled);
    let len = at_once?.expect("the head is whole");
    let request: Request = Request::parse(&bytes[..len])?;
    let mut out = [0; 512];
    let n = request.upgrade()?.accept(&Acceptance::default(), &mut out).unwrap();
    Ok(out[..n].into())
}

#[track_caller]
fn accepts(bytes: &[u8]) {
    let expected = "HTTP/1.1 101 Switching Protocols\r\n\
        Upgrade: websocket\r\n\
        Connection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    let response = answer(bytes).map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(response.as_deref(), Ok(expected), "{}", bytes.escape_ascii());
}

#[track_caller]
fn refuses(bytes: &[u8], error: RequestError, status: u16) {
    assert_eq!(answer(bytes), Err(error), "{}", bytes.escape_ascii());
    assert_eq!(error.status().get(), status);
}

#[test]
fn the_request_of_chromium_is_accepted() {
    accepts(
        b"GET /chat HTTP/1.1\r\n\
        Host: board.local:8080\r\n\
        Connection: Upgrade\r\n\
        Pragma: no-cache\r\n\
        Cache-Control: no-cache\r\n\
        User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
        HeadlessChrome/140.0.0.0 Safari/537.36\r\n\
        Upgrade: websocket\r\n\
        Origin: http://board.local:8080\r\n\
        Sec-WebSocket-Version: 13\r\n\
        Accept-Encoding: gzip, deflate, br, zstd\r\n\
        Accept-Language: en-US,en;q=0.9\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\
        Sec-WebSocket-Protocol: chat\r\n\r\n",
    );
}

#[test]
fn the_request_of_firefox_is_accepted() {
    accepts(
        b"GET /chat HTTP/1.1\r\n\
        Host: board.local:8080\r\n\
        User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
        Accept: */*\r\n\
        Accept-Language: en-US,en;q=0.5\r\n\
        Accept-Encoding: gzip, deflate, br, zstd\r\n\
        Sec-WebSocket-Version: 13\r\n\
        Origin: http://board.local:8080\r\n\
        Sec-WebSocket-Extensions: permessage-deflate\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        DNT: 1\r\n\
        Connection: keep-alive, Upgrade\r\n\
        Sec-Fetch-Dest: empty\r\n\
        Sec-Fetch-Mode: websocket\r\n\
        Sec-Fetch-Site: same-origin\r\n\
        Pragma: no-cache\r\n\
        Cache-Control: no-cache\r\n\
        Upgrade: websocket\r\n\r\n",
    );
}

#[test]
fn names_and_tokens_are_taken_whatever_their_case() {
    accepts(&head("GET / HTTP/1.1", &FIELDS));
    let fields = FIELDS.map(|field| {
        let (name, value) = field.split_once(':').unwrap();
        if name.starts_with("Sec") {
            format!("{}:{value}", name.to_uppercase())
        } else {
            format!("{}:{}", name.to_lowercase(), value.to_uppercase())
        }
    });
    accepts(&head("GET / HTTP/1.1", &fields.each_ref().map(|field| &field[..])));
}

#[test]
fn tokens_are_found_in_lists_over_several_lines() {
    accepts(&with("Connection", &["Connection: keep-alive", "Connection: x ,\tUpgrade,"]));
    accepts(&with("Connection", &["Connection: , ,upgrade"]));
    accepts(&with("Upgrade", &["Upgrade: h2c, websocket"]));
    accepts(&with("Upgrade", &["Upgrade: h2c", "Upgrade: WebSocket"]));
}

#[test]
fn white_space_around_values_does_not_count() {
    accepts(&head(
        "GET / HTTP/1.1",
        &[
            "Host:board.local",
            "Upgrade:websocket  ",
            "Connection:\t Upgrade\t",
            "Sec-WebSocket-Key:   dGhlIHNhbXBsZSBub25jZQ== ",
            "Sec-WebSocket-Version:13",
        ],
    ));
}

#[test]
fn a_missing_token_is_refused() {
    for upgrade in [&[][..], &["Upgrade: h2c"], &["Upgrade: websockets"], &["Upgrade: web socket"]]
    {
        refuses(&with("Upgrade", upgrade), RequestError::NotUpgrade, 426);
    }
    for connection in [&[][..], &["Connection: close"], &["Connection: Upgraded, keep-alive"]] {
        refuses(&with("Connection", connection), RequestError::Connection, 400);
    }
}

#[test]
fn a_key_must_be_there_once_and_have_16_bytes() {
    for key in [
        &[][..],
        &["dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=="],
        &["dGhlIHNhbXBsZSBub25jZQ==", "AQIDBAUGBwgJCgsMDQ4PEA=="],
        &[""],
        &["dGhlIHNhbXBsZSBub25jZQ"],
        &["dGhlIHNhbXBsZSBub25jZQ="],
        &["dGhlIHNhbXBsZSBub25j"],
        &["dGhlIHNhbXBsZSBub25jZT0="],
        &["dGhlIHNhbXBsZSBub25jZWFh"],
        &["dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ=="],
        &["dGhlIHNhbXBsZSBub25j ZQ=="],
        &["!!!!!!!!!!!!!!!!!!!!!!=="],
        &["dGhlIHNhbXBsZSBub25_ZQ=="], // the other base64 alphabet
    ] {
        let fields: Vec<String> =
            key.iter().map(|key| format!("Sec-WebSocket-Key: {key}")).collect();
        let fields: Vec<&str> = fields.iter().map(|field| &field[..]).collect();
        refuses(&with("Sec-WebSocket-Key", &fields), RequestError::Key, 400);
    }
}

/// §4.1 item 7 gives such a key as its example: its last four bits, which carry nothing, are not 0.
#[test]
fn a_key_with_pad_bits_that_are_not_zero_is_accepted() {
    let field = "Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEC==";
    let response = answer(&with("Sec-WebSocket-Key", &[field])).unwrap();
    let response = String::from_utf8(response).unwrap();
    // By `openssl sha1`: the digest is of the 24 characters, not of what they carry.
    assert!(
        response.contains("\r\nSec-WebSocket-Accept: OfS0wDaT5NoxF2gqm7Zj2YtetzM=\r\n"),
        "{response}"
    );
}

#[test]
fn the_version_must_be_13_and_there_once() {
    for version in ["8", "0", "14", "013", "13.0", "13, 8", "x", ""] {
        let field = format!("Sec-WebSocket-Version: {version}");
        let bytes = with("Sec-WebSocket-Version", &[&field]);
        refuses(&bytes, RequestError::WebSocketVersion, 426);
    }
    refuses(&with("Sec-WebSocket-Version", &[]), RequestError::VersionField, 400);
    let twice = ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 13"];
    refuses(&with("Sec-WebSocket-Version", &twice), RequestError::VersionField, 400);
}

#[test]
fn a_host_must_be_there_once() {
    refuses(&with("Host", &[]), RequestError::Host, 400);
    refuses(&with("Host", &["Host: a", "Host: a"]), RequestError::Host, 400);
    refuses(&with("Host", &["Host: a", "host: b"]), RequestError::Host, 400);
}

#[test]
fn other_methods_and_versions_of_http_are_refused() {
    for method in ["POST", "HEAD", "PUT", "OPTIONS", "get", "CONNECT"] {
        let bytes = head(&format!("{method} / HTTP/1.1"), &FIELDS);
        refuses(&bytes, RequestError::Method, 405);
    }
    refuses(&head("GET / HTTP/1.0", &FIELDS), RequestError::HttpVersion, 400);
    for line in ["GET / HTTP/2.0", "GET / HTTP/1.2", "GET / http/1.1", "GET /", "GET / HTTP/1.1x"] {
        refuses(&head(line, &FIELDS), RequestError::Malformed, 400);
    }
}

#[test]
fn a_body_that_would_be_taken_for_frames_is_refused() {
    for field in [
        "Content-Length: 5",
        "content-length: 00",
        "Content-Length: x",
        "Transfer-Encoding: chunked",
    ] {
        refuses(&with("Trailer", &[field]), RequestError::Body, 400);
    }
    let two = ["Content-Length: 0", "Content-Length: 5"];
    refuses(&with("Trailer", &two), RequestError::Body, 400);
    accepts(&with("Trailer", &["Content-Length: 0"]));
}

#[test]
fn what_is_no_http_is_refused() {
    for field in [
        "Space-Before-Colon : x",
        " Fold: x",
        "X: a\r\n folded",
        "X: a\r\n\tfolded",
        "Nul: a\0b",
        "Nul\0: a",
        "Delete: a\x7fb",
        "Bare-LF: a\nInjected: b",
        "Bare-CR: a\rb",
        "No colon",
        ": no name",
        "Pa(ren: x",
        "Nämé: x",
    ] {
        refuses(&with("X", &[field]), RequestError::Malformed, 400);
    }
    for line in ["", "GET", "GET  / HTTP/1.1", " GET / HTTP/1.1", "GET /\0 HTTP/1.1", "\u{16}\u{3}"]
    {
        refuses(&head(line, &FIELDS), RequestError::Malformed, 400);
    }
    let bare_lf = b"GET / HTTP/1.1\nHost: a\n\n";
    assert_eq!(HeadScanner::new().scan(bare_lf), Err(RequestError::Malformed));
}

#[test]
fn a_head_that_is_cut_is_malformed_and_not_found_whole() {
    let bytes = head("GET / HTTP/1.1", &FIELDS);
    for cut in 0..bytes.len() {
        assert_eq!(HeadScanner::new().scan(&bytes[..cut]), Ok(None));
        let request = Request::parse(&bytes[..cut]);
        assert_eq!(request.err(), Some(RequestError::Malformed), "cut at {cut}");
    }
}

#[test]
fn the_path_and_the_query_are_split_from_every_form_of_target() {
    for (target, path, query) in [
        ("/", "/", None),
        ("/chat", "/chat", None),
        ("/chat?room=1?2", "/chat", Some("room=1?2")),
        ("/?", "/", Some("")),
        ("//x", "//x", None),
        ("http://board.local", "/", None),
        ("http://board.local/", "/", None),
        ("http://board.local:8080/chat?a", "/chat", Some("a")),
        ("http://board.local?a=/b", "/", Some("a=/b")),
        ("HTTP://board.local/chat", "/chat", None),
    ] {
        let bytes = for_target(target);
        accepts(&bytes);
        let request: Request = Request::parse(&bytes).unwrap();
        assert_eq!((request.path(), request.query()), (path, query), "{target}");
    }
}

/// §4.2.1 item 1: "(or an absolute HTTP/HTTPS URI containing the /resource name/)".
#[test]
fn an_absolute_https_target_is_accepted() {
    let bytes = for_target("https://board.local/chat?a");
    accepts(&bytes);
    let request: Request = Request::parse(&bytes).unwrap();
    assert_eq!((request.path(), request.query()), ("/chat", Some("a")));
}

/// RFC 9110 §4.2.1: a recipient of an http URI with an empty host "MUST reject it as invalid".
#[test]
fn an_absolute_target_without_a_host_is_refused() {
    for target in ["http://", "http:///chat", "http://?a"] {
        refuses(&for_target(target), RequestError::Target, 400);
    }
}

#[test]
fn a_target_of_another_form_is_refused() {
    for target in
        ["*", "chat", "board.local:80", "ftp://board.local/", "http:/x", "/chat#top", "/#", "?a"]
    {
        refuses(&for_target(target), RequestError::Target, 400);
    }
}

#[test]
fn a_head_may_have_exactly_as_many_fields_as_the_limit() {
    let extra: Vec<String> = (0..60).map(|i| format!("X-{i}: y")).collect();
    let fields = |n: usize| {
        let extra = extra[..n - FIELDS.len()].iter().map(|field| &field[..]);
        FIELDS.into_iter().chain(extra).collect::<Vec<&str>>()
    };
    accepts(&head("GET / HTTP/1.1", &fields(64)));
    refuses(&head("GET / HTTP/1.1", &fields(65)), RequestError::TooManyHeaders, 431);

    let seven = head("GET / HTTP/1.1", &fields(7));
    let request = Request::parse(&seven).unwrap();
    assert_eq!(request.headers().count(), 7);
    assert_eq!(request.header("x-1"), Some(&b"y"[..]));
    assert!(request.upgrade().is_ok());
}

#[test]
fn twenty_thousand_fields_are_refused_and_each_byte_is_looked_at_once() {
    let fields: Vec<String> = (0..20_000).map(|i| format!("X-{i}: {i}")).collect();
    let fields: Vec<&str> = fields.iter().map(|field| &field[..]).collect();
    // One byte at a time: if each call began at the front, this would be 4 * 10^10 steps.
    refuses(&head("GET / HTTP/1.1", &fields), RequestError::TooManyHeaders, 431);
    assert_eq!(RequestError::HeadTooLong.status().get(), 431);
}

#[test]
fn frames_behind_the_head_are_left_alone() {
    let mut bytes = head("GET / HTTP/1.1", &FIELDS);
    let len = bytes.len();
    bytes.extend(b"\x81\x80\r\n\r\n");
    for cut in 0..=bytes.len() {
        let mut scanner = HeadScanner::new();
        let found = match scanner.scan(&bytes[..cut]).unwrap() {
            Some(found) => found,
            None => scanner.scan(&bytes).unwrap().unwrap(),
        };
        assert_eq!(found, len, "cut at {cut}");
    }
}
