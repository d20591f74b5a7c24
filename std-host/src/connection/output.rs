//! What waits for the stream to take it.

use std::collections::VecDeque;

/// Frames that were made and have not left, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Output {
    bytes: Vec<u8>,
    /// So many of them have left.
    at: usize,
    /// How many have left before the first of `bytes`.
    n_before: u64,
    /// Where replies stand, counted from the beginning of the connection.
    replies: VecDeque<(u64, u64)>,
    /// The length of those.
    reply_len: usize,
}

impl Output {
    /// Lends the place to append to.
    pub(super) fn space(&mut self) -> &mut Vec<u8> {
        // What has left is moved out of the way when it is the greater part, so that each byte is
        // moved once at most.
        if self.at > self.bytes.len() / 2 {
            self.bytes.drain(..self.at);
            self.n_before += self.at as u64;
            self.at = 0;
        }
        &mut self.bytes
    }

    /// Returns what has not left.
    pub(super) const fn unsent(&self) -> &[u8] {
        self.bytes.as_slice().split_at(self.at).1
    }

    /// Returns where the next byte will stand, counted from the beginning of the connection.
    pub(super) fn end(&self) -> u64 {
        self.n_before + self.bytes.len() as u64
    }

    /// Notes that all that was appended since `start` are replies.
    pub(super) fn note_replies(&mut self, start: u64) {
        let end = self.end();
        if start == end {
            return;
        }
        self.reply_len += len(start, end);
        match self.replies.back_mut() {
            Some(last) if last.1 == start => last.1 = end,
            _ => self.replies.push_back((start, end)),
        }
    }

    /// Returns the length of the replies that have not left.
    pub(super) const fn reply_len(&self) -> usize {
        self.reply_len
    }

    /// Notes that the first `n` bytes have left.
    pub(super) fn advance(&mut self, n: usize) {
        self.at += n;
        let at = self.n_before + self.at as u64;
        while let Some(first) = self.replies.front_mut() {
            let gone = first.1.min(at).saturating_sub(first.0);
            first.0 += gone;
            self.reply_len -= len(0, gone);
            if first.0 < first.1 {
                break;
            }
            self.replies.pop_front();
        }
        if self.at == self.bytes.len() {
            self.n_before = at;
            self.at = 0;
            self.bytes.clear();
            self.bytes.shrink_to(KEPT);
        }
    }

    /// Forgets what has not left.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// They are in memory, so their length is a `usize`.
fn len(start: u64, end: u64) -> usize {
    usize::try_from(end - start).unwrap_or(usize::MAX)
}

/// A buffer that has grown beyond this is given back.
const KEPT: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn append(output: &mut Output, bytes: &[u8], is_reply: bool) {
        let start = output.end();
        output.space().extend_from_slice(bytes);
        if is_reply {
            output.note_replies(start);
        }
    }

    #[test]
    fn what_leaves_is_what_was_appended_and_replies_are_counted_until_they_have_left() {
        for step in 1..9 {
            let mut output = Output::default();
            let (mut all, mut sent, mut at) = (Vec::new(), Vec::new(), Vec::new());
            for i in 0..200_u8 {
                let is_reply = i % 3 == 0;
                append(&mut output, &[i; 5], is_reply);
                all.extend([i; 5]);
                at.extend([is_reply; 5]);
                let n = step.min(output.unsent().len());
                sent.extend_from_slice(&output.unsent()[..n]);
                output.advance(n);
                let wanted = at[sent.len()..].iter().filter(|is_reply| **is_reply).count();
                assert_eq!(output.reply_len(), wanted, "{i}, {step} bytes at a time");
            }
            sent.extend_from_slice(output.unsent());
            output.advance(output.unsent().len());
            assert!(sent == all && output.reply_len() == 0 && output.unsent().is_empty());
        }
    }
}
