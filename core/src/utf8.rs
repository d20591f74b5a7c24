//! Validation of text that arrives in pieces (RFC 6455 §8.1, RFC 3629).

use core::str::from_utf8;

use crate::ProtocolError;

/// Validates UTF-8 piece by piece and fails at the first byte that cannot belong to it.
///
/// Between two pieces it keeps the code point that the cut went through, at most 3 bytes. It
/// stands on [`core::str::from_utf8`], which firmware links anyway.
///
/// ```
/// use wirelet::{ProtocolError, Utf8Validator};
///
/// let mut text = Utf8Validator::new();
/// assert_eq!(text.push(b"caf"), Ok(Some("caf")));
/// assert_eq!(text.push(&[0xc3]), Ok(None)); // "é" is cut in two
/// assert!(!text.is_complete());
/// assert_eq!(text.push(&[0xa9]), Ok(None));
/// assert!(text.is_complete());
/// assert_eq!(text.push(&[0xff]), Err(ProtocolError::InvalidUtf8));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Utf8Validator {
    /// The first `len` bytes of a code point, `len` ≤ 3.
    partial: [u8; 4],
    len: u8,
}

impl Utf8Validator {
    /// Starts at the beginning of a text.
    #[must_use]
    pub const fn new() -> Self {
        Self { partial: [0; 4], len: 0 }
    }

    /// Checks the next piece, of any length.
    ///
    /// Returns the piece as a `str` when it begins and ends between two code points.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::InvalidUtf8`] as soon as the bytes so far cannot be continued to valid
    /// UTF-8, also inside a code point.
    pub fn push<'b>(&mut self, piece: &'b [u8]) -> Result<Option<&'b str>, ProtocolError> {
        if self.len == 0 {
            return self.push_from_boundary(piece);
        }
        let rest = self.complete(piece)?;
        self.push_from_boundary(rest)?;
        Ok(None)
    }

    /// Tells whether the text may end here.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.len == 0
    }

    fn push_from_boundary<'b>(
        &mut self,
        piece: &'b [u8],
    ) -> Result<Option<&'b str>, ProtocolError> {
        match from_utf8(piece) {
            Ok(text) => Ok(Some(text)),
            // `error_len` is `None` only when the input ends inside a code point: ≤ 3 bytes.
            Err(error) if error.error_len().is_none() => {
                let tail = piece.get(error.valid_up_to()..).unwrap_or_default();
                for (slot, byte) in self.partial.iter_mut().zip(tail) {
                    *slot = *byte;
                    self.len += 1;
                }
                Ok(None)
            }
            Err(_) => Err(ProtocolError::InvalidUtf8),
        }
    }

    /// Feeds the code point that was cut; returns what follows it.
    fn complete<'b>(&mut self, mut piece: &'b [u8]) -> Result<&'b [u8], ProtocolError> {
        while self.len != 0 {
            let Some((&byte, rest)) = piece.split_first() else { break };
            piece = rest;
            let len = usize::from(self.len);
            // A code point has at most 4 bytes, so the slot exists whenever `len` ≤ 3.
            let Some(slot) = self.partial.get_mut(len) else {
                return Err(ProtocolError::InvalidUtf8);
            };
            *slot = byte;
            match from_utf8(self.partial.get(..=len).unwrap_or_default()) {
                Ok(_) => self.len = 0,
                Err(error) if error.error_len().is_none() => self.len += 1,
                Err(_) => return Err(ProtocolError::InvalidUtf8),
            }
        }
        Ok(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIXED: &str = "a\u{7f}\u{80}é\u{7ff}\u{800}漢\u{ffff}\u{10000}😀\u{10ffff}z";

    /// Sequences that become invalid exactly at their last byte.
    const BAD: &[&[u8]] = &[
        &[0x80],
        &[0xbf],
        &[0xc0],
        &[0xc1],
        &[0xf5],
        &[0xff],
        &[0xc3, 0x28],
        &[0xe0, 0x80], // overlong
        &[0xe0, 0x9f], // overlong
        &[0xed, 0xa0], // surrogate
        &[0xed, 0xbf], // surrogate
        &[0xe2, 0x82, 0x28],
        &[0xf0, 0x80], // overlong
        &[0xf0, 0x8f], // overlong
        &[0xf4, 0x90], // above U+10FFFF
        &[0xf0, 0x9f, 0x98, 0x28],
        b"valid first \xce\xba\xe1\xbd\xb9\xcf\x83\xed\xa0",
    ];

    #[test]
    fn valid_text_passes_at_every_pair_of_cuts() {
        let bytes = MIXED.as_bytes();
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let mut text = Utf8Validator::new();
                for piece in [&bytes[..first], &bytes[first..second], &bytes[second..]] {
                    assert!(text.push(piece).is_ok(), "cuts at {first} and {second}");
                }
                assert!(text.is_complete());
            }
        }
    }

    #[test]
    fn bad_text_fails_at_its_first_bad_byte_at_every_cut() {
        for bad in BAD {
            for cut in 0..bad.len() {
                let mut text = Utf8Validator::new();
                assert!(text.push(&bad[..cut]).is_ok(), "{bad:x?} failed before byte {cut}");
                let rest = text.push(&bad[cut..]);
                assert_eq!(rest, Err(ProtocolError::InvalidUtf8), "{bad:x?} cut at {cut}");
            }
        }
    }

    #[test]
    fn text_that_ends_inside_a_code_point_is_incomplete() {
        for (at, _) in MIXED.as_bytes().iter().enumerate() {
            let mut text = Utf8Validator::new();
            text.push(&MIXED.as_bytes()[..at]).unwrap();
            assert_eq!(text.is_complete(), MIXED.is_char_boundary(at), "ends at {at}");
        }
    }

    #[test]
    fn a_piece_is_lent_as_str_only_when_it_stands_on_its_own() {
        let mut text = Utf8Validator::new();
        assert_eq!(text.push("漢".as_bytes()), Ok(Some("漢")));
        assert_eq!(text.push(&"漢".as_bytes()[..1]), Ok(None));
        assert_eq!(text.push(&"漢".as_bytes()[1..]), Ok(None));
        assert_eq!(text.push(b""), Ok(Some("")));
    }
}
