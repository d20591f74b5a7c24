//! Looking into header fields.

use core::str::from_utf8;

use super::MAX_HEADERS;

/// The header fields of a head, in the order in which they came: an iterator over their names and
/// values, which finds them in the head itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'h> {
    /// Whole lines, each checked.
    lines: &'h [u8],
}

#[expect(clippy::copy_iterator, reason = "each look-up goes through a copy of its own")]
impl<'h> Iterator for Fields<'h> {
    type Item = (&'h [u8], &'h [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        parse_field(take_line(&mut self.lines)?)
    }
}

impl<'h> Fields<'h> {
    /// Returns the value of the next field named `name`, whatever its case.
    pub(super) fn next_named(&mut self, name: &str) -> Option<&'h [u8]> {
        self.find(|field| field.0.eq_ignore_ascii_case(name.as_bytes())).map(|field| field.1)
    }

    /// Returns the value of the first field named `name`.
    pub(super) fn first(mut self, name: &str) -> Option<&'h [u8]> {
        self.next_named(name)
    }

    /// Returns the value of the only field named `name`.
    pub(super) fn only(mut self, name: &str) -> Option<&'h [u8]> {
        let value = self.next_named(name)?;
        self.next_named(name).is_none().then_some(value)
    }

    /// Returns the elements of the comma-separated lists in all fields named `name`
    /// (RFC 9110 §5.6.1), without their white space; empty elements are left out.
    pub(super) const fn list(self, name: &'static str) -> List<'h> {
        List { value: None, fields: self, name }
    }

    /// Tells whether the lists in the fields named `name` have `token`, whatever its case.
    pub(super) fn has_token(self, name: &'static str, token: &str) -> bool {
        self.list(name).any(|element| element.eq_ignore_ascii_case(token.as_bytes()))
    }
}

/// The elements of a list.
pub(super) struct List<'h> {
    /// What is left of the current field.
    value: Option<&'h [u8]>,
    fields: Fields<'h>,
    name: &'static str,
}

impl<'h> Iterator for List<'h> {
    type Item = &'h [u8];

    fn next(&mut self) -> Option<&'h [u8]> {
        loop {
            let value = match self.value {
                Some(value) => value,
                None => self.fields.next_named(self.name)?,
            };
            let (element, rest) = split_at(value, b',');
            self.value = rest;
            let element = element.trim_ascii();
            if !element.is_empty() {
                return Some(element);
            }
        }
    }
}

/// Splits a head into its first line and its header fields.
pub(super) fn parse(mut head: &[u8]) -> Result<(&[u8], Fields<'_>), HeadError> {
    // RFC 9112 §2.2: "ignore at least one empty line (CRLF) received prior to the request-line".
    while let Some(rest) = head.strip_prefix(b"\r\n") {
        head = rest;
    }
    let first = take_line(&mut head).ok_or(HeadError::Malformed)?;
    let fields = Fields { lines: head };
    let mut n = 0;
    while let Some(line) = take_line(&mut head) {
        parse_field(line).ok_or(HeadError::Malformed)?;
        if n == MAX_HEADERS {
            return Err(HeadError::TooManyHeaders);
        }
        n += 1;
    }
    Ok((first, fields))
}

/// Why a head cannot be parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadError {
    Malformed,
    TooManyHeaders,
}

/// Takes the next line, without its end; `None` for the empty one that ends the head.
fn take_line<'h>(head: &mut &'h [u8]) -> Option<&'h [u8]> {
    let (line, rest) = split_at(head, b'\n');
    *head = rest.unwrap_or_default();
    // Whole lines that end in CR LF: a `HeadScanner` has seen them.
    line.split_last().map(|(_, line)| line).filter(|line| !line.is_empty())
}

/// RFC 9112 §5: `field-name ":" OWS field-value OWS`.
fn parse_field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, value) = split_at(line, b':');
    let value = value.filter(|value| is_token(name) && is_field_value(value))?;
    Some((name, value.trim_ascii()))
}

/// Makes text of what has been checked to be ASCII.
pub(super) fn text(ascii: &[u8]) -> &str {
    from_utf8(ascii).unwrap_or_default()
}

/// Splits `bytes` at the first `separator`, if there is one.
pub(super) fn split_at(bytes: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    let at = bytes.iter().position(|byte| *byte == separator).unwrap_or(bytes.len());
    let (front, rest) = bytes.split_at_checked(at).unwrap_or_default();
    (front, rest.split_first().map(|(_, rest)| rest))
}

/// RFC 9110 §5.6.2.
pub(super) fn is_token(text: &[u8]) -> bool {
    !text.is_empty()
        && text.iter().all(|byte| {
            matches!(byte,
        b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`'
        | b'|' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z')
        })
}

/// RFC 9110 §5.5: visible characters, spaces and tabs; no CR, LF or NUL.
pub(super) fn is_field_value(text: &[u8]) -> bool {
    text.iter().all(|byte| *byte == b'\t' || *byte >= b' ' && *byte != 0x7f)
}

/// A name that the handshake writes or checks itself, so that nobody else may add it.
pub(super) fn is_handshake_field(name: &str) -> bool {
    const OWN: [&str; 7] = [
        "Host",
        "Upgrade",
        "Connection",
        "Origin",
        "Content-Length",
        "Transfer-Encoding",
        "Trailer",
    ];
    let is_own = OWN.iter().any(|own| own.eq_ignore_ascii_case(name));
    let prefix = name.as_bytes().first_chunk::<14>();
    is_own || prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(b"Sec-WebSocket-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_values_refuse_what_could_inject_a_line() {
        assert!(is_token(b"chat.v2"));
        for bad in ["", "a b", "a,b", "a\r\nb", "a\0", "(a)", "é"] {
            assert!(!is_token(bad.as_bytes()), "{bad:?}");
        }
        assert!(is_field_value("a b\té".as_bytes()));
        for bad in ["a\r\nb", "a\n", "\0", "\x7f"] {
            assert!(!is_field_value(bad.as_bytes()), "{bad:?}");
        }
    }

    #[test]
    fn lists_are_joined_over_fields_and_empty_elements_are_left_out() {
        let head = b"HTTP/1.1 200\r\nConnection: keep-alive , ,Upgrade\r\nconnection:\tx\r\nOther: y\r\n\r\n";
        let (_, fields) = parse(head).unwrap();
        assert!(fields.list("Connection").eq([&b"keep-alive"[..], b"Upgrade", b"x"]));
        assert!(fields.has_token("connection", "upgrade"));
        assert!(!fields.has_token("connection", "up"));
        assert_eq!(fields.only("connection"), None);
        assert_eq!(fields.only("other"), Some(&b"y"[..]));
    }

    #[test]
    fn fields_of_the_handshake_cannot_be_added() {
        assert!(is_handshake_field("sec-websocket-extensions"));
        assert!(is_handshake_field("HOST"));
        assert!(!is_handshake_field("Sec-WebSocket"));
        assert!(!is_handshake_field("Authorization"));
    }
}
