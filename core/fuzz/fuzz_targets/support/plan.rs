//! How a stream is cut: the part of an input that is not the stream.

/// The reads in which a stream arrives, and the space for what is answered.
///
/// ```text
/// ┌──────────────┬───────────────┬──────────┐
/// │ space:5 │n:3 │ n read lengths│  stream  │
/// └──────────────┴───────────────┴──────────┘
/// ```
///
/// The lengths are used again and again; a length of 0 is a read that brings nothing. Without
/// lengths, or with zeros only, the stream comes byte by byte.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'p> {
    lens: &'p [u8],
    /// How many bytes `reply` may write at once: 1 to 156.
    pub(crate) reply_space: usize,
}

impl<'p> Plan<'p> {
    /// The stream comes as one read, and there is space for every reply.
    pub(crate) const WHOLE: Plan<'static> = Plan { lens: &[], reply_space: 256 };

    /// Takes the plan off the beginning of an input; returns the stream too.
    pub(crate) fn parse(input: &'p [u8]) -> Option<(Self, &'p [u8])> {
        let (first, rest) = input.split_first()?;
        let (lens, stream) = rest.split_at_checked(usize::from(first & 0b111))?;
        let lens = if lens.iter().all(|len| *len == 0) { &[1] } else { lens };
        Some((Self { lens, reply_space: 1 + usize::from(first >> 3) * 5 }, stream))
    }

    /// Cuts the stream.
    pub(crate) fn cut(self, stream: &[u8]) -> impl Iterator<Item = &[u8]> {
        let whole = self.lens.is_empty().then_some(stream);
        let mut rest = if whole.is_some() { &[] } else { stream };
        let pieces = self.lens.iter().cycle().map_while(move |len| {
            if rest.is_empty() {
                return None;
            }
            let (piece, after) = rest.split_at(rest.len().min(usize::from(*len)));
            rest = after;
            Some(piece)
        });
        whole.into_iter().chain(pieces)
    }
}
