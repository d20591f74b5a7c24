//! The echo servers, and what they do with clients that break the rules.

mod common;

use common::{BAD, LIMIT, Machine, connected, random};
use embedded_io::{Read as _, Write as _};
use smoltcp::time::Duration;
use wirelet::handshake::{ClientRequest, RequestError};
use wirelet::{Client, CloseCode, Error, ProtocolError, Received};
use wirelet_example_smoltcp::link::Conditions;
use wirelet_example_smoltcp::script::{Checker, Line, Script};
use wirelet_example_smoltcp::socket::Socket;
use wirelet_example_smoltcp::zero_buffer::{Connecting, WebSocket};
use wirelet_example_smoltcp::{TcpError, echo};

/// One of the two servers, with TCP closed behind it.
type Server = fn(&mut Machine<'_>) -> Result<(), Error<TcpError>>;

const SERVERS: [Server; 2] = [
    |stack| {
        let result = echo::blocking(stack, LIMIT);
        stack.close(LIMIT)?;
        result
    },
    |stack| {
        let result = echo::zero_buffer(stack, LIMIT);
        stack.close(LIMIT)?;
        result
    },
];

/// Sends a script and expects it back, at the same time.
fn chat(stack: &mut Machine<'_>, script: &Script) {
    let mut random = random();
    let request = ClientRequest::new("10.0.0.2", "/");
    let mut connecting = Connecting::start(stack.socket(), request, &mut random).unwrap();
    stack.until(LIMIT, |socket| connecting.poll(socket)).unwrap();
    let mut ws = WebSocket::new(Client(random));
    let mut checker = Checker::new(script);
    let mut messages = script.lines().iter().map(Line::fragments);
    let mut message = messages.next();
    let mut is_closed = false;
    stack
        .until(LIMIT, |socket| {
            ws.receive(socket, |received| match received {
                Received::Data(chunk) => checker.take(&chunk).unwrap(),
                Received::Close(close) => {
                    assert_eq!(close.code(), Some(CloseCode::NORMAL_CLOSURE));
                    is_closed = true;
                }
                Received::Ping(_) | Received::Pong(_) => panic!("no pings here"),
            })?;
            while let Some(fragments) = &mut message
                && ws.send(socket, fragments)?
            {
                message = messages.next();
                if message.is_none() {
                    break;
                }
            }
            Ok::<_, Error<TcpError>>(checker.is_done().then_some(()))
        })
        .unwrap();
    assert_eq!(ws.close(stack.socket(), CloseCode::NORMAL_CLOSURE), Ok(true));
    stack
        .until(LIMIT, |socket| {
            ws.receive(socket, |received| is_closed = matches!(received, Received::Close(_)))?;
            Ok::<_, Error<TcpError>>(ws.is_over(socket).then_some(()))
        })
        .unwrap();
    assert!(is_closed);
    stack.close(LIMIT).unwrap();
}

#[test]
fn what_is_sent_comes_back_over_a_bad_wire() {
    let script = Script::random(200, 1);
    for server in SERVERS {
        let client = |stack: &mut Machine<'_>| chat(stack, &script);
        assert_eq!(connected(&BAD, 2048, client, server), ((), Ok(())));
    }
}

/// A request, without the empty line at its end.
const REQUEST: &str = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// Sends `bytes` in pieces of `len`, and nothing else; returns what comes back until TCP is closed.
fn say(stack: &mut Machine<'_>, bytes: &[u8], len: usize) -> Vec<u8> {
    let mut socket = Socket::new(stack, LIMIT);
    for piece in bytes.chunks(len) {
        socket.write_all(piece).unwrap();
        socket.flush().unwrap();
    }
    stack.socket().close();
    let mut heard = Vec::new();
    let mut buf = [0; 100];
    loop {
        match Socket::new(stack, LIMIT).read(&mut buf).unwrap() {
            0 => break,
            n => heard.extend_from_slice(&buf[..n]),
        }
    }
    stack.close(LIMIT).unwrap();
    heard
}

/// Lets each server answer `bytes`, sent at once and byte by byte.
fn each_server_answers(bytes: &[u8], result: Result<(), Error<TcpError>>, check: impl Fn(&[u8])) {
    for server in SERVERS {
        for len in [bytes.len(), 1] {
            let client = |stack: &mut Machine<'_>| say(stack, bytes, len);
            let (heard, served) = connected(&Conditions::PERFECT, 1024, client, server);
            assert_eq!(served, result);
            check(&heard);
        }
    }
}

#[test]
fn a_bad_request_is_refused_with_its_status() {
    let get = "GET / HTTP/1.1\r\nHost: a\r\n";
    let too_long = format!("{get}X: {}", "x".repeat(1024 - get.len() - 3));
    for (request, error, answer) in [
        (format!("{get}\r\n"), RequestError::NotUpgrade, "HTTP/1.1 426 "),
        (
            format!("{}\r\n", REQUEST.replace("13", "8")),
            RequestError::WebSocketVersion,
            "HTTP/1.1 426 ",
        ),
        (format!("{get}\n"), RequestError::Malformed, "HTTP/1.1 400 "),
        (too_long, RequestError::HeadTooLong, "HTTP/1.1 431 "),
    ] {
        each_server_answers(request.as_bytes(), Err(error.into()), |heard| {
            assert!(heard.starts_with(answer.as_bytes()), "{request}");
            assert!(heard.ends_with(b"\r\n\r\n"));
        });
    }
}

#[test]
fn a_violation_is_answered_by_its_close_code() {
    for (frame, error, close) in [
        (&b"\x81\x05Hello"[..], ProtocolError::Unmasked, b"\x88\x02\x03\xea"),
        (b"\xc1\x80\0\0\0\0", ProtocolError::ReservedBits, b"\x88\x02\x03\xea"),
        (b"\x81\x81\0\0\0\0\xff", ProtocolError::InvalidUtf8, b"\x88\x02\x03\xef"),
    ] {
        let bytes = [REQUEST.as_bytes(), b"\r\n", frame].concat();
        each_server_answers(&bytes, Err(error.into()), |heard| {
            assert!(heard.starts_with(b"HTTP/1.1 101 "));
            assert!(heard.ends_with(&[b"\r\n\r\n", &close[..]].concat()), "{frame:?}");
        });
    }
}

#[test]
fn an_end_in_the_middle_is_not_taken_for_a_close() {
    let whole = [REQUEST.as_bytes(), b"\r\n\x82\x82\0\0\0\0"].concat();
    for len in [REQUEST.len(), REQUEST.len() + 2, whole.len() - 3, whole.len()] {
        each_server_answers(&whole[..len], Err(Error::UnexpectedEof), |heard| {
            assert_eq!(heard.is_empty(), len == REQUEST.len(), "the response");
        });
    }
}

#[test]
fn frames_in_the_packet_of_the_request_are_not_lost() {
    // §5.7: "Hello", masked; 200 bytes, masked by zeros, which come back in one frame as well; and
    // an empty close frame.
    let hello = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    let long = [&b"\x82\xfe\x00\xc8\0\0\0\0"[..], &[7; 200]].concat();
    let close = b"\x88\x80\0\0\0\0";
    let bytes = [REQUEST.as_bytes(), b"\r\n", hello, &long, close].concat();
    let answer = [&b"\r\n\r\n\x81\x05Hello\x82\x7e\x00\xc8"[..], &[7; 200], b"\x88\x00"].concat();
    for server in SERVERS {
        let client = |stack: &mut Machine<'_>| say(stack, &bytes, bytes.len());
        let (heard, served) = connected(&Conditions::PERFECT, 1024, client, server);
        assert_eq!(served, Ok(()));
        assert!(heard.ends_with(&answer), "{heard:?}");
    }
}

#[test]
fn a_client_that_says_nothing_is_given_up_in_time() {
    for server in SERVERS {
        let client = |stack: &mut Machine<'_>| {
            let begin = stack.now();
            // Reads the end of file when the server closes.
            let n = Socket::new(stack, LIMIT * 2).read(&mut [0; 8]).unwrap();
            (n, stack.now() - begin)
        };
        let ((n, waited), served) = connected(&Conditions::PERFECT, 1024, client, server);
        assert_eq!(served, Err(Error::Transport(TcpError::TimedOut)));
        assert_eq!(n, 0);
        assert!(waited > LIMIT && waited < LIMIT + Duration::from_secs(1));
    }
}
