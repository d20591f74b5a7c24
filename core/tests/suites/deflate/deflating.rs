//! Deflating, held against both inflaters.

use flate2::{Decompress, FlushDecompress};
use wirelet::deflate::Deflater;

use super::{messages, whole};

/// Deflates a message into pieces of so many bytes.
fn compress(deflater: &mut Deflater<'_>, message: &[u8], space: usize) -> Vec<u8> {
    let (mut all, mut at, mut piece) = (Vec::new(), 0, vec![0; space]);
    while at < message.len() {
        let (to, n) = deflater.deflate(message, at, &mut piece);
        assert!(to > at, "it came no farther than {at}");
        at = to;
        all.extend_from_slice(&piece[..n]);
    }
    let n = deflater.end(&mut piece).expect("there is space");
    all.extend_from_slice(&piece[..n]);
    all
}

#[test]
fn what_is_deflated_comes_out_of_both_inflaters() {
    for table_len in [0, 1, 64, 512, 5000] {
        let mut table = vec![7; table_len];
        for window_bits in [8, 9, 15] {
            let mut deflater = Deflater::new(&mut table).with_window_bits(window_bits);
            for message in messages() {
                let compressed = compress(&mut deflater, &message, 1000);
                assert!(whole(&[&compressed], message.len()) == Ok(Some(message.clone())));
                let mut zlib = Decompress::new_with_window_bits(false, window_bits.max(9));
                let mut inflated = Vec::with_capacity(message.len() + 1);
                let all = [&compressed[..], &[0, 0, 0xff, 0xff]].concat();
                zlib.decompress_vec(&all, &mut inflated, FlushDecompress::Sync).unwrap();
                assert!(inflated == message, "{table_len} {window_bits} {}", message.len());
            }
        }
    }
}

#[test]
fn it_goes_on_where_the_space_has_ended() {
    let mut table = [0; 64];
    for message in messages() {
        let at_once = compress(&mut Deflater::new(&mut table), &message, 300_000);
        for space in [8, 9, 100] {
            let in_pieces = compress(&mut Deflater::new(&mut table), &message, space);
            assert!(at_once == in_pieces, "{space}");
        }
    }
    let mut deflater = Deflater::new(&mut table);
    assert_eq!(deflater.deflate(b"a", 0, &mut [0; 7]), (0, 0));
    assert_eq!(deflater.end(&mut [0; 3]), None);
}

#[test]
fn an_empty_message_is_one_byte_of_zero() {
    // RFC 7692 §7.2.3.6.
    let mut deflater = Deflater::new(&mut []);
    let mut out = [0xff; 4];
    assert_eq!((deflater.end(&mut out), out[0]), (Some(1), 0));
    // The block that has begun adds its head and its end.
    assert_eq!(deflater.deflate(b"", 0, &mut out), (0, 0));
    assert_eq!((deflater.end(&mut out), &out[..2]), (Some(2), &[0x02, 0][..]));
}

#[test]
fn one_message_leaves_nothing_to_the_next() {
    let mut table = [0; 512];
    let mut deflater = Deflater::new(&mut table);
    let message = &messages()[3];
    let first = compress(&mut deflater, message, 9999);
    assert!(first.len() * 3 < message.len(), "{} of {}", first.len(), message.len());
    assert!(compress(&mut deflater, message, 9999) == first);
    deflater.deflate(message, 0, &mut [0; 99]);
    deflater.reset();
    assert!(compress(&mut deflater, message, 9999) == first);
}
