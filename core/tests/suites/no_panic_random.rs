//! Hundreds of thousands of random and mutated streams, the same in every run: no panic, always
//! progress, nothing after the end, and only valid frames in reply.

use std::collections::HashSet;

use crate::common::{Frame, Peer, Seen, TestRng, TestRole, on_both_roles, parse_frames};
use wirelet::handshake::{Acceptance, ClientRequest, HeadScanner, Key, Request, Response};
use wirelet::{Chunk, CloseCode, Header};

/// First bytes of frames, the valid ones more often than the others.
const FIRST: [u8; 24] = [
    0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x00, 0x80, 0x89, 0x8a, 0x89, 0x8a, 0x88, 0x81, 0x82, 0x01,
    0x80, 0x80, 0x89, 0x09, 0xc1, 0x83, 0x8b, 0x90,
];

const PAYLOADS: [&[u8]; 10] = [
    b"",
    b"a",
    b"Hello",
    "漢".as_bytes(),
    "é😀".as_bytes(),
    b"\xce",
    b"\xba",
    b"\xff",
    b"\x03\xe8",
    b"\x03\xe9bye",
];

fn pick<T: Copy>(rng: &mut TestRng, from: &[T]) -> T {
    from[rng.below(from.len())]
}

/// A few frames that are mostly valid, some of them damaged.
fn stream<Ro: TestRole>(rng: &mut TestRng) -> Vec<u8> {
    let mut stream = Vec::new();
    for _ in 0..=rng.below(7) {
        let payload = match rng.below(12) {
            0 => {
                let len = pick(rng, &[1, 124, 125, 126, 127, 300]);
                vec![b'x'; len]
            }
            1 => {
                let len = rng.below(20);
                rng.bytes(len)
            }
            _ => pick(rng, &PAYLOADS).to_vec(),
        };
        stream.extend(match rng.below(60) {
            0 => Ro::sent(0x81, &payload),
            1 => rng.bytes(14),
            2 => vec![0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 5],
            _ => Ro::received(pick(rng, &FIRST), &payload),
        });
    }
    match rng.below(8) {
        0 => stream.truncate(rng.below(stream.len() + 1)),
        1 => {
            let at = rng.below(stream.len());
            stream[at] = rng.byte();
        }
        2 => {
            let at = rng.below(stream.len());
            stream[at] ^= 1 << rng.below(8);
        }
        3 => {
            let at = rng.below(stream.len());
            stream.remove(at);
        }
        _ => {}
    }
    stream
}

/// Feeds the stream in reads of random lengths.
fn feed<Ro: TestRole>(stream: &[u8], rng: &mut TestRng) -> Peer<Ro> {
    let mut peer = Peer::new();
    peer.reply_space = 1 + rng.below(140);
    let mut rest = stream;
    while !rest.is_empty() {
        let len = (1 + rng.below(40)).min(rest.len());
        peer.feed(&rest[..len]);
        rest = &rest[len..];
    }
    peer
}

/// One reply for each ping and one at the end, in their order, with the right key.
fn replies_fit<Ro: TestRole>(peer: &Peer<Ro>) {
    let frame = |first, payload: &[u8]| Frame { first, key: Ro::OWN_KEY, payload: payload.into() };
    let expected: Vec<Frame> = peer
        .transcript
        .events
        .iter()
        .filter_map(|seen| match seen {
            Seen::Ping(payload) => Some(frame(0x8a, payload)),
            Seen::Close(code, reason) => {
                let code = code.map_or(Vec::new(), |code| code.to_be_bytes().into());
                Some(frame(0x88, &[&code, reason.as_bytes()].concat()))
            }
            Seen::Error(error) => Some(frame(0x88, &error.close_code().get().to_be_bytes())),
            Seen::Text(_) | Seen::Binary(_) | Seen::Pong(_) => None,
        })
        .collect();
    assert_eq!(parse_frames(&peer.transcript.replies), expected);
}

fn mutated_streams_keep_the_contract<Ro: TestRole>() {
    let mut rng = TestRng::new(0x5eed);
    let mut kinds = HashSet::new();
    let mut ended = 0;
    for _ in 0..150_000 {
        let stream = stream::<Ro>(&mut rng);
        let peer = feed::<Ro>(&stream, &mut rng);
        replies_fit(&peer);
        ended += u32::from(peer.connection.is_closed());
        kinds.extend(peer.transcript.events.iter().map(|seen| match seen {
            Seen::Error(error) => format!("{error:?}"),
            other => format!("{other:?}").split(['(', '[']).next().unwrap().to_owned(),
        }));
    }
    // The streams reach everything that there is, or this test would show little.
    assert_eq!(kinds.len(), 5 + 12, "{kinds:?}");
    assert!(ended > 50_000 && ended < 140_000, "{ended} of 150,000 connections ended");
}

fn random_bytes_keep_the_contract<Ro: TestRole>() {
    let mut rng = TestRng::new(0xbad);
    for _ in 0..100_000 {
        let len = 1 + rng.below(40);
        let peer = feed::<Ro>(&rng.bytes(len), &mut rng);
        replies_fit(&peer);
    }
}

/// Receives and sends at once; whatever is sent are valid frames, none of them inside another.
fn random_calls_write_only_whole_frames<Ro: TestRole>() {
    let mut rng = TestRng::new(0xca11);
    let mut sent = 0;
    for _ in 0..20_000 {
        let mut connection = Ro::connection();
        let mut wire = Vec::new();
        let mut input = stream::<Ro>(&mut rng);
        let mut rest = &mut input[..];
        for _ in 0..30 {
            let mut out = [0; 150];
            let space = 1 + rng.below(out.len() - 1);
            let out = &mut out[..space];
            let n = match rng.below(16) {
                0 => connection.send("text", out).unwrap_or(0),
                1 => connection.send(Chunk::first("a"), out).unwrap_or(0),
                2 => connection.send(Chunk::middle("b"), out).unwrap_or(0),
                3 => connection.send(Chunk::last("c"), out).unwrap_or(0),
                4 => connection.ping(&[7; 130][..rng.below(130)], out).unwrap_or(0),
                5 => connection.pong(b"pong", out).unwrap_or(0),
                6 if rng.below(8) == 0 => {
                    connection.close(CloseCode::NORMAL_CLOSURE, out).unwrap_or(0)
                }
                6 if rng.below(4) == 0 => {
                    connection.fail(CloseCode::MESSAGE_TOO_BIG);
                    0
                }
                7..=11 => connection.reply(out),
                _ => {
                    let len = rng.below(rest.len() + 1);
                    let (read, _) = rest.split_at_mut(len);
                    let consumed = connection.receive(read).map_or(len, |it| it.consumed);
                    rest = &mut rest[consumed..];
                    0
                }
            };
            wire.extend(&out[..n]);
        }
        let mut out = [0; 150];
        while let n @ 1.. = connection.reply(&mut out) {
            wire.extend(&out[..n]);
        }
        let frames = parse_frames(&wire);
        in_order(&frames);
        sent += frames.len();
    }
    assert!(sent > 50_000, "{sent}");
}

/// Like §5.4 wants them: fragments in order, and nothing after a close.
fn in_order(frames: &[Frame]) {
    let mut open = false;
    for (i, frame) in frames.iter().enumerate() {
        match frame.first & 0x0f {
            0 => assert!(open),
            1 | 2 => assert!(!open),
            8 => assert_eq!(i + 1, frames.len(), "a frame after the close"),
            9 | 10 => {}
            opcode => panic!("opcode {opcode}"),
        }
        if frame.first & 0x08 == 0 {
            open = frame.first & 0x80 == 0;
        }
    }
}

#[test]
fn random_headers_decode_to_what_encodes_to_the_same_bytes() {
    let mut rng = TestRng::new(0x4ead);
    let mut whole = 0;
    for _ in 0..300_000 {
        let len = rng.below(16);
        let bytes = rng.bytes(len);
        if let Ok(Some((header, len))) = Header::decode(&bytes) {
            assert_eq!(header.encode(&mut [0; Header::MAX_LEN]), &bytes[..len]);
            whole += 1;
        }
    }
    assert!(whole > 100_000, "{whole}");
}

#[test]
fn mutated_heads_are_answered_without_a_panic() {
    let request = ClientRequest::new("board.local", "/chat?x")
        .origin("https://board.local")
        .subprotocols(&["chat"])
        .headers(&[("X-A", "b")]);
    let key = Key::from_nonce(*b"the sample nonce");
    let mut out = [0; 512];
    let n = request.encode(&key, &mut out).unwrap();
    let request_head = out[..n].to_vec();
    let parsed = Request::parse(&request_head).unwrap();
    let acceptance = Acceptance::new().subprotocol(Some("chat"));
    let n = parsed.upgrade().unwrap().accept(&acceptance, &mut out).unwrap();
    let response_head = out[..n].to_vec();

    let mut rng = TestRng::new(0xed17);
    let mut errors = HashSet::new();
    let mut accepted = 0;
    for _ in 0..100_000 {
        let bytes = mutated(&request_head, &mut rng);
        if let Ok(Some(len)) = HeadScanner::new().scan(&bytes) {
            match Request::parse(&bytes[..len]) {
                Err(error) => _ = errors.insert(format!("{error:?}")),
                Ok(request) => {
                    let _ = (request.path(), request.query(), request.is_upgrade());
                    match request.upgrade() {
                        Err(error) => _ = errors.insert(format!("{error:?}")),
                        Ok(upgrade) => {
                            accepted += 1;
                            let space = rng.below(300);
                            let acceptance = Acceptance::default();
                            let _ = upgrade.accept(&acceptance, &mut vec![0; space]);
                        }
                    }
                }
            }
        }
        let bytes = mutated(&response_head, &mut rng);
        if let Err(error) = request.verify(&key, &bytes) {
            errors.insert(format!("{error:?}").split('(').next().unwrap().to_owned());
        }
        let _ = Response::parse(&bytes);
    }
    for error in ["Malformed", "Method", "Host", "Key", "Accept", "Refused", "Subprotocol"] {
        assert!(errors.contains(error), "{error} never came: {errors:?}");
    }
    assert!(accepted > 10_000, "{accepted}");
}

fn mutated(head: &[u8], rng: &mut TestRng) -> Vec<u8> {
    let mut head = head.to_vec();
    for _ in 0..=rng.below(3) {
        let at = rng.below(head.len());
        match rng.below(5) {
            0 => head[at] = rng.byte(),
            1 => head[at] ^= 1 << rng.below(8),
            2 => _ = head.remove(at),
            3 => head.insert(at, pick(rng, b"\r\n\t :,/#?\0\xff")),
            _ => {
                // A line twice, or somewhere else.
                let lines: Vec<Vec<u8>> =
                    head.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
                let from = rng.below(lines.len());
                let to = rng.below(lines.len());
                let mut lines = lines.clone();
                let line = if rng.below(2) == 0 { lines.remove(from) } else { lines[from].clone() };
                lines.insert(to.min(lines.len()), line);
                head = lines.concat();
            }
        }
        if head.is_empty() {
            head.push(b'\r');
        }
    }
    head
}

on_both_roles!(
    mutated_streams_keep_the_contract,
    random_bytes_keep_the_contract,
    random_calls_write_only_whole_frames,
);
