//! Messages that are written piece by piece, in frames of known length and in fragments.

use crate::common::{FixedKey, KEY, TestRole, parse_frames};
use crate::drive::{
    Driver, INTERRUPTED, Outcome, Talk, again, on_both_drivers_and_roles, on_every_driver_and_role,
};
use crate::pipe::{Shape, WIDE, WouldBlock, pipe};
use wirelet::{Chunk, Client, CloseCode, Error, Kind, SendError, Server, Storage};

const TEXT: &str = "21.5 °C, κόσμε 漢字 😀";

#[track_caller]
fn send_error<T>(outcome: Outcome<T>, error: SendError) {
    assert_eq!(outcome.err(), Some(Error::Send(error)));
}

/// First bytes and payloads of what was sent.
fn frames<Ro: TestRole>(bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let frames = parse_frames(bytes).into_iter();
    frames
        .map(|frame| {
            assert_eq!(frame.key, Ro::OWN_KEY);
            (frame.first, frame.payload)
        })
        .collect()
}

fn a_frame_of_known_length_is_written_in_any_pieces<D: Driver, Ro: TestRole>() {
    for (kind, first) in [(Kind::Text, 0x81), (Kind::Binary, 0x82)] {
        for repeat in [0, 1, 4, 7, 40] {
            let text = TEXT.repeat(repeat);
            let frame = Ro::sent(first, text.as_bytes());
            for len in [1, 2, 3, 5, 120, 131, 132, 4000] {
                let (near, far) = pipe(Shape { write: 50, ..WIDE });
                let mut storage = Storage::<64, 64, 131>::new();
                let mut ws = D::new(near, Ro::role(), storage.buffers());
                let pieces: Vec<&[u8]> = text.as_bytes().chunks(len).collect();
                assert_eq!(ws.message_of_pieces(kind, text.len(), &pieces), Ok(()));
                assert!(far.take() == frame, "{} bytes, pieces of {len}", text.len());
                assert_eq!(ws.unfinished(), 0);
            }
        }
    }
}

fn a_message_of_unknown_length_is_written_in_fragments<D: Driver, Ro: TestRole>() {
    for (kind, first) in [(Kind::Text, 0x01), (Kind::Binary, 0x02)] {
        // The pieces cut the text inside its code points.
        for len in 1..=TEXT.len() {
            let (near, far) = pipe(WIDE);
            let mut storage = Storage::<64, 64, 256>::new();
            let mut ws = D::new(near.clone(), Ro::role(), storage.buffers());
            let pieces: Vec<&[u8]> = TEXT.as_bytes().chunks(len).collect();
            for piece in &pieces {
                assert_eq!(ws.message_piece(kind, piece), Ok(piece.len()));
            }
            // Control frames may stand between fragments.
            ws.ping(b"?").unwrap();
            ws.message_end(kind).unwrap();
            let mut expected: Vec<_> = pieces.iter().map(|piece| (0x00, piece.to_vec())).collect();
            expected[0].0 = first;
            expected.extend([(0x89, b"?".to_vec()), (0x80, vec![])]);
            assert_eq!(frames::<Ro>(&far.take()), expected);
        }
    }
}

fn what_is_written_is_queued_until_the_end<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<64, 64, 256>::new();
    let mut ws = D::new(near.clone(), Ro::role(), storage.buffers());
    ws.message_piece(Kind::Text, b"a").unwrap();
    ws.message_piece(Kind::Text, b"b").unwrap();
    assert_eq!(near.writes_and_flushes(), (0, 0));
    ws.message_end(Kind::Text).unwrap();
    assert_eq!(near.writes_and_flushes(), (1, 1));
    ws.message_of_pieces(Kind::Binary, 2, &[b"c", b"d"]).unwrap();
    assert_eq!(near.writes_and_flushes(), (2, 2));
    let sent = [(0x01, b"a"), (0x00, b"b")].map(|(first, text)| (first, text.to_vec()));
    let sent = [&sent[..], &[(0x80, vec![]), (0x82, b"cd".to_vec())]].concat();
    assert_eq!(frames::<Ro>(&far.take()), sent);
}

fn what_is_written_leaves_when_its_writer_is_flushed<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<64, 64, 256>::new();
    let mut ws = D::new(near.clone(), Ro::role(), storage.buffers());
    ws.message_piece(Kind::Text, b"a").unwrap();
    ws.message_flush(Kind::Text).unwrap();
    assert_eq!(near.writes_and_flushes(), (1, 1));
    assert_eq!(far.take(), Ro::sent(0x01, b"a"));
    ws.message_end(Kind::Text).unwrap();
    assert_eq!(far.take(), Ro::sent(0x80, b""));
}

fn a_fragment_is_never_longer_than_the_buffer<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<64, 64, 131>::new();
    let mut ws = D::new(near, Ro::role(), storage.buffers());
    let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let n = ws.message_piece(Kind::Binary, rest).unwrap();
        assert!(n > 100 || n == rest.len(), "{n}");
        rest = &rest[n..];
    }
    ws.message_end(Kind::Binary).unwrap();
    let frames = frames::<Ro>(&far.take());
    assert!(frames.iter().all(|(_, payload)| payload.len() < 131));
    let joined: Vec<u8> = frames.into_iter().flat_map(|(_, payload)| payload).collect();
    assert!(joined == bytes);
}

fn an_empty_piece_is_no_fragment<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<64, 64, 131>::new();
    let mut ws = D::new(near, Ro::role(), storage.buffers());
    for _ in 0..2000 {
        assert_eq!(ws.message_piece(Kind::Text, b""), Ok(0));
    }
    ws.message_end(Kind::Text).unwrap();
    assert_eq!(far.take(), Ro::sent(0x81, b""));
}

fn text_that_is_none_is_refused_piece_by_piece<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<64, 64, 256>::new();
    let mut ws = D::new(near, Ro::role(), storage.buffers());
    ws.message_piece(Kind::Text, b"caf\xc3").unwrap();
    send_error(ws.message_piece(Kind::Text, b"x"), SendError::InvalidUtf8);
    send_error(ws.message_end(Kind::Text), SendError::InvalidUtf8);
    send_error(ws.send(Chunk::last("!")), SendError::InvalidUtf8);
    ws.message_piece(Kind::Text, b"\xa9").unwrap();
    ws.message_end(Kind::Text).unwrap();
    // In one frame.
    ws.message_of(Kind::Text, 4).unwrap();
    ws.write(b"a\xe6").unwrap();
    send_error(ws.write(b"a"), SendError::InvalidUtf8);
    send_error(ws.write(b"\xbc\xff"), SendError::InvalidUtf8);
    assert_eq!(ws.unfinished(), 2);
    ws.write(b"\xbc").unwrap();
    ws.write(b"\xa2").unwrap();
    // That would end inside a code point.
    ws.message_of(Kind::Text, 2).unwrap();
    ws.write(b"a").unwrap();
    send_error(ws.write(b"\xc3"), SendError::InvalidUtf8);
    ws.write(b"b").unwrap();
    ws.flush().unwrap();
    let sent = [
        (0x01, b"caf\xc3".to_vec()),
        (0x00, b"\xa9".to_vec()),
        (0x80, vec![]),
        (0x81, "a漢".into()),
        (0x81, b"ab".to_vec()),
    ];
    assert_eq!(frames::<Ro>(&far.take()), sent);
}

fn a_frame_holds_what_was_announced<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<64, 64, 256>::new();
    let mut ws = D::new(near, Ro::role(), storage.buffers());
    send_error(ws.message_of_pieces(Kind::Binary, 3, &[b"ab"]), SendError::FrameUnfinished);
    assert_eq!(ws.unfinished(), 1);
    assert_eq!(ws.may_begin(), Err(SendError::FrameUnfinished));
    for refused in [
        ws.send("x"),
        ws.queue("x"),
        ws.ping(b""),
        ws.pong(b""),
        ws.close(CloseCode::NORMAL_CLOSURE),
        ws.message_of(Kind::Binary, 1),
        ws.message_end(Kind::Binary),
    ] {
        send_error(refused, SendError::FrameUnfinished);
    }
    send_error(ws.write(b"cd"), SendError::TooLong);
    ws.write(b"c").unwrap();
    send_error(ws.write(b"d"), SendError::TooLong);
    ws.write(b"").unwrap();
    assert_eq!(ws.may_begin(), Ok(()));
    ws.send("x").unwrap();
    assert_eq!(far.take(), [Ro::sent(0x82, b"abc"), Ro::sent(0x81, b"x")].concat());
}

fn a_frame_of_known_length_can_end_a_message<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<64, 64, 256>::new();
    let mut ws = D::new(near, Ro::role(), storage.buffers());
    ws.message_piece(Kind::Text, b"\xe6\xbc").unwrap();
    send_error(ws.message_of(Kind::Binary, 1), SendError::NoMessageInProgress);
    send_error(ws.message_of(Kind::Text, 0), SendError::InvalidUtf8);
    ws.message_of_pieces(Kind::Text, 2, &[b"\xa2!"]).unwrap();
    send_error(ws.send(Chunk::last("x")), SendError::NoMessageInProgress);
    let sent = [Ro::sent(0x01, b"\xe6\xbc"), Ro::sent(0x80, b"\xa2!")];
    assert_eq!(far.take(), sent.concat());
}

/// Each piece is written again, in so far as it was not taken.
fn a_written_frame_goes_on_wherever_it_is_interrupted<D: Driver, Ro: TestRole>() {
    let text = TEXT.repeat(20);
    for shape in [WIDE, Shape { write: 1, ..WIDE }, Shape { write: 100, ..WIDE }] {
        for len in [1, 7, 131, 200, 1000] {
            let (near, far) = pipe(shape);
            near.fail_first();
            let mut storage = Storage::<64, 64, 131>::new();
            let mut ws = D::new(near, Ro::role(), storage.buffers());
            again(|| ws.queue("before")).0.unwrap();
            again(|| ws.message_of(Kind::Text, text.len())).0.unwrap();
            while ws.unfinished() > 0 {
                let at = text.len() - ws.unfinished();
                let end = text.len().min(at + len);
                match ws.write(&text.as_bytes()[at..end]) {
                    Ok(()) => assert_eq!(ws.unfinished(), text.len() - end),
                    Err(error) => assert_eq!(error, Error::Unfinished(WouldBlock)),
                }
            }
            again(|| ws.flush()).0.unwrap();
            let sent = [Ro::sent(0x81, b"before"), Ro::sent(0x81, text.as_bytes())].concat();
            assert!(far.take() == sent, "{shape:?}, pieces of {len}");
        }
    }
}

/// Of fragments, each is queued whole or not at all.
fn written_fragments_go_on_wherever_they_are_interrupted<D: Driver, Ro: TestRole>() {
    let text = TEXT.repeat(20);
    for shape in [WIDE, Shape { write: 1, ..WIDE }] {
        for len in [3, 50, 1000] {
            let (near, far) = pipe(shape);
            near.fail_first();
            let mut storage = Storage::<64, 64, 131>::new();
            let mut ws = D::new(near, Ro::role(), storage.buffers());
            let mut at = 0;
            while at < text.len() {
                let end = text.len().min(at + len);
                let piece = &text.as_bytes()[at..end];
                at += again(|| ws.message_piece(Kind::Text, piece)).0.unwrap();
            }
            match again(|| ws.message_end(Kind::Text)).0 {
                Ok(()) => {}
                Err(Error::Unflushed(WouldBlock)) => again(|| ws.flush()).0.unwrap(),
                Err(error) => panic!("{error:?}"),
            }
            let frames = frames::<Ro>(&far.take());
            assert_eq!((frames[0].0, frames.last().unwrap().0), (0x01, 0x80));
            let joined: Vec<u8> = frames.into_iter().flat_map(|(_, payload)| payload).collect();
            assert!(joined == text.as_bytes(), "{shape:?}, pieces of {len}");
        }
    }
}

fn the_end_of_a_message_that_does_not_leave_is_queued<D: Driver, Ro: TestRole>() {
    let (near, far) = pipe(Shape { capacity: 0, ..WIDE });
    let mut storage = Storage::<64, 64, 131>::new();
    let mut ws = D::new(near.clone(), Ro::role(), storage.buffers());
    let unflushed = Err(Error::Unflushed(WouldBlock));
    ws.message_piece(Kind::Text, b"a").unwrap();
    assert_eq!(ws.message_end(Kind::Text), unflushed);
    assert_eq!(ws.message_of_pieces(Kind::Text, 1, &[b"b"]), unflushed);
    near.set_capacity(100);
    ws.flush().unwrap();
    let sent = [Ro::sent(0x01, b"a"), Ro::sent(0x80, b""), Ro::sent(0x81, b"b")];
    assert_eq!(far.take(), sent.concat());
}

#[test]
fn a_writer_takes_what_is_formatted() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<64, 64, 256>::new();
    let mut ws = wirelet::blocking::WebSocket::new(near, Server, storage.buffers());
    let mut writer = ws.sender().message(Kind::Text);
    embedded_io::Write::write_fmt(&mut writer, format_args!("{:.1} {}", 21.54, "°C")).unwrap();
    writer.finish().unwrap();
    let joined: Vec<u8> =
        parse_frames(&far.take()).into_iter().flat_map(|frame| frame.payload).collect();
    assert_eq!(joined, "21.5 °C".as_bytes());
}

#[test]
fn an_async_writer_takes_what_others_copy_to_it() {
    let (near, far) = pipe(WIDE);
    let mut storage = Storage::<64, 64, 256>::new();
    let role = Client(FixedKey(KEY));
    let mut ws = wirelet::asynch::WebSocket::new(crate::pipe::Async(near), role, storage.buffers());
    embassy_futures::block_on(async {
        let mut writer = ws.sender().message_of(Kind::Binary, 6).await.unwrap();
        embedded_io_async::Write::write_all(&mut writer, b"abc").await.unwrap();
        embedded_io_async::Write::flush(&mut writer).await.unwrap();
        assert_eq!(far.take().len(), 6 + 3, "what was written has left");
        embedded_io_async::Write::write_all(&mut writer, b"def").await.unwrap();
        writer.finish().await.unwrap();
    });
    assert_eq!(far.take().len(), 3);
}

/// A text that was sent whole, and cut on the way, is still text when `write` goes on with it.
fn what_goes_on_with_a_text_that_was_cut_is_text<D: Driver, Ro: TestRole>() {
    let text = TEXT.repeat(20);
    let mut n_inside = 0;
    // At once and byte by byte, which does not let it see where a code point begins.
    for (write, capacity) in (140..200).flat_map(|capacity| [(4096, capacity), (1, capacity)]) {
        let (near, far) = pipe(Shape { write, capacity, ..WIDE });
        let mut storage = Storage::<64, 0, 131>::new();
        let mut ws = D::new(near.clone(), Ro::role(), storage.buffers());
        let sent = ws.send(text.as_str());
        // A future that is dropped tells nothing.
        assert!(matches!(sent, Err(Error::Unfinished(WouldBlock) | INTERRUPTED)), "{sent:?}");
        let missing = ws.unfinished();
        let at = text.len() - missing;
        near.set_capacity(9000);
        let rest = &text.as_bytes()[at..];
        if text.is_char_boundary(at) {
            send_error(ws.write(&[0x80]), SendError::InvalidUtf8);
        } else {
            n_inside += 1;
            send_error(ws.write(b"x"), SendError::InvalidUtf8);
        }
        assert_eq!(ws.unfinished(), missing);
        ws.write(rest).unwrap();
        ws.flush().unwrap();
        assert!(far.take() == Ro::sent(0x81, text.as_bytes()), "cut at {at}");
        ws.send("next").unwrap();
    }
    assert!(n_inside > 3, "{n_inside}");
}

on_every_driver_and_role!(
    what_goes_on_with_a_text_that_was_cut_is_text,
    a_frame_of_known_length_is_written_in_any_pieces,
    a_message_of_unknown_length_is_written_in_fragments,
    what_is_written_is_queued_until_the_end,
    what_is_written_leaves_when_its_writer_is_flushed,
    a_fragment_is_never_longer_than_the_buffer,
    an_empty_piece_is_no_fragment,
    text_that_is_none_is_refused_piece_by_piece,
    a_frame_holds_what_was_announced,
    a_frame_of_known_length_can_end_a_message,
);

on_both_drivers_and_roles!(
    a_written_frame_goes_on_wherever_it_is_interrupted,
    written_fragments_go_on_wherever_they_are_interrupted,
    the_end_of_a_message_that_does_not_leave_is_queued,
);
