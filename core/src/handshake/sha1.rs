//! SHA-1 (RFC 3174) of the one message that a handshake needs it for: the 24 bytes of a key and the
//! 36 of the GUID (RFC 6455 §1.3).

#[cfg(not(feature = "simd"))]
mod plain;
#[cfg(feature = "simd")]
mod simd;

#[cfg(not(feature = "simd"))]
pub(super) use plain::sha1;
#[cfg(feature = "simd")]
pub(super) use simd::sha1;

/// What follows the key. RFC 3174 §4: the message is followed by a 1 bit.
const GUID_AND_END: &[u8; 40] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11\x80\0\0\0";

#[cfg(test)]
mod tests {
    use ::sha1::{Digest as _, Sha1};

    use super::*;

    #[test]
    fn the_digest_of_the_rfcs_sample_key_is_the_rfcs() {
        // RFC 6455 §1.3
        let digest = [
            0xb3, 0x7a, 0x4f, 0x2c, 0xc0, 0x62, 0x4f, 0x16, 0x90, 0xf6, 0x46, 0x06, 0xcf, 0x38,
            0x59, 0x45, 0xb2, 0xbe, 0xc4, 0xea,
        ];
        assert_eq!(sha1(b"dGhlIHNhbXBsZSBub25jZQ=="), digest);
    }

    #[test]
    fn digests_agree_with_the_library() {
        for seed in 0..=u8::MAX {
            let key = core::array::from_fn(|i| {
                seed.wrapping_mul(31) ^ u8::try_from(i * 37 % 251).unwrap()
            });
            let library = Sha1::new().chain_update(key).chain_update(&GUID_AND_END[..36]);
            assert_eq!(sha1(&key), *library.finalize());
        }
    }
}
