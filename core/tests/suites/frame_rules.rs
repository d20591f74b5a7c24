//! The rules of §5.1 to §5.5: which frame is a violation, and what a violation leads to.

use crate::common::{Peer, Seen, TestRole, Transcript, at_every_split, on_both_roles};
use wirelet::{Event, ProtocolError, SendError};

/// Checks that `bad` after `good` is this violation, wherever the stream is cut, and that it ends
/// the connection.
#[track_caller]
fn violates_after<Ro: TestRole>(good: &[u8], seen: &[Seen], bad: &[u8], error: ProtocolError) {
    let code = error.close_code().get().to_be_bytes();
    let mut events = seen.to_vec();
    events.push(Seen::Error(error));
    let expected = Transcript { events, replies: Ro::sent(0x88, &code) };
    let mut stream = [good, bad].concat();
    assert_eq!(at_every_split::<Ro>(&stream), expected, "{bad:x?}");
    // What follows in the same reads is ignored.
    stream.extend([Ro::received(0x89, b"?"), Ro::received(0x81, b"Hello")].concat());
    stream.extend(Ro::received(0x88, b""));
    assert_eq!(at_every_split::<Ro>(&stream), expected, "{bad:x?} and more");

    let mut peer = Peer::<Ro>::new();
    peer.feed(good);
    assert!(!peer.connection.is_closed());
    peer.feed(bad);
    peer.feed(&Ro::received(0x89, b"later"));
    assert_eq!(peer.transcript, expected, "{bad:x?} and later more");
    let connection = &mut peer.connection;
    assert!(connection.is_closed());
    assert!(connection.closes_tcp_first());
    assert_eq!(connection.close_received(), None);
    let mut out = [0; 64];
    assert_eq!(connection.reply(&mut out), 0);
    assert_eq!(connection.send("Hello", &mut out), Err(SendError::Closed));
    assert_eq!(connection.ping(b"", &mut out), Err(SendError::Closed));
    assert_eq!(connection.pong(b"", &mut out), Err(SendError::Closed));
    assert_eq!(connection.close(wirelet::Close::EMPTY, &mut out), Err(SendError::Closed));
    assert_eq!(out, [0; 64]);
}

/// The violation at the beginning of a stream and after a whole message.
#[track_caller]
fn violates<Ro: TestRole>(bad: &[u8], error: ProtocolError) {
    violates_after::<Ro>(&[], &[], bad, error);
    let hello = Ro::received(0x81, b"Hello");
    violates_after::<Ro>(&hello, &[Seen::Text("Hello".into())], bad, error);
}

/// The violation after the first fragment of a message.
#[track_caller]
fn violates_inside_a_message<Ro: TestRole>(bad: &[u8], error: ProtocolError) {
    violates_after::<Ro>(&Ro::received(0x01, b"Hel"), &[], bad, error);
    violates_after::<Ro>(&Ro::received(0x02, b""), &[], bad, error);
}

/// A header with the length field as given, masked as the peer of this end has to.
fn header<Ro: TestRole>(first: u8, len: u8, extended: &[u8]) -> Vec<u8> {
    let mask = if Ro::PEER_KEY.is_some() { 0x80 } else { 0 };
    let key = Ro::PEER_KEY.map_or(Vec::new(), Vec::from);
    [&[first, mask | len], extended, &key].concat()
}

fn a_frame_masked_in_the_wrong_direction_is_rejected<Ro: TestRole>() {
    // Ours is the direction in which the peer must not send.
    let error = if Ro::IS_CLIENT { ProtocolError::Masked } else { ProtocolError::Unmasked };
    for first in [0x81, 0x82, 0x01, 0x02, 0x88, 0x89, 0x8a] {
        violates::<Ro>(&Ro::sent(first, b""), error);
        violates::<Ro>(&Ro::sent(first, b"Hello"), error);
    }
    violates_inside_a_message::<Ro>(&Ro::sent(0x80, b""), error);
    violates_inside_a_message::<Ro>(&Ro::sent(0x80, b"lo"), error);
    violates_inside_a_message::<Ro>(&Ro::sent(0x89, b""), error);
}

fn every_reserved_bit_is_rejected<Ro: TestRole>() {
    for rsv in [0x40, 0x20, 0x10, 0x70] {
        for first in [0x81, 0x82, 0x01, 0x88, 0x89, 0x8a] {
            violates::<Ro>(&Ro::received(first | rsv, b""), ProtocolError::ReservedBits);
            violates::<Ro>(&Ro::received(first | rsv, b"Hi"), ProtocolError::ReservedBits);
        }
        let last = Ro::received(0x80 | rsv, b"lo");
        violates_inside_a_message::<Ro>(&last, ProtocolError::ReservedBits);
    }
}

fn every_reserved_opcode_is_rejected<Ro: TestRole>() {
    for opcode in [3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf] {
        for fin in [0, 0x80] {
            for payload in [&b""[..], b"Hello"] {
                let bad = Ro::received(fin | opcode, payload);
                violates::<Ro>(&bad, ProtocolError::ReservedOpcode);
                violates_inside_a_message::<Ro>(&bad, ProtocolError::ReservedOpcode);
            }
        }
    }
}

fn fragmented_control_frames_are_rejected<Ro: TestRole>() {
    for first in [0x08, 0x09, 0x0a] {
        for payload in [&b""[..], b"\x03\xe8"] {
            let bad = Ro::received(first, payload);
            violates::<Ro>(&bad, ProtocolError::FragmentedControl);
            violates_inside_a_message::<Ro>(&bad, ProtocolError::FragmentedControl);
        }
    }
}

fn control_frames_longer_than_125_bytes_are_rejected_at_their_header<Ro: TestRole>() {
    for first in [0x88, 0x89, 0x8a] {
        for (len, extended) in [
            (126, &[0x00, 0x7e][..]),
            (126, &[0x01, 0x00]),
            (126, &[0xff, 0xff]),
            (127, &[0, 0, 0, 0, 0, 1, 0, 0]),
            // 2^32 + 5 and 2^63 - 1: no wrap-around makes them short.
            (127, &[0, 0, 0, 1, 0, 0, 0, 5]),
            (127, &[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ] {
            let bad = header::<Ro>(first, len, extended);
            violates::<Ro>(&bad, ProtocolError::ControlTooLong);
            violates_inside_a_message::<Ro>(&bad, ProtocolError::ControlTooLong);
        }
        violates::<Ro>(&Ro::received(first, &[b'x'; 126]), ProtocolError::ControlTooLong);
    }
}

fn a_control_frame_of_125_bytes_is_taken<Ro: TestRole>() {
    let payload = [b'x'; 125];
    let stream = [Ro::received(0x89, &payload), Ro::received(0x8a, &payload)].concat();
    let expected = Transcript {
        events: vec![Seen::Ping(payload.into()), Seen::Pong(payload.into())],
        replies: Ro::sent(0x8a, &payload),
    };
    assert_eq!(at_every_split::<Ro>(&stream), expected);
}

fn a_continuation_with_nothing_to_continue_is_rejected<Ro: TestRole>() {
    for fin in [0, 0x80] {
        for payload in [&b""[..], b"lo"] {
            let bad = Ro::received(fin, payload);
            violates::<Ro>(&bad, ProtocolError::UnexpectedContinuation);
        }
    }
    // A fragmented message that has ended cannot be continued.
    let ended = [Ro::received(0x01, b"Hel"), Ro::received(0x80, b"lo")].concat();
    let bad = Ro::received(0x80, b"!");
    let seen = [Seen::Text("Hello".into())];
    violates_after::<Ro>(&ended, &seen, &bad, ProtocolError::UnexpectedContinuation);
}

fn a_new_message_inside_a_fragmented_one_is_rejected<Ro: TestRole>() {
    for first in [0x81, 0x82, 0x01, 0x02] {
        for payload in [&b""[..], b"new"] {
            let bad = Ro::received(first, payload);
            violates_inside_a_message::<Ro>(&bad, ProtocolError::ExpectedContinuation);
        }
    }
    // The second fragment does not end the message either.
    let open = [Ro::received(0x01, b"Hel"), Ro::received(0x00, b"lo")].concat();
    let bad = Ro::received(0x81, b"new");
    violates_after::<Ro>(&open, &[], &bad, ProtocolError::ExpectedContinuation);
}

fn lengths_that_are_not_minimal_are_rejected<Ro: TestRole>() {
    for first in [0x81, 0x82, 0x01, 0x88, 0x89, 0x8a] {
        for (len, extended) in [
            (126, &[0, 0][..]),
            (126, &[0, 5]),
            (126, &[0, 125]),
            (127, &[0, 0, 0, 0, 0, 0, 0, 0]),
            (127, &[0, 0, 0, 0, 0, 0, 0, 125]),
            (127, &[0, 0, 0, 0, 0, 0, 0, 126]),
            (127, &[0, 0, 0, 0, 0, 0, 0xff, 0xff]),
        ] {
            let bad = header::<Ro>(first, len, extended);
            violates::<Ro>(&bad, ProtocolError::NonMinimalLength);
        }
    }
}

fn the_shortest_length_of_each_form_is_taken<Ro: TestRole>() {
    for (len, extended, total) in
        [(126, &[0, 126][..], 126), (127, &[0, 0, 0, 0, 0, 1, 0, 0], 65_536)]
    {
        let mut wire = header::<Ro>(0x82, len, extended);
        wire.resize(wire.len() + total, 0);
        for cut in 1..16 {
            let seen = crate::common::cut_at::<Ro>(&wire, &[cut]).events;
            assert!(matches!(&seen[..], [Seen::Binary(bytes)] if bytes.len() == total));
        }
    }
}

fn a_length_with_its_top_bit_set_is_rejected<Ro: TestRole>() {
    for first in [0x81, 0x82, 0x01, 0x88, 0x89, 0x8a] {
        for extended in [
            [0x80, 0, 0, 0, 0, 0, 0, 0],
            [0x80, 0, 0, 0, 0, 0, 0, 5],
            [0xff; 8],
            [0x80, 0, 0, 0, 0, 1, 0, 0],
        ] {
            let bad = header::<Ro>(first, 127, &extended);
            violates::<Ro>(&bad, ProtocolError::LengthTooLarge);
        }
    }
}

/// Receives the first bytes of a frame that is too long to be received whole.
fn a_huge_frame_streams_with_the_right_remaining<Ro: TestRole>() {
    for total in [(1 << 32) + 5, (1 << 32), u64::from(u32::MAX), (1 << 63) - 1] {
        for fin in [0, 0x80] {
            for first_read in 1..=30 {
                let mut wire = header::<Ro>(fin | 2, 127, &total.to_be_bytes());
                let head_len = wire.len();
                let key = Ro::PEER_KEY.unwrap_or_default();
                wire.extend((0..40).zip(key.iter().cycle()).map(|(i, key)| i ^ key));
                let received = huge::<Ro>(&mut wire, first_read);
                let mut taken = 0;
                for (i, (bytes, remaining)) in received.iter().enumerate() {
                    let expected: Vec<u8> = (0..40).skip(taken).take(bytes.len()).collect();
                    assert_eq!(*bytes, expected, "chunk {i} of {total}");
                    taken += bytes.len();
                    assert_eq!(*remaining, total - taken as u64, "chunk {i} of {total}");
                }
                assert_eq!(taken, 40);
                assert_eq!(received.len(), if first_read <= head_len { 1 } else { 2 });
            }
        }
    }
}

/// Returns the bytes and `remaining` of each chunk of two reads.
fn huge<Ro: TestRole>(wire: &mut [u8], first_read: usize) -> Vec<(Vec<u8>, u64)> {
    let mut connection = Ro::connection();
    let mut chunks = Vec::new();
    let (first, second) = wire.split_at_mut(first_read);
    for read in [first, second] {
        let mut rest = read;
        while !rest.is_empty() {
            let progress = connection.receive(rest).unwrap();
            assert_ne!(progress.consumed, 0);
            match progress.event {
                None => {}
                Some(Event::Chunk(chunk)) => {
                    assert_eq!(chunk.is_first(), chunks.is_empty());
                    assert!(!chunk.is_last());
                    chunks.push((chunk.as_bytes().to_vec(), chunk.remaining()));
                }
                Some(other) => panic!("{other:?}"),
            }
            let consumed = progress.consumed;
            rest = &mut rest[consumed..];
        }
    }
    chunks
}

on_both_roles!(
    a_frame_masked_in_the_wrong_direction_is_rejected,
    every_reserved_bit_is_rejected,
    every_reserved_opcode_is_rejected,
    fragmented_control_frames_are_rejected,
    control_frames_longer_than_125_bytes_are_rejected_at_their_header,
    a_control_frame_of_125_bytes_is_taken,
    a_continuation_with_nothing_to_continue_is_rejected,
    a_new_message_inside_a_fragmented_one_is_rejected,
    lengths_that_are_not_minimal_are_rejected,
    the_shortest_length_of_each_form_is_taken,
    a_length_with_its_top_bit_set_is_rejected,
    a_huge_frame_streams_with_the_right_remaining,
);
