//! A socket in memory, of all the kinds that the libraries want.
//!
//! A read copies what has come into the reader's buffer, and a write copies what is sent out of the
//! writer's, as the kernel does; neither ever has to wait.

mod traits;

use std::cell::RefCell;
use std::task::Waker;

/// A socket in memory.
///
/// What is sent goes to one buffer a thread; see [`sent`].
#[derive(Debug)]
pub(crate) struct Wire {
    input: Vec<u8>,
    /// Where the input begins,
    start: usize,
    /// and where the bytes of it that have not been received.
    at: usize,
    /// How much one read brings at most.
    read_len: usize,
    then: Then,
    /// Who waits for an answer to what is sent next.
    reader: Option<Waker>,
}

/// What comes after the input.
#[derive(Clone, Copy, Debug)]
enum Then {
    /// The same again.
    Repeat,
    /// Nothing.
    Silence,
    /// The answer to the handshake that has been sent.
    Answer(fn(&[u8], &mut Vec<u8>)),
}

impl Wire {
    /// Brings `input` over and over, at most `read_len` bytes a read, and never bytes from before
    /// and behind its end in one.
    ///
    /// The input lies in the middle of a page. Where the target of a copy lies less than 16 bytes
    /// further in its page than the source, Zen processors take 20 times as long for one of 4 KiB
    /// or more, and allocators like to give out the beginning of pages.
    pub(crate) fn repeating(input: &[u8], read_len: usize) -> Self {
        let mut space: Vec<u8> = Vec::with_capacity(input.len() + PAGE);
        let start = (PAGE + PAGE / 2 - space.as_ptr().addr() % PAGE) % PAGE;
        space.resize(start, 0);
        space.extend_from_slice(input);
        Self { input: space, start, at: start, read_len, then: Then::Repeat, reader: None }
    }

    /// Brings `input` once.
    pub(crate) fn once(input: Vec<u8>) -> Self {
        Self { input, start: 0, at: 0, read_len: usize::MAX, then: Then::Silence, reader: None }
    }

    /// Brings what `answer` makes of what has been sent since [`clear_sent`].
    pub(crate) fn answering(answer: fn(&[u8], &mut Vec<u8>)) -> Self {
        let input = Vec::with_capacity(256);
        Self {
            input,
            start: 0,
            at: 0,
            read_len: usize::MAX,
            then: Then::Answer(answer),
            reader: None,
        }
    }

    /// Copies what has come into `buffer`; returns how much, which is 0 if nothing more will come.
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> usize {
        let bytes = self.next(buffer.len());
        buffer[..bytes.len()].copy_from_slice(bytes);
        bytes.len()
    }

    /// Sends all of `bytes`.
    // Takes `self` as a socket does.
    #[expect(clippy::unused_self, clippy::needless_pass_by_ref_mut, reason = "as a socket")]
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        SENT.with_borrow_mut(|sent| sent.append(bytes));
    }

    /// Lets the reader look for an answer.
    fn wake_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    /// Takes what a read of at most `len` bytes brings.
    fn next(&mut self, len: usize) -> &[u8] {
        if self.at == self.input.len() {
            self.go_on();
        }
        let rest = &self.input[self.at..];
        let n = rest.len().min(self.read_len).min(len);
        self.at += n;
        &rest[..n]
    }

    #[cold]
    fn go_on(&mut self) {
        match self.then {
            Then::Repeat => self.at = self.start,
            Then::Silence => {}
            Then::Answer(answer) => {
                SENT.with_borrow(|sent| answer(sent.bytes(), &mut self.input));
                if !self.input.is_empty() {
                    self.then = Then::Silence;
                }
            }
        }
    }
}

/// Returns what this thread has sent since [`clear_sent`].
pub(crate) fn sent() -> Vec<u8> {
    SENT.with_borrow(|sent| sent.bytes().to_vec())
}

/// Forgets what this thread has sent.
pub(crate) fn clear_sent() {
    SENT.with_borrow_mut(|sent| sent.len = 0);
}

/// What has been sent, up to a capacity at which it begins anew.
struct Sent {
    buffer: [u8; SENT_CAPACITY],
    len: usize,
}

impl Sent {
    fn append(&mut self, bytes: &[u8]) {
        if self.len + bytes.len() > SENT_CAPACITY {
            self.len = 0;
        }
        self.buffer[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    fn bytes(&self) -> &[u8] {
        &self.buffer[..self.len]
    }
}

const PAGE: usize = 4096;

/// As much as a socket of Linux keeps by default, or little more.
const SENT_CAPACITY: usize = 256 * 1024;

thread_local! {
    // Not in the `Wire`, which some libraries move, box or never give back.
    static SENT: RefCell<Sent> = const { RefCell::new(Sent { buffer: [0; SENT_CAPACITY], len: 0 }) };
}
