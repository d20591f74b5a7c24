//! Holding what comes back against what was sent.

use clap::ValueEnum;
use wirelet::Chunk;

use super::failure::Failure;
use super::payload::Payload;

/// What a message is to be answered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Expect {
    /// The message itself; any other is a failure
    Echo,
    /// One message, whatever it is; what comes besides is counted and ignored
    Any,
}

/// How far the message has come that is being received.
#[derive(Debug, Default)]
pub(super) struct Echo {
    n_bytes: usize,
}

impl Echo {
    /// Takes in the next piece of a message that may be any; returns its length if it is the last.
    pub(super) fn take_any(&mut self, chunk: &Chunk<'_>) -> Option<usize> {
        let n_bytes = self.n_bytes + chunk.as_bytes().len();
        self.n_bytes = if chunk.is_last() { 0 } else { n_bytes };
        chunk.is_last().then_some(n_bytes)
    }

    /// Takes in the next piece of a message; returns its length if it is the last. Compares its content
    /// only if `check`.
    pub(super) fn take(
        &mut self,
        chunk: &Chunk<'_>,
        payload: &Payload,
        check: bool,
    ) -> Result<Option<usize>, Failure> {
        let (message, bytes) = (payload.message(), chunk.as_bytes());
        if chunk.kind() != message.kind() {
            return Err(Failure::Kind);
        }
        let sent = message.as_bytes();
        let end = self.n_bytes + bytes.len();
        let Some(expected) = sent.get(self.n_bytes..end) else {
            return Err(Failure::Length { received: end, sent: sent.len() });
        };
        if check && bytes != expected {
            return Err(Failure::Content);
        }
        if chunk.is_last() && end < sent.len() {
            return Err(Failure::Length { received: end, sent: sent.len() });
        }
        self.n_bytes = if chunk.is_last() { 0 } else { end };
        Ok(chunk.is_last().then_some(end))
    }

    /// Takes in plain bytes, of which each `payload.len()` > 0 are a message; returns how many
    /// messages they end.
    pub(super) fn take_raw(
        &mut self,
        input: &[u8],
        payload: &Payload,
        check: bool,
    ) -> Result<u64, Failure> {
        let sent = payload.as_bytes();
        if check {
            let expected = sent.iter().cycle().skip(self.n_bytes);
            if input.iter().zip(expected).any(|(received, sent)| received != sent) {
                return Err(Failure::Content);
            }
        }
        let n_bytes = self.n_bytes + input.len();
        self.n_bytes = n_bytes % sent.len();
        Ok((n_bytes / sent.len()) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes pieces of one message.
    fn take(pieces: &[Chunk<'_>]) -> Result<Vec<Option<usize>>, Failure> {
        let payload = Payload::Text("Hello".into());
        let mut echo = Echo::default();
        pieces.iter().map(|chunk| echo.take(chunk, &payload, true)).collect()
    }

    #[test]
    fn a_message_is_whole_at_its_last_piece() {
        assert_eq!(take(&[Chunk::whole("Hello")]).unwrap(), [Some(5)]);
        let pieces = [Chunk::first("He"), Chunk::middle(""), Chunk::last("llo")];
        assert_eq!(take(&[pieces, pieces].concat()).unwrap(), [None, None, Some(5)].repeat(2));
    }

    #[test]
    fn an_answer_of_any_kind_and_length_is_whole_at_its_last_piece() {
        let mut echo = Echo::default();
        let lens = [Chunk::first("He"), Chunk::last("llo!"), Chunk::whole(b""), Chunk::whole("a")]
            .map(|chunk| echo.take_any(&chunk));
        assert_eq!(lens, [None, Some(6), Some(0), Some(1)]);
    }

    #[test]
    fn another_length_kind_or_content_is_a_failure() {
        let length = |received| move |result| matches!(result, Err(Failure::Length { received: n, sent: 5 }) if n == received);
        assert!(length(4)(take(&[Chunk::whole("Hell")])));
        assert!(length(6)(take(&[Chunk::whole("Hello!")])));
        assert!(length(6)(take(&[Chunk::first("Hello"), Chunk::last("!")])));
        assert!(matches!(take(&[Chunk::whole(b"Hello")]), Err(Failure::Kind)));
        assert!(matches!(take(&[Chunk::whole("hello")]), Err(Failure::Content)));
        assert!(matches!(take(&[Chunk::first("H"), Chunk::last("allo")]), Err(Failure::Content)));
    }

    #[test]
    fn plain_bytes_are_counted_and_compared_at_every_cut() {
        let payload = Payload::Binary(b"abc".to_vec());
        for cut in 0..=9 {
            let (front, back) = b"abcabcabc".split_at(cut);
            let mut echo = Echo::default();
            let n = echo.take_raw(front, &payload, true).unwrap();
            assert_eq!(n + echo.take_raw(back, &payload, true).unwrap(), 3, "cut at {cut}");
        }
        let mut echo = Echo::default();
        echo.take_raw(b"ab", &payload, true).unwrap();
        assert!(matches!(echo.take_raw(b"b", &payload, true), Err(Failure::Content)));
    }
}
