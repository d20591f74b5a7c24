//! What is sent survives a transport that fails: an error says whether to call again, to flush, or
//! to write the rest.

use std::collections::VecDeque;

use crate::common::{Seen, TestClient, TestRole};
use crate::drive::{
    Driver, INTERRUPTED, Outcome, Talk, again, deliver, on_both_drivers_and_roles,
    on_every_driver_and_role,
};
use crate::pipe::{End, Shape, WIDE, WouldBlock, pipe};
use wirelet::{Chunk, CloseCode, Error, Kind, SendError, Storage};

const NARROW: Shape = Shape { read: 1, write: 1, capacity: usize::MAX };

/// Lengths around that of the transmit buffer, 140.
const LENGTHS: [usize; 9] = [0, 1, 20, 125, 126, 131, 140, 141, 700];

fn bytes(len: usize) -> Vec<u8> {
    (0..=250).cycle().take(len).collect()
}

/// A peer that takes nothing for now, and then everything.
fn stuck() -> (End, End) {
    pipe(Shape { capacity: 0, ..WIDE })
}

fn a_send_that_was_not_taken_is_sent_once<D: Driver, Ro: TestRole>() {
    let (near, far) = stuck();
    let mut storage = Storage::<64, 0, 256>::new();
    let mut ws = D::new(near.clone(), Ro::role(), storage.buffers());
    // It is queued, so that `flush` goes on with it.
    assert_eq!(ws.send("pay 100"), Err(Error::Unflushed(WouldBlock)));
    assert_eq!(ws.flush(), Err(INTERRUPTED));
    near.set_capacity(4096);
    ws.flush().unwrap();
    assert_eq!(far.take(), Ro::sent(0x81, b"pay 100"));
}

fn a_send_for_which_there_was_no_room_can_be_called_again<D: Driver, Ro: TestRole>() {
    let (near, far) = stuck();
    let mut storage = Storage::<64, 0, 140>::new();
    let mut ws = D::new(near.clone(), Ro::role(), storage.buffers());
    // Two bytes are left, not enough for a close frame.
    let rest = &[1; 14][..if Ro::IS_CLIENT { 6 } else { 14 }];
    ws.queue(&[1; 120]).unwrap();
    ws.queue(rest).unwrap();
    assert_eq!(ws.send(&[2; 100]), Err(INTERRUPTED));
    assert_eq!(ws.queue(&[2; 100]), Err(INTERRUPTED));
    assert_eq!(ws.ping(&[3; 100]), Err(INTERRUPTED));
    assert_eq!(ws.pong(&[3; 100]), Err(INTERRUPTED));
    assert_eq!(ws.close(CloseCode::NORMAL_CLOSURE), Err(INTERRUPTED));
    assert!(!ws.is_close_sent());
    assert_eq!(ws.message_of(Kind::Binary, 9), Err(INTERRUPTED));
    assert_eq!(ws.message_piece(Kind::Binary, &[4; 100]), Err(INTERRUPTED));
    assert_eq!(ws.unfinished(), 0);
    near.set_capacity(4096);
    ws.send(&[2; 100]).unwrap();
    let frames = [&[1; 120][..], rest, &[2; 100]].map(|payload| Ro::sent(0x82, payload));
    assert_eq!(far.take(), frames.concat());
}

fn a_frame_of_known_length_begins_where_there_is_room_for_the_longest_header<
    D: Driver,
    Ro: TestRole,
>() {
    for (queued, outcome) in [(126, Ok(())), (127, Err(INTERRUPTED))] {
        let (near, _far) = stuck();
        let mut storage = Storage::<64, 0, 140>::new();
        let mut ws = D::new(near, Ro::role(), storage.buffers());
        ws.queue(&[1; 125][..queued - Ro::sent(0x82, b"").len()]).unwrap();
        assert_eq!(ws.message_of(Kind::Binary, 9), outcome, "of 140 bytes {queued} are filled");
    }
}

/// Sends messages of these lengths, and a close, in a way that looks at the errors.
fn story(ws: &mut impl Talk, lengths: &[usize]) {
    for &len in lengths {
        again(|| ws.queue("older")).0.unwrap();
        deliver(ws, &bytes(len)[..]).unwrap();
    }
    deliver(ws, Chunk::first("in ")).unwrap();
    deliver(ws, Chunk::last("parts".repeat(40).as_str())).unwrap();
    match ws.close(CloseCode::GOING_AWAY) {
        Ok(()) => {}
        Err(Error::Transport(WouldBlock) | Error::Unflushed(WouldBlock)) => {
            // Whatever it was: to close again does no harm.
            let mut outcome = ws.close(CloseCode::GOING_AWAY);
            while outcome.is_err_and(|error| error.transport().is_some()) {
                outcome = ws.close(CloseCode::GOING_AWAY);
            }
        }
        Err(error) => panic!("{error:?}"),
    }
    again(|| ws.flush()).0.unwrap();
}

fn wire<Ro: TestRole>(lengths: &[usize]) -> Vec<u8> {
    let mut wire = Vec::new();
    for &len in lengths {
        wire.extend(Ro::sent(0x81, b"older"));
        wire.extend(Ro::sent(0x82, &bytes(len)));
    }
    wire.extend(Ro::sent(0x01, b"in "));
    wire.extend(Ro::sent(0x80, "parts".repeat(40).as_bytes()));
    wire.extend(Ro::sent(0x88, b"\x03\xe9"));
    wire
}

fn whatever_call_of_the_socket_fails_all_is_sent_once<D: Driver, Ro: TestRole>() {
    let lengths = [7, 131, 500];
    for shape in [WIDE, Shape { write: 60, ..WIDE }] {
        for fail_at in 0.. {
            let (near, far) = pipe(shape);
            near.fail_at(fail_at);
            let mut storage = Storage::<64, 0, 140>::new();
            let mut ws = D::new(near.clone(), Ro::role(), storage.buffers());
            story(&mut ws, &lengths);
            assert!(far.take() == wire::<Ro>(&lengths), "{shape:?}, call {fail_at}");
            if !near.has_failed() {
                assert!(fail_at > 15, "{fail_at}");
                break;
            }
        }
    }
}

fn if_each_call_of_the_socket_fails_once_all_is_sent_once<D: Driver, Ro: TestRole>() {
    for shape in [WIDE, NARROW, Shape { write: 50, ..WIDE }] {
        let (near, far) = pipe(shape);
        near.fail_first();
        let mut storage = Storage::<64, 0, 140>::new();
        let mut ws = D::new(near, Ro::role(), storage.buffers());
        story(&mut ws, &LENGTHS);
        assert!(far.take() == wire::<Ro>(&LENGTHS), "{shape:?}");
    }
}

fn a_long_send_goes_on_where_it_was_cut<D: Driver, Ro: TestRole>() {
    let payload = bytes(1000);
    let frame = Ro::sent(0x82, &payload);
    for capacity in 0..frame.len() {
        let (near, far) = pipe(Shape { capacity, ..WIDE });
        let mut storage = Storage::<64, 0, 131>::new();
        let mut ws = D::new(near.clone(), Ro::role(), storage.buffers());
        let mut outcome = ws.send(&payload[..]);
        near.set_capacity(usize::MAX);
        if outcome == Err(Error::Unfinished(WouldBlock)) {
            let rest = ws.unfinished();
            assert!(rest > 0);
            // Nothing gets into the frame meanwhile.
            assert_eq!(ws.send("next"), Err(Error::Send(SendError::FrameUnfinished)));
            assert_eq!(ws.ping(b""), Err(Error::Send(SendError::FrameUnfinished)));
            let close = ws.close(CloseCode::NORMAL_CLOSURE);
            assert_eq!(close, Err(Error::Send(SendError::FrameUnfinished)));
            assert_eq!(ws.write(&payload), Err(Error::Send(SendError::TooLong)));
            // What was queued of it leaves, and no more.
            ws.flush().unwrap();
            assert_eq!(ws.unfinished(), rest);
            let (some, others) = payload[1000 - rest..].split_at(rest / 2);
            ws.write(some).unwrap();
            ws.write(others).unwrap();
            outcome = ws.flush();
        } else if outcome == Err(Error::Unflushed(WouldBlock)) {
            outcome = ws.flush();
        }
        assert_eq!(outcome, Ok(()), "{capacity} bytes taken");
        ws.send("next").unwrap();
        let expected = [&frame[..], &Ro::sent(0x81, b"next")].concat();
        assert!(far.take() == expected, "{capacity} bytes taken");
    }
}

fn what_is_sent_inside_an_unfinished_frame_is_refused_though_nothing_can_be_written<
    D: Driver,
    Ro: TestRole,
>() {
    let (near, far) = stuck();
    let mut storage = Storage::<64, 0, 131>::new();
    let mut ws = D::new(near.clone(), Ro::role(), storage.buffers());
    // The transmit buffer is full, so that the next frame has to wait for room.
    let payload = bytes(130);
    assert_eq!(ws.send(&payload[..]), Err(Error::Unfinished(WouldBlock)));
    let rest = ws.unfinished();
    assert!(rest > 0);
    let refused = Err(Error::Send(SendError::FrameUnfinished));
    assert_eq!(ws.send(&bytes(500)[..]), refused);
    assert_eq!(ws.send(""), refused);
    assert_eq!(ws.queue(""), refused);
    assert_eq!(ws.ping(b""), refused);
    assert_eq!(ws.message_of(Kind::Binary, 500), refused);
    assert_eq!(ws.message_of(Kind::Binary, 0), refused);
    near.set_capacity(4096);
    ws.write(&payload[130 - rest..]).unwrap();
    ws.flush().unwrap();
    assert_eq!(far.take(), Ro::sent(0x82, &payload));
}

fn a_close_can_be_called_again<D: Driver, Ro: TestRole>() {
    let (near, far) = stuck();
    let mut storage = Storage::<64, 0, 256>::new();
    let mut ws = D::new(near.clone(), Ro::role(), storage.buffers());
    for _ in 0..2 {
        assert_eq!(ws.close(CloseCode::NORMAL_CLOSURE), Err(Error::Unflushed(WouldBlock)));
    }
    near.set_capacity(4096);
    ws.close(CloseCode::NORMAL_CLOSURE).unwrap();
    ws.close(CloseCode::GOING_AWAY).unwrap();
    assert!(ws.is_close_sent());
    assert_eq!(ws.send("late"), Err(Error::Send(SendError::Closed)));
    assert_eq!(far.take(), Ro::sent(0x88, b"\x03\xe8"));
}

/// Says the first of two fragments, then the last; tells whether that has to be called again.
fn say(ws: &mut impl Talk, fragments: &mut VecDeque<String>) -> bool {
    let Some(text) = fragments.front() else { return false };
    let outcome = match ws.unfinished() {
        0 if fragments.len() == 2 => ws.send(Chunk::first(text.as_str())),
        0 => ws.send(Chunk::last(text.as_str())),
        rest => ws.write(&text.as_bytes()[text.len() - rest..]),
    };
    match outcome {
        // What is queued leaves with what follows.
        Ok(()) | Err(Error::Unflushed(WouldBlock)) => _ = fragments.pop_front(),
        Err(INTERRUPTED | Error::Unfinished(WouldBlock)) => {}
        Err(error) => panic!("{error:?}"),
    }
    outcome == Err(INTERRUPTED)
}

/// A client and the echo that answers it in one thread: whoever would block lets the other go on.
fn talk_without_blocking<D: Driver>() {
    let mut n_again = 0;
    for shape in crate::pipe::SHAPES {
        let (one_end, two_end) = pipe(shape);
        let (mut one, mut two) = (Storage::<50, 400, 131>::new(), Storage::<50, 400, 140>::new());
        let mut server = D::new(one_end, wirelet::Server, one.buffers());
        let mut client = D::new(two_end, TestClient::role(), two.buffers());
        let mut answer = VecDeque::new();
        for len in (0..=150).chain([200, 300]) {
            let mut question: VecDeque<_> = ["x".repeat(len), "y".repeat(70)].into();
            let expected = Seen::Text(question.iter().map(String::as_str).collect());
            for n in 0.. {
                assert!(n < 100_000, "no progress: {shape:?}, {len} bytes");
                n_again += usize::from(say(&mut client, &mut question));
                n_again += usize::from(say(&mut server, &mut answer));
                if answer.is_empty()
                    && let Ok(Seen::Text(text)) = server.receive()
                {
                    let (first, last) = text.split_at(len);
                    answer.extend([first.to_owned(), last.to_owned()]);
                }
                if question.is_empty() {
                    let outcome = client.receive();
                    if outcome.as_ref() == Ok(&expected) {
                        break;
                    }
                    assert_eq!(outcome, Err(INTERRUPTED));
                }
            }
        }
    }
    assert!(n_again > 100, "a send was called again {n_again} times");
}

#[test]
fn a_call_that_would_block_can_be_repeated_without_loss() {
    talk_without_blocking::<crate::drive::Blocking>();
}

#[test]
fn a_call_that_is_not_ready_can_be_repeated_without_loss() {
    talk_without_blocking::<crate::drive::Ready>();
}

/// One end says all there is and answers what it is told, while its socket fails.
fn serve(ws: &mut impl Talk) -> Outcome<Vec<Seen>> {
    let mut all = Vec::new();
    loop {
        let seen = again(|| ws.receive()).0?;
        match &seen {
            Seen::Text(text) => deliver(ws, text.as_str())?,
            Seen::Binary(bytes) => deliver(ws, bytes.as_slice())?,
            _ => {}
        }
        let is_close = matches!(seen, Seen::Close(..));
        all.push(seen);
        if is_close {
            return Ok(all);
        }
    }
}

fn an_echo_over_a_socket_that_fails_loses_and_doubles_nothing<D: Driver, Ro: TestRole>() {
    let stream = [
        Ro::received(0x01, "caf\u{e9}".as_bytes()),
        Ro::received(0x89, &[b'p'; 125]),
        Ro::received(0x89, b"again"),
        Ro::received(0x80, b"!"),
        Ro::received(0x82, &[9; 60]),
        Ro::received(0x82, &[8; 200]),
        Ro::received(0x81, b"short"),
        Ro::received(0x8a, b"pong"),
        Ro::received(0x88, b"\x03\xe8bye"),
    ];
    let seen = [
        Seen::Ping(vec![b'p'; 125]),
        Seen::Ping(b"again".into()),
        Seen::Text("caf\u{e9}!".into()),
        Seen::Binary(vec![9; 60]),
        Seen::Binary(vec![8; 200]),
        Seen::Text("short".into()),
        Seen::Pong(b"pong".into()),
        Seen::Close(Some(1000), "bye".into()),
    ];
    let wire = [
        Ro::sent(0x8a, &[b'p'; 125]),
        Ro::sent(0x8a, b"again"),
        Ro::sent(0x81, "caf\u{e9}!".as_bytes()),
        Ro::sent(0x82, &[9; 60]),
        Ro::sent(0x82, &[8; 200]),
        Ro::sent(0x81, b"short"),
        Ro::sent(0x88, b"\x03\xe8bye"),
    ];
    let shapes = [WIDE, Shape { read: 40, write: 50, ..WIDE }, NARROW];
    for (shape, fails) in shapes.iter().flat_map(|shape| (0..400).map(move |at| (shape, at))) {
        let (near, far) = pipe(*shape);
        far.put(&stream.concat());
        if fails == 0 {
            near.fail_first();
        } else {
            near.fail_at(fails - 1);
        }
        let mut storage = Storage::<32, 200, 131>::new();
        let mut ws = D::new(near.clone(), Ro::role(), storage.buffers());
        assert_eq!(serve(&mut ws).unwrap(), seen, "{shape:?}, call {fails}");
        assert_eq!(ws.receive(), Err(Error::Closed));
        assert!(far.take() == wire.concat(), "{shape:?}, call {fails}");
        if fails > 0 && !near.has_failed() {
            break;
        }
    }
}

fn what_receives_says_that_it_can_be_called_again<D: Driver, Ro: TestRole>() {
    let (near, far) = stuck();
    let mut storage = Storage::<64, 64, 256>::new();
    let mut ws = D::new(near.clone(), Ro::role(), storage.buffers());
    ws.queue("first").unwrap();
    far.put(&Ro::received(0x81, b"second"));
    // What was queued leaves before it waits, and cannot.
    assert_eq!(ws.receive(), Err(INTERRUPTED));
    assert_eq!(ws.receive_chunk().map(drop), Err(INTERRUPTED));
    assert_eq!(ws.receive_data(), Err(INTERRUPTED));
    assert_eq!(ws.finish(), Err(INTERRUPTED));
    near.set_capacity(4096);
    assert_eq!(ws.receive(), Ok(Seen::Text("second".into())));
    assert_eq!(far.take(), Ro::sent(0x81, b"first"));
}

on_every_driver_and_role!(what_receives_says_that_it_can_be_called_again);

on_both_drivers_and_roles!(
    a_send_that_was_not_taken_is_sent_once,
    a_send_for_which_there_was_no_room_can_be_called_again,
    a_frame_of_known_length_begins_where_there_is_room_for_the_longest_header,
    whatever_call_of_the_socket_fails_all_is_sent_once,
    if_each_call_of_the_socket_fails_once_all_is_sent_once,
    a_long_send_goes_on_where_it_was_cut,
    what_is_sent_inside_an_unfinished_frame_is_refused_though_nothing_can_be_written,
    a_close_can_be_called_again,
    an_echo_over_a_socket_that_fails_loses_and_doubles_nothing,
);
