//! Where an endpoint puts its frames.

use wirelet::FrameStart;

/// Gathers frames in a buffer, and hands long payloads to the socket from where they lie.
pub(crate) struct Out<'o> {
    buffer: &'o mut Vec<u8>,
    direct: Option<&'o mut dyn Direct>,
}

/// The way to a socket, beside the buffer.
pub(crate) trait Direct {
    /// Sends three pieces that stand one behind the other.
    fn send(&mut self, pieces: [&[u8]; 3]);

    /// How many bytes wait because the socket has refused them.
    fn waiting(&self) -> usize;
}

impl<'o> Out<'o> {
    /// Gathers all.
    pub(crate) const fn gather(buffer: &'o mut Vec<u8>) -> Self {
        Self { buffer, direct: None }
    }

    /// Gathers what is short.
    pub(crate) const fn with_direct(buffer: &'o mut Vec<u8>, direct: &'o mut dyn Direct) -> Self {
        Self { buffer, direct: Some(direct) }
    }

    /// Lends this on.
    pub(crate) fn reborrow(&mut self) -> Out<'_> {
        let direct = self.direct.as_mut().map(|direct| &mut **direct as &mut dyn Direct);
        Out { buffer: self.buffer, direct }
    }

    /// Tells whether so much waits that it should leave before there is more.
    pub(crate) fn is_full(&self) -> bool {
        let waiting = self.direct.as_ref().map_or(0, |direct| direct.waiting());
        waiting + self.buffer.len() >= FULL
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Appends a frame.
    #[inline]
    pub(crate) fn append_frame(&mut self, start: &mut FrameStart, payload: &[u8], is_masked: bool) {
        if payload.len() >= DIRECT_LEN
            && !is_masked
            && let Some(direct) = &mut self.direct
        {
            direct.send([self.buffer, start.header(), payload]);
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
