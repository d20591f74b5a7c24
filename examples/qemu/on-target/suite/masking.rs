//! Unmasking by words is unmasking by bytes, wherever the payload lies.

use wirelet::MaskingKey;

use super::frames::KEY;

pub(crate) fn a_payload_at_any_alignment_is_unmasked_byte_by_byte() {
    for start in 0..8 {
        for len in (0..=40).chain(1000..=1024) {
            let mut memory = random_bytes();
            let before = memory;
            MaskingKey::new(KEY).apply(&mut memory[start..start + len]);
            assert_eq!(memory[..start], before[..start], "in front of {start}");
            assert_eq!(memory[start + len..], before[start + len..], "behind {start} + {len}");
            for at in 0..len {
                let expected = before[start + at] ^ KEY[at % 4];
                assert_eq!(memory[start + at], expected, "at {at} of {len} from {start}");
            }
        }
    }
}

pub(crate) fn a_payload_in_two_pieces_is_unmasked_as_one() {
    let mut expected = random_bytes();
    MaskingKey::new(KEY).apply(&mut expected);
    for at in (0..=16).chain(1000..=MEMORY_LEN) {
        let mut memory = random_bytes();
        let (front, back) = memory.split_at_mut(at);
        let mut key = MaskingKey::new(KEY);
        key.apply(front);
        key.apply(back);
        assert_eq!(memory, expected, "cut at {at}");
    }
}

fn random_bytes() -> [u8; MEMORY_LEN] {
    let mut state = 1_u32;
    [(); MEMORY_LEN].map(|()| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    })
}

/// A payload of 1 KiB, at each of eight alignments.
const MEMORY_LEN: usize = 1024 + 7;
