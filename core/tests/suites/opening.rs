//! The opening handshake of a server over a socket: it goes on where it was interrupted, a bad one
//! is told, and no byte around it is lost.

use crate::common::{Seen, TestRole};
use crate::drive::{Driver, INTERRUPTED, Outcome, Talk, again, on_every_driver};
use crate::pipe::{Shape, WIDE, pipe};
use wirelet::handshake::{
    Acceptance, AllowList, BuildError, HandshakeError, Refusal, RequestError, Status,
};
use wirelet::{Error, Flush, SendError, Server, Storage};

/// Without the empty line, for more fields.
const HEAD: &str = "GET /chat?room=1 HTTP/1.1\r\nHost: board.local\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt, chat\r\n";

/// Without the empty line.
const ACCEPTED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

const WITH_CHAT: &str = "Sec-WebSocket-Protocol: chat\r\n";

/// A value longer than the least transmit buffer.
const LONG: &str = "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz\
    0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz";

const SHAPES: [Shape; 3] =
    [WIDE, Shape { read: 50, write: 70, ..WIDE }, Shape { read: 1, write: 1, ..WIDE }];

fn request(fields: &str) -> Vec<u8> {
    format!("{HEAD}{fields}\r\n").into_bytes()
}

fn refused(error: RequestError) -> Error<crate::pipe::WouldBlock> {
    Error::Handshake(HandshakeError::Request(error))
}

/// Runs `open` over sockets of each shape, in which each call fails, one after the other, and then
/// all of them once; `check` looks at what it has sent.
fn wherever_it_fails<D: Driver, T>(
    input: &[u8],
    open: impl Fn(&mut D::Ws<'_, Server>) -> T,
    check: impl Fn(T, Vec<u8>),
) {
    for shape in SHAPES {
        for fails in 0.. {
            let (near, far) = pipe(shape);
            far.put(input);
            match fails {
                0 => near.fail_first(),
                at => near.fail_at(at - 1),
            }
            let mut storage = Storage::<512, 64, 131>::new();
            let mut server = D::new(near.clone(), Server, storage.buffers());
            check(open(&mut server), far.take());
            if fails > 0 && !near.has_failed() {
                assert!(fails > 2, "{fails}");
                break;
            }
        }
    }
}

fn an_acceptance_goes_on_wherever_it_is_interrupted<D: Driver>() {
    let early = [Server::received(0x89, b"?"), Server::received(0x81, b"early")];
    let input = [request(""), early.concat()].concat();
    let acceptance = Acceptance::new().headers(&[("X-Id", "7"), ("X-Long", LONG)]);
    let open = |server: &mut D::Ws<'_, Server>| {
        let (method, path) = again(|| D::request(server)).0.unwrap();
        assert_eq!((&method[..], &path[..]), ("GET", "/chat"));
        let chosen = again(|| D::upgrade(server, &["chat", "wamp"])).0.unwrap();
        assert_eq!(chosen, Some("chat"));
        let acceptance = acceptance.subprotocol(chosen);
        again(|| D::accept(server, &acceptance)).0.unwrap();
        [again(|| server.receive()).0, again(|| server.receive()).0].map(Result::unwrap)
    };
    let head = format!("{ACCEPTED}{WITH_CHAT}X-Id: 7\r\nX-Long: {LONG}\r\n\r\n");
    wherever_it_fails::<D, _>(&input, open, |seen, sent| {
        assert_eq!(seen, [Seen::Ping(b"?".into()), Seen::Text("early".into())]);
        let expected = [head.as_bytes(), &Server::sent(0x8a, b"?")].concat();
        assert_eq!(sent, expected, "{}", sent.escape_ascii());
    });
}

fn to_accept_at_once_goes_on_wherever_it_is_interrupted<D: Driver>() {
    let open = |server: &mut D::Ws<'_, Server>| {
        again(|| D::accept(server, &Acceptance::new())).0.unwrap();
        again(|| server.flush()).0.unwrap();
    };
    wherever_it_fails::<D, _>(&request(""), open, |(), sent| {
        assert_eq!(sent, format!("{ACCEPTED}\r\n").into_bytes());
    });
}

fn a_refusal_goes_on_wherever_it_is_interrupted<D: Driver>() {
    const BUSY: Refusal<'_> = Refusal::new(Status::SERVICE_UNAVAILABLE)
        .headers(&[("Retry-After", "5"), ("X-Long", LONG)])
        .body(b"all slots are taken\n");
    let mut busy = vec![0; 512];
    let n = BUSY.encode(&mut busy).unwrap();
    let open = |server: &mut D::Ws<'_, Server>| {
        again(|| D::upgrade(server, &[])).0.unwrap();
        again(|| D::refuse(server, &BUSY)).0.unwrap();
        assert_eq!(D::request(server), Err(Error::Closed));
        assert_eq!(server.receive(), Err(Error::Closed));
    };
    wherever_it_fails::<D, _>(&request(""), open, |(), sent| assert_eq!(sent, busy[..n]));
}

/// Whatever asks first, the client is told, once.
fn a_bad_handshake_is_told_wherever_it_is_interrupted<D: Driver>() {
    type Opening<D> = fn(&mut <D as Driver>::Ws<'_, Server>) -> Outcome<()>;
    let openings: [Opening<D>; 3] = [
        |server| D::upgrade(server, &["mqtt"]).map(drop),
        |server| D::accept(server, &Acceptance::new()),
        |server| {
            D::request(server)?;
            D::upgrade(server, &[])?;
            D::accept(server, &Acceptance::new())
        },
    ];
    let old = HEAD.replace("Version: 13", "Version: 8") + "\r\n";
    for opening in openings {
        let open = |server: &mut D::Ws<'_, Server>| {
            assert_eq!(again(|| opening(server)).0, Err(refused(RequestError::WebSocketVersion)));
            assert_eq!(opening(server), Err(refused(RequestError::WebSocketVersion)));
            assert_eq!(server.receive(), Err(Error::Closed));
        };
        wherever_it_fails::<D, _>(old.as_bytes(), open, |(), sent| {
            let told = "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\n\
                Sec-WebSocket-Version: 13\r\nConnection: close, Upgrade\r\n";
            assert!(sent.starts_with(told.as_bytes()), "{}", sent.escape_ascii());
            assert_eq!(sent.windows(4).filter(|end| *end == b"\r\n\r\n").count(), 1);
        });
    }
}

fn a_bad_request_is_refused_with_its_status<D: Driver>() {
    let foreign = request("Origin: http://evil.example\r\n");
    let long = [b'a'; 600];
    let cases: [(&[u8], RequestError, &[u8]); 5] = [
        (&foreign, RequestError::Origin, b"HTTP/1.1 403 "),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", RequestError::NotUpgrade, b"HTTP/1.1 426 "),
        (b"POST / HTTP/1.1\r\nHost: a\r\n\r\n", RequestError::Method, b"HTTP/1.1 405 "),
        (b"GET / HTTP/1.1\nHost: a\n\n", RequestError::Malformed, b"HTTP/1.1 400 "),
        (&long, RequestError::HeadTooLong, b"HTTP/1.1 431 "),
    ];
    for (request, error, status) in cases {
        let (near, far) = pipe(WIDE);
        far.put(request);
        let mut storage = Storage::<512, 0, 131>::new();
        let mut server = D::new(near, Server, storage.buffers());
        assert_eq!(D::accept(&mut server, &Acceptance::new()), Err(refused(error)));
        let response = far.take();
        assert!(response.starts_with(status), "{}", response.escape_ascii());
        // To refuse what has been refused says nothing more.
        assert_eq!(D::refuse(&mut server, &Refusal::new(Status::NOT_FOUND)), Ok(()));
        assert_eq!(far.take(), b"");
    }
}

fn pages_of_other_origins_are_let_in_only_by_name<D: Driver>() {
    let accept = |origin: &str, origins: Option<AllowList<'_>>| {
        let (near, far) = pipe(WIDE);
        far.put(&request(origin));
        let mut storage = Storage::<512, 0, 131>::new();
        let mut server = D::new(near, Server, storage.buffers());
        // The way that leads past an origin and subprotocols does not lead past the check.
        let chosen = D::upgrade(&mut server, &["mqtt"]).unwrap();
        let mut acceptance = Acceptance::new().subprotocol(chosen);
        if let Some(origins) = origins {
            acceptance = acceptance.origins(origins);
        }
        let outcome = D::accept(&mut server, &acceptance);
        let status = far.take()[9..12].to_vec();
        (outcome, String::from_utf8(status).unwrap())
    };
    let (own, foreign) = ("Origin: http://board.local\r\n", "Origin: http://evil.example\r\n");
    let yes = || (Ok(()), "101".to_owned());
    let no = || (Err(refused(RequestError::Origin)), "403".to_owned());
    assert_eq!(accept("", None), yes());
    assert_eq!(accept(own, None), yes());
    assert_eq!(accept(foreign, None), no());
    assert_eq!(accept("Origin: null\r\n", None), no());
    assert_eq!(accept(foreign, Some(AllowList::Any)), yes());
    assert_eq!(accept(foreign, Some(AllowList::Only(&["http://evil.example"]))), yes());
    assert_eq!(accept(own, Some(AllowList::Only(&["http://evil.example"]))), no());
}

fn the_body_behind_a_plain_request_is_not_lost<D: Driver>() {
    let head = "POST /wifi HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n";
    for read in 1..head.len() + 10 {
        let (mut near, far) = pipe(Shape { read, ..WIDE });
        far.put(head.as_bytes());
        far.put(b"ssid=home");
        let mut storage = Storage::<512, 0, 131>::new();
        let mut server = D::new(near.clone(), Server, storage.buffers());
        let (method, path) = D::request(&mut server).unwrap();
        assert_eq!((&method[..], &path[..]), ("POST", "/wifi"));
        let mut body = server.into_unread();
        let mut buf = [0; 9];
        while let Ok(n) = embedded_io::Read::read(&mut near, &mut buf) {
            body.extend(&buf[..n]);
        }
        assert_eq!(body, b"ssid=home", "reads of {read}");
    }
}

fn the_least_transmit_buffer_takes_any_acceptance<D: Driver>() {
    let (near, far) = pipe(WIDE);
    far.put(&request(""));
    let mut storage = Storage::<512, 0, 131>::new();
    let mut server = D::new(near, Server, storage.buffers());
    let fields = [("X-A", LONG), ("X-B", LONG), ("X-C", LONG)];
    let acceptance = Acceptance::new().subprotocol(Some("mqtt")).headers(&fields);
    assert_eq!(D::accept(&mut server, &acceptance), Ok(()));
    let wanted = format!(
        "{ACCEPTED}Sec-WebSocket-Protocol: mqtt\r\nX-A: {LONG}\r\nX-B: {LONG}\r\nX-C: {LONG}\r\n\r\n"
    );
    assert_eq!(far.take(), wanted.into_bytes());
}

fn with_manual_flush_the_handshake_does_not_flush<D: Driver>() {
    for (flush, n_flushes) in [(Flush::Manual, 0), (Flush::Batch, 1)] {
        for input in [request(""), b"BAD\r\n\r\n".to_vec()] {
            let (near, far) = pipe(WIDE);
            far.put(&input);
            let mut storage = Storage::<512, 0, 256>::new();
            let mut server = D::new(near.clone(), Server, storage.buffers());
            server = D::with_flush(server, flush);
            let accepted = D::accept(&mut server, &Acceptance::new());
            let status = if accepted.is_ok() { "101" } else { "400" };
            assert!(far.take().starts_with(format!("HTTP/1.1 {status} ").as_bytes()));
            assert_eq!(near.writes_and_flushes(), (1, n_flushes));
        }
    }
}

fn an_acceptance_that_is_not_valid_sends_nothing<D: Driver>() {
    let (near, far) = pipe(WIDE);
    far.put(&request(""));
    let mut storage = Storage::<512, 0, 131>::new();
    let mut server = D::new(near, Server, storage.buffers());
    let invalid = [
        (Acceptance::new().subprotocol(Some("not offered")), BuildError::Subprotocol),
        (Acceptance::new().headers(&[("Upgrade", "x")]), BuildError::HeaderName),
        (Acceptance::new().headers(&[("X-A", "x\r\nX-B: y")]), BuildError::HeaderValue),
    ];
    for (acceptance, error) in invalid {
        let error = Error::Handshake(HandshakeError::Build(error));
        assert_eq!(D::accept(&mut server, &acceptance), Err(error));
    }
    assert_eq!(far.take(), b"");
    D::accept(&mut server, &Acceptance::new()).unwrap();
    assert_eq!(far.take(), format!("{ACCEPTED}\r\n").into_bytes());
}

fn frames_wait_for_the_handshake_and_it_is_done_once<D: Driver>() {
    let (near, far) = pipe(WIDE);
    far.put(&request("")[..20]);
    let mut storage = Storage::<512, 0, 131>::new();
    let mut server = D::new(near, Server, storage.buffers());
    assert_eq!(D::request(&mut server), Err(INTERRUPTED));
    assert_eq!(server.receive(), Err(Error::Send(SendError::HandshakePending)));
    far.put(&request("")[20..]);
    D::request(&mut server).unwrap();
    assert_eq!(server.receive(), Err(Error::Send(SendError::HandshakePending)));
    D::accept(&mut server, &Acceptance::new()).unwrap();
    far.take();
    let over = || Error::Send(SendError::HandshakeOver);
    assert_eq!(D::request(&mut server), Err(over()));
    assert_eq!(server.receive(), Err(INTERRUPTED));
    assert_eq!(D::accept(&mut server, &Acceptance::new()), Err(over()));
    assert_eq!(D::refuse(&mut server, &Refusal::new(Status::NOT_FOUND)), Err(over()));
    assert_eq!(far.take(), b"");
}

fn an_end_of_file_inside_the_request_is_told<D: Driver>() {
    let (near, far) = pipe(WIDE);
    far.put(&request("")[..20]);
    far.hang_up();
    let mut storage = Storage::<512, 0, 131>::new();
    let mut server = D::new(near, Server, storage.buffers());
    assert_eq!(D::accept(&mut server, &Acceptance::new()), Err(Error::UnexpectedEof));
}

on_every_driver!(
    an_acceptance_goes_on_wherever_it_is_interrupted,
    to_accept_at_once_goes_on_wherever_it_is_interrupted,
    a_refusal_goes_on_wherever_it_is_interrupted,
    a_bad_handshake_is_told_wherever_it_is_interrupted,
    a_bad_request_is_refused_with_its_status,
    pages_of_other_origins_are_let_in_only_by_name,
    the_body_behind_a_plain_request_is_not_lost,
    the_least_transmit_buffer_takes_any_acceptance,
    with_manual_flush_the_handshake_does_not_flush,
    an_acceptance_that_is_not_valid_sends_nothing,
    frames_wait_for_the_handshake_and_it_is_done_once,
    an_end_of_file_inside_the_request_is_told,
);
