//! Frames by the letter of §5.2, without a line of the engine.

use wirelet::Random;

/// The masking key of §5.7.
pub(crate) const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Room for the longest stream of bytes that a test makes.
pub(crate) type Bytes = heapless::Vec<u8, 1024>;

/// Appends a frame with at most 65,535 bytes of payload; `first` is FIN, RSV and opcode.
pub(crate) fn put_frame(out: &mut Bytes, first: u8, key: Option<[u8; 4]>, payload: &[u8]) {
    let mask = if key.is_some() { 0x80 } else { 0 };
    put(out, &[first]);
    let [.., high, low] = payload.len().to_be_bytes();
    match payload.len() {
        0..=125 => put(out, &[mask | low]),
        _ => put(out, &[mask | 0x7e, high, low]),
    }
    put(out, key.as_ref().map_or(&[], |key| key));
    let key = key.unwrap_or_default();
    for (byte, key) in payload.iter().zip(key.iter().cycle()) {
        put(out, &[byte ^ key]);
    }
}

pub(crate) fn put(out: &mut Bytes, bytes: &[u8]) {
    out.extend_from_slice(bytes).expect("the test's bytes fit");
}

/// Draws [`KEY`] again and again.
pub(crate) struct FixedKey;

impl Random for FixedKey {
    fn fill(&mut self, bytes: &mut [u8]) {
        for (byte, key) in bytes.iter_mut().zip(KEY.iter().cycle()) {
            *byte = *key;
        }
    }
}
