//! The server, connected to once or again and again.

use wirelet::{Chunk, CloseCode};
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

    /// Cancel-safe.
    pub(super) async fn receive(&mut self) -> Result<Update, ClientError> {
        match self {
            Self::Once(client) => client.receive().await.map(Update::Received),
            Self::Again(client) => client.receive().await,
        }
    }

    pub(super) async fn send(&mut self, chunk: Chunk<'_>) -> Result<(), ClientError> {
        match self {
            Self::Once(client) => client.send(chunk).await,
            Self::Again(client) => client.send(chunk).await,
        }
    }

    pub(super) async fn ping(&mut self, payload: &[u8]) -> Result<(), ClientError> {
        match self {
            Self::Once(client) => client.ping(payload).await,
            Self::Again(client) => client.ping(payload).await,
        }
    }

    pub(super) async fn close(&mut self) -> Result<(), ClientError> {
        match self {
            Self::Once(client) => client.close(CloseCode::NORMAL_CLOSURE).await,
            Self::Again(client) => client.close(CloseCode::NORMAL_CLOSURE).await,
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
