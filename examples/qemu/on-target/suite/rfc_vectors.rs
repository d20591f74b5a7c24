//! The examples of §5.7, byte by byte.

use wirelet::{Chunk, Client, Connection, Event, Message, Role, Server};

use super::frames::FixedKey;

const HELLO: [u8; 7] = *b"\x81\x05Hello";
const MASKED_HELLO: [u8; 11] = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
const FRAGMENTS: [u8; 9] = *b"\x01\x03Hel\x80\x02lo";
const PING: [u8; 7] = *b"\x89\x05Hello";
const MASKED_PONG: [u8; 11] = [0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
const HEAD_OF_256: [u8; 4] = [0x82, 0x7e, 0x01, 0x00];
const HEAD_OF_64K: [u8; 10] = [0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0];

pub(crate) fn a_server_receives_the_masked_examples() {
    assert_eq!(first_message(Server, &mut MASKED_HELLO.clone()), Some(Message::Text("Hello")));
    let mut connection = Connection::new(Server);
    let mut pong = MASKED_PONG;
    let progress = connection.receive(&mut pong).expect("it is valid");
    assert_eq!((progress.consumed, progress.event), (11, Some(Event::Pong)));
    assert_eq!(connection.control_payload(), b"Hello");
}

pub(crate) fn a_client_receives_the_unmasked_examples() {
    let mut hello = HELLO;
    assert_eq!(first_message(Client(FixedKey), &mut hello), Some(Message::Text("Hello")));

    let mut connection = Connection::new(Client(FixedKey));
    let (mut front, mut back) = (FRAGMENTS, FRAGMENTS);
    let event = connection.receive(&mut front).expect("it is valid").event;
    let Some(Event::Chunk(chunk)) = event else { panic!("{event:?}") };
    assert_eq!((chunk.as_bytes(), chunk.is_first(), chunk.is_last()), (&b"Hel"[..], true, false));
    let event = connection.receive(&mut back[5..]).expect("it is valid").event;
    let Some(Event::Chunk(chunk)) = event else { panic!("{event:?}") };
    assert_eq!((chunk.as_bytes(), chunk.is_first(), chunk.is_last()), (&b"lo"[..], false, true));

    let mut ping = PING;
    assert_eq!(connection.receive(&mut ping).map(|progress| progress.event), Ok(Some(Event::Ping)));
    let mut out = [0; 16];
    let n = connection.reply(&mut out);
    assert_eq!(out[..n], MASKED_PONG);

    assert_eq!(bytes_after_the_first(&HEAD_OF_256), Some(255));
    assert_eq!(bytes_after_the_first(&HEAD_OF_64K), Some(65_535));
}

pub(crate) fn a_server_sends_the_unmasked_examples() {
    let mut connection = Connection::new(Server);
    let mut out = [0; 16];
    let n = connection.send("Hello", &mut out).expect("there is room");
    assert_eq!(out[..n], HELLO);
    let n = connection.send(Chunk::first("Hel"), &mut out).expect("there is room");
    let m = connection.send(Chunk::last("lo"), &mut out[n..]).expect("there is room");
    assert_eq!(out[..n + m], FRAGMENTS);
    let n = connection.ping(b"Hello", &mut out).expect("there is room");
    assert_eq!(out[..n], PING);
    for (len, head) in [(256, &HEAD_OF_256[..]), (65_536, &HEAD_OF_64K)] {
        let start = connection.start(&Chunk::whole(&ZEROS[..len])).expect("the connection is open");
        assert_eq!(start.header(), head);
    }
}

pub(crate) fn a_client_sends_the_masked_example() {
    let mut out = [0; 16];
    let n = Connection::new(Client(FixedKey)).send("Hello", &mut out).expect("there is room");
    assert_eq!(out[..n], MASKED_HELLO);
}

fn first_message<Ro: Role>(role: Ro, frame: &mut [u8]) -> Option<Message<'_>> {
    let progress = Connection::new(role).receive(frame).expect("it is valid");
    match progress.event {
        Some(Event::Chunk(chunk)) => chunk.message(),
        _ => None,
    }
}

/// Receives a header and one byte of payload, and returns how many more are to come in the frame.
fn bytes_after_the_first(head: &[u8]) -> Option<u64> {
    let mut bytes = [0; 16];
    let mut input = &mut bytes[..=head.len()];
    input[..head.len()].copy_from_slice(head);
    let mut connection = Connection::new(Client(FixedKey));
    while !input.is_empty() {
        let progress = connection.receive(input).expect("it is valid");
        if let Some(Event::Chunk(chunk)) = progress.event {
            assert_eq!(chunk.as_bytes(), [0]);
            return Some(chunk.remaining());
        }
        let consumed = progress.consumed;
        input = &mut input[consumed..];
    }
    None
}

static ZEROS: [u8; 65_536] = [0; 65_536];
