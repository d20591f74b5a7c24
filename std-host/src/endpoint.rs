//! The engine with storage that a host allocates: one end of a connection, without its socket.

use wirelet::{
    CapacityError, Chunk, Close, CloseCode, Connection, Event, Inbox, Message, ProtocolError,
    Received, Role, SendError, Store,
};

use crate::out::Out;
use crate::spare;

/// A connection and the storage for its messages.
#[derive(Debug)]
pub(crate) struct Endpoint<Ro> {
    connection: Connection<Ro>,
    inbox: Inbox<Growing>,
    /// Fragments without a byte in the message in progress.
    n_empty: u16,
}

/// The sending side of an [`Endpoint`], while something that was received is still lent.
pub(crate) struct Link<'c, Ro> {
    connection: &'c mut Connection<Ro>,
    out: Out<'c>,
}

/// Why receiving failed; the peer's close frame is in the output already.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Failure {
    Protocol(ProtocolError),
    Capacity(CapacityError),
    EmptyFragments,
}

impl Failure {
    const fn close_code(self) -> CloseCode {
        match self {
            Self::Protocol(error) => error.close_code(),
            Self::Capacity(_) => CapacityError::CLOSE_CODE,
            Self::EmptyFragments => CloseCode::POLICY_VIOLATION,
        }
    }
}

impl<Ro: Role> Endpoint<Ro> {
    /// Joins messages of at most `message_bytes`.
    pub(crate) fn new(role: Ro, message_bytes: usize) -> Self {
        let store = Growing { bytes: None, limit: message_bytes };
        Self { connection: Connection::new(role), inbox: Inbox::new(store), n_empty: 0 }
    }

    /// Takes all of `input`, calls `on` for what it brings, and appends replies to `out`.
    pub(crate) fn receive(
        &mut self,
        mut input: &mut [u8],
        out: &mut Out<'_>,
        mut on: impl FnMut(Received<'_, Message<'_>>, &mut Link<'_, Ro>),
    ) -> Result<(), Failure> {
        while !input.is_empty() {
            let n = self.receive_next(input, out, &mut on)?;
            input = input.get_mut(n..).unwrap_or_default();
        }
        Ok(())
    }

    /// As [`receive`](Self::receive), up to the first thing that `on` is called for; returns how
    /// much of `input` it took.
    pub(crate) fn receive_next(
        &mut self,
        mut input: &mut [u8],
        out: &mut Out<'_>,
        mut on: impl FnMut(Received<'_, Message<'_>>, &mut Link<'_, Ro>),
    ) -> Result<usize, Failure> {
        let mut n = 0;
        while !input.is_empty() {
            let progress = match self.connection.receive(input) {
                Ok(progress) => progress,
                Err(error) => {
                    self.reply(out);
                    return Err(Failure::Protocol(error));
                }
            };
            let consumed = progress.consumed;
            n += consumed;
            match progress.event {
                None => {}
                Some(Event::Chunk(chunk)) => {
                    if let Err(failure) = self.check(&chunk) {
                        self.fail(failure, out);
                        return Err(failure);
                    }
                    match self.inbox.push(chunk) {
                        Ok(None) => {}
                        Ok(Some(message)) => {
                            let out = out.reborrow();
                            let link = &mut Link { connection: &mut self.connection, out };
                            on(Received::Data(message), link);
                            self.inbox.clear();
                            return Ok(n);
                        }
                        Err(error) => {
                            self.fail(Failure::Capacity(error), out);
                            return Err(Failure::Capacity(error));
                        }
                    }
                }
                Some(event) => {
                    self.control(event, out, &mut on);
                    return Ok(n);
                }
            }
            input = input.get_mut(consumed..).unwrap_or_default();
        }
        Ok(n)
    }

    fn control(
        &mut self,
        event: Event<'_>,
        out: &mut Out<'_>,
        on: &mut impl FnMut(Received<'_, Message<'_>>, &mut Link<'_, Ro>),
    ) {
        let mut payload = [0; 125];
        let len = self.connection.control_payload().len();
        payload[..len].copy_from_slice(self.connection.control_payload());
        let payload = &payload[..len];
        self.reply(out);
        let received = match event {
            Event::Ping => Received::Ping(payload),
            Event::Pong => Received::Pong(payload),
            _ => Received::Close(Close::decode(payload).unwrap_or(Close::EMPTY)),
        };
        on(received, &mut Link { connection: &mut self.connection, out: out.reborrow() });
    }

    /// Lends the sending side, which appends to `out`.
    pub(crate) const fn link<'c>(&'c mut self, out: Out<'c>) -> Link<'c, Ro> {
        Link { connection: &mut self.connection, out }
    }

    /// Holds a chunk against the limits that the inbox does not know.
    fn check(&mut self, chunk: &Chunk<'_>) -> Result<(), Failure> {
        // A message that is whole in one chunk needs no storage.
        if chunk.as_bytes().len() > self.inbox.store().limit {
            return Err(Failure::Capacity(CapacityError));
        }
        if chunk.is_first() {
            self.n_empty = 0;
        }
        if chunk.as_bytes().is_empty() && !chunk.is_last() {
            self.n_empty += 1;
            if self.n_empty > EMPTY_FRAGMENTS {
                return Err(Failure::EmptyFragments);
            }
        }
        Ok(())
    }

    /// Fails the connection and appends the close frame.
    fn fail(&mut self, failure: Failure, out: &mut Out<'_>) {
        self.connection.fail(failure.close_code());
        self.reply(out);
    }

    /// Both ends have closed, or the connection has failed.
    pub(crate) fn is_closed(&self) -> bool {
        self.connection.is_closed()
    }

    /// A close frame has been sent.
    pub(crate) fn is_close_sent(&self) -> bool {
        self.connection.is_close_sent()
    }

    fn reply(&mut self, out: &mut Out<'_>) {
        let mut reply = [0; 131];
        loop {
            let n = self.connection.reply(&mut reply);
            if n == 0 {
                break;
            }
            out.append(&reply[..n]);
        }
    }
}

impl<Ro: Role> Link<'_, Ro> {
    /// Lends this link on.
    pub(crate) fn reborrow(&mut self) -> Link<'_, Ro> {
        Link { connection: self.connection, out: self.out.reborrow() }
    }

    /// Appends a message or a fragment as one frame.
    pub(crate) fn send(&mut self, chunk: &Chunk<'_>) -> Result<(), SendError> {
        let start = self.connection.start(chunk)?;
        self.out.append_frame(start, chunk.as_bytes(), Ro::IS_CLIENT);
        Ok(())
    }

    pub(crate) fn ping(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.append(|connection, out| connection.ping(payload, out))
    }

    pub(crate) fn close(&mut self, close: Close<'_>) -> Result<(), SendError> {
        self.append(|connection, out| connection.close(close, out))
    }

    /// Appends frames of this role that were encoded elsewhere.
    pub(crate) fn append_encoded(&mut self, frames: &[u8]) {
        self.out.append(frames);
    }

    fn append(
        &mut self,
        encode: impl FnOnce(&mut Connection<Ro>, &mut [u8]) -> Result<usize, SendError>,
    ) -> Result<(), SendError> {
        let mut frame = [0; 131];
        let n = encode(self.connection, &mut frame)?;
        self.out.append(&frame[..n]);
        Ok(())
    }
}

/// Storage that exists only while a message is being joined.
#[derive(Debug)]
struct Growing {
    #[expect(clippy::box_collection, reason = "most connections have none, and many are idle")]
    bytes: Option<Box<Vec<u8>>>,
    limit: usize,
}

impl Store for Growing {
    fn append(&mut self, bytes: &[u8]) -> Result<(), CapacityError> {
        if bytes.len() > self.room() {
            return Err(CapacityError);
        }
        self.bytes.get_or_insert_with(|| Box::new(spare::take())).extend_from_slice(bytes);
        Ok(())
    }

    fn room(&self) -> usize {
        self.limit.saturating_sub(self.as_bytes().len())
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.as_deref().map_or(&[], Vec::as_slice)
    }

    fn clear(&mut self) {
        if let Some(bytes) = self.bytes.take() {
            spare::give(*bytes);
        }
    }
}

/// How many fragments of one message may be empty. They are allowed (§5.4), but a message that
/// consists of nothing else would never reach its limit.
const EMPTY_FRAGMENTS: u16 = 1000;
