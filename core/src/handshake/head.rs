//! Reading a head that arrives in pieces, up to its end.

use super::fields::{is_field_byte, is_token_byte};
use super::{MAX_HEADERS, RequestError, ResponseError};

/// Checks the syntax of an HTTP head and finds its end, looking at each byte once however the head
/// is cut.
///
/// Every line must end in CR LF: a lone CR or LF, which parsers along the way may read
/// differently, is refused at once, and so is what can be no header field. What was refused stays
/// refused, and what was found is found again.
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
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct HeadScanner {
    /// How many bytes have been looked at and belong to the head. The last byte of the head is not among
    /// them, nor is one that was refused, so that both are found again.
    scanned: usize,
    at: At,
    /// How many lines that are not empty have begun.
    n_lines: u8,
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum At {
    LineStart,
    /// The request or status line, or the value of a header field.
    Text,
    /// The name of a header field, of which a byte has been seen.
    Name,
    /// The LF behind the CR of a line that has something,
    LineEnd,
    /// or nothing.
    EmptyLineEnd,
}

/// How far the scanner has come.
enum Found {
    /// More must come.
    NotYet,
    /// A header field that goes on in the next line.
    Fold,
    /// The whole head, of this length.
    Head(usize),
}

impl HeadScanner {
    /// Starts at the beginning of a head.
    #[must_use]
    pub const fn new() -> Self {
        Self { scanned: 0, at: At::LineStart, n_lines: 0 }
    }

    /// Looks at what is new in `received`, all that has come so far from the first byte of the
    /// head on. Returns the length of the head in bytes, with the empty line, once it is whole.
    ///
    /// # Errors
    ///
    /// [`RequestError::Malformed`] and [`RequestError::TooManyHeaders`].
    pub fn scan(&mut self, received: &[u8]) -> Result<Option<usize>, RequestError> {
        match self.advance(received)? {
            Found::NotYet => Ok(None),
            Found::Head(len) => Ok(Some(len)),
            // RFC 9112 §5.2: a server "MUST [...] reject the message by sending a 400" or replace it.
            Found::Fold => Err(RequestError::Malformed),
        }
    }

    /// As [`scan`](Self::scan), for the response of a server: a header field may go on in the next
    /// line, and the end of the line is then overwritten with spaces (RFC 9112 §5.2), so that
    /// [`ClientRequest::verify`](super::ClientRequest::verify) and
    /// [`Response::parse`](super::Response::parse) find it in one.
    ///
    /// ```
    /// use wirelet::handshake::{HeadScanner, Response};
    ///
    /// let mut received = *b"HTTP/1.1 103 Early Hints\r\nLink: </a>,\r\n </b>\r\n\r\nHTTP/1.1 101";
    /// let len = HeadScanner::new().scan_response(&mut received)?.expect("the head is whole");
    /// let response = Response::parse(&received[..len])?;
    /// assert_eq!(response.header("Link"), Some(&b"</a>,   </b>"[..]));
    /// assert!(response.is_interim()); // go on behind it, with a new scanner
    /// # Ok::<(), wirelet::handshake::ResponseError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ResponseError::Malformed`] and [`ResponseError::TooManyHeaders`].
    pub fn scan_response(&mut self, received: &mut [u8]) -> Result<Option<usize>, ResponseError> {
        loop {
            let found = self.advance(received).map_err(|error| match error {
                RequestError::TooManyHeaders => ResponseError::TooManyHeaders,
                _ => ResponseError::Malformed,
            })?;
            match found {
                Found::NotYet => return Ok(None),
                Found::Head(len) => return Ok(Some(len)),
                Found::Fold => {
                    // "MUST replace each received obs-fold with one or more SP octets".
                    if let Some([cr, lf, space]) =
                        received.get_mut(self.scanned.saturating_sub(2)..=self.scanned)
                    {
                        (*cr, *lf, *space) = (b' ', b' ', b' ');
                    }
                    self.at = At::Text;
                }
            }
        }
    }

    fn advance(&mut self, received: &[u8]) -> Result<Found, RequestError> {
        loop {
            let new = received.get(self.scanned..).unwrap_or_default();
            self.scanned += match self.at {
                // Nearly all there is.
                At::Text => run_len(new, |byte| matches!(byte, b' '..=b'~')),
                At::Name => run_len(new, is_token_byte),
                _ => 0,
            };
            let Some(byte) = received.get(self.scanned) else { return Ok(Found::NotYet) };
            self.at = match (self.at, byte) {
                (At::Text, b'\r') => At::LineEnd,
                (At::Text, byte) if is_field_byte(*byte) => At::Text,
                (At::Name, b':') => At::Text,
                (At::LineEnd, b'\n') => At::LineStart,
                (At::LineStart, b'\r') => At::EmptyLineEnd,
                // RFC 9112 §2.2: "ignore at least one empty line (CRLF) received prior to the
                // request-line".
                (At::EmptyLineEnd, b'\n') if self.n_lines == 0 => At::LineStart,
                (At::EmptyLineEnd, b'\n') => return Ok(Found::Head(self.scanned + 1)),
                // The first line is no header field.
                (At::LineStart, b' ' | b'\t') if self.n_lines > 1 => return Ok(Found::Fold),
                (At::LineStart, byte) => self.begin_line(*byte)?,
                _ => return Err(RequestError::Malformed),
            };
            self.scanned += 1;
        }
    }

    fn begin_line(&mut self, byte: u8) -> Result<At, RequestError> {
        let at = if self.n_lines == 0 { At::Text } else { At::Name };
        let fits = if self.n_lines == 0 { is_field_byte(byte) } else { is_token_byte(byte) };
        if !fits {
            return Err(RequestError::Malformed);
        }
        if usize::from(self.n_lines) > MAX_HEADERS {
            return Err(RequestError::TooManyHeaders);
        }
        self.n_lines += 1;
        Ok(at)
    }
}

/// How many bytes at the beginning belong to it.
fn run_len(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|byte| !belongs(*byte)).unwrap_or(bytes.len())
}

impl Default for HeadScanner {
    fn default() -> Self {
        Self::new()
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
