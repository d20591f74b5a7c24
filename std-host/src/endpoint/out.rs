//! Where an endpoint puts its frames.

use std::cell::Cell;

use wirelet::FrameStart;

/// Gathers frames in a buffer, and hands long payloads to the socket from where they lie.
pub(crate) struct Out<'o> {
    buffer: &'o mut Vec<u8>,
    direct: Option<Direct<'o>>,
}

/// The way to a socket, beside the buffer.
struct Direct<'o> {
    send: Send<'o>,
    /// How many bytes wait because the socket has refused them.
    waiting: &'o Cell<usize>,
}

/// Sends three pieces that stand one behind the other; returns how many bytes wait because the socket has
/// refused them.
pub(crate) type Send<'o> = &'o mut dyn FnMut([&[u8]; 3]) -> usize;

impl<'o> Out<'o> {
    /// Gathers all.
    pub(crate) const fn gather(buffer: &'o mut Vec<u8>) -> Self {
        Self { buffer, direct: None }
    }

    /// Gathers what is short.
    pub(crate) const fn with_direct(
        buffer: &'o mut Vec<u8>,
        send: Send<'o>,
        waiting: &'o Cell<usize>,
    ) -> Self {
        Self { buffer, direct: Some(Direct { send, waiting }) }
    }

    /// Lends this on.
    pub(crate) fn reborrow(&mut self) -> Out<'_> {
        let direct = self.direct.as_mut().map(|Direct { send, waiting }| Direct { send, waiting });
        Out { buffer: self.buffer, direct }
    }

    /// Tells whether so much waits that it should leave before there is more.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        let waiting = self.direct.as_ref().map_or(0, |direct| direct.waiting.get());
        waiting + self.buffer.len() >= FULL
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Appends a frame.
    #[expect(clippy::inline_always, reason = "as for `Link::send`, which calls it")]
    #[inline(always)]
    pub(crate) fn append_frame(&mut self, start: &mut FrameStart, payload: &[u8], is_masked: bool) {
        if payload.len() >= DIRECT_LEN
            && !is_masked
            && let Some(direct) = &mut self.direct
        {
            direct.waiting.set((direct.send)([self.buffer, start.header(), payload]));
            self.buffer.clear();
            return;
        }
        match *start.header() {
            // Copied without a call, as its length is known.
            [first, second] => self.append(&[first, second]),
            ref header => self.append(header),
        }
        let at = self.buffer.len();
        self.append(payload);
        if is_masked {
            start.mask(&mut self.buffer[at..]);
        }
    }
}

/// From this length on, a system call more costs less than a copy.
const DIRECT_LEN: usize = 32 * 1024;

/// So much at most is gathered before it is written, but for the last answer; as much as is read at a
/// time.
const FULL: usize = 256 * 1024;
