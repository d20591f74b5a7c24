//! SHA-1 (RFC 3174) of the one message that a handshake needs it for, the 24 bytes of a key and the 36
//! of the GUID (RFC 6455 §1.3), and base64 (RFC 4648 §4).
//!
//! From libraries where there is `std`; boards have small versions of our own, which a test holds
//! against the libraries. This is the place that chooses.

#[cfg(feature = "simd")]
mod library;
#[cfg(any(test, not(feature = "simd")))]
mod plain;

#[cfg(feature = "simd")]
pub(super) use library::{base64, sha1};
#[cfg(not(feature = "simd"))]
pub(super) use plain::{base64, sha1};

/// What follows the key. RFC 3174 §4: the message is followed by a 1 bit.
const GUID_AND_END: &[u8; 40] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11\x80\0\0\0";

#[cfg(test)]
mod tests {
    use ::base64::Engine as _;
    use ::base64::engine::general_purpose::STANDARD;
    use ::sha1::{Digest as _, Sha1};

    use super::*;

    fn bytes<const LEN: usize>(seed: u8) -> [u8; LEN] {
        core::array::from_fn(|i| seed.wrapping_mul(31) ^ u8::try_from(i * 37 % 251).unwrap())
    }

    #[test]
    fn the_digest_of_the_rfcs_sample_key_is_the_rfcs() {
        // RFC 6455 §1.3
        let digest = [
            0xb3, 0x7a, 0x4f, 0x2c, 0xc0, 0x62, 0x4f, 0x16, 0x90, 0xf6, 0x46, 0x06, 0xcf, 0x38,
            0x59, 0x45, 0xb2, 0xbe, 0xc4, 0xea,
        ];
        for sha1 in [sha1, plain::sha1] {
            assert_eq!(sha1(b"dGhlIHNhbXBsZSBub25jZQ=="), digest);
        }
    }

    #[test]
    fn digests_agree_with_the_library() {
        for seed in 0..=u8::MAX {
            let key = bytes(seed);
            let library = Sha1::new().chain_update(key).chain_update(&GUID_AND_END[..36]);
            let library: [u8; 20] = library.finalize().into();
            assert_eq!((sha1(&key), plain::sha1(&key)), (library, library));
        }
    }

    #[test]
    fn base64_agrees_with_the_library() {
        fn check<const LEN: usize, const TEXT_LEN: usize>(seed: u8) {
            let bytes = bytes::<LEN>(seed);
            let mut library = [0; TEXT_LEN];
            assert_eq!(STANDARD.encode_slice(bytes, &mut library), Ok(TEXT_LEN));
            for base64 in [base64, plain::base64] {
                let mut text = [0; TEXT_LEN];
                base64(&bytes, &mut text);
                assert_eq!(text, library);
            }
        }
        for seed in 0..=u8::MAX {
            check::<16, 24>(seed);
            check::<20, 28>(seed);
            check::<18, 24>(seed);
        }
    }
}
