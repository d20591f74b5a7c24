//! UTF-8 is what RFC 3629 says: each number in the shortest form, and no surrogates.

use wirelet::Utf8Validator;

pub(crate) fn every_code_point_of_up_to_three_bytes_is_judged_by_rfc_3629() {
    (0..0x80).for_each(|number| check(number, 1));
    (0..0x800).for_each(|number| check(number, 2));
    (0..0x1_0000).for_each(|number| check(number, 3));
}

pub(crate) fn code_points_of_four_bytes_are_judged_by_rfc_3629() {
    // A prime number, so that all last bytes come up, and every byte in front of them.
    (0..0x20_0000).step_by(13).for_each(|number| check(number, 4));
    for border in [0x1_0000, 0x11_0000] {
        (border - 64..border + 64).for_each(|number| check(number, 4));
    }
}

pub(crate) fn no_code_point_begins_or_ends_where_it_must_not() {
    for byte in 0x80..=0xbf {
        assert!(Utf8Validator::new().push(&[byte]).is_err(), "{byte:#x} begins nothing");
    }
    for byte in 0xf8..=0xff {
        assert!(Utf8Validator::new().push(&[byte]).is_err(), "{byte:#x} is never used");
    }
    for text in ["é", "漢", "😀"] {
        let bytes = text.as_bytes();
        for len in 1..bytes.len() {
            let mut validator = Utf8Validator::new();
            assert!(validator.push(&bytes[..len]).is_ok());
            assert!(!validator.is_complete());
            assert!(validator.push(b"a").is_err(), "{len} bytes of {text}, and then another");
        }
    }
}

/// Checks `number` in a form of `len` bytes, whole and byte by byte.
fn check(number: u32, len: usize) {
    let is_valid = char::from_u32(number).map(char::len_utf8) == Some(len);
    let mut bytes = [0; 4];
    let mut rest = number;
    for byte in bytes[1..len].iter_mut().rev() {
        *byte = 0x80 | (rest & 0x3f) as u8;
        rest >>= 6;
    }
    bytes[0] = [0, 0x00, 0xc0, 0xe0, 0xf0][len] | u8::try_from(rest).expect("the form has room");
    let bytes = &bytes[..len];

    let mut whole = Utf8Validator::new();
    let accepts_whole = whole.push(bytes).is_ok() && whole.is_complete();
    assert_eq!(accepts_whole, is_valid, "{bytes:x?}");

    let mut cut = Utf8Validator::new();
    let accepts_cut = bytes.iter().all(|byte| cut.push(&[*byte]).is_ok()) && cut.is_complete();
    assert_eq!(accepts_cut, is_valid, "{bytes:x?}, byte by byte");
}
