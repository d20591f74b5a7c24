//! The host that a request is for (RFC 9110 §7.2).

use super::fields::{ALPHANUMERIC, Set, split_at};

/// Tells whether this is `uri-host [ ":" port ]`, as a `Host` field and the authority of an http URI
/// have it.
///
/// Userinfo is none (RFC 9110 §4.2.4), and no comma is let in, which a name may have by the grammar
/// alone: with it, two fields that were joined on the way would be one host. What an address stands
/// for is not looked at; its zone is let in, which some clients send.
pub(super) fn is_host(value: &[u8]) -> bool {
    split_host(value).is_some()
}

/// Splits a valid host into name, or address without brackets, and port, empty if there is none.
pub(super) fn split_host(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let (is_valid, name, port) = match value {
        [b'[', literal @ ..] => {
            let (address, rest) = split_at(literal, b']');
            let port = match rest? {
                [b':', port @ ..] => port,
                [] => &[],
                _ => return None,
            };
            (is_ipv6_address(address), address, port)
        }
        _ => {
            let (name, port) = split_at(value, b':');
            (is_name(name), name, port.unwrap_or_default())
        }
    };
    (is_valid && port.iter().all(u8::is_ascii_digit)).then_some((name, port))
}

/// RFC 3986 §3.2.2: `reg-name`, which an IPv4 address is too, and not empty (RFC 9110 §4.2.1).
fn is_name(name: &[u8]) -> bool {
    // How many digits a percent sign still wants.
    let mut n_digits = 0_u8;
    let is_valid = name.iter().all(|byte| {
        if n_digits > 0 {
            n_digits -= 1;
            return byte.is_ascii_hexdigit();
        }
        if *byte == b'%' {
            n_digits = 2;
        }
        NAME_BYTES.has(*byte)
    });
    is_valid && n_digits == 0 && !name.is_empty()
}

/// An address with colons, and maybe a zone.
fn is_ipv6_address(address: &[u8]) -> bool {
    let (address, zone) = split_at(address, b'%');
    let has_colon = split_at(address, b':').1.is_some();
    has_colon && address.iter().all(|byte| ADDRESS_BYTES.has(*byte)) && zone.is_none_or(is_name)
}

/// `unreserved`, `sub-delims` but for the comma, and the percent sign.
const NAME_BYTES: Set = Set::of(&[ALPHANUMERIC, b"-._~!$&'()*+;=%"]);

const ADDRESS_BYTES: Set = Set::of(&[b"0123456789ABCDEFabcdef:."]);
