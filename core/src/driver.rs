//! What the blocking and the async driver share: all of it but the reads and writes.
//!
//! A driver repeats [`Receiving::step`] and does what it says, until something is there to be
//! taken; it writes out [`Sending::pending`] before it waits for input. No future holds anything
//! that these two do not hold, which is what makes cancellation safe.

use heapless::VecView;

use crate::buffers::{Window, copy};
use crate::handshake::{
    Acceptance, ClientRequest, HandshakeError, HeadScanner, Key, MAX_INTERIM_RESPONSES, Request,
    RequestError, Response,
};
use crate::inbox::message;
use crate::{
    Buffers, CapacityError, Chunk, Close, Error, Event, FrameStart, Inbox, Incoming, Kind, Message,
    Outgoing, ProtocolError, Role, SendError, Store,
};

/// Tells what the peer sent: data, which is a [`Message`] or a [`Chunk`], or a control frame.
///
/// ```
/// use wirelet::{Close, Message, Received};
///
/// fn show(received: Received<'_, Message<'_>>) -> bool {
///     match received {
///         Received::Data(message) => message.as_bytes() != b"bye",
///         Received::Ping(_) | Received::Pong(_) => true, // pings are answered already
///         Received::Close(_) => false,                   // so is the close
///     }
/// }
/// assert!(show(Received::Data(Message::Text("hello"))));
/// assert!(!show(Received::Close(Close::EMPTY)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Received<'m, D> {
    /// A message or a chunk of one.
    Data(D),
    /// A ping with its payload, at most 125 bytes.
    Ping(&'m [u8]),
    /// A pong with its payload, at most 125 bytes.
    Pong(&'m [u8]),
    /// The peer's close frame. Nothing follows it.
    Close(Close<'m>),
}

/// Says when the driver calls `flush` of the transport, after it has written all that waits.
///
/// ```
/// use wirelet::Flush;
///
/// assert_eq!(Flush::default(), Flush::Batch);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Flush {
    /// Once per batch: after a send, and before waiting for input. For transports that keep bytes
    /// back, such as TLS.
    #[default]
    Batch,
    /// Only when the application calls `flush`. For transports that send by themselves and whose
    /// flush waits for the peer's ACK, such as embassy-net's TCP socket.
    Manual,
}

/// What the receiving half of a driver has to reply, if anything; made by its `reply` for `answer`
/// of the sending half.
#[derive(Debug)]
pub struct Reply<'r, Ro>(pub(crate) &'r mut Incoming<Ro>);

/// The receiving half of a driver, without its socket.
#[derive(Debug)]
pub(crate) struct Receiving<'b, Ro> {
    pub(crate) incoming: Incoming<Ro>,
    pub(crate) window: Window<'b>,
    inbox: Inbox<&'b mut VecView<u8>>,
    found: Option<Found>,
}

/// What the driver has to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Read into the window, all of which is space.
    Read,
    /// Hand the waiting reply to [`Sending::reply`].
    Reply,
    /// Take what was found.
    Ready,
}

/// What has been received and waits to be taken.
#[derive(Clone, Copy, Debug)]
enum Found {
    /// The last `len` bytes that the window consumed.
    Chunk {
        kind: Kind,
        first: bool,
        last: bool,
        remaining: u64,
        len: usize,
    },
    /// The content of the inbox.
    Joined(Kind),
    Ping,
    Pong,
    Close,
    Failed(Failure),
}

/// Why receiving came to an end, other than by the transport.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Failure {
    Protocol(ProtocolError),
    Capacity(CapacityError),
    Closed,
}

impl<E> From<Failure> for Error<E> {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Protocol(error) => Self::Protocol(error),
            Failure::Capacity(error) => Self::Capacity(error),
            Failure::Closed => Self::Closed,
        }
    }
}

impl<Ro: Role> Receiving<'_, Ro> {
    /// Goes on until a message is whole.
    pub(crate) fn step_message(&mut self) -> Step {
        loop {
            let step = self.step();
            let (Step::Ready, Some(Found::Chunk { kind, first, last, remaining, len })) =
                (step, self.found)
            else {
                return step;
            };
            if first && last {
                return step;
            }
            let chunk = Chunk::received(kind, self.window.consumed(len), first, last, remaining);
            self.found = match self.inbox.join(&chunk) {
                Ok(false) => None,
                Ok(true) => Some(Found::Joined(kind)),
                Err(error) => {
                    self.incoming.fail(CapacityError::CLOSE_CODE);
                    self.window.clear();
                    Some(Found::Failed(Failure::Capacity(error)))
                }
            };
        }
    }

    /// Goes on until there is something to take.
    pub(crate) fn step(&mut self) -> Step {
        loop {
            // What was found is told after it has been answered, so that an application that
            // leaves at a close has closed properly.
            if self.incoming.has_reply() {
                return Step::Reply;
            }
            if self.found.is_some() {
                return Step::Ready;
            }
            if self.window.is_empty() {
                if self.incoming.is_ended() {
                    self.found = Some(Found::Failed(Failure::Closed));
                    return Step::Ready;
                }
                self.window.clear();
                return Step::Read;
            }
            self.found = match self.incoming.receive(self.window.filled_mut()) {
                Ok(progress) => {
                    let found = progress.event.map(Found::from);
                    let consumed = progress.consumed;
                    self.window.consume(consumed);
                    found
                }
                Err(error) => {
                    self.window.clear();
                    Some(Found::Failed(Failure::Protocol(error)))
                }
            };
        }
    }

    /// Tells whether something waits to be taken.
    pub(crate) const fn has_found(&self) -> bool {
        self.found.is_some()
    }

    pub(crate) fn take_message(&mut self) -> Result<Received<'_, Message<'_>>, Failure> {
        match self.found.take() {
            Some(Found::Chunk { kind, len, .. }) => {
                Ok(Received::Data(message(kind, self.window.consumed(len))))
            }
            Some(Found::Joined(kind)) => Ok(Received::Data(self.inbox.message(kind))),
            other => self.control(other),
        }
    }

    pub(crate) fn take_chunk(&mut self) -> Result<Received<'_, Chunk<'_>>, Failure> {
        match self.found.take() {
            Some(Found::Chunk { kind, first, last, remaining, len }) => {
                let bytes = self.window.consumed(len);
                Ok(Received::Data(Chunk::received(kind, bytes, first, last, remaining)))
            }
            Some(Found::Joined(kind)) => {
                let bytes = self.inbox.store().as_bytes();
                Ok(Received::Data(Chunk::received(kind, bytes, true, true, 0)))
            }
            other => self.control(other),
        }
    }

    fn control<D>(&self, found: Option<Found>) -> Result<Received<'_, D>, Failure> {
        match found {
            Some(Found::Ping) => Ok(Received::Ping(self.incoming.control_payload())),
            Some(Found::Pong) => Ok(Received::Pong(self.incoming.control_payload())),
            Some(Found::Close) => {
                Ok(Received::Close(self.incoming.close_received().unwrap_or(Close::EMPTY)))
            }
            Some(Found::Failed(failure)) => Err(failure),
            // Data is taken by the callers.
            Some(Found::Chunk { .. } | Found::Joined(_)) | None => Err(Failure::Closed),
        }
    }
}

impl From<Event<'_>> for Found {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Chunk(chunk) => Self::Chunk {
                kind: chunk.kind(),
                first: chunk.is_first(),
                last: chunk.is_last(),
                remaining: chunk.remaining(),
                len: chunk.as_bytes().len(),
            },
            Event::Ping => Self::Ping,
            Event::Pong => Self::Pong,
            Event::Close => Self::Close,
        }
    }
}

/// The sending half of a driver, without its socket.
#[derive(Debug)]
pub(crate) struct Sending<'b, Ro> {
    pub(crate) outgoing: Outgoing<Ro>,
    pub(crate) window: Window<'b>,
    /// A frame that did not fit the window is being written; it ends with the window's content
    /// and what the caller still holds.
    pub(crate) unfinished: bool,
    /// The transport took bytes since it was flushed last.
    pub(crate) unflushed: bool,
    pub(crate) flush: Flush,
}

impl<Ro: Role> Sending<'_, Ro> {
    /// Bytes that wait for the transport.
    pub(crate) fn pending(&self) -> &[u8] {
        self.window.filled()
    }

    /// Notes that the transport took `n` of [`pending`](Self::pending).
    pub(crate) fn written(&mut self, n: usize) {
        self.unflushed = true;
        self.window.consume(n);
        if self.window.is_empty() {
            self.window.clear();
        }
    }

    /// Queues a whole frame that `encode` writes, or nothing.
    pub(crate) fn queue(
        &mut self,
        encode: impl FnOnce(&mut Outgoing<Ro>, &mut [u8]) -> Result<usize, SendError>,
    ) -> Result<(), SendError> {
        if self.unfinished {
            return Err(SendError::FrameUnfinished);
        }
        let n = encode(&mut self.outgoing, self.window.space())?;
        self.window.fill(n);
        Ok(())
    }

    /// Tells whether a frame with `payload_len` bytes of payload fits behind what waits.
    pub(crate) fn has_room(&mut self, payload_len: usize) -> bool {
        Outgoing::<Ro>::frame_len(payload_len) <= self.window.space().len()
    }

    /// Checks that the frame of a chunk would fit the empty window.
    pub(crate) fn check_len(&self, chunk: &Chunk<'_>) -> Result<(), SendError> {
        let needed = Outgoing::<Ro>::frame_len(chunk.as_bytes().len());
        if needed > self.window.capacity() { Err(SendError::OutOfSpace { needed }) } else { Ok(()) }
    }

    /// Begins a frame that fits, or is longer than the empty window: queues its header.
    pub(crate) fn start(&mut self, chunk: &Chunk<'_>) -> Result<FrameStart, SendError> {
        if self.unfinished {
            return Err(SendError::FrameUnfinished);
        }
        let start = self.outgoing.start(chunk)?;
        self.unfinished = true;
        let n = copy(start.header(), self.window.space());
        self.window.fill(n);
        Ok(start)
    }

    /// Queues as much of `payload` as fits; returns what is left of it.
    pub(crate) fn fill<'p>(&mut self, start: &mut FrameStart, payload: &'p [u8]) -> &'p [u8] {
        let len = copy(payload, self.window.space());
        start.mask(self.window.space().get_mut(..len).unwrap_or_default());
        self.window.fill(len);
        payload.get(len..).unwrap_or_default()
    }
}

/// Begins a driver after the handshake; what the receive window holds are frames.
pub(crate) fn start<Ro: Role>(
    role: Ro,
    buffers: Buffers<'_>,
) -> (Receiving<'_, Ro>, Sending<'_, Ro>) {
    let (incoming, outgoing) = crate::Connection::new(role).split();
    let Buffers { receive, message, transmit } = buffers;
    let receiving =
        Receiving { incoming, window: receive, inbox: Inbox::new(message), found: None };
    let sending = Sending {
        outgoing,
        window: transmit,
        unfinished: false,
        unflushed: false,
        flush: Flush::default(),
    };
    (receiving, sending)
}

/// Looks for the end of a request's head in what has been received.
pub(crate) fn scan_request(
    scanner: &mut HeadScanner,
    window: &mut Window<'_>,
) -> Result<Option<usize>, RequestError> {
    match scanner.scan(window.filled())? {
        Some(len) => {
            Request::of_scanned(window.filled().get(..len).unwrap_or_default())?;
            Ok(Some(len))
        }
        None if window.space().is_empty() => Err(RequestError::HeadTooLong),
        None => Ok(None),
    }
}

/// Queues the acceptance of the request, and leaves the frames behind it in the window.
pub(crate) fn accept(
    buffers: &mut Buffers<'_>,
    head_len: usize,
    acceptance: &Acceptance<'_>,
) -> Result<(), HandshakeError> {
    let head = buffers.receive.filled().get(..head_len).unwrap_or_default();
    let request = Request::of_scanned(head)?;
    let n = request.upgrade()?.accept(acceptance, buffers.transmit.space())?;
    buffers.transmit.fill(n);
    buffers.receive.consume(head_len);
    Ok(())
}

/// Looks for the end of a response's head in what has been received, behind interim ones.
pub(crate) fn scan_response(
    scanner: &mut HeadScanner,
    n_interim: &mut u8,
    window: &mut Window<'_>,
) -> Result<Option<usize>, HandshakeError> {
    while let Some(len) = scanner.scan_response(window.filled_mut())? {
        let head = window.filled().get(..len).unwrap_or_default();
        if !Response::of_scanned(head)?.is_interim() || *n_interim == MAX_INTERIM_RESPONSES {
            return Ok(Some(len));
        }
        *n_interim += 1;
        *scanner = HeadScanner::new();
        window.consume(len);
    }
    if window.space().is_empty() { Err(HandshakeError::HeadTooLong) } else { Ok(None) }
}

/// Checks the response to a request.
pub(crate) fn verify<'w>(
    request: &ClientRequest<'_>,
    key: &Key,
    window: &'w Window<'_>,
    head_len: usize,
) -> Result<Response<'w>, HandshakeError> {
    let head = window.filled().get(..head_len).unwrap_or_default();
    Ok(request.verify(key, head)?)
}
