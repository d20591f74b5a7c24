//! Buffers of any length, also of one that is known at run time.

use crate::common::{Seen, TestRole};
use crate::drive::{Driver, Part, Talk, on_every_driver_and_role};
use crate::pipe::{WIDE, pipe};
use wirelet::{Buffers, CapacityError, Error, SendError, Server, Storage};

const TEXT: &str = "κόσμε 漢字 😀";

fn stream<Ro: TestRole>() -> Vec<u8> {
    let (front, back) = TEXT.as_bytes().split_at(3);
    let frames = [
        Ro::received(0x81, TEXT.as_bytes()),
        Ro::received(0x01, front),
        Ro::received(0x89, &[b'p'; 125]),
        Ro::received(0x00, b""),
        Ro::received(0x80, back),
        Ro::received(0x82, &[7; 200]),
        Ro::received(0x88, b"\x03\xe8"),
    ];
    frames.concat()
}

fn replies<Ro: TestRole>() -> Vec<u8> {
    [Ro::sent(0x8a, &[b'p'; 125]), Ro::sent(0x88, b"\x03\xe8")].concat()
}

fn messages_are_the_same_in_buffers_of_any_length<D: Driver, Ro: TestRole>() {
    let seen = [
        Seen::Text(TEXT.into()),
        Seen::Ping(vec![b'p'; 125]),
        Seen::Text(TEXT.into()),
        Seen::Binary(vec![7; 200]),
        Seen::Close(Some(1000), String::new()),
    ];
    for (receive, transmit) in (1..150).map(|len| (len, 130 + len)).chain([(4096, 4096)]) {
        let (near, far) = pipe(WIDE);
        far.put(&stream::<Ro>());
        let (mut receive, mut transmit) = (vec![0xee; receive], vec![0xee; transmit]);
        let mut message = [0xee; 200];
        let buffers = Buffers::new(&mut receive, &mut message, &mut transmit).unwrap();
        let mut ws = D::new(near, Ro::role(), buffers);
        for seen in &seen {
            assert_eq!(ws.receive().as_ref(), Ok(seen));
        }
        assert_eq!(far.take(), replies::<Ro>());
    }
}

fn chunks_make_the_same_message_in_buffers_of_any_length<D: Driver, Ro: TestRole>() {
    for receive in 1..150 {
        let (near, far) = pipe(WIDE);
        far.put(&stream::<Ro>());
        let (mut receive, mut transmit) = (vec![0xee; receive], [0xee; 131]);
        let buffers = Buffers::new(&mut receive, &mut [], &mut transmit).unwrap();
        let mut ws = D::new(near, Ro::role(), buffers);
        let mut messages = vec![Vec::new()];
        loop {
            match ws.receive_chunk().unwrap() {
                Part::Chunk { bytes, is_first, is_last, .. } => {
                    let message = messages.last_mut().unwrap();
                    assert!(!is_first || message.is_empty());
                    message.extend(bytes);
                    if is_last {
                        messages.push(Vec::new());
                    }
                }
                Part::Control(Seen::Ping(payload)) => assert_eq!(payload, [b'p'; 125]),
                Part::Control(seen) => {
                    assert_eq!(seen, Seen::Close(Some(1000), String::new()));
                    break;
                }
            }
        }
        assert_eq!(messages, [TEXT.as_bytes(), TEXT.as_bytes(), &[7; 200], b""]);
        assert_eq!(far.take(), replies::<Ro>());
    }
}

fn one_byte_less_for_messages_is_too_little<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(WIDE);
    far.put(&stream::<Ro>());
    let (mut receive, mut message, mut transmit) = ([0; 4096], [0; 199], [0; 131]);
    let buffers = Buffers::new(&mut receive, &mut message, &mut transmit).unwrap();
    let mut ws = D::new(near, Ro::role(), buffers);
    let outcome = (0..4).map(|_| ws.receive()).find(Result::is_err);
    assert_eq!(outcome, Some(Err(Error::Capacity(CapacityError))));
}

fn a_frame_one_byte_longer_than_the_transmit_buffer_is_not_queued<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<64, 0, 140>::new();
    let mut ws = D::new(near.clone(), Ro::role(), storage.buffers());
    let longest = vec![7; if Ro::IS_CLIENT { 132 } else { 136 }];
    ws.queue("older").unwrap();
    let error = Err(Error::Send(SendError::OutOfSpace { needed: 141 }));
    assert_eq!(ws.queue(&[&longest[..], &[7]].concat()[..]), error);
    assert_eq!(near.writes_and_flushes(), (0, 0), "no room is made for what will not fit");
    ws.queue(&longest[..]).unwrap();
    ws.flush().unwrap();
    assert_eq!(far.take(), [Ro::sent(0x81, b"older"), Ro::sent(0x82, &longest)].concat());
}

#[test]
fn a_socket_comes_back_with_what_was_not_handed_out() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<64, 64, 131>::new();
    let mut ws = wirelet::blocking::WebSocket::new(near, Server, storage.buffers());
    far.put(&[Server::received(0x81, b"one"), Server::received(0x81, b"two")].concat());
    assert!(ws.receive().is_ok());
    assert_eq!(ws.close_received(), None);
    ws.socket_mut().fail_never();
    assert!(ws.socket().calls() > 0);
    let (socket, unread) = ws.into_parts();
    assert_eq!(unread, Server::received(0x81, b"two"));
    // They go on elsewhere.
    let mut storage = Storage::<64, 64, 131>::new();
    let mut ws = wirelet::blocking::WebSocket::new(socket, Server, storage.buffers());
    far.put(&Server::received(0x88, b"\x03\xe9bye"));
    assert!(ws.receive().is_ok());
    assert_eq!(ws.close_received().map(|close| close.reason()), Some("bye"));
    assert!(ws.is_close_sent());
}

on_every_driver_and_role!(
    messages_are_the_same_in_buffers_of_any_length,
    chunks_make_the_same_message_in_buffers_of_any_length,
    one_byte_less_for_messages_is_too_little,
    a_frame_one_byte_longer_than_the_transmit_buffer_is_not_queued,
);
