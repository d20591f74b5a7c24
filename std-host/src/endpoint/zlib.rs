//! What compresses and undoes it. It belongs to whoever uses it at the time, and is kept for the next: to make it
//! costs more than most messages.

use std::ops::Deref;
use std::sync::{Mutex, MutexGuard, PoisonError};

use wirelet::ProtocolError;
use zlib_rs::{Deflate, DeflateFlush, Inflate, InflateFlush, Status};

static DEFLATERS: Pool<Deflater> = Pool(Mutex::new(Vec::new()));
static INFLATERS: Pool<Inflater> = Pool(Mutex::new(Vec::new()));

/// Those that nobody uses now.
struct Pool<T>(Mutex<Vec<Box<T>>>);

impl<T> Pool<T> {
    fn list(&self) -> MutexGuard<'_, Vec<Box<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one that fits.
    fn take(&self, fits: impl Fn(&T) -> bool) -> Option<Box<T>> {
        let mut list = self.list();
        let at = list.iter().rposition(|one| fits(one))?;
        Some(list.swap_remove(at))
    }

    /// Takes one back, in place of the oldest if there are enough.
    fn give(&self, one: Box<T>) {
        let mut list = self.list();
        if list.len() >= KEPT {
            list.swap_remove(0);
        }
        list.push(one);
    }
}

struct Deflater {
    stream: Deflate,
    level: u8,
    window_bits: u8,
    out: Vec<u8>,
}

struct Inflater {
    stream: Inflate,
    out: Vec<u8>,
}

/// A message that was compressed, lent by what has done it.
pub(super) struct Deflated {
    deflater: Option<Box<Deflater>>,
    len: usize,
}

/// A message as it was before, lent by what has undone its compression.
pub(super) struct Inflated {
    inflater: Option<Box<Inflater>>,
    len: usize,
}

/// Compresses a message, which may refer to `before`, by at most `2^window_bits` bytes.
pub(super) fn deflate(message: &[u8], before: &[u8], level: u8, window_bits: u8) -> Deflated {
    // With 9 bits zlib refers to 250 bytes before at most, which 8 allow; and it has nothing for 8.
    let window_bits = window_bits.max(9);
    let fits = |one: &Deflater| (one.level, one.window_bits) == (level, window_bits);
    let mut deflater = DEFLATERS.take(fits).unwrap_or_else(|| {
        let stream = Deflate::new(level.into(), false, window_bits);
        Box::new(Deflater { stream, level, window_bits, out: Vec::new() })
    });
    let len = deflater.deflate(message, before);
    Deflated { deflater: Some(deflater), len }
}

/// Undoes the compression of a message, which may refer to `before`, if it had at most `limit` bytes.
pub(super) fn inflate(
    deflated: &[u8],
    before: &[u8],
    limit: usize,
) -> Result<Inflated, ProtocolError> {
    let mut inflater = INFLATERS
        .take(|_| true)
        .unwrap_or_else(|| Box::new(Inflater { stream: Inflate::new(false, 15), out: Vec::new() }));
    let result = inflater.inflate(deflated, before, limit);
    let message = Inflated { inflater: Some(inflater), len: *result.as_ref().unwrap_or(&0) };
    result.map(|_| message)
}

impl Deflater {
    fn deflate(&mut self, mut message: &[u8], before: &[u8]) -> usize {
        self.stream.reset();
        if !before.is_empty() {
            let done = self.stream.set_dictionary(before);
            debug_assert!(done.is_ok(), "it has just begun");
        }
        let mut at = 0;
        loop {
            if at == self.out.len() {
                grow(&mut self.out, usize::MAX);
            }
            let (n_in, n_out) = (self.stream.total_in(), self.stream.total_out());
            let status =
                self.stream.compress(message, &mut self.out[at..], DeflateFlush::SyncFlush);
            debug_assert!(status.is_ok(), "it is never asked for what it cannot do");
            message = &message[difference(self.stream.total_in(), n_in)..];
            at += difference(self.stream.total_out(), n_out);
            if message.is_empty() && at < self.out.len() {
                // §7.2.1: "Remove 4 octets (that are 0x00 0x00 0xff 0xff) from the tail end".
                return at.saturating_sub(TAIL.len());
            }
        }
    }
}

impl Inflater {
    fn inflate(
        &mut self,
        deflated: &[u8],
        before: &[u8],
        limit: usize,
    ) -> Result<usize, ProtocolError> {
        self.begin(before);
        let mut at = 0;
        for mut input in [deflated, &TAIL] {
            // To the end of the input, and of what it brings.
            loop {
                if at > limit {
                    return Err(ProtocolError::MessageTooBig);
                }
                if at == self.out.len() {
                    grow(&mut self.out, limit.saturating_add(1));
                }
                let room = self.out.len().min(limit.saturating_add(1));
                let (n_in, n_out) = (self.stream.total_in(), self.stream.total_out());
                let out = &mut self.out[at..room];
                let status = self.stream.decompress(input, out, InflateFlush::NoFlush);
                let status = status.map_err(|_| ProtocolError::InvalidDeflate)?;
                input = &input[difference(self.stream.total_in(), n_in)..];
                at += difference(self.stream.total_out(), n_out);
                match status {
                    // §7.2.3.4: a block with BFINAL set may be followed by others.
                    Status::StreamEnd => self.begin_again(before, at),
                    Status::Ok | Status::BufError => {}
                }
                if input.is_empty() && at < room {
                    break;
                }
            }
        }
        Ok(at)
    }

    fn begin(&mut self, before: &[u8]) {
        self.stream.reset(false);
        if !before.is_empty() {
            let done = self.stream.set_dictionary(before);
            debug_assert!(done.is_ok(), "it has just begun");
        }
    }

    /// Begins behind the last block of a stream, of which `at` bytes have come.
    fn begin_again(&mut self, before: &[u8], at: usize) {
        let fresh = &self.out[at.saturating_sub(WINDOW)..at];
        let before = &before[before.len().saturating_sub(WINDOW - fresh.len())..];
        let window = [before, fresh].concat();
        self.begin(&window);
    }
}

/// Makes twice the room, or some; `most` at most.
fn grow(out: &mut Vec<u8>, most: usize) {
    let len = (out.len() * 2).max(FIRST).min(most);
    out.resize(len, 0);
}

/// How far a count has gone on; within what is in memory.
fn difference(now: u64, before: u64) -> usize {
    usize::try_from(now - before).unwrap_or(usize::MAX)
}

impl Deref for Deflated {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.deflater.as_ref().map_or(&[], |deflater| &deflater.out[..self.len])
    }
}

impl Deref for Inflated {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.inflater.as_ref().map_or(&[], |inflater| &inflater.out[..self.len])
    }
}

impl Drop for Deflated {
    fn drop(&mut self) {
        if let Some(mut deflater) = self.deflater.take() {
            trim(&mut deflater.out);
            DEFLATERS.give(deflater);
        }
    }
}

impl Drop for Inflated {
    fn drop(&mut self) {
        if let Some(mut inflater) = self.inflater.take() {
            trim(&mut inflater.out);
            INFLATERS.give(inflater);
        }
    }
}

/// Gives back what only long messages need.
fn trim(out: &mut Vec<u8>) {
    if out.len() > LONGEST_KEPT {
        *out = Vec::new();
    }
}

/// How many of each are kept.
const KEPT: usize = 16;

const FIRST: usize = 4 * 1024;

const LONGEST_KEPT: usize = 256 * 1024;

/// What the longest window holds.
const WINDOW: usize = 32 * 1024;

/// With it ends what a sync flush has made (§7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
