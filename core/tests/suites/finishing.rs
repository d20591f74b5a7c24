//! `finish`: all that is queued leaves, and TCP is closed by the end whose turn it is (§7.1.1).

use crate::common::{Seen, TestClient, TestRole};
use crate::drive::{
    Driver, Hear, INTERRUPTED, Talk, again, on_both_drivers_and_roles, on_every_driver,
    on_every_driver_and_role,
};
use crate::pipe::{Shape, WIDE, WouldBlock, pipe};
use wirelet::{Chunk, CloseCode, Error, ProtocolError, SendError, Server, Storage};

fn a_client_that_closes_waits_for_the_server_to_close_tcp<D: Driver>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<64, 0, 256>::new();
    let mut client = D::new(near, TestClient::role(), storage.buffers());
    client.close(CloseCode::NORMAL_CLOSURE).unwrap();
    // The server's last message, and its close.
    far.put(b"\x81\x02hi\x88\x02\x03\xe8");
    assert_eq!(client.finish(), Err(INTERRUPTED));
    assert_eq!(client.finish(), Err(INTERRUPTED));
    far.hang_up();
    assert_eq!(client.finish(), Ok(()));
    assert_eq!(client.finish(), Ok(()), "and so it stays");
    assert_eq!(far.take(), TestClient::sent(0x88, b"\x03\xe8"));
}

fn a_server_that_closes_waits_for_the_client_to_close<D: Driver>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<64, 0, 256>::new();
    let mut server = D::new(near, Server, storage.buffers());
    server.close(CloseCode::GOING_AWAY).unwrap();
    far.put(&[Server::received(0x81, b"hi"), Server::received(0x89, b"?")].concat());
    assert_eq!(server.finish(), Err(INTERRUPTED));
    far.put(&Server::received(0x88, b"\x03\xe9"));
    // Then it closes TCP first.
    assert_eq!(server.finish(), Ok(()));
    assert_eq!(server.finish(), Ok(()));
    assert_eq!(far.take(), b"\x88\x02\x03\xe9");
}

/// One end against the other, both of them drivers.
fn the_client_waits_for_the_server_to_close_tcp_first<D: Driver>() {
    let (server_end, client_end) = pipe(WIDE);
    let (mut one, mut two) = (Storage::<64, 9, 131>::new(), Storage::<64, 9, 131>::new());
    let mut server = D::new(server_end.clone(), Server, one.buffers());
    let mut client = D::new(client_end, TestClient::role(), two.buffers());
    client.close(CloseCode::NORMAL_CLOSURE).unwrap();
    assert_eq!(server.receive(), Ok(Seen::Close(Some(1000), String::new())));
    assert_eq!(server.finish(), Ok(()));
    assert_eq!(client.receive(), Ok(Seen::Close(Some(1000), String::new())));
    assert_eq!(client.finish(), Err(INTERRUPTED));
    server_end.hang_up();
    assert_eq!(client.finish(), Ok(()));
}

fn a_close_that_came_first_is_answered_before_the_end<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<64, 0, 256>::new();
    let mut ws = D::new(near, Ro::role(), storage.buffers());
    far.put(&Ro::received(0x88, b"\x0f\xa0"));
    assert_eq!(ws.receive(), Ok(Seen::Close(Some(4000), String::new())));
    assert_eq!(far.take(), Ro::sent(0x88, b"\x0f\xa0"));
    assert_eq!(ws.finish(), if Ro::IS_CLIENT { Err(INTERRUPTED) } else { Ok(()) });
    far.hang_up();
    assert_eq!(ws.finish(), Ok(()));
}

fn what_is_queued_leaves_first<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(Shape { capacity: 0, ..WIDE });
    let mut storage = Storage::<64, 0, 256>::new();
    let mut ws = D::new(near.clone(), Ro::role(), storage.buffers());
    ws.queue("last ").unwrap();
    ws.queue("words").unwrap();
    assert_eq!(ws.finish(), Err(INTERRUPTED));
    near.set_capacity(100);
    // Nobody has closed, so there is nothing to wait for.
    assert_eq!(ws.finish(), Ok(()));
    assert_eq!(near.writes_and_flushes(), (1, 1));
    assert_eq!(far.take(), [Ro::sent(0x81, b"last "), Ro::sent(0x81, b"words")].concat());
    ws.send("and more").unwrap();
    assert_eq!(far.take(), Ro::sent(0x81, b"and more"));
}

fn a_close_that_cannot_be_written_is_no_end<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(Shape { capacity: 0, ..WIDE });
    let mut storage = Storage::<64, 0, 256>::new();
    let mut ws = D::new(near.clone(), Ro::role(), storage.buffers());
    far.put(&Ro::received(0x88, b""));
    // The answer to the close of the peer, and then the own one.
    assert_eq!(ws.receive(), Err(INTERRUPTED));
    assert_eq!(ws.finish(), Err(INTERRUPTED));
    near.set_capacity(100);
    far.hang_up();
    assert_eq!(ws.finish(), Ok(()));
    assert_eq!(far.take(), Ro::sent(0x88, b""));

    let (near, far) = pipe(Shape { capacity: 0, ..WIDE });
    let mut storage = Storage::<64, 0, 256>::new();
    let mut ws = D::new(near.clone(), Ro::role(), storage.buffers());
    assert_eq!(ws.close_and_finish(CloseCode::GOING_AWAY), Err(INTERRUPTED));
    far.put(&Ro::received(0x88, b""));
    far.hang_up();
    assert_eq!(ws.close_and_finish(CloseCode::GOING_AWAY), Err(INTERRUPTED));
    near.set_capacity(100);
    assert_eq!(ws.close_and_finish(CloseCode::GOING_AWAY), Ok(()));
    assert_eq!(far.take(), Ro::sent(0x88, b"\x03\xe9"));
}

fn closing_goes_on_wherever_it_is_interrupted<D: Driver, Ro: TestRole>() {
    let stream = [
        Ro::received(0x89, b"a ping"),
        Ro::received(0x82, &[7; 100]),
        Ro::received(0x88, b"\x03\xe8"),
    ];
    for shape in [WIDE, Shape { read: 1, write: 1, ..WIDE }] {
        for fails in 0.. {
            let (near, far) = pipe(shape);
            far.put(&stream.concat());
            far.hang_up();
            match fails {
                0 => near.fail_first(),
                at => near.fail_at(at - 1),
            }
            let mut storage = Storage::<16, 0, 131>::new();
            let mut ws = D::new(near.clone(), Ro::role(), storage.buffers());
            again(|| ws.queue("last")).0.unwrap();
            let (outcome, n) = again(|| ws.close_and_finish(CloseCode::NORMAL_CLOSURE));
            assert_eq!(outcome, Ok(()), "call {fails}");
            let expected = [Ro::sent(0x81, b"last"), Ro::sent(0x88, b"\x03\xe8")];
            assert_eq!(far.take(), expected.concat(), "call {fails}");
            if fails > 0 && !near.has_failed() {
                assert!(fails > 5 && n == 0);
                break;
            }
        }
    }
}

fn an_end_without_a_close_is_none<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<64, 0, 256>::new();
    let mut ws = D::new(near, Ro::role(), storage.buffers());
    far.put(&Ro::received(0x81, b"half a message")[..7]);
    far.hang_up();
    assert_eq!(ws.close_and_finish(CloseCode::NORMAL_CLOSURE), Err(Error::UnexpectedEof));
    assert_eq!(ws.finish(), Err(Error::UnexpectedEof));
}

fn a_violation_on_the_way_to_the_end_is_told<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<64, 0, 256>::new();
    let mut ws = D::new(near, Ro::role(), storage.buffers());
    far.put(&Ro::received(0x83, b""));
    let error = Error::Protocol(ProtocolError::ReservedOpcode);
    assert_eq!(ws.close_and_finish(CloseCode::NORMAL_CLOSURE), Err(error));
    // §7.1.7: the end that fails the connection may close TCP at once.
    assert_eq!(ws.finish(), Ok(()));
    assert_eq!(far.take(), Ro::sent(0x88, b"\x03\xe8"));
}

fn a_violation_before_is_answered_and_over<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<64, 0, 256>::new();
    let mut ws = D::new(near, Ro::role(), storage.buffers());
    far.put(&Ro::received(0x83, b""));
    assert_eq!(ws.receive(), Err(Error::Protocol(ProtocolError::ReservedOpcode)));
    assert_eq!(ws.finish(), Ok(()));
    assert_eq!(far.take(), Ro::sent(0x88, b"\x03\xea"));
}

fn a_pong_that_waits_is_sent_and_closes_nothing<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(Shape { capacity: 0, ..WIDE });
    let mut storage = Storage::<64, 64, 131>::new();
    let mut ws = D::new(near.clone(), Ro::role(), storage.buffers());
    ws.queue(&[1; 120]).unwrap();
    near.set_capacity(0);
    far.put(&Ro::received(0x89, b"?"));
    assert_eq!(ws.receive(), Err(INTERRUPTED));
    near.set_capacity(1);
    assert_eq!(ws.receive(), Err(INTERRUPTED));
    near.set_capacity(1000);
    assert_eq!(ws.finish(), Ok(()));
    far.put(&Ro::received(0x81, b"still here"));
    assert_eq!(ws.receive(), Ok(Seen::Ping(b"?".into())));
    assert_eq!(ws.receive(), Ok(Seen::Text("still here".into())));
    assert_eq!(far.take(), [Ro::sent(0x82, &[1; 120]), Ro::sent(0x8a, b"?")].concat());
}

fn a_cut_frame_must_be_ended_before_the_end<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(Shape { capacity: 200, ..WIDE });
    let mut storage = Storage::<64, 64, 131>::new();
    let mut ws = D::new(near.clone(), Ro::role(), storage.buffers());
    assert_eq!(ws.send(&[1; 1000]), Err(Error::Unfinished(WouldBlock)));
    near.set_capacity(4096);
    let unfinished = Error::Send(SendError::FrameUnfinished);
    assert_eq!(ws.close_and_finish(CloseCode::GOING_AWAY), Err(unfinished));
    let rest = vec![1; ws.unfinished()];
    ws.write(&rest).unwrap();
    far.put(&Ro::received(0x88, b""));
    far.hang_up();
    assert_eq!(ws.close_and_finish(CloseCode::GOING_AWAY), Ok(()));
    assert_eq!(far.take(), [Ro::sent(0x82, &[1; 1000]), Ro::sent(0x88, b"\x03\xe9")].concat());
}

fn halves_are_put_together_to_finish<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<64, 64, 131>::new();
    let ws = D::new(near, Ro::role(), storage.buffers());
    let (mut receiver, mut sender) = D::split(ws);
    far.put(&[Ro::received(0x81, b"one"), Ro::received(0x02, b"be")].concat());
    assert_eq!(receiver.receive(), Ok(Seen::Text("one".into())));
    assert_eq!(receiver.receive(), Err(INTERRUPTED));
    D::send(&mut sender, Chunk::first("un")).unwrap();
    let mut ws = D::unsplit(receiver, sender).expect("they are of one connection");
    // Both messages go on.
    far.put(&[Ro::received(0x80, b"gun"), Ro::received(0x81, b"two")].concat());
    assert_eq!(ws.receive(), Ok(Seen::Binary(b"begun".into())));
    ws.send(Chunk::last("split")).unwrap();
    far.put(&Ro::received(0x88, b""));
    far.hang_up();
    assert_eq!(ws.close_and_finish(CloseCode::GOING_AWAY), Ok(()));
    let sent = [Ro::sent(0x01, b"un"), Ro::sent(0x80, b"split"), Ro::sent(0x88, b"\x03\xe9")];
    assert_eq!(far.take(), sent.concat());
}

on_every_driver!(
    a_client_that_closes_waits_for_the_server_to_close_tcp,
    a_server_that_closes_waits_for_the_client_to_close,
    the_client_waits_for_the_server_to_close_tcp_first,
);

on_every_driver_and_role!(
    a_close_that_came_first_is_answered_before_the_end,
    what_is_queued_leaves_first,
    a_close_that_cannot_be_written_is_no_end,
    closing_goes_on_wherever_it_is_interrupted,
    an_end_without_a_close_is_none,
    a_violation_on_the_way_to_the_end_is_told,
    a_violation_before_is_answered_and_over,
    a_pong_that_waits_is_sent_and_closes_nothing,
    halves_are_put_together_to_finish,
);

on_both_drivers_and_roles!(a_cut_frame_must_be_ended_before_the_end);
