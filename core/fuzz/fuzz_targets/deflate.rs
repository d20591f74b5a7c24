//! permessage-deflate's codec (RFC 1951, RFC 7692), held against zlib.
//!
//! The input is taken three times: as deflated data, cut everywhere; as a message; and as offers.

#![no_main]

use flate2::{Decompress, FlushDecompress, Status};
use libfuzzer_sys::fuzz_target;
use wirelet::deflate::{Deflate, Deflater, Inflater, Malformed, Window};
use wirelet::handshake::Response;

fuzz_target!(|data: &[u8]| {
    inflate(data);
    deflate(data);
    negotiate(data);
});

/// The most that is inflated.
const CAPACITY: usize = 1 << 16;

/// Whatever the cut and the memory, the same comes out; and what zlib has.
fn inflate(deflated: &[u8]) {
    let mut memory = vec![0; CAPACITY];
    let mut window = Window::whole(&mut memory);
    let result = Inflater::new().inflate(&mut &deflated[..], &mut window);
    let plain = window.fresh();

    match inflate_with_zlib(deflated) {
        // Behind the last block, zlib stops.
        Some((Status::StreamEnd, theirs)) => assert!(plain.starts_with(&theirs)),
        Some((_, theirs)) if result.is_ok() => assert_eq!(plain, theirs),
        // It tells late that there is no code for lengths.
        Some(_) => assert_eq!(inflate_with_zlib(&[deflated, &[0; 64]].concat()), None),
        None => assert!(result == Err(Malformed) || result == Ok(true)),
    }

    // A ring that holds all that anything can refer to.
    let (mut inflater, mut ring) = (Inflater::new(), vec![0; 1 << 15]);
    let mut window = Window::ring(&mut ring);
    let (mut again, mut in_pieces) = (Vec::new(), Ok(false));
    for piece in deflated.chunks(usize::from(deflated.first().copied().unwrap_or_default() % 7) + 1)
    {
        let mut piece = piece;
        loop {
            in_pieces = inflater.inflate(&mut piece, &mut window);
            again.extend_from_slice(window.fresh());
            window.take();
            if in_pieces != Ok(true) || again.len() >= CAPACITY {
                break;
            }
        }
        if in_pieces.is_err() || again.len() >= CAPACITY {
            break;
        }
    }
    assert!(again.starts_with(plain));
    if again.len() < CAPACITY {
        assert_eq!((in_pieces.is_err(), again.len()), (result.is_err(), plain.len()));
    }
}

fn inflate_with_zlib(deflated: &[u8]) -> Option<(Status, Vec<u8>)> {
    let mut plain = Vec::with_capacity(CAPACITY);
    let status = Decompress::new(false).decompress_vec(deflated, &mut plain, FlushDecompress::Sync);
    Some((status.ok()?, plain))
}

/// What is deflated comes out again.
fn deflate(input: &[u8]) {
    let Some((&[table_len, space, bits], message)) = input.split_first_chunk() else { return };
    let (mut table, mut out) = (vec![0; table_len.into()], vec![0; usize::from(space) + 8]);
    let mut deflater = Deflater::new(&mut table).with_window_bits(bits);
    let (mut deflated, mut at) = (Vec::new(), 0);
    while at < message.len() {
        let (to, n) = deflater.deflate(message, at, &mut out);
        assert!(to > at);
        at = to;
        deflated.extend_from_slice(&out[..n]);
    }
    let n = deflater.end(&mut out).expect("there is space");
    deflated.extend_from_slice(&out[..n]);

    let (mut inflater, mut memory) = (Inflater::new(), vec![0; message.len()]);
    let mut window = Window::whole(&mut memory);
    assert_eq!(inflater.inflate(&mut &deflated[..], &mut window), Ok(false));
    assert_eq!(inflater.end(&mut window), Ok(false));
    assert_eq!(window.fresh(), message);
    let mut theirs = Vec::with_capacity(message.len() + 1);
    let all = [&deflated[..], &[0, 0, 0xff, 0xff]].concat();
    let mut zlib = Decompress::new_with_window_bits(false, bits.clamp(9, 15));
    zlib.decompress_vec(&all, &mut theirs, FlushDecompress::Sync).expect("zlib takes it");
    assert_eq!(theirs, message);
}

/// What a server accepts, the client that has offered it agrees to.
fn negotiate(field: &[u8]) {
    let head = [b"HTTP/1.1 101 Yes\r\nSec-WebSocket-Extensions: ", field, b"\r\n\r\n"].concat();
    let Ok(response) = Response::parse(&head) else { return };
    for server in [
        Deflate::new(),
        Deflate::new().client_no_context_takeover().server_no_context_takeover(),
        Deflate::new().client_max_window_bits(10).server_max_window_bits(9),
    ] {
        let Some(agreed) = server.accept(response.extensions()) else { continue };
        assert!(agreed.server().window_bits <= server.server().window_bits);
        assert!(agreed.client().window_bits <= server.client().window_bits);
        let answer = format!("HTTP/1.1 101 Yes\r\nSec-WebSocket-Extensions: {agreed}\r\n\r\n");
        let answer = Response::parse(answer.as_bytes()).expect("an answer can be parsed");
        let by_client = Deflate::new().client_max_window_bits(15).agree(answer.extensions());
        let by_client = by_client.expect("it was offered").expect("it was chosen");
        assert_eq!(by_client.server(), agreed.server());
    }
    let _ = Deflate::new().agree(response.extensions());
}
