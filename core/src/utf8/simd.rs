//! Pieces of text with the vector instructions that the processor is found to have.

use crate::{ProtocolError, Utf8Validator};

impl Utf8Validator {
    /// Checks the next piece; returns it as text where that is known by the way: where it cuts no
    /// code point.
    pub(crate) fn push_text<'b>(
        &mut self,
        piece: &'b [u8],
    ) -> Result<Option<&'b str>, ProtocolError> {
        if self.is_complete() && cut_len(piece) == 0 {
            return to_str(piece).map(Some).ok_or(ProtocolError::InvalidUtf8);
        }
        self.push_cut(piece)?;
        Ok(None)
    }

    /// Only the code points that are cut go byte by byte, so that nothing is looked at twice.
    #[inline(never)] // into the way of pieces that cut none
    fn push_cut(&mut self, piece: &[u8]) -> Result<(), ProtocolError> {
        let (begun, rest) = piece.split_at(piece.len().min(self.missing.into()));
        self.push_bytes(begun)?;
        let (whole, cut) = rest.split_at(rest.len() - cut_len(rest));
        to_str(whole).ok_or(ProtocolError::InvalidUtf8)?;
        self.push_bytes(cut)
    }
}

/// How many bytes of a text belong to a code point that its end cuts.
fn cut_len(text: &[u8]) -> usize {
    // RFC 3629 §3: what begins two bytes or more, three or more, and four.
    match text {
        [.., 0xc0..=0xff] => 1,
        [.., 0xe0..=0xff, _] => 2,
        [.., 0xf0..=0xff, _, _] => 3,
        _ => 0,
    }
}

/// Makes text of all of `bytes`, if they are.
pub(crate) fn to_str(bytes: &[u8]) -> Option<&str> {
    // Below, what the vectors need to begin takes longer.
    if bytes.len() < 64 {
        return core::str::from_utf8(bytes).ok();
    }
    simdutf8::basic::from_utf8(bytes).ok()
}
