//! The opening handshake of a client over a socket, alone and against a server of its own kind.

use crate::common::{Seen, TestClient, TestRng, TestRole};
use crate::drive::{Driver, INTERRUPTED, Talk, again, on_every_driver};
use crate::pipe::{End, Shape, WIDE, pipe};
use wirelet::handshake::{
    Acceptance, BuildError, ClientRequest, HandshakeError, Key, Request, ResponseError, Status,
};
use wirelet::{CapacityError, Client, Error, Flush, SendError, Server, Storage};

const REQUEST: ClientRequest<'static> = ClientRequest::new("example.com:8567", "/chat?room=1")
    .origin("http://example.com:8567")
    .subprotocols(&["b", "a"])
    .headers(&[("X-Test", "0123456789abcdefghijklmnopqrstuvwxyz0123456789")]);

/// What [`TestClient`] sends, by the key of §5.7 four times in base64.
const SENT: &str = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: N/ohPTf6IT03+iE9N/ohPQ==\r\n\r\n";

/// The request that [`SENT`] is.
const PLAIN: ClientRequest<'static> = ClientRequest::new("a", "/");

fn accepted() -> Vec<u8> {
    let nonce = crate::common::KEY.repeat(4).try_into().unwrap();
    let accept = Key::from_nonce(nonce).accept();
    let head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Accept: ";
    [&head[..], &accept, b"\r\n\r\n"].concat()
}

/// Connects to a server that sends `response` and then nothing.
fn connect<D: Driver>(response: &[u8]) -> Result<Option<String>, Error<crate::pipe::WouldBlock>> {
    let (near, far) = pipe(WIDE);
    far.put(response);
    let mut storage = Storage::<200, 0, 131>::new();
    let mut client = D::new(near, TestClient::role(), storage.buffers());
    let outcome = D::connect(&mut client, &PLAIN);
    assert_eq!(far.take(), SENT.as_bytes());
    outcome
}

/// Answers a request, and says something at once.
fn answer(far: &End, request: &[u8]) {
    let parsed = Request::parse(request).unwrap();
    assert_eq!((parsed.path(), parsed.query()), ("/chat", Some("room=1")));
    let mut response = [0; 256];
    let acceptance = Acceptance::new().subprotocol(Some("a"));
    let n = parsed.upgrade().unwrap().accept(&acceptance, &mut response).unwrap();
    far.put(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
    far.put(&response[..n]);
    far.put(b"\x81\x05early");
}

fn a_connection_goes_on_wherever_it_is_interrupted<D: Driver>() {
    let mut whole = [0; 512];
    let mut nonce = [0; 16];
    wirelet::Random::fill(&mut TestRng::new(6), &mut nonce);
    let n = REQUEST.encode(&Key::from_nonce(nonce), &mut whole).unwrap();
    for shape in [WIDE, Shape { read: 50, write: 70, ..WIDE }, Shape { read: 1, write: 1, ..WIDE }]
    {
        for fails in 0.. {
            let (near, far) = pipe(shape);
            match fails {
                0 => near.fail_first(),
                at => near.fail_at(at - 1),
            }
            let mut storage = Storage::<256, 64, 131>::new();
            let role = Client(TestRng::new(6));
            let mut client = D::new(near.clone(), role, storage.buffers());
            let (mut sent, mut n_interrupted) = (Vec::new(), 0);
            let subprotocol = loop {
                match D::connect(&mut client, &REQUEST) {
                    Ok(subprotocol) => break subprotocol,
                    Err(INTERRUPTED) => {
                        n_interrupted += 1;
                        assert!(n_interrupted < 10_000, "no progress");
                        let piece = far.take();
                        sent.extend(&piece);
                        if !piece.is_empty() && sent.ends_with(b"\r\n\r\n") {
                            answer(&far, &sent);
                        }
                    }
                    Err(error) => panic!("{error:?}"),
                }
            };
            assert_eq!(sent, whole[..n], "the nonce is drawn once");
            assert_eq!(subprotocol.as_deref(), Some("a"));
            // Also when it comes in the same read as the response.
            assert_eq!(again(|| client.receive()).0, Ok(Seen::Text("early".into())));
            if fails > 0 && !near.has_failed() {
                break;
            }
        }
    }
}

fn interim_responses_are_passed_over<D: Driver>() {
    let hints = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    for n in 0..=8 {
        assert_eq!(connect::<D>(&[hints.repeat(n), accepted()].concat()), Ok(None), "{n}");
    }
    // But not for ever.
    let refused = ResponseError::Refused(Status::new(103).unwrap());
    let outcome = connect::<D>(&hints.repeat(1000));
    assert_eq!(outcome, Err(Error::Handshake(HandshakeError::Response(refused))));
}

fn a_refused_client_learns_the_status<D: Driver>() {
    let refused = ResponseError::Refused(Status::SERVICE_UNAVAILABLE);
    let outcome = connect::<D>(b"HTTP/1.1 503 Busy\r\n\r\n");
    assert_eq!(outcome, Err(Error::Handshake(HandshakeError::Response(refused))));
}

fn a_response_longer_than_the_own_buffer_is_not_the_servers_fault<D: Driver>() {
    let mut long = accepted();
    long.truncate(long.len() - 2);
    long.extend([b"X-Long: ", &[b'x'; 100][..], b"\r\n\r\n"].concat());
    assert_eq!(connect::<D>(&long), Err(Error::Capacity(CapacityError)));
    // Nor if there is not even room for the nonce.
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<15, 0, 131>::new();
    let mut client = D::new(near, TestClient::role(), storage.buffers());
    assert_eq!(D::connect(&mut client, &PLAIN), Err(Error::Capacity(CapacityError)));
    assert_eq!(far.take(), b"");
}

fn a_wrong_response_is_no_connection<D: Driver>() {
    let wrong = String::from_utf8(accepted()).unwrap().replace("Accept: ", "Accept: x");
    let outcome = connect::<D>(wrong.as_bytes());
    let error = HandshakeError::Response(ResponseError::Accept);
    assert_eq!(outcome, Err(Error::Handshake(error)));
    let outcome = connect::<D>(b"HTTP/1.1 101\nUpgrade: websocket\n\n");
    let error = HandshakeError::Response(ResponseError::Malformed);
    assert_eq!(outcome, Err(Error::Handshake(error)));
    assert_eq!(connect::<D>(b"HTTP/1.1 101 Swit"), Err(INTERRUPTED));
}

fn after_a_wrong_response_nothing_is_received<D: Driver>() {
    let (near, far) = pipe(WIDE);
    far.put(b"HTTP/1.1 404 Not Found\r\n\r\n\x81\x02hi");
    let mut storage = Storage::<200, 9, 131>::new();
    let mut client = D::new(near, TestClient::role(), storage.buffers());
    let refused = HandshakeError::Response(ResponseError::Refused(Status::NOT_FOUND));
    assert_eq!(D::connect(&mut client, &PLAIN), Err(Error::Handshake(refused)));
    assert_eq!(client.receive(), Err(Error::Closed));
    assert_eq!(D::connect(&mut client, &PLAIN), Err(Error::Closed));
}

fn an_end_of_file_inside_the_response_is_told<D: Driver>() {
    let (near, far) = pipe(WIDE);
    far.put(b"HTTP/1.1 101 Swit");
    far.hang_up();
    let mut storage = Storage::<200, 0, 131>::new();
    let mut client = D::new(near, TestClient::role(), storage.buffers());
    assert_eq!(D::connect(&mut client, &PLAIN), Err(Error::UnexpectedEof));
}

fn a_request_that_is_not_valid_sends_nothing<D: Driver>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<200, 0, 131>::new();
    let mut client = D::new(near, TestClient::role(), storage.buffers());
    let invalid = ClientRequest::new("a", "/ HTTP/1.1\r\nX-A: b");
    let error = Error::Handshake(HandshakeError::Build(BuildError::Target));
    assert_eq!(D::connect(&mut client, &invalid), Err(error));
    assert_eq!(far.take(), b"");
    assert_eq!(D::connect(&mut client, &PLAIN), Err(INTERRUPTED));
    assert_eq!(far.take(), SENT.as_bytes());
}

fn frames_wait_for_the_response<D: Driver>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<200, 9, 131>::new();
    let mut client = D::new(near, TestClient::role(), storage.buffers());
    assert_eq!(D::connect(&mut client, &PLAIN), Err(INTERRUPTED));
    assert_eq!(client.receive(), Err(Error::Send(SendError::HandshakePending)));
    far.put(&accepted());
    assert_eq!(D::connect(&mut client, &PLAIN), Ok(None));
    assert_eq!(client.receive(), Err(INTERRUPTED));
    let over = Error::Send(SendError::HandshakeOver);
    assert_eq!(D::connect(&mut client, &PLAIN), Err(over));
    assert_eq!(far.take(), SENT.as_bytes());
}

fn with_manual_flush_the_handshake_does_not_flush<D: Driver>() {
    for (flush, n_flushes) in [(Flush::Manual, 0), (Flush::Batch, 1)] {
        let (near, far) = pipe(WIDE);
        far.put(&accepted());
        let mut storage = Storage::<200, 9, 256>::new();
        let client = D::new(near.clone(), TestClient::role(), storage.buffers());
        let mut client = D::with_flush(client, flush);
        assert_eq!(D::connect(&mut client, &PLAIN), Ok(None));
        assert_eq!(near.writes_and_flushes(), (1, n_flushes));
    }
}

/// Both sockets fail as they like, a few bytes at a time.
fn two_ends_meet_whatever_their_sockets_do<D: Driver>() {
    for seed in 0..50 {
        let (server_end, client_end) = pipe(Shape { read: 40, write: 30, capacity: 64 });
        server_end.fail_one_in(3, TestRng::new(seed));
        client_end.fail_one_in(3, TestRng::new(seed + 1000));
        let (mut one, mut two) = (Storage::<400, 9, 131>::new(), Storage::<200, 9, 131>::new());
        let mut server = D::new(server_end, Server, one.buffers());
        let mut client = D::new(client_end, Client(TestRng::new(seed)), two.buffers());
        let (mut accepted, mut connected) = (None, None);
        for _ in 0..10_000 {
            if accepted.is_none() {
                let chosen = D::upgrade(&mut server, &["a"]);
                let chosen = chosen.and_then(|chosen| {
                    let acceptance = Acceptance::new().subprotocol(chosen);
                    D::accept(&mut server, &acceptance)
                });
                accepted = Some(chosen).filter(|outcome| *outcome != Err(INTERRUPTED));
            }
            if connected.is_none() {
                let outcome = D::connect(&mut client, &REQUEST);
                connected = Some(outcome).filter(|outcome| *outcome != Err(INTERRUPTED));
            }
            if accepted.is_some() && connected.is_some() {
                break;
            }
        }
        assert_eq!((accepted, connected), (Some(Ok(())), Some(Ok(Some("a".into())))), "{seed}");
    }
}

on_every_driver!(
    a_connection_goes_on_wherever_it_is_interrupted,
    interim_responses_are_passed_over,
    a_refused_client_learns_the_status,
    a_response_longer_than_the_own_buffer_is_not_the_servers_fault,
    a_wrong_response_is_no_connection,
    after_a_wrong_response_nothing_is_received,
    an_end_of_file_inside_the_response_is_told,
    a_request_that_is_not_valid_sends_nothing,
    frames_wait_for_the_response,
    with_manual_flush_the_handshake_does_not_flush,
    two_ends_meet_whatever_their_sockets_do,
);
