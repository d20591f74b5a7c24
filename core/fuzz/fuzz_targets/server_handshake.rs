//! Heads of requests, as a server sees them (§4.2): the end is found whatever the split, nothing
//! panics, and what is accepted is a handshake by an independent reading of the RFC.
//!
//! The input is a [`Plan`] and the bytes that a client sends.

#![no_main]

mod support;

use libfuzzer_sys::fuzz_target;
use support::{Head, Plan};
use tungstenite::handshake::derive_accept_key;
use wirelet::handshake::{
    Acceptance, AllowList, BuildError, ClientRequest, HandshakeError, HeadScanner, Key, Refusal,
    Request, RequestError, Response, Upgrade,
};

fuzz_target!(|data: &[u8]| {
    let Some((plan, received)) = Plan::parse(data) else { return };
    let Some(head) = scan(plan, received) else { return };
    // What is no head: one byte less, one more.
    assert_eq!(Request::parse(&head[..head.len() - 1]).err(), Some(RequestError::Malformed));
    assert_eq!(Request::parse(&[head, b"x"].concat()).err(), Some(RequestError::Malformed));

    match Request::parse(head) {
        Err(error) => refuse(error),
        Ok(request) => {
            let n_fields = request.headers().count();
            assert_eq!(Head::parse(head).n_fields(), n_fields);
            assert!(!request.path().contains('?'));
            match request.upgrade() {
                Err(error) => refuse(error),
                Ok(upgrade) => {
                    let key = recheck(head, &request, &upgrade);
                    accept(&key, &upgrade);
                }
            }
        }
    }
});

/// Finds the end of the head at once and as the plan has it; returns the head if there is one.
fn scan<'h>(plan: Plan<'_>, received: &'h [u8]) -> Option<&'h [u8]> {
    let whole = HeadScanner::new().scan(received);
    let mut scanner = HeadScanner::new();
    let mut len = 0;
    let mut ends = plan.cut(received).map(|piece| {
        len += piece.len();
        scanner.scan(&received[..len])
    });
    let cut = ends.find(|end| *end != Ok(None)).unwrap_or(Ok(None));
    assert_eq!(whole, cut);

    let head = received.get(..whole.ok()??).expect("the head is within what was received");
    // Nothing before the end would have been one.
    let first = head.chunks(2).position(|line| line != b"\r\n").expect("a line") * 2;
    let at = head[first..].windows(4).position(|bytes| bytes == b"\r\n\r\n");
    assert_eq!(at.map(|at| first + at + 4), Some(head.len()));
    Some(head)
}

/// Checks an accepted request against §4.2.1, item by item; returns its key.
fn recheck(head: &[u8], request: &Request<'_>, upgrade: &Upgrade<'_>) -> Key {
    let head = Head::parse(head);
    // 1. "An HTTP/1.1 or higher GET request, including a "Request-URI""
    let line = str::from_utf8(head.start_line).expect("UTF-8");
    let target = line.strip_prefix("GET ").and_then(|line| line.strip_suffix(" HTTP/1.1"));
    let target = target.expect("a GET of HTTP/1.1");
    let lower = target.to_ascii_lowercase();
    assert!(
        ["/", "http://", "https://"].iter().any(|start| lower.starts_with(start))
            && !target.contains([' ', '#']),
        "{target:?}"
    );
    assert!(target.contains(request.path()) || request.path() == "/");
    assert_eq!(request.query(), target.split_once('?').map(|(_, query)| query));
    // 2. "A |Host| header field containing the server's authority." RFC 9112 §3.2.2: an absolute target
    // replaces it.
    assert_eq!(head.all("Host").len(), 1);
    let host = match target.split_once("://") {
        Some((scheme, rest)) if !scheme.starts_with('/') => {
            rest.split(['/', '?']).next().expect("an authority").as_bytes()
        }
        _ => head.all("Host")[0],
    };
    assert_eq!(upgrade.host(), host);
    for host in [host, head.all("Host")[0]] {
        let is_host_byte =
            |byte: &u8| byte.is_ascii_graphic() && !b"/?#@,\\\"<>^`{|}".contains(byte);
        assert!(!host.is_empty() && host.iter().all(is_host_byte), "{}", host.escape_ascii());
    }
    // 3. "An |Upgrade| header field containing the value "websocket", treated as an ASCII
    // case-insensitive value."
    assert!(request.is_upgrade() && head.lists("Upgrade", "websocket"));
    // 4. "A |Connection| header field that includes the token "Upgrade", treated as an ASCII
    // case-insensitive value."
    assert!(head.lists("Connection", "upgrade"));
    // 5. "A |Sec-WebSocket-Key| header field with a base64-encoded (see Section 4 of [RFC4648])
    // value that, when decoded, is 16 bytes in length." 22 characters carry 132 bits: the last
    // four are no part of the 16 bytes.
    let key = head.all("Sec-WebSocket-Key");
    assert_eq!(key.len(), 1);
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    assert!(matches!(key[0], [text @ .., b'=', b'=']
        if text.len() == 22 && text.iter().all(is_base64)));
    // 6. "A |Sec-WebSocket-Version| header field, with a value of 13."
    assert_eq!(head.all("Sec-WebSocket-Version"), [b"13"]);
    // No body that would be taken for frames.
    assert!(head.all("Transfer-Encoding").is_empty());
    assert!(head.all("Content-Length").iter().all(|len| len == b"0"));
    // 7. "Optionally, an |Origin| header field."
    assert!(head.all("Origin").len() <= 1);
    assert_eq!(upgrade.origin(), head.all("Origin").first().copied());
    let is_let_in = upgrade.respond(&Acceptance::new()).is_ok();
    assert_eq!(is_let_in, upgrade.is_same_origin());

    // 9. The extensions: no more elements than commas would separate.
    let fields = head.all("Sec-WebSocket-Extensions");
    let n_elements = fields.iter().flat_map(|value| value.split(|byte| *byte == b',')).count();
    assert!(upgrade.extensions().count() <= n_elements);
    for extension in upgrade.extensions().flatten() {
        let is_token = |name: &str| !name.is_empty() && !name.contains([' ', ',', ';', '=', '"']);
        assert!(is_token(extension.name()));
        for (name, value) in extension.parameters() {
            assert!(is_token(name));
            let len = fields.iter().map(|value| value.len()).max().unwrap_or_default();
            assert!(value.is_none_or(|value| value.bytes().count() <= len));
        }
    }

    let key = Key::parse(key[0]).expect("a key");
    assert_eq!(&key.accept()[..], derive_accept_key(key.as_bytes()).as_bytes());
    key
}

/// Accepts with each subprotocol on offer; a client would take the response.
fn accept(key: &Key, upgrade: &Upgrade<'_>) {
    let offers: Vec<&str> = upgrade.subprotocols().collect();
    let client = ClientRequest::new("a", "/").subprotocols(&offers);
    let any_origin = Acceptance::new().origins(AllowList::Any);
    for subprotocol in offers.iter().copied().map(Some).chain([None]).take(8) {
        let acceptance = any_origin.subprotocol(subprotocol).headers(&[("Server", "fuzz")]);
        let mut out = [0; 2048];
        let n = match upgrade.accept(&acceptance, &mut out) {
            Ok(n) => n,
            Err(error) => {
                assert_eq!(error, BuildError::OutOfSpace.into());
                assert!(subprotocol.unwrap().len() > 1500);
                continue;
            }
        };
        let response = client.verify(key, &out[..n]).expect("the client takes it");
        assert_eq!(response.subprotocol(), subprotocol);
        let lines = out[..n].windows(2).filter(|bytes| bytes == b"\r\n").count();
        assert_eq!(lines, 6 + usize::from(subprotocol.is_some()));
        // The same into exactly as much space, and an error into less.
        assert_eq!(upgrade.accept(&acceptance, &mut vec![0; n]), Ok(n));
        let less = upgrade.accept(&acceptance, &mut vec![0; n - 1]);
        assert_eq!(less, Err(HandshakeError::Build(BuildError::OutOfSpace)));
    }
    assert_eq!(upgrade.choose_subprotocol(&offers), offers.first().copied());
    let other = any_origin.subprotocol(Some("not on offer\u{7f}"));
    assert_eq!(upgrade.accept(&other, &mut [0; 512]), Err(BuildError::Subprotocol.into()));
}

/// Refuses; the response is one, with the right status.
fn refuse(error: RequestError) {
    let body = error.to_string();
    let mut out = [0; 512];
    for body in [b"", body.as_bytes()] {
        let refusal = Refusal::from(error).body(body);
        let n = refusal.encode(&mut out).expect("512 bytes are enough");
        let head_len = n - body.len();
        let response = Response::parse(&out[..head_len]).expect("a response");
        assert_eq!(response.status(), error.status());
        let len = response.header("Content-Length").expect("a length");
        assert_eq!(len, body.len().to_string().as_bytes());
        assert_eq!(&out[head_len..n], body);
        Head::parse(&out[..head_len]);
    }
}
