//! Bytes as the words of a FIFO, the first byte in the lowest bits.

/// Fills `bytes` with words; what remains of the last one is dropped.
///
/// Returns how many words were read.
pub(crate) fn fill(bytes: &mut [u8], mut read: impl FnMut() -> u32) -> usize {
    let mut n = 0;
    for bytes in bytes.chunks_mut(4) {
        bytes.copy_from_slice(&read().to_le_bytes()[..bytes.len()]);
        n += 1;
    }
    n
}

/// Returns the words that hold `bytes`, the last one filled up with zeros.
pub(crate) fn of(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.chunks(4).map(|bytes| {
        let mut word = [0; 4];
        word[..bytes.len()].copy_from_slice(bytes);
        u32::from_le_bytes(word)
    })
}

/// Returns the Ethernet address that two registers hold.
pub(crate) fn mac(low: u32, high: u32) -> [u8; 6] {
    let [mac @ .., _, _] = (u64::from(high) << 32 | u64::from(low)).to_le_bytes();
    mac
}
