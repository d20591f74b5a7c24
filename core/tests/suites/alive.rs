//! A peer that sends is alive, also inside a message that is not whole yet.

use core::time::Duration;

use crate::common::TestRole;
use crate::drive::{Driver, Hear, INTERRUPTED, Talk, on_every_driver_and_role};
use crate::pipe::{WIDE, pipe};
use wirelet::{Action, Keepalive, Storage};

fn a_peer_that_sends_all_the_time_is_not_given_up<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<256, 1024, 256>::new();
    let mut ws = D::new(near, Ro::role(), storage.buffers());
    let s = Duration::from_secs;
    let mut keepalive = Keepalive::new(s(15), s(5), s(0));
    let message = Ro::received(0x82, &[7; 1000]);
    for (second, piece) in (0..).zip(message.chunks(20)) {
        far.put(piece);
        match ws.receive() {
            Ok(_) => {
                assert_eq!(ws.bytes_received(), message.len() as u64);
                assert!(second > 45);
                return;
            }
            Err(INTERRUPTED) => {}
            Err(error) => panic!("{error:?}"),
        }
        keepalive.progress(ws.bytes_received(), s(second));
        assert_eq!(keepalive.poll(s(second)), Action::Wait(s(15)), "at {second} s");
    }
    panic!("the message has come");
}

fn a_peer_that_is_silent_inside_a_message_is_given_up<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<256, 1024, 256>::new();
    let mut ws = D::new(near, Ro::role(), storage.buffers());
    let s = Duration::from_secs;
    let mut keepalive = Keepalive::new(s(15), s(5), s(0));
    far.put(&Ro::received(0x82, &[7; 1000])[..500]);
    let mut actions = Vec::new();
    for second in 0..60 {
        assert_eq!(ws.receive(), Err(INTERRUPTED));
        keepalive.progress(ws.bytes_received(), s(second));
        match keepalive.poll(s(second)) {
            Action::Wait(_) => {}
            Action::Ping => {
                ws.ping(b"").unwrap();
                actions.push((second, Action::Ping));
            }
            Action::Disconnect => {
                actions.push((second, Action::Disconnect));
                break;
            }
        }
    }
    assert_eq!(actions, [(15, Action::Ping), (20, Action::Disconnect)]);
    assert_eq!(far.take(), Ro::sent(0x89, b""));
}

fn bytes_count_from_the_first_whatever_they_are<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<16, 16, 256>::new();
    let mut ws = D::new(near, Ro::role(), storage.buffers());
    assert_eq!(ws.bytes_received(), 0);
    let stream = [Ro::received(0x8a, &[1; 125]), Ro::received(0x81, b"hi")].concat();
    let mut n_put = 0;
    for piece in stream.chunks(3) {
        far.put(piece);
        n_put += piece.len() as u64;
        let received = ws.receive();
        assert!(received.is_ok() || received == Err(INTERRUPTED), "{received:?}");
        assert_eq!(ws.bytes_received(), n_put);
    }
    let (mut receiver, sender) = D::split(ws);
    far.put(&Ro::received(0x82, &[7; 10])[..9]);
    assert_eq!(receiver.receive(), Err(INTERRUPTED));
    assert_eq!(receiver.bytes_received(), n_put + 9);
    let ws = D::unsplit(receiver, sender).unwrap();
    assert_eq!(ws.bytes_received(), n_put + 9);
}

on_every_driver_and_role!(
    a_peer_that_sends_all_the_time_is_not_given_up,
    a_peer_that_is_silent_inside_a_message_is_given_up,
    bytes_count_from_the_first_whatever_they_are,
);
