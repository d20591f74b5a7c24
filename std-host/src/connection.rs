//! One end of a connection as an asynchronous value, the same for both roles.

use std::any::Any;
use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use futures_core::Stream;
use futures_sink::Sink;
use http::HeaderMap;
use wirelet::{Chunk, Close, CloseCode};

use crate::compression::Agreement;
use crate::io::duplex::Transport;

pub(crate) mod bounds;
mod clock;
mod driver;
pub(crate) mod error;
mod halves;
pub(crate) mod message;
mod output;
pub(crate) mod role;
mod sending;
mod wakers;

use bounds::Bounds;
use driver::Driver;
use error::ConnectionError;
pub use halves::{ReceiveHalf, SendHalf};
use message::OwnedMessage;
use role::Either;
use wakers::{Side, Wakers};

/// One end of a WebSocket, as a value for asynchronous programs: a [`Stream`] of what comes, and a
/// [`Sink`] for what is sent. It comes from a [`Client`](crate::Client), or from an
/// [`Upgrade`](crate::Upgrade) at a server.
///
/// # Both directions at once
///
/// While a send waits for the peer to read, what comes is read and pings are answered; while nothing
/// comes, what was sent leaves. Nothing moves while nobody waits. In one task, a program that only sends
/// stands still when the peer also only sends: [`split`](Self::split) gives the directions to two.
///
/// # Bounds
///
/// A send waits while more than a bound has not been taken by the peer, and beyond another bound of
/// messages that were not received nothing is read; replies to pings have a bound of their own. At a
/// server the bounds are [`Limits::queue_bytes`](crate::Limits::queue_bytes), at a client
/// [`ClientOptions::queue_bytes`](crate::ClientOptions::queue_bytes) and
/// [`message_bytes`](crate::ClientOptions::message_bytes). One message may be longer than they are.
///
/// # The end
///
/// Behind a close frame, or an error, the stream ends, once what was sent has left and the peer has had
/// the chance to read it. All that has come before an error is handed out before it.
///
/// # A peer that breaks the protocol
///
/// Nothing is taken from it any more; `receive` returns the error, and a close frame tells the peer. That
/// leaves at once, unless the connection was [`split`](Self::split): the other half may still have
/// answers to what came before. They are sent, and the close frame leaves
///
/// - when the sending half is dropped, or closes: the code is that of the violation in any case;
/// - when the receiving half is dropped, or the two are put together again;
/// - after the time to close ([`Limits::close_time`](crate::Limits::close_time),
///   [`ClientOptions::close_time`](crate::ClientOptions::close_time)), if somebody waits: go on receiving.
///
/// # Cancel safety
///
/// Each future here can be dropped: what has come is not lost, and of a message whose send was dropped
/// nothing was sent.
///
/// ```
/// use wirelet::CloseCode;
/// use wirelet_host::{Client, Echo, OwnedMessage, Server};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let server = Server::bind("127.0.0.1:0", Echo).await?;
/// # let url = server.url();
/// # tokio::spawn(server.run());
/// let mut connection = Client::connect(&url).await?.into_connection();
/// connection.send("hello").await?;
/// assert_eq!(connection.receive().await.unwrap()?, OwnedMessage::from("hello"));
/// connection.close(CloseCode::NORMAL_CLOSURE).await?;
/// let close = connection.receive().await.unwrap()?;
/// assert!(matches!(close, OwnedMessage::Close { .. }));
/// assert!(connection.receive().await.is_none()); // TCP has ended, too
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Connection {
    shared: Arc<Shared>,
}

/// What is known of the other end.
#[derive(Default)]
pub(crate) struct Description {
    pub(crate) path: String,
    pub(crate) subprotocol: Option<String>,
    pub(crate) remote_addr: Option<SocketAddr>,
    /// Of the response, at a client.
    pub(crate) headers: HeaderMap,
    /// What the application keeps with it.
    pub(crate) data: Option<Box<dyn Any + Send + Sync>>,
}

/// What a server wants of its connection besides.
#[derive(Default)]
pub(crate) struct Ties {
    /// Dropped with the connection.
    pub(crate) place: Option<Box<dyn Any + Send + Sync>>,
    /// Comes to its end when the connection shall be closed, with this code.
    pub(crate) going_away: Option<Pin<Box<dyn Future<Output = CloseCode> + Send>>>,
}

/// What both halves have in common.
struct Shared {
    driver: Mutex<Driver>,
    wakers: Arc<Wakers>,
    /// Wakes whoever of them waits.
    waker: Waker,
    description: Description,
    _place: Option<Box<dyn Any + Send + Sync>>,
}

impl Connection {
    /// Begins behind an opening handshake, with the bytes that came behind it.
    pub(crate) fn new(
        transport: Transport,
        endpoint: Either,
        early: Vec<u8>,
        bounds: Bounds,
        description: Description,
        ties: Ties,
    ) -> Self {
        let driver = Driver::new(transport, endpoint, early, bounds, ties.going_away);
        let wakers = Arc::new(Wakers::default());
        let waker = Waker::from(Arc::clone(&wakers));
        let driver = Mutex::new(driver);
        let shared = Shared { driver, wakers, waker, description, _place: ties.place };
        Self { shared: Arc::new(shared) }
    }

    /// Begins at a server that has accepted the request, with the bytes that came behind that.
    pub(crate) fn accepted(
        transport: Transport,
        early: Vec<u8>,
        bounds: Bounds,
        description: Description,
        agreement: Option<Agreement>,
        ties: Ties,
    ) -> Self {
        let endpoint = Either::server(agreement);
        Self::new(transport, endpoint, early, bounds, description, ties)
    }

    /// Waits for the next message or control frame; `None` at the end. Cancel-safe.
    ///
    /// # Errors
    ///
    /// [`ConnectionError`]; behind it comes the end.
    pub async fn receive(&mut self) -> Option<Result<OwnedMessage, ConnectionError>> {
        poll_fn(|context| self.shared.poll_receive(context)).await
    }

    /// Sends a message or a control frame, once there is room for it. Cancel-safe: if dropped, nothing
    /// of it was sent. When it returns, the message may wait for the peer to read; see
    /// [`flush`](Self::flush).
    ///
    /// # Errors
    ///
    /// [`ConnectionError::Send`] for what must not be sent, and others when nothing can be sent any
    /// more.
    pub async fn send(&mut self, message: impl Into<OwnedMessage>) -> Result<(), ConnectionError> {
        self.shared.send(message.into()).await
    }

    /// Sends a message or a fragment that is only lent, as [`send`](Self::send) does.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn send_chunk<'m>(
        &mut self,
        chunk: impl Into<Chunk<'m>>,
    ) -> Result<(), ConnectionError> {
        self.shared.send_chunk(chunk.into()).await
    }

    /// Sends a ping with at most 125 bytes of payload, as [`send`](Self::send) does.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn ping(&mut self, payload: &[u8]) -> Result<(), ConnectionError> {
        self.shared.ping(payload).await
    }

    /// Waits until the system has taken all that was sent. Cancel-safe.
    ///
    /// # Errors
    ///
    /// Nothing can be sent any more.
    pub async fn flush(&mut self) -> Result<(), ConnectionError> {
        self.shared.flush().await
    }

    /// Begins the closing handshake, behind all that was sent; go on receiving until the end, or
    /// [`finish`](Self::finish). If dropped, it has begun nevertheless.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn close<'r>(&mut self, close: impl Into<Close<'r>>) -> Result<(), ConnectionError> {
        self.shared.close(close.into()).await
    }

    /// Closes, unless that has begun, and waits for the end. What comes until then is dropped.
    ///
    /// # Errors
    ///
    /// What has broken the closing handshake.
    pub async fn finish(mut self) -> Result<(), ConnectionError> {
        if !self.shared.lock().is_close_sent() {
            // The end tells what stands against it.
            let _ = self.close(CloseCode::NORMAL_CLOSURE).await;
        }
        while let Some(received) = self.receive().await {
            received?;
        }
        Ok(())
    }

    /// Gives the two directions to two owners, which may be in two tasks.
    ///
    /// ```
    /// # async fn f(connection: wirelet_host::Connection) -> Result<(), wirelet_host::ConnectionError> {
    /// let (mut send, mut receive) = connection.split();
    /// tokio::spawn(async move {
    ///     while let Some(Ok(message)) = receive.receive().await {
    ///         println!("{message}");
    ///     }
    /// });
    /// send.send("at the same time").await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn split(self) -> (SendHalf, ReceiveHalf) {
        halves::split(self.shared)
    }

    /// Returns the path that was asked for.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.shared.description.path
    }

    /// Returns the subprotocol that was chosen.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.shared.description.subprotocol.as_deref()
    }

    /// Returns the address at the other end; `None` on a Unix socket, and where nobody knows it.
    #[must_use]
    pub fn remote_addr(&self) -> Option<SocketAddr> {
        self.shared.description.remote_addr
    }

    /// Returns the header fields of the server's response; none at a server.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.shared.description.headers
    }

    /// Returns what [`Accept::with_data`](crate::Accept::with_data) has kept with the connection.
    #[must_use]
    pub fn data<T: Any>(&self) -> Option<&T> {
        self.shared.description.data.as_ref()?.downcast_ref()
    }

    pub(crate) fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<OwnedMessage, ConnectionError>>> {
        self.shared.poll_receive(context)
    }

    /// Takes a message or a fragment over, room or not.
    pub(crate) fn feed(&mut self, chunk: &Chunk<'_>) -> Result<(), ConnectionError> {
        self.shared.change(|driver| driver.send_chunk(chunk))
    }

    /// Takes a ping over, room or not.
    pub(crate) fn feed_ping(&mut self, payload: &[u8]) -> Result<(), ConnectionError> {
        self.shared.change(|driver| driver.ping(payload))
    }

    pub(crate) fn has_room(&self) -> bool {
        self.shared.lock().has_room()
    }

    pub(crate) fn unsent_bytes(&self) -> usize {
        self.shared.lock().unsent_bytes()
    }

    pub(crate) fn is_flushed(&self) -> bool {
        self.shared.lock().is_flushed()
    }
}

impl Stream for Connection {
    type Item = Result<OwnedMessage, ConnectionError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.shared.poll_receive(context)
    }
}

/// Closing the sink closes with 1000, unless a close frame was sent before, and waits until that has
/// left.
impl Sink<OwnedMessage> for Connection {
    type Error = ConnectionError;

    fn poll_ready(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Self::Error>> {
        self.shared.poll_room(context)
    }

    fn start_send(self: Pin<&mut Self>, message: OwnedMessage) -> Result<(), Self::Error> {
        self.shared.change(|driver| driver.send(&message))
    }

    fn poll_flush(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Self::Error>> {
        self.shared.poll_flush(context)
    }

    fn poll_close(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Self::Error>> {
        self.shared.poll_close(context)
    }
}

impl Shared {
    fn poll_receive(
        &self,
        context: &Context<'_>,
    ) -> Poll<Option<Result<OwnedMessage, ConnectionError>>> {
        self.poll(Side::Receive, context, Driver::poll_receive)
    }

    fn poll_room(&self, context: &Context<'_>) -> Poll<Result<(), ConnectionError>> {
        self.poll(Side::Send, context, |driver, context| {
            driver.poll_unsent(driver.max_unsent_bytes(), context)
        })
    }

    fn poll_flush(&self, context: &Context<'_>) -> Poll<Result<(), ConnectionError>> {
        self.poll(Side::Send, context, |driver, context| driver.poll_unsent(0, context))
    }

    fn poll_close(&self, context: &Context<'_>) -> Poll<Result<(), ConnectionError>> {
        self.poll(Side::Send, context, |driver, context| {
            if !driver.is_close_sent() {
                driver.close(CloseCode::NORMAL_CLOSURE.into())?;
            }
            driver.poll_unsent(0, context)
        })
    }

    async fn send(&self, message: OwnedMessage) -> Result<(), ConnectionError> {
        self.send_with(|driver| driver.send(&message)).await
    }

    async fn send_chunk(&self, chunk: Chunk<'_>) -> Result<(), ConnectionError> {
        self.send_with(|driver| driver.send_chunk(&chunk)).await
    }

    async fn ping(&self, payload: &[u8]) -> Result<(), ConnectionError> {
        self.send_with(|driver| driver.ping(payload)).await
    }

    /// Waits for room, takes something over, and lets it leave if it can at once.
    async fn send_with(
        &self,
        mut send: impl FnMut(&mut Driver) -> Result<(), ConnectionError>,
    ) -> Result<(), ConnectionError> {
        poll_fn(|context| {
            self.poll(Side::Send, context, |driver, context| {
                ready!(driver.poll_unsent(driver.max_unsent_bytes(), context))?;
                send(driver)?;
                let _ = driver.flush(context);
                Poll::Ready(Ok(()))
            })
        })
        .await
    }

    async fn flush(&self) -> Result<(), ConnectionError> {
        poll_fn(|context| self.poll_flush(context)).await
    }

    async fn close(&self, close: Close<'_>) -> Result<(), ConnectionError> {
        self.change(|driver| driver.close(close))?;
        poll_fn(|context| self.poll(Side::Send, context, Driver::poll_close)).await
    }

    /// Polls for one side, and wakes the other if it has something to look at.
    fn poll<T>(
        &self,
        side: Side,
        context: &Context<'_>,
        poll: impl FnOnce(&mut Driver, &mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        self.wakers.register(side, context.waker());
        let mut driver = self.lock();
        let polled = poll(&mut driver, &mut Context::from_waker(&self.waker));
        let has_news = driver.take_news(side.other());
        drop(driver);
        if has_news {
            self.wakers.wake(side.other());
        }
        polled
    }

    /// One of its halves is gone.
    fn unsplit(&self) {
        self.change(|driver| driver.unsplit(&mut Context::from_waker(&self.waker)));
    }

    /// Does something without waiting, and wakes who has something to look at.
    fn change<T>(&self, change: impl FnOnce(&mut Driver) -> T) -> T {
        let mut driver = self.lock();
        let changed = change(&mut driver);
        let sides = [Side::Receive, Side::Send].map(|side| (side, driver.take_news(side)));
        drop(driver);
        for (side, has_news) in sides {
            if has_news {
                self.wakers.wake(side);
            }
        }
        changed
    }

    fn lock(&self) -> MutexGuard<'_, Driver> {
        self.driver.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("path", &self.description.path)
            .field("remote_addr", &self.description.remote_addr)
            .finish_non_exhaustive()
    }
}
