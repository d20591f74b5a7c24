//! The receiving direction of permessage-deflate (RFC 7692 §6.2, §7.2.2).

use super::{Direction, Inflater, Window};
use crate::{Extension, Header, Kind, Opcode, ProtocolError, Utf8Validator};

/// Inflates the messages that the peer has deflated: an [`Extension`] of a connection.
///
/// The chunks of such a message are as they came, which [`transforms`](Extension::transforms) tells; what they
/// become is made in a [`Window`].
///
/// ```
/// use wirelet::deflate::{Deflate, Inflate, Window};
/// use wirelet::{Connection, Event, Server};
///
/// // What the handshake has agreed on.
/// const AGREED: Deflate = Deflate::new().client_no_context_takeover();
///
/// let mut connection = Connection::with_extension(Server, Inflate::new(AGREED.client()));
/// // RFC 7692 §7.2.3.1: "Hello", masked with zeros.
/// let mut input = *b"\xc1\x87\0\0\0\0\xf2\x48\xcd\xc9\xc9\x07\x00";
/// let Some(Event::Chunk(chunk)) = connection.receive(&mut input)?.event else { panic!() };
///
/// let mut message = [0; 64];
/// let mut window = Window::whole(&mut message);
/// let (mut bytes, is_last) = (chunk.as_bytes(), chunk.is_last());
/// let is_too_long = connection.extension_mut().inflate(&mut bytes, is_last, &mut window)?;
/// assert!(!is_too_long);
/// assert_eq!(window.fresh(), b"Hello");
/// # Ok::<(), wirelet::ProtocolError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Inflate {
    direction: Direction,
    inflater: Inflater,
    utf8: Utf8Validator,
    kind: Kind,
    is_deflated: bool,
    has_begun: bool,
}

impl Inflate {
    /// Inflates what the peer deflates in this way.
    #[must_use]
    pub const fn new(direction: Direction) -> Self {
        Self {
            direction,
            inflater: Inflater::new(),
            utf8: Utf8Validator::new(),
            kind: Kind::Binary,
            is_deflated: false,
            has_begun: false,
        }
    }

    /// Returns the kind of the message that began last.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Inflates bytes of a chunk, the last of which ends the message if `is_last`: takes from `deflated`
    /// what it has used, and tells whether the window is full, and there is more. What is text has been
    /// looked at.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::InvalidDeflate`] and [`ProtocolError::InvalidUtf8`], with whose code the connection is
    /// to [`fail`](crate::Connection::fail).
    pub fn inflate(
        &mut self,
        deflated: &mut &[u8],
        is_last: bool,
        window: &mut Window<'_>,
    ) -> Result<bool, ProtocolError> {
        if !self.has_begun {
            self.has_begun = true;
            if !self.direction.takes_over {
                window.forget();
            }
        }
        let before = window.fresh().len();
        let mut result = self.inflater.inflate(deflated, window);
        if is_last && result == Ok(false) {
            result = self.inflater.end(window);
        }
        if self.kind == Kind::Text {
            let fresh = window.fresh().get(before..).unwrap_or_default();
            self.utf8.push(fresh)?;
            if is_last && result == Ok(false) && !self.utf8.is_complete() {
                return Err(ProtocolError::InvalidUtf8);
            }
        }
        result.map_err(|_| ProtocolError::InvalidDeflate)
    }
}

impl Extension for Inflate {
    fn rsv(&self, opcode: Opcode) -> u8 {
        // §6.1: it is for the first frame of a message.
        if opcode == Opcode::Continuation { 0 } else { Header::RSV1 }
    }

    fn begin(&mut self, kind: Kind, rsv: u8) {
        (self.kind, self.is_deflated, self.has_begun) = (kind, rsv == Header::RSV1, false);
        self.utf8 = Utf8Validator::new();
    }

    fn transforms(&self) -> bool {
        self.is_deflated
    }
}
