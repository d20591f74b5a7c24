//! `Sec-WebSocket-Key` and the answer to it (RFC 6455 §4.2.2 item 5.4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key([u8; 24]);

impl Key {
    /// Encodes 16 bytes, which a client draws at random for each connection.
    #[must_use]
    pub fn from_nonce(nonce: [u8; 16]) -> Self {
        let mut text = [0; 24];
        // 16 bytes always make 24 characters.
        let _ = STANDARD.encode_slice(nonce, &mut text);
        Self(text)
    }

    /// Takes the value of a `Sec-WebSocket-Key` field; `None` unless it decodes to 16 bytes.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let text = value.try_into().ok()?;
        let len = STANDARD.decode_slice(value, &mut [0; 18]).ok()?;
        (len == 16).then_some(Self(text))
    }

    /// Returns the 24 characters.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 24] {
        &self.0
    }

    /// Returns the value of `Sec-WebSocket-Accept` that answers this key.
    #[must_use]
    pub fn accept(&self) -> [u8; 28] {
        let digest = Sha1::new().chain_update(self.0).chain_update(GUID).finalize();
        let mut text = [0; 28];
        // 20 bytes always make 28 characters.
        let _ = STANDARD.encode_slice(digest, &mut text);
        text
    }
}

const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

#[cfg(test)]
mod tests {
    use super::*;

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
