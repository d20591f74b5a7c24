//! Parts of slices that must fit: asserted in debug builds, total in release builds, which therefore
//! have no panic.

/// Returns the first `len` bytes.
pub(crate) const fn front(bytes: &[u8], len: usize) -> &[u8] {
    match bytes.split_at_checked(len) {
        Some((front, _)) => front,
        None => {
            debug_assert!(false, "there are fewer bytes than were counted");
            &[]
        }
    }
}

/// Returns all but the first `len` bytes.
pub(crate) const fn behind(bytes: &[u8], len: usize) -> &[u8] {
    match bytes.split_at_checked(len) {
        Some((_, behind)) => behind,
        None => {
            debug_assert!(false, "there are fewer bytes than were counted");
            &[]
        }
    }
}

/// As [`front`], to be written to.
pub(crate) const fn front_mut(bytes: &mut [u8], len: usize) -> &mut [u8] {
    match bytes.split_at_mut_checked(len) {
        Some((front, _)) => front,
        None => {
            debug_assert!(false, "there are fewer bytes than were counted");
            &mut []
        }
    }
}

/// As [`behind`], to be written to.
pub(crate) const fn behind_mut(bytes: &mut [u8], len: usize) -> &mut [u8] {
    match bytes.split_at_mut_checked(len) {
        Some((_, behind)) => behind,
        None => {
            debug_assert!(false, "there are fewer bytes than were counted");
            &mut []
        }
    }
}

/// Copies as much of `from` as `to` has space for; returns how much that is.
pub(crate) fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let len = from.len().min(to.len());
    for (slot, byte) in to.iter_mut().zip(from) {
        *slot = *byte;
    }
    len
}

/// Narrows a number that was checked to fit a byte.
pub(crate) fn to_u8(n: usize) -> u8 {
    u8::try_from(n).unwrap_or_else(|_| {
        debug_assert!(false, "{n} does not fit a byte");
        u8::MAX
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_those_that_were_asked_for() {
        let mut bytes = *b"abc";
        assert_eq!((front(&bytes, 2), behind(&bytes, 2)), (&b"ab"[..], &b"c"[..]));
        assert_eq!((front(&bytes, 3), behind(&bytes, 3)), (&b"abc"[..], &b""[..]));
        front_mut(&mut bytes, 1)[0] = b'x';
        behind_mut(&mut bytes, 2)[0] = b'z';
        assert_eq!(&bytes, b"xbz");
    }

    #[test]
    #[should_panic(expected = "fewer bytes")]
    #[cfg(debug_assertions)]
    fn a_part_that_does_not_fit_is_noticed_in_debug_builds() {
        let _ = front(b"abc", 4);
    }

    #[test]
    fn a_copy_ends_with_the_shorter_of_the_two() {
        let mut to = [0; 3];
        assert_eq!(copy(b"ab", &mut to), 2);
        assert_eq!(copy(b"wxyz", &mut to), 3);
        assert_eq!(&to, b"wxy");
    }
}
