//! With a library, which takes the SHA instructions that the processor is found to have.

use ::sha1::{Digest as _, Sha1};

use super::GUID_AND_END;

/// Digests a key and the GUID.
pub(in crate::handshake) fn sha1(key: &[u8; 24]) -> [u8; 20] {
    let (guid, _) = GUID_AND_END.split_at(36);
    Sha1::new().chain_update(key).chain_update(guid).finalize().into()
}
