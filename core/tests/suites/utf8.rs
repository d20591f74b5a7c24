//! Text is checked as it arrives (§8.1), and fails at its first bad byte.

use crate::common::{Peer, Seen, TestRole, Transcript, at_every_split, on_both_roles};
use wirelet::ProtocolError;

const MIXED: &str = "a\u{7f}\u{80}é\u{7ff}\u{800}漢\u{d7ff}\u{e000}\u{ffff}\u{10000}😀\u{10ffff}z";

/// Each becomes invalid exactly at its last byte.
const BAD: &[&[u8]] = &[
    &[0x80],
    &[0xbf],
    &[0xc0],
    &[0xc1],
    &[0xf5],
    &[0xfe],
    &[0xff],
    &[0xc3, 0x28],
    &[0xc3, 0xc3],
    &[0xe0, 0x80],
    &[0xe0, 0x9f],
    &[0xed, 0xa0],
    &[0xed, 0xbf],
    &[0xe2, 0x82, 0x28],
    &[0xf0, 0x80],
    &[0xf0, 0x8f],
    &[0xf4, 0x90],
    &[0xf0, 0x9f, 0x98, 0x28],
    // Autobahn 6.4: "κόσμε", then a code point above U+10FFFF, with more to come.
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90",
];

fn failed<Ro: TestRole>(events: &[Seen]) -> Transcript {
    let error = [Seen::Error(ProtocolError::InvalidUtf8)];
    Transcript { events: [events, &error].concat(), replies: Ro::sent(0x88, b"\x03\xef") }
}

fn text_fails_at_its_first_bad_byte_in_an_unfinished_frame<Ro: TestRole>() {
    for bad in BAD {
        for first in [0x81, 0x01] {
            // 20 more bytes are announced, and never come.
            let payload = [bad, &[b'x'; 20][..]].concat();
            let mut frame = Ro::received(first, &payload);
            frame.truncate(frame.len() - 20);
            let mut peer = Peer::<Ro>::new();
            let (last, before) = frame.split_last().unwrap();
            for byte in before {
                peer.feed(&[*byte]);
            }
            assert_eq!(peer.transcript, Transcript::default(), "{bad:x?} failed too early");
            peer.feed(&[*last]);
            assert_eq!(peer.transcript, failed::<Ro>(&[]), "{bad:x?}");
            assert!(peer.connection.is_closed());
            assert_eq!(at_every_split::<Ro>(&frame), failed::<Ro>(&[]), "{bad:x?}");
        }
    }
}

fn text_fails_at_its_first_bad_byte_in_any_fragment<Ro: TestRole>() {
    for bad in BAD {
        for cut in 0..=bad.len() {
            let stream = [
                Ro::received(0x01, "κόσμε".as_bytes()),
                Ro::received(0x00, &bad[..cut]),
                Ro::received(0x89, b"\xff"),
                Ro::received(0x00, b""),
                Ro::received(0x80, &bad[cut..]),
            ]
            .concat();
            // With all of it in the second frame, the ping is not seen any more.
            let seen = at_every_split::<Ro>(&stream);
            if cut == bad.len() {
                assert_eq!(seen, failed::<Ro>(&[]), "{bad:x?}");
            } else {
                let mut expected = failed::<Ro>(&[Seen::Ping(vec![0xff])]);
                expected.replies.splice(..0, Ro::sent(0x8a, b"\xff"));
                assert_eq!(seen, expected, "{bad:x?} cut at {cut}");
            }
        }
    }
}

fn valid_text_is_taken_at_every_cut_into_fragments<Ro: TestRole>() {
    let bytes = MIXED.as_bytes();
    for first in 0..=bytes.len() {
        let second = first + (bytes.len() - first) / 2;
        let stream = [
            Ro::received(0x01, &bytes[..first]),
            Ro::received(0x8a, b"\xce"),
            Ro::received(0x00, &bytes[first..second]),
            Ro::received(0x80, &bytes[second..]),
        ]
        .concat();
        let seen = at_every_split::<Ro>(&stream);
        let events = [Seen::Pong(vec![0xce]), Seen::Text(MIXED.into())];
        assert_eq!(seen.events, events, "cuts at {first} and {second}");
    }
}

fn every_code_point_in_its_own_fragments_is_taken<Ro: TestRole>() {
    let mut stream = Ro::received(0x01, b"");
    for byte in MIXED.bytes() {
        stream.extend(Ro::received(0x00, &[byte]));
    }
    stream.extend(Ro::received(0x80, b""));
    assert_eq!(at_every_split::<Ro>(&stream).events, [Seen::Text(MIXED.into())]);
}

fn a_code_point_that_is_never_finished_is_rejected_at_the_end_of_the_message<Ro: TestRole>() {
    for text in ["é", "漢", "😀"] {
        let bytes = text.as_bytes();
        for len in 1..bytes.len() {
            let cut = &bytes[..len];
            for stream in [
                Ro::received(0x81, cut),
                [Ro::received(0x01, cut), Ro::received(0x80, b"")].concat(),
                [Ro::received(0x01, b"ok"), Ro::received(0x80, cut)].concat(),
                [Ro::received(0x01, &cut[..1]), Ro::received(0x80, &cut[1..])].concat(),
            ] {
                assert_eq!(at_every_split::<Ro>(&stream), failed::<Ro>(&[]), "{stream:x?}");
            }
            // Not before the end: the message goes on.
            let open = [Ro::received(0x01, cut), Ro::received(0x00, b"")].concat();
            assert_eq!(at_every_split::<Ro>(&open), Transcript::default());
        }
    }
}

fn each_message_is_checked_on_its_own<Ro: TestRole>() {
    // The second message does not finish the code point of the first.
    let stream = [
        Ro::received(0x81, "é".as_bytes()),
        Ro::received(0x82, b"\xc3"),
        Ro::received(0x81, b"\xa9"),
    ]
    .concat();
    let seen = [Seen::Text("é".into()), Seen::Binary(vec![0xc3])];
    assert_eq!(at_every_split::<Ro>(&stream), failed::<Ro>(&seen));
}

fn binary_messages_pings_and_pongs_need_not_be_utf8<Ro: TestRole>() {
    let stream = [
        Ro::received(0x02, b"\xff\xce"),
        Ro::received(0x8a, b"\xfe"),
        Ro::received(0x80, b"\xc0\x80"),
        Ro::received(0x89, b"\xed\xa0"),
    ]
    .concat();
    let expected = Transcript {
        events: vec![
            Seen::Pong(vec![0xfe]),
            Seen::Binary(b"\xff\xce\xc0\x80".into()),
            Seen::Ping(b"\xed\xa0".into()),
        ],
        replies: Ro::sent(0x8a, b"\xed\xa0"),
    };
    assert_eq!(at_every_split::<Ro>(&stream), expected);
}

fn a_chunk_that_cuts_a_code_point_is_no_str<Ro: TestRole>() {
    let mut stream = Ro::received(0x81, "a漢b".as_bytes());
    let head_len = stream.len() - 5;
    let (front, back) = stream.split_at_mut(head_len + 2); // inside "漢"
    let mut connection = Ro::connection();
    let mut strs = Vec::new();
    for read in [front, back] {
        let Some(wirelet::Event::Chunk(chunk)) = connection.receive(read).unwrap().event else {
            panic!("each read has payload");
        };
        strs.push((chunk.as_bytes().to_vec(), chunk.as_str().map(str::to_owned)));
        assert_eq!(chunk.message(), None);
        assert_eq!(chunk.kind(), wirelet::Kind::Text);
    }
    assert_eq!(strs, [(b"a\xe6".to_vec(), None), (b"\xbc\xa2b".to_vec(), None)]);
}

on_both_roles!(
    text_fails_at_its_first_bad_byte_in_an_unfinished_frame,
    text_fails_at_its_first_bad_byte_in_any_fragment,
    valid_text_is_taken_at_every_cut_into_fragments,
    every_code_point_in_its_own_fragments_is_taken,
    a_code_point_that_is_never_finished_is_rejected_at_the_end_of_the_message,
    each_message_is_checked_on_its_own,
    binary_messages_pings_and_pongs_need_not_be_utf8,
    a_chunk_that_cuts_a_code_point_is_no_str,
);
