//! Close codes and the payload of a close frame (RFC 6455 §5.5.1, §7.4).

use core::fmt;
use core::str::from_utf8;

use crate::slice::{copy, front};
use crate::{ProtocolError, SendError, Utf8Validator};

/// Says why a connection ends; always a code that may stand in a close frame.
///
/// §7.4.2 leaves `3000..=3999` to registered libraries and `4000..=4999` to applications. 1005,
/// 1006 and 1015 "MUST NOT be set as a status code in a Close control frame", so this type cannot
/// hold them: a close frame without a code is `None` where one is expected, and a connection that
/// breaks is an error of the transport.
///
/// ```
/// use wirelet::CloseCode;
///
/// assert_eq!(CloseCode::new(1000), Some(CloseCode::NORMAL_CLOSURE));
/// assert_eq!(CloseCode::new(4001).map(CloseCode::get), Some(4001));
/// assert_eq!(CloseCode::new(1006), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CloseCode(u16);

/// The names of the IANA "WebSocket Close Code Number Registry".
impl CloseCode {
    /// 1000: the purpose of the connection has been fulfilled.
    pub const NORMAL_CLOSURE: Self = Self(1000);
    /// 1001: the server goes down, or the browser leaves the page.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1003: the peer sent a kind of data that cannot be accepted.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// 1007: the data did not fit its type, such as text that is not UTF-8.
    pub const INVALID_FRAME_PAYLOAD_DATA: Self = Self(1007);
    /// 1008: the message violates a policy and no other code fits.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// 1009: the message is too big to process.
    pub const MESSAGE_TOO_BIG: Self = Self(1009);
    /// 1010: the client needs an extension that the server did not negotiate.
    pub const MANDATORY_EXT: Self = Self(1010);
    /// 1011: the server met an unexpected condition.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// 1012: the service restarts.
    pub const SERVICE_RESTART: Self = Self(1012);
    /// 1013: the service is overloaded; try again later.
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// 1014: a gateway got an invalid response from upstream.
    pub const BAD_GATEWAY: Self = Self(1014);
}

impl CloseCode {
    /// Takes a code that may be sent in a close frame: `1000..=1003`, `1007..=1014`,
    /// `3000..=4999`; `None` for every other.
    #[must_use]
    pub const fn new(code: u16) -> Option<Self> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(Self(code)),
            _ => None,
        }
    }

    /// Returns the number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Carries what a close frame says: a code and a reason, a code alone, or nothing.
///
/// A value always fits a frame: the reason has at most [`Close::MAX_REASON_LEN`] bytes of UTF-8
/// and stands never without a code.
///
/// ```
/// use wirelet::{Close, CloseCode};
///
/// let close = Close::with_reason(CloseCode::GOING_AWAY, "reboot")?;
/// assert_eq!(close.code(), Some(CloseCode::GOING_AWAY));
/// assert_eq!(close.reason(), "reboot");
/// assert_eq!(Close::EMPTY.code(), None); // "no status received", 1005 in other APIs
/// # Ok::<(), wirelet::SendError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Close<'b> {
    code: Option<CloseCode>,
    /// UTF-8.
    reason: &'b [u8],
}

impl<'b> Close<'b> {
    /// The longest reason in bytes: 125 of a control frame less 2 of the code.
    pub const MAX_REASON_LEN: usize = 123;

    /// A close frame without a payload.
    pub const EMPTY: Close<'static> = Close { code: None, reason: b"" };

    /// Pairs a code with a reason.
    ///
    /// # Errors
    ///
    /// [`SendError::ControlTooLong`] if the reason has more than [`Self::MAX_REASON_LEN`] bytes.
    pub const fn with_reason(code: CloseCode, reason: &'b str) -> Result<Self, SendError> {
        if reason.len() > Self::MAX_REASON_LEN {
            return Err(SendError::ControlTooLong);
        }
        Ok(Self { code: Some(code), reason: reason.as_bytes() })
    }

    /// Returns the code; `None` if the frame had none.
    #[must_use]
    pub const fn code(&self) -> Option<CloseCode> {
        self.code
    }

    /// Returns the reason, in most cases empty.
    #[must_use]
    pub const fn reason(&self) -> &'b str {
        match from_utf8(self.reason) {
            Ok(reason) => reason,
            Err(_) => "",
        }
    }

    /// Reads the unmasked payload of a close frame.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::InvalidClosePayload`] for a payload of one byte,
    /// [`ProtocolError::InvalidCloseCode`] for a code that must not be sent,
    /// [`ProtocolError::InvalidUtf8`] for a reason that is no UTF-8.
    pub fn decode(payload: &'b [u8]) -> Result<Self, ProtocolError> {
        let (code, reason) = match payload {
            [] => return Ok(Close::EMPTY),
            // §5.5.1: "the first two bytes of the body MUST be a 2-byte unsigned integer".
            [_] => return Err(ProtocolError::InvalidClosePayload),
            [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
        };
        let code = CloseCode::new(code).ok_or(ProtocolError::InvalidCloseCode)?;
        let mut text = Utf8Validator::new();
        text.push(reason)?;
        if !text.is_complete() {
            return Err(ProtocolError::InvalidUtf8);
        }
        Ok(Self { code: Some(code), reason })
    }

    /// Writes the payload of the frame and returns the part of `out` that it takes.
    pub(crate) fn encode<'o>(&self, out: &'o mut [u8; 125]) -> &'o [u8] {
        let Some(code) = self.code else { return &[] };
        let ([high, low], reason) = (code.get().to_be_bytes(), &mut out[2..]);
        let len = 2 + copy(self.reason, reason);
        [out[0], out[1]] = [high, low];
        front(out, len)
    }
}

impl From<CloseCode> for Close<'_> {
    fn from(code: CloseCode) -> Self {
        Self { code: Some(code), reason: b"" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_codes_that_may_be_sent_are_accepted() {
        let accepted = |code: u16| match code {
            1004 | 1005 | 1006 | 1015 => false,
            _ => (1000..1015).contains(&code) || (3000..5000).contains(&code),
        };
        for code in 0..=u16::MAX {
            assert_eq!(CloseCode::new(code).is_some(), accepted(code), "{code}");
            let payload = code.to_be_bytes();
            assert_eq!(Close::decode(&payload).is_ok(), accepted(code), "{code}");
        }
    }

    #[test]
    fn a_code_is_shown_as_its_number() {
        assert_eq!(CloseCode::GOING_AWAY.to_string(), "1001");
    }

    #[test]
    fn a_payload_of_one_byte_is_refused() {
        assert_eq!(Close::decode(&[3]), Err(ProtocolError::InvalidClosePayload));
    }

    #[test]
    fn a_reason_must_be_utf8_and_fit_the_frame() {
        assert_eq!(Close::decode(&[0x03, 0xe8, 0xff]), Err(ProtocolError::InvalidUtf8));
        let long = "x".repeat(124);
        assert!(Close::with_reason(CloseCode::NORMAL_CLOSURE, &long[1..]).is_ok());
        assert_eq!(
            Close::with_reason(CloseCode::NORMAL_CLOSURE, &long),
            Err(SendError::ControlTooLong)
        );
    }

    #[test]
    fn decode_and_encode_share_their_bytes() {
        for bytes in [&b""[..], b"\x03\xe8", b"\x03\xe9bye"] {
            let close = Close::decode(bytes).unwrap();
            assert_eq!(close.encode(&mut [0; 125]), bytes);
        }
    }
}
