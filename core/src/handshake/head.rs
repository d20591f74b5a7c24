//! Finding the end of a head that arrives in pieces.

use super::RequestError;

/// Finds the end of an HTTP head, looking at each byte once however it is cut.
///
/// Every line must end in CR LF: a lone CR or LF, which parsers along the way may read
/// differently, is refused at once.
///
/// ```
/// use wirelet::handshake::{HeadScanner, RequestError};
///
/// let mut scanner = HeadScanner::new();
/// let received = b"GET / HTTP/1.1\r\n\r\nrest";
/// assert_eq!(scanner.scan(&received[..17]), Ok(None));
/// assert_eq!(scanner.scan(received), Ok(Some(18)));
/// assert_eq!(HeadScanner::new().scan(b"GET / HTTP/1.1\n"), Err(RequestError::Malformed));
/// ```
#[derive(Clone, Debug, Default)]
pub struct HeadScanner {
    /// How many bytes have been looked at.
    scanned: usize,
    after_cr: bool,
    /// The current line has a byte other than CR.
    in_line: bool,
    /// A line that is not empty has ended.
    begun: bool,
}

impl HeadScanner {
    /// Starts at the beginning of a head.
    #[must_use]
    pub const fn new() -> Self {
        Self { scanned: 0, after_cr: false, in_line: false, begun: false }
    }

    /// Looks at what is new in `received`, all that has come so far from the first byte of the
    /// head on. Returns the length of the head in bytes, with the empty line, once it is whole.
    ///
    /// # Errors
    ///
    /// [`RequestError::Malformed`] for a CR without LF, or a LF without CR.
    pub fn scan(&mut self, received: &[u8]) -> Result<Option<usize>, RequestError> {
        for byte in received.get(self.scanned..).unwrap_or_default() {
            self.scanned += 1;
            match (byte, self.after_cr) {
                (b'\n', true) => {
                    // RFC 9112 §2.2: "ignore at least one empty line (CRLF) received prior to the
                    // request-line".
                    if self.begun && !self.in_line {
                        return Ok(Some(self.scanned));
                    }
                    self.begun |= self.in_line;
                    self.in_line = false;
                }
                (b'\n', false) | (_, true) => return Err(RequestError::Malformed),
                (b'\r', false) => {}
                (_, false) => self.in_line = true,
            }
            self.after_cr = *byte == b'\r';
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n\x81\x80\r\n\r\n";

    #[test]
    fn the_end_is_found_at_every_split() {
        for cut in 0..=HEAD.len() {
            let mut scanner = HeadScanner::new();
            let end = match scanner.scan(&HEAD[..cut]).unwrap() {
                Some(end) => end,
                None => scanner.scan(HEAD).unwrap().unwrap(),
            };
            assert_eq!(end, 27, "cut at {cut}");
        }
    }

    #[test]
    fn a_byte_at_a_time_finds_the_same_end() {
        let mut scanner = HeadScanner::new();
        let end = (1..=HEAD.len()).find_map(|len| scanner.scan(&HEAD[..len]).unwrap());
        assert_eq!(end, Some(27));
    }

    #[test]
    fn empty_lines_in_front_belong_to_the_head() {
        assert_eq!(HeadScanner::new().scan(b"\r\n\r\na\r\n\r\nb"), Ok(Some(9)));
    }

    #[test]
    fn lines_that_do_not_end_in_cr_lf_are_refused() {
        for bad in
            ["GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\nHost: a\n", "a\rb", "\n", "a\r\r\n"]
        {
            assert_eq!(
                HeadScanner::new().scan(bad.as_bytes()),
                Err(RequestError::Malformed),
                "{bad:?}"
            );
        }
    }
}
