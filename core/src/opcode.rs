//! Opcodes: what a frame's payload means (RFC 6455 §5.2, §11.8).

/// Names what the payload of one frame means.
///
/// Four bits on the wire. The values that RFC 6455 leaves for later are kept as
/// [`Reserved`](Opcode::Reserved), so that a header can be decoded, shown and even sent; a
/// [`Connection`](crate::Connection) refuses them.
///
/// ```
/// use wirelet::Opcode;
///
/// assert_eq!(Opcode::from_bits(0x9), Opcode::Ping);
/// assert_eq!(Opcode::Ping.bits(), 0x9);
/// assert!(Opcode::Ping.is_control());
/// assert!(!Opcode::Continuation.is_control());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Opcode {
    /// `0x0`: the next fragment of the message in progress.
    Continuation,
    /// `0x1`: a text message, or its first fragment.
    Text,
    /// `0x2`: a binary message, or its first fragment.
    Binary,
    /// `0x8`: the closing handshake.
    Close,
    /// `0x9`: a ping, to be answered by a pong with the same payload.
    Ping,
    /// `0xA`: the answer to a ping, or an unsolicited heartbeat.
    Pong,
    /// `0x3..=0x7`, `0xB..=0xF`: reserved for extensions.
    Reserved(u8),
}

impl Opcode {
    /// Reads the low four bits of `bits`.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 0x0f {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xa => Self::Pong,
            other => Self::Reserved(other),
        }
    }

    /// Returns the four bits that stand for this opcode.
    #[must_use]
    pub const fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xa,
            Self::Reserved(bits) => bits & 0x0f,
        }
    }

    /// Tells whether this is a control frame.
    ///
    /// §5.5: "Control frames are identified by opcodes where the most significant bit of the
    /// opcode is 1."
    #[must_use]
    pub const fn is_control(self) -> bool {
        self.bits() & 0x8 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_four_bits_survives_a_round_trip() {
        for bits in 0..16 {
            assert_eq!(Opcode::from_bits(bits).bits(), bits);
            assert_eq!(Opcode::from_bits(bits | 0xf0), Opcode::from_bits(bits));
            assert_eq!(Opcode::from_bits(bits).is_control(), bits >= 8);
        }
    }

    #[test]
    fn the_ten_unassigned_values_are_reserved() {
        let reserved = (0..16).filter(|&bits| Opcode::from_bits(bits) == Opcode::Reserved(bits));
        assert!(reserved.eq([3, 4, 5, 6, 7, 11, 12, 13, 14, 15]));
    }
}
