//! The driver over the blocking traits of embedded-io.

use embedded_io::{ErrorType, Read, Write};

use crate::driver::{
    self, Acceptable, Begin, Control, End, Frame, Handshake, Next, Opening, Operation, Payload,
    Put, Requested, Responded, SendingStep, ShortFrame, Step, Then, Want,
};
use crate::handshake::{
    Acceptance, ClientRequest, Key, Refusal, Request, Response, SwitchingProtocols, Upgrade,
};
use crate::{
    Chunk, Client, Close, Error, Kind, Message, Opcode, Random, Received, Reply, Role, Server,
};

/// Marks the types of this driver.
#[derive(Debug)]
pub enum Driver {}

/// A WebSocket over a blocking socket `S`.
///
/// [`receive`](Self::receive) returns what came together with the [`Sender`], so that a message
/// can be answered while it is still lent from the buffers. Pings and closes are answered inside.
///
/// ```
/// use embedded_io::{Read, Write};
/// use wirelet::blocking::WebSocket;
/// use wirelet::handshake::Acceptance;
/// use wirelet::{Error, Received, Server, Storage};
///
/// fn echo<S: Read + Write>(socket: S) -> Result<(), Error<S::Error>> {
///     let mut storage = Storage::<1024, 1024, 256>::new();
///     let mut ws = WebSocket::new(socket, Server, storage.buffers());
///     ws.accept(&Acceptance::new())?;
///     loop {
///         match ws.receive()? {
///             (Received::Data(message), sender) => sender.send(message)?,
///             (Received::Ping(_) | Received::Pong(_), _) => {}
///             (Received::Close(_), _) => return ws.finish(),
///         }
///     }
/// }
/// ```
///
/// # Errors of the transport
///
/// A time-out, or "would block" of a socket set so, loses nothing: the error says whether to call
/// again what was called ([`Error::Transport`]) or, as it is queued, only
/// [`flush`](Sender::flush) ([`Error::Unflushed`]). Where the peer is gone (a broken pipe, a reset), what it
/// has said before is told first, without an answer, and then the failure.
///
/// # Two ends that both send
///
/// While this end sends, it does not receive. If the peer does the same, and both have more to say
/// than fits the buffers on the way, each waits for the other for ever. So it goes with an echo by
/// [`receive_chunk`](Self::receive_chunk) of messages longer than that, to a peer that reads only
/// when it has sent all. Echo whole messages, or let the peer that sends much
/// [`split`](Self::split) its WebSocket and receive at the same time; and set a time limit on the
/// socket, so that a peer that never reads is noticed.
pub type WebSocket<'b, S, Ro> = driver::WebSocket<'b, S, Ro, Driver>;

/// The sending half of a [`WebSocket`], with the socket or its writing half.
///
/// ```
/// use embedded_io::Write;
/// use wirelet::blocking::Sender;
/// use wirelet::{Chunk, Error, Kind, Server};
///
/// fn report<W: Write<Error: 'static>>(
///     sender: &mut Sender<'_, W, Server>,
/// ) -> Result<(), Error<W::Error>> {
///     sender.queue("one write")?;
///     sender.queue("for two messages")?;
///     sender.flush()?;
///     sender.send(Chunk::first("a message "))?;
///     sender.send(Chunk::last("in two fragments"))?;
///     let mut writer = sender.message(Kind::Text); // in as many as it takes
///     writer.write_all(b"21.5 ")?;
///     writer.write_all("°C".as_bytes())?;
///     writer.finish()
/// }
/// ```
pub type Sender<'b, W, Ro> = driver::Sender<'b, W, Ro, Driver>;

/// The receiving half of a [`WebSocket`] after [`split`](WebSocket::split).
///
/// ```no_run
/// use std::net::TcpStream;
/// use std::sync::Mutex;
/// use embedded_io_adapters::std::FromStd;
/// use wirelet::blocking::WebSocket;
/// use wirelet::{Received, Storage};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let stream = TcpStream::connect("127.0.0.1:8567")?;
/// let mut storage = Storage::<1024, 4096, 256>::new();
/// let ws = WebSocket::new(FromStd::new(&stream), wirelet::Server, storage.buffers());
/// let (mut receiver, sender) = ws.split(|_| (FromStd::new(&stream), FromStd::new(&stream)));
/// let sender = Mutex::new(sender);
/// std::thread::scope(|threads| {
///     threads.spawn(|| sender.lock().unwrap().send("from another thread"));
///     loop {
///         let received = receiver.receive();
///         let done = matches!(received, Ok(Received::Close(_)) | Err(_));
///         if let Some(reply) = receiver.reply() {
///             sender.lock().unwrap().answer(reply).ok();
///         }
///         if done {
///             break;
///         }
///     }
/// });
/// # Ok(())
/// # }
/// ```
pub type Receiver<'b, R, Ro> = driver::Receiver<'b, R, Ro, Driver>;

/// Writes a message piece by piece, through [`embedded_io::Write`]; made by [`Sender::message`] and
/// [`Sender::message_of`].
///
/// ```
/// use embedded_io::Write;
/// use wirelet::blocking::Sender;
/// use wirelet::{Error, Kind, Server};
///
/// fn picture<W: Write<Error: 'static>>(
///     sender: &mut Sender<'_, W, Server>,
///     rows: &[[u8; 320]],
/// ) -> Result<(), Error<W::Error>> {
///     let mut writer = sender.message_of(Kind::Binary, rows.len() * 320)?; // one frame
///     for row in rows {
///         writer.write_all(row)?;
///     }
///     writer.finish()
/// }
/// ```
pub type Writer<'s, 'b, W, Ro> = driver::Writer<'s, 'b, W, Ro, Driver>;

type Result<T, S> = core::result::Result<T, Error<<S as ErrorType>::Error>>;

/// The opening handshake of a server.
///
/// Each call can be made again after an error of the transport, and goes on where it was.
///
/// ```
/// use embedded_io::{Read, Write};
/// use wirelet::blocking::WebSocket;
/// use wirelet::handshake::{Acceptance, Refusal, Status};
/// use wirelet::{Buffers, Error, Server};
///
/// fn open<S: Read + Write>(socket: S, buffers: Buffers<'_>) -> Result<(), Error<S::Error>> {
///     let mut ws = WebSocket::new(socket, Server, buffers);
///     let request = ws.request()?;
///     match (request.path(), request.is_upgrade()) {
///         ("/ws", true) => {
///             let subprotocol = ws.upgrade()?.choose_subprotocol(&["mqtt"]);
///             ws.accept(&Acceptance::new().subprotocol(subprotocol))
///         }
///         ("/", false) => {
///             let (mut socket, _body) = ws.into_parts();
///             socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi\n")?;
///             Ok(())
///         }
///         _ => ws.refuse(&Refusal::new(Status::NOT_FOUND)),
///     }
/// }
/// ```
impl<S: Read + Write> WebSocket<'_, S, Server> {
    /// Reads until the head of the request is whole, and lends it. It must fit the receive buffer;
    /// frames that follow it at once are kept.
    ///
    /// # Errors
    ///
    /// [`Error::Handshake`] for what is no HTTP request, which was refused with 400 or 431.
    /// [`Error::UnexpectedEof`] and [`Error::Transport`].
    pub fn request(&mut self) -> Result<Request<'_>, S> {
        self.run(Requested)?;
        Ok(self.receiving.request()?)
    }

    /// Reads the request and checks that it is a handshake, whose origin and subprotocols it lends.
    ///
    /// # Errors
    ///
    /// [`Error::Handshake`]: it is none, and was refused with the right status.
    /// [`Error::UnexpectedEof`] and [`Error::Transport`].
    pub fn upgrade(&mut self) -> Result<Upgrade<'_>, S> {
        self.run(Handshake)?;
        Ok(self.receiving.upgrade()?)
    }

    /// Reads the request and accepts it; by default, unless it comes from a page of another origin.
    /// After an error of the transport, call again with the same `acceptance`, and nothing else before.
    ///
    /// # Errors
    ///
    /// [`Error::Handshake`]: the request was refused with the right status, or `acceptance` is not
    /// valid, and nothing was sent. [`Error::UnexpectedEof`] and [`Error::Transport`].
    pub fn accept(&mut self, acceptance: &Acceptance<'_>) -> Result<(), S> {
        let mut response = SwitchingProtocols::new(acceptance);
        self.run(Acceptable(acceptance, &mut response))?;
        self.run(Opening(&response))?;
        self.receiving.open();
        Ok(())
    }

    /// Refuses the request, whether it was read or not; TCP is to be closed after it. After an error
    /// of the transport, call again with the same `refusal`.
    ///
    /// # Errors
    ///
    /// [`Error::Handshake`] if the refusal is not valid; [`Error::UnexpectedEof`] and
    /// [`Error::Transport`].
    pub fn refuse(&mut self, refusal: &Refusal<'_>) -> Result<(), S> {
        self.run(Opening(refusal))?;
        self.receiving.end();
        Ok(())
    }
}

impl<S: Read + Write, R: Random> WebSocket<'_, S, Client<R>> {
    /// Sends `request`, checks the server's response, and lends it, for its subprotocol for example.
    ///
    /// The response must fit the receive buffer, beside 16 bytes. Responses of status 1xx that come
    /// before it are skipped. After an error of the transport, call again with the same `request`, and
    /// nothing else before.
    ///
    /// # Errors
    ///
    /// [`Error::Handshake`]: the server did not accept, or `request` is not valid.
    /// [`Error::Capacity`]: the response is too long. [`Error::UnexpectedEof`] and
    /// [`Error::Transport`]. Except after the last, TCP is to be closed.
    pub fn connect(&mut self, request: &ClientRequest<'_>) -> Result<Response<'_>, S> {
        let mut key = Key::EMPTY;
        self.receiving.set_key(self.sender.sending.outgoing.random(), &mut key)?;
        self.run(Opening(&request.with_key(&key)))?;
        self.run(Responded)?;
        Ok(self.receiving.verify(request, &key)?)
    }
}

impl<'b, S: Read + Write, Ro: Role> WebSocket<'b, S, Ro> {
    /// Waits for the next message or control frame; returns it with the sender.
    ///
    /// A message that lies whole in the receive buffer is lent from there; another is joined in the
    /// message buffer, whose length is the limit for both. Replies to all that one read brought
    /// leave in one write: before the last event of it is returned, or before the next read.
    ///
    /// # Errors
    ///
    /// [`Error::Protocol`] and [`Error::Capacity`]: the connection has failed, and the peer has
    /// been sent the close frame. [`Error::Closed`] after a close or an error was returned
    /// already. [`Error::MessageInProgress`] between the chunks of a message that was begun by
    /// [`receive_chunk`](Self::receive_chunk). [`Error::UnexpectedEof`] and [`Error::Transport`].
    pub fn receive(&mut self) -> Result<(Received<'_, Message<'_>>, &mut Sender<'b, S, Ro>), S> {
        self.run(Next::MESSAGE)?;
        Ok((self.receiving.take_message()?, &mut self.sender))
    }

    /// As [`receive`](Self::receive), for data alone: pings and pongs are passed over, so that a peer
    /// that sends nothing else is waited for as one that is silent. `None` is the peer's close.
    ///
    /// # Errors
    ///
    /// As [`receive`](Self::receive).
    pub fn receive_data(&mut self) -> Result<(Option<Message<'_>>, &mut Sender<'b, S, Ro>), S> {
        self.run(Next::DATA)?;
        Ok((self.receiving.take_message()?.data(), &mut self.sender))
    }

    /// Waits for the next chunk or control frame; returns it with the sender. Messages of any
    /// length pass through a receive buffer of any size.
    ///
    /// What a [`receive`](Self::receive) that was interrupted has joined comes as the first chunk.
    ///
    /// # Errors
    ///
    /// As [`receive`](Self::receive), without [`Error::Capacity`] and [`Error::MessageInProgress`].
    pub fn receive_chunk(
        &mut self,
    ) -> Result<(Received<'_, Chunk<'_>>, &mut Sender<'b, S, Ro>), S> {
        self.run(Next::CHUNK)?;
        Ok((self.receiving.take_chunk()?, &mut self.sender))
    }

    /// Sends a message or a fragment; see [`Sender::send`].
    ///
    /// # Errors
    ///
    /// As [`Sender::send`].
    pub fn send<'m>(&mut self, chunk: impl Into<Chunk<'m>>) -> Result<(), S> {
        self.sender.send(chunk)
    }

    /// Begins the closing handshake; then go on receiving until [`Received::Close`] comes, or
    /// [`finish`](Self::finish).
    ///
    /// # Errors
    ///
    /// As [`Sender::close`].
    pub fn close<'m>(&mut self, close: impl Into<Close<'m>>) -> Result<(), S> {
        self.sender.close(close)
    }

    /// Sends what is queued and, if this end has closed or answers a close, waits until it may close
    /// TCP: a server until the peer has closed, too, a client until the server has closed TCP
    /// (§7.1.1). What comes meanwhile is ignored. Set a time limit on the socket.
    ///
    /// # Errors
    ///
    /// [`Error::Protocol`]: the peer broke the protocol, or went on sending for 1 MiB without a
    /// close. [`Error::UnexpectedEof`] before a close frame came. [`Error::Transport`]: call again.
    pub fn finish(&mut self) -> Result<(), S> {
        self.run(End)
    }

    /// Closes, and then does as [`finish`](Self::finish).
    ///
    /// # Errors
    ///
    /// Those of both. Whatever the transport has interrupted: call again.
    pub fn close_and_finish<'m>(&mut self, close: impl Into<Close<'m>>) -> Result<(), S> {
        self.sender.run(close.into(), Then::Wait)?;
        self.finish()
    }

    fn run(&mut self, mut want: impl Want<Ro>) -> Result<(), S> {
        loop {
            let sent = match self.receiving.step(&mut want, Some(&self.sender.sending))? {
                Step::Reply(incoming) => self.sender.run(incoming, Then::Wait),
                Step::Head(head) => self.sender.run(head, Then::Wait),
                Step::Batch => self.sender.drain(Operation::BATCH),
                Step::Read(space) => {
                    let result = self.sender.writer.read(space);
                    self.receiving.read(result)?;
                    continue;
                }
                Step::Done => return Ok(()),
            };
            self.receiving.sent(&want, sent)?;
        }
    }
}

impl<'b, W: Write, Ro: Role> Sender<'b, W, Ro> {
    /// Sends a message, or a fragment of one, as one frame, with all that was queued before it.
    ///
    /// A frame that fits the transmit buffer is queued whole before any of it is written. Of a
    /// longer one, the payload of a server is written from where it lies, and that of a client
    /// through the buffer.
    ///
    /// # Errors
    ///
    /// [`Error::Send`]: nothing was sent. [`Error::Transport`]: nothing was queued.
    /// [`Error::Unflushed`]: it is queued, and [`flush`](Self::flush) goes on with it.
    /// [`Error::Unfinished`]: a frame longer than the buffer lacks the last
    /// [`unfinished`](Self::unfinished) bytes of its payload, with which [`write`](Self::write)
    /// goes on; otherwise only closing TCP is left. [`Error::UnexpectedEof`].
    pub fn send<'m>(&mut self, chunk: impl Into<Chunk<'m>>) -> Result<(), W> {
        self.run(Frame(chunk.into()), Then::Send)
    }

    /// Queues a message or a fragment without writing it, unless the transmit buffer must be
    /// emptied first. It leaves with the next send, [`flush`](Self::flush) or wait for input.
    ///
    /// # Errors
    ///
    /// [`SendError::OutOfSpace`](crate::SendError::OutOfSpace) if the frame is longer than the
    /// transmit buffer, and others as [`send`](Self::send); it is not queued.
    pub fn queue<'m>(&mut self, chunk: impl Into<Chunk<'m>>) -> Result<(), W> {
        self.run(ShortFrame(chunk.into()), Then::Wait)
    }

    /// Sends a ping with at most 125 bytes of payload.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), W> {
        self.run(Control(Opcode::Ping, payload), Then::Send)
    }

    /// Sends an unsolicited pong with at most 125 bytes of payload.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn pong(&mut self, payload: &[u8]) -> Result<(), W> {
        self.run(Control(Opcode::Pong, payload), Then::Send)
    }

    /// Sends a close frame, unless one has been sent. Nothing can be sent after it; the peer's
    /// answer comes as [`Received::Close`].
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); to call it again does no harm.
    pub fn close<'m>(&mut self, close: impl Into<Close<'m>>) -> Result<(), W> {
        self.run(close.into(), Then::Send)
    }

    /// Begins a message of `len` bytes, or the rest of the one in progress, as one frame, whose
    /// payload is written piece by piece.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn message_of(&mut self, kind: Kind, len: usize) -> Result<Writer<'_, 'b, W, Ro>, W> {
        self.run(Begin(kind, len), Then::Wait)?;
        Ok(self.frame(kind))
    }

    /// Queues the next bytes of the payload of the frame in progress, and writes what the transmit
    /// buffer has no room for.
    ///
    /// # Errors
    ///
    /// [`SendError::TooLong`](crate::SendError::TooLong) for more bytes than are
    /// [`unfinished`](Self::unfinished), which are then not sent;
    /// [`SendError::InvalidUtf8`](crate::SendError::InvalidUtf8) for text that is none, of which
    /// what stands before may have been sent. [`Error::Unfinished`]: go on with the last
    /// [`unfinished`](Self::unfinished) bytes. [`Error::UnexpectedEof`].
    pub fn write(&mut self, payload: &[u8]) -> Result<(), W> {
        self.run(Payload(payload), Then::Wait)
    }

    /// Writes what is queued and flushes the transport.
    ///
    /// # Errors
    ///
    /// [`Error::Transport`]: call again to go on. [`Error::UnexpectedEof`].
    pub fn flush(&mut self) -> Result<(), W> {
        self.drain(Operation::FLUSH)
    }

    /// Sends what the [`Receiver`] of the same connection has to reply.
    ///
    /// # Errors
    ///
    /// [`SendError::ForeignReply`](crate::SendError::ForeignReply), and others as
    /// [`send`](Self::send).
    pub fn answer(&mut self, reply: Reply<'_, Ro>) -> Result<(), W> {
        self.run(reply, Then::Send)
    }

    fn run<'m>(&mut self, mut what: impl Put<'m, Ro>, then: Then) -> Result<(), W> {
        loop {
            match what.put(&mut self.sending)? {
                Some(rest) => return self.drain(Operation::queued(rest, then)),
                None => self.drain(Operation::ROOM)?,
            }
        }
    }

    fn drain(&mut self, mut operation: Operation<'_>) -> Result<(), W> {
        loop {
            match self.sending.step(&mut operation) {
                SendingStep::Write(bytes) => {
                    let result = self.writer.write(bytes);
                    self.sending.wrote(&mut operation, result)?;
                }
                SendingStep::Flush => {
                    let result = self.writer.flush();
                    return self.sending.flushed(&operation, result);
                }
                SendingStep::Done => return Ok(()),
            }
        }
    }
}

impl<R: Read, Ro: Role> Receiver<'_, R, Ro> {
    /// Waits for the next message or control frame.
    ///
    /// After each call, give the [`reply`](Self::reply), if there is one, to [`Sender::answer`];
    /// until that is done, this returns
    /// [`SendError::ReplyUnfinished`](crate::SendError::ReplyUnfinished).
    ///
    /// # Errors
    ///
    /// As [`WebSocket::receive`]; the close frame after an error waits in `reply`.
    pub fn receive(&mut self) -> Result<Received<'_, Message<'_>>, R> {
        self.run(Next::MESSAGE)?;
        self.receiving.take_message()
    }

    /// Waits for the next chunk or control frame.
    ///
    /// # Errors
    ///
    /// As [`receive`](Self::receive), without [`Error::Capacity`] and [`Error::MessageInProgress`].
    pub fn receive_chunk(&mut self) -> Result<Received<'_, Chunk<'_>>, R> {
        self.run(Next::CHUNK)?;
        self.receiving.take_chunk()
    }

    fn run(&mut self, mut want: impl Want<Ro>) -> Result<(), R> {
        while let Step::Read(space) = self.receiving.step(&mut want, None)? {
            let result = self.reader.read(space);
            self.receiving.read(result)?;
        }
        Ok(())
    }
}

impl<W: Write, Ro: Role> Writer<'_, '_, W, Ro> {
    /// Ends the message and sends it, with all that was queued before it.
    ///
    /// # Errors
    ///
    /// [`SendError::FrameUnfinished`](crate::SendError::FrameUnfinished) if bytes of a message of
    /// known length are missing; others as [`Sender::send`].
    pub fn finish(self) -> Result<(), W> {
        let last = self.last();
        self.sender.run(last, Then::Send)
    }
}

impl<W: Write<Error: 'static>, Ro: Role> ErrorType for Writer<'_, '_, W, Ro> {
    type Error = Error<W::Error>;
}

impl<W: Write<Error: 'static>, Ro: Role> Write for Writer<'_, '_, W, Ro> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, W> {
        let piece = self.piece(bytes);
        let len = piece.len();
        self.sender.run(piece, Then::Wait)?;
        Ok(len)
    }

    fn flush(&mut self) -> Result<(), W> {
        self.sender.flush()
    }
}
