//! The types of both drivers, and what they do without their socket.

use core::marker::PhantomData;

use super::operations::{Last, Piece};
use super::{Flush, Receiving, Reply, Sending};
use crate::{Buffers, Close, Connection, Kind, Role, SendError};

/// A WebSocket over a socket `S`, driven by `D`: [`blocking::WebSocket`](crate::blocking::WebSocket)
/// or `asynch::WebSocket`.
///
/// It holds the state of the connection, 200 to 300 bytes that should be made where they stay; the
/// buffers lie where [`Buffers`] say.
#[derive(Debug)]
pub struct WebSocket<'b, S, Ro, D> {
    pub(crate) receiving: Receiving<'b, Ro>,
    pub(crate) sender: Sender<'b, S, Ro, D>,
}

/// The sending half of a [`WebSocket`], with the socket or its writing half.
#[derive(Debug)]
pub struct Sender<'b, W, Ro, D> {
    pub(crate) writer: W,
    pub(crate) sending: Sending<'b, Ro>,
    driver: PhantomData<D>,
}

/// The receiving half of a [`WebSocket`] after [`split`](WebSocket::split).
///
/// It cannot write, so what it has to reply goes through `answer` of the [`Sender`]: the application
/// decides what lock the two tasks share, if any. Without a reply no lock is needed, so receiving
/// goes on while a long send waits for the peer.
#[derive(Debug)]
pub struct Receiver<'b, R, Ro, D> {
    pub(crate) reader: R,
    pub(crate) receiving: Receiving<'b, Ro>,
    /// Where its replies belong.
    connection: usize,
    driver: PhantomData<D>,
}

/// Writes a message piece by piece; made by [`Sender::message`] and `Sender::message_of`.
///
/// It implements the `Write` of its driver. Until `finish`, the message is not whole: one of unknown
/// length is gone on with by the next [`Sender::message`]; the frame of one of known length lacks
/// [`unfinished`](Sender::unfinished) bytes, and no other frame can be sent before they are.
#[derive(Debug)]
pub struct Writer<'s, 'b, W, Ro, D> {
    pub(crate) sender: &'s mut Sender<'b, W, Ro, D>,
    kind: Kind,
    /// The message is one frame, whose length is known.
    is_framed: bool,
}

impl<'b, S, Ro: Role, D> WebSocket<'b, S, Ro, D> {
    /// Begins a connection; reads and writes nothing yet.
    ///
    /// What follows is `accept` of a server, `connect` of a client or, if the opening handshake was
    /// done elsewhere, anything else.
    pub fn new(socket: S, role: Ro, buffers: Buffers<'b>) -> Self {
        let Buffers { receive, message, transmit } = buffers;
        let (incoming, outgoing) = Connection::new(role).split();
        let sending = Sending::new(outgoing, transmit);
        Self {
            receiving: Receiving::new(incoming, receive, message),
            sender: Sender { writer: socket, sending, driver: PhantomData },
        }
    }

    /// Chooses when the transport is flushed.
    #[must_use]
    pub fn with_flush(mut self, flush: Flush) -> Self {
        self.sender.sending.flush = flush;
        self
    }

    /// Returns the sender, for pings and the like.
    pub const fn sender(&mut self) -> &mut Sender<'b, S, Ro, D> {
        &mut self.sender
    }

    /// Lends the socket.
    pub const fn socket(&self) -> &S {
        &self.sender.writer
    }

    /// Lends the socket, to set a time limit for example. What is read from or written to it is
    /// missing in the connection.
    pub const fn socket_mut(&mut self) -> &mut S {
        &mut self.sender.writer
    }

    /// Gives the socket back, with what was read from it and has not been handed out: behind the
    /// head of a plain request, the beginning of its body.
    pub fn into_parts(self) -> (S, &'b mut [u8]) {
        (self.sender.writer, self.receiving.into_unread())
    }

    /// Returns how many bytes have been read from the socket: if it grows, the peer is alive, also
    /// inside a long message. Feed it to [`Keepalive::progress`](crate::Keepalive::progress).
    pub const fn bytes_received(&self) -> u64 {
        self.receiving.n_received
    }

    /// Returns what the peer's close frame said, once it has come.
    pub fn close_received(&self) -> Option<Close<'_>> {
        self.receiving.incoming.close_received()
    }

    /// Tells whether a close frame has been sent, after which nothing else can be.
    pub const fn is_close_sent(&self) -> bool {
        self.sender.sending.outgoing.is_close_sent()
    }

    /// Gives the two directions to two owners, for full duplex; `halves` splits the socket.
    ///
    /// See [`Receiver`] for how its replies get to the [`Sender`], and [`unsplit`](Self::unsplit).
    pub fn split<R, W>(
        self,
        halves: impl FnOnce(S) -> (R, W),
    ) -> (Receiver<'b, R, Ro, D>, Sender<'b, W, Ro, D>) {
        let Sender { writer, sending, driver } = self.sender;
        let connection = sending.connection();
        let (reader, writer) = halves(writer);
        let receiver = Receiver { reader, receiving: self.receiving, connection, driver };
        (receiver, Sender { writer, sending, driver })
    }

    /// Puts the halves of one connection together again, to `finish` it for example; `join` does so
    /// with those of the socket.
    ///
    /// # Errors
    ///
    /// The halves themselves, if they are those of two connections.
    #[expect(clippy::result_large_err, clippy::type_complexity, reason = "nothing is lost")]
    pub fn unsplit<R, W>(
        receiver: Receiver<'b, R, Ro, D>,
        sender: Sender<'b, W, Ro, D>,
        join: impl FnOnce(R, W) -> S,
    ) -> Result<Self, (Receiver<'b, R, Ro, D>, Sender<'b, W, Ro, D>)> {
        if receiver.connection != sender.sending.connection() {
            return Err((receiver, sender));
        }
        let writer = join(receiver.reader, sender.writer);
        let sender = Sender { writer, sending: sender.sending, driver: sender.driver };
        Ok(Self { receiving: receiver.receiving, sender })
    }
}

impl<'b, W, Ro: Role, D> Sender<'b, W, Ro, D> {
    /// Begins, or goes on with, a message of unknown length, which is sent in as many fragments as
    /// it takes: what is written is queued, a fragment for each write and at most as long as the
    /// transmit buffer, until [`Writer`] is finished.
    pub const fn message(&mut self, kind: Kind) -> Writer<'_, 'b, W, Ro, D> {
        Writer { sender: self, kind, is_framed: false }
    }

    /// Goes on with the frame that was begun.
    pub(crate) const fn frame(&mut self, kind: Kind) -> Writer<'_, 'b, W, Ro, D> {
        Writer { sender: self, kind, is_framed: true }
    }

    /// Returns how many bytes of payload the frame in progress lacks, if there is one: of a message
    /// of known length, or of a send that was interrupted.
    pub const fn unfinished(&self) -> usize {
        self.sending.outgoing.unfinished()
    }

    /// Checks that a whole message may begin now.
    ///
    /// # Errors
    ///
    /// Why not; see [`Outgoing::may_begin`](crate::Outgoing::may_begin).
    pub fn may_begin(&self) -> Result<(), SendError> {
        self.sending.outgoing.may_begin()
    }
}

impl<R, Ro: Role, D> Receiver<'_, R, Ro, D> {
    /// Returns what has to be replied, for `answer` of the [`Sender`]; `None` when nothing waits.
    pub fn reply(&mut self) -> Option<Reply<'_, Ro>> {
        let incoming = &mut self.receiving.incoming;
        incoming.has_reply().then_some(Reply { incoming, connection: self.connection })
    }

    /// Returns how many bytes have been read; see [`WebSocket::bytes_received`].
    pub const fn bytes_received(&self) -> u64 {
        self.receiving.n_received
    }
}

impl<W, Ro: Role, D> Writer<'_, '_, W, Ro, D> {
    /// What writes some of `bytes`.
    pub(crate) fn piece<'m>(&self, bytes: &'m [u8]) -> Piece<'m> {
        let Self { kind, is_framed, .. } = *self;
        let fragment = self.sender.sending.fragment(kind, bytes, false);
        Piece { kind, is_framed, bytes: if is_framed { bytes } else { fragment.as_bytes() } }
    }

    /// What ends the message.
    pub(crate) const fn last(&self) -> Last {
        Last { kind: self.kind, is_framed: self.is_framed }
    }
}
