//! What a hostile server does to a client.

mod harness;

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use harness::LIMIT;
use harness::opening::accept_value;
use wirelet::ProtocolError;
use wirelet::handshake::{HandshakeError, ResponseError};
use wirelet_host::{Client, ClientError, ClientOptions, OwnedMessage};

/// Serves one connection: reads the request, sends what `answer` makes of the right value of
/// `Sec-WebSocket-Accept`, and returns what the client sent until it ended the connection.
fn serve(
    answer: impl FnOnce(&str) -> Vec<u8> + Send + 'static,
) -> (SocketAddr, JoinHandle<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let served = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        let request = harness::read_head(&mut socket);
        socket.write_all(&answer(&accept_value(&request))).unwrap();
        (request, harness::read_to_end(&mut socket).0)
    });
    (addr, served)
}

fn switching(accept: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
}

/// Takes a masked frame apart: its first byte, its key, its payload.
fn unmask(frame: &[u8]) -> (u8, [u8; 4], Vec<u8>) {
    let len = usize::from(frame[1] & 0x7f);
    assert!(frame[1] & 0x80 != 0 && len < 126, "a short masked frame");
    let key: [u8; 4] = frame[2..6].try_into().unwrap();
    let payload = frame[6..6 + len].iter().zip(key.iter().cycle());
    (frame[0], key, payload.map(|(byte, key)| byte ^ key).collect())
}

async fn connect(addr: SocketAddr) -> Result<Client, ClientError> {
    Client::connect(&format!("ws://{addr}/")).await
}

#[tokio::test]
async fn each_violation_of_a_server_is_answered_by_its_close_code() {
    use ProtocolError as P;
    let cases: [(&str, &[u8], ProtocolError, u16); 9] = [
        ("a masked frame", b"\x81\x80\0\0\0\0", P::Masked, 1002),
        ("RSV3", b"\x91\x00", P::ReservedBits, 1002),
        ("a reserved opcode", b"\x8f\x00", P::ReservedOpcode, 1002),
        ("a fragmented close", b"\x08\x00", P::FragmentedControl, 1002),
        ("a pong of 126 bytes", b"\x8a\x7e\x00\x7e", P::ControlTooLong, 1002),
        ("a continuation of nothing", b"\x80\x00", P::UnexpectedContinuation, 1002),
        ("a length of 5 in 64 bits", b"\x82\x7f\0\0\0\0\0\0\0\x05", P::NonMinimalLength, 1002),
        ("bad text, unfinished", b"\x81\x7e\x03\x00\xf4\x90", P::InvalidUtf8, 1007),
        ("close code 1006", b"\x88\x02\x03\xee", P::InvalidCloseCode, 1002),
    ];
    for (name, bytes, error, code) in cases {
        let (addr, served) = serve(move |accept| [switching(accept).as_bytes(), bytes].concat());
        let mut client = connect(addr).await.unwrap();
        match client.receive().await {
            Err(ClientError::Protocol(got)) => assert_eq!(got, error, "{name}"),
            other => panic!("{name}: {other:?}"),
        }
        drop(client);
        let (first, _, payload) = unmask(&served.join().unwrap().1);
        assert_eq!((first, payload), (0x88, code.to_be_bytes().to_vec()), "{name}");
    }
}

#[tokio::test]
async fn a_message_longer_than_the_limit_is_answered_by_1009_at_its_header() {
    for payload in [&[0; 1024][..], &[]] {
        let (addr, served) = serve(move |accept| {
            [switching(accept).as_bytes(), b"\x82\x7e\x04\x00", payload].concat()
        });
        let options = ClientOptions { message_bytes: 1000, ..ClientOptions::default() };
        let mut client = Client::connect_with(&format!("ws://{addr}"), &options).await.unwrap();
        assert!(matches!(client.receive().await, Err(ClientError::Capacity(_))));
        drop(client);
        assert_eq!(unmask(&served.join().unwrap().1).2, 1009_u16.to_be_bytes());
    }
}

#[tokio::test]
async fn endless_empty_fragments_of_a_server_end_at_their_limit() {
    let (addr, served) = serve(|accept| {
        [switching(accept).as_bytes(), b"\x02\x00", &b"\x00\x00".repeat(1000)].concat()
    });
    let mut client = connect(addr).await.unwrap();
    assert!(matches!(client.receive().await, Err(ClientError::EmptyFragments)));
    drop(client);
    assert_eq!(unmask(&served.join().unwrap().1).2, 1008_u16.to_be_bytes());
}

#[tokio::test]
async fn each_wrong_response_fails_the_connection() {
    use ResponseError as R;
    type Answer = fn(&str) -> String;
    let refused: [(&str, Answer, ResponseError); 7] = [
        ("a wrong accept", |_| switching("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), R::Accept),
        ("no accept", |a| switching(a).replace("-Accept", "-Except"), R::Accept),
        ("no Upgrade", |a| switching(a).replace("Upgrade: w", "X: w"), R::Upgrade),
        ("no token", |a| switching(a).replace("n: Upgrade", "n: close"), R::Connection),
        (
            "an extension",
            |a| switching(a).replace("Upgrade: w", "Sec-WebSocket-Extensions: x\r\nUpgrade: w"),
            R::Extension,
        ),
        (
            "a subprotocol",
            |a| switching(a).replace("Upgrade: w", "Sec-WebSocket-Protocol: x\r\nUpgrade: w"),
            R::Subprotocol,
        ),
        ("bytes in front", |a| format!("\u{1}\u{2}{}", switching(a)), R::Malformed),
    ];
    let refused =
        refused.map(|(name, answer, error)| (name, answer, HandshakeError::Response(error)));
    let endless: Answer = |_| "HTTP/1.1 101 ".to_owned() + &"x".repeat(20_000);
    let too_long = ("an endless head", endless, HandshakeError::HeadTooLong);
    let cases = refused.into_iter().chain([too_long]);
    for (name, answer, wanted) in cases {
        let (addr, served) = serve(move |accept| answer(accept).into_bytes());
        match connect(addr).await {
            Err(ClientError::Handshake(got)) => assert_eq!(got, wanted, "{name}"),
            other => panic!("{name}: {other:?}"),
        }
        assert_eq!(served.join().unwrap().1, b"", "{name}: it leaves without a word");
    }
}

/// RFC 9110 §15.2 and RFC 9112 §5.2.
#[tokio::test]
async fn eight_interim_responses_are_skipped_and_folded_lines_are_read() {
    for (n, is_accepted) in [(8, true), (9, false)] {
        let (addr, _served) = serve(move |accept| {
            let folded = switching(accept).replace("Connection: ", "Connection:\r\n ");
            ("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(n) + &folded).into_bytes()
        });
        match connect(addr).await {
            Ok(_) => assert!(is_accepted, "{n}"),
            Err(ClientError::Refused { status, .. }) => {
                assert_eq!((status.get(), is_accepted), (103, false), "{n}");
            }
            Err(other) => panic!("{n}: {other}"),
        }
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let (addr, served) = serve(|_| Vec::new());
    let options =
        ClientOptions { handshake_time: Duration::from_millis(300), ..ClientOptions::default() };
    let begin = Instant::now();
    let result = Client::connect_with(&format!("ws://{addr}"), &options).await;
    assert!(matches!(result, Err(ClientError::TimedOut)), "{result:?}");
    assert!(begin.elapsed() >= options.handshake_time, "{:?}", begin.elapsed());
    assert_eq!(served.join().unwrap().1, b"");
}

#[tokio::test]
async fn frames_in_the_same_packet_as_the_response_are_not_lost() {
    let (addr, _served) =
        serve(|accept| [switching(accept).as_bytes(), b"\x81\x05early\x88\x00"].concat());
    let mut client = connect(addr).await.unwrap();
    assert_eq!(client.receive().await.unwrap(), OwnedMessage::Text("early".into()));
    assert_eq!(
        client.receive().await.unwrap(),
        OwnedMessage::Close { code: None, reason: "".into() }
    );
    assert!(matches!(client.receive().await, Err(ClientError::Closed)));
}

#[tokio::test]
async fn a_message_can_be_answered_before_the_violation_behind_it_ends_the_connection() {
    let (addr, served) =
        serve(|accept| [switching(accept).as_bytes(), b"\x81\x01?\x81\x80\0\0\0\0"].concat());
    let mut client = connect(addr).await.unwrap();
    assert_eq!(client.receive().await.unwrap(), OwnedMessage::Text("?".into()));
    client.send("!").await.unwrap();
    assert!(matches!(client.receive().await, Err(ClientError::Protocol(ProtocolError::Masked))));
    drop(client);
    let received = served.join().unwrap().1;
    let (answer, close) = received.split_at(7);
    assert_eq!(unmask(answer).2, b"!");
    assert_eq!(unmask(close).2, b"\x03\xea");
}

#[tokio::test]
async fn masking_keys_and_the_keys_of_requests_are_random() {
    let (mut keys, mut requests) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        let (addr, served) = serve(|accept| switching(accept).into_bytes());
        let mut client = connect(addr).await.unwrap();
        for _ in 0..50 {
            client.send("same").await.unwrap();
        }
        drop(client);
        let (request, frames) = served.join().unwrap();
        let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
        requests.push(key.unwrap().to_owned());
        for frame in frames.chunks(10) {
            let (first, key, payload) = unmask(frame);
            assert_eq!((first, &*payload), (0x81, &b"same"[..]));
            keys.push(u32::from_be_bytes(key));
        }
    }
    assert_eq!(keys.len(), 200);
    assert_random(&keys);
    // Nor does one follow from the other.
    let steps: Vec<u32> = keys.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
    assert_random(&steps);
    let turned: Vec<u32> = keys.windows(2).map(|pair| pair[1] ^ pair[0]).collect();
    assert_random(&turned);
    // 22 digits, of which chance makes two the same one time in 64.
    for (i, request) in requests.iter().enumerate() {
        for other in &requests[..i] {
            let same = request.bytes().zip(other.bytes()).take(21).filter(|(a, b)| a == b).count();
            assert!(same < 8, "{request} and {other}");
        }
    }
}

/// Holds numbers against what chance makes of them: hardly two are the same, and each bit is set in about
/// half of them. Chance itself fails one time in millions.
#[track_caller]
fn assert_random(numbers: &[u32]) {
    let different: std::collections::HashSet<_> = numbers.iter().collect();
    assert!(different.len() + 1 >= numbers.len(), "{} are different", different.len());
    for bit in 0..32 {
        let n = numbers.iter().filter(|number| **number >> bit & 1 == 1).count();
        assert!((55..=145).contains(&n), "the bit {bit} is set in {n} of {}", numbers.len());
    }
}

#[tokio::test]
async fn nothing_that_the_application_gives_can_inject_a_line() {
    let evil = "x\r\nInjected: yes";
    let header = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    let options = [
        ClientOptions { origin: Some(evil.into()), ..ClientOptions::default() },
        ClientOptions { subprotocols: vec![evil.into()], ..ClientOptions::default() },
        ClientOptions { headers: header("X", evil), ..ClientOptions::default() },
        ClientOptions { headers: header(evil, "x"), ..ClientOptions::default() },
        ClientOptions { headers: header("Host", "evil"), ..ClientOptions::default() },
    ];
    for options in options {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let result = Client::connect_with(&url, &options).await;
        let is_refused = matches!(result, Err(ClientError::Handshake(HandshakeError::Build(_))));
        assert!(is_refused, "{options:?}: {result:?}");
        // Not even connected to.
        listener.set_nonblocking(true).unwrap();
        assert!(harness::is_time_out(&listener.accept().unwrap_err()));
    }
}
