//! Opcodes: what a frame's payload means (RFC 6455 §5.2, §11.8).

/// Names what the payload of one frame means.
///
/// Four bits on the wire. The values that RFC 6455 leaves for later are there too, so that a
/// header can be decoded, shown and even sent; a [`Connection`](crate::Connection) refuses them.
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
#[repr(u8)]
pub enum Opcode {
    /// The next fragment of the message in progress.
    Continuation = 0x0,
    /// A text message, or its first fragment.
    Text = 0x1,
    /// A binary message, or its first fragment.
    Binary = 0x2,
    /// Reserved for data.
    Reserved3 = 0x3,
    /// Reserved for data.
    Reserved4 = 0x4,
    /// Reserved for data.
    Reserved5 = 0x5,
    /// Reserved for data.
    Reserved6 = 0x6,
    /// Reserved for data.
    Reserved7 = 0x7,
    /// The closing handshake.
    Close = 0x8,
    /// A ping, to be answered by a pong with the same payload.
    Ping = 0x9,
    /// The answer to a ping, or an unsolicited heartbeat.
    Pong = 0xa,
    /// Reserved for control.
    ReservedB = 0xb,
    /// Reserved for control.
    ReservedC = 0xc,
    /// Reserved for control.
    ReservedD = 0xd,
    /// Reserved for control.
    ReservedE = 0xe,
    /// Reserved for control.
    ReservedF = 0xf,
}

impl Opcode {
    /// Reads the low four bits of `bits`.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 0x0f {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x3 => Self::Reserved3,
            0x4 => Self::Reserved4,
            0x5 => Self::Reserved5,
            0x6 => Self::Reserved6,
            0x7 => Self::Reserved7,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xa => Self::Pong,
            0xb => Self::ReservedB,
            0xc => Self::ReservedC,
            0xd => Self::ReservedD,
            0xe => Self::ReservedE,
            _ => Self::ReservedF,
        }
    }

    /// Returns the four bits that stand for this opcode.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self as u8
    }

    /// Tells whether this is a control frame.
    ///
    /// §5.5: "Control frames are identified by opcodes where the most significant bit of the
    /// opcode is 1."
    #[must_use]
    pub const fn is_control(self) -> bool {
        self.bits() & 0x8 != 0
    }

    /// Tells whether RFC 6455 gives this value no meaning.
    #[must_use]
    pub const fn is_reserved(self) -> bool {
        matches!(self.bits(), 0x3..=0x7 | 0xb..=0xf)
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
        let reserved = (0..16).filter(|bits| Opcode::from_bits(*bits).is_reserved());
        assert!(reserved.eq([3, 4, 5, 6, 7, 11, 12, 13, 14, 15]));
    }
}
