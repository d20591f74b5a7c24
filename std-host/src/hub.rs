//! All open connections by id; sending to one of them, to those of a topic, or to all.

pub(crate) mod history;
pub(crate) mod outbox;
pub(crate) mod peer;
pub(crate) mod topics;
pub(crate) mod wake;

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use http::StatusCode;
use wirelet::{Close, CloseCode, Connection, Message, Server};

use crate::hub::history::History;
use crate::hub::outbox::{Policy, Put};
use crate::hub::peer::{Agreed, ConnectionId, Peer, Traffic};
use crate::hub::topics::Topics;
use crate::hub::wake::Mail;
use crate::server::answer::Data;
use crate::server::hold;

/// Reaches all connections of a server, from any thread.
///
/// What is sent to several connections is encoded once and shared. Each connection has a queue for
/// what others send to it, which is bounded; [`Policy`] says what happens beyond.
///
/// ```
/// use wirelet_host::{Echo, Policy, Server};
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let server = Server::bind("127.0.0.1:0", Echo).await?;
/// let hub = server.hub();
/// tokio::spawn(server.run());
/// hub.send_to_all("to everybody");
/// hub.with_policy(Policy::Drop).publish("prices", "1.25"); // to whoever has subscribed
/// # Ok::<(), std::io::Error>(())
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct Hub {
    inner: Arc<Inner>,
    policy: Policy,
    except: Option<ConnectionId>,
}

#[derive(Debug)]
struct Inner {
    peers: Mutex<Peers>,
    refused: AtomicU64,
    queue_bytes: usize,
    /// How many messages each connection keeps.
    history: usize,
}

#[derive(Debug, Default)]
struct Peers {
    /// In the order of their ids, which only grow; and so, mostly, in that of their places in memory.
    open: Vec<Arc<Peer>>,
    topics: Topics,
    last_id: u64,
    last_agreed: Arc<Agreed>,
    /// What those that have ended had sent and received.
    gone: Traffic,
    /// The code with which the server closes all connections, also new ones.
    closing: Option<CloseCode>,
}

/// Counts what a server has done until now.
///
/// ```
/// # fn show(hub: &wirelet_host::Hub) {
/// let totals = hub.totals();
/// println!("{} of {} connections are open", totals.open, totals.opened);
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Connections that are open.
    pub open: usize,
    /// Connections that were opened.
    pub opened: u64,
    /// Requests that were answered by an error, 400 to 599.
    pub refused: u64,
    /// What all connections have sent and received.
    pub traffic: Traffic,
}

/// Why a message does not reach a connection.
///
/// ```
/// # fn f(hub: &wirelet_host::Hub) {
/// use wirelet_host::DeliveryError;
///
/// assert_eq!(hub.send_to(1_000.into(), "hello"), Err(DeliveryError::Unknown));
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryError {
    /// There never was a connection of this id.
    Unknown,
    /// The connection is being closed, or has ended.
    Closed,
    /// The peer reads too slowly; [`Policy`] says what became of its connection.
    Full,
}

impl fmt::Display for DeliveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "there never was a connection of this id",
            Self::Closed => "the connection is closed",
            Self::Full => "the peer reads too slowly",
        })
    }
}

impl Error for DeliveryError {}

impl Peers {
    fn position(&self, id: ConnectionId) -> Option<usize> {
        self.open.binary_search_by_key(&id, |peer| peer.id()).ok()
    }

    fn find(&self, id: ConnectionId) -> Result<&Arc<Peer>, DeliveryError> {
        match self.position(id) {
            Some(i) => Ok(&self.open[i]),
            None if (1..=self.last_id).contains(&id.into()) => Err(DeliveryError::Closed),
            None => Err(DeliveryError::Unknown),
        }
    }
}

impl Hub {
    pub(crate) fn new(queue_bytes: usize, policy: Policy, history: usize) -> Self {
        let inner =
            Inner { peers: Mutex::default(), refused: AtomicU64::default(), queue_bytes, history };
        Self { inner: Arc::new(inner), policy, except: None }
    }

    /// Returns a way to the same connections by another policy than the server's.
    #[must_use]
    pub fn with_policy(&self, policy: Policy) -> Self {
        Self { policy, ..self.clone() }
    }

    /// Returns a way to all connections but one; for what goes to several.
    #[must_use]
    pub fn except(&self, id: ConnectionId) -> Self {
        Self { except: Some(id), ..self.clone() }
    }

    /// Sends a message to one connection.
    ///
    /// # Errors
    ///
    /// [`DeliveryError`]; the message is not sent.
    pub fn send_to<'m>(
        &self,
        id: ConnectionId,
        message: impl Into<Message<'m>>,
    ) -> Result<(), DeliveryError> {
        let peer = self.find(id)?;
        self.offer(&peer, &encode(message.into()))
    }

    /// Sends a message to every connection. Returns how many take it.
    pub fn send_to_all<'m>(&self, message: impl Into<Message<'m>>) -> usize {
        let frame = encode(message.into());
        self.offer_to_all(&self.peers().open, &frame)
    }

    /// Sends a message to every connection that has subscribed to `topic`. Returns how many take it.
    pub fn publish<'m>(&self, topic: &str, message: impl Into<Message<'m>>) -> usize {
        let frame = encode(message.into());
        self.offer_to_all(self.peers().topics.subscribers(topic), &frame)
    }

    /// As [`send_to`](Self::send_to), but waits until a peer that reads too slowly has room. If
    /// dropped meanwhile, the message is not sent.
    ///
    /// # Errors
    ///
    /// [`DeliveryError::Unknown`] and [`DeliveryError::Closed`]; the message is not sent.
    pub async fn deliver_to<'m>(
        &self,
        id: ConnectionId,
        message: impl Into<Message<'m>>,
    ) -> Result<(), DeliveryError> {
        let peer = self.find(id)?;
        self.deliver_frame(&peer, &encode(message.into())).await
    }

    /// As [`send_to_all`](Self::send_to_all), but waits until those that read too slowly have room;
    /// the others have the message at once. If dropped meanwhile, some do not get it.
    pub async fn deliver_to_all<'m>(&self, message: impl Into<Message<'m>>) -> usize {
        let peers = self.connections();
        self.deliver_to_each(peers, &encode(message.into())).await
    }

    /// As [`publish`](Self::publish), but waits as [`deliver_to_all`](Self::deliver_to_all) does.
    pub async fn deliver<'m>(&self, topic: &str, message: impl Into<Message<'m>>) -> usize {
        let peers = self.peers().topics.subscribers(topic).to_vec();
        self.deliver_to_each(peers, &encode(message.into())).await
    }

    /// Lets a connection have what is published to `topic`. Returns false if it has that already.
    ///
    /// # Errors
    ///
    /// [`DeliveryError::Unknown`] and [`DeliveryError::Closed`].
    pub fn subscribe(&self, id: ConnectionId, topic: &str) -> Result<bool, DeliveryError> {
        let mut peers = self.peers();
        let peer = Arc::clone(peers.find(id)?);
        Ok(peers.topics.subscribe(&peer, topic))
    }

    /// Ends a subscription, as the end of the connection does. Returns false if there is none.
    #[expect(clippy::must_use_candidate, reason = "there is none behind it in any case")]
    pub fn unsubscribe(&self, id: ConnectionId, topic: &str) -> bool {
        self.peers().topics.unsubscribe(id, topic)
    }

    /// Returns the topics that a connection has subscribed to.
    #[must_use]
    pub fn topics(&self, id: ConnectionId) -> Vec<Arc<str>> {
        self.peers().topics.of(id).to_vec()
    }

    /// Begins to close a connection, behind what was sent to it before. Nothing is sent to it after.
    ///
    /// # Errors
    ///
    /// [`DeliveryError::Unknown`] and [`DeliveryError::Closed`].
    pub fn close<'r>(
        &self,
        id: ConnectionId,
        close: impl Into<Close<'r>>,
    ) -> Result<(), DeliveryError> {
        self.find(id)?.close(close.into());
        Ok(())
    }

    /// Returns all open connections, the oldest first.
    #[must_use]
    pub fn connections(&self) -> Vec<Arc<Peer>> {
        self.peers().open.clone()
    }

    /// Returns what is known of a connection.
    ///
    /// # Errors
    ///
    /// [`DeliveryError::Unknown`] and [`DeliveryError::Closed`].
    pub fn info(&self, id: ConnectionId) -> Result<Arc<Peer>, DeliveryError> {
        self.find(id)
    }

    /// Counts what the server has done until now; looks at every open connection.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let peers = self.peers();
        let mut traffic = peers.gone;
        peers.open.iter().for_each(|peer| traffic += peer.traffic());
        Totals {
            open: peers.open.len(),
            opened: peers.last_id,
            refused: self.inner.refused.load(Ordering::Relaxed),
            traffic,
        }
    }

    /// Counts a response that opens no connection.
    pub(crate) fn count_response(&self, status: StatusCode) {
        if status.is_client_error() || status.is_server_error() {
            self.inner.refused.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn close_all(&self, code: CloseCode) {
        let mut peers = self.peers();
        peers.closing = Some(code);
        peers.open.iter().for_each(|peer| peer.close(code.into()));
    }

    /// Adds a connection; it leaves when the returned guard is dropped.
    pub(crate) fn enter(
        &self,
        remote_addr: Option<SocketAddr>,
        agreed: Agreed,
        data: Option<Data>,
        mail: (Arc<Mail>, usize),
    ) -> Entry {
        let mut peers = self.peers();
        peers.last_id += 1;
        if *peers.last_agreed != agreed {
            peers.last_agreed = Arc::new(agreed);
        }
        let extra = (data, History::new(self.inner.history));
        let agreed = Arc::clone(&peers.last_agreed);
        let peer = Arc::new(Peer::new(peers.last_id, remote_addr, agreed, extra, mail));
        if let Some(code) = peers.closing {
            peer.close(code.into());
        }
        peers.open.push(Arc::clone(&peer));
        drop(peers);
        Entry { inner: Arc::clone(&self.inner), peer }
    }

    /// Puts a frame into a connection's outbox, or does what the policy says.
    fn offer(&self, peer: &Arc<Peer>, frame: &Arc<[u8]>) -> Result<(), DeliveryError> {
        let mut put = peer.put(frame, self.inner.queue_bytes);
        if put == Put::Full && self.policy == Policy::Wait && hold::wait_for(peer) {
            put = peer.put(frame, usize::MAX);
        }
        match put {
            Put::Done { .. } => Ok(()),
            Put::Closing => Err(DeliveryError::Closed),
            Put::Full => {
                tracing::debug!(id = %peer.id(), policy = ?self.policy, "the peer reads too slowly");
                peer.messages_dropped.fetch_add(1, Ordering::Relaxed);
                if self.policy == Policy::Close {
                    peer.close(CloseCode::POLICY_VIOLATION.into());
                }
                Err(DeliveryError::Full)
            }
        }
    }

    fn offer_to_all(&self, peers: &[Arc<Peer>], frame: &Arc<[u8]>) -> usize {
        let peers = peers.iter().filter(|peer| Some(peer.id()) != self.except);
        peers.filter(|peer| self.offer(peer, frame).is_ok()).count()
    }

    /// Puts a frame into a connection's outbox when there is room.
    async fn deliver_frame(&self, peer: &Peer, frame: &Arc<[u8]>) -> Result<(), DeliveryError> {
        loop {
            match peer.put(frame, self.inner.queue_bytes) {
                Put::Done { .. } => return Ok(()),
                Put::Closing => return Err(DeliveryError::Closed),
                Put::Full => {}
            }
            poll_fn(|context| {
                if peer.outbox.wait(context.waker()) { Poll::Pending } else { Poll::Ready(()) }
            })
            .await;
        }
    }

    async fn deliver_to_each(&self, peers: Vec<Arc<Peer>>, frame: &Arc<[u8]>) -> usize {
        let (mut n, mut slow) = (0, Vec::new());
        for peer in peers.into_iter().filter(|peer| Some(peer.id()) != self.except) {
            match peer.put(frame, self.inner.queue_bytes) {
                Put::Done { .. } => n += 1,
                Put::Closing => {}
                Put::Full => slow.push(peer),
            }
        }
        for peer in slow {
            n += usize::from(self.deliver_frame(&peer, frame).await.is_ok());
        }
        n
    }

    fn find(&self, id: ConnectionId) -> Result<Arc<Peer>, DeliveryError> {
        self.peers().find(id).map(Arc::clone)
    }

    fn peers(&self) -> MutexGuard<'_, Peers> {
        self.inner.peers()
    }
}

impl Inner {
    fn peers(&self) -> MutexGuard<'_, Peers> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a connection in the hub as long as it lives.
pub(crate) struct Entry {
    inner: Arc<Inner>,
    pub(crate) peer: Arc<Peer>,
}

impl Entry {
    /// Takes the connection out of the hub.
    pub(crate) fn leave(self) -> Arc<Peer> {
        Arc::clone(&self.peer)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut peers = self.inner.peers();
        if let Some(i) = peers.position(self.peer.id()) {
            peers.open.remove(i);
        }
        peers.topics.leave(self.peer.id());
        peers.gone += self.peer.traffic();
        drop(peers);
        self.peer.outbox.leave();
    }
}

/// Encodes a message as a server's frame, which is the same for every client.
fn encode(message: Message<'_>) -> Arc<[u8]> {
    let mut frame = vec![0; message.as_bytes().len() + wirelet::Header::MAX_LEN];
    // A new connection refuses no whole message, and there is space for it.
    let n = Connection::new(Server).send(message, &mut frame).unwrap_or_default();
    frame.truncate(n);
    frame.into()
}
