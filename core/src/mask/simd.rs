//! Long payloads, with the widest vectors that the processor is found to have.

use fearless_simd::{Level, dispatch};

use super::MaskingKey;

/// Below, to reach an aligned byte takes longer than wider vectors save.
pub(super) const MIN_LEN: usize = 1024;

/// XORs the next bytes of a payload in place; returns the key for those that follow.
///
/// What precedes the first cache line goes by itself: a vector that lies across two takes twice as long.
#[inline(never)] // into the way of the short ones
pub(super) fn apply(mut key: MaskingKey, payload: &mut [u8]) -> MaskingKey {
    let before = payload.as_ptr().align_offset(CACHE_LINE).min(payload.len());
    let (front, lines) = payload.split_at_mut(before);
    key.apply_by_words(front);
    dispatch!(Level::new(), _ => key.apply_by_words(lines));
    key
}

/// In bytes; also the width of the widest vectors.
const CACHE_LINE: usize = 64;
