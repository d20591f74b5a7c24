//! Deflating (RFC 1951) with fixed codes, in little memory, resumable at every byte that comes out.

/// Deflates the payload of messages, each by itself (`no_context_takeover`).
///
/// What it refers to lies in the message; to find it again, it has a table of positions: 512 of them,
/// 1 KB, find most of what there is in messages of some thousand bytes.
///
/// ```
/// use wirelet::deflate::Deflater;
///
/// let (mut table, mut out) = ([0; 64], [0; 64]);
/// let mut deflater = Deflater::new(&mut table);
/// let message = b"so it goes, so it goes, so it goes";
/// let (at, n) = deflater.deflate(message, 0, &mut out);
/// assert_eq!(at, message.len());
/// let len = n + deflater.end(&mut out[n..]).expect("there is space for the end");
/// assert_eq!(len, 16); // of 34
/// ```
#[derive(Debug)]
pub struct Deflater<'t> {
    /// By a hash of three bytes, where they were last, modulo 2^16.
    table: &'t mut [u16],
    /// The farthest that may be referred to.
    reach: u16,
    /// What has not come out, the first bits lowest, and how many that are: less than 8 between two calls.
    bits: u64,
    n_bits: u32,
    has_begun: bool,
}

impl<'t> Deflater<'t> {
    /// Uses this table; with an empty one nothing is found.
    #[must_use]
    pub const fn new(table: &'t mut [u16]) -> Self {
        Self { table, reach: 1 << 15, bits: 0, n_bits: 0, has_begun: false }
    }

    /// Refers to no more than `2^bits` bytes before, of 8 to 15 (RFC 7692 §7.1.2.1); others are taken
    /// as the nearest of these.
    #[must_use]
    pub fn with_window_bits(self, bits: u8) -> Self {
        Self { reach: 1 << bits.clamp(8, 15), ..self }
    }

    /// Deflates a message from `at` on, as far as there is space in `out`; returns how far it came, and
    /// how many bytes it wrote.
    ///
    /// It always comes farther where `out` has 8 bytes or more.
    pub fn deflate(&mut self, message: &[u8], mut at: usize, out: &mut [u8]) -> (usize, usize) {
        if !self.has_begun {
            self.table.fill(0);
            self.has_begun = true;
            self.put(FIXED_BLOCK, 3);
        }
        let mut n = 0;
        // No symbol, with what is left of the last, is longer.
        while let Some(literal) = message.get(at)
            && out.len() - n >= 8
        {
            let len = match self.find(message, at) {
                Some((len, distance)) => {
                    self.put_match(len, distance);
                    len
                }
                None => {
                    self.put_literal(*literal);
                    1
                }
            };
            for i in at + 1..at + len {
                self.note(message, i);
            }
            at += len;
            n += self.write(out.get_mut(n..).unwrap_or_default());
        }
        (at, n)
    }

    /// Ends a message, without the four bytes that RFC 7692 §7.2.1 removes; returns how many bytes it
    /// wrote, or `None` if `out` has less space than 4 bytes. The next message begins anew.
    pub fn end(&mut self, out: &mut [u8]) -> Option<usize> {
        if out.len() < 4 {
            return None;
        }
        if self.has_begun {
            self.put(0, 7); // the end of the block
        }
        self.put(0, 3); // an empty one that is stored
        self.n_bits = self.n_bits.next_multiple_of(8);
        self.has_begun = false;
        Some(self.write(out))
    }

    /// Forgets a message that has begun.
    pub fn reset(&mut self) {
        (self.bits, self.n_bits, self.has_begun) = (0, 0, false);
    }

    /// Notes where three bytes are; returns where they were before.
    fn note(&mut self, message: &[u8], at: usize) -> Option<u16> {
        let [first, second, third] = *message.get(at..)?.first_chunk()?;
        let key = u32::from_le_bytes([first, second, third, 0]).wrapping_mul(0x9e37_79b1);
        let n = u32::try_from(self.table.len()).unwrap_or(u32::MAX);
        let i = (u64::from(key) * u64::from(n)) >> 32;
        let entry = self.table.get_mut(usize::try_from(i).unwrap_or_default())?;
        Some(core::mem::replace(entry, at as u16))
    }

    /// Finds bytes that were there before; returns how many there are, and how far behind.
    fn find(&mut self, message: &[u8], at: usize) -> Option<(usize, u16)> {
        let distance = (at as u16).wrapping_sub(self.note(message, at)?);
        if distance == 0 || distance > self.reach {
            return None;
        }
        let from = message.get(at.checked_sub(distance.into())?..)?;
        let pairs = from.iter().zip(message.get(at..)?).take(MAX_MATCH);
        let len = pairs.take_while(|(one, other)| one == other).count();
        // Three from far away are no shorter than as literals.
        let least = if distance > 1 << 12 { 4 } else { 3 };
        (len >= least).then_some((len, distance))
    }

    fn put_literal(&mut self, literal: u8) {
        let literal = u16::from(literal);
        // RFC 1951 §3.2.6.
        if literal < 144 {
            self.put_code(0x30 + literal, 8);
        } else {
            self.put_code(0x100 + literal, 9);
        }
    }

    fn put_match(&mut self, len: usize, distance: u16) {
        let len = (len - 3) as u16;
        let (symbol, n) = match len {
            0..8 => (len, 0),
            255.. => (28, 0),
            _ => {
                let n = len.ilog2() - 2;
                (4 * n as u16 + (len >> n), n)
            }
        };
        match symbol + 1 {
            // 257 to 279 have 7 bits, the others 8.
            code @ ..24 => self.put_code(code, 7),
            code => self.put_code(0xc0 + code - 24, 8),
        }
        self.put(len & !(u16::MAX << n), n);
        let distance = distance - 1;
        let (symbol, n) = match distance {
            0..4 => (distance, 0),
            _ => {
                let n = distance.ilog2() - 1;
                (2 * n as u16 + (distance >> n), n)
            }
        };
        self.put_code(symbol, 5);
        self.put(distance & !(u16::MAX << n), n);
    }

    /// Puts a code, whose highest bit comes first.
    fn put_code(&mut self, code: u16, n: u32) {
        self.put(code.reverse_bits() >> (16 - n), n);
    }

    fn put(&mut self, bits: u16, n: u32) {
        self.bits |= u64::from(bits) << self.n_bits;
        self.n_bits += n;
    }

    /// Writes the bytes that are whole.
    fn write(&mut self, out: &mut [u8]) -> usize {
        let n = self.n_bits / 8;
        let n = crate::slice::copy(crate::slice::front(&self.bits.to_le_bytes(), n as usize), out);
        self.bits = self.bits.checked_shr(8 * n as u32).unwrap_or_default();
        self.n_bits -= 8 * n as u32;
        n
    }
}

/// The head of a block that is not the last.
const FIXED_BLOCK: u16 = 0b010;

/// RFC 1951 §3.2.5.
const MAX_MATCH: usize = 258;
