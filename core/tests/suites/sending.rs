//! What an end sends: fragments (§5.4), masks (§5.3), and what is refused with nothing changed.

use crate::common::{
    FixedKey, KEY, Seen, TestRng, TestRole, at_every_split, on_both_roles, parse_frames,
};
use wirelet::{Chunk, Client, Close, CloseCode, Connection, Kind, Random, SendError, Server};

type TestClient = Client<FixedKey>;

const LENGTHS: [usize; 8] = [0, 1, 125, 126, 127, 65_535, 65_536, 65_537];

fn bytes(len: usize) -> Vec<u8> {
    (0..=250).cycle().take(len).collect()
}

/// Sends and returns the frame.
#[track_caller]
fn send<'b, Ro: TestRole>(connection: &mut Connection<Ro>, chunk: impl Into<Chunk<'b>>) -> Vec<u8> {
    let chunk = chunk.into();
    let mut out = vec![0; chunk.as_bytes().len() + 14];
    let n = connection.send(chunk, &mut out).unwrap();
    out.truncate(n);
    out
}

fn messages_of_every_form_of_length_have_their_bytes<Ro: TestRole>() {
    for len in LENGTHS {
        let payload = bytes(len);
        let mut connection = Ro::connection();
        let frame = send(&mut connection, &payload[..]);
        assert!(frame == Ro::sent(0x82, &payload), "{len} bytes");
        let text = "x".repeat(len);
        let frame = send(&mut connection, &text[..]);
        assert!(frame == Ro::sent(0x81, text.as_bytes()), "{len} bytes");
    }
}

fn a_frame_is_written_to_the_beginning_and_nothing_behind_it<Ro: TestRole>() {
    let mut out = [0xee; 40];
    let expected = Ro::sent(0x81, b"Hello");
    assert_eq!(Ro::connection().send("Hello", &mut out), Ok(expected.len()));
    assert_eq!(out[..expected.len()], expected);
    assert!(out[expected.len()..].iter().all(|byte| *byte == 0xee));
}

fn pings_and_pongs_go_between_fragments<Ro: TestRole>() {
    let mut connection = Ro::connection();
    let mut wire = send(&mut connection, Chunk::first("Hel"));
    let mut out = [0; 140];
    let n = connection.ping(b"?", &mut out).unwrap();
    wire.extend(&out[..n]);
    wire.extend(send(&mut connection, Chunk::middle("")));
    let n = connection.pong(&[0xaa; 125], &mut out).unwrap();
    wire.extend(&out[..n]);
    wire.extend(send(&mut connection, Chunk::last("lo")));
    wire.extend(send(&mut connection, "whole"));
    let expected = [
        Ro::sent(0x01, b"Hel"),
        Ro::sent(0x89, b"?"),
        Ro::sent(0x00, b""),
        Ro::sent(0x8a, &[0xaa; 125]),
        Ro::sent(0x80, b"lo"),
        Ro::sent(0x81, b"whole"),
    ];
    assert_eq!(wire, expected.concat());
}

#[test]
fn what_one_end_sends_in_fragments_the_other_receives() {
    let seen = [
        Seen::Ping(b"?".into()),
        Seen::Binary(b"ABC".into()),
        Seen::Text("Hello".into()),
        Seen::Close(Some(1000), String::new()),
    ];
    assert_eq!(at_every_split::<Server>(&conversation::<TestClient>()).events, seen);
    assert_eq!(at_every_split::<TestClient>(&conversation::<Server>()).events, seen);
}

fn conversation<Ro: TestRole>() -> Vec<u8> {
    let mut connection = Ro::connection();
    let mut wire = send(&mut connection, Chunk::first(b"A"));
    let mut out = [0; 20];
    let n = connection.ping(b"?", &mut out).unwrap();
    wire.extend(&out[..n]);
    wire.extend(send(&mut connection, Chunk::middle(b"B")));
    wire.extend(send(&mut connection, Chunk::last(b"C")));
    wire.extend(send(&mut connection, "Hello"));
    let n = connection.close(CloseCode::NORMAL_CLOSURE, &mut out).unwrap();
    wire.extend(&out[..n]);
    wire
}

/// Everything that may not be sent, with its error; `kind` is the message in progress.
#[track_caller]
fn refuses<Ro: TestRole>(connection: &mut Connection<Ro>, kind: Option<Kind>) {
    let begins = [Chunk::whole("a"), Chunk::first("a"), Chunk::whole(b"a"), Chunk::first(b"a")];
    let texts = [Chunk::middle("a"), Chunk::last("a")];
    let binaries = [Chunk::middle(b"a"), Chunk::last(b"a")];
    let mut refused = Vec::new();
    if kind.is_some() {
        refused.extend(begins.map(|chunk| (chunk, SendError::MessageInProgress)));
    }
    if kind != Some(Kind::Text) {
        refused.extend(texts.map(|chunk| (chunk, SendError::NoMessageInProgress)));
    }
    if kind != Some(Kind::Binary) {
        refused.extend(binaries.map(|chunk| (chunk, SendError::NoMessageInProgress)));
    }
    for (chunk, error) in refused {
        let mut out = [0; 32];
        assert_eq!(connection.send(chunk, &mut out), Err(error), "{chunk:?}");
        assert_eq!(out, [0; 32]);
    }
}

fn fragments_out_of_order_are_refused_and_change_nothing<Ro: TestRole>() {
    let mut connection = Ro::connection();
    refuses(&mut connection, None);
    assert_eq!(send(&mut connection, Chunk::first("a")), Ro::sent(0x01, b"a"));
    refuses(&mut connection, Some(Kind::Text));
    assert_eq!(send(&mut connection, Chunk::middle("b")), Ro::sent(0x00, b"b"));
    refuses(&mut connection, Some(Kind::Text));
    assert_eq!(send(&mut connection, Chunk::last("c")), Ro::sent(0x80, b"c"));
    refuses(&mut connection, None);
    assert_eq!(send(&mut connection, Chunk::first(b"d")), Ro::sent(0x02, b"d"));
    refuses(&mut connection, Some(Kind::Binary));
    assert_eq!(send(&mut connection, Chunk::last(b"e")), Ro::sent(0x80, b"e"));
    refuses(&mut connection, None);
}

fn control_frames_longer_than_125_bytes_are_refused<Ro: TestRole>() {
    let mut connection = Ro::connection();
    let mut out = [0; 200];
    for len in [126, 127, 180] {
        let payload = bytes(len);
        assert_eq!(connection.ping(&payload, &mut out), Err(SendError::ControlTooLong));
        assert_eq!(connection.pong(&payload, &mut out), Err(SendError::ControlTooLong));
    }
    // Too long comes before out of space.
    assert_eq!(connection.ping(&bytes(126), &mut []), Err(SendError::ControlTooLong));
    assert_eq!(out, [0; 200]);
    let longest = bytes(125);
    let n = connection.ping(&longest, &mut out).unwrap();
    assert_eq!(out[..n], Ro::sent(0x89, &longest));
}

/// Each too small space is refused with the exact need, and the state is as before.
fn out_of_space_says_what_is_needed_and_changes_nothing<Ro: TestRole>() {
    for len in [0, 1, 5, 125, 126, 200] {
        let payload = bytes(len);
        let expected = Ro::sent(0x02, &payload);
        let ping = Ro::sent(0x89, &payload);
        let mut connection = Ro::connection();
        for space in 0..expected.len() {
            let mut out = vec![0xee; space];
            let error = Err(SendError::OutOfSpace { needed: expected.len() });
            assert_eq!(connection.send(Chunk::first(&payload[..]), &mut out), error);
            if len <= 125 {
                assert_eq!(connection.ping(&payload, &mut out), error);
                assert_eq!(connection.pong(&payload, &mut out), error);
            }
            assert!(out.iter().all(|byte| *byte == 0xee), "{space} bytes were written to");
        }
        if len <= 125 {
            let mut out = vec![0; ping.len()];
            assert_eq!(connection.ping(&payload, &mut out), Ok(ping.len()));
            assert_eq!(out, ping);
        }
        let mut out = vec![0; expected.len()];
        assert_eq!(connection.send(Chunk::first(&payload[..]), &mut out), Ok(expected.len()));
        assert!(out == expected, "{len} bytes");
    }
}

#[test]
fn a_refused_frame_draws_no_masking_key() {
    let mut connection = Connection::new(Client(TestRng::new(7)));
    let mut same = Connection::new(Client(TestRng::new(7)));
    let mut out = [0; 32];
    let out_of_space = SendError::OutOfSpace { needed: 11 };
    assert_eq!(connection.send("Hello", &mut out[..10]), Err(out_of_space));
    let last = connection.send(Chunk::last("Hello"), &mut out);
    assert_eq!(last, Err(SendError::NoMessageInProgress));
    assert_eq!(connection.ping(&[0; 126], &mut out), Err(SendError::ControlTooLong));
    let (mut first, mut second) = ([0; 11], [0; 11]);
    assert_eq!(connection.send("Hello", &mut first), Ok(11));
    assert_eq!(same.send("Hello", &mut second), Ok(11));
    assert_eq!(first, second);
}

#[test]
fn a_client_draws_a_key_for_each_frame_and_the_server_unmasks_it() {
    let mut client = Connection::new(Client(TestRng::new(42)));
    let mut wire = Vec::new();
    let mut out = [0; 64];
    for i in 0..100_u8 {
        let n = match i % 4 {
            0 => client.send(&[i; 33], &mut out),
            1 => client.ping(&[i], &mut out),
            2 => client.send(Chunk::first(&[i; 2]), &mut out),
            _ => client.send(Chunk::last(&[i; 3]), &mut out),
        };
        wire.extend(&out[..n.unwrap()]);
    }
    let n = client.close(Close::EMPTY, &mut out).unwrap();
    wire.extend(&out[..n]);

    let frames = parse_frames(&wire);
    let mut expected = TestRng::new(42);
    let mut keys = std::collections::HashSet::new();
    for frame in &frames {
        let mut key = [0; 4];
        expected.fill(&mut key);
        assert_eq!(frame.key, Some(key), "the key is four random bytes");
        keys.insert(key);
    }
    assert_eq!((frames.len(), keys.len()), (101, 101));

    let seen = crate::common::whole::<Server>(&wire);
    let binaries: Vec<&Seen> =
        seen.events.iter().filter(|seen| matches!(seen, Seen::Binary(_))).collect();
    assert_eq!(binaries.len(), 50);
    for (i, seen) in (0..100_u8).step_by(4).zip(binaries.chunks(2)) {
        let joined = [&[i + 2; 2][..], &[i + 3; 3]].concat();
        assert_eq!(seen, [&Seen::Binary(vec![i; 33]), &Seen::Binary(joined)]);
    }
}

#[test]
fn the_pongs_and_closes_of_a_client_have_keys_of_their_own() {
    let mut client = Connection::new(Client(TestRng::new(3)));
    let mut wire = Vec::new();
    let mut out = [0; 3];
    for frame in [&b"\x89\x02Hi"[..], b"\x89\x02Ho", b"\x88\x02\x03\xe8"] {
        client.receive(&mut frame.to_vec()).unwrap();
        // In pieces, so that the key must be kept between them.
        while let n @ 1.. = client.reply(&mut out) {
            wire.extend(&out[..n]);
        }
    }
    let frames = parse_frames(&wire);
    let payloads: Vec<&[u8]> = frames.iter().map(|frame| &frame.payload[..]).collect();
    assert_eq!(payloads, [&b"Hi"[..], b"Ho", b"\x03\xe8"]);
    assert!(frames[0].key != frames[1].key && frames[1].key != frames[2].key);
}

fn a_frame_that_is_started_and_masked_in_pieces_equals_one_that_is_sent<Ro: TestRole>() {
    for len in LENGTHS {
        let payload = bytes(len);
        let expected = Ro::sent(0x82, &payload);
        for piece in [1, 2, 3, 5, 8, 13, 1000, 65_537] {
            let (_, mut outgoing) = Ro::connection().split();
            let mut start = outgoing.start(&Chunk::whole(&payload[..])).unwrap();
            let mut wire = start.header().to_vec();
            for piece in payload.chunks(piece) {
                let from = wire.len();
                wire.extend(piece);
                start.mask(&mut wire[from..]);
            }
            assert!(wire == expected, "{len} bytes in pieces of {piece}");
        }
    }
}

fn starting_frames_follows_the_rules_of_sending<Ro: TestRole>() {
    let (_, mut outgoing) = Ro::connection().split();
    let refused = |result: Result<_, _>| result.map(|_: wirelet::FrameStart| ()).unwrap_err();
    assert_eq!(refused(outgoing.start(&Chunk::last("a"))), SendError::NoMessageInProgress);
    let header = |first| Ro::sent(first, b"a")[..Ro::sent(first, b"").len()].to_vec();
    assert_eq!(outgoing.start(&Chunk::first("a")).unwrap().header(), header(0x01));
    assert_eq!(refused(outgoing.start(&Chunk::whole("a"))), SendError::MessageInProgress);
    assert_eq!(refused(outgoing.start(&Chunk::last(b"a"))), SendError::NoMessageInProgress);
    assert_eq!(outgoing.start(&Chunk::middle("a")).unwrap().header(), header(0x00));
    let mut out = [0; 32];
    assert_eq!(outgoing.send("a", &mut out), Err(SendError::MessageInProgress));
    assert_eq!(outgoing.start(&Chunk::last("a")).unwrap().header(), header(0x80));
    assert_eq!(outgoing.start(&Chunk::whole("a")).unwrap().header(), header(0x81));
}

fn a_connection_that_is_not_split_writes_frames_piece_by_piece<Ro: TestRole>() {
    let mut connection = Ro::connection();
    let mut out = [0; 8];
    assert_eq!(connection.may_begin(), Ok(()));
    let mut wire = connection.begin(Kind::Binary, true, 3).unwrap().header().to_vec();
    assert_eq!(connection.may_begin(), Err(SendError::FrameUnfinished));
    for (piece, n, left) in [(&b"abc"[..], 2, 1), (b"c and more", 1, 0), (b"more", 0, 0)] {
        assert_eq!(connection.payload(piece, &mut out[..2]), Ok(n));
        assert_eq!(connection.unfinished(), left);
        wire.extend(&out[..n]);
    }
    assert_eq!(wire, Ro::sent(0x82, b"abc"));
    assert_eq!(connection.may_begin(), Ok(()));
    let mut start = connection.start(&Chunk::first("Hel")).unwrap();
    let mut payload = *b"Hel";
    start.mask(&mut payload);
    assert_eq!([start.header(), &payload].concat(), Ro::sent(0x01, b"Hel"));
    assert_eq!(connection.may_begin(), Err(SendError::MessageInProgress));
}

fn the_start_of_a_frame_is_shown_without_its_key<Ro: TestRole>() {
    let shown = format!("{:?}", Ro::connection().start(&Chunk::whole("Hello")).unwrap());
    let expected = if Ro::IS_CLIENT {
        "FrameStart { header_len: 6, key: Some(MaskingKey(..)), .. }"
    } else {
        "FrameStart { header_len: 2, key: None, .. }"
    };
    assert_eq!(shown, expected);
}

fn a_received_chunk_can_be_sent_as_it_is<Ro: TestRole>() {
    // An echo through a buffer of 3 bytes: a code point is cut, and so is the frame.
    let stream = Ro::received(0x81, "a漢b".as_bytes());
    let (mut from, mut echo) = (Ro::connection(), Ro::connection());
    let mut wire = Vec::new();
    for read in stream.chunks(3) {
        let mut read = read.to_vec();
        let mut rest = &mut read[..];
        while !rest.is_empty() {
            let progress = from.receive(rest).unwrap();
            if let Some(wirelet::Event::Chunk(chunk)) = progress.event {
                wire.extend(send(&mut echo, chunk));
            }
            let consumed = progress.consumed;
            rest = &mut rest[consumed..];
        }
    }
    let frames = parse_frames(&wire);
    assert!(frames.len() > 1);
    assert!(frames.iter().all(|frame| frame.key == Ro::OWN_KEY));
    assert_eq!(frames[0].first, 0x01);
    assert_eq!(frames.last().unwrap().first, 0x80);
    let joined: Vec<u8> = frames.into_iter().flat_map(|frame| frame.payload).collect();
    assert_eq!(joined, "a漢b".as_bytes());
}

#[test]
fn the_fixed_key_of_these_tests_is_the_key_of_the_rfc() {
    assert_eq!((TestClient::OWN_KEY, Server::PEER_KEY), (Some(KEY), Some(KEY)));
    assert_eq!((TestClient::PEER_KEY, Server::OWN_KEY), (None, None));
}

on_both_roles!(
    messages_of_every_form_of_length_have_their_bytes,
    a_frame_is_written_to_the_beginning_and_nothing_behind_it,
    pings_and_pongs_go_between_fragments,
    fragments_out_of_order_are_refused_and_change_nothing,
    control_frames_longer_than_125_bytes_are_refused,
    out_of_space_says_what_is_needed_and_changes_nothing,
    a_frame_that_is_started_and_masked_in_pieces_equals_one_that_is_sent,
    starting_frames_follows_the_rules_of_sending,
    a_connection_that_is_not_split_writes_frames_piece_by_piece,
    the_start_of_a_frame_is_shown_without_its_key,
    a_received_chunk_can_be_sent_as_it_is,
);
