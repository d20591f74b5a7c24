//! Huffman codes in little memory (RFC 1951 §3.2.2): short ones are looked up, long ones are counted.

use super::Malformed;
use super::bits::Bits;

/// A code for up to `SYMBOLS` symbols, of which those of up to `FAST` bits are looked up in a table of `TABLE`
/// (which is 2 to the power of `FAST`) entries.
#[derive(Clone, Debug)]
pub(super) struct Code<const SYMBOLS: usize, const TABLE: usize> {
    /// How many symbols have codes of each length.
    counts: [u16; MAX_LEN + 1],
    /// The symbols in the order of their codes.
    symbols: [u16; SYMBOLS],
    /// By the next bits: a symbol and, in the low four bits, the length of its code, or 0.
    table: [u16; TABLE],
}

/// The longest code, in bits.
pub(super) const MAX_LEN: usize = 15;

impl<const SYMBOLS: usize, const TABLE: usize> Code<SYMBOLS, TABLE> {
    const FAST: u32 = TABLE.ilog2();

    pub(super) const EMPTY: Self =
        Self { counts: [0; MAX_LEN + 1], symbols: [0; SYMBOLS], table: [0; TABLE] };

    /// Makes the code in which each symbol has the length that stands at its place, 0 for none.
    ///
    /// # Errors
    ///
    /// There are more codes than bits allow, or fewer: but a code of one symbol with one bit, or
    /// of none, may be what `may_be_short` says.
    pub(super) fn set(&mut self, lengths: &[u8], may_be_short: bool) -> Result<(), Malformed> {
        self.counts = [0; MAX_LEN + 1];
        for len in lengths {
            if let Some(count) = self.counts.get_mut(usize::from(*len)) {
                *count += 1;
            }
        }
        let n_unused = core::mem::take(&mut self.counts[0]);
        let mut left = 1_i32;
        // Where the symbols of each length begin, and the first code of each length.
        let (mut at, mut code) = ([0_u16; MAX_LEN + 1], [0_u16; MAX_LEN + 1]);
        let (mut next_at, mut next_code) = (0_u16, 0_u16);
        for ((count, at), code) in self.counts.iter().zip(&mut at).zip(&mut code).skip(1) {
            left = left * 2 - i32::from(*count);
            if left < 0 {
                return Err(Malformed);
            }
            next_code = next_code.wrapping_mul(2);
            (*at, *code) = (next_at, next_code);
            next_at = next_at.wrapping_add(*count);
            next_code = next_code.wrapping_add(*count);
        }
        let n_used = lengths.len() - usize::from(n_unused);
        let is_single = n_used == 1 && self.counts[1] == 1;
        if left > 0 && !(may_be_short && (n_used == 0 || is_single)) {
            return Err(Malformed);
        }
        self.table = [0; TABLE];
        for (symbol, len) in (0_u16..).zip(lengths) {
            let i = usize::from(*len);
            let (Some(at), Some(code)) = (at.get_mut(i), code.get_mut(i)) else { continue };
            if i == 0 {
                continue;
            }
            if let Some(place) = self.symbols.get_mut(usize::from(*at)) {
                *place = symbol;
            }
            self.put(symbol, *len, *code);
            *at += 1;
            *code = code.wrapping_add(1);
        }
        Ok(())
    }

    /// Enters a short code wherever the next bits may begin with it.
    fn put(&mut self, symbol: u16, len: u8, code: u16) {
        if u32::from(len) > Self::FAST {
            return;
        }
        // In the stream a code comes with its highest bit first.
        let first = code.reverse_bits().checked_shr(16 - u32::from(len)).unwrap_or_default();
        for entry in self.table.iter_mut().skip(first.into()).step_by(1 << (len & 15)) {
            *entry = symbol << 4 | u16::from(len);
        }
    }

    /// Takes the next symbol, if all its bits have come.
    ///
    /// # Errors
    ///
    /// The bits are no code.
    pub(super) fn next(&self, bits: &mut Bits) -> Result<Option<u16>, Malformed> {
        let next = bits.peek();
        let entry = self.table.get(next as usize & (TABLE - 1)).copied().unwrap_or_default();
        let len = u32::from(entry & 15);
        if len > 0 {
            if len > bits.len() {
                return Ok(None);
            }
            bits.drop(len);
            return Ok(Some(entry >> 4));
        }
        self.next_long(bits)
    }

    /// As [`next`](Self::next), for codes that are not in the table.
    #[inline(never)] // into the way of the short ones
    fn next_long(&self, bits: &mut Bits) -> Result<Option<u16>, Malformed> {
        let (mut rest, mut code, mut first, mut index) = (bits.peek(), 0_u16, 0_u16, 0_u16);
        for (len, count) in (1..).zip(self.counts.iter().skip(1)) {
            if len > bits.len() {
                return Ok(None);
            }
            code |= (rest & 1) as u16;
            rest >>= 1;
            let over = code.wrapping_sub(first);
            if code >= first && over < *count {
                bits.drop(len);
                let symbol = self.symbols.get(usize::from(index.wrapping_add(over)));
                return symbol.copied().map(Some).ok_or(Malformed);
            }
            index = index.wrapping_add(*count);
            first = first.wrapping_add(*count).wrapping_mul(2);
            code = code.wrapping_mul(2);
        }
        Err(Malformed)
    }
}
