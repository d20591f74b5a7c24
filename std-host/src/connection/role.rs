//! Which of the two ends this is.

use std::ops::ControlFlow;

use wirelet::{Chunk, Close, Message, ProtocolError, Received, SendError, Server};

use crate::connection::message::OwnedMessage;
use crate::endpoint::Endpoint;
use crate::endpoint::out::Out;
use crate::random::SeededRandom;

/// An endpoint in either role.
#[derive(Debug)]
pub(crate) enum Either {
    /// The end that connected.
    Client(Endpoint<wirelet::Client<SeededRandom>>),
    /// The end that was connected to.
    Server(Endpoint<Server>),
}

/// Does the same for both.
macro_rules! each {
    ($either:expr, $endpoint:ident => $work:expr) => {
        match $either {
            Either::Client($endpoint) => $work,
            Either::Server($endpoint) => $work,
        }
    };
}

impl Either {
    pub(crate) fn client(random: SeededRandom) -> Self {
        Self::Client(Endpoint::new(wirelet::Client(random)))
    }

    pub(crate) fn server() -> Self {
        Self::Server(Endpoint::new(Server))
    }

    pub(super) const fn is_server(&self) -> bool {
        matches!(self, Self::Server(_))
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
        each!(self, endpoint => {
            endpoint.receive(of_rest, input, limit, out, |received, _| take(received))
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
        each!(self, endpoint => endpoint.is_close_sent())
    }

    /// Appends a message or a fragment, as [`Link::send_in_frames`](crate::endpoint::Link::send_in_frames) does.
    pub(super) fn send(
        &mut self,
        chunk: &Chunk<'_>,
        frame_bytes: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        each!(self, endpoint => {
            endpoint.link(Out::gather(out)).send_in_frames(chunk, frame_bytes)
        })
    }

    pub(super) fn ping(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), SendError> {
        each!(self, endpoint => endpoint.link(Out::gather(out)).ping(payload))
    }

    pub(super) fn pong(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), SendError> {
        each!(self, endpoint => endpoint.link(Out::gather(out)).pong(payload))
    }

    pub(super) fn close(&mut self, close: Close<'_>, out: &mut Vec<u8>) -> Result<(), SendError> {
        each!(self, endpoint => endpoint.link(Out::gather(out)).close(close))
    }
}
