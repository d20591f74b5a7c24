//! The server, connected to once or again and again.

use std::future::ready;

use wirelet::{Chunk, CloseCode, SendError};
use wirelet_host::{Client, ClientError, ClientOptions, Reconnecting, Update};

use super::talk::End;

/// A connection.
pub(super) enum Peer {
    Once(Box<Client>),
    /// It may be gone at the moment.
    Again(Box<Reconnecting>),
}

impl Peer {
    /// Connects, or prepares to.
    pub(super) async fn connect(
        url: &str,
        options: ClientOptions,
        again: bool,
    ) -> Result<Self, End> {
        if again {
            let client = Reconnecting::new(url, options).map_err(End::Client)?;
            return Ok(Self::Again(Box::new(client)));
        }
        match Client::connect_with(url, &options).await {
            Ok(client) => Ok(Self::Once(Box::new(client))),
            Err(ClientError::Io(error)) => Err(End::Unreachable(error)),
            Err(error) => Err(End::Client(error)),
        }
    }

    /// Waits for what comes, or for room for what will be sent: then `None`. Cancel-safe.
    pub(super) async fn receive_or_room(&mut self) -> Result<Option<Update>, ClientError> {
        match self {
            Self::Once(client) => {
                client.receive_or_room().await.map(|received| received.map(Update::Received))
            }
            Self::Again(client) => client.receive_or_room().await,
        }
    }

    /// Cancel-safe.
    pub(super) async fn receive(&mut self) -> Result<Update, ClientError> {
        match self {
            Self::Once(client) => client.receive().await.map(Update::Received),
            Self::Again(client) => client.receive().await,
        }
    }

    /// Tells whether something can be sent without waiting for the server to read.
    pub(super) fn has_room(&self) -> bool {
        match self {
            Self::Once(client) => client.has_room(),
            Self::Again(client) => client.has_room(),
        }
    }

    /// Takes over what is to be sent; it leaves while something is waited for. Where there is no
    /// connection any more, what is received next tells why.
    pub(super) fn feed(&mut self, chunk: Chunk<'_>) -> Result<(), ClientError> {
        match self {
            Self::Once(client) => client.feed(chunk),
            Self::Again(client) => client.feed(chunk),
        }
        .map_err(told_later)
    }

    /// Takes over a ping, as [`feed`](Self::feed) does.
    pub(super) fn ping(&mut self, payload: &[u8]) -> Result<(), ClientError> {
        match self {
            Self::Once(client) => client.feed_ping(payload),
            Self::Again(client) => client.feed_ping(payload),
        }
        .map_err(told_later)
    }

    /// Begins the closing handshake, which goes on while something is received; tells whether there is anything to be
    /// closed.
    pub(super) async fn close(&mut self, code: CloseCode) -> Result<bool, ClientError> {
        let closing = async {
            match self {
                Self::Once(client) => client.close(code).await,
                Self::Again(client) => client.close(code).await,
            }
        };
        let result = tokio::select! {
            biased;
            result = closing => result,
            () = ready(()) => Ok(()),
        };
        match result.map_err(told_later) {
            Ok(()) => Ok(true),
            Err(ClientError::NotConnected) => Ok(matches!(self, Self::Once(_))),
            Err(error) => Err(error),
        }
    }

    /// Returns how many bytes wait for the server to read.
    pub(super) fn unsent_bytes(&self) -> usize {
        match self {
            Self::Once(client) => client.unsent_bytes(),
            Self::Again(client) => client.unsent_bytes(),
        }
    }

    /// Waits for the server to close TCP, once the closing handshake is over.
    pub(super) async fn finish(self) {
        if let Self::Once(client) = self {
            client.finish(super::talk::CLOSE_TIME).await.ok();
        }
    }

    /// Tells whether messages can be sent from the beginning.
    pub(super) const fn is_connected(&self) -> bool {
        matches!(self, Self::Once(_))
    }
}

/// Leaves it to what is received next to tell why nothing can be sent.
fn told_later(error: ClientError) -> ClientError {
    match error {
        ClientError::Send(SendError::Closed) => ClientError::NotConnected,
        error @ ClientError::Send(_) => error,
        _ => ClientError::NotConnected,
    }
}
