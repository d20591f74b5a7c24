//! `receive` and `receive_chunk` of one connection in any order, and one storage for many
//! connections.

use crate::common::{Seen, TestRole};
use crate::drive::{Driver, INTERRUPTED, Part, Talk, on_every_driver_and_role};
use crate::pipe::{Shape, WIDE, pipe};
use wirelet::{CapacityError, Error, Kind, Storage};

/// Takes chunks up to the end of the message.
fn chunks(ws: &mut impl Talk) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        match ws.receive_chunk() {
            Ok(Part::Chunk { bytes, is_first, is_last, .. }) => {
                assert_eq!(is_first, all.is_empty());
                all.extend(bytes);
                if is_last {
                    return all;
                }
            }
            other => panic!("{other:?}"),
        }
    }
}

fn what_a_message_has_joined_comes_as_the_first_chunk<D: Driver, Ro: TestRole>() {
    let text = "0123 añ漢😀 89";
    for frame in [
        Ro::received(0x81, text.as_bytes()),
        [Ro::received(0x01, b"0123 "), Ro::received(0x80, &text.as_bytes()[5..])].concat(),
    ] {
        for cut in 0..frame.len() {
            let (near, far) = pipe(WIDE);
            let mut storage = Storage::<64, 64, 131>::new();
            let mut ws = D::new(near, Ro::role(), storage.buffers());
            far.put(&frame[..cut]);
            assert_eq!(ws.receive(), Err(INTERRUPTED), "{cut} bytes have come");
            far.put(&frame[cut..]);
            assert_eq!(chunks(&mut ws), text.as_bytes(), "cut at {cut}");
            // And back again.
            far.put(&Ro::received(0x82, b"next"));
            assert_eq!(ws.receive(), Ok(Seen::Binary(b"next".into())));
        }
    }
}

fn a_message_longer_than_its_buffer_goes_on_in_chunks<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(Shape { read: 7, ..WIDE });
    let mut storage = Storage::<16, 20, 131>::new();
    let mut ws = D::new(near, Ro::role(), storage.buffers());
    far.put(&Ro::received(0x02, b"the first 20 bytes, "));
    assert_eq!(ws.receive(), Err(INTERRUPTED));
    far.put(&Ro::received(0x80, b"and these as chunks"));
    assert_eq!(chunks(&mut ws), b"the first 20 bytes, and these as chunks");
}

fn between_the_chunks_of_a_message_there_is_no_other<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<64, 64, 131>::new();
    let mut ws = D::new(near, Ro::role(), storage.buffers());
    far.put(&Ro::received(0x01, b"begun "));
    let first = Part::chunk(Kind::Text, b"begun ", true, false);
    assert_eq!(ws.receive_chunk(), Ok(first));
    far.put(&[Ro::received(0x89, b"?"), Ro::received(0x80, b"ended")].concat());
    for _ in 0..2 {
        assert_eq!(ws.receive(), Err(Error::MessageInProgress));
        assert_eq!(ws.receive_data(), Err(Error::MessageInProgress));
    }
    assert_eq!(ws.receive_chunk(), Ok(Part::Control(Seen::Ping(b"?".into()))));
    assert_eq!(ws.receive(), Err(Error::MessageInProgress));
    let last = Part::chunk(Kind::Text, b"ended", false, true);
    assert_eq!(ws.receive_chunk(), Ok(last));
    assert_eq!(ws.receive(), Err(INTERRUPTED));
    far.put(&Ro::received(0x81, b"whole"));
    assert_eq!(ws.receive(), Ok(Seen::Text("whole".into())));
}

fn after_the_end_there_is_no_message_in_progress<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<64, 64, 131>::new();
    let mut ws = D::new(near, Ro::role(), storage.buffers());
    far.put(&[Ro::received(0x01, b"begun"), Ro::received(0x88, b"")].concat());
    assert_eq!(ws.receive_chunk(), Ok(Part::chunk(Kind::Text, b"begun", true, false)));
    let close = Part::Control(Seen::Close(None, String::new()));
    assert_eq!(ws.receive_chunk(), Ok(close));
    assert_eq!(ws.receive(), Err(Error::Closed));
    assert_eq!(ws.receive_chunk(), Err(Error::Closed));
}

/// The last chunk has been found when the call is interrupted, as its pong cannot leave.
fn the_last_chunk_is_never_taken_for_a_message<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<64, 64, 131>::new();
    let mut ws = D::new(near.clone(), Ro::role(), storage.buffers());
    far.put(&Ro::received(0x01, b"begun "));
    assert!(ws.receive_chunk().is_ok());
    far.put(&[Ro::received(0x89, b"?"), Ro::received(0x80, b"ended")].concat());
    assert_eq!(ws.receive_chunk(), Ok(Part::Control(Seen::Ping(b"?".into()))));
    near.set_capacity(0);
    assert_eq!(ws.receive_chunk(), Err(INTERRUPTED));
    near.set_capacity(100);
    assert_eq!(ws.receive(), Err(Error::MessageInProgress));
    assert_eq!(ws.receive_chunk(), Ok(Part::chunk(Kind::Text, b"ended", false, true)));
    assert_eq!(far.take(), Ro::sent(0x8a, b"?"));
}

fn a_message_that_was_joined_and_not_told_is_a_chunk<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<64, 64, 131>::new();
    let mut ws = D::new(near.clone(), Ro::role(), storage.buffers());
    let stream =
        [Ro::received(0x01, b"in "), Ro::received(0x89, b"?"), Ro::received(0x80, b"parts")];
    far.put(&stream.concat());
    assert_eq!(ws.receive(), Ok(Seen::Ping(b"?".into())));
    near.set_capacity(0);
    assert_eq!(ws.receive(), Err(INTERRUPTED));
    near.set_capacity(100);
    assert_eq!(ws.receive_chunk(), Ok(Part::chunk(Kind::Text, b"in parts", true, true)));
    far.put(&Ro::received(0x81, b"next"));
    assert_eq!(ws.receive(), Ok(Seen::Text("next".into())));
}

/// It is found as a chunk, and not told, as what was queued cannot leave.
fn the_beginning_of_a_message_is_never_taken_for_all_of_it<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<64, 64, 131>::new();
    let mut ws = D::new(near.clone(), Ro::role(), storage.buffers());
    far.put(&[Ro::received(0x89, b"?"), Ro::received(0x01, b"be")].concat());
    assert_eq!(ws.receive(), Ok(Seen::Ping(b"?".into())));
    near.set_capacity(0);
    assert_eq!(ws.receive(), Err(INTERRUPTED));
    assert_eq!(ws.receive_chunk(), Err(INTERRUPTED));
    near.set_capacity(100);
    assert_eq!(ws.receive(), Err(INTERRUPTED), "it is not whole");
    far.put(&Ro::received(0x80, b"gun"));
    assert_eq!(ws.receive(), Ok(Seen::Text("begun".into())));
    assert_eq!(far.take(), Ro::sent(0x8a, b"?"));
}

fn data_alone_passes_over_pings_and_pongs<D: Driver, Ro: TestRole>() {
    let stream = [
        Ro::received(0x89, b"1"),
        Ro::received(0x01, b"in "),
        Ro::received(0x8a, b"2"),
        Ro::received(0x89, b"3"),
        Ro::received(0x80, b"parts"),
        Ro::received(0x89, b"4"),
        Ro::received(0x82, b"whole"),
        Ro::received(0x8a, b""),
        Ro::received(0x88, b"\x03\xe8"),
    ];
    for read in 1..40 {
        let (near, far) = pipe(Shape { read, ..WIDE });
        near.fail_first();
        let mut storage = Storage::<64, 64, 131>::new();
        let mut ws = D::new(near, Ro::role(), storage.buffers());
        far.put(&stream.concat());
        let mut data = || crate::drive::again(|| ws.receive_data()).0;
        assert_eq!(data(), Ok(Some(Seen::Text("in parts".into()))));
        assert_eq!(data(), Ok(Some(Seen::Binary(b"whole".into()))));
        assert_eq!(data(), Ok(None));
        assert_eq!(data(), Err(Error::Closed));
        let pongs = [&b"1"[..], b"3", b"4"].map(|payload| Ro::sent(0x8a, payload)).concat();
        assert_eq!(far.take(), [pongs, Ro::sent(0x88, b"\x03\xe8")].concat());
    }
}

/// Connections of one storage, each of which is left at another point.
fn a_storage_shows_nothing_of_the_connection_before<D: Driver, Ro: TestRole>() {
    let secret = b"secret of Alice";
    let begun = [Ro::received(0x01, secret), Ro::received(0x00, secret)].concat();
    let mut storage = Storage::<64, 64, 131>::new();
    for cut in 1..=begun.len() {
        for in_chunks in [false, true] {
            let (near, far) = pipe(WIDE);
            let mut alice = D::new(near, Ro::role(), storage.buffers());
            far.put(&begun[..cut]);
            if in_chunks {
                while alice.receive_chunk().is_ok() {}
            } else {
                assert_eq!(alice.receive(), Err(INTERRUPTED));
            }
            let _ = alice.send("queued or sent");
            drop(alice);

            let (near, far) = pipe(WIDE);
            let mut bob = D::new(near, Ro::role(), storage.buffers());
            far.put(&[Ro::received(0x01, b""), Ro::received(0x89, b"")].concat());
            if in_chunks {
                assert_eq!(bob.receive(), Ok(Seen::Ping(vec![])));
                assert_eq!(bob.receive_chunk(), Ok(Part::chunk(Kind::Text, b"", true, false)));
                far.put(&Ro::received(0x80, b"Bob"));
                assert_eq!(bob.receive_chunk(), Ok(Part::chunk(Kind::Text, b"Bob", false, true)));
            } else {
                assert_eq!(bob.receive(), Ok(Seen::Ping(vec![])));
                far.put(&Ro::received(0x80, b"Bob"));
                assert_eq!(bob.receive(), Ok(Seen::Text("Bob".into())));
            }
            assert_eq!(far.take(), Ro::sent(0x8a, b""));
        }
    }
}

fn the_rest_of_a_refused_message_is_no_message<D: Driver, Ro: TestRole>() {
    let refused = [Ro::received(0x02, &[1; 60]), Ro::received(0x00, &[2; 60])].concat();
    for cut in 1..=refused.len() {
        let (near, far) = pipe(WIDE);
        let mut storage = Storage::<64, 64, 131>::new();
        let mut ws = D::new(near, Ro::role(), storage.buffers());
        far.put(&refused[..cut]);
        let outcome = ws.receive();
        far.put(&refused[cut..]);
        far.put(&[Ro::received(0x80, &[3; 5]), Ro::received(0x82, b"next")].concat());
        if outcome == Err(INTERRUPTED) {
            assert_eq!(ws.receive(), Err(Error::Capacity(CapacityError)), "cut at {cut}");
        } else {
            assert_eq!(outcome, Err(Error::Capacity(CapacityError)));
        }
        assert_eq!(ws.receive(), Err(Error::Closed));
        assert_eq!(ws.receive_chunk(), Err(Error::Closed));
        assert_eq!(ws.receive_data(), Err(Error::Closed));
        assert_eq!(far.take(), Ro::sent(0x88, b"\x03\xf1"));
    }
}

on_every_driver_and_role!(
    what_a_message_has_joined_comes_as_the_first_chunk,
    a_message_longer_than_its_buffer_goes_on_in_chunks,
    between_the_chunks_of_a_message_there_is_no_other,
    after_the_end_there_is_no_message_in_progress,
    the_last_chunk_is_never_taken_for_a_message,
    a_message_that_was_joined_and_not_told_is_a_chunk,
    the_beginning_of_a_message_is_never_taken_for_all_of_it,
    data_alone_passes_over_pings_and_pongs,
    a_storage_shows_nothing_of_the_connection_before,
    the_rest_of_a_refused_message_is_no_message,
);
