//! Pings and closes are answered when they are told, and all that one read brought in one write.

use crate::common::{Seen, TestRole};
use crate::drive::{Driver, INTERRUPTED, Part, Talk, on_every_driver_and_role};
use crate::pipe::{Shape, WIDE, pipe};
use wirelet::{Error, Flush, Kind, ProtocolError, Storage};

fn when_a_ping_is_told_its_pong_has_left<D: Driver, Ro: TestRole>() {
    for flush in [Flush::Batch, Flush::Manual] {
        let (near, far) = pipe(WIDE);
        let mut storage = Storage::<256, 64, 256>::new();
        let mut ws = D::new(near, Ro::role(), storage.buffers());
        ws = D::with_flush(ws, flush);
        far.put(&Ro::received(0x89, b"?"));
        assert_eq!(ws.receive(), Ok(Seen::Ping(b"?".into())));
        assert_eq!(far.take(), Ro::sent(0x8a, b"?"));
        far.put(&Ro::received(0x89, &[1; 125]));
        assert_eq!(ws.receive_chunk(), Ok(Part::Control(Seen::Ping(vec![1; 125]))));
        assert_eq!(far.take(), Ro::sent(0x8a, &[1; 125]));
        far.put(&Ro::received(0x88, b""));
        assert_eq!(ws.receive(), Ok(Seen::Close(None, String::new())));
        assert_eq!(far.take(), Ro::sent(0x88, b""));
    }
}

fn all_replies_to_one_read_leave_in_one_write_and_one_flush<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<512, 64, 512>::new();
    let mut ws = D::new(near.clone(), Ro::role(), storage.buffers());
    far.put(&Ro::received(0x89, b"x").repeat(20));
    for n in 1..=20 {
        assert_eq!(near.writes_and_flushes(), (0, 0));
        assert_eq!(ws.receive(), Ok(Seen::Ping(b"x".into())), "{n}");
    }
    assert_eq!(near.writes_and_flushes(), (1, 1), "with the last");
    assert_eq!(ws.receive(), Err(INTERRUPTED));
    assert_eq!(near.writes_and_flushes(), (1, 1));
    assert_eq!(far.take(), Ro::sent(0x8a, b"x").repeat(20));
}

fn what_comes_behind_a_ping_takes_its_pong_along<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<512, 64, 512>::new();
    let mut ws = D::new(near.clone(), Ro::role(), storage.buffers());
    far.put(&[Ro::received(0x89, b"?"), Ro::received(0x81, b"hi")].concat());
    assert_eq!(ws.receive(), Ok(Seen::Ping(b"?".into())));
    assert_eq!(ws.receive(), Ok(Seen::Text("hi".into())));
    assert_eq!(near.writes_and_flushes(), (1, 1));
    assert_eq!(far.take(), Ro::sent(0x8a, b"?"));
    // Behind a violation nothing is told, so the pong leaves with the close.
    far.put(&[Ro::received(0x89, b"!"), Ro::received(0x83, b"ignored")].concat());
    assert_eq!(ws.receive(), Ok(Seen::Ping(b"!".into())));
    assert_eq!(ws.receive(), Err(Error::Protocol(ProtocolError::ReservedOpcode)));
    assert_eq!(near.writes_and_flushes(), (2, 2));
    assert_eq!(far.take(), [Ro::sent(0x8a, b"!"), Ro::sent(0x88, b"\x03\xea")].concat());
}

fn a_pong_leaves_with_what_the_application_says<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<512, 64, 512>::new();
    let mut ws = D::new(near.clone(), Ro::role(), storage.buffers());
    far.put(&[Ro::received(0x89, b"?"), Ro::received(0x81, b"hi")].concat());
    assert_eq!(ws.receive(), Ok(Seen::Ping(b"?".into())));
    ws.send("own").unwrap();
    assert_eq!(near.writes_and_flushes(), (1, 1));
    assert_eq!(ws.receive(), Ok(Seen::Text("hi".into())));
    assert_eq!(near.writes_and_flushes(), (1, 1));
    assert_eq!(far.take(), [Ro::sent(0x8a, b"?"), Ro::sent(0x81, b"own")].concat());
}

fn before_it_waits_for_more_all_has_left<D: Driver, Ro: TestRole>() {
    let ping = Ro::received(0x89, b"?");
    let message = Ro::received(0x81, b"hi");
    for cut in 1..message.len() {
        let (near, far) = pipe(WIDE);
        let mut storage = Storage::<512, 64, 512>::new();
        let mut ws = D::new(near.clone(), Ro::role(), storage.buffers());
        far.put(&[&ping[..], &message[..cut]].concat());
        assert_eq!(ws.receive(), Ok(Seen::Ping(b"?".into())));
        assert_eq!(ws.receive(), Err(INTERRUPTED));
        assert_eq!(far.take(), Ro::sent(0x8a, b"?"));
        assert_eq!(near.writes_and_flushes(), (1, 1));
        far.put(&message[cut..]);
        assert_eq!(ws.receive(), Ok(Seen::Text("hi".into())));
    }
}

fn more_replies_than_there_is_room_for_are_all_sent<D: Driver, Ro: TestRole>() {
    for (shape, n) in [(WIDE, 9), (Shape { write: 100, ..WIDE }, 9)] {
        let (near, far) = pipe(shape);
        let mut storage = Storage::<4096, 64, 131>::new();
        let mut ws = D::new(near, Ro::role(), storage.buffers());
        far.put(&Ro::received(0x89, &[7; 100]).repeat(n));
        for _ in 0..n {
            assert_eq!(ws.receive(), Ok(Seen::Ping(vec![7; 100])));
        }
        assert_eq!(far.take(), Ro::sent(0x8a, &[7; 100]).repeat(n));
    }
}

fn with_manual_flush_only_the_application_flushes<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<64, 64, 256>::new();
    let ws = D::new(near.clone(), Ro::role(), storage.buffers());
    let mut ws = D::with_flush(ws, Flush::Manual);
    ws.send("one").unwrap();
    far.put(&Ro::received(0x89, b""));
    assert_eq!(ws.receive(), Ok(Seen::Ping(vec![])));
    assert_eq!(ws.receive(), Err(INTERRUPTED));
    ws.message_end(Kind::Text).unwrap();
    ws.close_and_finish(wirelet::CloseCode::NORMAL_CLOSURE).unwrap_err();
    assert_eq!(near.writes_and_flushes(), (4, 0));
    ws.flush().unwrap();
    assert_eq!(near.writes_and_flushes(), (4, 1));
    ws.flush().unwrap();
    assert_eq!(near.writes_and_flushes(), (4, 1), "there is nothing to flush");
}

fn queued_messages_leave_in_one_write<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<64, 64, 256>::new();
    let mut ws = D::new(near.clone(), Ro::role(), storage.buffers());
    for message in ["one", "two", "three"] {
        ws.queue(message).unwrap();
    }
    assert_eq!(near.writes_and_flushes(), (0, 0));
    ws.flush().unwrap();
    assert_eq!(near.writes_and_flushes(), (1, 1));
    let sent = ["one", "two", "three"].map(|text| Ro::sent(0x81, text.as_bytes()));
    assert_eq!(far.take(), sent.concat());
}

on_every_driver_and_role!(
    when_a_ping_is_told_its_pong_has_left,
    all_replies_to_one_read_leave_in_one_write_and_one_flush,
    what_comes_behind_a_ping_takes_its_pong_along,
    a_pong_leaves_with_what_the_application_says,
    before_it_waits_for_more_all_has_left,
    more_replies_than_there_is_room_for_are_all_sent,
    with_manual_flush_only_the_application_flushes,
    queued_messages_leave_in_one_write,
);
