//! With libraries, which take the SHA instructions that the processor is found to have.

use ::base64::Engine as _;
use ::base64::engine::general_purpose::STANDARD;
use ::sha1::{Digest as _, Sha1};

use super::GUID_AND_END;

/// Digests a key and the GUID.
pub(in crate::handshake) fn sha1(key: &[u8; 24]) -> [u8; 20] {
    let (guid, _) = GUID_AND_END.split_at(36);
    Sha1::new().chain_update(key).chain_update(guid).finalize().into()
}

/// Encodes `bytes` as the characters that they make, as many as `text` has.
pub(in crate::handshake) fn base64(bytes: &[u8], text: &mut [u8]) {
    let result = STANDARD.encode_slice(bytes, text);
    debug_assert_eq!(result, Ok(text.len()), "`text` is as long as the characters");
}
