//! Where an endpoint puts its frames.

use wirelet::FrameStart;

/// Gathers frames in a buffer, and hands long payloads to the socket from where they lie.
pub(crate) struct Out<'o> {
    buffer: &'o mut Vec<u8>,
    direct: Option<Direct<'o>>,
}

/// Sends three pieces that stand one behind the other.
pub(crate) type Direct<'o> = &'o mut dyn FnMut([&[u8]; 3]);

impl<'o> Out<'o> {
    /// Gathers all.
    pub(crate) const fn gather(buffer: &'o mut Vec<u8>) -> Self {
        Self { buffer, direct: None }
    }

    /// Gathers what is short.
    pub(crate) const fn with_direct(buffer: &'o mut Vec<u8>, direct: Direct<'o>) -> Self {
        Self { buffer, direct: Some(direct) }
    }

    /// Lends this on.
    pub(crate) fn reborrow(&mut self) -> Out<'_> {
        let direct = self.direct.as_mut().map(|direct| &mut **direct as Direct<'_>);
        Out { buffer: self.buffer, direct }
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
            direct([self.buffer, start.header(), payload]);
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
