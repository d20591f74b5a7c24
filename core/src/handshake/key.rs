//! `Sec-WebSocket-Key` and the answer to it (RFC 6455 §4.2.2 item 5.4).

use core::fmt;

use super::digest::{base64, sha1};

/// Holds the key of a handshake: the base64 of 16 bytes, 24 characters.
///
/// ```
/// use wirelet::handshake::Key;
///
/// // §1.3
/// let key = Key::from_nonce(*b"the sample nonce");
/// assert_eq!(key.as_bytes(), b"dGhlIHNhbXBsZSBub25jZQ==");
/// assert_eq!(&key.accept(), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u8; 24]);

impl Key {
    /// No key yet.
    pub(crate) const EMPTY: Self = Self([0; 24]);

    /// Encodes 16 bytes, which a client draws at random for each connection.
    #[must_use]
    pub fn from_nonce(nonce: [u8; 16]) -> Self {
        let mut key = Self::EMPTY;
        key.set(&nonce);
        key
    }

    /// As [`from_nonce`](Self::from_nonce), in place: to return it would be a copy, for which firmware
    /// links `memcpy`.
    pub(crate) fn set(&mut self, nonce: &[u8]) {
        debug_assert_eq!(nonce.len(), 16);
        base64(nonce, &mut self.0);
    }

    /// Takes the value of a `Sec-WebSocket-Key` field; `None` unless it decodes to 16 bytes.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        check(value).copied().map(Self)
    }

    /// Returns the 24 characters.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 24] {
        &self.0
    }

    /// Returns the value of `Sec-WebSocket-Accept` that answers this key.
    #[must_use]
    pub fn accept(&self) -> [u8; 28] {
        let mut text = [0; 28];
        accept(&self.0, &mut text);
        text
    }
}

/// Without the characters, which are for the server alone.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Key {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Key(..)");
    }
}

/// Returns the value of a `Sec-WebSocket-Key` field if it decodes to 16 bytes.
pub(super) fn check(value: &[u8]) -> Option<&[u8; 24]> {
    let text: &[u8; 24] = value.try_into().ok()?;
    // 22 characters of six bits, and two that fill up: 16 bytes and four bits that carry nothing.
    // RFC 4648 §3.5 lets a decoder refuse those unless they are 0, but in RFC 6455's own example (§4.1
    // item 7) they are not.
    let [digits @ .., b'=', b'='] = text else { return None };
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    digits.iter().all(is_digit).then_some(text)
}

/// Writes the value of `Sec-WebSocket-Accept` that answers `key`.
///
/// Into a place, since to return it would be a copy, for which firmware links `memcpy`.
pub(super) fn accept(key: &[u8; 24], out: &mut [u8; 28]) {
    base64(&sha1(key), out);
}

#[cfg(test)]
mod tests {
    use ::base64::Engine as _;
    use ::base64::alphabet::STANDARD;
    use ::base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

    use super::*;

    #[test]
    fn what_is_a_key_agrees_with_the_library() {
        // §4.1 item 7 has a key whose last bits, which carry nothing, are not 0.
        let config = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
        let library = GeneralPurpose::new(&STANDARD, config);
        for seed in 0..=u8::MAX {
            let byte = |i: usize| seed.wrapping_mul(31) ^ u8::try_from(i * 37 % 251).unwrap();
            let nonce = core::array::from_fn(byte);
            let key = Key::from_nonce(nonce);
            let mut decoded = [0; 18];
            assert_eq!(library.decode_slice(key.as_bytes(), &mut decoded), Ok(16));
            assert_eq!(decoded[..16], nonce);
            // Every character in every place: a key for both, or for none.
            for at in 0..24 {
                let mut text = *key.as_bytes();
                text[at] = seed;
                let is_key = library.decode_slice(text, &mut decoded) == Ok(16);
                assert_eq!(Key::parse(&text).is_some(), is_key, "{seed} at {at}");
            }
        }
    }

    #[test]
    fn the_last_bits_of_a_key_carry_nothing() {
        // All 64 last characters are read, though they stand for four nonces.
        for last in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" {
            let mut text = *b"AQIDBAUGBwgJCgsMDQ4PEC==";
            text[21] = *last;
            assert_eq!(Key::parse(&text).map(|key| *key.as_bytes()), Some(text));
        }
    }

    #[test]
    fn only_the_base64_of_16_bytes_is_a_key() {
        assert!(Key::parse(b"dGhlIHNhbXBsZSBub25jZQ==").is_some());
        for bad in [
            &b""[..],
            b"dGhlIHNhbXBsZSBub25jZQ",
            b"dGhlIHNhbXBsZSBub25jZQ= ",
            b"dGhlIHNhbXBsZSBub25jZT0=", // 17 bytes
            b"dGhlIHNhbXBsZSBub25j",     // 15 bytes
            b"dGhlIHNhbXBsZSBub25jZWFh", // 18 bytes
            b"!!!!!!!!!!!!!!!!!!!!!!==",
        ] {
            assert_eq!(Key::parse(bad), None, "{:?}", str::from_utf8(bad));
        }
    }
}
