//! What the opening handshake sends, through buffers of every length: the pieces are the whole.

use wirelet::handshake::{
    Acceptance, AllowList, BuildError, ClientRequest, HandshakeError, Key, Piece, Refusal, Request,
    RequestError, Status,
};

const REQUEST: ClientRequest<'_> = ClientRequest::new("board.local", "/chat?room=1")
    .origin("https://example.com")
    .subprotocols(&["chat.v2", "chat"])
    .headers(&[("Authorization", "Bearer abc")]);

const REQUEST_HEAD: &str = "GET /chat?room=1 HTTP/1.1\r\nHost: board.local\r\n\
    Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: https://example.com\r\n\
    Sec-WebSocket-Protocol: chat.v2, chat\r\nAuthorization: Bearer abc\r\n\r\n";

const ACCEPTANCE: Acceptance<'_> = Acceptance::new()
    .subprotocol(Some("chat.v2"))
    .headers(&[("Server", "board/1.0")])
    .origins(AllowList::Only(&["https://example.com"]));

const RESPONSE_HEAD: &str = "HTTP/1.1 101 Switching Protocols\r\n\
    Upgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    Sec-WebSocket-Protocol: chat.v2\r\nServer: board/1.0\r\n\r\n";

const REFUSAL: Refusal<'_> = Refusal::new(Status::SERVICE_UNAVAILABLE)
    .headers(&[("Retry-After", "5")])
    .body(b"all slots are taken\n");

const REFUSAL_HEAD: &str = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\
    Retry-After: 5\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 20\r\n\r\n\
    all slots are taken\n";

type Encode<'e> = &'e dyn Fn(usize, &mut [u8]) -> Result<Piece, BuildError>;

/// Sends through a buffer of every length; each piece but the last fills it.
#[track_caller]
fn sends(encode: Encode<'_>, expected: &str) {
    for space in 1..=expected.len() + 1 {
        let (mut sent, mut out) = (Vec::new(), vec![0; space]);
        loop {
            let piece = encode(sent.len(), &mut out).unwrap();
            sent.extend_from_slice(&out[..piece.len]);
            assert_eq!(piece.is_last, sent.len() == expected.len(), "{space} bytes");
            if piece.is_last {
                break;
            }
            assert_eq!(piece.len, space);
        }
        assert_eq!(str::from_utf8(&sent), Ok(expected), "{space} bytes");
    }
}

/// What is wrong is told before the first byte, whatever the space, and behind each byte.
#[track_caller]
fn refuses(encode: Encode<'_>, error: BuildError) {
    for space in [0, 1, 131, 1024] {
        for at in [0, 1, 131] {
            assert_eq!(encode(at, &mut vec![0; space]), Err(error), "{space} bytes from {at}");
        }
    }
}

fn key() -> Key {
    Key::from_nonce(*b"the sample nonce")
}

#[test]
fn a_request_leaves_through_a_buffer_of_any_length() {
    sends(&|at, out| REQUEST.encode_piece(&key(), at, out), REQUEST_HEAD);
}

#[test]
fn an_acceptance_leaves_through_a_buffer_of_any_length_when_the_request_is_gone() {
    let mut head = REQUEST_HEAD.as_bytes().to_vec();
    let response = Request::parse(&head).unwrap().upgrade().unwrap().respond(&ACCEPTANCE).unwrap();
    head.fill(0);
    sends(&|at, out| response.encode_piece(at, out), RESPONSE_HEAD);
    let mut out = [0; 256];
    assert_eq!(response.encode(&mut out), Ok(RESPONSE_HEAD.len()));
    assert_eq!(out[..RESPONSE_HEAD.len()], *RESPONSE_HEAD.as_bytes());
}

#[test]
fn a_refusal_leaves_through_a_buffer_of_any_length() {
    sends(&|at, out| REFUSAL.encode_piece(at, out), REFUSAL_HEAD);
}

#[test]
fn a_piece_of_no_bytes_is_the_last_only_at_the_end() {
    let len = REFUSAL_HEAD.len();
    for (at, is_last) in [(0, false), (len - 1, false), (len, true), (len + 1, true)] {
        assert_eq!(REFUSAL.encode_piece(at, &mut []), Ok(Piece { len: 0, is_last }), "at {at}");
    }
}

#[test]
fn what_must_not_be_sent_is_told_before_the_first_byte() {
    let bad_name = &[("X-Good", "x"), ("Upgrade", "h2c")];
    let bad_value = &[("X-Good", "x"), ("X-Bad", "a\r\nX: y")];
    let head = REQUEST_HEAD.as_bytes();
    let upgrade = Request::parse(head).unwrap().upgrade().unwrap();
    for (headers, error) in
        [(bad_name, BuildError::HeaderName), (bad_value, BuildError::HeaderValue)]
    {
        refuses(&|at, out| REQUEST.headers(headers).encode_piece(&key(), at, out), error);
        refuses(&|at, out| REFUSAL.headers(headers).encode_piece(at, out), error);
        let response = upgrade.respond(&ACCEPTANCE.headers(headers)).unwrap();
        refuses(&|at, out| response.encode_piece(at, out), error);
    }
    let twice = REQUEST.subprotocols(&["chat", "chat"]);
    refuses(&|at, out| twice.encode_piece(&key(), at, out), BuildError::Subprotocol);
    let interim = Refusal::new(Status::new(199).unwrap());
    refuses(&|at, out| interim.encode_piece(at, out), BuildError::Status);
    let not_offered = upgrade.respond(&ACCEPTANCE.subprotocol(Some("mqtt")));
    assert_eq!(not_offered, Err(HandshakeError::Build(BuildError::Subprotocol)));
    let other_origin = upgrade.respond(&ACCEPTANCE.origins(AllowList::Only(&["http://a"])));
    assert_eq!(other_origin, Err(HandshakeError::Request(RequestError::Origin)));
}

#[test]
fn what_is_given_twice_is_what_was_given_last() {
    let refusal = REFUSAL.headers(&[("X-First", "1")]).body(b"first");
    assert_eq!(refusal.headers(&[("Retry-After", "5")]).body(b"all slots are taken\n"), REFUSAL);
    assert_eq!(refusal.status(), Status::SERVICE_UNAVAILABLE);
    let acceptance = ACCEPTANCE.headers(&[]).subprotocol(None).origins(AllowList::Any);
    assert_eq!(acceptance, Acceptance::new().origins(AllowList::Any));
    assert_eq!(Acceptance::default(), Acceptance::new());
}

/// Passwords and keys are not for logs.
#[test]
fn nothing_that_is_shown_has_the_value_of_a_header_field() {
    let request = Request::parse(REQUEST_HEAD.as_bytes()).unwrap();
    let upgrade = request.upgrade().unwrap();
    let response = upgrade.respond(&ACCEPTANCE.headers(&[("Set-Cookie", "id=abc")])).unwrap();
    let shown = [
        (format!("{REQUEST:?}"), &["board.local", "https://example.com", "Authorization"][..]),
        (format!("{request:?}"), &["GET", "/chat?room=1", "Sec-WebSocket-Key", "Authorization"]),
        (format!("{upgrade:?}"), &["board.local", "https://example.com", "Authorization"]),
        (format!("{response:?}"), &["chat.v2", "Set-Cookie"]),
        (format!("{:?}", key()), &["Key(..)"]),
    ];
    for (shown, names) in &shown {
        for name in *names {
            assert!(shown.contains(name), "{name} in {shown}");
        }
        for secret in ["abc", "dGhl", "100, 71, 104"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }
}
