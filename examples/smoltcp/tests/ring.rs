//! The zero-buffer way at the end of the ring: that frames lie across it, and that they are read in
//! place all the same, is shown by the addresses of the chunks.

mod common;

use std::ops::Range;

use common::{LIMIT, Machine, connected, random};
use embedded_io::{Read as _, Write as _};
use smoltcp::time::Duration;
use wirelet::{
    Chunk, Client, CloseCode, Error, Kind, Message, Random, Received, Role, Server, Storage,
    blocking,
};
use wirelet_example_smoltcp::link::Conditions;
use wirelet_example_smoltcp::socket::Socket;
use wirelet_example_smoltcp::zero_buffer::WebSocket;
use wirelet_example_smoltcp::{Fragments, TcpError};

/// The receive ring of the server: a prime, so that frames of any other length begin at each of
/// its bytes in turn.
const RING: usize = 61;
/// Of a short frame of a client (RFC 6455 §5.2): 2 bytes, and 4 of masking key.
const HEADER: usize = 6;
/// 40 bytes: 13 code points of three, and one of one.
const TEXT: &str = "€€€€€€€€€€€€€!";

/// A piece of a message, as the application has been lent it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    /// Where it lay in memory.
    addresses: Range<usize>,
    kind: Kind,
    bytes: Vec<u8>,
    is_text: bool,
    is_first: bool,
    is_last: bool,
}

/// Sends `say` 61 times, each when the one before has been read; returns what came in which pieces.
fn pieces_of(say: Message<'_>) -> Vec<Vec<Piece>> {
    let client = |stack: &mut Machine<'_>| {
        let mut ws = WebSocket::new(Client(random()));
        for _ in 0..RING {
            ws.send(stack.socket(), &mut Fragments::new(say)).unwrap();
            until_read(stack);
        }
        close(stack, &mut ws);
    };
    let server = |stack: &mut Machine<'_>| {
        let mut ws = WebSocket::new(Server);
        let mut messages = vec![Vec::new()];
        serve(stack, &mut ws, |received| {
            if let Received::Data(chunk) = received {
                let addresses = chunk.as_bytes().as_ptr_range();
                let piece = Piece {
                    addresses: addresses.start.addr()..addresses.end.addr(),
                    kind: chunk.kind(),
                    bytes: chunk.as_bytes().to_vec(),
                    is_text: chunk.as_str().is_some(),
                    is_first: chunk.is_first(),
                    is_last: chunk.is_last(),
                };
                messages.last_mut().unwrap().push(piece);
                if chunk.is_last() {
                    messages.push(Vec::new());
                }
            }
        });
        assert_eq!(messages.pop(), Some(Vec::new()));
        messages
    };
    connected(&Conditions::PERFECT, RING, client, server).1
}

/// Waits until the server has acknowledged all. It reads before that: the acknowledgement is
/// delayed.
fn until_read(stack: &mut Machine<'_>) {
    stack
        .until(LIMIT, |socket| Ok::<_, TcpError>((socket.send_queue() == 0).then_some(())))
        .unwrap();
}

fn close(stack: &mut Machine<'_>, ws: &mut WebSocket<Client<impl Random>>) {
    assert_eq!(ws.close(stack.socket(), CloseCode::NORMAL_CLOSURE), Ok(true));
    serve(stack, ws, |_| {});
}

/// Receives until TCP is to be closed, and closes it.
fn serve<Ro: Role>(
    stack: &mut Machine<'_>,
    ws: &mut WebSocket<Ro>,
    mut application: impl FnMut(Received<'_, Chunk<'_>>),
) {
    stack
        .until(LIMIT, |socket| {
            ws.receive(socket, &mut application)?;
            Ok::<_, Error<TcpError>>(ws.is_over(socket).then_some(()))
        })
        .unwrap();
    stack.close(LIMIT).unwrap();
}

/// Checks the pieces of frames that began at each byte of the ring; returns how many lay across
/// its end.
fn check_places(say: Message<'_>, messages: &[Vec<Piece>]) -> usize {
    assert_eq!(messages.len(), RING);
    let payload = say.as_bytes();
    // The payload of the first frame lies behind its header at the beginning of the ring.
    let ring = messages[0][0].addresses.start - HEADER;
    let mut wrapped = 0;
    for (i, pieces) in messages.iter().enumerate() {
        let start = (i * (HEADER + payload.len()) + HEADER) % RING;
        let before_end = payload.len().min(RING - start);
        let mut places = vec![(start, &payload[..before_end])];
        if before_end < payload.len() {
            // Across the end of the ring: on at its beginning.
            places.push((0, &payload[before_end..]));
            wrapped += 1;
        }
        let places: Vec<_> = places
            .into_iter()
            .map(|(at, bytes)| (ring + at..ring + at + bytes.len(), bytes.to_vec()))
            .collect();
        let found: Vec<_> =
            pieces.iter().map(|piece| (piece.addresses.clone(), piece.bytes.clone())).collect();
        assert_eq!(found, places, "frame {i}");
        for (n, piece) in pieces.iter().enumerate() {
            assert_eq!(piece.kind, say.kind());
            assert_eq!((piece.is_first, piece.is_last), (n == 0, n + 1 == pieces.len()));
        }
    }
    wrapped
}

#[test]
fn a_frame_across_the_end_of_the_ring_is_read_in_place_in_two_chunks() {
    let bytes: [u8; 40] = std::array::from_fn(|i| u8::try_from(i).unwrap());
    let messages = pieces_of(Message::Binary(&bytes));
    // It lies across wherever its payload begins at one of the last 39 bytes.
    assert_eq!(check_places(Message::Binary(&bytes), &messages), 39);
    // Its header does where the payload begins at one of the first 5.
    let ring = messages[0][0].addresses.start - HEADER;
    let across = |pieces: &&Vec<Piece>| (1..HEADER).contains(&(pieces[0].addresses.start - ring));
    assert_eq!(messages.iter().filter(across).count(), 5);
}

#[test]
fn a_code_point_across_the_end_of_the_ring_is_valid() {
    let messages = pieces_of(Message::Text(TEXT));
    assert_eq!(check_places(Message::Text(TEXT), &messages), 39);
    let cut = messages.iter().filter(|pieces| !pieces[0].is_text).count();
    assert_eq!(cut, 26, "each of 13 code points in both places");
}

#[test]
fn a_ping_across_the_end_of_the_ring_is_answered() {
    const PING: &[u8; 40] = b"0123456789012345678901234567890123456789";
    let client = |stack: &mut Machine<'_>| {
        let mut ws = WebSocket::new(Client(random()));
        let mut pongs = 0;
        for n in 1..=RING {
            assert_eq!(ws.ping(stack.socket(), PING), Ok(true));
            stack
                .until(LIMIT, |socket| {
                    ws.receive(socket, |received| {
                        assert_eq!(received, Received::Pong(PING));
                        pongs += 1;
                    })?;
                    Ok::<_, Error<TcpError>>((pongs == n).then_some(()))
                })
                .unwrap();
        }
        close(stack, &mut ws);
        pongs
    };
    let server = |stack: &mut Machine<'_>| {
        let mut pings = 0;
        serve(stack, &mut WebSocket::new(Server), |received| match received {
            Received::Ping(payload) => {
                assert_eq!(payload, PING);
                pings += 1;
            }
            received => assert!(matches!(received, Received::Close(_)), "{received:?}"),
        });
        pings
    };
    // 46 bytes of frame and 61 of ring: they begin at each byte of the ring, as above.
    assert_eq!(connected(&Conditions::PERFECT, RING, client, server), (RING, RING));
}

#[test]
fn one_frame_of_many_rings_goes_through() {
    let sent: Vec<u8> = (0..20_000_u32).map(|i| i.to_be_bytes()[3]).collect();
    let client = |stack: &mut Machine<'_>| {
        let mut storage = Storage::<256, 0, 256>::new();
        let socket = Socket::new(stack, LIMIT);
        let mut ws = blocking::WebSocket::new(socket, Client(random()), storage.buffers());
        ws.send(sent.as_slice()).unwrap();
        ws.close(CloseCode::NORMAL_CLOSURE).unwrap();
        assert!(matches!(ws.receive(), Ok((Received::Close(_), _))));
        ws.finish().unwrap();
        stack.close(LIMIT).unwrap();
    };
    let server = |stack: &mut Machine<'_>| {
        let mut received = Vec::new();
        serve(stack, &mut WebSocket::new(Server), |event| {
            if let Received::Data(chunk) = event {
                received.extend_from_slice(chunk.as_bytes());
                // One frame: the rest of it is the rest of the message.
                assert_eq!(received.len() as u64 + chunk.remaining(), 20_000);
                assert!(chunk.as_bytes().len() <= RING);
            }
        });
        received
    };
    let ((), received) = connected(&Conditions::PERFECT, RING, client, server);
    assert_eq!(received, sent);
}

#[test]
fn a_long_message_is_not_cut_to_crumbs() {
    let bytes = vec![7; 20_000];
    let client = |stack: &mut Machine<'_>| {
        let mut ws = WebSocket::new(Client(random()));
        let mut message = Fragments::new(bytes.as_slice());
        // The server acknowledges 61 bytes at a time.
        stack
            .until(LIMIT, |socket| {
                let is_out = ws.send(socket, &mut message)?;
                Ok::<_, Error<TcpError>>(is_out.then_some(()))
            })
            .unwrap();
        close(stack, &mut ws);
    };
    let server = |stack: &mut Machine<'_>| {
        let mut frames = Vec::new();
        let mut is_begun = false;
        serve(stack, &mut WebSocket::new(Server), |event| {
            if let Received::Data(chunk) = event {
                if !is_begun {
                    frames.push(0);
                }
                *frames.last_mut().unwrap() += chunk.as_bytes().len();
                is_begun = chunk.remaining() > 0;
            }
        });
        frames
    };
    let ((), frames) = connected(&Conditions::PERFECT, RING, client, server);
    assert_eq!(frames.iter().sum::<usize>(), bytes.len());
    let (last, others) = frames.split_last().unwrap();
    // A quarter of the transmit ring; at most all of it but a header and an answer.
    assert!(others.iter().all(|len| (512..=2048 - 14 - 131).contains(len)), "{frames:?}");
    assert!(*last <= 2048, "{frames:?}");
    assert!(frames.len() > 10);
}

#[test]
fn answers_wait_for_room_and_none_is_lost() {
    const PINGS: u8 = 40;
    // The server does not read yet.
    let silence = Duration::from_secs(20);
    let client = |stack: &mut Machine<'_>| {
        let mut ws = WebSocket::new(Client(random()));
        let mut n = 0;
        let mut receive = |stack: &mut Machine<'_>, ws: &mut WebSocket<_>, limit| {
            stack.until(limit, |socket| {
                ws.receive(socket, |received| {
                    assert_eq!(received, Received::Ping(&[n; 125]));
                    n += 1;
                })?;
                Ok::<_, Error<TcpError>>((n == PINGS).then_some(()))
            })
        };
        let timed_out = Err(Error::Transport(TcpError::TimedOut));
        assert_eq!(receive(stack, &mut ws, silence / 2), timed_out);
        // No room, for nothing.
        let socket = stack.socket();
        assert!(socket.recv_queue() > 0);
        assert_eq!(ws.send(socket, &mut Fragments::new("x")), Ok(false));
        assert_eq!(ws.ping(socket, b""), Ok(false));
        assert_eq!(ws.close(socket, CloseCode::NORMAL_CLOSURE), Ok(false));
        assert_eq!(receive(stack, &mut ws, LIMIT), Ok(()));
        until_read(stack);
        assert_eq!(ws.close(stack.socket(), CloseCode::NORMAL_CLOSURE), Ok(true));
    };
    let server = |stack: &mut Machine<'_>| {
        let mut socket = Socket::new(stack, LIMIT);
        for n in 0..PINGS {
            socket.write_all(&[0x89, 125]).unwrap();
            socket.write_all(&[n; 125]).unwrap();
        }
        let timed_out = stack.until(silence, |_| Ok::<Option<()>, TcpError>(None));
        assert_eq!(timed_out, Err(TcpError::TimedOut));
        let mut socket = Socket::new(stack, LIMIT);
        for n in 0..PINGS {
            let mut pong = [0; 131];
            socket.read_exact(&mut pong).unwrap();
            let (head, payload) = pong.split_at_mut(HEADER);
            assert_eq!(head[..2], [0x8a, 0xfd]);
            for (byte, key) in payload.iter_mut().zip(head[2..].iter().cycle()) {
                *byte ^= key;
            }
            assert_eq!(payload, [n; 125]);
        }
    };
    connected(&Conditions::PERFECT, 1024, client, server);
}
