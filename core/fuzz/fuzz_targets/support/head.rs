//! Heads of HTTP by the letter of RFC 9112, without a line of the crate.

/// A head, taken apart; fails on all that RFC 9112 does not want.
#[derive(Debug)]
pub(crate) struct Head<'h> {
    pub(crate) start_line: &'h [u8],
    fields: Vec<(&'h str, &'h [u8])>,
}

impl<'h> Head<'h> {
    /// Takes a head apart that the crate has accepted.
    pub(crate) fn parse(head: &'h [u8]) -> Self {
        let mut lines = lines(head).skip_while(|line| line.is_empty());
        let start_line = lines.next().expect("a first line");
        let mut fields = Vec::new();
        for line in lines.by_ref().take_while(|line| !line.is_empty()) {
            let colon = line.iter().position(|byte| *byte == b':').expect("a colon");
            let (name, value) = (&line[..colon], &line[colon + 1..]);
            // RFC 9112 §5.1: "No whitespace is allowed between the field name and colon"; §5.2: a
            // line that begins with white space is an obsolete fold.
            assert!(!name.is_empty() && name.iter().all(|byte| is_tchar(*byte)), "{name:?}");
            assert!(value.iter().all(|byte| *byte == b'\t' || *byte >= b' ' && *byte != 0x7f));
            fields.push((str::from_utf8(name).expect("ASCII"), trim(value)));
        }
        assert_eq!(lines.next(), None, "the head goes on behind its empty line");
        Self { start_line, fields }
    }

    /// Returns the values of all fields with this name.
    pub(crate) fn all(&self, name: &str) -> Vec<&'h [u8]> {
        let named = self.fields.iter().filter(|field| field.0.eq_ignore_ascii_case(name));
        named.map(|field| field.1).collect()
    }

    /// Tells whether the comma-separated lists of the fields with this name have the token.
    pub(crate) fn lists(&self, name: &str, token: &str) -> bool {
        let values = self.all(name);
        let mut elements = values.iter().flat_map(|value| value.split(|byte| *byte == b','));
        elements.any(|element| trim(element).eq_ignore_ascii_case(token.as_bytes()))
    }

    pub(crate) fn n_fields(&self) -> usize {
        self.fields.len()
    }
}

/// Splits a head into its lines, without the last one, which is empty; fails on a lone CR or LF.
fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    assert!(head.ends_with(b"\r\n"));
    head.split_inclusive(|byte| *byte == b'\n').map(|line| {
        let line = line.strip_suffix(b"\r\n").expect("each line ends in CR LF");
        assert!(!line.contains(&b'\r'), "a CR inside a line");
        line
    })
}

/// RFC 9110 §5.6.3: spaces and tabs.
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// RFC 9110 §5.6.2.
pub(crate) fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
