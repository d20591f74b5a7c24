//! Validation of text that arrives in pieces (RFC 6455 §8.1, RFC 3629).

#[cfg(not(feature = "simd"))]
mod plain;
#[cfg(feature = "simd")]
mod simd;

use crate::ProtocolError;
#[cfg(not(feature = "simd"))]
pub(crate) use plain::to_str;
#[cfg(feature = "simd")]
pub(crate) use simd::to_str;

/// Validates UTF-8 piece by piece and fails at the first byte that cannot belong to it.
///
/// Between two pieces it knows what the next byte may be; it keeps no text.
///
/// ```
/// use wirelet::{ProtocolError, Utf8Validator};
///
/// let mut text = Utf8Validator::new();
/// text.push(b"caf")?;
/// text.push(&[0xc3])?; // "é" is cut in two
/// assert!(!text.is_complete());
/// text.push(&[0xa9])?;
/// assert!(text.is_complete());
/// assert_eq!(text.push(&[0xff]), Err(ProtocolError::InvalidUtf8));
/// assert_eq!(text.push(b"a"), Err(ProtocolError::InvalidUtf8)); // what was refused stays so
/// # Ok::<(), ProtocolError>(())
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Utf8Validator {
    /// How many continuation bytes the code point in progress lacks.
    missing: u8,
    /// What the next of them may be: nothing, where `low > high`.
    low: u8,
    high: u8,
}

impl Utf8Validator {
    /// Starts at the beginning of a text.
    #[must_use]
    pub const fn new() -> Self {
        Self { missing: 0, low: 0x80, high: 0xbf }
    }

    /// Checks the next piece, of any length.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::InvalidUtf8`] as soon as the bytes so far cannot be continued to valid
    /// UTF-8, also inside a code point; and from then on for every piece that is not empty.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), ProtocolError> {
        self.push_text(piece, false).map(|_| ())
    }

    fn push_bytes(&mut self, mut piece: &[u8]) -> Result<(), ProtocolError> {
        while let Some((byte, rest)) = piece.split_first() {
            piece = rest;
            if self.missing > 0 {
                if *byte < self.low || *byte > self.high {
                    return Err(self.refuse());
                }
                *self = Self { missing: self.missing - 1, ..Self::new() };
                continue;
            }
            // RFC 3629 §4: how many bytes follow which first byte,
            let missing = match byte {
                0x00..=0x7f => {
                    piece = skip_ascii(piece);
                    continue;
                }
                0xc2..=0xdf => 1,
                0xe0..=0xef => 2,
                0xf0..=0xf4 => 3,
                _ => return Err(self.refuse()),
            };
            // and what the first of them may be: nothing overlong, no surrogate, no more than
            // U+10FFFF.
            let low = match byte {
                0xe0 => 0xa0,
                0xf0 => 0x90,
                _ => 0x80,
            };
            let high = match byte {
                0xed => 0x9f,
                0xf4 => 0x8f,
                _ => 0xbf,
            };
            *self = Self { missing, low, high };
        }
        Ok(())
    }

    /// Lets no byte follow, so that refused text is never complete.
    fn refuse(&mut self) -> ProtocolError {
        *self = Self { missing: 1, low: 0xff, high: 0x00 };
        ProtocolError::InvalidUtf8
    }

    /// Tells whether the text may end here; never for text that was refused.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.missing == 0
    }
}

impl Default for Utf8Validator {
    fn default() -> Self {
        Self::new()
    }
}

/// Leaves out ASCII, by words.
fn skip_ascii(mut piece: &[u8]) -> &[u8] {
    while let Some((word, rest)) = piece.split_first_chunk()
        && usize::from_ne_bytes(*word) & NOT_ASCII == 0
    {
        piece = rest;
    }
    piece
}

/// The top bit of each byte.
const NOT_ASCII: usize = usize::MAX / 0xff * 0x80;

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
    fn a_code_point_whose_bytes_do_not_stand_together_is_none() {
        for at in 0..98 {
            let mut text = [b'a'; 100];
            (text[at], text[99]) = (0xc3, 0xa4);
            assert!(Utf8Validator::new().push(&text).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_bad_byte_is_found_wherever_it_stands_among_ascii() {
        let is_valid = |text: &[u8]| {
            let mut utf8 = Utf8Validator::new();
            utf8.push(text).is_ok() && utf8.is_complete()
        };
        // All bits set that ASCII has, and none.
        let step = if cfg!(miri) { 21 } else { 1 }; // which is slow
        for ascii in [0x7f, 0] {
            assert!(is_valid(&[ascii; 100]));
            for byte in (0x80..=0xff).step_by(step) {
                for len in [25, 100] {
                    for at in 0..len {
                        let mut text = [ascii; 100];
                        text[at] = byte;
                        assert!(!is_valid(&text[..len]), "{byte:#x} at {at} of {len}");
                        text[at..].fill(byte);
                        assert!(!is_valid(&text[..len]), "{byte:#x} from {at} of {len} on");
                    }
                }
            }
        }
    }

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
    fn text_that_was_refused_stays_refused() {
        let long = [b'a'; 100];
        for bad in BAD {
            for cut in 0..bad.len() {
                let mut text = Utf8Validator::new();
                text.push(&bad[..cut]).unwrap();
                text.push(&bad[cut..]).unwrap_err();
                for piece in
                    [&b""[..], b"a", "é".as_bytes(), &[0x80], &[0xbf], &[0xff], &[0], &long]
                {
                    let again = text.push(piece);
                    assert_eq!(
                        again.is_ok(),
                        piece.is_empty(),
                        "{bad:x?} cut at {cut}: {piece:x?}"
                    );
                    assert!(!text.is_complete(), "{bad:x?} cut at {cut}");
                }
            }
        }
    }

    #[test]
    fn long_text_that_was_refused_stays_refused() {
        let mut bad = [b'a'; 300];
        bad[150] = 0xff;
        for is_whole in [false, true] {
            for len in [151, 299, 300] {
                let mut text = Utf8Validator::new();
                text.push_text(&bad[..len], is_whole).unwrap_err();
                assert!(!text.is_complete());
                for piece in [&b"a"[..], &[b'a'; 100]] {
                    text.push_text(piece, is_whole).unwrap_err();
                    assert!(!text.is_complete());
                }
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

    /// The standard library's verdict: where the first bad byte is, or whether the end is one of text.
    fn reference(bytes: &[u8]) -> Result<bool, usize> {
        match core::str::from_utf8(bytes) {
            Ok(_) => Ok(true),
            Err(error) if error.error_len().is_none() => Ok(false),
            Err(error) => Err(error.valid_up_to()),
        }
    }

    #[test]
    fn long_text_with_a_bad_byte_agrees_with_the_standard_library_at_every_cut_near_it() {
        for at in 0..4 * MIXED.len() {
            for byte in [b'a', 0x80, 0xf1] {
                let mut bytes = MIXED.repeat(4).into_bytes();
                bytes[at] = byte;
                for cut in at..bytes.len().min(at + 4) {
                    let mut text = Utf8Validator::new();
                    let first = text.push(&bytes[..cut]).map(|()| text.is_complete());
                    assert_eq!(first.ok(), reference(&bytes[..cut]).ok(), "{byte:#x} at {at}");
                    if first.is_ok() {
                        let all = text.push(&bytes[cut..]).map(|()| text.is_complete());
                        assert_eq!(all.ok(), reference(&bytes).ok(), "{byte:#x} at {at}");
                    }
                }
            }
        }
    }

    #[test]
    fn every_two_bytes_after_every_start_agree_with_the_standard_library() {
        let starts: [&[u8]; 7] =
            [b"", b"ascii by words ", &[0xe1], &[0xf1], &[0xf1, 0x80], &[0xf0], &[0xf4]];
        for start in starts {
            for pair in 0..=u16::MAX {
                let bytes = [start, &pair.to_be_bytes()].concat();
                let mut text = Utf8Validator::new();
                let ours = text.push(&bytes).map(|()| text.is_complete());
                assert_eq!(ours.ok(), reference(&bytes).ok(), "{bytes:x?}");
            }
        }
    }
}
