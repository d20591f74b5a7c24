//! The frame header (RFC 6455 §5.2).
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-------+-+-------------+-------------------------------+
//! |F|R|R|R| opcode|M| Payload len |    Extended payload length    |
//! |I|S|S|S|  (4)  |A|     (7)     |             (16/64)           |
//! |N|V|V|V|       |S|             |   (if payload len==126/127)   |
//! | |1|2|3|       |K|             |                               |
//! +-+-+-+-+-------+-+-------------+ - - - - - - - - - - - - - - - +
//! |     Extended payload length continued, if payload len == 127  |
//! + - - - - - - - - - - - - - - - +-------------------------------+
//! |                               |Masking-key, if MASK set to 1  |
//! +-------------------------------+-------------------------------+
//! | Masking-key (continued)       |          Payload Data         |
//! +-------------------------------- - - - - - - - - - - - - - - - +
//! ```
//!
//! This layer knows bits. Which frame may come when, and masked by whom, is known to
//! [`Connection`](crate::Connection); a harness that wants to send what no correct endpoint may
//! send builds headers here, in any [`LengthForm`].

use crate::slice::front;
use crate::{MaskingKey, Opcode, ProtocolError};

/// Describes one frame: everything in front of its payload, 2 to 14 bytes on the wire.
///
/// ```
/// use wirelet::{Header, Opcode};
///
/// // §5.7: 256 bytes binary message in a single unmasked frame.
/// let header = Header {
///     fin: true,
///     rsv: 0,
///     opcode: Opcode::Binary,
///     masking_key: None,
///     payload_len: 256,
/// };
/// let mut space = [0; Header::MAX_LEN];
/// let bytes = header.encode(&mut space);
/// assert_eq!(bytes, [0x82, 0x7e, 0x01, 0x00]);
/// assert_eq!(Header::decode(bytes), Ok(Some((header, 4))));
/// assert_eq!(Header::decode(&bytes[..3]), Ok(None)); // not enough yet
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Header {
    /// This frame is the last of its message.
    pub fin: bool,
    /// The three reserved bits, the first being [`RSV1`](Self::RSV1); 0 unless an extension says otherwise.
    pub rsv: u8,
    /// What the payload means.
    pub opcode: Opcode,
    /// The key of a frame from a client; `None` from a server.
    pub masking_key: Option<MaskingKey>,
    /// The length of the payload in bytes; by §5.2 less than 2^63.
    pub payload_len: u64,
}

/// Names the three forms in which a header can hold the length of its payload.
///
/// ```
/// use wirelet::LengthForm;
///
/// assert_eq!(LengthForm::minimal(125), LengthForm::Bits7);
/// assert_eq!(LengthForm::minimal(126), LengthForm::Bits16);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum LengthForm {
    /// In the second byte: at most 125.
    Bits7,
    /// In two bytes more: at most 65,535.
    Bits16,
    /// In eight bytes more.
    Bits64,
}

impl LengthForm {
    /// Returns the shortest form for a length, the only one that §5.2 allows.
    #[must_use]
    pub const fn minimal(payload_len: u64) -> Self {
        match payload_len {
            0..=125 => Self::Bits7,
            126..=0xffff => Self::Bits16,
            _ => Self::Bits64,
        }
    }
}

impl Header {
    /// The longest header in bytes: 2, an 8-byte length and a 4-byte key.
    pub const MAX_LEN: usize = 14;

    /// The first of the reserved bits; "Per-Message Compressed" where that is agreed on (RFC 7692 §6).
    pub const RSV1: u8 = 0b100;

    /// Reads a header from the beginning of `input`.
    ///
    /// Returns the header and its length in bytes, or `None` while `input` ends before the header
    /// does.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::NonMinimalLength`] and [`ProtocolError::LengthTooLarge`].
    pub fn decode(input: &[u8]) -> Result<Option<(Self, usize)>, ProtocolError> {
        Self::decode_by::<true>(input)
    }

    /// Reads a header whatever its length and the form of it, as a harness wants that listens to
    /// what no correct endpoint may send.
    ///
    /// Returns the header and its length in bytes, which tells the form: without a masking key 2, 4
    /// or 10, with one 6, 8 or 14. Returns `None` while `input` ends before the header does.
    ///
    /// ```
    /// use wirelet::{Header, ProtocolError};
    ///
    /// let bytes = [0x82, 0x7e, 0x00, 0x05]; // 5 in 16 bits
    /// let (header, len) = Header::decode_any(&bytes).ok_or("cut")?;
    /// assert_eq!((header.payload_len, len), (5, 4));
    /// assert_eq!(Header::decode(&bytes), Err(ProtocolError::NonMinimalLength));
    /// # Ok::<(), &str>(())
    /// ```
    #[must_use]
    pub fn decode_any(input: &[u8]) -> Option<(Self, usize)> {
        // The only errors are the rules'.
        Self::decode_by::<false>(input).unwrap_or(None)
    }

    /// Reads a header, `STRICT` or whatever its length and the form of it. A bad length is refused
    /// as soon as it has come, be there a masking key behind it or not.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "two functions, of which firmware has one")]
    fn decode_by<const STRICT: bool>(input: &[u8]) -> Result<Option<(Self, usize)>, ProtocolError> {
        let [first, second, rest @ ..] = input else { return Ok(None) };
        let (len_of_len, min_len) = match second & 0x7f {
            LEN_16 => (2, 126),
            LEN_64 => (8, 0x1_0000),
            _ => (0, 0),
        };
        let Some((len, rest)) = rest.split_at_checked(len_of_len) else { return Ok(None) };
        let payload_len = match len {
            [] => u64::from(second & 0x7f),
            _ => len.iter().fold(0, |len, byte| len << 8 | u64::from(*byte)),
        };
        // "the minimal number of bytes MUST be used to encode the length"
        if STRICT && payload_len < min_len {
            return Err(ProtocolError::NonMinimalLength);
        }
        // "(the most significant bit MUST be 0)"
        if STRICT && payload_len >> 63 != 0 {
            return Err(ProtocolError::LengthTooLarge);
        }
        let (masking_key, len_of_key) = if second & MASK == 0 {
            (None, 0)
        } else {
            let Some(key) = rest.first_chunk() else { return Ok(None) };
            (Some(MaskingKey::new(*key)), 4)
        };
        let header = Self {
            fin: first & FIN != 0,
            rsv: first >> 4 & 0b111,
            opcode: Opcode::from_bits(*first),
            masking_key,
            payload_len,
        };
        Ok(Some((header, 2 + len_of_len + len_of_key)))
    }

    /// Writes the header into the beginning of `out` and returns that part of it.
    ///
    /// The length takes the fewest bytes it can.
    pub fn encode<'b>(&self, out: &'b mut [u8; Self::MAX_LEN]) -> &'b [u8] {
        let (bytes, len) = self.to_bytes();
        for (out, byte) in out.iter_mut().zip(bytes.as_flattened()) {
            *out = *byte;
        }
        front(out, len)
    }

    /// Writes the header into the beginning of `out`, with its length in a form that may be longer
    /// than §5.2 allows, and returns that part of it; `None` if the length does not fit the form.
    ///
    /// ```
    /// use wirelet::{Header, LengthForm, Opcode};
    ///
    /// let (fin, opcode, payload_len) = (true, Opcode::Binary, 5);
    /// let header = Header { fin, rsv: 0, opcode, masking_key: None, payload_len };
    /// let mut space = [0; Header::MAX_LEN];
    /// let bytes = header.encode_as(LengthForm::Bits16, &mut space);
    /// assert_eq!(bytes, Some(&[0x82, 0x7e, 0x00, 0x05][..]));
    /// ```
    #[must_use]
    pub fn encode_as<'b>(
        &self,
        form: LengthForm,
        out: &'b mut [u8; Self::MAX_LEN],
    ) -> Option<&'b [u8]> {
        let bits_16;
        let bits_64 = self.payload_len.to_be_bytes();
        // A length that has this form by the rules, and what takes its place.
        let (payload_len, bytes) = match form {
            LengthForm::Bits7 if self.payload_len > 125 => return None,
            LengthForm::Bits7 => return Some(self.encode(out)),
            LengthForm::Bits16 => {
                bits_16 = u16::try_from(self.payload_len).ok()?.to_be_bytes();
                (126, &bits_16[..])
            }
            LengthForm::Bits64 => (0x1_0000, &bits_64[..]),
        };
        let len = Self { payload_len, ..*self }.encode(out).len();
        for (out, byte) in out.iter_mut().skip(2).zip(bytes) {
            *out = *byte;
        }
        out.get(..len)
    }

    /// As [`encode`](Self::encode); returns how many of the bytes are the header.
    pub(crate) fn to_bytes(self) -> ([[u8; 8]; 2], usize) {
        // Made in words: to read at once what was written byte by byte, a processor waits.
        let start = |len_bits| {
            let first = u8::from(self.fin) << 7 | (self.rsv & 0b111) << 4 | self.opcode.bits();
            let second = u8::from(self.masking_key.is_some()) << 7 | len_bits;
            u64::from(u16::from_be_bytes([first, second])) << 48
        };
        let key = u64::from(self.masking_key.map_or(0, |key| u32::from_be_bytes(key.to_bytes())));
        let words = match self.payload_len {
            #[expect(clippy::cast_possible_truncation, reason = "at most 125")]
            len @ 0..=125 => [start(len as u8) | key << 16, 0],
            len @ 126..=0xffff => [start(LEN_16) | len << 32 | key, 0],
            len => [start(LEN_64) | len >> 16, len << 48 | key << 16],
        };
        (words.map(u64::to_be_bytes), self.encoded_len())
    }

    /// Returns how many bytes [`encode`](Self::encode) writes: 2 to 14.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        Self::len_of(self.payload_len, self.masking_key.is_some())
    }

    /// The length of the header of a frame with so many bytes of payload.
    pub(crate) const fn len_of(payload_len: u64, is_masked: bool) -> usize {
        let len_of_len = match payload_len {
            0..=125 => 0,
            126..=0xffff => 2,
            _ => 8,
        };
        2 + len_of_len + if is_masked { 4 } else { 0 }
    }
}

const FIN: u8 = 0x80;
const MASK: u8 = 0x80;
/// The value of the length field that says "16 bits follow".
const LEN_16: u8 = 126;
/// The value of the length field that says "64 bits follow".
const LEN_64: u8 = 127;

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Option<MaskingKey> = Some(MaskingKey::new([0x37, 0xfa, 0x21, 0x3d]));

    fn header(opcode: Opcode, masking_key: Option<MaskingKey>, payload_len: u64) -> Header {
        Header { fin: true, rsv: 0, opcode, masking_key, payload_len }
    }

    /// The same bytes both ways, and "not enough yet" at every cut.
    #[track_caller]
    fn both_ways(header: Header, bytes: &[u8]) {
        assert_eq!(header.encode(&mut [0; Header::MAX_LEN]), bytes);
        assert_eq!(header.encoded_len(), bytes.len());
        assert_eq!(Header::decode(bytes), Ok(Some((header, bytes.len()))));
        let with_payload = [bytes, b"payload"].concat();
        assert_eq!(Header::decode(&with_payload), Ok(Some((header, bytes.len()))));
        for cut in 0..bytes.len() {
            assert_eq!(Header::decode(&bytes[..cut]), Ok(None), "cut at {cut}");
        }
        let form = LengthForm::minimal(header.payload_len);
        both_ways_in(form, header, bytes);
    }

    /// The same in a form of length that the rules may forbid.
    #[track_caller]
    fn both_ways_in(form: LengthForm, header: Header, bytes: &[u8]) {
        assert_eq!(header.encode_as(form, &mut [0; Header::MAX_LEN]), Some(bytes));
        assert_eq!(Header::decode_any(bytes), Some((header, bytes.len())));
        let with_payload = [bytes, b"payload"].concat();
        assert_eq!(Header::decode_any(&with_payload), Some((header, bytes.len())));
        for cut in 0..bytes.len() {
            assert_eq!(Header::decode_any(&bytes[..cut]), None, "cut at {cut}");
        }
    }

    #[test]
    fn the_examples_of_section_5_7() {
        both_ways(header(Opcode::Text, None, 5), &[0x81, 0x05]);
        both_ways(header(Opcode::Text, KEY, 5), &[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d]);
        both_ways(Header { fin: false, ..header(Opcode::Text, None, 3) }, &[0x01, 0x03]);
        both_ways(header(Opcode::Continuation, None, 2), &[0x80, 0x02]);
        both_ways(header(Opcode::Ping, None, 5), &[0x89, 0x05]);
        both_ways(header(Opcode::Pong, KEY, 5), &[0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d]);
        both_ways(header(Opcode::Binary, None, 256), &[0x82, 0x7e, 0x01, 0x00]);
        both_ways(header(Opcode::Binary, None, 65_536), &[0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn lengths_at_the_borders_of_their_three_forms() {
        both_ways(header(Opcode::Binary, None, 0), &[0x82, 0x00]);
        both_ways(header(Opcode::Binary, None, 125), &[0x82, 0x7d]);
        both_ways(header(Opcode::Binary, None, 126), &[0x82, 0x7e, 0x00, 0x7e]);
        both_ways(header(Opcode::Binary, None, 65_535), &[0x82, 0x7e, 0xff, 0xff]);
        both_ways(
            header(Opcode::Binary, KEY, (1 << 63) - 1),
            &[0x82, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0x37, 0xfa, 0x21, 0x3d],
        );
    }

    #[test]
    fn reserved_bits_and_opcodes_are_carried() {
        both_ways(Header { rsv: 0b100, ..header(Opcode::Text, None, 1) }, &[0xc1, 0x01]);
        both_ways(Header { rsv: 0b011, ..header(Opcode::ReservedB, None, 1) }, &[0xbb, 0x01]);
    }

    #[test]
    fn a_length_in_more_bytes_than_it_needs_is_refused() {
        for bytes in [
            &[0x82, 0x7e, 0x00, 0x00][..],
            &[0x82, 0x7e, 0x00, 0x7d],
            &[0x82, 0x7f, 0, 0, 0, 0, 0, 0, 0x00, 0x01],
            &[0x82, 0x7f, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
        ] {
            assert_eq!(Header::decode(bytes), Err(ProtocolError::NonMinimalLength), "{bytes:x?}");
        }
    }

    #[test]
    fn a_length_with_its_top_bit_set_is_refused() {
        let bytes = [0x82, 0x7f, 0x80, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(Header::decode(&bytes), Err(ProtocolError::LengthTooLarge));
        let bytes = [0x82, 0xff, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0];
        assert_eq!(Header::decode(&bytes), Err(ProtocolError::LengthTooLarge));
    }

    #[test]
    fn a_harness_writes_and_reads_lengths_in_every_form_that_they_fit() {
        use LengthForm::{Bits16, Bits64};
        let binary = |len| header(Opcode::Binary, None, len);
        both_ways_in(Bits16, binary(0), &[0x82, 0x7e, 0x00, 0x00]);
        both_ways_in(Bits16, binary(125), &[0x82, 0x7e, 0x00, 0x7d]);
        both_ways_in(Bits64, binary(0), &[0x82, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0]);
        both_ways_in(Bits64, binary(125), &[0x82, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0x7d]);
        both_ways_in(Bits64, binary(0xffff), &[0x82, 0x7f, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);
        both_ways_in(
            Bits16,
            header(Opcode::Text, KEY, 5),
            &[0x81, 0xfe, 0x00, 0x05, 0x37, 0xfa, 0x21, 0x3d],
        );
        both_ways_in(
            Bits64,
            header(Opcode::Ping, KEY, 5),
            &[0x89, 0xff, 0, 0, 0, 0, 0, 0, 0, 0x05, 0x37, 0xfa, 0x21, 0x3d],
        );
    }

    #[test]
    fn a_harness_writes_and_reads_lengths_with_their_top_bit_set() {
        both_ways_in(
            LengthForm::Bits64,
            header(Opcode::Binary, None, 1 << 63),
            &[0x82, 0x7f, 0x80, 0, 0, 0, 0, 0, 0, 0],
        );
        both_ways_in(
            LengthForm::Bits64,
            header(Opcode::Binary, KEY, u64::MAX),
            &[0x82, 0xff, 255, 255, 255, 255, 255, 255, 255, 255, 0x37, 0xfa, 0x21, 0x3d],
        );
    }

    #[test]
    fn a_length_that_does_not_fit_a_form_is_not_written_in_it() {
        use LengthForm::{Bits7, Bits16};
        for (form, len) in [(Bits7, 126), (Bits7, 127), (Bits16, 0x1_0000), (Bits16, u64::MAX)] {
            let header = header(Opcode::Binary, None, len);
            assert_eq!(header.encode_as(form, &mut [0; Header::MAX_LEN]), None, "{form:?} {len}");
        }
    }

    #[test]
    fn a_bad_length_is_refused_before_the_masking_key_has_come() {
        assert_eq!(Header::decode(&[0x82, 0xfe, 0, 5]), Err(ProtocolError::NonMinimalLength));
        let bytes = [0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(Header::decode(&bytes), Err(ProtocolError::LengthTooLarge));
    }

    #[test]
    fn a_header_shows_whether_it_has_a_key_and_not_which() {
        let shown = format!("{:?}", header(Opcode::Text, KEY, 5));
        let expected = "Header { fin: true, rsv: 0, opcode: Text, \
            masking_key: Some(MaskingKey(..)), payload_len: 5 }";
        assert_eq!(shown, expected);
        assert!(format!("{:?}", header(Opcode::Text, None, 5)).contains("masking_key: None"));
    }
}
