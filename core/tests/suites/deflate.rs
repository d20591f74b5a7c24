//! permessage-deflate: its codec and its negotiation.

mod deflating;
mod inflating;
mod negotiation;
mod receiving;

use wirelet::deflate::{Inflater, Malformed, Window};

use crate::common::TestRng;

/// Messages of many kinds: what deflates well, badly and not at all.
fn messages() -> Vec<Vec<u8>> {
    let mut random = TestRng::new(1);
    let mut noise = |len| random.bytes(len);
    let line =
        |i| format!("{{\"id\":{i},\"name\":\"sensor {}\",\"value\":{}}}", i % 7, i * i % 1013);
    let json = (0..400).map(line).collect::<Vec<_>>().join(",\n").into_bytes();
    vec![
        Vec::new(),
        b"Hello".to_vec(),
        vec![b'a'; 300],
        json.clone(),
        noise(3000),
        "Grüße, 世界! ".repeat(200).into_bytes(),
        json,
        vec![0; 70_000],
        noise(1),
        // The longest length, and distances of all sizes.
        [noise(40), vec![7; 258], noise(500), vec![7; 259]].concat().repeat(9),
        // Farther than 16 bits of a position.
        [noise(300), vec![9; 66_000], noise(30)].concat().repeat(2),
    ]
}

/// Inflates a message that comes in pieces, to memory for `capacity` bytes; `None` if it does not fit.
fn whole(pieces: &[&[u8]], capacity: usize) -> Result<Option<Vec<u8>>, Malformed> {
    let (mut inflater, mut memory) = (Inflater::new(), vec![0; capacity]);
    let mut window = Window::whole(&mut memory);
    for piece in pieces {
        if inflater.inflate(&mut &piece[..], &mut window)? {
            return Ok(None);
        }
    }
    if inflater.end(&mut window)? {
        return Ok(None);
    }
    Ok(Some(window.fresh().to_vec()))
}
