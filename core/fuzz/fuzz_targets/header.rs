//! Headers there and back (§5.2), and at every cut.
//!
//! The input is taken twice: as the bytes of a header, and as the fields of one.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wirelet::{Header, LengthForm, MaskingKey, Opcode, ProtocolError};

fuzz_target!(|data: &[u8]| {
    decode(data);
    decode_any(data);
    encode(data);
});

/// What decodes encodes to the same bytes, and no prefix knows better than the whole.
fn decode(bytes: &[u8]) {
    let whole = Header::decode(bytes);
    for cut in 0..bytes.len().min(2 * Header::MAX_LEN) {
        match (Header::decode(&bytes[..cut]), whole) {
            (Ok(None), _) => {}
            (prefix, whole) => assert_eq!(prefix, whole, "cut at {cut}"),
        }
    }
    match whole {
        Ok(None) => assert!(bytes.len() < Header::MAX_LEN, "the longest header is not enough"),
        Err(error) => assert!(
            matches!(error, ProtocolError::NonMinimalLength | ProtocolError::LengthTooLarge),
            "{error:?} is nothing that a header alone can tell"
        ),
        Ok(Some((header, len))) => {
            assert_eq!(header.encoded_len(), len);
            assert_eq!(header.encode(&mut [0xaa; Header::MAX_LEN]), &bytes[..len]);
            // Not one byte of the header was superfluous.
            assert_eq!(Header::decode(&bytes[..len - 1]), Ok(None));
            assert_eq!(header.masking_key.is_some(), bytes[1] & 0x80 != 0);
            assert!(header.payload_len < 1 << 63 && header.rsv <= 0b111);
        }
    }
}

/// What decodes without the rules encodes to the same bytes in its form, and is what decodes with the
/// rules, if that does.
fn decode_any(bytes: &[u8]) {
    let whole = Header::decode_any(bytes);
    if let Ok(strict) = Header::decode(bytes) {
        assert_eq!(strict, whole);
    }
    let Some((header, len)) = whole else {
        assert!(bytes.len() < Header::MAX_LEN, "the longest header is not enough");
        return;
    };
    let form = match bytes[1] & 0x7f {
        126 => LengthForm::Bits16,
        127 => LengthForm::Bits64,
        _ => LengthForm::Bits7,
    };
    assert_eq!(header.encode_as(form, &mut [0xaa; Header::MAX_LEN]), Some(&bytes[..len]));
    assert_eq!(Header::decode_any(&bytes[..len - 1]), None);
    let is_minimal = form == LengthForm::minimal(header.payload_len);
    let is_valid = is_minimal && header.payload_len < 1 << 63;
    assert_eq!(Header::decode(bytes).is_ok(), is_valid);
}

/// What encodes decodes to the same header.
fn encode(fields: &[u8]) {
    let Some((&[first, second, k0, k1, k2, k3, shift], rest)) = fields.split_first_chunk() else {
        return;
    };
    let Some(len) = rest.first_chunk() else { return };
    let header = Header {
        fin: first & 0x80 != 0,
        rsv: first >> 4 & 0b111,
        opcode: Opcode::from_bits(first),
        masking_key: (second & 0x80 != 0).then_some(MaskingKey::new([k0, k1, k2, k3])),
        // Shifted, so that all three forms of the length are as likely.
        payload_len: u64::from_be_bytes(*len) >> (shift % 64),
    };
    let mut space = [0xaa; Header::MAX_LEN];
    let bytes = header.encode(&mut space);
    assert_eq!(bytes.len(), header.encoded_len());
    let decoded = if header.payload_len < 1 << 63 {
        Ok(Some((header, bytes.len())))
    } else {
        Err(ProtocolError::LengthTooLarge)
    };
    assert_eq!(Header::decode(bytes), decoded);
}
