//! The examples of RFC 6455, byte by byte: §1.2 and §1.3 for the handshake, §5.7 for frames.

use crate::common::{FixedKey, KEY, Seen, TestRole, Transcript, at_every_split, on_both_roles};
use wirelet::handshake::{Acceptance, AllowList, ClientRequest, HeadScanner, Key, Request};
use wirelet::{Chunk, Client, ProtocolError, Server};

const REQUEST: &str = "GET /chat HTTP/1.1\r\n\
    Host: server.example.com\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Origin: http://example.com\r\n\
    Sec-WebSocket-Protocol: chat, superchat\r\n\
    Sec-WebSocket-Version: 13\r\n\
    \r\n";

const RESPONSE: &str = "HTTP/1.1 101 Switching Protocols\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    Sec-WebSocket-Protocol: chat\r\n\
    \r\n";

const CLIENT: ClientRequest<'_> = ClientRequest::new("server.example.com", "/chat")
    .origin("http://example.com")
    .subprotocols(&["chat", "superchat"]);

const HELLO: [u8; 7] = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
const MASKED_HELLO: [u8; 11] = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
const HEL: [u8; 5] = [0x01, 0x03, 0x48, 0x65, 0x6c];
const LO: [u8; 4] = [0x80, 0x02, 0x6c, 0x6f];
const PING: [u8; 7] = [0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
const MASKED_PONG: [u8; 11] = [0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
const HEAD_OF_256: [u8; 4] = [0x82, 0x7e, 0x01, 0x00];
const HEAD_OF_64K: [u8; 10] = [0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0];

type TestClient = Client<FixedKey>;

fn events(events: &[Seen]) -> Transcript {
    Transcript { events: events.to_vec(), replies: Vec::new() }
}

fn lines(head: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = head.split("\r\n").collect();
    lines[1..].sort_unstable();
    lines
}

#[test]
fn the_server_answers_the_request_of_section_1_2_with_the_response_of_section_1_3() {
    assert_eq!(HeadScanner::new().scan(REQUEST.as_bytes()), Ok(Some(REQUEST.len())));
    let request: Request = Request::parse(REQUEST.as_bytes()).unwrap();
    assert_eq!(request.method(), "GET");
    assert_eq!(request.path(), "/chat");
    let upgrade = request.upgrade().unwrap();
    assert_eq!(upgrade.host(), b"server.example.com");
    assert_eq!(upgrade.origin(), Some(&b"http://example.com"[..]));
    assert!(upgrade.subprotocols().eq(["chat", "superchat"]));
    let acceptance = Acceptance::new()
        .subprotocol(Some("chat"))
        .origins(AllowList::Only(&["http://example.com"]));
    let mut out = [0; 512];
    let n = upgrade.accept(&acceptance, &mut out).unwrap();
    assert_eq!(str::from_utf8(&out[..n]), Ok(RESPONSE));
}

#[test]
fn the_client_sends_the_lines_of_the_request_of_section_1_2() {
    let mut out = [0; 512];
    let n = CLIENT.encode(&Key::from_nonce(*b"the sample nonce"), &mut out).unwrap();
    let sent = str::from_utf8(&out[..n]).unwrap();
    assert_eq!(lines(sent), lines(REQUEST));
    assert!(sent.ends_with("\r\n\r\n"));
}

#[test]
fn the_client_takes_the_response_of_section_1_3() {
    let key = Key::parse(b"dGhlIHNhbXBsZSBub25jZQ==").unwrap();
    assert_eq!(HeadScanner::new().scan(RESPONSE.as_bytes()), Ok(Some(RESPONSE.len())));
    let response = CLIENT.verify(&key, RESPONSE.as_bytes()).unwrap();
    assert_eq!(response.status().get(), 101);
    assert_eq!(response.subprotocol(), Some("chat"));
}

#[test]
fn a_single_frame_unmasked_text_message_goes_from_server_to_client() {
    let mut out = [0; 7];
    assert_eq!(Server::connection().send("Hello", &mut out), Ok(7));
    assert_eq!(out, HELLO);
    assert_eq!(at_every_split::<TestClient>(&HELLO), events(&[Seen::Text("Hello".into())]));
}

#[test]
fn a_single_frame_masked_text_message_goes_from_client_to_server() {
    let mut out = [0; 11];
    assert_eq!(TestClient::connection().send("Hello", &mut out), Ok(11));
    assert_eq!(out, MASKED_HELLO);
    assert_eq!(at_every_split::<Server>(&MASKED_HELLO), events(&[Seen::Text("Hello".into())]));
}

#[test]
fn a_fragmented_unmasked_text_message_goes_from_server_to_client() {
    let mut connection = Server::connection();
    let mut out = [0; 9];
    assert_eq!(connection.send(Chunk::first("Hel"), &mut out), Ok(5));
    assert_eq!(connection.send(Chunk::last("lo"), &mut out[5..]), Ok(4));
    assert_eq!(out, *[&HEL[..], &LO].concat());
    assert_eq!(at_every_split::<TestClient>(&out), events(&[Seen::Text("Hello".into())]));
}

#[test]
fn a_ping_of_the_server_is_answered_by_the_masked_pong_of_the_client() {
    let mut out = [0; 7];
    assert_eq!(Server::connection().ping(b"Hello", &mut out), Ok(7));
    assert_eq!(out, PING);
    let expected =
        Transcript { events: vec![Seen::Ping(b"Hello".into())], replies: MASKED_PONG.into() };
    assert_eq!(at_every_split::<TestClient>(&PING), expected);
    let pong = events(&[Seen::Pong(b"Hello".into())]);
    assert_eq!(at_every_split::<Server>(&MASKED_PONG), pong);
}

#[test]
fn an_unsolicited_pong_of_the_client_has_the_bytes_of_the_example() {
    let mut out = [0; 11];
    assert_eq!(TestClient::connection().pong(b"Hello", &mut out), Ok(11));
    assert_eq!(out, MASKED_PONG);
}

#[test]
fn a_binary_message_of_256_bytes_has_a_length_of_16_bits() {
    let payload: [u8; 256] = core::array::from_fn(|i| u8::try_from(i).unwrap());
    let mut out = [0; 260];
    assert_eq!(Server::connection().send(&payload, &mut out), Ok(260));
    assert_eq!(out[..4], HEAD_OF_256);
    assert_eq!(out[4..], payload);
    assert_eq!(at_every_split::<TestClient>(&out), events(&[Seen::Binary(payload.into())]));
}

#[test]
fn a_binary_message_of_64_kib_has_a_length_of_64_bits() {
    let payload = vec![0x5a; 65_536];
    let mut out = vec![0; 65_546];
    assert_eq!(Server::connection().send(&payload[..], &mut out), Ok(65_546));
    assert_eq!(out[..10], HEAD_OF_64K);
    assert_eq!(out[10..], payload);
    let expected = events(&[Seen::Binary(payload)]);
    for cut in 1..20 {
        assert!(crate::common::cut_at::<TestClient>(&out, &[cut]) == expected, "cut at {cut}");
    }
}

fn both_forms_of_the_examples_are_decoded<Ro: TestRole>() {
    // The examples again, masked for a server and unmasked for a client.
    let stream = [
        Ro::received(0x81, b"Hello"),
        Ro::received(0x01, b"Hel"),
        Ro::received(0x80, b"lo"),
        Ro::received(0x8a, b"Hello"),
        Ro::received(0x82, &[7; 256]),
    ]
    .concat();
    let hello = || Seen::Text("Hello".into());
    let expected =
        events(&[hello(), hello(), Seen::Pong(b"Hello".into()), Seen::Binary(vec![7; 256])]);
    assert_eq!(at_every_split::<Ro>(&stream), expected);
}

on_both_roles!(both_forms_of_the_examples_are_decoded);

#[test]
fn the_examples_for_the_other_direction_are_violations() {
    for example in [&HELLO[..], &HEL, &PING, &HEAD_OF_256, &HEAD_OF_64K] {
        let seen = at_every_split::<Server>(example);
        assert_eq!(seen.events, [Seen::Error(ProtocolError::Unmasked)], "{example:x?}");
    }
    for example in [&MASKED_HELLO[..], &MASKED_PONG] {
        let seen = at_every_split::<TestClient>(example);
        assert_eq!(seen.events, [Seen::Error(ProtocolError::Masked)], "{example:x?}");
    }
}

#[test]
fn the_frames_of_these_tests_are_the_examples_too() {
    assert_eq!(crate::common::frame(0x81, None, b"Hello"), HELLO);
    assert_eq!(crate::common::frame(0x81, Some(KEY), b"Hello"), MASKED_HELLO);
    assert_eq!(crate::common::frame(0x82, None, &[0; 256])[..4], HEAD_OF_256);
    assert_eq!(crate::common::frame(0x82, None, &vec![0; 65_536])[..10], HEAD_OF_64K);
}
