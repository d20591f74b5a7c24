//! Looking into header fields.

use core::fmt;
use core::str::from_utf8;

use super::BuildError;
use super::writer::Writer;
use crate::slice::{behind, front};

/// The header fields of a head, in the order in which they came: an iterator over their names and
/// values, which finds them in the head itself.
///
/// Shown by their names alone, since values are keys and passwords.
#[derive(Clone, Copy)]
pub(super) struct Fields<'h> {
    lines: &'h [u8],
}

impl fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.map(|field| text(field.0))).finish()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Fields<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        for (name, _) in *self {
            defmt::write!(f, "{=str} ", text(name));
        }
    }
}

#[expect(clippy::copy_iterator, reason = "each look-up goes through a copy of its own")]
impl<'h> Iterator for Fields<'h> {
    type Item = (&'h [u8], &'h [u8]);

    /// RFC 9112 §5: `field-name ":" OWS field-value OWS`.
    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = split_at(take_line(&mut self.lines), b':');
        Some((name, value?.trim_ascii()))
    }
}

impl<'h> Fields<'h> {
    /// Returns the value of the next field named `name`, whatever its case.
    pub(super) fn next_named(&mut self, name: &str) -> Option<&'h [u8]> {
        self.find(|field| is_named(field.0, name)).map(|field| field.1)
    }

    /// Returns the value of the first field named `name`.
    pub(super) fn first(mut self, name: &str) -> Option<&'h [u8]> {
        self.next_named(name)
    }

    /// Returns the elements of the lists in all fields named `name`.
    pub(super) const fn list(self, name: &'static str) -> List<'h> {
        List { value: None, fields: self, name }
    }
}

/// Splits a head that a [`HeadScanner`](super::HeadScanner) has found whole into its first line and
/// its header fields.
pub(super) fn split(mut head: &[u8]) -> (&[u8], Fields<'_>) {
    while let Some(rest) = head.strip_prefix(b"\r\n") {
        head = rest;
    }
    let first = take_line(&mut head);
    (first, Fields { lines: head })
}

/// Takes the next line, without its CR LF.
fn take_line<'h>(head: &mut &'h [u8]) -> &'h [u8] {
    let (line, rest) = split_at(head, b'\r');
    *head = rest.and_then(|rest| rest.get(1..)).unwrap_or_default();
    line
}

/// Tells whether `name` is that of a field, whatever the case.
pub(super) fn is_named(field: &[u8], name: &str) -> bool {
    field.eq_ignore_ascii_case(name.as_bytes())
}

/// The elements of comma-separated lists (RFC 9110 §5.6.1), without their white space; empty ones
/// are left out.
pub(super) struct List<'h> {
    /// What is left of the current field.
    value: Option<&'h [u8]>,
    /// Where others may be, and how they are named.
    fields: Fields<'h>,
    name: &'static str,
}

impl<'h> List<'h> {
    /// The elements of one field.
    pub(super) const fn of(value: &'h [u8]) -> Self {
        Self { value: Some(value), fields: Fields { lines: &[] }, name: "" }
    }

    /// Tells whether `token` is in the list, whatever its case.
    pub(super) fn has(mut self, token: &str) -> bool {
        self.any(|element| element.eq_ignore_ascii_case(token.as_bytes()))
    }
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

/// The value of a field that must be given exactly once.
#[derive(Default)]
pub(super) struct Only<'h> {
    value: &'h [u8],
    n: u8,
}

impl<'h> Only<'h> {
    pub(super) fn push(&mut self, value: &'h [u8]) {
        self.value = value;
        self.n = self.n.saturating_add(1);
    }

    pub(super) fn get(&self) -> Option<&'h [u8]> {
        (self.n == 1).then_some(self.value)
    }

    pub(super) fn is_given(&self) -> bool {
        self.n > 0
    }
}

/// Header fields that the application adds; each is a name and a value.
///
/// Shown by their names alone, since values are such as those of `Authorization`.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Added<'a>(pub(super) &'a [(&'a str, &'a str)]);

impl Added<'_> {
    /// Writes them; they can neither inject a line nor replace a field of ours.
    pub(super) fn write(self, writer: &mut Writer<'_>) -> Result<(), BuildError> {
        for (name, value) in self.0 {
            if !is_token(name.as_bytes()) || is_handshake_field(name) {
                return Err(BuildError::HeaderName);
            }
            if !is_field_value(value.as_bytes()) {
                return Err(BuildError::HeaderValue);
            }
            writer.field(name, value.as_bytes());
        }
        Ok(())
    }

    /// Tells whether one is named `name`, whatever its case.
    pub(super) fn has(self, name: &str) -> bool {
        self.0.iter().any(|field| field.0.eq_ignore_ascii_case(name))
    }
}

impl fmt::Debug for Added<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|field| field.0)).finish()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Added<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        for field in self.0 {
            defmt::write!(f, "{=str} ", field.0);
        }
    }
}

/// Makes text of what has been checked to be ASCII.
pub(super) fn text(ascii: &[u8]) -> &str {
    from_utf8(ascii).unwrap_or_default()
}

/// Splits `bytes` at the first `separator`, if there is one.
pub(super) fn split_at(bytes: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    let at = bytes.iter().position(|byte| *byte == separator).unwrap_or(bytes.len());
    (front(bytes, at), behind(bytes, at).split_first().map(|(_, rest)| rest))
}

/// RFC 9110 §5.6.2.
pub(super) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| is_token_byte(*byte))
}

pub(super) fn is_token_byte(byte: u8) -> bool {
    TOKEN_BYTES.has(byte)
}

const TOKEN_BYTES: Set = Set::of(&[ALPHANUMERIC, b"!#$%&'*+-.^_`|~"]);

/// RFC 3986 §3.1.
pub(super) fn is_scheme(text: &[u8]) -> bool {
    let is_rest = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    text.first().is_some_and(u8::is_ascii_alphabetic) && text.iter().all(is_rest)
}

pub(super) const ALPHANUMERIC: &[u8] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A set of ASCII characters, with a bit for each.
pub(super) struct Set([u32; 4]);

impl Set {
    pub(super) const fn of(parts: &[&[u8]]) -> Self {
        let mut bits = 0_u128;
        let mut n = 0;
        while n < parts.len() {
            let mut i = 0;
            while i < parts[n].len() {
                bits |= 1 << parts[n][i];
                i += 1;
            }
            n += 1;
        }
        #[expect(clippy::cast_possible_truncation, reason = "32 bits at a time")]
        Self([bits as u32, (bits >> 32) as u32, (bits >> 64) as u32, (bits >> 96) as u32])
    }

    pub(super) fn has(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte / 32)).is_some_and(|bits| bits >> (byte % 32) & 1 == 1)
    }
}

/// RFC 9110 §5.5: visible characters, spaces and tabs; no CR, LF or NUL.
pub(super) fn is_field_value(text: &[u8]) -> bool {
    text.iter().all(|byte| is_field_byte(*byte))
}

pub(super) const fn is_field_byte(byte: u8) -> bool {
    byte >= b' ' && byte != 0x7f || byte == b'\t'
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
        let head =
            b"HTTP/1.1 200\r\nConnection: keep-alive , ,Upgrade\r\nconnection:\tx\r\nOther: y\r\n\r\n";
        let (line, fields) = split(head);
        assert_eq!(line, b"HTTP/1.1 200");
        assert!(fields.list("Connection").eq([&b"keep-alive"[..], b"Upgrade", b"x"]));
        assert!(fields.list("connection").has("upgrade"));
        assert!(!fields.list("connection").has("up"));
        assert_eq!(fields.first("connection"), Some(&b"keep-alive , ,Upgrade"[..]));
        assert_eq!(fields.first("other"), Some(&b"y"[..]));
    }

    #[test]
    fn fields_of_the_handshake_cannot_be_added() {
        assert!(is_handshake_field("sec-websocket-extensions"));
        assert!(is_handshake_field("HOST"));
        assert!(!is_handshake_field("Sec-WebSocket"));
        assert!(!is_handshake_field("Authorization"));
    }
}
