//! The closing handshake (§7), begun by either end, and what may be sent before and after it.

use crate::common::{KEY, Peer, Seen, TestRole, Transcript, at_every_split, frame, on_both_roles};
use wirelet::{Close, CloseCode, Connection, Event, ProtocolError, SendError, Server};

fn closed<Ro: TestRole>(code: Option<u16>, reason: &str, echo: &[u8]) -> Transcript {
    Transcript { events: vec![Seen::Close(code, reason.into())], replies: Ro::sent(0x88, echo) }
}

/// Sends close 1000 and returns the end that waits for the answer.
fn closing<Ro: TestRole>() -> Peer<Ro> {
    let mut peer = Peer::<Ro>::new();
    let mut out = [0; 16];
    let n = peer.connection.close(CloseCode::NORMAL_CLOSURE, &mut out).unwrap();
    assert_eq!(out[..n], Ro::sent(0x88, b"\x03\xe8"));
    peer
}

fn a_close_is_seen_and_echoed_with_its_code_and_reason<Ro: TestRole>() {
    let longest = [b"\x03\xe8", "é".repeat(61).as_bytes(), b"!"].concat();
    assert_eq!(longest.len(), 125);
    for payload in [&b""[..], b"\x03\xe8", b"\x03\xe9bye", b"\x0f\xa1\xe6\xbc\xa2", &longest] {
        let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
        let reason = payload.get(2..).map_or("", |reason| str::from_utf8(reason).unwrap());
        let stream = Ro::received(0x88, payload);
        let expected = closed::<Ro>(code, reason, payload);
        assert_eq!(at_every_split::<Ro>(&stream), expected, "{payload:x?}");
    }
}

fn every_code_that_may_be_sent_is_taken<Ro: TestRole>() {
    for code in (1000..=1003_u16).chain(1007..=1014).chain([3000, 3999, 4000, 4999]) {
        let payload = code.to_be_bytes();
        let seen = at_every_split::<Ro>(&Ro::received(0x88, &payload));
        assert_eq!(seen, closed::<Ro>(Some(code), "", &payload));
    }
}

fn every_code_that_must_not_be_sent_is_rejected<Ro: TestRole>() {
    let bad = (0..1000).chain(1004..=1006).chain(1015..3000).chain(5000..=u16::MAX);
    for code in bad {
        let error = Seen::Error(ProtocolError::InvalidCloseCode);
        let expected = Transcript { events: vec![error], replies: Ro::sent(0x88, b"\x03\xea") };
        let stream = Ro::received(0x88, &code.to_be_bytes());
        assert_eq!(crate::common::whole::<Ro>(&stream), expected, "{code}");
        if code % 101 == 0 || matches!(code, 999 | 1004..=1006 | 1015 | 1016 | 2999 | 5000) {
            assert_eq!(at_every_split::<Ro>(&stream), expected, "{code}");
        }
    }
}

fn a_bad_payload_of_a_close_is_rejected<Ro: TestRole>() {
    for (payload, error, code) in [
        (&b"\x03"[..], ProtocolError::InvalidClosePayload, b"\x03\xea"),
        (b"\xff", ProtocolError::InvalidClosePayload, b"\x03\xea"),
        (b"\x03\xe8\xff", ProtocolError::InvalidUtf8, b"\x03\xef"),
        (b"\x03\xe8ok\xed\xa0\x80", ProtocolError::InvalidUtf8, b"\x03\xef"),
        (b"\x03\xe8\xf0\x9f\x98", ProtocolError::InvalidUtf8, b"\x03\xef"),
    ] {
        let seen = at_every_split::<Ro>(&Ro::received(0x88, payload));
        let expected =
            Transcript { events: vec![Seen::Error(error)], replies: Ro::sent(0x88, code) };
        assert_eq!(seen, expected, "{payload:x?}");
    }
}

fn data_after_a_close_is_ignored<Ro: TestRole>() {
    let close = Ro::received(0x88, b"\x03\xe8");
    for after in [
        Ro::received(0x81, b"Hello"),
        Ro::received(0x89, b"?"),
        Ro::received(0x88, b"\x03\xe9"),
        Ro::sent(0x81, b"masked the wrong way"),
        vec![0xff; 40],
    ] {
        let seen = at_every_split::<Ro>(&[&close[..], &after].concat());
        assert_eq!(seen, closed::<Ro>(Some(1000), "", b"\x03\xe8"), "{after:x?}");
    }
}

fn a_close_inside_a_fragmented_message_is_taken<Ro: TestRole>() {
    let stream = [Ro::received(0x01, b"Hel"), Ro::received(0x88, b"\x03\xe9")].concat();
    assert_eq!(at_every_split::<Ro>(&stream), closed::<Ro>(Some(1001), "", b"\x03\xe9"));
}

fn an_end_that_is_closed_by_its_peer_is_closed_once_the_echo_is_written<Ro: TestRole>() {
    let mut connection = Ro::connection();
    assert_eq!(connection.close_received(), None);
    let mut close = Ro::received(0x88, b"\x03\xe9bye");
    let len = close.len();
    for byte in &mut close[..len - 1] {
        assert_eq!(connection.receive(&mut [*byte]).unwrap().event, None);
        assert_eq!(connection.close_received(), None);
    }
    let event = connection.receive(&mut close[len - 1..]).unwrap().event;
    assert_eq!(event, Some(Event::Close));
    let close = Close::with_reason(CloseCode::GOING_AWAY, "bye").unwrap();
    assert_eq!(connection.close_received(), Some(close));
    for byte in Ro::sent(0x88, b"\x03\xe9bye") {
        assert!(!connection.is_closed());
        let mut out = [0];
        assert_eq!(connection.reply(&mut out), 1);
        assert_eq!(out, [byte]);
    }
    assert!(connection.is_closed());
    assert_eq!(connection.reply(&mut [0; 9]), 0);
    assert_eq!(connection.close_received(), Some(close));
    // §7.1.1: "in most normal cases, the TCP connection SHOULD be closed first by the server".
    assert_eq!(connection.closes_tcp_first(), !Ro::IS_CLIENT);
    assert_eq!(connection.send("late", &mut [0; 32]), Err(SendError::Closed));
}

fn a_message_may_still_be_sent_before_the_echo<Ro: TestRole>() {
    let mut connection = Ro::connection();
    let mut close = Ro::received(0x88, b"");
    assert_eq!(connection.receive(&mut close).unwrap().event, Some(Event::Close));
    let mut out = [0; 32];
    let n = connection.send("last", &mut out).unwrap();
    assert_eq!(out[..n], Ro::sent(0x81, b"last"));
    let n = connection.reply(&mut out);
    assert_eq!(out[..n], Ro::sent(0x88, b""));
    assert!(connection.is_closed());
}

fn an_own_close_instead_of_the_echo_answers_the_peer<Ro: TestRole>() {
    let mut connection = Ro::connection();
    connection.receive(&mut Ro::received(0x88, b"\x03\xe8")).unwrap();
    let mut out = [0; 32];
    let n = connection.close(CloseCode::GOING_AWAY, &mut out).unwrap();
    assert_eq!(out[..n], Ro::sent(0x88, b"\x03\xe9"));
    assert!(connection.is_closed());
    assert_eq!(connection.reply(&mut out), 0, "only one close frame may be sent");
}

fn the_echo_ends_the_closing_handshake_that_this_end_began<Ro: TestRole>() {
    let mut peer = closing::<Ro>();
    assert!(!peer.connection.is_closed());
    peer.feed(&Ro::received(0x81, b"still underway"));
    assert!(!peer.connection.is_closed());
    peer.feed(&Ro::received(0x88, b"\x03\xe8"));
    assert!(peer.connection.is_closed());
    assert_eq!(peer.connection.closes_tcp_first(), !Ro::IS_CLIENT);
    let events = [Seen::Text("still underway".into()), Seen::Close(Some(1000), String::new())];
    assert_eq!(peer.transcript, Transcript { events: events.into(), replies: vec![] });
}

fn closes_that_cross_are_not_answered<Ro: TestRole>() {
    let mut peer = closing::<Ro>();
    peer.feed(&Ro::received(0x88, b"\x03\xe9mine"));
    assert!(peer.connection.is_closed());
    let events = vec![Seen::Close(Some(1001), "mine".into())];
    assert_eq!(peer.transcript, Transcript { events, replies: vec![] });
}

fn a_ping_after_the_own_close_is_seen_and_not_answered<Ro: TestRole>() {
    let mut peer = closing::<Ro>();
    peer.feed(&[Ro::received(0x89, b"?"), Ro::received(0x88, b"\x03\xe8")].concat());
    let events = vec![Seen::Ping(b"?".into()), Seen::Close(Some(1000), String::new())];
    assert_eq!(peer.transcript, Transcript { events, replies: vec![] });
}

fn a_pong_that_waits_is_dropped_by_the_own_close<Ro: TestRole>() {
    let mut peer = Peer::<Ro>::new();
    peer.receive(&mut Ro::received(0x89, b"?"));
    let mut out = [0; 16];
    peer.connection.close(CloseCode::NORMAL_CLOSURE, &mut out).unwrap();
    peer.reply();
    peer.feed(&Ro::received(0x88, b"\x03\xe8"));
    assert_eq!(peer.transcript.replies, b"");
    assert!(peer.connection.is_closed());
}

fn a_violation_after_the_own_close_ends_the_connection_silently<Ro: TestRole>() {
    let mut peer = closing::<Ro>();
    peer.feed(&Ro::received(0x83, b""));
    let events = vec![Seen::Error(ProtocolError::ReservedOpcode)];
    assert_eq!(peer.transcript, Transcript { events, replies: vec![] });
    assert!(peer.connection.is_closed());
    assert!(peer.connection.closes_tcp_first());
}

fn nothing_can_be_sent_after_the_own_close<Ro: TestRole>() {
    let mut connection = closing::<Ro>().connection;
    let mut out = [0; 64];
    assert_eq!(connection.send("Hello", &mut out), Err(SendError::Closed));
    assert_eq!(connection.ping(b"", &mut out), Err(SendError::Closed));
    assert_eq!(connection.pong(b"", &mut out), Err(SendError::Closed));
    assert_eq!(connection.close(Close::EMPTY, &mut out), Err(SendError::Closed));
    // The state decides before the argument does.
    assert_eq!(connection.ping(&[0; 126], &mut out), Err(SendError::Closed));
    let (_, mut outgoing) = connection.split();
    assert!(outgoing.is_close_sent());
    assert_eq!(outgoing.start(&"Hello".into()).err(), Some(SendError::Closed));
    assert_eq!(out, [0; 64]);
}

fn closes_of_every_form_have_their_bytes<Ro: TestRole>() {
    let longest = "x".repeat(Close::MAX_REASON_LEN);
    let full = [b"\x0f\xa1", longest.as_bytes()].concat();
    let code = CloseCode::new(4001).unwrap();
    for (close, payload) in [
        (Close::EMPTY, &b""[..]),
        (CloseCode::MESSAGE_TOO_BIG.into(), b"\x03\xf1"),
        (Close::with_reason(CloseCode::GOING_AWAY, "bye").unwrap(), b"\x03\xe9bye"),
        (Close::with_reason(code, &longest).unwrap(), &full),
    ] {
        let expected = Ro::sent(0x88, payload);
        for space in 0..expected.len() {
            let mut connection = Ro::connection();
            let error = SendError::OutOfSpace { needed: expected.len() };
            assert_eq!(connection.close(close, &mut vec![0; space]), Err(error));
            // Not closed by the attempt.
            assert!(connection.send("", &mut [0; 16]).is_ok());
        }
        let mut out = vec![0; expected.len()];
        assert_eq!(Ro::connection().close(close, &mut out), Ok(expected.len()));
        assert_eq!(out, expected);
    }
}

#[test]
fn a_reason_of_124_bytes_is_too_long() {
    let reason = "x".repeat(124);
    let close = Close::with_reason(CloseCode::NORMAL_CLOSURE, &reason);
    assert_eq!(close, Err(SendError::ControlTooLong));
}

on_both_roles!(
    a_close_is_seen_and_echoed_with_its_code_and_reason,
    every_code_that_may_be_sent_is_taken,
    every_code_that_must_not_be_sent_is_rejected,
    a_bad_payload_of_a_close_is_rejected,
    data_after_a_close_is_ignored,
    a_close_inside_a_fragmented_message_is_taken,
    an_end_that_is_closed_by_its_peer_is_closed_once_the_echo_is_written,
    a_message_may_still_be_sent_before_the_echo,
    an_own_close_instead_of_the_echo_answers_the_peer,
    the_echo_ends_the_closing_handshake_that_this_end_began,
    closes_that_cross_are_not_answered,
    a_ping_after_the_own_close_is_seen_and_not_answered,
    a_pong_that_waits_is_dropped_by_the_own_close,
    a_violation_after_the_own_close_ends_the_connection_silently,
    nothing_can_be_sent_after_the_own_close,
    closes_of_every_form_have_their_bytes,
);

#[test]
fn a_close_that_was_sent_shows_until_the_end() {
    let mut connection = Connection::new(Server);
    assert!(!connection.is_close_sent());
    connection.close(CloseCode::GOING_AWAY, &mut [0; 16]).unwrap();
    assert!(connection.is_close_sent());
    connection.receive(&mut frame(0x88, Some(KEY), &[])).unwrap();
    assert!(connection.is_close_sent());
}
