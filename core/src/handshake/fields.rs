//! Looking into header fields.

use core::str::from_utf8;

/// One header field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header<'h> {
    pub(super) name: &'h str,
    pub(super) value: &'h [u8],
}

pub(super) const EMPTY_HEADER: Header<'static> = Header { name: "", value: b"" };

/// The header fields of a head, in the order in which they came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'h>(pub(super) &'h [Header<'h>]);

impl<'h> Fields<'h> {
    /// Returns the values of all fields named `name`, whatever its case.
    pub(super) fn all(self, name: &'static str) -> impl Iterator<Item = &'h [u8]> {
        named(self.0, name)
    }

    /// Returns the value of the only field named `name`.
    pub(super) fn only(self, name: &'static str) -> Option<&'h [u8]> {
        let mut values = self.all(name);
        values.next().filter(|_| values.next().is_none())
    }

    pub(super) fn has(self, name: &'static str) -> bool {
        self.all(name).next().is_some()
    }

    /// Returns the elements of the comma-separated lists in all fields named `name`
    /// (RFC 9110 §5.6.1), without their white space; empty elements are left out.
    pub(super) fn list(self, name: &'static str) -> impl Iterator<Item = &'h str> {
        self.all(name)
            .flat_map(|value| value.split(|byte| *byte == b','))
            .filter_map(|element| from_utf8(element.trim_ascii()).ok())
            .filter(|element| !element.is_empty())
    }

    /// Tells whether the lists in the fields named `name` have `token`, whatever its case.
    pub(super) fn has_token(self, name: &'static str, token: &str) -> bool {
        self.list(name).any(|element| element.eq_ignore_ascii_case(token))
    }
}

pub(super) fn named<'h>(headers: &'h [Header<'h>], name: &str) -> impl Iterator<Item = &'h [u8]> {
    headers
        .iter()
        .filter(move |field| field.name.eq_ignore_ascii_case(name))
        .map(|field| field.value)
}

/// Splits a head into its first line and its header fields; returns the line and the number of fields.
pub(super) fn parse<'b>(
    head: &'b [u8],
    headers: &mut [Header<'b>],
) -> Result<(&'b [u8], usize), HeadError> {
    // Whole lines that end in CR LF: a `HeadScanner` has seen them.
    let mut lines = head
        .split(|byte| *byte == b'\n')
        .map(|line| match line {
            [text @ .., b'\r'] => text,
            _ => line,
        })
        .skip_while(|line| line.is_empty());
    let first = lines.next().ok_or(HeadError::Malformed)?;
    let mut slots = headers.iter_mut();
    let mut n = 0;
    for line in lines.take_while(|line| !line.is_empty()) {
        let header = parse_field(line).ok_or(HeadError::Malformed)?;
        *slots.next().ok_or(HeadError::TooManyHeaders)? = header;
        n += 1;
    }
    Ok((first, n))
}

/// Why a head cannot be parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadError {
    Malformed,
    TooManyHeaders,
}

/// RFC 9112 §5: `field-name ":" OWS field-value OWS`.
fn parse_field(line: &[u8]) -> Option<Header<'_>> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = from_utf8(line.get(..colon)?).ok().filter(|name| is_token(name))?;
    let value = line.get(colon..)?.split_first()?.1;
    value
        .iter()
        .all(|byte| is_field_byte(*byte))
        .then(|| Header { name, value: value.trim_ascii() })
}

/// RFC 9110 §5.6.2.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| {
            matches!(byte,
        b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`'
        | b'|' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z')
        })
}

/// RFC 9110 §5.5: visible characters, spaces and tabs; no CR, LF or NUL.
pub(super) fn is_field_value(text: &str) -> bool {
    text.bytes().all(is_field_byte)
}

pub(super) const fn is_field_byte(byte: u8) -> bool {
    byte == b'\t' || byte >= b' ' && byte != 0x7f
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
        assert!(is_token("chat.v2"));
        for bad in ["", "a b", "a,b", "a\r\nb", "a\0", "(a)", "é"] {
            assert!(!is_token(bad), "{bad:?}");
        }
        assert!(is_field_value("a b\té"));
        for bad in ["a\r\nb", "a\n", "\0", "\x7f"] {
            assert!(!is_field_value(bad), "{bad:?}");
        }
    }

    #[test]
    fn lists_are_joined_over_fields_and_empty_elements_are_left_out() {
        let headers = [
            Header { name: "Connection", value: b"keep-alive , ,Upgrade" },
            Header { name: "connection", value: b"\tx" },
            Header { name: "Other", value: b"y" },
        ];
        let fields = Fields(&headers);
        assert!(fields.list("Connection").eq(["keep-alive", "Upgrade", "x"]));
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
