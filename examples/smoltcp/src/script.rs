//! Random messages, and the comparison of what comes with what was to come.

use std::error::Error;
use std::fmt;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng, RngExt as _, SeedableRng as _};
use wirelet::{Chunk, Message};

use crate::Fragments;

/// What one end says: messages, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script(Vec<Line>);

impl Script {
    /// Invents `n` messages of at most [`LONGEST`] bytes, most of them short.
    #[must_use]
    pub fn random(n: usize, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        Self((0..n).map(|_| Line::random(&mut rng)).collect())
    }

    /// Returns the messages.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.0
    }

    /// Returns how many bytes of payload there are.
    #[must_use]
    pub fn n_bytes(&self) -> usize {
        self.0.iter().map(|line| line.message().as_bytes().len()).sum()
    }
}

impl From<Vec<Line>> for Script {
    fn from(lines: Vec<Line>) -> Self {
        Self(lines)
    }
}

/// A message, and how it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    body: Body,
    frame_limit: Option<usize>,
    has_ping: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Body {
    Text(String),
    Binary(Vec<u8>),
}

impl Line {
    /// Says `bytes` in one frame.
    #[must_use]
    pub const fn binary(bytes: Vec<u8>) -> Self {
        Self { body: Body::Binary(bytes), frame_limit: None, has_ping: false }
    }

    /// Says `text` in one frame.
    #[must_use]
    pub const fn text(text: String) -> Self {
        Self { body: Body::Text(text), frame_limit: None, has_ping: false }
    }

    fn random(rng: &mut StdRng) -> Self {
        let len = match rng.random_range(0..10) {
            0 => 0,
            1..=6 => rng.random_range(1..=125),
            7..=8 => rng.random_range(126..=2_000),
            _ => rng.random_range(2_001..=LONGEST),
        };
        let line = if rng.random() {
            Self::text(random_text(rng, len))
        } else {
            let mut bytes = vec![0; len];
            rng.fill_bytes(&mut bytes);
            Self::binary(bytes)
        };
        let in_fragments = rng.random_ratio(1, 3);
        let frame_limit = in_fragments.then(|| rng.random_range(1..=1_000));
        Self { frame_limit, has_ping: rng.random_ratio(1, 8), ..line }
    }

    /// Lends the message.
    #[must_use]
    pub fn message(&self) -> Message<'_> {
        match &self.body {
            Body::Text(text) => Message::Text(text),
            Body::Binary(bytes) => Message::Binary(bytes),
        }
    }

    /// Returns how many bytes of it a frame may have, if not all.
    #[must_use]
    pub const fn frame_limit(&self) -> Option<usize> {
        self.frame_limit
    }

    /// Cuts the message to the frames that it is to be sent in.
    #[must_use]
    pub fn fragments(&self) -> Fragments<'_> {
        Fragments::of_at_most(self.frame_limit.unwrap_or(usize::MAX), self.message())
    }

    /// Tells whether a ping goes with it.
    #[must_use]
    pub const fn has_ping(&self) -> bool {
        self.has_ping
    }
}

/// The longest random message in bytes.
pub const LONGEST: usize = 20_000;

/// Makes `len` bytes of text with code points of all four lengths.
fn random_text(rng: &mut StdRng, len: usize) -> String {
    let mut text = String::with_capacity(len);
    while text.len() < len {
        let char = *['w', 'é', '€', '🦀'].choose(rng).unwrap_or(&'w');
        text.push(if text.len() + char.len_utf8() > len { '.' } else { char });
    }
    text
}

/// Compares the chunks that come, in whatever pieces, with a script.
///
/// ```
/// use wirelet::Chunk;
/// use wirelet_example_smoltcp::script::{Checker, Line, Script};
///
/// let script = Script::from(vec![Line::text("Hello".to_owned())]);
/// let mut checker = Checker::new(&script);
/// checker.take(&Chunk::first("Hel"))?;
/// checker.take(&Chunk::last("lo"))?;
/// assert_eq!(checker.n_whole(), 1);
/// assert!(checker.take(&Chunk::whole("one more")).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Checker<'s> {
    lines: &'s [Line],
    n_whole: usize,
    /// How much of the next message has come, once it has begun.
    at: Option<usize>,
}

impl<'s> Checker<'s> {
    /// Waits for the first message.
    #[must_use]
    pub const fn new(script: &'s Script) -> Self {
        Self { lines: script.0.as_slice(), n_whole: 0, at: None }
    }

    /// Looks at the next chunk.
    ///
    /// # Errors
    ///
    /// It is not the next piece of the script.
    pub fn take(&mut self, chunk: &Chunk<'_>) -> Result<(), Mismatch> {
        let at = self.at.unwrap_or_default();
        let end = at + chunk.as_bytes().len();
        let is_next = self.lines.get(self.n_whole).is_some_and(|line| {
            let message = line.message();
            chunk.kind() == message.kind()
                && chunk.is_first() == self.at.is_none()
                && message.as_bytes().get(at..end) == Some(chunk.as_bytes())
                && (!chunk.is_last() || end == message.as_bytes().len())
        });
        if !is_next {
            return Err(Mismatch { message: self.n_whole, at });
        }
        self.at = Some(end);
        if chunk.is_last() {
            self.n_whole += 1;
            self.at = None;
        }
        Ok(())
    }

    /// Returns how many messages have come to their end.
    #[must_use]
    pub const fn n_whole(&self) -> usize {
        self.n_whole
    }

    /// Tells whether all has come.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.n_whole == self.lines.len()
    }
}

/// What came is not what was sent: something was lost, changed, or put out of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The number of the message, from 0.
    pub message: usize,
    /// How many bytes of it were right.
    pub at: usize,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { message, at } = self;
        write!(f, "message {message} is not what was sent, from byte {at} on")
    }
}

impl Error for Mismatch {}

/// Numbers the pings of one end, and sees that each is answered once and in order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pings {
    sent: u32,
    answered: u32,
}

impl Pings {
    /// Returns the payload of the next ping.
    #[must_use]
    pub const fn payload(&self) -> [u8; 4] {
        self.sent.to_be_bytes()
    }

    /// Notes that it has been sent.
    pub const fn sent(&mut self) {
        self.sent += 1;
    }

    /// Notes a pong.
    ///
    /// # Errors
    ///
    /// It is not the answer to the ping whose turn it is.
    pub fn answered(&mut self, payload: &[u8]) -> Result<(), WrongPong> {
        if self.all_answered() || payload != self.answered.to_be_bytes() {
            return Err(WrongPong);
        }
        self.answered += 1;
        Ok(())
    }

    /// Tells whether no answer is due.
    #[must_use]
    pub const fn all_answered(&self) -> bool {
        self.answered == self.sent
    }

    /// Returns how many have been answered.
    #[must_use]
    pub const fn n_answered(&self) -> u32 {
        self.answered
    }
}

/// A pong does not answer the ping whose turn it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongPong;

impl fmt::Display for WrongPong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a pong does not answer the ping whose turn it was")
    }
}

impl Error for WrongPong {}

#[cfg(test)]
mod tests {
    use super::*;

    fn script() -> Script {
        Script::from(vec![
            Line::text("first".to_owned()),
            Line::binary(Vec::new()),
            Line::binary(vec![1, 2, 3]),
        ])
    }

    fn check<'c>(chunks: impl IntoIterator<Item = Chunk<'c>>) -> Result<bool, Mismatch> {
        let script = script();
        let mut checker = Checker::new(&script);
        chunks.into_iter().try_for_each(|chunk| checker.take(&chunk))?;
        Ok(checker.is_done())
    }

    #[test]
    fn what_was_sent_passes_in_any_pieces() {
        let whole = [Chunk::whole("first"), Chunk::whole(b""), Chunk::whole(&[1, 2, 3])];
        assert_eq!(check(whole), Ok(true));
        let pieces = [
            Chunk::first(""),
            Chunk::middle("fir"),
            Chunk::middle("st"),
            Chunk::last(""),
            Chunk::whole(b""),
            Chunk::first(&[1, 2]),
            Chunk::last(&[3]),
        ];
        assert_eq!(check(pieces), Ok(true));
        assert_eq!(check(whole.into_iter().take(2)), Ok(false));
    }

    #[test]
    fn what_was_lost_or_changed_or_reordered_does_not_pass() {
        let mismatch = |message, at| Err(Mismatch { message, at });
        // Another byte, another kind, cut short, too long.
        assert_eq!(check([Chunk::whole("farst")]), mismatch(0, 0));
        assert_eq!(check([Chunk::whole(b"first")]), mismatch(0, 0));
        assert_eq!(check([Chunk::first("fi"), Chunk::last("rs")]), mismatch(0, 2));
        assert_eq!(check([Chunk::whole("firsts")]), mismatch(0, 0));
        // A message or a piece too few, another order, one too many.
        assert_eq!(check([Chunk::whole("first"), Chunk::whole(&[1, 2, 3])]), mismatch(1, 0));
        assert_eq!(check([Chunk::first("fi"), Chunk::middle("t")]), mismatch(0, 2));
        assert_eq!(check([Chunk::first("fi"), Chunk::whole(b"")]), mismatch(0, 2));
        assert_eq!(check([Chunk::whole(b""), Chunk::whole("first")]), mismatch(0, 0));
        let too_many =
            [Chunk::whole("first"), Chunk::whole(b""), Chunk::whole(&[1, 2, 3]), Chunk::whole("")];
        assert_eq!(check(too_many), mismatch(3, 0));
    }

    #[test]
    fn random_scripts_have_all_sorts_of_messages() {
        let script = Script::random(1000, 1);
        let lines = || script.lines().iter();
        let len = |line: &Line| line.message().as_bytes().len();
        assert_eq!(lines().count(), 1000);
        assert!(lines().any(|line| matches!(line.message(), Message::Text(_))));
        assert!(lines().any(|line| matches!(line.message(), Message::Binary(_))));
        let count = |what: &dyn Fn(&Line) -> bool| lines().filter(|line| what(line)).count();
        assert!((50..150).contains(&count(&|line| len(line) == 0)));
        assert!((500..700).contains(&count(&|line| (1..=125).contains(&len(line)))));
        assert!((150..250).contains(&count(&|line| (126..=2000).contains(&len(line)))));
        assert!((50..150).contains(&count(&|line| len(line) > 2000)));
        assert!(lines().any(|line| line.frame_limit.is_some_and(|limit| limit < len(line))));
        assert!(lines().any(|line| line.frame_limit.is_none() && len(line) > LONGEST / 2));
        assert!((80..170).contains(&count(&Line::has_ping)));
        assert_eq!(script, Script::random(1000, 1));
        assert_ne!(script, Script::random(1000, 2));
    }

    #[test]
    fn random_text_is_as_long_as_it_is_to_be() {
        let mut rng = StdRng::seed_from_u64(1);
        for len in 0..100 {
            assert_eq!(random_text(&mut rng, len).len(), len);
        }
        let text = random_text(&mut rng, 1000);
        assert!((1..=4).all(|len| text.chars().any(|char| char.len_utf8() == len)));
        assert!(text.matches('.').count() <= 3, "only where nothing else fits");
    }

    #[test]
    fn pongs_pass_once_and_in_order() {
        let mut pings = Pings::default();
        assert_eq!(pings.answered(&[0, 0, 0, 0]), Err(WrongPong));
        pings.sent();
        pings.sent();
        assert_eq!(pings.answered(&[0, 0, 0, 1]), Err(WrongPong));
        assert_eq!(pings.answered(&[0, 0, 0, 0]), Ok(()));
        assert_eq!(pings.answered(&[0, 0, 0, 0]), Err(WrongPong));
        assert_eq!(pings.answered(&[0, 0, 0, 1]), Ok(()));
        assert!(pings.all_answered());
    }
}
