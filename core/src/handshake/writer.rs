//! Writing a head into buffers of the caller, in as many pieces as it takes.

use super::BuildError;
use crate::slice::{behind, behind_mut, copy, to_u8};

/// What is sent in the opening handshake: it can be written from any byte on.
pub(crate) trait Head {
    /// Writes all of it; the writer leaves out what has been sent, and what there is no space for.
    ///
    /// To the end in every case, so that whatever is wrong is told before the first byte is sent.
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), BuildError>;
}

/// Tells how much of a head was written into the buffer, and whether that is all.
///
/// ```
/// use wirelet::handshake::{Refusal, Status};
///
/// let refusal = Refusal::new(Status::NOT_FOUND);
/// let (mut sent, mut out) = (Vec::new(), [0; 16]);
/// loop {
///     let piece = refusal.encode_piece(sent.len(), &mut out)?;
///     sent.extend_from_slice(&out[..piece.len]); // or to the socket
///     if piece.is_last {
///         break;
///     }
/// }
/// assert!(sent.starts_with(b"HTTP/1.1 404 Not Found\r\n") && sent.ends_with(b"\r\n\r\n"));
/// # Ok::<(), wirelet::handshake::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Piece {
    /// How many bytes were written at the beginning of the buffer.
    pub len: usize,
    /// Nothing follows them.
    pub is_last: bool,
}

/// Writes as much of `head` as fits, beginning with its byte number `at`.
pub(crate) fn write_head(head: &dyn Head, at: usize, out: &mut [u8]) -> Result<Piece, BuildError> {
    let mut writer = Writer::new(at, out);
    head.write(&mut writer)?;
    Ok(Piece { len: writer.len, is_last: !writer.overflow })
}

/// Writes the whole of `head`; returns its length.
pub(super) fn write_whole(head: &impl Head, out: &mut [u8]) -> Result<usize, BuildError> {
    let piece = write_head(head, 0, out)?;
    if piece.is_last { Ok(piece.len) } else { Err(BuildError::OutOfSpace) }
}

/// Appends to a buffer what has not been sent before.
pub(crate) struct Writer<'b> {
    out: &'b mut [u8],
    len: usize,
    /// How many bytes of what comes are left out.
    skip: usize,
    /// Something did not fit.
    overflow: bool,
}

impl<'b> Writer<'b> {
    const fn new(skip: usize, out: &'b mut [u8]) -> Self {
        Self { out, len: 0, skip, overflow: false }
    }

    pub(super) fn put(&mut self, bytes: &[u8]) {
        let unsent = bytes.get(self.skip..).unwrap_or_default();
        self.skip = self.skip.saturating_sub(bytes.len());
        let n = copy(unsent, behind_mut(self.out, self.len));
        self.len += n;
        self.overflow |= n < unsent.len();
    }

    /// Writes `name: value` and ends the line.
    pub(super) fn field(&mut self, name: &str, value: &[u8]) {
        self.put(name.as_bytes());
        self.put(b": ");
        self.put(value);
        self.put(b"\r\n");
    }

    /// Writes the field that offers an extension, or accepts it.
    #[cfg(feature = "deflate")]
    pub(super) fn extension(&mut self, extension: &impl core::fmt::Display) {
        use core::fmt::Write as _;
        // It never fails.
        let _ = write!(self, "Sec-WebSocket-Extensions: {extension}\r\n");
    }

    /// Writes a decimal number.
    pub(super) fn number(&mut self, n: usize) {
        let mut digits = [0; 20];
        let mut rest = n;
        let mut used = 0;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + to_u8(rest % 10);
            used += 1;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.put(behind(&digits, digits.len() - used));
    }
}

#[cfg(feature = "deflate")]
impl core::fmt::Write for Writer<'_> {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Number(usize);

    impl Head for Number {
        fn write(&self, writer: &mut Writer<'_>) -> Result<(), BuildError> {
            writer.number(self.0);
            Ok(())
        }
    }

    #[test]
    fn numbers_are_decimal() {
        for n in [0, 7, 10, 426, 65_535, usize::MAX] {
            let mut out = [0; 20];
            let len = write_whole(&Number(n), &mut out).unwrap();
            assert_eq!(out[..len], *n.to_string().as_bytes());
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error_or_left_for_the_next_piece() {
        let mut out = [0; 3];
        assert_eq!(write_whole(&Number(1234), &mut out), Err(BuildError::OutOfSpace));
        let first = write_head(&Number(1234), 0, &mut out);
        assert_eq!((first, &out), (Ok(Piece { len: 3, is_last: false }), b"123"));
        let last = write_head(&Number(1234), 3, &mut out);
        assert_eq!((last, out[0]), (Ok(Piece { len: 1, is_last: true }), b'4'));
        for at in [4, 5, usize::MAX] {
            let none = write_head(&Number(1234), at, &mut out);
            assert_eq!(none, Ok(Piece { len: 0, is_last: true }));
        }
    }
}
