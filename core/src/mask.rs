//! Masking of payloads (RFC 6455 §5.3).

#[cfg(feature = "simd")]
mod simd;

use core::fmt;

use bytemuck::pod_align_to_mut;

/// Masks and unmasks payload bytes; four bytes that a client draws afresh for each frame.
///
/// The key remembers how far it has come: applied to the pieces of a payload one after the other,
/// whatever their lengths, it does what one application to the whole payload would do. Masking is
/// its own inverse. Neither `Debug` nor `defmt::Format` shows the bytes.
///
/// ```
/// use wirelet::MaskingKey;
///
/// // §5.7: a single-frame masked text message contains "Hello".
/// let mut payload = [0x7f, 0x9f, 0x4d, 0x51, 0x58];
/// let mut key = MaskingKey::new([0x37, 0xfa, 0x21, 0x3d]);
/// let (front, back) = payload.split_at_mut(3);
/// key.apply(front);
/// key.apply(back);
/// assert_eq!(&payload, b"Hello");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MaskingKey(
    /// Little-endian: the low byte is for the next byte of the payload.
    u32,
);

impl MaskingKey {
    /// Takes the four bytes in the order in which they stand on the wire.
    #[must_use]
    pub const fn new(bytes: [u8; 4]) -> Self {
        Self(u32::from_le_bytes(bytes))
    }

    /// Returns the four bytes, beginning with the one for the next payload byte.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 4] {
        self.0.to_le_bytes()
    }

    /// XORs the next bytes of a payload in place.
    pub fn apply(&mut self, payload: &mut [u8]) {
        #[cfg(feature = "simd")]
        if payload.len() >= simd::MIN_LEN {
            // By value, so that the key of a short one stays in a register.
            *self = simd::apply(*self, payload);
            return;
        }
        self.apply_by_words(payload);
    }

    /// Eight bytes at a time, in a shape that the compiler turns into vector instructions where
    /// the target has them. RISC-V reads no word that is not aligned, so there it is aligned ones.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled anew for each width of vectors")]
    fn apply_by_words(&mut self, payload: &mut [u8]) {
        if cfg!(target_arch = "riscv32") {
            let (front, words, back) = pod_align_to_mut::<u8, u32>(payload);
            self.apply_bytewise(front);
            for word in words {
                *word ^= self.0;
            }
            self.apply_bytewise(back);
        } else {
            let word = u64::from(self.0) << 32 | u64::from(self.0);
            let (words, back) = payload.as_chunks_mut::<8>();
            for chunk in words {
                *chunk = (u64::from_le_bytes(*chunk) ^ word).to_le_bytes();
            }
            // A few bytes of flash, which hosts have.
            let (half, back) = if cfg!(target_pointer_width = "64") {
                back.as_chunks_mut::<4>()
            } else {
                (&mut [][..], back)
            };
            for chunk in half {
                *chunk = (u32::from_le_bytes(*chunk) ^ self.0).to_le_bytes();
            }
            self.apply_bytewise(back);
        }
    }

    fn apply_bytewise(&mut self, payload: &mut [u8]) {
        for byte in payload {
            let [next, ..] = self.to_bytes();
            *byte ^= next;
            self.advance(1);
        }
    }

    /// Moves on as if `len` payload bytes had been masked.
    pub const fn advance(&mut self, len: usize) {
        let n_bits = match len % 4 {
            0 => 0,
            1 => 8,
            2 => 16,
            _ => 24,
        };
        self.0 = self.0.rotate_right(n_bits);
    }
}

impl fmt::Debug for MaskingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaskingKey(..)")
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for MaskingKey {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "MaskingKey(..)");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: MaskingKey = MaskingKey::new([0x37, 0xfa, 0x21, 0x3d]);

    /// §5.3: "transformed-octet-i = original-octet-i XOR masking-key-octet-(i MOD 4)".
    fn as_the_rfc_says(payload: &mut [u8]) {
        for (i, byte) in payload.iter_mut().enumerate() {
            *byte ^= KEY.to_bytes()[i % 4];
        }
    }

    fn payload<const LEN: usize>() -> [u8; LEN] {
        core::array::from_fn(|i| u8::try_from(i * 37 % 251).unwrap())
    }

    #[test]
    fn every_length_agrees_with_the_formula_of_the_rfc() {
        for len in 0..=67 {
            let (mut ours, mut reference) = (payload::<67>(), payload::<67>());
            let mut key = KEY;
            key.apply(&mut ours[..len]);
            as_the_rfc_says(&mut reference[..len]);
            assert_eq!(ours, reference, "length {len}");
        }
    }

    #[test]
    fn long_payloads_agree_with_the_formula_of_the_rfc_wherever_they_lie() {
        for start in 0..64 {
            for len in [1023, 1024, 1025 + start] {
                let (mut ours, mut reference) = (payload::<1152>(), payload::<1152>());
                let (mut key, mut skipped) = (KEY, KEY);
                key.apply(&mut ours[start..start + len]);
                as_the_rfc_says(&mut reference[start..start + len]);
                assert_eq!(ours, reference, "length {len} from {start}");
                skipped.advance(len);
                assert_eq!(key, skipped, "length {len} from {start}");
            }
        }
    }

    #[test]
    fn masking_in_two_pieces_equals_masking_at_once() {
        for cut in 0..=67 {
            let (mut ours, mut reference) = (payload::<67>(), payload::<67>());
            let mut key = KEY;
            let (front, back) = ours.split_at_mut(cut);
            key.apply(front);
            key.apply(back);
            as_the_rfc_says(&mut reference);
            assert_eq!(ours, reference, "cut at {cut}");
        }
    }

    #[test]
    fn advancing_skips_as_many_bytes_as_it_says() {
        for len in 0..20 {
            let (mut skipped, mut applied) = (KEY, KEY);
            skipped.advance(len);
            applied.apply(&mut payload::<20>()[..len]);
            assert_eq!(skipped, applied, "length {len}");
        }
    }

    #[test]
    fn a_key_is_not_shown() {
        assert_eq!(format!("{KEY:?}"), "MaskingKey(..)");
        assert_eq!(format!("{KEY:#?}"), "MaskingKey(..)");
    }
}
