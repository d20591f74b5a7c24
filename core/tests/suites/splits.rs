//! A stream means the same however TCP cuts it.

use crate::common::{
    Peer, Seen, TestRng, TestRole, Transcript, at_every_split, cut_at, in_reads_of, on_both_roles,
    parse_frames, whole,
};
use wirelet::ProtocolError;

const MULTI_BYTE: &str = "κόσμε 漢字 😀 é\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}";

/// Everything that may come, short enough to be cut at each byte.
fn conversation<Ro: TestRole>() -> (Vec<u8>, Transcript) {
    let ping = [b'p'; 125];
    let (front, back) = MULTI_BYTE.as_bytes().split_at(3); // inside "ό"
    let frames = [
        Ro::received(0x81, b"Hello"),
        Ro::received(0x82, &[0, 0xff, 0x80, 1]),
        Ro::received(0x81, b""),
        Ro::received(0x82, b""),
        Ro::received(0x81, MULTI_BYTE.as_bytes()),
        Ro::received(0x01, front),
        Ro::received(0x89, b""),
        Ro::received(0x00, b""),
        Ro::received(0x8a, b"unasked"),
        Ro::received(0x00, back),
        Ro::received(0x89, &ping),
        Ro::received(0x80, b""),
        Ro::received(0x02, b""),
        Ro::received(0x00, b"\xff"),
        Ro::received(0x89, b"Hi"),
        Ro::received(0x80, b"\xfe"),
        Ro::received(0x82, &[0xa5; 126]),
        Ro::received(0x8a, b""),
        Ro::received(0x88, b"\x03\xe9going away"),
    ];
    let events = vec![
        Seen::Text("Hello".into()),
        Seen::Binary(vec![0, 0xff, 0x80, 1]),
        Seen::Text(String::new()),
        Seen::Binary(vec![]),
        Seen::Text(MULTI_BYTE.into()),
        Seen::Ping(vec![]),
        Seen::Pong(b"unasked".into()),
        Seen::Ping(ping.into()),
        Seen::Text(MULTI_BYTE.into()),
        Seen::Ping(b"Hi".into()),
        Seen::Binary(vec![0xff, 0xfe]),
        Seen::Binary(vec![0xa5; 126]),
        Seen::Pong(vec![]),
        Seen::Close(Some(1001), "going away".into()),
    ];
    let replies = [
        Ro::sent(0x8a, b""),
        Ro::sent(0x8a, &ping),
        Ro::sent(0x8a, b"Hi"),
        Ro::sent(0x88, b"\x03\xe9going away"),
    ];
    (frames.concat(), Transcript { events, replies: replies.concat() })
}

/// The conversation with a payload of 64 KiB in front.
fn long_conversation<Ro: TestRole>() -> (Vec<u8>, Transcript) {
    let payload: Vec<u8> = (0..=255).cycle().take(65_536).collect();
    let (stream, mut expected) = conversation::<Ro>();
    expected.events.insert(0, Seen::Binary(payload.clone()));
    ([Ro::received(0x82, &payload), stream].concat(), expected)
}

/// Streams that end in a violation, each with its error.
fn violations<Ro: TestRole>() -> Vec<(Vec<u8>, ProtocolError)> {
    let mask = if Ro::PEER_KEY.is_some() { 0x80 } else { 0 };
    let key = Ro::PEER_KEY.map_or(Vec::new(), Vec::from);
    let header = |first: u8, len: u8, rest: &[u8]| [&[first, mask | len], rest, &key].concat();
    let wrong_way = if Ro::IS_CLIENT { ProtocolError::Masked } else { ProtocolError::Unmasked };
    vec![
        (Ro::received(0xc1, b"Hello"), ProtocolError::ReservedBits),
        (Ro::received(0x83, b"Hello"), ProtocolError::ReservedOpcode),
        (Ro::sent(0x81, b"Hello"), wrong_way),
        (header(0x82, 126, &[0, 125]), ProtocolError::NonMinimalLength),
        (header(0x82, 127, &[0x80, 0, 0, 0, 0, 0, 0, 0]), ProtocolError::LengthTooLarge),
        (Ro::received(0x09, b"Hello"), ProtocolError::FragmentedControl),
        (Ro::received(0x89, &[0; 126]), ProtocolError::ControlTooLong),
        (Ro::received(0x80, b"Hello"), ProtocolError::UnexpectedContinuation),
        (
            [Ro::received(0x01, b"Hel"), Ro::received(0x81, b"lo")].concat(),
            ProtocolError::ExpectedContinuation,
        ),
        (Ro::received(0x81, b"\xce\xba\xed\xa0\x80"), ProtocolError::InvalidUtf8),
        (Ro::received(0x81, b"\xf0\x9f\x98"), ProtocolError::InvalidUtf8),
        (Ro::received(0x88, b"\x03"), ProtocolError::InvalidClosePayload),
        (Ro::received(0x88, b"\x03\xec"), ProtocolError::InvalidCloseCode),
        (Ro::received(0x88, b"\x03\xe8\xff"), ProtocolError::InvalidUtf8),
    ]
}

/// The conversation, ended by a violation instead of a close.
fn violated_conversations<Ro: TestRole>() -> Vec<(Vec<u8>, Transcript)> {
    let (stream, transcript) = conversation::<Ro>();
    let close = b"\x03\xe9going away";
    violations::<Ro>()
        .into_iter()
        .map(|(bad, error)| {
            let (mut stream, mut expected) = (stream.clone(), transcript.clone());
            stream.truncate(stream.len() - Ro::received(0x88, close).len());
            stream.extend(bad);
            expected.events.pop();
            expected.events.push(Seen::Error(error));
            let replies = expected.replies.len() - Ro::sent(0x88, close).len();
            expected.replies.truncate(replies);
            expected.replies.extend(Ro::sent(0x88, &error.close_code().get().to_be_bytes()));
            (stream, expected)
        })
        .collect()
}

fn a_conversation_is_the_same_at_every_split<Ro: TestRole>() {
    let (stream, expected) = conversation::<Ro>();
    assert_eq!(at_every_split::<Ro>(&stream), expected);
    assert_eq!(parse_frames(&expected.replies).len(), 4);
}

fn every_violation_is_the_same_at_every_split<Ro: TestRole>() {
    for (stream, expected) in violated_conversations::<Ro>() {
        assert_eq!(at_every_split::<Ro>(&stream), expected);
    }
}

fn a_conversation_is_the_same_at_random_cuts<Ro: TestRole>() {
    let mut rng = TestRng::new(1);
    let mut streams = violated_conversations::<Ro>();
    streams.extend([conversation::<Ro>(), conversation::<Ro>(), conversation::<Ro>()]);
    for round in 0..500 {
        let (stream, expected) = &streams[round % streams.len()];
        let n = 2 + rng.below(30);
        let mut cuts: Vec<usize> = (0..n).map(|_| rng.below(stream.len())).collect();
        cuts.sort_unstable();
        let seen = cut_at::<Ro>(stream, &cuts);
        assert!(seen == *expected, "cuts at {cuts:?}: {seen:?}");
    }
}

fn a_payload_of_64_kib_is_the_same_wherever_it_is_cut<Ro: TestRole>() {
    let (stream, expected) = long_conversation::<Ro>();
    assert!(whole::<Ro>(&stream) == expected);
    // Each byte of the header and around the ends of the payload, and samples of its inside.
    let end = 65_536 + 14;
    let cuts = (1..40).chain((40..end - 40).step_by(61)).chain(end - 40..stream.len());
    for cut in cuts {
        assert!(cut_at::<Ro>(&stream, &[cut]) == expected, "cut at {cut}");
    }
    for len in (1..=64).chain([1000, 1460, 4096, 16_384, 65_535]) {
        assert!(in_reads_of::<Ro>(&stream, len) == expected, "reads of {len}");
    }
}

fn replies_may_be_written_one_byte_at_a_time<Ro: TestRole>() {
    let mut streams = violated_conversations::<Ro>();
    streams.push(conversation::<Ro>());
    for (stream, expected) in streams {
        for reply_space in [1, 2, 3, 5, 7, 13, 130, 131] {
            let mut peer = Peer::<Ro>::new();
            peer.reply_space = reply_space;
            peer.feed(&stream);
            assert_eq!(peer.transcript, expected, "{reply_space} bytes at a time");
        }
    }
}

fn nothing_is_consumed_while_a_reply_waits<Ro: TestRole>() {
    let ping = Ro::received(0x89, b"Hello");
    let mut stream = [&ping[..], &ping].concat();
    let untouched = stream.clone();
    let mut connection = Ro::connection();
    let progress = connection.receive(&mut stream).unwrap();
    assert_eq!(progress.consumed, ping.len());
    for byte in Ro::sent(0x8a, b"Hello") {
        let progress = connection.receive(&mut stream[ping.len()..]).unwrap();
        assert_eq!((progress.consumed, progress.event), (0, None));
        assert_eq!(stream[ping.len()..], untouched[ping.len()..]);
        let mut out = [0];
        assert_eq!(connection.reply(&mut []), 0);
        assert_eq!(connection.reply(&mut out), 1);
        assert_eq!(out, [byte]);
    }
    assert_eq!(connection.reply(&mut [0; 9]), 0);
    let progress = connection.receive(&mut stream[ping.len()..]).unwrap();
    assert_eq!(progress.consumed, ping.len());
}

/// Not the state, nor what may still be asked about what came last.
fn an_empty_read_changes_nothing<Ro: TestRole>() {
    let (stream, expected) = conversation::<Ro>();
    let mut peer = Peer::<Ro>::new();
    for byte in &stream {
        peer.feed(&[*byte]);
        let (payload, remaining) =
            (peer.connection.control_payload().to_vec(), peer.connection.remaining());
        let close = peer.connection.close_received().map(|close| format!("{close:?}"));
        for _ in 0..2 {
            assert_eq!(peer.receive(&mut []), 0);
            assert_eq!(peer.connection.reply(&mut [0; 131]), 0);
        }
        assert_eq!(peer.connection.control_payload(), payload);
        assert_eq!(peer.connection.remaining(), remaining);
        let close_then = peer.connection.close_received().map(|close| format!("{close:?}"));
        assert_eq!(close_then, close);
    }
    assert_eq!(peer.transcript, expected);
}

fn an_empty_read_leaves_the_payload_of_the_last_control_frame<Ro: TestRole>() {
    for (first, payload) in [(0x89, &b"ping"[..]), (0x8a, b"pong"), (0x88, b"\x03\xe8bye")] {
        let mut connection = Ro::connection();
        assert!(connection.receive(&mut Ro::received(first, payload)).unwrap().event.is_some());
        for _ in 0..2 {
            assert_eq!(connection.receive(&mut []).unwrap().event, None);
            assert_eq!(connection.control_payload(), payload);
            while connection.reply(&mut [0; 131]) > 0 {}
        }
    }
}

/// Reads through a ring buffer, whose wrap cuts the stream once more.
fn through_ring<Ro: TestRole>(stream: &[u8], size: usize) -> Transcript {
    let mut peer = Peer::<Ro>::new();
    let mut ring = vec![0; size];
    let mut stream = stream.iter();
    // Filled bytes are ring[begin..begin + len], modulo size.
    let (mut begin, mut len) = (0, 0);
    loop {
        while len < size
            && let Some(byte) = stream.next()
        {
            ring[(begin + len) % size] = *byte;
            len += 1;
        }
        if len == 0 {
            return peer.transcript;
        }
        let end = size.min(begin + len);
        let consumed = peer.receive(&mut ring[begin..end]);
        assert!(consumed > 0);
        peer.reply();
        begin = (begin + consumed) % size;
        len -= consumed;
    }
}

fn a_ring_buffer_of_any_size_gives_the_same<Ro: TestRole>() {
    let mut streams = violated_conversations::<Ro>();
    streams.push(conversation::<Ro>());
    for (stream, expected) in streams {
        for size in 1..=40 {
            let seen = through_ring::<Ro>(&stream, size);
            assert!(seen == expected, "{size} bytes: {seen:?} instead of {expected:?}");
        }
    }
}

on_both_roles!(
    a_conversation_is_the_same_at_every_split,
    every_violation_is_the_same_at_every_split,
    a_conversation_is_the_same_at_random_cuts,
    a_payload_of_64_kib_is_the_same_wherever_it_is_cut,
    replies_may_be_written_one_byte_at_a_time,
    nothing_is_consumed_while_a_reply_waits,
    an_empty_read_changes_nothing,
    an_empty_read_leaves_the_payload_of_the_last_control_frame,
    a_ring_buffer_of_any_size_gives_the_same,
);
