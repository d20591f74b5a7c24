//! What the board may want to log.

use embassy_net::IpEndpoint;
use wirelet::Error;

/// Tells what happened on one of the sockets, whose errors are of type `E`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Event<E> {
    /// A client has connected.
    Connected(Option<IpEndpoint>),
    /// The client was served; this end closes TCP.
    Served(Served),
    /// The client is cut off.
    Failed(Failure<E>),
}

/// What a client got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Served {
    /// A WebSocket, closed in due form.
    WebSocket,
    /// The page, or the counters.
    Page,
    /// A status that says no.
    Refusal,
}

/// Why a client was cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Failure<E> {
    /// As the engine says: a violation, which was answered, or the transport.
    WebSocket(Error<E>),
    /// The request was not there in time.
    SlowHandshake,
    /// What was sent was not taken in time.
    SlowReader,
    /// A ping was not answered in time.
    Silence,
}

impl<E> From<Error<E>> for Failure<E> {
    fn from(error: Error<E>) -> Self {
        Self::WebSocket(error)
    }
}
