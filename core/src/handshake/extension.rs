//! The elements of `Sec-WebSocket-Extensions` and their parameters (RFC 6455 §9.1, RFC 9110 §5.6).

use core::fmt;

use super::fields::{Fields, is_token, split_at, text};
use crate::slice::{behind, front};

/// Holds an extension that the peer names, with its parameters, lent from the head.
///
/// ```
/// use wirelet::handshake::{MalformedExtension, Response};
///
/// let response = Response::parse(
///     b"HTTP/1.1 101 Switching Protocols\r\n\
///       Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=\"10\", (nonsense\r\n\r\n",
/// )?;
/// let mut extensions = response.extensions();
/// let deflate = extensions.next().expect("the first")?;
/// assert_eq!(deflate.name(), "permessage-deflate");
/// let (name, value) = deflate.parameters().next().expect("a parameter");
/// assert_eq!(name, "server_max_window_bits");
/// assert!(value.is_some_and(|value| value == *"10"));
/// assert_eq!(extensions.next().expect("the second").unwrap_err(), MalformedExtension);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct Extension<'h> {
    /// A token.
    name: &'h [u8],
    /// None of them is malformed.
    parameters: Parameters<'h>,
}

impl<'h> Extension<'h> {
    /// `extension = extension-token *( ";" extension-param )`
    fn parse(element: &'h [u8]) -> Option<Self> {
        let (name, rest) = split_unquoted(element, b';');
        let (name, mut parameters) = (name.trim_ascii_end(), Parameters { rest });
        let is_valid = is_token(name) && parameters.all(|parameter| parameter.is_some());
        is_valid.then_some(Self { name, parameters: Parameters { rest } })
    }

    /// Returns the name as bytes, which spares firmware to look at each.
    #[cfg(feature = "deflate")]
    pub(crate) const fn raw_name(&self) -> &'h [u8] {
        self.name
    }

    /// As [`parameters`](Self::parameters), with their names as bytes.
    #[cfg(feature = "deflate")]
    pub(crate) fn raw_parameters(
        &self,
    ) -> impl Iterator<Item = (&'h [u8], Option<ParameterValue<'h>>)> + use<'h> {
        self.parameters.flatten()
    }

    /// Returns the name, a token.
    #[must_use]
    pub fn name(&self) -> &'h str {
        text(self.name)
    }

    /// Returns name and value of each parameter, in the order in which they came; some have no value.
    pub fn parameters(
        &self,
    ) -> impl Iterator<Item = (&'h str, Option<ParameterValue<'h>>)> + Clone + use<'h> {
        self.parameters.flatten().map(|(name, value)| (text(name), value))
    }
}

impl fmt::Debug for Extension<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extension")
            .field("name", &self.name())
            .field("parameters", &Entries(self.parameters()))
            .finish()
    }
}

/// Shows the items of an iterator as a map.
struct Entries<I>(I);

impl<K: fmt::Debug, V: fmt::Debug, I: Iterator<Item = (K, V)> + Clone> fmt::Debug for Entries<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.clone()).finish()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Extension<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=str}", self.name());
        for (name, value) in self.parameters() {
            defmt::write!(f, "; {=str}", name);
            if let Some(value) = value {
                defmt::write!(f, "={}", value);
            }
        }
    }
}

/// An element of `Sec-WebSocket-Extensions` is not what RFC 6455 §9.1 wants. It ends at the next comma
/// that is not inside a quoted string; those behind it can be read.
///
/// ```
/// use wirelet::handshake::{MalformedExtension, Response};
///
/// let head = b"HTTP/1.1 101 Yes\r\nSec-WebSocket-Extensions: x; a=, y\r\n\r\n";
/// let response = Response::parse(head)?;
/// let mut names = response.extensions().map(|extension| extension.map(|good| good.name()));
/// assert!(names.eq([Err(MalformedExtension), Ok("y")]));
/// # Ok::<(), wirelet::handshake::ResponseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MalformedExtension;

impl fmt::Display for MalformedExtension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an element of Sec-WebSocket-Extensions is malformed")
    }
}

impl core::error::Error for MalformedExtension {}

/// Lends the value of a parameter, without the quotes and backslashes that it may have come with.
///
/// It is any bytes; RFC 6455 §9.1 gives values that are tokens alone.
///
/// ```
/// use wirelet::handshake::Response;
///
/// let head = b"HTTP/1.1 101 Yes\r\nSec-WebSocket-Extensions: x; a=1; b=\"a, \\\"b\\\"\"\r\n\r\n";
/// let response = Response::parse(head)?;
/// let x = response.extensions().next().expect("an extension")?;
/// let mut values = x.parameters().map(|(_, value)| value.expect("a value"));
/// assert!(values.next().is_some_and(|value| value == *"1"));
/// assert!(values.next().is_some_and(|value| value.bytes().eq(*b"a, \"b\"")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct ParameterValue<'h>(
    /// A token, or what is between the quotes of a quoted string, no backslash of which is its last
    /// byte.
    &'h [u8],
);

impl<'h> ParameterValue<'h> {
    /// RFC 9110 §5.6.6: `( token / quoted-string )`.
    fn parse(value: &'h [u8]) -> Option<Self> {
        if is_token(value) {
            return Some(Self(value));
        }
        let [b'"', inner @ .., b'"'] = value else { return None };
        let mut is_escaped = false;
        for byte in inner {
            if *byte == b'"' && !is_escaped {
                return None;
            }
            is_escaped = *byte == b'\\' && !is_escaped;
        }
        (!is_escaped).then_some(Self(inner))
    }

    /// Returns the bytes.
    pub fn bytes(&self) -> impl Iterator<Item = u8> + Clone + use<'h> {
        let mut is_escaped = false;
        self.0.iter().copied().filter(move |byte| {
            is_escaped = *byte == b'\\' && !is_escaped;
            !is_escaped
        })
    }
}

impl PartialEq<str> for ParameterValue<'_> {
    fn eq(&self, other: &str) -> bool {
        self.bytes().eq(other.bytes())
    }
}

impl fmt::Debug for ParameterValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for ParameterValue<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=[u8]:a}", self.0);
    }
}

/// The elements of all fields `Sec-WebSocket-Extensions`.
#[derive(Clone)]
pub(super) struct Extensions<'h> {
    /// What is left of the current field.
    value: Option<&'h [u8]>,
    fields: Fields<'h>,
}

impl<'h> Extensions<'h> {
    pub(super) const fn of(fields: Fields<'h>) -> Self {
        Self { value: None, fields }
    }
}

impl<'h> Iterator for Extensions<'h> {
    type Item = Result<Extension<'h>, MalformedExtension>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let value = match self.value {
                Some(value) => value,
                None => self.fields.next_named("Sec-WebSocket-Extensions")?,
            };
            let (element, rest) = split_unquoted(value, b',');
            self.value = rest;
            let element = element.trim_ascii();
            if !element.is_empty() {
                return Some(Extension::parse(element).ok_or(MalformedExtension));
            }
        }
    }
}

/// The parameters of an element (RFC 9110 §5.6.6), without empty ones; `None` for one that is
/// malformed.
#[derive(Clone, Copy)]
struct Parameters<'h> {
    rest: Option<&'h [u8]>,
}

#[expect(clippy::copy_iterator, reason = "each look-up goes through a copy of its own")]
impl<'h> Iterator for Parameters<'h> {
    type Item = Option<(&'h [u8], Option<ParameterValue<'h>>)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (parameter, rest) = split_unquoted(self.rest?, b';');
            self.rest = rest;
            let parameter = parameter.trim_ascii();
            if !parameter.is_empty() {
                return Some(parse_parameter(parameter));
            }
        }
    }
}

/// RFC 6455 §9.1: `token [ "=" ( token / quoted-string ) ]`, with RFC 2616's white space between them.
fn parse_parameter(parameter: &[u8]) -> Option<(&[u8], Option<ParameterValue<'_>>)> {
    let (name, value) = split_at(parameter, b'=');
    let name = name.trim_ascii_end();
    if !is_token(name) {
        return None;
    }
    match value {
        Some(value) => Some((name, Some(ParameterValue::parse(value.trim_ascii_start())?))),
        None => Some((name, None)),
    }
}

/// Splits `bytes` at the first `separator` that is not inside a quoted string, if there is one.
fn split_unquoted(bytes: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let at = bytes.iter().position(|byte| {
        if !is_escaped && *byte == b'"' {
            is_quoted = !is_quoted;
        }
        // RFC 9110 §5.6.4: only there is a backslash an escape.
        is_escaped = is_quoted && *byte == b'\\' && !is_escaped;
        !is_quoted && *byte == separator
    });
    let at = at.unwrap_or(bytes.len());
    (front(bytes, at), behind(bytes, at).split_first().map(|(_, rest)| rest))
}
