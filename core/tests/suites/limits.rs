//! What the peer may cost: the message buffer is the limit whatever TCP does, and nothing goes on
//! for ever.

use crate::common::{Seen, TestRole, on_both_roles};
use crate::drive::{Driver, INTERRUPTED, Part, Talk, on_every_driver_and_role};
use crate::pipe::{Shape, WIDE, pipe};
use wirelet::{CapacityError, CloseCode, Error, Event, Kind, ProtocolError, Storage};

const TOO_BIG: Error<crate::pipe::WouldBlock> = Error::Capacity(CapacityError);

/// The header of a frame as this end receives it, whose payload does not follow.
fn header<Ro: TestRole>(first: u8, len: u64) -> Vec<u8> {
    let mask = if Ro::PEER_KEY.is_some() { 0x80 } else { 0 };
    let mut header = vec![first, mask];
    match len {
        0..=125 => header[1] += u8::try_from(len).unwrap(),
        126..=0xffff => {
            header[1] += 126;
            header.extend(u16::try_from(len).unwrap().to_be_bytes());
        }
        _ => {
            header[1] += 127;
            header.extend(len.to_be_bytes());
        }
    }
    header.extend(Ro::PEER_KEY.iter().flatten());
    header
}

/// Receives in reads of at most `read` bytes, into 1,024 and 256 bytes.
fn receive<D: Driver, Ro: TestRole>(stream: &[u8], read: usize) -> (Vec<Seen>, Vec<u8>) {
    let (near, far) = pipe(Shape { read, ..WIDE });
    far.put(stream);
    let mut storage = Storage::<1024, 256, 131>::new();
    let mut ws = D::new(near, Ro::role(), storage.buffers());
    let mut all = Vec::new();
    loop {
        match ws.receive() {
            Ok(seen) => all.push(seen),
            Err(Error::Capacity(CapacityError)) => {
                assert_eq!(ws.receive(), Err(Error::Closed), "reads of {read}");
                return (all, far.take());
            }
            Err(error) => panic!("{error:?} in reads of {read}"),
        }
    }
}

fn a_message_is_too_big_whatever_cuts_it<D: Driver, Ro: TestRole>() {
    let told = Ro::sent(0x88, b"\x03\xf1");
    let fits = Seen::Binary(vec![7; 256]);
    for too_big in [
        Ro::received(0x82, &[7; 257]),
        Ro::received(0x82, &[7; 500]),
        [Ro::received(0x02, &[7; 200]), Ro::received(0x80, &[7; 57])].concat(),
        [Ro::received(0x02, &[7; 256]), Ro::received(0x00, b""), Ro::received(0x80, b"x")].concat(),
    ] {
        // What fits exactly comes before, in one frame and in two.
        let stream = [
            Ro::received(0x82, &[7; 256]),
            Ro::received(0x02, &[7; 100]),
            Ro::received(0x80, &[7; 156]),
            too_big,
        ];
        let stream = stream.concat();
        for read in (1..300).chain([400, 511, 512, 513, 800, 1023, 1024]) {
            let (seen, wire) = receive::<D, Ro>(&stream, read);
            assert!(seen == [fits.clone(), fits.clone()], "reads of {read}: {seen:?}");
            assert_eq!(wire, told, "reads of {read}");
        }
    }
}

fn a_header_that_announces_too_much_is_refused_at_once<D: Driver, Ro: TestRole>() {
    for len in [257, 70_000, 1 << 31, 1 << 32, 1 << 62, (1 << 63) - 1] {
        // Its payload never comes.
        let alone = header::<Ro>(0x81, len);
        let joined = [Ro::received(0x01, b"x"), header::<Ro>(0x80, len - 1)].concat();
        for stream in [alone, joined] {
            for read in 1..=stream.len() {
                let (seen, wire) = receive::<D, Ro>(&stream, read);
                assert!(seen.is_empty());
                assert_eq!(wire, Ro::sent(0x88, b"\x03\xf1"), "{len} announced, reads of {read}");
            }
        }
    }
}

fn without_a_message_buffer_all_comes_in_chunks<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<64, 0, 131>::new();
    let mut ws = D::new(near, Ro::role(), storage.buffers());
    far.put(&[Ro::received(0x82, &[7; 5]), Ro::received(0x89, b"?")].concat());
    let chunk = Part::chunk(Kind::Binary, &[7; 5], true, true);
    assert_eq!(ws.receive_chunk(), Ok(chunk));
    assert_eq!(ws.receive(), Ok(Seen::Ping(b"?".into())));
    far.put(&[Ro::received(0x82, b""), Ro::received(0x82, b"x")].concat());
    assert_eq!(ws.receive(), Ok(Seen::Binary(vec![])));
    assert_eq!(ws.receive(), Err(TOO_BIG));
}

fn a_chunk_that_is_too_big_for_who_asks_now_is_refused<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<1024, 100, 131>::new();
    let mut ws = D::new(near.clone(), Ro::role(), storage.buffers());
    far.put(&[Ro::received(0x89, b"?"), Ro::received(0x82, &[7; 500])].concat());
    assert_eq!(ws.receive_chunk(), Ok(Part::Control(Seen::Ping(b"?".into()))));
    // The chunk is there, and waits for the pong to leave.
    near.set_capacity(0);
    assert_eq!(ws.receive_chunk(), Err(INTERRUPTED));
    near.set_capacity(1000);
    assert_eq!(ws.receive(), Err(TOO_BIG));
    assert_eq!(ws.receive(), Err(Error::Closed));
    assert_eq!(far.take(), [Ro::sent(0x8a, b"?"), Ro::sent(0x88, b"\x03\xf1")].concat());
}

fn a_thousand_empty_fragments_are_a_message<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<64, 64, 131>::new();
    let mut ws = D::new(near, Ro::role(), storage.buffers());
    for _ in 0..2 {
        let mut stream = [Ro::received(0x01, b""), Ro::received(0x00, b"in all ")].concat();
        stream.extend(Ro::received(0x00, b"").repeat(999));
        stream.extend(Ro::received(0x80, b"a thousand"));
        far.put(&stream);
        assert_eq!(ws.receive(), Ok(Seen::Text("in all a thousand".into())));
    }
}

fn one_empty_fragment_more_ends_the_connection<D: Driver, Ro: TestRole>() {
    let ended = Error::Protocol(ProtocolError::EmptyFragments);
    for in_chunks in [false, true] {
        let (near, far) = pipe(WIDE);
        let mut storage = Storage::<64, 64, 131>::new();
        let mut ws = D::new(near, Ro::role(), storage.buffers());
        // There is always more of it.
        far.put(&[Ro::received(0x01, b""), Ro::received(0x00, b"").repeat(2000)].concat());
        if in_chunks {
            for n in 0..1000 {
                let chunk = Part::chunk(Kind::Text, b"", n == 0, false);
                assert_eq!(ws.receive_chunk(), Ok(chunk));
            }
            assert_eq!(ws.receive_chunk(), Err(ended));
        } else {
            assert_eq!(ws.receive(), Err(ended));
        }
        assert_eq!(ws.receive(), Err(Error::Closed));
        assert_eq!(far.take(), Ro::sent(0x88, b"\x03\xf0"));
    }
}

fn to_finish_takes_no_more_than_a_mebibyte<D: Driver, Ro: TestRole>() {
    let still_sending = Error::Protocol(ProtocolError::StillSending);
    for (begins, goes_on) in [
        (vec![], Ro::received(0x82, &[7; 4000])),
        (vec![], Ro::received(0x89, &[7; 100]).repeat(40)),
        (header::<Ro>(0x82, 1 << 40), vec![7; 4000]),
    ] {
        let (near, far) = pipe(WIDE);
        let mut storage = Storage::<512, 64, 131>::new();
        let mut ws = D::new(near, Ro::role(), storage.buffers());
        ws.close(CloseCode::NORMAL_CLOSURE).unwrap();
        far.put(&begins);
        let mut n_put = begins.len();
        let outcome = loop {
            match ws.finish() {
                Err(INTERRUPTED) => {
                    assert!(n_put < 1 << 22, "4 MiB, and it has not come to an end");
                    far.put(&goes_on);
                    n_put += goes_on.len();
                }
                outcome => break outcome,
            }
        };
        assert_eq!(outcome, Err(still_sending));
        assert!((1 << 20..(1 << 20) + 8192).contains(&n_put), "{n_put} bytes");
        assert_eq!(ws.finish(), Err(still_sending), "and so it stays");
    }
}

fn to_finish_takes_a_mebibyte_to_the_end_of_the_close<D: Driver, Ro: TestRole>() {
    let still_sending = Error::Protocol(ProtocolError::StillSending);
    for (len, outcome) in [(1 << 20, Ok(())), ((1 << 20) + 1, Err(still_sending))] {
        let (near, far) = pipe(WIDE);
        let mut storage = Storage::<4096, 0, 131>::new();
        let mut ws = D::new(near, Ro::role(), storage.buffers());
        ws.close(CloseCode::NORMAL_CLOSURE).unwrap();
        let close = Ro::received(0x88, b"");
        let payload = len - header::<Ro>(0x82, 1 << 20).len() - close.len();
        far.put(&header::<Ro>(0x82, payload as u64));
        far.put(&vec![7; payload]);
        far.put(&close);
        far.hang_up();
        assert_eq!(ws.finish(), outcome, "{len} bytes");
        assert_eq!(ws.bytes_received(), len as u64);
    }
}

fn a_limit_counts_the_bytes_of_one_message<Ro: TestRole>() {
    let mut connection = Ro::connection();
    let mut stream = [
        Ro::received(0x01, b"12345"),
        Ro::received(0x89, &[7; 125]),
        Ro::received(0x80, b"678"),
        Ro::received(0x82, b"12345678"),
        Ro::received(0x02, b"1234567"),
        Ro::received(0x00, b""),
    ]
    .concat();
    let mut rest = &mut stream[..];
    let mut n_chunks = 0;
    while !rest.is_empty() {
        let progress = connection.receive_within(8, rest).unwrap();
        n_chunks += usize::from(matches!(progress.event, Some(Event::Chunk(_))));
        let consumed = progress.consumed;
        rest = &mut rest[consumed..];
        while connection.reply(&mut [0; 131]) > 0 {}
    }
    assert_eq!(n_chunks, 5);
    let error = Err(ProtocolError::MessageTooBig);
    assert_eq!(connection.receive_within(8, &mut header::<Ro>(0x80, 2)), error);
    let mut out = [0; 16];
    let n = connection.reply(&mut out);
    assert_eq!(out[..n], Ro::sent(0x88, b"\x03\xf1"));
    assert!(connection.is_closed());
}

fn a_limit_that_grows_in_between_lets_more_in<Ro: TestRole>() {
    let mut connection = Ro::connection();
    assert!(connection.receive_within(8, &mut Ro::received(0x02, b"12345678")).is_ok());
    assert!(connection.receive_within(10, &mut Ro::received(0x00, b"90")).is_ok());
    assert!(connection.receive_within(usize::MAX, &mut header::<Ro>(0x00, 1 << 62)).is_ok());
}

#[test]
fn what_announces_more_than_there_can_be_is_no_length_at_all() {
    let mut connection = <wirelet::Server as TestRole>::connection();
    let mut bytes = header::<wirelet::Server>(0x82, 1 << 63);
    let error = Err(ProtocolError::LengthTooLarge);
    assert_eq!(connection.receive_within(8, &mut bytes), error);
}

on_both_roles!(a_limit_counts_the_bytes_of_one_message, a_limit_that_grows_in_between_lets_more_in,);

on_every_driver_and_role!(
    a_message_is_too_big_whatever_cuts_it,
    a_header_that_announces_too_much_is_refused_at_once,
    without_a_message_buffer_all_comes_in_chunks,
    a_chunk_that_is_too_big_for_who_asks_now_is_refused,
    a_thousand_empty_fragments_are_a_message,
    one_empty_fragment_more_ends_the_connection,
    to_finish_takes_no_more_than_a_mebibyte,
    to_finish_takes_a_mebibyte_to_the_end_of_the_close,
);
