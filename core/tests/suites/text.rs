//! Text in pieces is UTF-8 when they are put together, whoever made them (§8.1).

use crate::common::{TestRole, on_both_roles, parse_frames};
use wirelet::{Chunk, Connection, Event, Kind, SendError};

const INVALID: SendError = SendError::InvalidUtf8;

/// Receives the beginning of a text that is cut inside a code point, and sends it on.
fn cut_inside_a_code_point<Ro: TestRole>(to: &mut Connection<Ro>, wire: &mut Vec<u8>) {
    let mut input = Ro::received(0x81, "aé".as_bytes());
    let cut = input.len() - 1;
    let mut from = Ro::connection();
    let Some(Event::Chunk(chunk)) = from.receive(&mut input[..cut]).unwrap().event else {
        panic!("two bytes have come");
    };
    assert_eq!(chunk.as_bytes(), b"a\xc3");
    let mut out = [0; 32];
    let n = to.send(chunk, &mut out).unwrap();
    wire.extend(&out[..n]);
}

fn joined(wire: &[u8]) -> Vec<u8> {
    parse_frames(wire).into_iter().flat_map(|frame| frame.payload).collect()
}

fn no_own_text_follows_half_a_code_point<Ro: TestRole>() {
    let mut to = Ro::connection();
    let mut wire = Vec::new();
    cut_inside_a_code_point(&mut to, &mut wire);
    let mut out = [0; 32];
    for chunk in [
        Chunk::last("x"),
        Chunk::middle("x"),
        Chunk::middle("é"),
        Chunk::last(""),
        Chunk::middle(""),
    ] {
        assert_eq!(to.send(chunk, &mut out), Err(INVALID));
        assert_eq!(to.start(&chunk).err(), Some(INVALID));
    }
    assert_eq!(out, [0; 32]);
    // A control frame may, and the other half of the code point.
    let n = to.ping(b"", &mut out).unwrap();
    assert_eq!(out[..n], Ro::sent(0x89, b""));
    let mut input = Ro::received(0x81, "aé".as_bytes());
    let last = input.len() - 1;
    let mut from = Ro::connection();
    from.receive(&mut input[..last]).unwrap();
    let Some(Event::Chunk(chunk)) = from.receive(&mut input[last..]).unwrap().event else {
        panic!("the last byte has come");
    };
    let n = to.send(chunk, &mut out).unwrap();
    wire.extend(&out[..n]);
    assert_eq!(joined(&wire), "aé".as_bytes());
    // The next text begins anew.
    assert!(to.send("x", &mut out).is_ok());
}

fn half_a_code_point_of_another_text_is_refused<Ro: TestRole>() {
    let mut to = Ro::connection();
    cut_inside_a_code_point(&mut to, &mut Vec::new());
    // The end of another, with one byte too many for this.
    let text = "a漢".as_bytes();
    let mut input = Ro::received(0x81, text);
    let cut = input.len() - 2;
    let mut from = Ro::connection();
    from.receive(&mut input[..cut]).unwrap();
    let Some(Event::Chunk(chunk)) = from.receive(&mut input[cut..]).unwrap().event else {
        panic!("the last bytes have come");
    };
    let mut out = [0; 32];
    assert_eq!(to.send(chunk, &mut out), Err(INVALID));
    assert_eq!(to.start(&chunk).err(), Some(INVALID));
    assert_eq!(out, [0; 32]);
}

fn a_text_of_known_length_is_checked_as_it_is_given<Ro: TestRole>() {
    let text = "é漢😀";
    for cut in 0..=text.len() {
        let (front, back) = text.as_bytes().split_at(cut);
        let (_, mut outgoing) = Ro::connection().split();
        let mut wire = outgoing.begin(Kind::Text, true, text.len()).unwrap().header().to_vec();
        let mut out = [0; 32];
        for piece in [front, back] {
            let mut bad = piece.to_vec();
            bad.push(0xff);
            if piece.len() < outgoing.unfinished() {
                assert_eq!(outgoing.payload(&bad, &mut out), Err(INVALID));
            }
            let n = outgoing.payload(piece, &mut out).unwrap();
            assert_eq!(n, piece.len());
            wire.extend(&out[..n]);
        }
        assert_eq!(outgoing.unfinished(), 0);
        assert_eq!(wire, Ro::sent(0x81, text.as_bytes()));
    }
    // It ends too early by one byte.
    let (_, mut outgoing) = Ro::connection().split();
    outgoing.begin(Kind::Text, true, 3).unwrap();
    let mut out = [0; 32];
    assert_eq!(outgoing.payload("é😀".as_bytes(), &mut out), Err(INVALID));
    assert_eq!(outgoing.payload("é".as_bytes(), &mut out), Ok(2));
    assert_eq!(outgoing.payload("😀".as_bytes(), &mut out), Err(INVALID));
    assert_eq!(outgoing.payload(b"!", &mut out), Ok(1));
}

fn fragments_of_known_length_are_checked_across_their_borders<Ro: TestRole>() {
    let (_, mut outgoing) = Ro::connection().split();
    let mut out = [0; 32];
    let mut wire = outgoing.begin(Kind::Text, false, 2).unwrap().header().to_vec();
    let n = outgoing.payload(b"a\xe6", &mut out).unwrap();
    wire.extend(&out[..n]);
    assert_eq!(outgoing.begin(Kind::Text, true, 0).err(), Some(INVALID));
    wire.extend(outgoing.begin(Kind::Text, false, 0).unwrap().header());
    assert_eq!(outgoing.send(Chunk::last("x"), &mut out), Err(INVALID));
    wire.extend(outgoing.begin(Kind::Text, true, 2).unwrap().header());
    assert_eq!(outgoing.payload(b"\xbc\xc3", &mut out), Err(INVALID));
    assert_eq!(outgoing.payload(b"\xbcx", &mut out), Err(INVALID));
    let n = outgoing.payload(b"\xbc\xa2", &mut out).unwrap();
    wire.extend(&out[..n]);
    assert_eq!(joined(&wire), "a漢".as_bytes());
}

fn inside_a_frame_that_was_begun_there_is_no_other<Ro: TestRole>() {
    let (mut incoming, mut outgoing) = Ro::connection().split();
    let mut out = [0; 32];
    assert_eq!(outgoing.may_begin(), Ok(()));
    outgoing.begin(Kind::Binary, true, 3).unwrap();
    let unfinished = SendError::FrameUnfinished;
    for left in [3, 2, 1] {
        assert_eq!(outgoing.unfinished(), left);
        assert_eq!(outgoing.may_begin(), Err(unfinished));
        assert_eq!(outgoing.send("x", &mut out), Err(unfinished));
        assert_eq!(outgoing.start(&"x".into()).err(), Some(unfinished));
        assert_eq!(outgoing.begin(Kind::Binary, true, 0).err(), Some(unfinished));
        assert_eq!(outgoing.ping(b"", &mut out), Err(unfinished));
        assert_eq!(outgoing.close(wirelet::Close::EMPTY, &mut out), Err(unfinished));
        assert_eq!(outgoing.payload(b"xyz", &mut out[..1]), Ok(1));
    }
    assert_eq!(outgoing.payload(b"xyz", &mut out), Ok(0));
    assert_eq!(outgoing.may_begin(), Ok(()));
    // Nor is a pong written inside it.
    incoming.receive(&mut Ro::received(0x89, b"?")).unwrap();
    outgoing.begin(Kind::Binary, true, 1).unwrap();
    assert_eq!(outgoing.reply(&mut incoming, &mut out), 0);
    assert!(incoming.has_reply());
    outgoing.payload(b"x", &mut out).unwrap();
    let n = outgoing.reply(&mut incoming, &mut out);
    assert_eq!(out[..n], Ro::sent(0x8a, b"?"));
}

fn whether_a_message_may_begin_is_told<Ro: TestRole>() {
    let (mut incoming, mut outgoing) = Ro::connection().split();
    let mut out = [0; 32];
    outgoing.send(Chunk::first("a"), &mut out).unwrap();
    assert_eq!(outgoing.may_begin(), Err(SendError::MessageInProgress));
    outgoing.send(Chunk::last("a"), &mut out).unwrap();
    assert_eq!(outgoing.may_begin(), Ok(()));
    incoming.receive(&mut Ro::received(0x89, b"?")).unwrap();
    assert_eq!(outgoing.may_begin(), Ok(()));
    assert_eq!(outgoing.reply(&mut incoming, &mut out[..1]), 1);
    assert_eq!(outgoing.may_begin(), Err(SendError::ReplyUnfinished));
    outgoing.reply(&mut incoming, &mut out);
    outgoing.close(wirelet::Close::EMPTY, &mut out).unwrap();
    assert_eq!(outgoing.may_begin(), Err(SendError::Closed));
}

on_both_roles!(
    no_own_text_follows_half_a_code_point,
    half_a_code_point_of_another_text_is_refused,
    a_text_of_known_length_is_checked_as_it_is_given,
    fragments_of_known_length_are_checked_across_their_borders,
    inside_a_frame_that_was_begun_there_is_no_other,
    whether_a_message_may_begin_is_told,
);
