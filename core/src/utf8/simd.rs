//! Pieces of text with the vector instructions that the processor is found to have.

use crate::{ProtocolError, Utf8Validator};

impl Utf8Validator {
    /// Checks the next piece; returns it as text where that is known by the way: where it cuts no
    /// code point, and is not a short part of a message.
    pub(crate) fn push_text<'b>(
        &mut self,
        piece: &'b [u8],
        is_whole: bool,
    ) -> Result<Option<&'b str>, ProtocolError> {
        if (is_whole || piece.len() >= VECTORS) && self.is_complete() && cut_len(piece) == 0 {
            return match to_str(piece) {
                Some(text) => Ok(Some(text)),
                None => Err(self.refuse()),
            };
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
        if !is_text(whole) {
            return Err(self.refuse());
        }
        self.push_bytes(cut)
    }
}

/// What the vectors work on at once; shorter text they leave to the standard library.
const VECTORS: usize = 64;

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
    if bytes.len() < VECTORS {
        return core::str::from_utf8(bytes).ok();
    }
    simdutf8::basic::from_utf8(bytes).ok()
}

/// Tells whether `bytes` are text: by vectors even if they are few, as no text has to be made.
fn is_text(bytes: &[u8]) -> bool {
    let mut block = [0; VECTORS]; // also text
    match block.get_mut(..bytes.len()) {
        Some(few) => {
            few.copy_from_slice(bytes);
            to_str(&block).is_some()
        }
        None => to_str(bytes).is_some(),
    }
}
