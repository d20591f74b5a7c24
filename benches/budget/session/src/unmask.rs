//! Unmasking alone.

use core::hint::black_box;

use echo::Unmask;

use crate::counter;

/// Returns the instructions that a payload of 1 KB takes, which begins 8 bytes behind a word, as
/// that of a frame does in a buffer.
pub(crate) fn instructions(unmask: Unmask) -> u32 {
    #[repr(align(8))]
    struct Aligned([u8; 1032]);
    let mut buffer = Aligned([0; 1032]);
    let payload = black_box(&mut buffer.0[8..]);
    let key = black_box([0x37, 0xfa, 0x21, 0x3d]);
    let before = counter::now();
    let overhead = counter::between(before, counter::now());
    let before = counter::now();
    black_box(unmask)(payload, key);
    counter::between(before, counter::now()) - overhead
}
