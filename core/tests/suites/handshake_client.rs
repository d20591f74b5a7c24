//! The client's side of the opening handshake (§4.1): its request, and its check of the response.

use wirelet::handshake::{
    Acceptance, BuildError, ClientRequest, HandshakeError, HeadScanner, Key, Request, Response,
    ResponseError, Status,
};

const REQUEST: ClientRequest<'_> =
    ClientRequest::new("server.example.com", "/chat").subprotocols(&["chat", "superchat"]);

const STATUS_LINE: &str = "HTTP/1.1 101 Switching Protocols";

const FIELDS: [&str; 3] = [
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
];

fn key() -> Key {
    Key::from_nonce(*b"the sample nonce")
}

fn head(status_line: &str, fields: &[&str]) -> Vec<u8> {
    let mut head = status_line.to_owned();
    for field in fields {
        head.push_str("\r\n");
        head.push_str(field);
    }
    (head + "\r\n\r\n").into_bytes()
}

/// A valid response, with the fields named `name` replaced by `fields`.
fn with(name: &str, fields: &[&str]) -> Vec<u8> {
    let others = FIELDS.iter().filter(|field| !field.starts_with(name)).copied();
    let fields: Vec<&str> = others.chain(fields.iter().copied()).collect();
    head(STATUS_LINE, &fields)
}

/// Checks a response as a client does; returns the chosen subprotocol.
fn verify(bytes: &[u8]) -> Result<Option<String>, ResponseError> {
    let mut bytes = bytes.to_vec();
    let len = HeadScanner::new().scan_response(&mut bytes)?;
    let head = &bytes[..len.expect("the head is whole")];
    REQUEST.verify(&key(), head).map(|response| response.subprotocol().map(str::to_owned))
}

#[track_caller]
fn accepts(bytes: &[u8], subprotocol: Option<&str>) {
    let chosen = verify(bytes);
    assert_eq!(chosen, Ok(subprotocol.map(str::to_owned)), "{}", bytes.escape_ascii());
}

#[track_caller]
fn refuses(bytes: &[u8], error: ResponseError) {
    assert_eq!(verify(bytes), Err(error), "{}", bytes.escape_ascii());
}

fn encode(request: &ClientRequest<'_>) -> Result<String, BuildError> {
    let mut out = [0; 1024];
    let n = request.encode(&key(), &mut out)?;
    Ok(String::from_utf8(out[..n].into()).unwrap())
}

#[test]
fn a_valid_response_is_accepted() {
    accepts(&head(STATUS_LINE, &FIELDS), None);
    accepts(&head("HTTP/1.1 101 ", &FIELDS), None);
    accepts(&head("HTTP/1.1 101 Whatever you say", &FIELDS), None);
    accepts(&with("Upgrade", &["UPGRADE:WebSocket  "]), None);
    accepts(&with("Connection", &["connection: keep-alive", "Connection: x,upgrade"]), None);
    accepts(&with("X", &["Server: y", "Date: z"]), None);
}

#[test]
fn an_offered_subprotocol_is_accepted() {
    accepts(&with("X", &["Sec-WebSocket-Protocol: chat"]), Some("chat"));
    accepts(&with("X", &["sec-websocket-protocol: superchat "]), Some("superchat"));
}

#[test]
fn a_subprotocol_that_was_not_offered_is_refused() {
    for value in ["stomp", "Chat", "", "chat, superchat", "chat,", "chatt", "cha"] {
        let field = format!("Sec-WebSocket-Protocol: {value}");
        refuses(&with("X", &[&field]), ResponseError::Subprotocol);
    }
    let twice = ["Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: chat"];
    refuses(&with("X", &twice), ResponseError::Subprotocol);
    let none_offered = ClientRequest::new("server.example.com", "/chat");
    let bytes = with("X", &["Sec-WebSocket-Protocol: chat"]);
    let result = none_offered.verify(&key(), &bytes);
    assert_eq!(result.err(), Some(ResponseError::Subprotocol));
}

#[test]
fn every_other_status_is_refused_with_its_number() {
    for status in [100, 102, 200, 301, 400, 401, 403, 404, 426, 503, 999] {
        let bytes = head(&format!("HTTP/1.1 {status} Text"), &FIELDS);
        refuses(&bytes, ResponseError::Refused(Status::new(status).unwrap()));
    }
    let busy = head("HTTP/1.1 503 Busy", &["Retry-After: 5"]);
    refuses(&busy, ResponseError::Refused(Status::SERVICE_UNAVAILABLE));
    let response = Response::parse(&busy).unwrap();
    assert_eq!(response.status(), Status::SERVICE_UNAVAILABLE);
    assert_eq!(response.header("retry-after"), Some(&b"5"[..]));
    assert_eq!(response.header("missing"), None);
    assert!(response.headers().eq([("Retry-After", &b"5"[..])]));
}

#[test]
fn a_missing_or_wrong_upgrade_is_refused() {
    for fields in [
        &[][..],
        &["Upgrade: h2c"],
        &["Upgrade: websocket, h2c"],
        &["Upgrade: web"],
        &["Upgrade:"],
        &["Upgrade: websocket", "Upgrade: websocket"],
    ] {
        refuses(&with("Upgrade", fields), ResponseError::Upgrade);
    }
}

#[test]
fn a_missing_or_wrong_connection_is_refused() {
    for fields in [&[][..], &["Connection: close"], &["Connection: Upgraded"], &["Connection:"]] {
        refuses(&with("Connection", fields), ResponseError::Connection);
    }
}

#[test]
fn a_missing_or_wrong_accept_is_refused() {
    for values in [
        &[][..],
        &[""],
        &["S3PPLMBITXAQ9KYGZZHZRBK+XOO="],
        &["s3pPLMBiTxaQ9kYGzzhZRbK+xOo"],
        &["s3pPLMBiTxaQ9kYGzzhZRbK+xOo=="],
        &["s3pPLMBiTxaQ9kYGzzhZRbK+xOp="],
        &["dGhlIHNhbXBsZSBub25jZQ=="],
        &["s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="],
    ] {
        let fields: Vec<String> =
            values.iter().map(|value| format!("Sec-WebSocket-Accept: {value}")).collect();
        let fields: Vec<&str> = fields.iter().map(|field| &field[..]).collect();
        refuses(&with("Sec-WebSocket-Accept", &fields), ResponseError::Accept);
    }
    // The answer to another key.
    let bytes = head(STATUS_LINE, &FIELDS);
    let result = REQUEST.verify(&Key::from_nonce([0; 16]), &bytes);
    assert_eq!(result.err(), Some(ResponseError::Accept));
}

#[test]
fn an_extension_that_was_not_offered_is_refused() {
    for value in ["permessage-deflate", "x; a=b, y"] {
        let field = format!("Sec-WebSocket-Extensions: {value}");
        refuses(&with("X", &[&field]), ResponseError::Extension);
    }
}

#[test]
fn what_is_no_http_1_1_is_refused() {
    for line in [
        "",
        "HTTP/1.0 101 Switching Protocols",
        "HTTP/2 101 Switching Protocols",
        "HTTP/1.1 1O1 Switching Protocols",
        "HTTP/1.1 10 Switching Protocols",
        "HTTP/1.1 099 Switching Protocols",
        "HTTP/1.1 101\0",
        "http/1.1 101 Switching Protocols",
        "ICY 200 OK",
    ] {
        refuses(&head(line, &FIELDS), ResponseError::Malformed);
    }
    for field in [
        "Space-Before-Colon : x",
        "Nul: a\0b",
        "Bare-LF: a\nInjected: b",
        "Bare-CR: a\rb",
        "No colon",
        ": no name",
    ] {
        refuses(&with("X", &[field]), ResponseError::Malformed);
    }
    let bytes = head(STATUS_LINE, &FIELDS);
    for cut in 0..bytes.len() {
        let result = REQUEST.verify(&key(), &bytes[..cut]);
        assert_eq!(result.err(), Some(ResponseError::Malformed), "cut at {cut}");
    }
}

#[test]
fn a_response_may_have_64_fields_and_no_more() {
    let extra: Vec<String> = (0..62).map(|i| format!("X-{i}: y")).collect();
    let extra: Vec<&str> = extra.iter().map(|field| &field[..]).collect();
    accepts(&with("none", &extra[..61]), None);
    let too_many = with("none", &extra);
    refuses(&too_many, ResponseError::TooManyHeaders);
    // Nor without a scanner.
    assert_eq!(Response::parse(&too_many).err(), Some(ResponseError::TooManyHeaders));
    let response = REQUEST.verify(&key(), &too_many);
    assert_eq!(response.err(), Some(ResponseError::TooManyHeaders));
}

#[test]
fn a_host_that_could_inject_is_refused() {
    for host in [
        "",
        " ",
        "a b",
        "a\r\nX: y",
        "a\n",
        "a\t",
        "a\0",
        "a\x7f",
        "a/b",
        "a?b",
        "a#b",
        "a,b",
        "user@a",
        "é",
    ] {
        let request = ClientRequest::new(host, "/chat");
        assert_eq!(encode(&request), Err(BuildError::Host), "{host:?}");
    }
    for host in ["a", "a:8080", "192.168.4.1", "[::1]:8080"] {
        let head = encode(&ClientRequest::new(host, "/chat")).unwrap();
        assert!(head.contains(&format!("\r\nHost: {host}\r\n")));
    }
}

#[test]
fn a_target_that_could_inject_is_refused() {
    for target in [
        "",
        "chat",
        "*",
        "?a",
        "http://a/",
        "/a b",
        "/ HTTP/1.1\r\nX: y",
        "/\n",
        "/\t",
        "/\0",
        "/\x7f",
        "/a#b",
        "/é",
    ] {
        let request = ClientRequest::new("server.example.com", target);
        assert_eq!(encode(&request), Err(BuildError::Target), "{target:?}");
    }
    for target in ["/", "/a/b?c=d&e=%20", "//x"] {
        let head = encode(&ClientRequest::new("server.example.com", target)).unwrap();
        assert!(head.starts_with(&format!("GET {target} HTTP/1.1\r\n")));
    }
}

#[test]
fn an_origin_or_a_value_that_could_inject_is_refused() {
    for value in ["a\r\nX: y", "a\n", "\r", "\0", "\x7f", "\x1b"] {
        let request = REQUEST.origin(value);
        assert_eq!(encode(&request), Err(BuildError::HeaderValue), "{value:?}");
        let headers = &[("X-Good", "x"), ("X-Bad", value)];
        let request = REQUEST.headers(headers);
        assert_eq!(encode(&request), Err(BuildError::HeaderValue), "{value:?}");
    }
}

#[test]
fn a_subprotocol_that_could_inject_is_refused() {
    for subprotocols in [
        &[""][..],
        &["a b"],
        &["a,b"],
        &["a\r\nX: y"],
        &["a\0"],
        &["é"],
        &["chat", ""],
        &["chat", "x", "chat"],
    ] {
        let request = REQUEST.subprotocols(subprotocols);
        assert_eq!(encode(&request), Err(BuildError::Subprotocol), "{subprotocols:?}");
    }
}

#[test]
fn a_header_name_that_could_inject_or_replace_is_refused() {
    for name in [
        "",
        "a b",
        "a:",
        "a\r\nX",
        "a\n",
        "a\0",
        "é",
        "host",
        "Upgrade",
        "CONNECTION",
        "Origin",
        "Content-Length",
        "transfer-encoding",
        "Sec-WebSocket-Key",
        "sec-websocket-extensions",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Version",
    ] {
        let headers = &[(name, "x")];
        let request = REQUEST.headers(headers);
        assert_eq!(encode(&request), Err(BuildError::HeaderName), "{name:?}");
    }
}

#[test]
fn client_and_server_agree_in_the_smallest_buffers() {
    let request = REQUEST
        .origin("https://server.example.com")
        .headers(&[("Authorization", "Bearer abc"), ("X-Empty", "")]);
    let len = encode(&request).unwrap().len();
    for space in 0..len {
        let result = request.encode(&key(), &mut vec![0; space]);
        assert_eq!(result, Err(BuildError::OutOfSpace), "{space} bytes");
    }
    let mut sent = vec![0; len];
    assert_eq!(request.encode(&key(), &mut sent), Ok(len));

    assert_eq!(HeadScanner::new().scan(&sent), Ok(Some(len)));
    let received = Request::parse(&sent).unwrap();
    assert_eq!(received.header("authorization"), Some(&b"Bearer abc"[..]));
    assert_eq!(received.header("x-empty"), Some(&b""[..]));
    assert_eq!(received.path(), "/chat");
    let upgrade = received.upgrade().unwrap();
    assert_eq!(upgrade.host(), b"server.example.com");
    assert_eq!(upgrade.origin(), Some(&b"https://server.example.com"[..]));
    assert!(upgrade.subprotocols().eq(["chat", "superchat"]));

    let acceptance =
        Acceptance::new().subprotocol(Some("superchat")).headers(&[("Server", "board/1.0")]);
    let mut out = [0; 512];
    let len = upgrade.accept(&acceptance, &mut out).unwrap();
    for space in 0..len {
        let result = upgrade.accept(&acceptance, &mut vec![0; space]);
        let wanted = Err(HandshakeError::Build(BuildError::OutOfSpace));
        assert_eq!(result, wanted, "{space} bytes");
    }
    let mut answer = vec![0; len];
    assert_eq!(upgrade.accept(&acceptance, &mut answer), Ok(len));
    let response = request.verify(&key(), &answer).unwrap();
    assert_eq!(response.subprotocol(), Some("superchat"));
    assert_eq!(response.header("server"), Some(&b"board/1.0"[..]));
}

#[test]
fn frames_behind_the_response_are_left_alone() {
    let mut bytes = head(STATUS_LINE, &FIELDS);
    let len = bytes.len();
    bytes.extend(b"\x81\x05Hello");
    for cut in 0..=bytes.len() {
        let mut scanner = HeadScanner::new();
        let found = match scanner.scan(&bytes[..cut]).unwrap() {
            Some(found) => found,
            None => scanner.scan(&bytes).unwrap().unwrap(),
        };
        assert_eq!(found, len, "cut at {cut}");
    }
    assert!(REQUEST.verify(&key(), &bytes[..len]).is_ok());
}
