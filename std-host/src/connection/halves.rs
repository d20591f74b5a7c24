//! The two directions of a connection, each for itself.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_sink::Sink;
use wirelet::{Chunk, Close};

use crate::connection::error::ConnectionError;
use crate::connection::message::OwnedMessage;
use crate::connection::{Connection, Shared};

/// The receiving direction of a [`Connection`]; it also lets leave what was sent.
///
/// Behind an error, receive to the end or drop it, or the peer may not learn of it in time; see
/// [a peer that breaks the protocol](Connection#a-peer-that-breaks-the-protocol).
///
/// ```
/// # async fn f(connection: wirelet_host::Connection) {
/// let (_send, mut receive) = connection.split();
/// while let Some(Ok(message)) = receive.receive().await {
///     println!("{message}");
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct ReceiveHalf {
    shared: Arc<Shared>,
}

/// The sending direction of a [`Connection`]. While it waits, it reads ahead, and answers pings.
///
/// When the peer has broken the protocol, it sends what it still has, for the time to close at most, before
/// the close frame that tells the peer; drop it, or close, when there is nothing more. See
/// [a peer that breaks the protocol](Connection#a-peer-that-breaks-the-protocol).
///
/// ```
/// # async fn f(connection: wirelet_host::Connection) -> Result<(), wirelet_host::ConnectionError> {
/// let (mut send, _receive) = connection.split();
/// send.send("hello").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SendHalf {
    shared: Arc<Shared>,
}

pub(super) fn split(shared: Arc<Shared>) -> (SendHalf, ReceiveHalf) {
    shared.lock().split();
    (SendHalf { shared: Arc::clone(&shared) }, ReceiveHalf { shared })
}

impl ReceiveHalf {
    /// Waits for what comes next; see [`Connection::receive`].
    ///
    /// # Errors
    ///
    /// [`ConnectionError`]; behind it comes the end.
    pub async fn receive(&mut self) -> Option<Result<OwnedMessage, ConnectionError>> {
        poll_fn(|context| self.shared.poll_receive(context)).await
    }

    /// Puts the two halves of a connection together again.
    ///
    /// # Errors
    ///
    /// Both halves, if they are of two connections.
    pub fn reunite(self, send: SendHalf) -> Result<Connection, (Self, SendHalf)> {
        if Arc::ptr_eq(&self.shared, &send.shared) {
            Ok(Connection { shared: Arc::clone(&self.shared) })
        } else {
            Err((self, send))
        }
    }
}

impl Drop for ReceiveHalf {
    fn drop(&mut self) {
        self.shared.unsplit();
    }
}

impl SendHalf {
    /// Sends a message or a control frame, once there is room for it; see [`Connection::send`].
    ///
    /// # Errors
    ///
    /// As [`Connection::send`].
    pub async fn send(&mut self, message: impl Into<OwnedMessage>) -> Result<(), ConnectionError> {
        self.shared.send(message.into()).await
    }

    /// Sends a message or a fragment that is only lent; see [`Connection::send_chunk`].
    ///
    /// # Errors
    ///
    /// As [`Connection::send`].
    pub async fn send_chunk<'m>(
        &mut self,
        chunk: impl Into<Chunk<'m>>,
    ) -> Result<(), ConnectionError> {
        self.shared.send_chunk(chunk.into()).await
    }

    /// Sends a ping; see [`Connection::ping`].
    ///
    /// # Errors
    ///
    /// As [`Connection::send`].
    pub async fn ping(&mut self, payload: &[u8]) -> Result<(), ConnectionError> {
        self.shared.ping(payload).await
    }

    /// Waits until the system has taken all that was sent; see [`Connection::flush`].
    ///
    /// # Errors
    ///
    /// Nothing can be sent any more.
    pub async fn flush(&mut self) -> Result<(), ConnectionError> {
        self.shared.flush().await
    }

    /// Begins the closing handshake, behind all that was sent; see [`Connection::close`].
    ///
    /// # Errors
    ///
    /// As [`Connection::send`].
    pub async fn close<'r>(&mut self, close: impl Into<Close<'r>>) -> Result<(), ConnectionError> {
        self.shared.close(close.into()).await
    }
}

impl Stream for ReceiveHalf {
    type Item = Result<OwnedMessage, ConnectionError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.shared.poll_receive(context)
    }
}

/// As that of [`Connection`].
impl Sink<OwnedMessage> for SendHalf {
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

impl Drop for SendHalf {
    fn drop(&mut self) {
        self.shared.unsplit();
    }
}
