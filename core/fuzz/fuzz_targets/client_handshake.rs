//! The client's side of the handshake (§4.1): its check of arbitrary responses, and its request
//! made of arbitrary strings, which nothing can add a line to.
//!
//! The first byte of the input chooses: even, and the rest is a response; odd, and it is what an
//! application asks for.

#![no_main]

mod support;

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use support::{Head, text};
use wirelet::handshake::{
    Acceptance, AllowList, BuildError, ClientRequest, HeadScanner, Key, Request, Response,
    ResponseError,
};

fuzz_target!(|data: &[u8]| {
    match data {
        [choice, rest @ ..] if choice % 2 == 0 => verify(rest),
        [_, rest @ ..] => {
            // What is cut off is empty.
            let _ = Asked::parse(&mut Unstructured::new(rest)).map(|asked| build(&asked));
        }
        [] => {}
    }
});

/// Checks a response to a request that offers two subprotocols.
fn verify(received: &[u8]) {
    let mut unfolded = received.to_vec();
    let Ok(Some(len)) = HeadScanner::new().scan_response(&mut unfolded) else { return };
    // What goes on in the next line is all that a server may not send to a server.
    let is_folded = unfolded != received;
    assert_eq!(HeadScanner::new().scan(received).ok(), (!is_folded).then_some(Some(len)));
    assert_eq!(HeadScanner::new().scan_response(&mut unfolded), Ok(Some(len)));
    let head = &unfolded[..len];
    // §1.3
    let key = Key::from_nonce(*b"the sample nonce");
    let nothing = ClientRequest::new("server.example.com", "/chat");
    let offer = nothing.subprotocols(&["chat", "superchat"]);
    let response = match offer.verify(&key, head) {
        Ok(response) => response,
        Err(error) => {
            assert!(nothing.verify(&key, head).is_err(), "more than was offered");
            match Response::parse(head) {
                Ok(response) => {
                    let status = response.status();
                    assert_eq!(status.get() != 101, error == ResponseError::Refused(status));
                }
                Err(unparsed) => assert_eq!(error, unparsed),
            }
            return;
        }
    };
    assert_eq!(response.status().get(), 101);
    let subprotocol = response.subprotocol();
    assert_eq!(nothing.verify(&key, head).is_ok(), subprotocol.is_none());

    let head = Head::parse(head);
    assert_eq!(response.headers().count(), head.n_fields());
    // 1. "If the status code received from the server is not 101, the client handles the response
    // per HTTP". RFC 9112 §4: the reason phrase may be absent, some leave its space away too.
    assert!(
        head.start_line == b"HTTP/1.1 101" || head.start_line.starts_with(b"HTTP/1.1 101 "),
        "{}",
        head.start_line.escape_ascii()
    );
    // 2. "If the response lacks an |Upgrade| header field or the |Upgrade| header field contains a
    // value that is not an ASCII case-insensitive match for the value "websocket""
    let upgrade = head.all("Upgrade");
    assert!(upgrade.len() == 1 && upgrade[0].eq_ignore_ascii_case(b"websocket"));
    // 3. "lacks a |Connection| header field or the |Connection| header field doesn't contain a
    // token that is an ASCII case-insensitive match for the value "Upgrade""
    assert!(head.lists("Connection", "Upgrade"));
    // 4. The accept of §1.3.
    assert_eq!(head.all("Sec-WebSocket-Accept"), [b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]);
    // 5. "the use of an extension that was not present in the client's handshake"
    assert!(head.all("Sec-WebSocket-Extensions").is_empty());
    // 6. "the use of a subprotocol that was not present in the client's handshake"
    match head.all("Sec-WebSocket-Protocol")[..] {
        [] => assert_eq!(subprotocol, None),
        [chosen] => {
            assert!(matches!(chosen, b"chat" | b"superchat"));
            assert_eq!(subprotocol.map(str::as_bytes), Some(chosen));
        }
        _ => panic!("two subprotocols"),
    }
}

/// What an application asks for, whether it makes sense or not.
#[derive(Debug)]
struct Asked<'a> {
    nonce: [u8; 16],
    host: &'a str,
    target: &'a str,
    origin: Option<&'a str>,
    subprotocols: Vec<&'a str>,
    headers: Vec<(&'a str, &'a str)>,
}

impl<'a> Asked<'a> {
    fn parse(input: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let mut nonce = [0; 16];
        input.fill_buffer(&mut nonce)?;
        Ok(Self {
            nonce,
            host: text(input)?,
            target: text(input)?,
            origin: input.arbitrary::<bool>()?.then(|| text(input)).transpose()?,
            subprotocols: (0..input.arbitrary::<u8>()? % 8)
                .map(|_| text(input))
                .collect::<Result<_, _>>()?,
            // With the 7 of the handshake at most 64, which is `MAX_HEADERS`.
            headers: (0..input.arbitrary::<u8>()? % 58)
                .map(|_| Ok((text(input)?, text(input)?)))
                .collect::<Result<_, _>>()?,
        })
    }
}

/// Builds the request; if that works, a server gets what was asked for, and not a line more.
fn build(asked: &Asked<'_>) {
    let mut client = ClientRequest::new(asked.host, asked.target)
        .subprotocols(&asked.subprotocols)
        .headers(&asked.headers);
    if let Some(origin) = asked.origin {
        client = client.origin(origin);
    }
    let key = Key::from_nonce(asked.nonce);
    let mut out = vec![0; 1 << 15];
    let n = match client.encode(&key, &mut out) {
        Ok(n) => n,
        Err(error) => {
            assert_ne!(error, BuildError::OutOfSpace);
            return;
        }
    };
    let head = &out[..n];
    let (mut sent, mut space) = (Vec::new(), vec![0; usize::from(asked.nonce[0]) + 1]);
    loop {
        let piece = client.encode_piece(&key, sent.len(), &mut space).expect("as the whole");
        sent.extend_from_slice(&space[..piece.len]);
        if piece.is_last {
            break;
        }
    }
    assert_eq!(sent, head);
    assert_eq!(client.encode(&key, &mut vec![0; n]), Ok(n));
    assert_eq!(client.encode(&key, &mut vec![0; n - 1]), Err(BuildError::OutOfSpace));

    // Request line, Host, Upgrade, Connection, version, key, empty line.
    let n_lines = 7
        + usize::from(asked.origin.is_some())
        + usize::from(!asked.subprotocols.is_empty())
        + asked.headers.len();
    for end in *b"\r\n" {
        assert_eq!(head.split(|byte| *byte == end).count(), n_lines + 1);
    }
    assert_eq!(HeadScanner::new().scan(head), Ok(Some(n)));
    assert_eq!(Head::parse(head).n_fields(), n_lines - 2);

    let request = Request::parse(head).expect("the server can read it");
    let upgrade = request.upgrade().expect("the server accepts it");
    assert_eq!(request.headers().count(), n_lines - 2);
    assert_eq!(upgrade.host(), asked.host.as_bytes());
    let (path, query) = match asked.target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (asked.target, None),
    };
    assert_eq!((request.path(), request.query()), (path, query));
    // RFC 9110 §5.5: white space around a value is no part of it.
    let trimmed = |value: &str| value.trim_matches([' ', '\t']).to_owned().into_bytes();
    assert_eq!(upgrade.origin().map(<[u8]>::to_vec), asked.origin.map(trimmed));
    assert!(upgrade.subprotocols().eq(asked.subprotocols.iter().copied()));
    let added = request.headers().skip(n_lines - 2 - asked.headers.len());
    for ((name, value), asked) in added.zip(&asked.headers) {
        assert_eq!((name, value.to_vec()), (asked.0, trimmed(asked.1)));
    }

    // And back: the same headers, and the subprotocol that the client likes least.
    let subprotocol = asked.subprotocols.last().copied();
    let acceptance =
        Acceptance::new().subprotocol(subprotocol).headers(&asked.headers).origins(AllowList::Any);
    let mut out = vec![0; 1 << 15];
    let n = upgrade.accept(&acceptance, &mut out).expect("what a client may say, a server may");
    let response = client.verify(&key, &out[..n]).expect("the client takes it");
    assert_eq!(response.subprotocol(), subprotocol);
    // Upgrade, Connection and Accept, and what was added.
    let n_fields = 3 + usize::from(subprotocol.is_some()) + asked.headers.len();
    assert_eq!(response.headers().count(), n_fields);
    let other = Key::from_nonce([!asked.nonce[0]; 16]);
    assert_eq!(client.verify(&other, &out[..n]).err(), Some(ResponseError::Accept));
}
