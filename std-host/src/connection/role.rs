//! Which of the two ends this is.

use std::ops::ControlFlow;

use wirelet::{Chunk, Close, Message, ProtocolError, Received, SendError, Server};

use crate::compression::Agreement;
use crate::connection::message::OwnedMessage;
use crate::endpoint::Endpoint;
use crate::endpoint::deflate::{Codec, Takeover};
use crate::endpoint::out::Out;
use crate::random::SeededRandom;

/// An endpoint in either role, with what compresses for it.
#[derive(Debug)]
pub(crate) struct Either {
    end: End,
    agreement: Option<Agreement>,
    takeover: Option<Box<Takeover>>,
}

#[derive(Debug)]
enum End {
    /// The end that connected.
    Client(Endpoint<wirelet::Client<SeededRandom>>),
    /// The end that was connected to.
    Server(Endpoint<Server>),
}

/// Does the same for both.
macro_rules! each {
    ($either:expr, $endpoint:ident => $work:expr) => {
        match &mut $either.end {
            End::Client($endpoint) => $work,
            End::Server($endpoint) => $work,
        }
    };
}

impl Either {
    pub(crate) fn client(random: SeededRandom, agreement: Option<Agreement>) -> Self {
        let endpoint = Endpoint::new(wirelet::Client(random), agreement.is_some());
        Self::new(End::Client(endpoint), agreement)
    }

    pub(crate) fn server(agreement: Option<Agreement>) -> Self {
        Self::new(End::Server(Endpoint::new(Server, agreement.is_some())), agreement)
    }

    fn new(end: End, agreement: Option<Agreement>) -> Self {
        Self { end, agreement, takeover: agreement.as_ref().and_then(Takeover::of) }
    }

    pub(super) const fn is_server(&self) -> bool {
        matches!(self.end, End::Server(_))
    }

    /// Lends what compresses.
    fn codec(agreement: Option<Agreement>, takeover: Option<&Takeover>) -> Option<Codec<'_>> {
        agreement.map(|agreement| Codec::new(agreement, takeover, None))
    }

    /// Takes received bytes, as [`Endpoint::receive`] does, up to the first thing that they bring.
    pub(super) fn receive(
        &mut self,
        of_rest: usize,
        input: &mut [u8],
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<(usize, Option<OwnedMessage>), ProtocolError> {
        let mut first = None;
        let out = &mut Out::gather(out);
        let take = |received: Received<'_, Message<'_>>| {
            first = Some(received.into());
            ControlFlow::Break(())
        };
        let n = self.receive_each(of_rest, input, limit, out, take)?;
        Ok((n, first))
    }

    fn receive_each(
        &mut self,
        of_rest: usize,
        input: &mut [u8],
        limit: usize,
        out: &mut Out<'_>,
        mut take: impl FnMut(Received<'_, Message<'_>>) -> ControlFlow<()>,
    ) -> Result<usize, ProtocolError> {
        let codec = Self::codec(self.agreement, self.takeover.as_deref());
        each!(self, endpoint => {
            endpoint.receive(of_rest, input, limit, codec.as_ref(), out, |received, _| take(received))
        })
    }

    /// Appends the close frame that tells the peer of its violation.
    pub(super) fn tell(&mut self, out: &mut Vec<u8>) {
        each!(self, endpoint => endpoint.reply(&mut Out::gather(out)));
    }

    /// Lends the place for the rest of a long message, as [`Endpoint::rest`] does.
    pub(super) fn rest(&mut self) -> &mut [u8] {
        each!(self, endpoint => endpoint.rest())
    }

    pub(super) fn is_close_sent(&self) -> bool {
        match &self.end {
            End::Client(endpoint) => endpoint.is_close_sent(),
            End::Server(endpoint) => endpoint.is_close_sent(),
        }
    }

    /// Appends a message or a fragment, as [`Link::send_in_frames`](crate::endpoint::Link::send_in_frames) does.
    pub(super) fn send(
        &mut self,
        chunk: &Chunk<'_>,
        frame_bytes: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        let codec = Self::codec(self.agreement, self.takeover.as_deref());
        each!(self, endpoint => {
            endpoint.link(Out::gather(out), codec.as_ref()).send_in_frames(chunk, frame_bytes)
        })
    }

    pub(super) fn ping(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), SendError> {
        each!(self, endpoint => endpoint.link(Out::gather(out), None).ping(payload))
    }

    pub(super) fn pong(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), SendError> {
        each!(self, endpoint => endpoint.link(Out::gather(out), None).pong(payload))
    }

    pub(super) fn close(&mut self, close: Close<'_>, out: &mut Vec<u8>) -> Result<(), SendError> {
        each!(self, endpoint => endpoint.link(Out::gather(out), None).close(close))
    }
}
