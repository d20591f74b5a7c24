//! What the server writes in the opening handshake, and what of the application it lets in.

use wirelet::handshake::{
    Acceptance, AllowList, BuildError, HandshakeError, Refusal, Request, RequestError, Status,
};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: board.local\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Protocol: mqtt, chat.v2\r\nOrigin: https://example.com\r\n\
    Sec-WebSocket-Protocol:\tchat\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// Names that are no token, or that the handshake itself writes.
const BAD_NAMES: [&str; 16] = [
    "",
    "a b",
    "a:",
    "a\r\nb",
    "a\n",
    "a\0",
    "é",
    "(a)",
    "Host",
    "upgrade",
    "CONNECTION",
    "Content-Length",
    "Transfer-Encoding",
    "Sec-WebSocket-Accept",
    "sec-websocket-extensions",
    "Sec-WebSocket-",
];

const BAD_VALUES: [&str; 6] = ["a\r\nSet-Cookie: b", "a\n", "\r", "a\0b", "\x7f", "\x1b[0m"];

/// Accepts the request, whose page is of another host.
fn accept(acceptance: Acceptance<'_>, out: &mut [u8]) -> Result<usize, HandshakeError> {
    let request: Request = Request::parse(REQUEST).unwrap();
    request.upgrade().unwrap().accept(&acceptance.origins(AllowList::Any), out)
}

const fn build(error: BuildError) -> Result<usize, HandshakeError> {
    Err(HandshakeError::Build(error))
}

fn refusal(refusal: &Refusal<'_>) -> String {
    let mut out = [0; 512];
    let n = refusal.encode(&mut out).unwrap();
    String::from_utf8(out[..n].into()).unwrap()
}

/// The values of all fields of this name.
fn fields<'h>(head: &'h str, name: &str) -> Vec<&'h str> {
    let (head, _) = head.split_once("\r\n\r\n").unwrap();
    let lines = head.split("\r\n").skip(1).map(|line| line.split_once(": ").unwrap());
    lines.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
}

#[test]
fn an_acceptance_has_its_subprotocol_and_headers_at_exactly_its_length() {
    let acceptance = Acceptance::new()
        .subprotocol(Some("chat.v2"))
        .headers(&[("Server", "board/1.0"), ("X-Empty", "")]);
    let expected = "HTTP/1.1 101 Switching Protocols\r\n\
        Upgrade: websocket\r\n\
        Connection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
        Sec-WebSocket-Protocol: chat.v2\r\n\
        Server: board/1.0\r\n\
        X-Empty: \r\n\r\n";
    for space in 0..expected.len() {
        let result = accept(acceptance, &mut vec![0; space]);
        assert_eq!(result, build(BuildError::OutOfSpace), "{space} bytes");
    }
    let mut out = vec![0; expected.len()];
    assert_eq!(accept(acceptance, &mut out), Ok(expected.len()));
    assert_eq!(str::from_utf8(&out), Ok(expected));
}

#[test]
fn subprotocols_are_listed_over_all_lines_and_chosen_by_the_server() {
    let request: Request = Request::parse(REQUEST).unwrap();
    let upgrade = request.upgrade().unwrap();
    assert!(upgrade.subprotocols().eq(["mqtt", "chat.v2", "chat"]));
    assert_eq!(upgrade.choose_subprotocol(&["chat", "mqtt"]), Some("chat"));
    assert_eq!(upgrade.choose_subprotocol(&["stomp", "mqtt"]), Some("mqtt"));
    // §11.3.4 makes no exception from the case of a token.
    assert_eq!(upgrade.choose_subprotocol(&["MQTT", "cha", ""]), None);
    assert_eq!(upgrade.choose_subprotocol(&[]), None);
}

#[test]
fn a_subprotocol_that_was_not_offered_is_refused() {
    for name in ["stomp", "Chat", "", "mqtt, chat", "chat\r\nX: y"] {
        let acceptance = Acceptance::new().subprotocol(Some(name));
        let result = accept(acceptance, &mut [0; 512]);
        assert_eq!(result, build(BuildError::Subprotocol), "{name:?}");
    }
}

#[test]
fn headers_of_the_application_cannot_inject_or_replace_a_line() {
    for name in BAD_NAMES {
        let headers = &[("X-Good", "x"), (name, "x")];
        let result = accept(Acceptance::new().headers(headers), &mut [0; 512]);
        assert_eq!(result, build(BuildError::HeaderName), "{name:?}");
        let refusal = Refusal::new(Status::FORBIDDEN).headers(headers);
        assert_eq!(refusal.encode(&mut [0; 512]), Err(BuildError::HeaderName), "{name:?}");
    }
    for value in BAD_VALUES {
        let headers = &[("X-Good", "x"), ("X-Bad", value)];
        let result = accept(Acceptance::new().headers(headers), &mut [0; 512]);
        assert_eq!(result, build(BuildError::HeaderValue), "{value:?}");
        let refusal = Refusal::new(Status::FORBIDDEN).headers(headers);
        assert_eq!(refusal.encode(&mut [0; 512]), Err(BuildError::HeaderValue), "{value:?}");
    }
}

#[test]
fn an_acceptance_cannot_be_disguised_as_a_refusal() {
    let switching = Refusal::new(Status::new(101).unwrap());
    assert_eq!(switching.encode(&mut [0; 512]), Err(BuildError::Status));
}

#[test]
fn a_content_type_of_the_application_replaces_the_plain_one() {
    let headers = &[("content-type", "text/html")];
    let page = Refusal::new(Status::NOT_FOUND).headers(headers).body(b"<p>no");
    let text = refusal(&page);
    assert!(text.contains("content-type: text/html\r\n") && !text.contains("text/plain"));
}

#[test]
fn a_refusal_has_its_status_headers_and_body_at_exactly_its_length() {
    let full = Refusal::new(Status::SERVICE_UNAVAILABLE)
        .headers(&[("Retry-After", "5")])
        .body(b"all slots are taken\n");
    let expected = "HTTP/1.1 503 Service Unavailable\r\n\
        Connection: close\r\n\
        Retry-After: 5\r\n\
        Content-Type: text/plain; charset=utf-8\r\n\
        Content-Length: 20\r\n\r\n\
        all slots are taken\n";
    assert_eq!(refusal(&full), expected);
    for space in 0..expected.len() {
        let result = full.encode(&mut vec![0; space]);
        assert_eq!(result, Err(BuildError::OutOfSpace), "{space} bytes");
    }
    assert_eq!(full.encode(&mut vec![0; expected.len()]), Ok(expected.len()));
}

/// RFC 9110 §8.6: "A server MUST NOT send a Content-Length header field in any response with a status
/// code of 1xx (Informational) or 204 (No Content)." §15.4.5: a 304 "is terminated by the end of the
/// header section".
#[test]
fn a_status_without_content_has_no_length_and_no_body() {
    for number in [204, 205, 304] {
        let status = Status::new(number).unwrap();
        let no_content = Refusal::new(status).headers(&[("X-A", "b")]);
        let expected = format!("HTTP/1.1 {number} \r\nConnection: close\r\nX-A: b\r\n\r\n");
        assert_eq!(refusal(&no_content), expected);
        let with_body = no_content.body(b"x");
        assert_eq!(with_body.encode(&mut [0; 512]), Err(BuildError::Body));
        assert_eq!(with_body.encode_piece(0, &mut [0; 1]), Err(BuildError::Body));
    }
}

/// §4.1 item 10: the subprotocols are tokens.
#[test]
fn a_subprotocol_that_is_no_token_is_neither_told_nor_sent_back() {
    let offers = ["(a b)", "\"c\"", "a b", "{a}", "\u{e9}", "a;b", "a=b", "\"mqtt"];
    let head = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Protocol: {}, mqtt\r\n\r\n",
        offers.join(", ")
    );
    let request = Request::parse(head.as_bytes()).unwrap();
    let upgrade = request.upgrade().unwrap();
    assert!(upgrade.subprotocols().eq(["mqtt"]));
    assert_eq!(upgrade.choose_subprotocol(&offers), None);
    for offer in offers {
        let acceptance = Acceptance::new().subprotocol(Some(offer));
        let result = upgrade.accept(&acceptance, &mut [0; 512]);
        assert_eq!(result, build(BuildError::Subprotocol), "{offer:?}");
    }
}

#[test]
fn every_request_error_has_a_refusal_that_closes_the_connection() {
    use RequestError as E;
    for (error, line) in [
        (E::HeadTooLong, "HTTP/1.1 431 Request Header Fields Too Large"),
        (E::TooManyHeaders, "HTTP/1.1 431 Request Header Fields Too Large"),
        (E::Malformed, "HTTP/1.1 400 Bad Request"),
        (E::HttpVersion, "HTTP/1.1 400 Bad Request"),
        (E::Method, "HTTP/1.1 405 Method Not Allowed"),
        (E::Target, "HTTP/1.1 400 Bad Request"),
        (E::Host, "HTTP/1.1 400 Bad Request"),
        (E::Body, "HTTP/1.1 400 Bad Request"),
        (E::NotUpgrade, "HTTP/1.1 426 Upgrade Required"),
        (E::Connection, "HTTP/1.1 400 Bad Request"),
        (E::Key, "HTTP/1.1 400 Bad Request"),
        (E::VersionField, "HTTP/1.1 400 Bad Request"),
        (E::WebSocketVersion, "HTTP/1.1 426 Upgrade Required"),
        (E::Origin, "HTTP/1.1 403 Forbidden"),
    ] {
        let head = refusal(&error.into());
        assert_eq!(head.split("\r\n").next(), Some(line), "{error:?}");
        assert_eq!(fields(&head, "Content-Length"), ["0"]);
        let connection = fields(&head, "Connection").join(", ");
        assert!(connection.split(", ").any(|token| token == "close"), "{head}");
        assert!(head.ends_with("\r\n\r\n"));
    }
}

/// §4.4: "the server MUST respond back with a |Sec-WebSocket-Version| header field".
#[test]
fn each_status_that_has_a_name_is_sent_with_the_phrase_of_rfc_9110() {
    for (status, line) in [
        (Status::OK, "HTTP/1.1 200 OK"),
        (Status::BAD_REQUEST, "HTTP/1.1 400 Bad Request"),
        (Status::UNAUTHORIZED, "HTTP/1.1 401 Unauthorized"),
        (Status::FORBIDDEN, "HTTP/1.1 403 Forbidden"),
        (Status::NOT_FOUND, "HTTP/1.1 404 Not Found"),
        (Status::METHOD_NOT_ALLOWED, "HTTP/1.1 405 Method Not Allowed"),
        (Status::REQUEST_TIMEOUT, "HTTP/1.1 408 Request Timeout"),
        (Status::UPGRADE_REQUIRED, "HTTP/1.1 426 Upgrade Required"),
        (Status::TOO_MANY_REQUESTS, "HTTP/1.1 429 Too Many Requests"),
        (Status::REQUEST_HEADER_FIELDS_TOO_LARGE, "HTTP/1.1 431 Request Header Fields Too Large"),
        (Status::INTERNAL_SERVER_ERROR, "HTTP/1.1 500 Internal Server Error"),
        (Status::SERVICE_UNAVAILABLE, "HTTP/1.1 503 Service Unavailable"),
        (Status::new(299).unwrap(), "HTTP/1.1 299 "),
    ] {
        assert_eq!(refusal(&Refusal::new(status)).lines().next(), Some(line));
    }
}

#[test]
fn a_refused_version_is_told_the_right_one() {
    for error in [RequestError::WebSocketVersion, RequestError::NotUpgrade] {
        let head = refusal(&error.into());
        assert_eq!(fields(&head, "Sec-WebSocket-Version"), ["13"]);
        assert_eq!(fields(&head, "Upgrade"), ["websocket"]);
    }
}

/// RFC 9110 §7.8: "A sender of Upgrade MUST also send an "Upgrade" connection option in the
/// Connection header field".
#[test]
fn a_426_lists_upgrade_as_a_connection_option() {
    let head = refusal(&RequestError::WebSocketVersion.into());
    assert_eq!(fields(&head, "Upgrade"), ["websocket"]);
    let connection = fields(&head, "Connection").join(", ");
    assert!(connection.split(", ").any(|token| token == "Upgrade"), "{head}");
}

#[test]
fn a_refused_method_is_told_the_right_one() {
    assert_eq!(fields(&refusal(&RequestError::Method.into()), "Allow"), ["GET"]);
    assert_eq!(fields(&refusal(&RequestError::Key.into()), "Allow"), [""; 0]);
}

#[test]
fn only_whole_origins_of_the_list_are_let_in() {
    let list = &["https://example.com", "http://board.local:8080"];
    for (origin, is_in) in [
        (Some(&b"https://example.com"[..]), true),
        (Some(b"HTTPS://EXAMPLE.COM"), true),
        (Some(b"http://board.local:8080"), true),
        (Some(b"http://board.local"), false),
        (Some(b"http://example.com"), false),
        (Some(b"https://example.com.evil.org"), false),
        (Some(b"https://evil-example.com"), false),
        (Some(b"https://evil.org/https://example.com"), false),
        (Some(b"https://example.com, https://evil.org"), false),
        (Some(b"null"), false),
        (Some(b""), false),
        (Some(b"\xff"), false),
    ] {
        assert_eq!(AllowList::Only(list).permits(origin), is_in, "{origin:?}");
        assert_eq!(AllowList::OnlyOrMissing(list).permits(origin), is_in, "{origin:?}");
        assert!(AllowList::Any.permits(origin));
    }
    assert!(!AllowList::Only(list).permits(None));
    assert!(AllowList::OnlyOrMissing(list).permits(None));
    assert!(AllowList::Only(&["null"]).permits(Some(b"null")));
}

#[test]
fn the_origin_is_read_from_the_request() {
    let request: Request = Request::parse(REQUEST).unwrap();
    let upgrade = request.upgrade().unwrap();
    assert_eq!(upgrade.origin(), Some(&b"https://example.com"[..]));
    assert_eq!(upgrade.host(), b"board.local");
    assert_eq!(request.header("ORIGIN"), Some(&b"https://example.com"[..]));
    assert_eq!(request.header("Missing"), None);
}

#[test]
fn a_request_that_lists_websocket_is_an_upgrade_whatever_else_is_wrong_with_it() {
    assert!(Request::parse(REQUEST).unwrap().is_upgrade());
    for (field, is_upgrade) in [
        ("Upgrade: WebSocket", true),
        ("Upgrade: h2c, websocket", true),
        ("Upgrade: h2c\r\nUpgrade: websocket", true),
        ("Upgrade: h2c", false),
        ("Upgrade: websockets", false),
        ("Connection: websocket", false),
    ] {
        let head = format!("POST / HTTP/1.0\r\n{field}\r\n\r\n");
        let request = Request::parse(head.as_bytes()).unwrap();
        assert_eq!(request.is_upgrade(), is_upgrade, "{field}");
    }
}

#[test]
fn a_plain_request_is_no_upgrade() {
    let request: Request = Request::parse(b"GET /page?x HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(!request.is_upgrade());
    assert_eq!((request.method(), request.path(), request.query()), ("GET", "/page", Some("x")));
    assert_eq!(request.upgrade().err(), Some(RequestError::NotUpgrade));
}
