//! Of our own, because the libraries unroll the 80 rounds into 3 KB of flash, or leave panics; these
//! take 0.4 KB.

use super::GUID_AND_END;

/// Digests a key and the GUID.
pub(in crate::handshake) fn sha1(key: &[u8; 24]) -> [u8; 20] {
    let mut state = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    let mut block = [0; 16];
    let (key, _) = key.as_chunks();
    for (slot, word) in block.iter_mut().zip(key.iter().chain(GUID_AND_END.as_chunks().0)) {
        *slot = u32::from_be_bytes(*word);
    }
    compress(&mut state, &mut block);
    // §4: zeros, and the length of the message in bits.
    block = [0; 16];
    block[15] = 60 * 8;
    compress(&mut state, &mut block);

    let mut digest = [0; 20];
    for (slot, word) in digest.as_chunks_mut().0.iter_mut().zip(&state) {
        *slot = word.to_be_bytes();
    }
    digest
}

/// §6.2: "the alternate method", whose 80 words take turns in 16.
#[expect(clippy::many_single_char_names, reason = "as in the RFC")]
fn compress(state: &mut [u32; 5], w: &mut [u32; 16]) {
    let [mut a, mut b, mut c, mut d, mut e] = *state;
    for t in 0..80 {
        if t >= 16 {
            let mixed = w[(t + 13) % 16] ^ w[(t + 8) % 16] ^ w[(t + 2) % 16] ^ w[t % 16];
            w[t % 16] = mixed.rotate_left(1);
        }
        let (f, k) = match t / 20 {
            0 => (b & c | !b & d, 0x5a82_7999),
            1 => (b ^ c ^ d, 0x6ed9_eba1),
            2 => (b & c | b & d | c & d, 0x8f1b_bcdc),
            _ => (b ^ c ^ d, 0xca62_c1d6_u32),
        };
        let next = a.rotate_left(5).wrapping_add(f).wrapping_add(e).wrapping_add(k);
        (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next.wrapping_add(w[t % 16]));
    }
    for (word, by) in state.iter_mut().zip(&[a, b, c, d, e]) {
        *word = word.wrapping_add(*by);
    }
}

/// Encodes `bytes` as the characters that they make, as many as `text` has.
pub(in crate::handshake) fn base64(bytes: &[u8], text: &mut [u8]) {
    let byte = |at: usize| usize::from(bytes.get(at).copied().unwrap_or_default());
    for (i, digit) in text.iter_mut().enumerate() {
        let at = i * 6 / 8;
        *digit = match bytes.get(at) {
            Some(_) => ALPHABET[(byte(at) << 8 | byte(at + 1)) >> (10 - i * 6 % 8) & 63],
            None => b'=',
        };
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
