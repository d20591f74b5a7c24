//! Allow-lists for `Origin` and `Host` (RFC 6455 §10.2).

/// Decides which values of a header field are let in.
///
/// Values are compared whole, whatever their case, so `https://example.com.evil.org` is not
/// `https://example.com`; `null`, the origin of a local file or a sandboxed frame, is let in only
/// if it is in the list.
///
/// ```
/// use wirelet::handshake::AllowList;
///
/// let origins = AllowList::Only(&["https://example.com"]);
/// assert!(origins.permits(Some(b"https://EXAMPLE.com")));
/// assert!(!origins.permits(Some(b"https://example.com.evil.org")));
/// assert!(!origins.permits(None)); // what is no browser sends no Origin
/// assert!(AllowList::OnlyOrMissing(&[]).permits(None));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum AllowList<'a> {
    /// Everything is let in.
    #[default]
    Any,
    /// The field must be there and its value in the list.
    Only(&'a [&'a str]),
    /// If the field is there, its value must be in the list.
    OnlyOrMissing(&'a [&'a str]),
}

impl AllowList<'_> {
    /// Tells whether a field with this value, or none, is let in.
    #[must_use]
    pub fn permits(&self, value: Option<&[u8]>) -> bool {
        let contains = |list: &[&str]| {
            value.is_some_and(|v| list.iter().any(|item| item.as_bytes().eq_ignore_ascii_case(v)))
        };
        match self {
            Self::Any => true,
            Self::Only(list) => contains(list),
            Self::OnlyOrMissing(list) => value.is_none() || contains(list),
        }
    }
}
