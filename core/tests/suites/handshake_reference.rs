//! Heads, good and damaged, held against httparse: what one refuses, the other refuses.

use crate::common::TestRng;
use httparse::{EMPTY_HEADER, Status};
use wirelet::handshake::{HeadScanner, Request, Response};

const REQUESTS: [&str; 3] = [
    "GET /chat?room=1 HTTP/1.1\r\nHost: a:8567\r\nUpgrade: websocket\r\nConnection: keep-alive, \
     Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    "POST http://a/ HTTP/1.0\r\nHost:a\r\nX-Empty:\r\nX-Spaces:  \t b c \t\r\n\r\n",
    "\r\nGET / HTTP/1.1\r\n\r\n",
];

const RESPONSES: [&str; 4] = [
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    "HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 503 \r\nRetry-After: 5\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX: a\r\n b,\r\n\tc \r\n \r\nY:\r\n  d\r\n\r\n",
];

/// Bytes at which parsers differ.
const TELLING: &[u8] = b"\r\n\0\t \x0b\x7f\x80\xff:;,/?#=\"()[]{}@\\azAZ09";

/// Damages a head in up to three places.
fn damage(rng: &mut TestRng, head: &str) -> Vec<u8> {
    let mut bytes = head.as_bytes().to_vec();
    for _ in 0..rng.below(4) {
        let at = rng.below(bytes.len());
        let byte = TELLING[rng.below(TELLING.len())];
        match rng.below(4) {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            2 => drop(bytes.remove(at)),
            _ => bytes.truncate(at.max(4)),
        }
    }
    bytes
}

type Fields = Vec<(String, Vec<u8>)>;

/// A head that is whole, with no line that ends otherwise than in CR LF, is asked of httparse.
fn is_whole(head: &[u8]) -> bool {
    HeadScanner::new().scan(head) == Ok(Some(head.len()))
}

fn fields(headers: &[httparse::Header<'_>]) -> Fields {
    headers.iter().map(|field| (field.name.to_owned(), field.value.to_owned())).collect()
}

#[test]
fn requests_are_parsed_as_httparse_does() {
    let mut rng = TestRng::new(1);
    let mut accepted = 0;
    for i in 0..200_000 {
        let head = damage(&mut rng, REQUESTS[i % REQUESTS.len()]);
        let mut headers = [EMPTY_HEADER; 32];
        let mut reference = httparse::Request::new(&mut headers);
        let wanted = match reference.parse(&head) {
            Ok(Status::Complete(len)) if len == head.len() && is_whole(&head) => {
                Some((reference.method.unwrap(), fields(reference.headers)))
            }
            _ => None,
        };
        let request = Request::parse(&head).ok();
        let got = request.as_ref().map(|request| {
            let fields = request.headers().map(|(name, value)| (name.to_owned(), value.to_owned()));
            (request.method(), fields.collect::<Fields>())
        });
        assert_eq!(got, wanted, "{:?}", String::from_utf8_lossy(&head));
        accepted += usize::from(got.is_some());
    }
    assert!((50_000..150_000).contains(&accepted), "both verdicts are common: {accepted}");
}

#[test]
fn responses_are_parsed_as_httparse_does() {
    let mut config = httparse::ParserConfig::default();
    config.allow_obsolete_multiline_headers_in_responses(true);
    let mut rng = TestRng::new(2);
    let (mut accepted, mut folded) = (0, 0);
    for i in 0..200_000 {
        let head = damage(&mut rng, RESPONSES[i % RESPONSES.len()]);
        let mut unfolded = head.clone();
        let scanned = HeadScanner::new().scan_response(&mut unfolded);
        let is_whole = scanned == Ok(Some(head.len()));
        let mut headers = [EMPTY_HEADER; 32];
        let mut reference = httparse::Response::new(&mut headers);
        let wanted = match config.parse_response(&mut reference, &head) {
            Ok(Status::Complete(len)) if len == head.len() && is_whole => {
                let is_ours = reference.version == Some(1) && reference.code >= Some(100);
                is_ours.then(|| (reference.code.unwrap(), unfold(fields(reference.headers))))
            }
            _ => None,
        };
        let response = Response::parse(&unfolded).ok();
        let got = response.as_ref().map(|response| {
            let fields =
                response.headers().map(|(name, value)| (name.to_owned(), value.to_owned()));
            (response.status().get(), fields.collect::<Fields>())
        });
        assert_eq!(got, wanted, "{:?}", String::from_utf8_lossy(&head));
        accepted += usize::from(got.is_some());
        folded += usize::from(got.is_some() && head != unfolded);
    }
    assert!((50_000..150_000).contains(&accepted), "both verdicts are common: {accepted}");
    assert!(folded > 10_000, "and so are folded lines: {folded}");
}

/// Replaces the line ends in values with spaces, as RFC 9112 §5.2 wants it; httparse leaves them there.
fn unfold(mut fields: Fields) -> Fields {
    for (_, value) in &mut fields {
        while let Some(at) = value.windows(2).position(|bytes| bytes == b"\r\n") {
            value[at..at + 3].fill(b' ');
        }
        *value = value.trim_ascii().to_vec();
    }
    fields
}
