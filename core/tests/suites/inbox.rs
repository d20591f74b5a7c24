//! Joining chunks in a store, and the answer to a message that does not fit.

use std::sync::Mutex;

use crate::common::{Peer, TestRole, on_both_roles};
use heapless::Vec as Store;
use wirelet::{CapacityError, Chunk, Connection, Event, Inbox, Kind, Message, Store as _};

/// What the messages of a stream were, or that one did not fit.
type Joined = Result<Vec<(Kind, Vec<u8>)>, CapacityError>;

/// Feeds the stream in reads of `len` bytes and joins its chunks in a store of `N` bytes.
fn join<Ro: TestRole, const N: usize>(stream: &[u8], len: usize) -> (Joined, Connection<Ro>) {
    let mut connection = Ro::connection();
    let mut inbox = Inbox::new(Store::<u8, N>::new());
    let mut messages = Vec::new();
    for read in stream.chunks(len) {
        let mut read = read.to_vec();
        let mut rest = &mut read[..];
        while !rest.is_empty() {
            let progress = connection.receive(rest).unwrap();
            let consumed = progress.consumed;
            if let Some(Event::Chunk(chunk)) = progress.event {
                match inbox.push(chunk) {
                    Ok(None) => {}
                    Ok(Some(message)) => messages.push((message.kind(), message.as_bytes().into())),
                    Err(error) => return (Err(error), connection),
                }
            }
            rest = &mut rest[consumed..];
            while connection.reply(&mut [0; 131]) > 0 {}
        }
    }
    (Ok(messages), connection)
}

/// Joins with each read size.
#[track_caller]
fn joins<Ro: TestRole, const N: usize>(stream: &[u8], expected: &Joined) {
    for len in 1..=stream.len() {
        assert_eq!(join::<Ro, N>(stream, len).0, *expected, "reads of {len}");
    }
}

fn fragments_and_reads_are_joined<Ro: TestRole>() {
    let text = "κόσμε 漢字";
    let (front, back) = text.as_bytes().split_at(3);
    let stream = [
        Ro::received(0x81, text.as_bytes()),
        Ro::received(0x01, front),
        Ro::received(0x89, b"?"),
        Ro::received(0x00, b""),
        Ro::received(0x80, back),
        Ro::received(0x82, b""),
        Ro::received(0x02, b"\xff"),
        Ro::received(0x80, b"\x00"),
    ]
    .concat();
    let expected = vec![
        (Kind::Text, text.into()),
        (Kind::Text, text.into()),
        (Kind::Binary, vec![]),
        (Kind::Binary, vec![0xff, 0]),
    ];
    joins::<Ro, 17>(&stream, &Ok(expected));
}

fn a_message_that_fills_the_store_exactly_fits<Ro: TestRole>() {
    let fragmented = [Ro::received(0x02, b"12345"), Ro::received(0x80, b"678")].concat();
    for stream in [Ro::received(0x82, b"12345678"), fragmented] {
        // Twice: the first does not take the room of the second.
        let stream = [&stream[..], &stream].concat();
        let message = || (Kind::Binary, b"12345678".to_vec());
        joins::<Ro, 8>(&stream, &Ok(vec![message(), message()]));
    }
}

fn a_message_one_byte_longer_than_the_store_is_refused<Ro: TestRole>() {
    for stream in [
        [Ro::received(0x02, b"12345"), Ro::received(0x80, b"6789")].concat(),
        [Ro::received(0x02, b"12345678"), Ro::received(0x00, b"9")].concat(),
        [Ro::received(0x01, b""), Ro::received(0x80, b"123456789")].concat(),
    ] {
        joins::<Ro, 8>(&stream, &Err(CapacityError));
    }
    // A single frame only if the reads cut it: whole in one chunk, it needs no store.
    let stream = Ro::received(0x82, b"123456789");
    for len in 1..stream.len() {
        assert_eq!(join::<Ro, 8>(&stream, len).0, Err(CapacityError), "reads of {len}");
    }
    let whole = join::<Ro, 8>(&stream, stream.len()).0;
    assert_eq!(whole, Ok(vec![(Kind::Binary, b"123456789".into())]));
}

fn a_frame_that_will_not_fit_is_refused_at_its_first_byte<Ro: TestRole>() {
    // Of 9, and of 2^63 - 1 bytes, only the first has come.
    let mut huge = Ro::received(0x82, &vec![0; 65_536]);
    huge.truncate(huge.len() - 65_535);
    huge[2..10].copy_from_slice(&[0x7f, 255, 255, 255, 255, 255, 255, 255]);
    let mut nine = Ro::received(0x82, b"123456789");
    nine.truncate(nine.len() - 8);
    for mut stream in [huge, nine] {
        let mut connection = Ro::connection();
        let mut inbox = Inbox::new(Store::<u8, 8>::new());
        let Some(Event::Chunk(chunk)) = connection.receive(&mut stream).unwrap().event else {
            panic!("one byte of payload has come");
        };
        assert_eq!(chunk.as_bytes().len(), 1);
        assert_eq!(inbox.push(chunk), Err(CapacityError));
    }
}

fn a_message_too_big_is_answered_by_close_1009<Ro: TestRole>() {
    let stream = [Ro::received(0x02, b"12345"), Ro::received(0x80, b"6789")].concat();
    for len in 1..=stream.len() {
        let (joined, mut connection) = join::<Ro, 8>(&stream, len);
        assert_eq!(joined, Err(CapacityError));
        connection.fail(CapacityError::CLOSE_CODE);
        let mut peer = Peer::<Ro>::new();
        peer.connection = connection;
        peer.reply();
        assert_eq!(peer.transcript.replies, Ro::sent(0x88, b"\x03\xf1"), "reads of {len}");
        peer.feed(&Ro::received(0x80, b"rest"));
        assert!(peer.transcript.events.is_empty());
        assert!(peer.connection.is_closed());
    }
}

fn a_whole_message_larger_than_the_store_is_lent_where_it_lies<Ro: TestRole>() {
    let payload = [b'x'; 300];
    for first in [0x81, 0x82] {
        let mut stream = Ro::received(first, &payload);
        let at = stream[stream.len() - payload.len()..].as_ptr();
        let mut connection = Ro::connection();
        let mut inbox = Inbox::new(Store::<u8, 0>::new());
        let Some(Event::Chunk(chunk)) = connection.receive(&mut stream).unwrap().event else {
            panic!("the frame is whole");
        };
        let message = inbox.push(chunk).unwrap().expect("the message is whole");
        assert_eq!(message.as_bytes(), payload);
        assert_eq!(message.as_bytes().as_ptr(), at, "nothing was copied");
    }
}

fn a_fragmented_message_is_lent_from_the_store<Ro: TestRole>() {
    let mut fragments = [Ro::received(0x01, b"Hel"), Ro::received(0x80, b"lo")];
    let mut connection = Ro::connection();
    let mut store = Store::<u8, 8>::new();
    let at = store.as_ptr();
    // Also through a reference that has forgotten the capacity.
    let mut inbox = Inbox::new(store.as_mut_view());
    for (i, fragment) in fragments.iter_mut().enumerate() {
        let Some(Event::Chunk(chunk)) = connection.receive(fragment).unwrap().event else {
            panic!("the frame is whole");
        };
        let message = inbox.push(chunk).unwrap();
        assert_eq!(message.is_some(), i == 1);
        if let Some(message) = message {
            assert_eq!(message, wirelet::Message::Text("Hello"));
            assert_eq!(message.as_bytes().as_ptr(), at);
        }
    }
}

fn whole_messages_between_do_not_disturb_the_store<Ro: TestRole>() {
    let stream = [
        Ro::received(0x02, b"1234"),
        Ro::received(0x80, b"5678"),
        Ro::received(0x82, b"a whole one"),
        Ro::received(0x01, b"8765"),
        Ro::received(0x80, b"4321"),
    ]
    .concat();
    let (joined, _) = join::<Ro, 8>(&stream, stream.len());
    let expected = vec![
        (Kind::Binary, b"12345678".to_vec()),
        (Kind::Binary, b"a whole one".to_vec()),
        (Kind::Text, b"87654321".to_vec()),
    ];
    assert_eq!(joined, Ok(expected));
}

fn the_rest_of_a_frame_can_be_received_in_the_store<Ro: TestRole>() {
    let payload = b"in its place";
    for first in [0x81, 0x01] {
        let frame = Ro::received(first, payload);
        for cut in frame.len() - payload.len() + 1..frame.len() {
            let (mut front, mut back) = (frame[..cut].to_vec(), frame[cut..].to_vec());
            let mut connection = Ro::connection();
            let mut inbox = Inbox::new(Store::<u8, 12>::new());
            assert_eq!(connection.remaining(), 0);
            let Some(Event::Chunk(chunk)) = connection.receive(&mut front).unwrap().event else {
                panic!("a piece of the payload has come");
            };
            assert_eq!(inbox.push(chunk), Ok(None));
            assert_eq!(connection.remaining(), back.len() as u64);

            let Some(Event::Chunk(chunk)) = connection.receive(&mut back).unwrap().event else {
                panic!("the rest of the payload has come");
            };
            let (kind, is_last) = (chunk.kind(), chunk.is_last());
            inbox.store_mut().append(&back).unwrap();
            let whole = (first == 0x81).then_some(Message::Text("in its place"));
            assert_eq!(inbox.push_stored(kind, is_last), whole);
            assert_eq!(connection.remaining(), 0);
        }
    }
}

/// Firmware keeps its buffers in statics.
#[test]
fn an_inbox_is_made_in_a_static() {
    static INBOX: Mutex<Inbox<Store<u8, 8>>> = Mutex::new(Inbox::new(Store::new()));
    let mut inbox = INBOX.lock().unwrap();
    assert_eq!(inbox.push(Chunk::first("in ")), Ok(None));
    assert_eq!(inbox.push(Chunk::last("place")), Ok(Some(Message::Text("in place"))));
}

/// A store that was used before, and one that belongs to a message of before.
#[test]
fn what_is_in_the_store_comes_with_no_message() {
    for first in [Chunk::first("Bob"), Chunk::middle("Bob"), Chunk::last("Bob")] {
        let mut store = Store::<u8, 32>::new();
        store.extend_from_slice(b"secret of Alice, ").unwrap();
        let mut inbox = Inbox::new(&mut store);
        let message = inbox.push(first).unwrap();
        if let Some(message) = message {
            assert_eq!(message, Message::Text("Bob"));
        }
        assert_eq!(inbox.store().as_bytes(), b"Bob");
    }
    let mut inbox = Inbox::new(Store::<u8, 32>::new());
    assert_eq!(inbox.push(Chunk::first("of a connection that is gone")), Ok(None));
    assert_eq!(inbox.push(Chunk::first("Bo")), Ok(None));
    assert_eq!(inbox.push(Chunk::last("b")), Ok(Some(Message::Text("Bob"))));
    inbox.clear();
    assert_eq!(inbox.push(Chunk::last("b")), Ok(Some(Message::Text("b"))));
}

fn the_rest_of_a_refused_message_is_refused<Ro: TestRole>() {
    let stream = [
        Ro::received(0x02, b"123456"),
        Ro::received(0x00, b"789"),
        Ro::received(0x00, b""),
        Ro::received(0x80, b"0"),
        Ro::received(0x02, b"next"),
        Ro::received(0x80, b""),
    ]
    .concat();
    for len in 1..=stream.len() {
        let mut connection = Ro::connection();
        let mut inbox = Inbox::new(Store::<u8, 8>::new());
        let (mut messages, mut n_refused) = (Vec::new(), 0);
        for read in stream.chunks(len) {
            let mut read = read.to_vec();
            let mut rest = &mut read[..];
            while !rest.is_empty() {
                let progress = connection.receive(rest).unwrap();
                let consumed = progress.consumed;
                if let Some(Event::Chunk(chunk)) = progress.event {
                    match inbox.push(chunk) {
                        Ok(None) => {}
                        Ok(Some(message)) => messages.push(message.as_bytes().to_vec()),
                        Err(CapacityError) => n_refused += 1,
                    }
                }
                rest = &mut rest[consumed..];
            }
        }
        assert_eq!(messages, [b"next"], "reads of {len}");
        assert!(n_refused >= 3, "{n_refused}");
    }
}

fn what_remains_of_a_control_frame_belongs_nowhere_else<Ro: TestRole>() {
    let mut ping = Ro::received(0x89, b"ping");
    let cut = ping.len() - 2;
    let mut connection = Ro::connection();
    connection.receive(&mut ping[..cut]).unwrap();
    assert_eq!(connection.remaining(), 0);
}

on_both_roles!(
    fragments_and_reads_are_joined,
    a_message_that_fills_the_store_exactly_fits,
    a_message_one_byte_longer_than_the_store_is_refused,
    a_frame_that_will_not_fit_is_refused_at_its_first_byte,
    a_message_too_big_is_answered_by_close_1009,
    a_whole_message_larger_than_the_store_is_lent_where_it_lies,
    a_fragmented_message_is_lent_from_the_store,
    whole_messages_between_do_not_disturb_the_store,
    the_rest_of_a_frame_can_be_received_in_the_store,
    the_rest_of_a_refused_message_is_refused,
    what_remains_of_a_control_frame_belongs_nowhere_else,
);

#[test]
fn a_store_by_reference_is_emptied_for_each_message() {
    let mut store = heapless::Vec::<u8, 4>::new();
    let mut inbox = Inbox::new(&mut store);
    for text in ["ab", "cd"] {
        assert_eq!(inbox.push(Chunk::first(text)), Ok(None));
        assert_eq!(inbox.push(Chunk::last("")), Ok(Some(Message::Text(text))));
    }
    inbox.clear();
    assert!(inbox.store().as_bytes().is_empty());
    assert_eq!(inbox.store().room(), 4);
}
