//! What the opening handshake negotiates beside the protocol (RFC 6455 §9.1).

use crate::{Kind, Opcode};

/// Says what an extension changes in the receiving direction; `()` is none, and costs nothing.
///
/// §9.1: an extension may give a meaning to the reserved bits of the header.
///
/// ```
/// use wirelet::{Connection, Extension, Header, Opcode, Server};
///
/// /// The first reserved bit has a meaning between these two ends.
/// struct Urgent;
///
/// impl Extension for Urgent {
///     fn rsv(&self, _opcode: Opcode) -> u8 {
///         Header::RSV1
///     }
/// }
///
/// let mut connection = Connection::with_extension(Server, Urgent);
/// let mut input = [0xc1, 0x82, 1, 2, 3, 4, b'h' ^ 1, b'i' ^ 2];
/// assert!(connection.receive(&mut input)?.event.is_some());
/// # Ok::<(), wirelet::ProtocolError>(())
/// ```
pub trait Extension {
    /// Returns the reserved bits that a data frame of this opcode may have set, the first being
    /// [`Header::RSV1`](crate::Header::RSV1).
    fn rsv(&self, opcode: Opcode) -> u8 {
        let _ = opcode;
        0
    }

    /// Notes that a message begins whose first frame has these reserved bits.
    fn begin(&mut self, kind: Kind, rsv: u8) {
        let _ = (kind, rsv);
    }

    /// Tells whether the message that began last is on its way in another form: then its chunks are
    /// [`Binary`](Kind::Binary), and what they become is for the extension to look at.
    fn transforms(&self) -> bool {
        false
    }

    /// Tells whether bytes that came are still to be handed out.
    fn has_more(&self) -> bool {
        false
    }
}

impl Extension for () {}
