//! Pieces of text byte by byte, which is least flash.

use crate::{ProtocolError, Utf8Validator};

impl Utf8Validator {
    /// Checks the next piece; returns it as text where that is known by the way, here never.
    #[inline] // or firmware grows by returning the text that is never there
    pub(crate) fn push_text<'b>(
        &mut self,
        piece: &'b [u8],
        _is_whole: bool,
    ) -> Result<Option<&'b str>, ProtocolError> {
        self.push_bytes(piece).map(|()| None)
    }
}

/// Makes text of all of `bytes`, if they are.
pub(crate) fn to_str(bytes: &[u8]) -> Option<&str> {
    core::str::from_utf8(bytes).ok()
}
