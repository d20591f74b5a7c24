//! A client that connects again.

use std::fmt;
use std::mem;
use std::pin::Pin;
use std::time::{Duration, Instant};

use rand::RngExt as _;
use rand::rngs::StdRng;
use wirelet::{Chunk, Close};

use super::target::Target;
use super::{Client, ClientError, ClientOptions};
use crate::connection::message::OwnedMessage;

/// A client that connects, and connects again when the connection breaks, until the application
/// [closes](Self::close) it or trying again cannot help.
///
/// It waits between attempts: at random up to a limit that doubles each time (exponential backoff with
/// full jitter), so that a server that comes back is not overrun by all its clients at once. After a 429 or
/// 503 with `Retry-After`, it waits so long before, at most a day.
///
/// # What may be lost
///
/// Nothing is ever sent a second time. [`send`](Self::send) fails while there is no connection. When one
/// breaks, [`Update::Waiting`] tells how many messages had not wholly left; those that had left may have
/// been lost on their way nevertheless: only an answer of the server tells that a message has arrived.
///
/// ```no_run
/// use wirelet_host::{ClientOptions, Reconnecting, Update};
///
/// # async fn f() -> Result<(), wirelet_host::ClientError> {
/// let mut client = Reconnecting::new("wss://example.org/prices", ClientOptions::default())?;
/// loop {
///     match client.receive().await? {
///         Update::Connected => client.send("subscribe").await?,
///         Update::Received(message) => println!("{message}"),
///         Update::Waiting { why, wait, .. } => eprintln!("{why}; again in {wait:?}"),
///         _ => {}
///     }
/// }
/// # }
/// ```
pub struct Reconnecting {
    target: Target,
    options: ClientOptions,
    backoff: Backoff,
    state: State,
    /// Attempts, and connections that did not last, since the last that did.
    n_failed: u32,
    /// Messages that were begun to be sent on this connection, and have not left.
    n_unsent: usize,
    is_closing: bool,
}

/// What a [`Reconnecting`] client tells.
///
/// ```
/// use wirelet_host::Update;
///
/// let update = Update::Received("hi".into());
/// assert!(matches!(update, Update::Received(message) if message.as_text() == Some("hi")));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Update {
    /// There is a connection, of which the server knows nothing yet: log in and subscribe now.
    Connected,
    /// Something has come.
    Received(OwnedMessage),
    /// There is no connection; the next attempt follows by itself.
    Waiting {
        /// Why the connection broke, or could not be opened.
        why: ClientError,
        /// How many messages (or fragments) were being sent and have not wholly left, as far as is
        /// known. They will not be sent again.
        unsent: usize,
        /// How long until the next attempt.
        wait: Duration,
    },
}

/// How long a [`Reconnecting`] client waits; the default is at most 0.5 s, doubling to 30 s.
///
/// ```
/// use std::time::Duration;
/// use wirelet_host::Backoff;
///
/// let backoff = Backoff { first: Duration::from_millis(100), ..Backoff::default() };
/// assert_eq!(backoff.longest, Duration::from_secs(30));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The longest wait after the first failure. Each wait is a random part of its limit.
    pub first: Duration,
    /// The limit of all waits, to which they double.
    pub longest: Duration,
    /// A connection that has lasted so long is a success: the next wait is a first one.
    pub lasting: Duration,
}

enum State {
    Waiting {
        until: Instant,
    },
    Opening(Opening),
    Open {
        client: Box<Client>,
        since: Instant,
    },
    /// The application has closed, or trying again cannot help.
    Ended,
}

type Opening = Pin<Box<dyn Future<Output = Result<Client, ClientError>> + Send>>;

impl Reconnecting {
    /// Prepares; [`receive`](Self::receive) connects. Without a
    /// [`keepalive`](ClientOptions::keepalive), a server that is lost without a word may never be missed:
    /// then it is 20 s here.
    ///
    /// # Errors
    ///
    /// [`ClientError::Url`], and [`ClientError::Authorities`] for a `wss://` URL.
    pub fn new(url: &str, options: ClientOptions) -> Result<Self, ClientError> {
        Self::with_backoff(url, options, Backoff::default())
    }

    /// Prepares, with waits of another length.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_backoff(
        url: &str,
        mut options: ClientOptions,
        backoff: Backoff,
    ) -> Result<Self, ClientError> {
        let target = Client::target(url)?;
        #[cfg(feature = "tls")]
        if target.scheme.is_tls() {
            options.prepare_tls()?;
        }
        options.keepalive.get_or_insert(KEEPALIVE);
        let state = State::Waiting { until: Instant::now() };
        Ok(Self { target, options, backoff, state, n_failed: 0, n_unsent: 0, is_closing: false })
    }

    /// Connects if need be, and waits for what comes. Cancel-safe: attempts go on with the next call.
    ///
    /// # Errors
    ///
    /// What trying again cannot mend ([`ClientError::is_temporary`]), and [`ClientError::Closed`] when
    /// the application has closed.
    pub async fn receive(&mut self) -> Result<Update, ClientError> {
        loop {
            if let Some(update) = self.receive_until(false).await? {
                return Ok(update);
            }
        }
    }

    /// Waits for what comes, or until there is a connection with room for what will be sent: then
    /// `None`. Cancel-safe.
    ///
    /// # Errors
    ///
    /// As [`receive`](Self::receive).
    pub async fn receive_or_room(&mut self) -> Result<Option<Update>, ClientError> {
        self.receive_until(true).await
    }

    async fn receive_until(&mut self, wants_room: bool) -> Result<Option<Update>, ClientError> {
        loop {
            match &mut self.state {
                State::Waiting { until } => {
                    tokio::time::sleep_until((*until).into()).await;
                    let (target, options) = (self.target.clone(), self.options.clone());
                    let opening = async move { Client::open(&target, &options).await };
                    self.state = State::Opening(Box::pin(opening));
                }
                State::Opening(opening) => match opening.await {
                    Ok(client) => {
                        let (client, since) = (Box::new(client), Instant::now());
                        self.state = State::Open { client, since };
                        return Ok(Some(Update::Connected));
                    }
                    Err(why) => return self.fail(why, Duration::ZERO).map(Some),
                },
                State::Open { client, since } => {
                    let result = client.receive_until(wants_room).await;
                    if client.is_flushed() {
                        self.n_unsent = 0;
                    }
                    match result {
                        Ok(received) => return Ok(received.map(Update::Received)),
                        Err(why) => {
                            let lasted = since.elapsed();
                            return self.fail(why, lasted).map(Some);
                        }
                    }
                }
                State::Ended => return Err(ClientError::Closed),
            }
        }
    }

    /// Tells whether there is a connection, and at most [`ClientOptions::queue_bytes`] wait for the
    /// server to read.
    #[must_use]
    pub fn has_room(&self) -> bool {
        matches!(&self.state, State::Open { client, .. } if client.has_room())
    }

    /// Returns how many bytes of what was sent wait for the server to read; what the system has taken is not among
    /// them.
    #[must_use]
    pub fn unsent_bytes(&self) -> usize {
        match &self.state {
            State::Open { client, .. } => client.unsent_bytes(),
            _ => 0,
        }
    }

    /// Takes a message over, or a fragment of one, whether there is room or not; it leaves while
    /// something else is waited for.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn feed<'m>(&mut self, chunk: impl Into<Chunk<'m>>) -> Result<(), ClientError> {
        let State::Open { client, .. } = &mut self.state else {
            return Err(ClientError::NotConnected);
        };
        let result = client.feed(chunk).map_err(not_connected);
        if !matches!(result, Err(ClientError::Send(_))) {
            self.n_unsent += 1;
        }
        result
    }

    /// Sends a message, or a fragment of one. If dropped, it leaves with the next call, unless the
    /// connection breaks before.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotConnected`] if there is no connection, or it breaks meanwhile: then the next
    /// [`receive`](Self::receive) tells why. [`ClientError::Send`] for what must not be sent.
    pub async fn send<'m>(&mut self, chunk: impl Into<Chunk<'m>>) -> Result<(), ClientError> {
        self.feed(chunk)?;
        let State::Open { client, .. } = &mut self.state else {
            return Err(ClientError::NotConnected);
        };
        client.connection.flush().await.map_err(|error| not_connected(error.into()))?;
        self.n_unsent = 0;
        Ok(())
    }

    /// Takes a ping over, with at most 125 bytes of payload, as [`feed`](Self::feed) does.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn feed_ping(&mut self, payload: &[u8]) -> Result<(), ClientError> {
        match &mut self.state {
            State::Open { client, .. } => client.feed_ping(payload).map_err(not_connected),
            _ => Err(ClientError::NotConnected),
        }
    }

    /// Sends a ping with at most 125 bytes of payload.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn ping(&mut self, payload: &[u8]) -> Result<(), ClientError> {
        match &mut self.state {
            State::Open { client, .. } => client.ping(payload).await.map_err(not_connected),
            _ => Err(ClientError::NotConnected),
        }
    }

    /// Begins the closing handshake, and connects no more; go on receiving until
    /// [`OwnedMessage::Close`] comes.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotConnected`] if there is no connection to be closed, and as
    /// [`Client::close`].
    pub async fn close<'r>(&mut self, close: impl Into<Close<'r>>) -> Result<(), ClientError> {
        self.is_closing = true;
        let State::Open { client, .. } = &mut self.state else {
            self.state = State::Ended;
            return Err(ClientError::NotConnected);
        };
        client.close(close).await
    }

    /// Returns the subprotocol that the server chose on this connection.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        match &self.state {
            State::Open { client, .. } => client.subprotocol(),
            _ => None,
        }
    }

    /// Waits for the next attempt, unless there shall be none.
    fn fail(&mut self, why: ClientError, lasted: Duration) -> Result<Update, ClientError> {
        if self.is_closing || !why.is_temporary() {
            self.state = State::Ended;
            return Err(why);
        }
        if lasted >= self.backoff.lasting {
            self.n_failed = 0;
        }
        let wait = self.backoff.limit(self.n_failed).mul_f64(rand::make_rng::<StdRng>().random());
        // Behind the time that the server names, not at it, where all its clients would come.
        let wait = wait + asked_for(&why);
        self.n_failed = self.n_failed.saturating_add(1);
        self.state = State::Waiting { until: Instant::now() + wait };
        Ok(Update::Waiting { why, unsent: mem::take(&mut self.n_unsent), wait })
    }
}

impl Backoff {
    /// Returns the longest wait after so many failures in a row before this one.
    fn limit(&self, n_failed: u32) -> Duration {
        self.first.saturating_mul(2_u32.saturating_pow(n_failed)).min(self.longest)
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(30),
            lasting: Duration::from_secs(30),
        }
    }
}

impl fmt::Debug for Reconnecting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_open = matches!(self.state, State::Open { .. });
        f.debug_struct("Reconnecting")
            .field("target", &self.target)
            .field("is_open", &is_open)
            .finish_non_exhaustive()
    }
}

/// How long the server wants to be left alone: RFC 9110 §15.6.4, RFC 6585 §4.
fn asked_for(why: &ClientError) -> Duration {
    match why {
        ClientError::Refused { status, retry_after: Some(time), .. } => {
            let counts = matches!(status.get(), 429 | 503);
            if counts { LONGEST_ASKED_FOR.min(*time) } else { Duration::ZERO }
        }
        _ => Duration::ZERO,
    }
}

/// Why the connection broke, the next receive tells.
fn not_connected(error: ClientError) -> ClientError {
    match error {
        error @ ClientError::Send(_) => error,
        _ => ClientError::NotConnected,
    }
}

/// The longest `Retry-After` that is honoured; no server can send a client away for ever.
const LONGEST_ASKED_FOR: Duration = Duration::from_secs(24 * 3600);

/// When to ping a silent server, unless the options say otherwise.
const KEEPALIVE: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_double_up_to_the_longest() {
        let backoff = Backoff::default();
        let limits = [0, 1, 2, 5, 6, 7, 40, u32::MAX].map(|n| backoff.limit(n).as_millis());
        assert_eq!(limits, [500, 1000, 2000, 16_000, 30_000, 30_000, 30_000, 30_000]);
    }

    #[test]
    fn waits_are_a_random_part_of_their_limit_until_a_connection_lasts() {
        let mut client = Reconnecting::new("ws://a", ClientOptions::default()).unwrap();
        let mut wait = |lasted| match client.fail(ClientError::Eof, lasted).unwrap() {
            Update::Waiting { wait, .. } => wait,
            update => panic!("{update:?}"),
        };
        let waits: Vec<_> = (0..200).map(|_| wait(Duration::ZERO)).collect();
        for (i, wait) in waits.iter().enumerate() {
            assert!(*wait <= Backoff::default().limit(u32::try_from(i).unwrap()), "{i}: {wait:?}");
        }
        let seconds: f64 = waits.iter().map(Duration::as_secs_f64).sum();
        assert!((10.0..20.0).contains(&(seconds / 200.0)), "15 s on the average: {seconds}");
        for _ in 0..20 {
            assert!(wait(Backoff::default().lasting) <= Duration::from_millis(500));
        }
    }
}
