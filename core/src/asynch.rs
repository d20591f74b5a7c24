//! The driver over the traits of embedded-io-async.

use crate::buffers::{MAX_CONTROL_LEN, Window};
use crate::driver::{self, Receiving, Reply, Sending, Step};
use crate::handshake::{
    Acceptance, ClientRequest, HandshakeError, HeadScanner, Key, Refusal, Request, RequestError,
    Response,
};
use crate::{
    Buffers, Chunk, Client, Close, Error, Flush, Incoming, Message, Outgoing, Random, Received,
    Role, SendError, Server,
};
use embedded_io_async::{Read, Write};

/// A WebSocket over an async socket `S`, for any executor.
///
/// [`receive`](Self::receive) returns what came together with the [`Sender`], so that a message
/// can be answered while it is still lent from the buffers. Pings and closes are answered inside.
///
/// # Cancel safety
///
/// A future of `receive` can be dropped at any time, as `select` does, and nothing is lost or
/// doubled, provided that `read` and `write` of the socket are cancel-safe, as those of
/// embassy-net are. For sends see [`Sender::send`]. The futures of the opening handshake own the
/// socket, so dropping one ends the connection. After an error of the transport, what was called
/// can be called again.
///
/// ```
/// use embedded_io_async::{Read, Write};
/// use wirelet::asynch::WebSocket;
/// use wirelet::{Error, Received, Storage};
///
/// async fn echo<S: Read + Write>(socket: S) -> Result<(), Error<S::Error>> {
///     let mut storage = Storage::<1024, 4096, 256>::new();
///     let mut ws = WebSocket::accept(socket, storage.buffers()).await?;
///     loop {
///         match ws.receive().await? {
///             (Received::Data(message), sender) => sender.send(message).await?,
///             (Received::Ping(_) | Received::Pong(_), _) => {}
///             (Received::Close(_), _) => return Ok(()),
///         }
///     }
/// }
/// ```
#[derive(Debug)]
pub struct WebSocket<'b, S, Ro> {
    receiving: Receiving<'b, Ro>,
    sender: Sender<'b, S, Ro>,
}

impl<'b, S: Read + Write> WebSocket<'b, S, Server> {
    /// Reads the client's request and accepts it.
    ///
    /// To look at the request first, or to serve a page on the same port, use [`Pending`].
    ///
    /// # Errors
    ///
    /// [`Error::Handshake`]: the request was refused, and the client was told so with the right
    /// status. [`Error::UnexpectedEof`] and [`Error::Transport`].
    pub async fn accept(socket: S, buffers: Buffers<'b>) -> Result<Self, Error<S::Error>> {
        Pending::read(socket, buffers).await?.accept(&Acceptance::default()).await
    }
}

impl<'b, S: Read + Write, R: Random> WebSocket<'b, S, Client<R>> {
    /// Sends `request` and checks the server's response.
    ///
    /// Request and response must each fit the receive buffer. `rng` makes the key of the handshake
    /// and then a masking key for every frame.
    ///
    /// # Errors
    ///
    /// [`Error::Handshake`]: the server did not accept, or `request` is not valid.
    /// [`Error::UnexpectedEof`] and [`Error::Transport`]. TCP is to be closed.
    pub async fn connect(
        socket: S,
        request: &ClientRequest<'_>,
        rng: R,
        buffers: Buffers<'b>,
    ) -> Result<Self, Error<S::Error>> {
        Self::connect_with(socket, request, rng, buffers, |_| ()).await
    }

    /// As [`connect`](Self::connect), and shows the response to `inspect`, for example for its
    /// subprotocol.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub async fn connect_with(
        mut socket: S,
        request: &ClientRequest<'_>,
        mut rng: R,
        mut buffers: Buffers<'b>,
        inspect: impl FnOnce(&Response<'_>),
    ) -> Result<Self, Error<S::Error>> {
        let mut nonce = [0; 16];
        rng.fill(&mut nonce);
        let key = Key::from_nonce(nonce);
        let window = &mut buffers.receive;
        let n = request.encode(&key, window.space()).map_err(HandshakeError::Build)?;
        write_all(&mut socket, window.space().get(..n).unwrap_or_default()).await?;
        socket.flush().await.map_err(Error::Transport)?;

        let (mut scanner, mut n_interim) = (HeadScanner::new(), 0);
        let head_len = loop {
            match driver::scan_response(&mut scanner, &mut n_interim, window)? {
                Some(len) => break len,
                None => read(&mut socket, window).await?,
            }
        };
        inspect(&driver::verify(request, &key, window, head_len)?);
        window.consume(head_len);
        Ok(Self::new(socket, Client(rng), buffers))
    }
}

impl<'b, S: Read + Write, Ro: Role> WebSocket<'b, S, Ro> {
    /// Begins after a handshake that was done elsewhere.
    pub fn new(socket: S, role: Ro, buffers: Buffers<'b>) -> Self {
        let (receiving, sending) = driver::start(role, buffers);
        Self { receiving, sender: Sender { writer: socket, sending } }
    }

    /// Chooses when the transport is flushed.
    #[must_use]
    pub fn with_flush(mut self, flush: Flush) -> Self {
        self.sender.sending.flush = flush;
        self
    }

    /// Waits for the next message or control frame; returns it with the sender. Cancel-safe.
    ///
    /// A message that lies whole in the receive buffer is lent from there, whatever its length;
    /// another is joined in the message buffer. Replies to all that one read brought leave in one
    /// write, before the next read.
    ///
    /// # Errors
    ///
    /// [`Error::Protocol`] and [`Error::Capacity`]: the connection has failed, and the peer has
    /// been sent the close frame. [`Error::Closed`] after a close or an error was returned
    /// already. [`Error::UnexpectedEof`] and [`Error::Transport`].
    pub async fn receive(
        &mut self,
    ) -> Result<(Received<'_, Message<'_>>, &mut Sender<'b, S, Ro>), Error<S::Error>> {
        self.drive(Receiving::step_message).await?;
        Ok((self.receiving.take_message()?, &mut self.sender))
    }

    /// Waits for the next chunk or control frame; returns it with the sender. Messages of any
    /// length pass through a receive buffer of any size. Cancel-safe.
    ///
    /// Between the chunks of one message, do not change over to [`receive`](Self::receive).
    ///
    /// # Errors
    ///
    /// As [`receive`](Self::receive), without [`Error::Capacity`].
    pub async fn receive_chunk(
        &mut self,
    ) -> Result<(Received<'_, Chunk<'_>>, &mut Sender<'b, S, Ro>), Error<S::Error>> {
        self.drive(Receiving::step).await?;
        Ok((self.receiving.take_chunk()?, &mut self.sender))
    }

    /// Sends a message or a fragment; see [`Sender::send`].
    ///
    /// # Errors
    ///
    /// As [`Sender::send`].
    pub async fn send<'m>(&mut self, chunk: impl Into<Chunk<'m>>) -> Result<(), Error<S::Error>> {
        self.sender.send(chunk).await
    }

    /// Begins the closing handshake; then go on receiving until [`Received::Close`] comes.
    ///
    /// # Errors
    ///
    /// As [`Sender::close`].
    pub async fn close<'m>(&mut self, close: impl Into<Close<'m>>) -> Result<(), Error<S::Error>> {
        self.sender.close(close).await
    }

    /// Returns the sender, for pings and the like.
    pub const fn sender(&mut self) -> &mut Sender<'b, S, Ro> {
        &mut self.sender
    }

    /// Waits, after a close was received, until this end may close TCP: a server at once, a client
    /// when the server has done so (§7.1.1). Give it a time limit.
    ///
    /// # Errors
    ///
    /// [`Error::Transport`].
    pub async fn finish(mut self) -> Result<S, Error<S::Error>> {
        let by_peer = self.receiving.incoming.close_received().is_some();
        self.receiving.window.clear();
        if Ro::IS_CLIENT && by_peer {
            let space = self.receiving.window.space();
            while self.sender.writer.read(space).await.map_err(Error::Transport)? > 0 {}
        }
        Ok(self.sender.writer)
    }

    /// Gives the two directions to two owners, for full duplex; `halves` splits the socket.
    ///
    /// See [`Receiver`] for how its replies get to the [`Sender`].
    pub fn split<R, W>(
        self,
        halves: impl FnOnce(S) -> (R, W),
    ) -> (Receiver<'b, R, Ro>, Sender<'b, W, Ro>) {
        let (reader, writer) = halves(self.sender.writer);
        let receiver = Receiver { reader, receiving: self.receiving };
        (receiver, Sender { writer, sending: self.sender.sending })
    }

    /// Reads and replies until `step` has found something.
    async fn drive(
        &mut self,
        step: impl Fn(&mut Receiving<'b, Ro>) -> Step,
    ) -> Result<(), Error<S::Error>> {
        loop {
            match step(&mut self.receiving) {
                Step::Ready => break,
                Step::Reply => self.sender.reply(&mut self.receiving.incoming).await?,
                Step::Read => {
                    self.sender.finish_batch().await?;
                    read(&mut self.sender.writer, &mut self.receiving.window).await?;
                }
            }
        }
        if self.receiving.incoming.is_ended() {
            // The last frame goes out now. What came counts for more than an error here.
            let _ = self.sender.finish_batch().await;
        }
        Ok(())
    }
}

/// The sending half of a [`WebSocket`], with the socket or its writing half.
///
/// ```
/// use embedded_io_async::Write;
/// use wirelet::asynch::Sender;
/// use wirelet::{Chunk, Error, Server};
///
/// async fn report<W: Write>(sender: &mut Sender<'_, W, Server>) -> Result<(), Error<W::Error>> {
///     sender.queue("one write").await?;
///     sender.queue("for two messages").await?;
///     sender.flush().await?;
///     sender.send(Chunk::first("a message ")).await?;
///     sender.send(Chunk::last("in two fragments")).await
/// }
/// ```
#[derive(Debug)]
pub struct Sender<'b, W, Ro> {
    writer: W,
    sending: Sending<'b, Ro>,
}

impl<W: Write, Ro: Role> Sender<'_, W, Ro> {
    /// Sends a message, or a fragment of one, as one frame, with all that was queued before it.
    ///
    /// Of a frame that is longer than the transmit buffer, the payload of a server is written from
    /// where it lies, and that of a client through the buffer.
    ///
    /// # Cancel safety
    ///
    /// A frame that fits the transmit buffer is queued whole or not at all, also if the future is
    /// dropped, and the next call goes on with what is queued. A longer one that is dropped, or
    /// fails, is cut off: every later call returns [`SendError::FrameUnfinished`], and only
    /// closing TCP is left.
    ///
    /// # Errors
    ///
    /// [`Error::Send`]: nothing was sent. [`Error::Transport`].
    pub async fn send<'m>(&mut self, chunk: impl Into<Chunk<'m>>) -> Result<(), Error<W::Error>> {
        let chunk = chunk.into();
        self.put(&chunk).await?;
        self.finish_batch().await
    }

    /// Queues a message or a fragment without writing it, unless the transmit buffer must be
    /// emptied first. It leaves with the next send, [`flush`](Self::flush) or wait for input.
    ///
    /// # Errors
    ///
    /// [`SendError::OutOfSpace`] if the frame is longer than the transmit buffer, and others as
    /// [`send`](Self::send); it is not queued.
    pub async fn queue<'m>(&mut self, chunk: impl Into<Chunk<'m>>) -> Result<(), Error<W::Error>> {
        let chunk = chunk.into();
        self.sending.check_len(&chunk)?;
        self.put(&chunk).await
    }

    /// Sends a ping with at most 125 bytes of payload; queued whole or not at all.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn ping(&mut self, payload: &[u8]) -> Result<(), Error<W::Error>> {
        self.put_control(|outgoing, out| outgoing.ping(payload, out)).await?;
        self.finish_batch().await
    }

    /// Sends an unsolicited pong with at most 125 bytes of payload; queued whole or not at all.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn pong(&mut self, payload: &[u8]) -> Result<(), Error<W::Error>> {
        self.put_control(|outgoing, out| outgoing.pong(payload, out)).await?;
        self.finish_batch().await
    }

    /// Sends a close frame. Nothing can be sent after it; the peer's answer comes as
    /// [`Received::Close`].
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn close<'m>(&mut self, close: impl Into<Close<'m>>) -> Result<(), Error<W::Error>> {
        let close = close.into();
        self.put_control(|outgoing, out| outgoing.close(close, out)).await?;
        self.finish_batch().await
    }

    /// Writes what is queued and flushes the transport. Cancel-safe.
    ///
    /// # Errors
    ///
    /// [`Error::Transport`]: call again to go on. [`SendError::FrameUnfinished`].
    pub async fn flush(&mut self) -> Result<(), Error<W::Error>> {
        self.write_out().await?;
        self.writer.flush().await.map_err(Error::Transport)?;
        self.sending.unflushed = false;
        Ok(())
    }

    /// Sends what the [`Receiver`] of the same connection has to reply. Cancel-safe.
    ///
    /// # Errors
    ///
    /// [`Error::Transport`]: call again to go on. [`SendError::FrameUnfinished`].
    pub async fn answer(&mut self, reply: Reply<'_, Ro>) -> Result<(), Error<W::Error>> {
        self.reply(reply.0).await?;
        self.finish_batch().await
    }

    /// Queues a frame; of one that is longer than the transmit buffer, all that fits at last.
    async fn put(&mut self, chunk: &Chunk<'_>) -> Result<(), Error<W::Error>> {
        if !self.sending.has_room(chunk.as_bytes().len()) {
            self.write_out().await?;
        }
        let mut start = self.sending.start(chunk)?;
        let mut payload = self.sending.fill(&mut start, chunk.as_bytes());
        while !payload.is_empty() {
            write_window(&mut self.writer, &mut self.sending).await?;
            payload = if Ro::IS_CLIENT {
                self.sending.fill(&mut start, payload)
            } else {
                write_all(&mut self.writer, payload).await?;
                &[]
            };
        }
        self.sending.unfinished = false;
        Ok(())
    }

    /// Queues a control frame.
    async fn put_control(
        &mut self,
        encode: impl FnOnce(&mut Outgoing<Ro>, &mut [u8]) -> Result<usize, SendError>,
    ) -> Result<(), Error<W::Error>> {
        if !self.sending.has_room(MAX_CONTROL_LEN) {
            self.write_out().await?;
        }
        Ok(self.sending.queue(encode)?)
    }

    async fn reply(&mut self, incoming: &mut Incoming<Ro>) -> Result<(), Error<W::Error>> {
        self.put_control(|outgoing, out| Ok(outgoing.reply(incoming, out))).await
    }

    async fn write_out(&mut self) -> Result<(), Error<W::Error>> {
        if self.sending.unfinished {
            return Err(SendError::FrameUnfinished.into());
        }
        write_window(&mut self.writer, &mut self.sending).await
    }

    /// Writes what is queued, and flushes as the policy says.
    async fn finish_batch(&mut self) -> Result<(), Error<W::Error>> {
        self.write_out().await?;
        if self.sending.flush == Flush::Batch && self.sending.unflushed {
            return self.flush().await;
        }
        Ok(())
    }
}

/// The receiving half of a [`WebSocket`] after [`split`](WebSocket::split).
///
/// It cannot write, so what it has to reply goes through [`Sender::answer`]: the application
/// decides what lock the two tasks share, if any. Without a reply no lock is needed, so receiving
/// goes on while a long send waits for the peer.
///
/// ```
/// use embassy_sync::blocking_mutex::raw::NoopRawMutex;
/// use embassy_sync::mutex::Mutex;
/// use embedded_io_async::{Read, Write};
/// use wirelet::asynch::{Receiver, Sender};
/// use wirelet::{Received, Server};
///
/// async fn receive_all<R: Read, W: Write>(
///     mut receiver: Receiver<'_, R, Server>,
///     sender: &Mutex<NoopRawMutex, Sender<'_, W, Server>>, // other tasks send, too
/// ) {
///     loop {
///         let received = receiver.receive().await;
///         let done = matches!(received, Ok(Received::Close(_)) | Err(_));
///         if let Some(reply) = receiver.reply() {
///             sender.lock().await.answer(reply).await.ok();
///         }
///         if done {
///             break;
///         }
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Receiver<'b, R, Ro> {
    reader: R,
    receiving: Receiving<'b, Ro>,
}

impl<'b, R: Read, Ro: Role> Receiver<'b, R, Ro> {
    /// Waits for the next message or control frame. Cancel-safe.
    ///
    /// After each call, give the [`reply`](Self::reply), if there is one, to [`Sender::answer`];
    /// until that is done, this returns [`SendError::ReplyUnfinished`].
    ///
    /// # Errors
    ///
    /// As [`WebSocket::receive`]; the close frame after an error waits in `reply`.
    pub async fn receive(&mut self) -> Result<Received<'_, Message<'_>>, Error<R::Error>> {
        self.drive(Receiving::step_message).await?;
        Ok(self.receiving.take_message()?)
    }

    /// Waits for the next chunk or control frame. Cancel-safe.
    ///
    /// # Errors
    ///
    /// As [`receive`](Self::receive), without [`Error::Capacity`].
    pub async fn receive_chunk(&mut self) -> Result<Received<'_, Chunk<'_>>, Error<R::Error>> {
        self.drive(Receiving::step).await?;
        Ok(self.receiving.take_chunk()?)
    }

    /// Returns what has to be replied, for [`Sender::answer`]; `None` when nothing waits.
    pub fn reply(&mut self) -> Option<Reply<'_, Ro>> {
        let incoming = &mut self.receiving.incoming;
        incoming.has_reply().then_some(Reply(incoming))
    }

    async fn drive(
        &mut self,
        step: impl Fn(&mut Receiving<'b, Ro>) -> Step,
    ) -> Result<(), Error<R::Error>> {
        loop {
            match step(&mut self.receiving) {
                Step::Ready => return Ok(()),
                Step::Reply if self.receiving.has_found() => return Ok(()),
                Step::Reply => return Err(SendError::ReplyUnfinished.into()),
                Step::Read => read(&mut self.reader, &mut self.receiving.window).await?,
            }
        }
    }
}

/// Holds a socket whose client has sent the head of a request: look at it, then accept it, refuse
/// it, or answer a plain GET yourself.
///
/// ```
/// use embedded_io_async::{Read, Write};
/// use wirelet::asynch::{Pending, WebSocket};
/// use wirelet::handshake::{Acceptance, Refusal, Status};
/// use wirelet::{Buffers, Error, Server};
///
/// async fn serve<S: Read + Write>(
///     socket: S,
///     buffers: Buffers<'_>,
/// ) -> Result<Option<WebSocket<'_, S, Server>>, Error<S::Error>> {
///     let pending = Pending::read(socket, buffers).await?;
///     let request = pending.request()?;
///     match (request.path(), request.is_upgrade()) {
///         ("/ws", true) => pending.accept(&Acceptance::default()).await.map(Some),
///         ("/", false) => {
///             let mut socket = pending.into_socket();
///             socket.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi\n").await.ok();
///             Ok(None)
///         }
///         _ => pending.refuse(&Refusal::new(Status::NOT_FOUND)).await.map(|_socket| None),
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Pending<'b, S> {
    socket: S,
    buffers: Buffers<'b>,
    head_len: usize,
}

impl<'b, S: Read + Write> Pending<'b, S> {
    /// Reads until the head of the request is whole. It must fit the receive buffer; frames that
    /// follow it at once are kept.
    ///
    /// # Errors
    ///
    /// [`Error::Handshake`] for what is no HTTP request, which was refused with 400 or 431.
    /// [`Error::UnexpectedEof`] and [`Error::Transport`].
    pub async fn read(mut socket: S, mut buffers: Buffers<'b>) -> Result<Self, Error<S::Error>> {
        let mut scanner = HeadScanner::new();
        loop {
            match driver::scan_request(&mut scanner, &mut buffers.receive) {
                Ok(Some(head_len)) => return Ok(Self { socket, buffers, head_len }),
                Ok(None) => read(&mut socket, &mut buffers.receive).await?,
                Err(error) => {
                    refuse(&mut socket, &mut buffers, &error.into()).await?;
                    return Err(error.into());
                }
            }
        }
    }

    /// Lends the request.
    ///
    /// # Errors
    ///
    /// None after [`read`](Self::read), which has parsed it once.
    pub fn request(&self) -> Result<Request<'_>, RequestError> {
        Request::of_scanned(self.buffers.receive.filled().get(..self.head_len).unwrap_or_default())
    }

    /// Accepts the request, if it is a valid handshake.
    ///
    /// # Errors
    ///
    /// [`Error::Handshake`]: the request was refused with the right status, or `acceptance` is not
    /// valid or does not fit the transmit buffer, and nothing was sent. [`Error::Transport`].
    pub async fn accept(
        mut self,
        acceptance: &Acceptance<'_>,
    ) -> Result<WebSocket<'b, S, Server>, Error<S::Error>> {
        match driver::accept(&mut self.buffers, self.head_len, acceptance) {
            Ok(()) => {}
            Err(HandshakeError::Request(error)) => {
                refuse(&mut self.socket, &mut self.buffers, &error.into()).await?;
                return Err(error.into());
            }
            Err(error) => return Err(error.into()),
        }
        let mut ws = WebSocket::new(self.socket, Server, self.buffers);
        ws.sender.flush().await?;
        Ok(ws)
    }

    /// Refuses the request; returns the socket, which is to be closed.
    ///
    /// # Errors
    ///
    /// [`Error::Handshake`] if the refusal is not valid or does not fit the transmit buffer;
    /// [`Error::Transport`].
    pub async fn refuse(mut self, refusal: &Refusal<'_>) -> Result<S, Error<S::Error>> {
        refuse(&mut self.socket, &mut self.buffers, refusal).await?;
        Ok(self.socket)
    }

    /// Gives the socket back, to answer a request for a page.
    pub fn into_socket(self) -> S {
        self.socket
    }
}

async fn refuse<S: Write>(
    socket: &mut S,
    buffers: &mut Buffers<'_>,
    refusal: &Refusal<'_>,
) -> Result<(), Error<S::Error>> {
    let out = buffers.transmit.space();
    let n = refusal.encode(out).map_err(HandshakeError::Build)?;
    write_all(socket, out.get(..n).unwrap_or_default()).await?;
    socket.flush().await.map_err(Error::Transport)
}

async fn read<S: Read>(socket: &mut S, window: &mut Window<'_>) -> Result<(), Error<S::Error>> {
    match socket.read(window.space()).await.map_err(Error::Transport)? {
        0 => Err(Error::UnexpectedEof),
        n => {
            window.fill(n);
            Ok(())
        }
    }
}

async fn write_all<S: Write>(socket: &mut S, mut bytes: &[u8]) -> Result<(), Error<S::Error>> {
    while !bytes.is_empty() {
        let n = socket.write(bytes).await.map_err(Error::Transport)?;
        if n == 0 {
            return Err(Error::UnexpectedEof);
        }
        bytes = bytes.get(n..).unwrap_or_default();
    }
    Ok(())
}

/// Writes all that waits in the transmit window; what an error leaves there can be tried again.
async fn write_window<S: Write, Ro: Role>(
    socket: &mut S,
    sending: &mut Sending<'_, Ro>,
) -> Result<(), Error<S::Error>> {
    while !sending.pending().is_empty() {
        let n = socket.write(sending.pending()).await.map_err(Error::Transport)?;
        if n == 0 {
            return Err(Error::UnexpectedEof);
        }
        sending.written(n);
    }
    Ok(())
}
