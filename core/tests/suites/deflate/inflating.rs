//! Inflating, held against zlib and RFC 7692's own examples.

use flate2::{Compress, Compression, FlushCompress, Status};
use wirelet::deflate::{Inflater, Malformed, Window};

use super::{messages, whole};
use crate::common::TestRng;

/// How zlib is asked to deflate.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    level: u32,
    window_bits: u8,
    flush: FlushCompress,
}

impl How {
    pub(super) const BEST: Self = Self { level: 9, window_bits: 15, flush: FlushCompress::None };
}

/// Deflates with zlib, message by message, and removes the tail of each.
pub(super) struct Zlib {
    compress: Compress,
    flush: FlushCompress,
}

impl Zlib {
    pub(super) fn new(how: How) -> Self {
        let level = Compression::new(how.level);
        let compress = Compress::new_with_window_bits(level, false, how.window_bits);
        Self { compress, flush: how.flush }
    }

    pub(super) fn deflate(&mut self, message: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(message.len() * 2 + 1024);
        let (mut at, before) = (0, self.compress.total_in());
        // In two steps, so that there is more than one block.
        for (end, flush) in [(message.len() / 2, self.flush), (message.len(), FlushCompress::Sync)]
        {
            let status = self.compress.compress_vec(&message[at..end], &mut out, flush).unwrap();
            assert!(matches!(status, Status::Ok | Status::BufError), "{status:?}");
            at = end;
        }
        assert_eq!(self.compress.total_in() - before, message.len() as u64);
        if out.ends_with(&[0, 0, 0xff, 0xff]) {
            out.truncate(out.len() - 4);
        }
        out
    }
}

/// Inflates messages through one ring, in which each may refer to those before.
fn through(ring: usize, messages: &[Vec<u8>], cut: usize) -> Result<Vec<Vec<u8>>, Malformed> {
    let (mut inflater, mut memory) = (Inflater::new(), vec![0; ring]);
    let mut window = Window::ring(&mut memory);
    let mut all = Vec::new();
    for message in messages {
        let mut out = Vec::new();
        for mut piece in message.chunks(cut) {
            while inflater.inflate(&mut piece, &mut window)? {
                out.extend_from_slice(window.fresh());
                window.take();
            }
        }
        while inflater.end(&mut window)? {
            out.extend_from_slice(window.fresh());
            window.take();
        }
        out.extend_from_slice(window.fresh());
        window.take();
        all.push(out);
    }
    Ok(all)
}

fn hows() -> impl Iterator<Item = How> {
    let flushes = [FlushCompress::None, FlushCompress::Sync, FlushCompress::Full];
    [0, 1, 9].into_iter().flat_map(move |level| {
        [9, 15].into_iter().flat_map(move |window_bits| {
            flushes.into_iter().map(move |flush| How { level, window_bits, flush })
        })
    })
}

#[test]
fn the_examples_of_the_rfc_come_out() {
    // §7.2.3.1 to 7.2.3.6.
    for deflated in [
        &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..],
        &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00],
        &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
        &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00],
    ] {
        assert_eq!(whole(&[deflated], 5), Ok(Some(b"Hello".to_vec())), "{deflated:x?}");
        for cut in 0..deflated.len() {
            let (front, back) = deflated.split_at(cut);
            assert_eq!(whole(&[front, back], 5), Ok(Some(b"Hello".to_vec())), "{cut}");
        }
    }
    assert_eq!(whole(&[&[0x00]], 0), Ok(Some(Vec::new())));
    let shared =
        [vec![0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00], vec![0xf2, 0x00, 0x11, 0x00, 0x00]];
    assert_eq!(through(512, &shared, 1), Ok(vec![b"Hello".to_vec(); 2]));
    // Without what was before, it refers to nothing.
    assert_eq!(whole(&[&shared[1]], 100), Err(Malformed));
}

#[test]
fn what_zlib_deflates_comes_out_whole_at_every_cut() {
    for how in hows() {
        for message in messages() {
            let deflated = Zlib::new(how).deflate(&message);
            for cut in [1, 2, 3, 7, 100, deflated.len().max(1)] {
                let pieces: Vec<&[u8]> = deflated.chunks(cut).collect();
                let inflated = whole(&pieces, message.len());
                assert!(inflated == Ok(Some(message.clone())), "{how:?}, {cut}, {}", message.len());
            }
            if let Some(less) = message.len().checked_sub(1) {
                assert_eq!(whole(&[&deflated], less), Ok(None), "{how:?}");
            }
        }
    }
}

#[test]
fn what_zlib_deflates_comes_out_of_a_ring_and_refers_to_the_messages_before() {
    for how in hows() {
        let mut zlib = Zlib::new(how);
        let deflated: Vec<Vec<u8>> =
            messages().iter().map(|message| zlib.deflate(message)).collect();
        for cut in [1, 5, 1000] {
            let inflated = through(1 << how.window_bits, &deflated, cut);
            assert!(inflated == Ok(messages()), "{how:?}, cut at {cut}");
        }
    }
}

#[test]
fn what_refers_beyond_the_window_is_refused() {
    let noise = &messages()[4];
    let far = [&noise[..], &noise[..]].concat(); // 3,000 bytes back
    let deflated = [Zlib::new(How::BEST).deflate(&far)];
    assert!(through(4096, &deflated, 9) == Ok(vec![far]));
    assert_eq!(through(2048, &deflated, 9), Err(Malformed));
}

#[test]
fn a_message_may_end_between_blocks_with_more_or_less_of_the_tail_than_there_should_be() {
    let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let whole_tail = [&hello[..], &[0, 0, 0xff, 0xff]].concat();
    for (bytes, message) in [(&whole_tail[..], "Hello"), (&[], ""), (&[0, 0, 0, 0xff, 0xff], "")] {
        assert_eq!(whole(&[bytes], 5), Ok(Some(message.into())), "{bytes:x?}");
    }
}

#[test]
fn blocks_behind_the_last_one_are_another_stream() {
    let last = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    // With the head of an empty block, as the RFC has it, and without.
    for end in [&[0][..], &[]] {
        let twice = [&last[..], &last, end].concat();
        assert_eq!(whole(&[&twice], 10), Ok(Some(b"HelloHello".to_vec())), "{end:?}");
    }
}

#[test]
fn what_is_no_deflated_data_is_refused() {
    for (bytes, why) in [
        (&[0x07][..], "no such block"),
        (&[0x00, 1, 0, 0, 0, b'a', 0], "the length of a stored block and its complement"),
        (&[0x02], "a block that does not end"),
        (&[0xf2, 0x48, 0xcd, 0xc9, 0xc9], "no end"),
        (&[0xf4, 0xff, 0xff, 0xff, 0xff], "more codes than there can be"),
        (&[0x04, 0, 0, 0, 0, 0], "no code for lengths"),
        (&[0x02, 0x02, 0x00], "refers to before the beginning"),
    ] {
        assert_eq!(whole(&[bytes], 1000), Err(Malformed), "{why}");
    }
}

#[test]
fn blocks_that_bring_nothing_are_passed() {
    let nothing = [0x00, 0x00, 0x00, 0xff, 0xff].repeat(10_000);
    let last_block = [&nothing[..], &[0]].concat();
    assert_eq!(whole(&[&last_block], 0), Ok(Some(Vec::new())));
}

#[test]
fn broken_data_ends_as_it_does_in_zlib() {
    let mut random = TestRng::new(2);
    let hows: Vec<How> = hows().collect();
    let (mut good, mut bad) = (0, 0);
    for i in 0..5000 {
        let letters: Vec<u8> =
            (0..random.below(200)).map(|_| b"abcdefghi"[random.below(9)]).collect();
        let mut bytes = Zlib::new(hows[i % hows.len()]).deflate(&letters);
        let n = bytes.len();
        for _ in 0..=i % 3 {
            bytes[random.below(n)] ^= 1 << random.below(8);
        }
        // zlib sees only behind the lengths that it has no code for them.
        bytes.extend([0, 0, 0, 0xff, 0xff].repeat(13));
        let (mut inflater, mut memory) = (Inflater::new(), vec![0; CAPACITY]);
        let mut window = Window::whole(&mut memory);
        let ours = inflater.inflate(&mut &bytes[..], &mut window);
        let mut zlib = flate2::Decompress::new(false);
        let mut theirs = Vec::with_capacity(CAPACITY);
        let result = zlib.decompress_vec(&bytes, &mut theirs, flate2::FlushDecompress::Sync);
        match result {
            // Behind the last block, zlib stops.
            Ok(Status::StreamEnd) => assert!(window.fresh().starts_with(&theirs), "{bytes:x?}"),
            Ok(_) => {
                assert!(ours.is_ok(), "{bytes:x?}");
                assert_eq!(window.fresh(), theirs, "{bytes:x?}");
                good += 1;
            }
            Err(_) => {
                assert_eq!(ours, Err(Malformed), "{bytes:x?}");
                bad += 1;
            }
        }
    }
    assert!(good > 50 && bad > 500, "{good} {bad}");
}

/// More than most of the broken data brings.
const CAPACITY: usize = 4096;
