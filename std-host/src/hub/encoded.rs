//! A message as the frames of a server, for one connection or for many.

use std::sync::Arc;

use wirelet::{Chunk, Header, Message, Server};

use crate::compression::Counters;
use crate::endpoint::Endpoint;
use crate::endpoint::deflate::Codec;
use crate::endpoint::out::Out;
use crate::hub::peer::Peer;

/// A message, encoded once for all that have agreed on the same.
pub(super) struct Encoded<'m> {
    message: Message<'m>,
    frame_bytes: usize,
    counters: &'m Counters,
    plain: Option<Arc<[u8]>>,
    /// By the bits of the window.
    compressed: Vec<(u8, Arc<[u8]>)>,
}

impl<'m> Encoded<'m> {
    pub(super) const fn new(
        message: Message<'m>,
        frame_bytes: usize,
        counters: &'m Counters,
    ) -> Self {
        Self { message, frame_bytes, counters, plain: None, compressed: Vec::new() }
    }

    /// Returns the frames for a connection.
    pub(super) fn frames(&mut self, peer: &Peer) -> &Arc<[u8]> {
        let (message, frame_bytes) = (self.message, self.frame_bytes);
        let agreement =
            peer.compression().filter(|agreement| message.as_bytes().len() >= agreement.threshold);
        let Some(agreement) = agreement else {
            return self.plain.get_or_insert_with(|| encode(message, frame_bytes, None));
        };
        let window_bits = agreement.sent.window_bits;
        let at = self.compressed.iter().position(|(bits, _)| *bits == window_bits);
        let at = at.unwrap_or_else(|| {
            // It refers to nothing before, as the peers have not all got the same.
            let codec = Codec::new(*agreement, None, Some(self.counters));
            let frames = encode(message, frame_bytes, Some(&codec));
            self.compressed.push((window_bits, frames));
            self.compressed.len() - 1
        });
        &self.compressed[at].1
    }
}

fn encode(message: Message<'_>, frame_bytes: usize, codec: Option<&Codec<'_>>) -> Arc<[u8]> {
    let mut frames = Vec::with_capacity(message.as_bytes().len() + Header::MAX_LEN);
    let mut endpoint = Endpoint::new(Server, false);
    let mut link = endpoint.link(Out::gather(&mut frames), codec);
    let sent = link.send_in_frames(&Chunk::whole(message), frame_bytes);
    debug_assert!(sent.is_ok(), "a new connection refuses no whole message");
    frames.into()
}
