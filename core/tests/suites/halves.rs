//! The two halves of a connection, and what has to go from one to the other.

use crate::common::{Seen, TestRole};
use crate::drive::{Driver, Hear, INTERRUPTED, Part, on_every_driver_and_role};
use crate::pipe::{Shape, WIDE, WouldBlock, pipe};
use wirelet::{CapacityError, Chunk, Error, Kind, ProtocolError, SendError, Storage};

fn the_receiving_half_goes_on_only_after_its_reply_was_handed_over<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<64, 64, 131>::new();
    let (mut receiver, mut sender) = D::split(D::new(near, Ro::role(), storage.buffers()));
    far.put(&[Ro::received(0x89, b"?"), Ro::received(0x8a, b"!")].concat());
    assert_eq!(receiver.receive(), Ok(Seen::Ping(b"?".into())));
    for _ in 0..2 {
        assert_eq!(receiver.receive(), Err(Error::Send(SendError::ReplyUnfinished)));
        assert_eq!(receiver.receive_chunk(), Err(Error::Send(SendError::ReplyUnfinished)));
    }
    assert_eq!(D::answer(&mut sender, &mut receiver), Ok(true));
    assert_eq!(D::answer(&mut sender, &mut receiver), Ok(false));
    assert_eq!(receiver.receive(), Ok(Seen::Pong(b"!".into())));
    assert_eq!(far.take(), Ro::sent(0x8a, b"?"));
}

fn a_violation_and_the_reply_before_it_are_both_told<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<64, 64, 131>::new();
    let (mut receiver, mut sender) = D::split(D::new(near, Ro::role(), storage.buffers()));
    far.put(&[Ro::received(0x89, b""), Ro::received(0x83, b"")].concat());
    assert_eq!(receiver.receive(), Ok(Seen::Ping(vec![])));
    assert_eq!(D::answer(&mut sender, &mut receiver), Ok(true));
    assert_eq!(receiver.receive(), Err(Error::Protocol(ProtocolError::ReservedOpcode)));
    assert_eq!(D::answer(&mut sender, &mut receiver), Ok(true));
    assert_eq!(receiver.receive(), Err(Error::Closed));
    assert!(!receiver.has_reply());
    assert_eq!(far.take(), [Ro::sent(0x8a, b""), Ro::sent(0x88, b"\x03\xea")].concat());
    let late = D::send(&mut sender, Chunk::whole("late"));
    assert_eq!(late, Err(Error::Send(SendError::Closed)));
}

fn a_message_that_is_too_big_is_told_by_the_other_half<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<64, 20, 131>::new();
    let (mut receiver, mut sender) = D::split(D::new(near, Ro::role(), storage.buffers()));
    far.put(&Ro::received(0x82, &[7; 21]));
    assert_eq!(receiver.receive(), Err(Error::Capacity(CapacityError)));
    assert_eq!(D::answer(&mut sender, &mut receiver), Ok(true));
    assert_eq!(far.take(), Ro::sent(0x88, b"\x03\xf1"));
}

fn a_reply_of_one_connection_cannot_be_given_to_another<D: Driver, Ro: TestRole>() {
    let ((near, far), (other_near, other_far)) = (pipe(WIDE), pipe(WIDE));
    let (mut one, mut two) = (Storage::<64, 0, 131>::new(), Storage::<64, 0, 131>::new());
    let (mut receiver, mut sender) = D::split(D::new(near, Ro::role(), one.buffers()));
    let (other_receiver, mut other) = D::split(D::new(other_near, Ro::role(), two.buffers()));
    far.put(&Ro::received(0x88, b"\x03\xe8"));
    assert_eq!(receiver.receive(), Ok(Seen::Close(Some(1000), String::new())));
    let foreign = Error::Send(SendError::ForeignReply);
    assert_eq!(D::answer(&mut other, &mut receiver), Err(foreign));
    assert_eq!(other_far.take(), b"");
    // It still waits where it belongs.
    assert_eq!(D::answer(&mut sender, &mut receiver), Ok(true));
    assert_eq!(far.take(), Ro::sent(0x88, b"\x03\xe8"));
    // Nor can the halves be put together.
    assert!(D::unsplit(receiver, other).is_none());
    assert!(D::unsplit(other_receiver, sender).is_none());
}

fn a_reply_waits_behind_a_message_that_is_being_sent<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(Shape { capacity: 300, ..WIDE });
    let mut storage = Storage::<64, 64, 131>::new();
    let ws = D::new(near.clone(), Ro::role(), storage.buffers());
    let (mut receiver, mut sender) = D::split(ws);
    let sent = D::send(&mut sender, Chunk::whole(&[1; 1000]));
    // A future that is dropped tells nothing.
    assert!(matches!(sent, Err(Error::Unfinished(WouldBlock) | INTERRUPTED)), "{sent:?}");
    far.put(&Ro::received(0x89, b"?"));
    assert_eq!(receiver.receive(), Ok(Seen::Ping(b"?".into())));
    let unfinished = Error::Send(SendError::FrameUnfinished);
    assert_eq!(D::answer(&mut sender, &mut receiver), Err(unfinished));
    assert!(receiver.has_reply());
    // What is not whole can be put together, too, and gone on with.
    near.set_capacity(4096);
    let mut ws = D::unsplit(receiver, sender).unwrap();
    let rest = vec![1; crate::drive::Talk::unfinished(&mut ws)];
    assert_eq!(crate::drive::Talk::write(&mut ws, &rest), Ok(()));
    far.put(&Ro::received(0x81, b"next"));
    assert_eq!(crate::drive::Talk::receive(&mut ws), Ok(Seen::Text("next".into())));
    assert_eq!(far.take(), [Ro::sent(0x82, &[1; 1000]), Ro::sent(0x8a, b"?")].concat());
}

fn the_receiving_half_loses_nothing_when_it_is_interrupted<D: Driver, Ro: TestRole>() {
    let stream = [
        Ro::received(0x01, b"in "),
        Ro::received(0x80, b"parts"),
        Ro::received(0x02, b"chunk"),
        Ro::received(0x80, b"s"),
    ];
    let (near, far) = pipe(Shape { read: 3, ..WIDE });
    near.fail_first();
    let mut storage = Storage::<64, 64, 131>::new();
    let (mut receiver, _sender) = D::split(D::new(near, Ro::role(), storage.buffers()));
    far.put(&stream.concat());
    assert_eq!(crate::drive::again(|| receiver.receive()).0, Ok(Seen::Text("in parts".into())));
    let mut bytes = Vec::new();
    loop {
        match crate::drive::again(|| receiver.receive_chunk()).0.unwrap() {
            Part::Chunk { kind: Kind::Binary, bytes: piece, is_last, .. } => {
                bytes.extend(piece);
                if is_last {
                    break;
                }
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(receiver.receive(), Err(Error::MessageInProgress));
    }
    assert_eq!(bytes, b"chunks");
    assert_eq!(receiver.receive(), Err(INTERRUPTED));
}

on_every_driver_and_role!(
    the_receiving_half_goes_on_only_after_its_reply_was_handed_over,
    a_violation_and_the_reply_before_it_are_both_told,
    a_message_that_is_too_big_is_told_by_the_other_half,
    a_reply_of_one_connection_cannot_be_given_to_another,
    a_reply_waits_behind_a_message_that_is_being_sent,
    the_receiving_half_loses_nothing_when_it_is_interrupted,
);
