//! Where an endpoint puts its frames.

use wirelet::FrameStart;

/// Gathers frames in a buffer, and hands long payloads to the socket from where they lie.
pub(crate) struct Out<'o> {
    buffer: &'o mut Vec<u8>,
    direct: Option<Direct<'o>>,
}

/// Sends as much as it can, now, of three pieces that stand one behind the other; returns how much.
pub(crate) type Direct<'o> = &'o mut dyn FnMut([&[u8]; 3]) -> usize;

impl<'o> Out<'o> {
    /// Gathers all.
    pub(crate) const fn gather(buffer: &'o mut Vec<u8>) -> Self {
        Self { buffer, direct: None }
    }

    /// Gathers what is short, and what `direct` does not take.
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
    pub(crate) fn append_frame(&mut self, mut start: FrameStart, payload: &[u8], is_masked: bool) {
        let (mut header, mut rest) = (start.header(), payload);
        if payload.len() >= DIRECT_LEN
            && !is_masked
            && let Some(direct) = &mut self.direct
        {
            let n = direct([self.buffer, header, payload]);
            let (of_buffer, n) = split(n, self.buffer.len());
            let (of_header, of_payload) = split(n, header.len());
            self.buffer.drain(..of_buffer);
            (header, rest) = (&header[of_header..], &payload[of_payload..]);
        }
        self.append(header);
        let at = self.buffer.len();
        self.append(rest);
        if is_masked {
            start.mask(&mut self.buffer[at..]);
        }
    }
}

/// Splits `n` into what falls into the first `len`, and the rest.
fn split(n: usize, len: usize) -> (usize, usize) {
    let first = n.min(len);
    (first, n - first)
}

/// From this length on, a system call more costs less than a copy.
const DIRECT_LEN: usize = 32 * 1024;

#[cfg(test)]
mod tests {
    use wirelet::{Chunk, Connection, Server};

    use super::*;

    #[test]
    fn whatever_the_socket_takes_nothing_is_lost_or_sent_twice() {
        let payload: Vec<u8> = (0..=250).cycle().take(DIRECT_LEN).collect();
        let frame = || Connection::new(Server).start(&Chunk::whole(&payload[..])).unwrap();
        let all = [b"before", frame().header(), &payload].concat();
        for taken in [0, 1, 5, 6, 7, 9, 10, 11, 12, 1000, all.len() - 1, all.len()] {
            let mut sent = Vec::new();
            let mut buffer = b"before".to_vec();
            let mut direct = |pieces: [&[u8]; 3]| {
                sent.extend_from_slice(&pieces.concat()[..taken]);
                taken
            };
            let mut out = Out::with_direct(&mut buffer, &mut direct);
            out.append_frame(frame(), &payload, false);
            sent.extend_from_slice(&buffer);
            assert!(sent == all, "{taken} bytes taken");
        }
    }
}
