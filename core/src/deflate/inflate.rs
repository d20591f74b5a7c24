//! Inflating (RFC 1951), resumable at every bit, in the memory that the caller has for what comes out.

use super::bits::Bits;
use super::huffman::Code;
use super::{Malformed, Window};

/// Inflates the payload of messages.
///
/// It holds the codes of a block and where in it the input has ended, [1.6 KB](Self) in all; what came
/// out lies in a [`Window`], to which later bytes refer.
///
/// ```
/// use wirelet::deflate::{Inflater, Window};
///
/// let mut inflater = Inflater::new();
/// let (mut memory, mut input) = ([0; 32], &b"\xf2\x48\xcd\xc9\xc9\x07\x00"[..]); // RFC 7692 §7.2.3.1
/// let mut window = Window::whole(&mut memory);
/// inflater.inflate(&mut input, &mut window)?;
/// inflater.end(&mut window)?;
/// assert_eq!(window.fresh(), b"Hello");
/// # Ok::<(), wirelet::deflate::Malformed>(())
/// ```
#[derive(Clone, Debug)]
pub struct Inflater {
    bits: Bits,
    state: State,
    /// The block is the last of its stream, behind which another may begin (RFC 7692 §7.2.3.4).
    is_final: bool,
    literals: Code<288, 256>,
    distances: Code<32, 32>,
    /// While a block with its own codes begins, the lengths of those.
    lengths: [u8; MAX_LENGTHS],
}

/// What comes next.
#[derive(Clone, Copy, Debug)]
enum State {
    /// A block.
    Block,
    /// The length of a stored block.
    StoredLen,
    /// Its complement.
    StoredCheck(u16),
    /// So many bytes as they are.
    Stored(u16),
    /// How many codes of each kind there are.
    Counts,
    /// The length of the code for lengths at this place of their odd order.
    CodeLengths { lens: Lens, at: u8 },
    /// The length at this place.
    Lengths { lens: Lens, at: u16 },
    /// How often a length is repeated, which is told by this symbol.
    Repeat { lens: Lens, at: u16, symbol: u16 },
    /// A literal, or a length.
    Symbol,
    /// The extra bits of the length that this symbol stands for.
    LenExtra(u8),
    /// The distance of a copy of so many bytes.
    Distance(u16),
    /// The extra bits of the distance that this symbol stands for.
    DistanceExtra(u16, u8),
    /// So many bytes again from so far behind.
    Copy { len: u16, distance: u16 },
}

/// How many codes a block has.
#[derive(Clone, Copy, Debug)]
struct Lens {
    literals: u16,
    distances: u8,
    /// For the lengths of the others.
    lengths: u8,
}

/// What a step came to.
enum Flow {
    Goes,
    /// Not without more input.
    Starved,
    /// Not without more space.
    Full,
}

impl Inflater {
    /// Begins before the first message.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            bits: Bits::NONE,
            state: State::Block,
            is_final: false,
            literals: Code::EMPTY,
            distances: Code::EMPTY,
            lengths: [0; MAX_LENGTHS],
        }
    }

    /// Inflates until the input has ended or the window is full; takes from `input` what it has used, and
    /// tells whether the window is full: then there is more.
    ///
    /// # Errors
    ///
    /// [`Malformed`]: this is no deflated data, or it refers to what is not in the window.
    pub fn inflate(
        &mut self,
        input: &mut &[u8],
        window: &mut Window<'_>,
    ) -> Result<bool, Malformed> {
        loop {
            self.bits.refill(input);
            match self.step(input, window)? {
                Flow::Starved if input.is_empty() => return Ok(false),
                Flow::Goes | Flow::Starved => {}
                Flow::Full => return Ok(true),
            }
        }
    }

    /// Inflates what a message leaves out at its end (RFC 7692 §7.2.2), and begins anew; call it again, with
    /// space in the window, as long as it tells that there is more.
    ///
    /// # Errors
    ///
    /// As [`inflate`](Self::inflate); the message has ended in the middle of a block.
    pub fn end(&mut self, window: &mut Window<'_>) -> Result<bool, Malformed> {
        // What is left comes out before the tail is looked at.
        if self.inflate(&mut &[][..], window)? {
            return Ok(true);
        }
        if self.is_final && matches!(self.state, State::Block) {
            self.bits.align();
            self.is_final = false;
        }
        // Some leave out the head of the tail's empty block, too: behind a last one, and in a message of no bytes.
        let is_between = |bits: Bits, state| bits.len() == 0 && matches!(state, State::Block);
        if !is_between(self.bits, self.state) {
            self.inflate(&mut &[0, 0, 0xff, 0xff][..], window)?;
        }
        let is_whole = is_between(self.bits, self.state);
        (self.bits, self.state) = (Bits::NONE, State::Block);
        if is_whole { Ok(false) } else { Err(Malformed) }
    }

    /// Takes the next thing that the input has.
    fn step(&mut self, input: &mut &[u8], window: &mut Window<'_>) -> Result<Flow, Malformed> {
        let next = match self.state {
            State::Symbol => return self.symbols(input, window),
            State::Copy { len, distance } => return self.copy(len, distance, window),
            State::Stored(len) => return Ok(self.stored(len, input, window)),
            State::Block => {
                if self.is_final {
                    // What follows is another stream.
                    self.bits.align();
                    self.is_final = false;
                    self.bits.refill(input);
                }
                self.bits.take(3).map(|head| self.block(head)).transpose()?
            }
            State::StoredLen => self.bits.take(16).map(State::StoredCheck),
            State::StoredCheck(len) => match self.bits.take(16) {
                Some(check) if check == !len => Some(State::Stored(len)),
                Some(_) => return Err(Malformed),
                None => None,
            },
            State::Counts => self.bits.take(14).map(Self::counts).transpose()?,
            State::CodeLengths { lens, at } => self.code_length(lens, at)?,
            State::Lengths { lens, at } => self.length(lens, at)?,
            State::Repeat { lens, at, symbol } => self.repeat(lens, at, symbol)?,
            State::LenExtra(i) => {
                // RFC 1951 §3.2.5, as for distances below; but the last has no extra bits.
                let (base, n) = match i {
                    ..28 => base_and_extra(i, 4),
                    28 => (255, 0),
                    _ => return Err(Malformed),
                };
                self.bits.take(n).map(|extra| State::Distance(3 + base + extra))
            }
            State::Distance(len) => {
                self.distances.next(&mut self.bits)?.map(|i| State::DistanceExtra(len, i as u8))
            }
            State::DistanceExtra(len, i) => {
                if i >= 30 {
                    return Err(Malformed);
                }
                let (base, n) = base_and_extra(i, 2);
                self.bits.take(n).map(|extra| State::Copy { len, distance: 1 + base + extra })
            }
        };
        match next {
            Some(next) => self.state = next,
            None => return Ok(Flow::Starved),
        }
        Ok(Flow::Goes)
    }

    /// Begins a block.
    fn block(&mut self, head: u16) -> Result<State, Malformed> {
        self.is_final = head & 1 == 1;
        match head >> 1 {
            0 => {
                self.bits.align();
                Ok(State::StoredLen)
            }
            1 => {
                let (literals, distances) = self.lengths.split_at_mut(288);
                for (range, len) in [(0..144, 8), (144..256, 9), (256..280, 7), (280..288, 8)] {
                    literals.get_mut(range).unwrap_or_default().fill(len);
                }
                distances.fill(5);
                self.literals.set(literals, false)?;
                self.distances.set(distances, false)?;
                Ok(State::Symbol)
            }
            2 => Ok(State::Counts),
            _ => Err(Malformed),
        }
    }

    fn counts(counts: u16) -> Result<State, Malformed> {
        let literals = 257 + (counts & 31);
        let (distances, lengths) = (1 + (counts >> 5 & 31) as u8, 4 + (counts >> 10) as u8);
        if literals > 286 || distances > 30 {
            return Err(Malformed);
        }
        Ok(State::CodeLengths { lens: Lens { literals, distances, lengths }, at: 0 })
    }

    fn code_length(&mut self, lens: Lens, at: u8) -> Result<Option<State>, Malformed> {
        if at == 0 {
            self.lengths = [0; MAX_LENGTHS];
        }
        if at < lens.lengths {
            let Some(len) = self.bits.take(3) else { return Ok(None) };
            let place = ORDER.get(usize::from(at)).map(|i| usize::from(*i));
            if let Some(place) = place.and_then(|i| self.lengths.get_mut(i)) {
                *place = len as u8;
            }
            return Ok(Some(State::CodeLengths { lens, at: at + 1 }));
        }
        // It is used before there are literals.
        self.literals.set(self.lengths.first_chunk::<19>().unwrap_or(&[0; 19]), false)?;
        Ok(Some(State::Lengths { lens, at: 0 }))
    }

    fn length(&mut self, lens: Lens, at: u16) -> Result<Option<State>, Malformed> {
        let n = lens.literals + u16::from(lens.distances);
        if at < n {
            let Some(symbol) = self.literals.next(&mut self.bits)? else { return Ok(None) };
            if symbol >= 16 {
                return Ok(Some(State::Repeat { lens, at, symbol }));
            }
            self.put_lengths(at, 1, symbol as u8);
            return Ok(Some(State::Lengths { lens, at: at + 1 }));
        }
        let lengths = self.lengths.get(..n.into()).unwrap_or_default();
        let (literals, distances) =
            lengths.split_at_checked(lens.literals.into()).ok_or(Malformed)?;
        // Without an end the block would have none.
        if literals.get(usize::from(END)).is_none_or(|len| *len == 0) {
            return Err(Malformed);
        }
        self.literals.set(literals, true)?;
        self.distances.set(distances, true)?;
        Ok(Some(State::Symbol))
    }

    fn repeat(&mut self, lens: Lens, at: u16, symbol: u16) -> Result<Option<State>, Malformed> {
        let (base, n) = match symbol {
            16 => (3, 2),
            17 => (3, 3),
            _ => (11, 7),
        };
        let Some(extra) = self.bits.take(n) else { return Ok(None) };
        let len = match symbol {
            16 => {
                let before = usize::from(at).checked_sub(1).ok_or(Malformed)?;
                self.lengths.get(before).copied().unwrap_or_default()
            }
            _ => 0,
        };
        let end = at + base + extra;
        if end > lens.literals + u16::from(lens.distances) {
            return Err(Malformed);
        }
        self.put_lengths(at, base + extra, len);
        Ok(Some(State::Lengths { lens, at: end }))
    }

    fn put_lengths(&mut self, at: u16, n: u16, len: u8) {
        let places = self.lengths.iter_mut().skip(at.into()).take(n.into());
        places.for_each(|place| *place = len);
    }

    /// Takes literals, as long as nothing else comes.
    fn symbols(&mut self, input: &mut &[u8], window: &mut Window<'_>) -> Result<Flow, Malformed> {
        loop {
            self.bits.refill(input);
            let mut bits = self.bits;
            self.state = match self.literals.next(&mut bits)? {
                None => return Ok(Flow::Starved),
                Some(END) => State::Block,
                Some(_) if window.is_full() => return Ok(Flow::Full),
                Some(literal) if literal < END => {
                    window.push(literal as u8);
                    self.bits = bits;
                    continue;
                }
                Some(symbol) => State::LenExtra((symbol - END - 1) as u8),
            };
            self.bits = bits;
            return Ok(Flow::Goes);
        }
    }

    fn copy(
        &mut self,
        len: u16,
        distance: u16,
        window: &mut Window<'_>,
    ) -> Result<Flow, Malformed> {
        let left = len - window.copy(len, distance)?;
        if left > 0 {
            self.state = State::Copy { len: left, distance };
            return Ok(Flow::Full);
        }
        self.state = State::Symbol;
        Ok(Flow::Goes)
    }

    fn stored(&mut self, len: u16, input: &mut &[u8], window: &mut Window<'_>) -> Flow {
        let mut left = len;
        while left > 0 && !window.is_full() {
            // What was taken as bits comes first; it is whole bytes.
            if let Some(byte) = self.bits.take(8) {
                window.push(byte as u8);
                left -= 1;
                continue;
            }
            let n = window.append(input.get(..left.into()).unwrap_or(input));
            *input = input.get(n..).unwrap_or_default();
            left -= n as u16;
            if n == 0 {
                break;
            }
        }
        self.state = if left == 0 { State::Block } else { State::Stored(left) };
        match left {
            0 => Flow::Goes,
            _ if window.is_full() => Flow::Full,
            _ => Flow::Starved,
        }
    }
}

impl Default for Inflater {
    fn default() -> Self {
        Self::new()
    }
}

/// The symbol that ends a block.
const END: u16 = 256;

/// For the fixed codes, more than any block can have of its own.
const MAX_LENGTHS: usize = 288 + 32;

/// RFC 1951 §3.2.7: in which order the lengths of the code for lengths come.
const ORDER: [u8; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// Returns where the range of a symbol begins, and how many extra bits it has: of each number, `per` symbols.
const fn base_and_extra(symbol: u8, per: u8) -> (u16, u32) {
    let n = (symbol / per).saturating_sub(1) as u32;
    if symbol < per { (symbol as u16, n) } else { (((per + symbol % per) as u16) << n, n) }
}
