//! `fail`, by which the application ends a connection (§7.1.7), and replies written in part.

use crate::common::{Frame, Peer, Seen, TestRole, Transcript, on_both_roles, parse_frames};
use wirelet::{CloseCode, Event, SendError};

/// A ping has come, and `written` bytes of its pong have been written.
fn with_part_of_a_pong<Ro: TestRole>(written: usize) -> Peer<Ro> {
    let mut peer = Peer::<Ro>::new();
    peer.receive(&mut Ro::received(0x89, b"Hello"));
    if written > 0 {
        let mut out = vec![0; written];
        assert_eq!(peer.connection.reply(&mut out), written);
        peer.transcript.replies = out;
    }
    peer
}

fn failing_sends_a_close_with_its_code<Ro: TestRole>() {
    for code in [CloseCode::MESSAGE_TOO_BIG, CloseCode::POLICY_VIOLATION] {
        let mut peer = Peer::<Ro>::new();
        peer.feed(&Ro::received(0x01, b"Hel"));
        peer.connection.fail(code);
        assert!(!peer.connection.is_closed());
        peer.reply();
        assert!(peer.connection.is_closed());
        assert!(peer.connection.closes_tcp_first());
        peer.feed(&Ro::received(0x80, b"lo"));
        peer.feed(&Ro::received(0x88, b"\x03\xe8"));
        let replies = Ro::sent(0x88, &code.get().to_be_bytes());
        assert_eq!(peer.transcript, Transcript { events: vec![], replies });
        assert_eq!(peer.connection.close_received(), None);
        let sent = peer.connection.send("late", &mut [0; 32]);
        assert_eq!(sent, Err(SendError::Closed));
    }
}

fn failing_in_the_middle_of_a_frame_ignores_the_rest_of_it<Ro: TestRole>() {
    let frame = Ro::received(0x82, &[0x55; 300]);
    for cut in 1..frame.len() {
        let mut peer = Peer::<Ro>::new();
        peer.feed(&frame[..cut]);
        peer.connection.fail(CloseCode::MESSAGE_TOO_BIG);
        peer.feed(&frame[cut..]);
        let replies = Ro::sent(0x88, b"\x03\xf1");
        assert_eq!(peer.transcript, Transcript { events: vec![], replies }, "cut at {cut}");
    }
}

fn only_the_first_failure_counts<Ro: TestRole>() {
    let mut peer = Peer::<Ro>::new();
    peer.connection.fail(CloseCode::MESSAGE_TOO_BIG);
    peer.connection.fail(CloseCode::INTERNAL_ERROR);
    peer.reply();
    peer.connection.fail(CloseCode::INTERNAL_ERROR);
    peer.reply();
    assert_eq!(peer.transcript.replies, Ro::sent(0x88, b"\x03\xf1"));
}

fn failing_after_the_end_does_nothing<Ro: TestRole>() {
    let mut peer = Peer::<Ro>::new();
    peer.receive(&mut Ro::received(0x88, b"\x03\xe8"));
    peer.connection.fail(CloseCode::MESSAGE_TOO_BIG);
    peer.reply();
    assert_eq!(peer.transcript.replies, Ro::sent(0x88, b"\x03\xe8"));

    let mut peer = Peer::<Ro>::new();
    peer.receive(&mut Ro::received(0x83, b""));
    peer.connection.fail(CloseCode::MESSAGE_TOO_BIG);
    peer.reply();
    assert_eq!(peer.transcript.replies, Ro::sent(0x88, b"\x03\xea"));
}

fn failing_after_the_own_close_sends_nothing_more<Ro: TestRole>() {
    let mut peer = Peer::<Ro>::new();
    peer.connection.close(CloseCode::NORMAL_CLOSURE, &mut [0; 16]).unwrap();
    peer.connection.fail(CloseCode::MESSAGE_TOO_BIG);
    peer.reply();
    assert_eq!(peer.transcript.replies, b"");
    assert!(peer.connection.is_closed());
}

fn failing_replaces_a_pong_of_which_nothing_is_written<Ro: TestRole>() {
    let mut peer = with_part_of_a_pong::<Ro>(0);
    peer.connection.fail(CloseCode::MESSAGE_TOO_BIG);
    peer.reply();
    assert_eq!(peer.transcript.replies, Ro::sent(0x88, b"\x03\xf1"));
}

/// §5.4 allows no frame inside another: the pong is ended before the close begins.
fn failing_in_the_middle_of_a_pong_ends_the_pong_first<Ro: TestRole>() {
    let pong = Ro::sent(0x8a, b"Hello");
    for written in 1..pong.len() {
        for reply_space in [1, 2, 64] {
            let mut peer = with_part_of_a_pong::<Ro>(written);
            peer.reply_space = reply_space;
            peer.connection.fail(CloseCode::MESSAGE_TOO_BIG);
            peer.reply();
            let expected = [&pong[..], &Ro::sent(0x88, b"\x03\xf1")].concat();
            assert_eq!(peer.transcript.replies, expected, "after {written} bytes of the pong");
            assert!(peer.connection.is_closed());
        }
    }
}

fn nothing_can_be_sent_inside_a_reply<Ro: TestRole>() {
    let pong = Ro::sent(0x8a, b"Hello");
    for written in 1..pong.len() {
        let mut peer = with_part_of_a_pong::<Ro>(written);
        let mut out = [0; 32];
        let error = Err(SendError::ReplyUnfinished);
        assert_eq!(peer.connection.send("x", &mut out), error);
        assert_eq!(peer.connection.ping(b"x", &mut out), error);
        assert_eq!(peer.connection.pong(b"x", &mut out), error);
        assert_eq!(peer.connection.close(CloseCode::NORMAL_CLOSURE, &mut out), error);
        assert_eq!(out, [0; 32]);
        peer.reply();
        assert_eq!(peer.transcript.replies, pong);
        let n = peer.connection.send("x", &mut out).unwrap();
        assert_eq!(out[..n], Ro::sent(0x81, b"x"));
    }
}

fn no_frame_can_be_started_inside_a_reply<Ro: TestRole>() {
    let (mut incoming, mut outgoing) = Ro::connection().split();
    let mut ping = Ro::received(0x89, b"Hello");
    assert_eq!(incoming.receive(&mut ping).unwrap().event, Some(Event::Ping));
    assert!(incoming.has_reply());
    assert_eq!(outgoing.reply(&mut incoming, &mut [0; 3]), 3);
    assert!(incoming.has_reply());
    assert_eq!(outgoing.start(&"x".into()).err(), Some(SendError::ReplyUnfinished));
    let mut out = [0; 32];
    let n = outgoing.reply(&mut incoming, &mut out);
    assert_eq!(out[..n], Ro::sent(0x8a, b"Hello")[3..]);
    assert!(!incoming.has_reply());
    assert!(outgoing.start(&"x".into()).is_ok());
}

fn frames_may_be_sent_before_a_reply_begins<Ro: TestRole>() {
    let mut peer = with_part_of_a_pong::<Ro>(0);
    let mut out = [0; 32];
    let n = peer.connection.send("x", &mut out).unwrap();
    assert_eq!(out[..n], Ro::sent(0x81, b"x"));
    peer.reply();
    let pong = Frame { first: 0x8a, key: Ro::OWN_KEY, payload: b"Hello".into() };
    assert_eq!(parse_frames(&peer.transcript.replies), [pong]);
    assert_eq!(peer.transcript.events, [Seen::Ping(b"Hello".into())]);
}

fn a_reply_of_which_nothing_was_written_keeps_nobody_from_sending<Ro: TestRole>() {
    let mut peer = with_part_of_a_pong::<Ro>(0);
    assert_eq!(peer.connection.reply(&mut []), 0);
    assert_eq!(peer.connection.send("x", &mut [0; 32]), Ok(Ro::sent(0x81, b"x").len()));
    peer.reply();
    assert_eq!(peer.transcript.replies, Ro::sent(0x8a, b"Hello"));
}

on_both_roles!(
    failing_sends_a_close_with_its_code,
    failing_in_the_middle_of_a_frame_ignores_the_rest_of_it,
    only_the_first_failure_counts,
    failing_after_the_end_does_nothing,
    failing_after_the_own_close_sends_nothing_more,
    failing_replaces_a_pong_of_which_nothing_is_written,
    failing_in_the_middle_of_a_pong_ends_the_pong_first,
    nothing_can_be_sent_inside_a_reply,
    no_frame_can_be_started_inside_a_reply,
    frames_may_be_sent_before_a_reply_begins,
    a_reply_of_which_nothing_was_written_keeps_nobody_from_sending,
);
