//! What comes before the head that counts, or is folded (RFC 9110 §15.2, RFC 9112 §5.2).

use wirelet::handshake::{
    ClientRequest, HeadScanner, Key, MAX_INTERIM_RESPONSES, Request, RequestError, Response,
    ResponseError, Status,
};

const FINAL: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

const EARLY_HINTS: &[u8] = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";

/// Reads a response as a client does: one byte at a time or all at once, and interim heads dropped.
fn final_head(mut received: Vec<u8>, at_once: bool) -> Result<Vec<u8>, ResponseError> {
    for n_interim in 0.. {
        let mut scanner = HeadScanner::new();
        let first = if at_once { received.len() } else { 0 };
        let mut ends =
            (first..=received.len()).map(|end| scanner.scan_response(&mut received[..end]));
        let len = ends.find_map(Result::transpose).expect("the head is whole")?;
        let head: Vec<u8> = received.drain(..len).collect();
        let response = Response::parse(&head)?;
        if !response.is_interim() {
            return Ok(head);
        }
        if n_interim == MAX_INTERIM_RESPONSES {
            return Err(ResponseError::Refused(response.status()));
        }
    }
    unreachable!("there is a limit");
}

#[track_caller]
fn both(received: &[u8]) -> Result<Vec<u8>, ResponseError> {
    let head = final_head(received.to_vec(), true);
    assert_eq!(final_head(received.to_vec(), false), head, "{}", received.escape_ascii());
    head
}

fn verify(head: &[u8]) -> Result<(), ResponseError> {
    let request = ClientRequest::new("board.local", "/");
    request.verify(&Key::from_nonce(*b"the sample nonce"), head).map(drop)
}

/// §15.2: "A client MUST be able to parse one or more 1xx responses received prior to a final
/// response".
#[test]
fn interim_responses_are_told_from_the_final_one() {
    let mut received = Vec::new();
    for n in 0..=MAX_INTERIM_RESPONSES {
        assert_eq!(
            both(&[&received[..], FINAL, b"\x81\x00"].concat()).as_deref(),
            Ok(FINAL),
            "{n}"
        );
        received.extend_from_slice(EARLY_HINTS);
    }
    let status = Status::new(103).unwrap();
    assert_eq!(both(&[&received[..], FINAL].concat()), Err(ResponseError::Refused(status)));
    assert_eq!(verify(FINAL), Ok(()));
}

#[test]
fn only_1xx_without_101_is_interim() {
    for status in 100..=999 {
        let head = format!("HTTP/1.1 {status} Text\r\n\r\n");
        let response = Response::parse(head.as_bytes()).unwrap();
        assert_eq!(response.is_interim(), status < 200 && status != 101, "{status}");
    }
}

/// §5.2: "A user agent that receives an obs-fold in a response message [...] MUST replace each
/// received obs-fold with one or more SP octets prior to interpreting the field value."
#[test]
fn a_folded_line_of_a_response_is_read_with_spaces() {
    let folded = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade:\r\n websocket\r\n\
        Connection: keep-alive,\r\n\tUpgrade\r\nX: a\r\n \r\n\t b \r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n \r\n\r\n";
    let head = both(folded).unwrap();
    assert_eq!(head.len(), folded.len());
    assert_eq!(verify(&head), Ok(()));
    let response = Response::parse(&head).unwrap();
    assert_eq!(response.header("Connection"), Some(&b"keep-alive,   Upgrade"[..]));
    assert_eq!(response.header("X"), Some(&b"a       b"[..]));
    assert_eq!(response.headers().count(), 4);
}

/// RFC 9112 §2.2: "A recipient that receives whitespace between the start-line and the first header
/// field MUST either reject the message as invalid or" drop the line.
#[test]
fn white_space_before_the_first_field_of_a_response_is_refused() {
    for head in [
        &b"HTTP/1.1 200 Ok\r\n X: y\r\n\r\n"[..],
        b" HTTP/1.1 200 Ok\r\n\r\n",
        b"\r\n HTTP/1.1 200 Ok\r\n\r\n",
        b"HTTP/1.1 200 Ok\r\nX: a\r\n \0\r\n\r\n",
        b"HTTP/1.1 200 Ok\r\nX: a\r\n b\n\r\n\r\n",
        b"HTTP/1.1 200 Ok\r\nX\r\n : b\r\n\r\n",
    ] {
        assert_eq!(both(head), Err(ResponseError::Malformed), "{}", head.escape_ascii());
    }
}

/// §5.2: "A server that receives an obs-fold in a request message [...] MUST either reject the
/// message by sending a 400" or replace it.
#[test]
fn a_folded_line_of_a_request_is_refused() {
    let head = b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n";
    let mut scanner = HeadScanner::new();
    for _ in 0..2 {
        assert_eq!(scanner.scan(head), Err(RequestError::Malformed));
    }
    assert_eq!(Request::parse(head).err(), Some(RequestError::Malformed));
}

#[test]
fn a_response_may_have_64_fields_whatever_is_folded() {
    for (n, wanted) in [(64, true), (65, false)] {
        let fields = "X: a\r\n b\r\n".repeat(n);
        let head = format!("HTTP/1.1 200 Ok\r\n{fields}\r\n");
        let result = both(head.as_bytes());
        assert_eq!(result.is_ok(), wanted, "{n}");
        assert!(wanted || result == Err(ResponseError::TooManyHeaders));
    }
}

#[test]
fn scanning_a_whole_head_again_finds_it_again() {
    let head = b"GET / HTTP/1.1\r\n\r\nrest\n";
    let mut scanner = HeadScanner::new();
    for _ in 0..3 {
        assert_eq!(scanner.scan(head), Ok(Some(18)));
        assert_eq!(scanner.scan(&head[..18]), Ok(Some(18)));
    }
    // What is asked about less than there was is not told a length that is not there.
    assert_eq!(scanner.scan(&head[..17]), Ok(None));
    let mut scanner = HeadScanner::new();
    for _ in 0..3 {
        assert_eq!(scanner.scan_response(&mut EARLY_HINTS.to_vec()), Ok(Some(EARLY_HINTS.len())));
    }
}

#[test]
fn a_head_that_was_refused_stays_refused() {
    let many = "X: y\r\n".repeat(65);
    let many = format!("GET / HTTP/1.1\r\n{many}\r\n");
    for (bad, error) in [
        ("GET / HTTP/1.1\n", RequestError::Malformed),
        ("GET / HTTP/1.1\r\nX\r\n", RequestError::Malformed),
        (&many, RequestError::TooManyHeaders),
    ] {
        let mut scanner = HeadScanner::new();
        assert_eq!(scanner.scan(bad.as_bytes()), Err(error));
        for more in ["", "Host: a\r\n\r\n", "\r\n\r\n"] {
            let received = [bad, more].concat();
            assert_eq!(scanner.scan(received.as_bytes()), Err(error), "{more:?}");
        }
    }
}
