//! Huffman codes in little memory (RFC 1951 §3.2.2): short ones are looked up, long ones are counted.

use super::Malformed;
use super::bits::Bits;

/// A code for up to `SYMBOLS` symbols, of which short ones are looked up in a table of `TABLE` entries, a power
/// of two.
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
    pub(super) const EMPTY: Self =
        Self { counts: [0; MAX_LEN + 1], symbols: [0; SYMBOLS], table: [0; TABLE] };

    /// Makes the code in which each symbol has the length that stands at its place, 0 for none.
    ///
    /// # Errors
    ///
    /// There are more codes than bits allow, or fewer: but a code of one symbol with one bit, or
    /// of none, may be what `may_be_short` says.
    pub(super) fn set(&mut self, lengths: &[u8], may_be_short: bool) -> Result<(), Malformed> {
        let Self { counts, symbols, table } = self;
        set(counts, symbols, table, lengths, may_be_short)
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
        if len == 0 {
            return next_long(&self.counts, &self.symbols, bits);
        }
        if len > bits.len() {
            return Ok(None);
        }
        bits.drop(len);
        Ok(Some(entry >> 4))
    }
}

/// [`Code::set`], once for all codes.
#[inline(never)]
fn set(
    counts: &mut [u16; MAX_LEN + 1],
    symbols: &mut [u16],
    table: &mut [u16],
    lengths: &[u8],
    may_be_short: bool,
) -> Result<(), Malformed> {
    *counts = [0; MAX_LEN + 1];
    for len in lengths {
        if let Some(count) = counts.get_mut(usize::from(*len)) {
            *count += 1;
        }
    }
    let n_unused = core::mem::take(&mut counts[0]);
    let mut left = 1_i32;
    // Where the symbols of each length begin, and the first code of each length.
    let mut next = [(0_u16, 0_u16); MAX_LEN + 1];
    let (mut at, mut code) = (0_u16, 0_u16);
    for (count, next) in counts.iter().zip(&mut next).skip(1) {
        left = left * 2 - i32::from(*count);
        if left < 0 {
            return Err(Malformed);
        }
        code = code.wrapping_mul(2);
        *next = (at, code);
        (at, code) = (at.wrapping_add(*count), code.wrapping_add(*count));
    }
    let n_used = lengths.len() - usize::from(n_unused);
    let is_single = n_used == 1 && counts[1] == 1;
    if left > 0 && !(may_be_short && (n_used == 0 || is_single)) {
        return Err(Malformed);
    }
    table.fill(0);
    for (symbol, len) in (0_u16..).zip(lengths) {
        let Some((at, code)) = next.get_mut(usize::from(*len)).filter(|_| *len > 0) else {
            continue;
        };
        if let Some(place) = symbols.get_mut(usize::from(*at)) {
            *place = symbol;
        }
        // In the stream a code comes with its highest bit first. It is entered wherever the next bits may
        // begin with it; not at all, if it is longer than they are.
        let step = 1 << (len & 15);
        let mut i = usize::from(code.reverse_bits() >> (16 - (len & 15)));
        while step <= table.len()
            && let Some(entry) = table.get_mut(i)
        {
            *entry = symbol << 4 | u16::from(*len);
            i += step;
        }
        (*at, *code) = (*at + 1, code.wrapping_add(1));
    }
    Ok(())
}

/// [`Code::next`] for codes that are not in the table.
#[inline(never)] // into the way of the short ones
fn next_long(
    counts: &[u16; MAX_LEN + 1],
    symbols: &[u16],
    bits: &mut Bits,
) -> Result<Option<u16>, Malformed> {
    let (mut rest, mut code, mut first, mut index) = (bits.peek(), 0_u16, 0_u16, 0_u16);
    for (len, count) in (1..).zip(counts.iter().skip(1)) {
        if len > bits.len() {
            return Ok(None);
        }
        code |= (rest & 1) as u16;
        rest >>= 1;
        let over = code.wrapping_sub(first);
        if code >= first && over < *count {
            bits.drop(len);
            let symbol = symbols.get(usize::from(index.wrapping_add(over)));
            return symbol.copied().map(Some).ok_or(Malformed);
        }
        index = index.wrapping_add(*count);
        first = first.wrapping_add(*count).wrapping_mul(2);
        code = code.wrapping_mul(2);
    }
    Err(Malformed)
}
