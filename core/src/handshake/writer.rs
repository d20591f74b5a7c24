//! Writing a head into a buffer of the caller.

use super::BuildError;

/// Appends to a buffer; remembers if something did not fit.
pub(super) struct Writer<'b> {
    out: &'b mut [u8],
    len: usize,
    overflow: bool,
}

impl<'b> Writer<'b> {
    pub(super) const fn new(out: &'b mut [u8]) -> Self {
        Self { out, len: 0, overflow: false }
    }

    pub(super) fn put(&mut self, bytes: &[u8]) {
        let end = self.len.saturating_add(bytes.len());
        match self.out.get_mut(self.len..end) {
            Some(slot) => {
                for (to, from) in slot.iter_mut().zip(bytes) {
                    *to = *from;
                }
                self.len = end;
            }
            None => self.overflow = true,
        }
    }

    /// Writes `name: value` and ends the line.
    pub(super) fn field(&mut self, name: &str, value: &[u8]) {
        self.put(name.as_bytes());
        self.put(b": ");
        self.put(value);
        self.put(b"\r\n");
    }

    /// Writes a decimal number.
    pub(super) fn number(&mut self, n: usize) {
        let mut digits = [0; 20];
        let mut rest = n;
        let mut used = 0;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
            used += 1;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.put(digits.get(digits.len() - used..).unwrap_or_default());
    }

    /// Returns how many bytes were written.
    pub(super) fn finish(self) -> Result<usize, BuildError> {
        if self.overflow { Err(BuildError::OutOfSpace) } else { Ok(self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_decimal() {
        for n in [0, 7, 10, 426, 65_535, usize::MAX] {
            let mut out = [0; 20];
            let mut writer = Writer::new(&mut out);
            writer.number(n);
            let len = writer.finish().unwrap();
            assert_eq!(out[..len], *n.to_string().as_bytes());
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let mut out = [0; 3];
        let mut writer = Writer::new(&mut out);
        writer.put(b"abcd");
        assert_eq!(writer.finish(), Err(BuildError::OutOfSpace));
    }
}
