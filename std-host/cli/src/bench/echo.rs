//! Holding what comes back against what was sent.

use wirelet::Chunk;

use super::failure::Failure;
use super::payload::Payload;

/// How far the message has come that is being received.
#[derive(Debug, Default)]
pub(super) struct Echo {
    n_bytes: usize,
}

impl Echo {
    /// Takes in the next piece of a message; tells whether it is the last. Compares its content only
    /// if `check`.
    pub(super) fn take(
        &mut self,
        chunk: &Chunk<'_>,
        payload: &Payload,
        check: bool,
    ) -> Result<bool, Failure> {
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
        Ok(chunk.is_last())
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
    fn take(pieces: &[Chunk<'_>]) -> Result<Vec<bool>, Failure> {
        let payload = Payload::Text("Hello".into());
        let mut echo = Echo::default();
        pieces.iter().map(|chunk| echo.take(chunk, &payload, true)).collect()
    }

    #[test]
    fn a_message_is_whole_at_its_last_piece() {
        assert_eq!(take(&[Chunk::whole("Hello")]).unwrap(), [true]);
        let pieces = [Chunk::first("He"), Chunk::middle(""), Chunk::last("llo")];
        assert_eq!(take(&[pieces, pieces].concat()).unwrap(), [false, false, true].repeat(2));
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
