//! All open connections by id; sending to one of them, to those of a topic, or to all.

use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::StatusCode;
use wirelet::{Close, CloseCode, Message};

use crate::compression::{Compressed, Counters};

use encoded::Encoded;
use endings::{Ending, EndingCounters, Endings};
use history::History;
use id::ConnectionId;
use obstacle::Call;
use outbox::{Policy, Put, Room, Status};
use peer::{Agreed, Data, Extra, Peer, Traffic};
use roster::Roster;
use topics::Topics;
use wake::{Token, WakeQueue};

mod encoded;
pub(crate) mod endings;
pub(crate) mod history;
pub(crate) mod id;
pub(crate) mod obstacle;
pub(crate) mod outbox;
pub(crate) mod peer;
mod roster;
mod topics;
pub(crate) mod wake;

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
#[derive(Debug)]
pub struct Hub {
    inner: Arc<Inner>,
    policy: Policy,
    except: Option<ConnectionId>,
    /// The call of a handler that sends.
    call: Option<Call>,
}

#[derive(Debug)]
struct Inner {
    peers: Mutex<Peers>,
    topics: Mutex<Topics>,
    refused: AtomicU64,
    endings: EndingCounters,
    compression: Counters,
    room: Room,
    frame_bytes: usize,
    /// How many messages each connection keeps.
    history: usize,
}

#[derive(Debug, Default)]
struct Peers {
    open: Roster,
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
    /// How those that have ended did.
    pub endings: Endings,
    /// What all connections have sent and received.
    pub traffic: Traffic,
    /// What compression has made of it.
    pub compressed: Compressed,
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
#[non_exhaustive]
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

impl Clone for Hub {
    /// Returns a way to the same connections that nobody's call waits for.
    fn clone(&self) -> Self {
        Self { call: None, ..self.share() }
    }
}

impl Hub {
    pub(crate) fn new(room: Room, policy: Policy, frame_bytes: usize, history: usize) -> Self {
        let inner = Inner {
            peers: Mutex::default(),
            topics: Mutex::default(),
            refused: AtomicU64::default(),
            endings: EndingCounters::default(),
            compression: Counters::default(),
            room,
            frame_bytes,
            history,
        };
        Self { inner: Arc::new(inner), policy, except: None, call: None }
    }

    /// Returns a way to the same connections for the calls of a worker's handlers.
    pub(crate) fn for_calls(&self) -> Self {
        Self { call: Some(Call::new()), ..self.share() }
    }

    /// The call of a handler that sends this way.
    pub(crate) const fn call(&self) -> Option<&Call> {
        self.call.as_ref()
    }

    /// Begins the next call.
    pub(crate) fn begin_call(&mut self) {
        if let Some(call) = &mut self.call {
            call.begin();
        }
    }

    fn share(&self) -> Self {
        let Self { inner, policy, except, call } = self;
        Self { inner: Arc::clone(inner), policy: *policy, except: *except, call: call.clone() }
    }

    /// How much may wait for a connection.
    pub(crate) fn room(&self) -> Room {
        self.inner.room
    }

    /// Returns a way to the same connections by another policy than the server's.
    #[must_use]
    pub fn with_policy(&self, policy: Policy) -> Self {
        Self { policy, ..self.share() }
    }

    /// Returns a way to all connections but one; for what goes to several.
    #[must_use]
    pub fn except(&self, id: ConnectionId) -> Self {
        Self { except: Some(id), ..self.share() }
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
        if self.offer(&peer, self.encoded(message.into()).frames(&peer))? {
            peer.tell();
        }
        Ok(())
    }

    /// Sends a message to every connection. Returns how many take it.
    pub fn send_to_all<'m>(&self, message: impl Into<Message<'m>>) -> usize {
        self.offer_to_all(&self.list(), &mut self.encoded(message.into()))
    }

    /// Sends a message to every connection that has subscribed to `topic`. Returns how many take it.
    pub fn publish<'m>(&self, topic: &str, message: impl Into<Message<'m>>) -> usize {
        let peers = self.topics_mut().subscribers(topic);
        self.offer_to_all(&peers, &mut self.encoded(message.into()))
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
        let frames = Arc::clone(self.encoded(message.into()).frames(&peer));
        self.deliver_frames(&peer, &frames).await
    }

    /// As [`send_to_all`](Self::send_to_all), but waits until those that read too slowly have room;
    /// the others have the message at once. If dropped meanwhile, some do not get it.
    pub async fn deliver_to_all<'m>(&self, message: impl Into<Message<'m>>) -> usize {
        let peers = self.list();
        self.deliver_to_each(&peers, self.encoded(message.into())).await
    }

    /// As [`publish`](Self::publish), but waits as [`deliver_to_all`](Self::deliver_to_all) does.
    pub async fn deliver<'m>(&self, topic: &str, message: impl Into<Message<'m>>) -> usize {
        let peers = self.topics_mut().subscribers(topic);
        self.deliver_to_each(&peers, self.encoded(message.into())).await
    }

    /// Lets a connection have what is published to `topic`. Returns false if it has that already.
    ///
    /// # Errors
    ///
    /// [`DeliveryError::Unknown`] and [`DeliveryError::Closed`].
    pub fn subscribe(&self, id: ConnectionId, topic: &str) -> Result<bool, DeliveryError> {
        let peer = self.find(id)?;
        let mut topics = self.topics_mut();
        // Behind its end, which takes it out of all topics, nothing would.
        if peer.status() == Status::Closed {
            return Err(DeliveryError::Closed);
        }
        Ok(topics.subscribe(&peer, topic))
    }

    /// Ends a subscription, as the end of the connection does. Returns false if there is none.
    #[expect(clippy::must_use_candidate, reason = "there is none behind it in any case")]
    pub fn unsubscribe(&self, id: ConnectionId, topic: &str) -> bool {
        self.topics_mut().unsubscribe(id, topic)
    }

    /// Returns the topics that a connection has subscribed to.
    #[must_use]
    pub fn topics(&self, id: ConnectionId) -> Vec<Arc<str>> {
        self.topics_mut().of(id).to_vec()
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
        self.list().to_vec()
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
        let mut peers = self.peers();
        let (open, opened, mut traffic) = (peers.open.list(), peers.last_id, peers.gone);
        drop(peers);
        open.iter().for_each(|peer| traffic += peer.traffic());
        let refused = self.inner.refused.load(Ordering::Relaxed);
        let endings = self.inner.endings.read();
        let compressed = self.inner.compression.read();
        Totals { open: open.len(), opened, refused, endings, traffic, compressed }
    }

    /// Counts a response that opens no connection.
    pub(crate) fn count_response(&self, status: StatusCode) {
        if status.is_client_error() || status.is_server_error() {
            self.inner.refused.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts the end of a connection, open or not.
    pub(crate) fn count_ending(&self, ending: Ending) {
        self.inner.endings.count(ending);
    }

    /// Closes at once what opens from now on.
    pub(crate) fn turn_away(&self, code: CloseCode) {
        self.peers().closing = Some(code);
    }

    pub(crate) fn close_all(&self, code: CloseCode) {
        self.turn_away(code);
        self.list().iter().for_each(|peer| peer.close(code.into()));
    }

    /// Adds a connection, which is to [leave](Self::leave) at its end.
    pub(crate) fn enter(
        &self,
        remote_addr: Option<SocketAddr>,
        agreed: Agreed,
        (data, request): (Option<Data>, Option<Box<[u8]>>),
        queue: (Arc<WakeQueue>, usize),
    ) -> Arc<Peer> {
        let mut peers = self.peers();
        peers.last_id += 1;
        if *peers.last_agreed != agreed {
            peers.last_agreed = Arc::new(agreed);
        }
        let extra = Extra { data, history: History::new(self.inner.history), request };
        let agreed = Arc::clone(&peers.last_agreed);
        let peer = Arc::new(Peer::new(peers.last_id, remote_addr, agreed, extra, queue));
        peers.open.join(&peer);
        let closing = peers.closing;
        drop(peers);
        if let Some(code) = closing {
            peer.close(code.into());
        }
        peer
    }

    /// Takes out a connection that has ended.
    pub(crate) fn leave(&self, peer: &Peer) {
        let mut peers = self.peers();
        peers.open.leave(peer.id());
        peers.gone += peer.traffic();
        drop(peers);
        peer.outbox.leave();
        self.topics_mut().leave(peer.id());
    }

    /// Encodes a message for whoever gets it.
    fn encoded<'m>(&'m self, message: Message<'m>) -> Encoded<'m> {
        Encoded::new(message, self.frame_bytes(), self.compression())
    }

    /// Counts what compression does.
    pub(crate) fn compression(&self) -> &Counters {
        &self.inner.compression
    }

    /// The longest payload of a frame that is sent; 0 for any.
    pub(crate) fn frame_bytes(&self) -> usize {
        self.inner.frame_bytes
    }

    /// Puts a frame into a connection's outbox, or does what the policy says. Tells whether the worker
    /// must be told.
    fn offer(&self, peer: &Arc<Peer>, frame: &Arc<[u8]>) -> Result<bool, DeliveryError> {
        let mut put = peer.put(frame, self.policy, self.inner.room);
        if put == Put::Full
            && self.policy == Policy::Wait
            && self.call.as_ref().is_some_and(|call| call.wait_for(peer))
        {
            put = peer.put(frame, self.policy, Room::ENDLESS);
        }
        match put {
            Put::Done { first } => Ok(first),
            Put::Closing => Err(DeliveryError::Closed),
            Put::Full => {
                let closes = self.policy == Policy::Close;
                peer.note_slow(1, closes);
                if closes {
                    peer.close(CloseCode::POLICY_VIOLATION.into());
                }
                Err(DeliveryError::Full)
            }
        }
    }

    fn offer_to_all(&self, peers: &[Arc<Peer>], message: &mut Encoded<'_>) -> usize {
        let (mut n, mut told) = (0, Told::default());
        for peer in self.without_exception(peers) {
            if let Ok(first) = self.offer(peer, message.frames(peer)) {
                n += 1;
                told.add(first, peer);
            }
        }
        n
    }

    /// Puts a frame into a connection's outbox when there is room.
    async fn deliver_frames(
        &self,
        peer: &Arc<Peer>,
        frame: &Arc<[u8]>,
    ) -> Result<(), DeliveryError> {
        loop {
            match peer.put(frame, Policy::Wait, self.inner.room) {
                Put::Done { first: true } => break peer.tell(),
                Put::Done { first: false } => break,
                Put::Closing => return Err(DeliveryError::Closed),
                Put::Full => obstacle::room(peer).await,
            }
        }
        Ok(())
    }

    async fn deliver_to_each(&self, peers: &[Arc<Peer>], mut message: Encoded<'_>) -> usize {
        let (mut n, mut slow, mut told) = (0, Vec::new(), Told::default());
        for peer in self.without_exception(peers) {
            match peer.put(message.frames(peer), Policy::Wait, self.inner.room) {
                Put::Done { first } => {
                    n += 1;
                    told.add(first, peer);
                }
                Put::Closing => {}
                Put::Full => slow.push(peer),
            }
        }
        drop(told);
        for peer in slow {
            let frames = Arc::clone(message.frames(peer));
            n += usize::from(self.deliver_frames(peer, &frames).await.is_ok());
        }
        n
    }

    fn without_exception<'p>(
        &self,
        peers: &'p [Arc<Peer>],
    ) -> impl Iterator<Item = &'p Arc<Peer>> + use<'p> {
        let except = self.except;
        peers.iter().filter(move |peer| Some(peer.id()) != except)
    }

    fn find(&self, id: ConnectionId) -> Result<Arc<Peer>, DeliveryError> {
        let peers = self.peers();
        match peers.open.find(id) {
            Some(peer) => Ok(Arc::clone(peer)),
            None if (1..=peers.last_id).contains(&id.into()) => Err(DeliveryError::Closed),
            None => Err(DeliveryError::Unknown),
        }
    }

    /// All open connections, to be gone through without the lock.
    fn list(&self) -> Arc<[Arc<Peer>]> {
        self.peers().open.list()
    }

    fn peers(&self) -> MutexGuard<'_, Peers> {
        lock(&self.inner.peers)
    }

    fn topics_mut(&self) -> MutexGuard<'_, Topics> {
        lock(&self.inner.topics)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Workers that are to be told when the last of their connections has something, each once.
#[derive(Default)]
struct Told(Vec<(Arc<WakeQueue>, Vec<Token>)>);

impl Told {
    fn add(&mut self, first: bool, peer: &Peer) {
        if !first {
            return;
        }
        let queue = peer.queue();
        match self.0.iter_mut().find(|(other, _)| Arc::ptr_eq(other, queue)) {
            Some((_, tokens)) => tokens.push(peer.token()),
            None => self.0.push((Arc::clone(queue), vec![peer.token()])),
        }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.0.iter().for_each(|(queue, tokens)| queue.wake_all(tokens));
    }
}
