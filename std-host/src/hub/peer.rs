//! What is known of one connection.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use wirelet::handshake::Request;
use wirelet::{Close, Header, Kind, Opcode};

use crate::compression::Agreement;
use crate::endpoint::deflate;
use crate::hub::history::{History, Record, Sender};
use crate::hub::id::ConnectionId;
use crate::hub::outbox::{Outbox, Policy, Put, Room, Status};
use crate::hub::wake::{Token, WakeQueue};

/// What an application keeps with a connection.
pub(crate) type Data = Box<dyn Any + Send + Sync>;

/// Describes a connection, also after its end.
///
/// ```
/// # fn show(peer: &wirelet_host::Peer) {
/// println!("{} asked for {} and is {}", peer.id(), peer.path(), peer.status());
/// # }
/// ```
#[derive(Debug)]
pub struct Peer {
    id: ConnectionId,
    remote_addr: RemoteAddr,
    /// Since the epoch, in ns.
    connected_at: u64,
    agreed: Arc<Agreed>,
    extra: Option<Box<Extra>>,
    pub(crate) counters: Counters,
    pub(crate) outbox: Outbox,
    /// That of its worker.
    queue: Arc<WakeQueue>,
    /// By which the worker knows the connection.
    slot: u32,
    /// For the hub to count.
    pub(crate) messages_dropped: AtomicU32,
}

/// An address in half the memory that `SocketAddr` takes; there may be one for each of many
/// connections.
#[derive(Debug)]
enum RemoteAddr {
    None,
    V4(SocketAddrV4),
    V6(Box<SocketAddrV6>),
}

impl From<Option<SocketAddr>> for RemoteAddr {
    fn from(addr: Option<SocketAddr>) -> Self {
        match addr {
            None => Self::None,
            Some(SocketAddr::V4(addr)) => Self::V4(addr),
            Some(SocketAddr::V6(addr)) => Self::V6(Box::new(addr)),
        }
    }
}

/// What the handshake came to. Most connections ask for the same and share it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Agreed {
    pub(crate) path: Box<str>,
    pub(crate) subprotocol: Option<Box<str>>,
    pub(crate) compression: Option<Agreement>,
}

/// What only some connections have.
pub(crate) struct Extra {
    pub(crate) data: Option<Data>,
    pub(crate) history: Option<History>,
    /// The head of the request.
    pub(crate) request: Option<Box<[u8]>>,
}

impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extra").field("history", &self.history).finish_non_exhaustive()
    }
}

impl Peer {
    pub(crate) fn new(
        id: u64,
        remote_addr: Option<SocketAddr>,
        agreed: Arc<Agreed>,
        extra: Extra,
        (queue, slot): (Arc<WakeQueue>, usize),
    ) -> Self {
        // There are never so many connections.
        let slot = u32::try_from(slot).unwrap_or(u32::MAX);
        let is_empty = extra.data.is_none() && extra.history.is_none() && extra.request.is_none();
        let extra = (!is_empty).then(|| Box::new(extra));
        Self {
            id: id.into(),
            remote_addr: remote_addr.into(),
            connected_at: now(),
            agreed,
            extra,
            counters: Counters::default(),
            outbox: Outbox::default(),
            queue,
            slot,
            messages_dropped: AtomicU32::new(0),
        }
    }

    /// Returns its name.
    #[must_use]
    pub const fn id(&self) -> ConnectionId {
        self.id
    }

    pub(crate) const fn id_ref(&self) -> &ConnectionId {
        &self.id
    }

    /// Returns the address of the client, which a [trusted proxy](crate::Builder::trusted_proxies) may have
    /// told, maybe without a port, which is 0 then. What is IPv4 to a socket of IPv6 is shown as IPv4; `None` on
    /// a Unix socket.
    #[must_use]
    pub fn remote_addr(&self) -> Option<SocketAddr> {
        match &self.remote_addr {
            RemoteAddr::None => None,
            RemoteAddr::V4(addr) => Some(SocketAddr::V4(*addr)),
            RemoteAddr::V6(addr) => Some(SocketAddr::V6(**addr)),
        }
    }

    /// Returns the request that opened the connection, if [`Builder::keep_requests`](crate::Builder::keep_requests)
    /// says so.
    #[must_use]
    pub fn request(&self) -> Option<Request<'_>> {
        Request::parse(self.extra.as_ref()?.request.as_ref()?).ok()
    }

    /// Returns when the opening handshake was done.
    #[must_use]
    pub fn connected_at(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_nanos(self.connected_at)
    }

    /// Returns the path of the request, without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.agreed.path
    }

    /// Returns the subprotocol that was chosen.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.agreed.subprotocol.as_deref()
    }

    /// Returns what the handshake has kept with [`Accept::with_data`](crate::Accept::with_data), if
    /// it is a `T`.
    #[must_use]
    pub fn data<T: Any>(&self) -> Option<&T> {
        self.extra.as_ref()?.data.as_ref()?.downcast_ref()
    }

    /// Tells how far its life has come.
    #[must_use]
    pub fn status(&self) -> Status {
        self.outbox.status()
    }

    /// Returns what it has sent and received until now.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        let messages_dropped = self.messages_dropped.load(Ordering::Relaxed).into();
        Traffic { messages_dropped, ..self.counters.read() }
    }

    /// Returns its last messages, the oldest first, as many as
    /// [`Builder::history`](crate::Builder::history) says.
    #[must_use]
    pub fn history(&self) -> Vec<Record> {
        self.history_of().map(History::records).unwrap_or_default()
    }

    /// Returns how messages are compressed, if so.
    pub(crate) fn compression(&self) -> Option<&Agreement> {
        self.agreed.compression.as_ref()
    }

    /// Puts a frame into the outbox, if there is room. Its worker must be [told](Self::token) if it was
    /// the first.
    pub(crate) fn put(&self, frame: &Arc<[u8]>, policy: Policy, room: Room) -> Put {
        self.outbox.put(Arc::clone(frame), policy, room)
    }

    /// Closes behind what was put in before.
    pub(crate) fn close(&self, close: Close<'_>) {
        self.outbox.close(close);
        self.tell();
    }

    /// Counts messages that it does not get because it reads too slowly.
    pub(crate) fn note_slow(&self, n: u32, closes: bool) {
        tracing::debug!(id = %self.id, n, closes, "the peer reads too slowly");
        self.messages_dropped.fetch_add(n, Ordering::Relaxed);
        if closes {
            self.outbox.note_slow();
        }
    }

    /// Tells its worker that something was put in.
    pub(crate) fn tell(&self) {
        self.queue.wake(self.token());
    }

    /// The wake queue of its worker.
    pub(crate) const fn queue(&self) -> &Arc<WakeQueue> {
        &self.queue
    }

    /// Names it to its worker.
    pub(crate) fn token(&self) -> Token {
        Token { slot: self.slot as usize, id: Some(self.id) }
    }

    /// Counts a message that others have encoded in these frames, and keeps it in the history if there is one.
    pub(crate) fn note_sent(&self, mut frames: &[u8]) {
        self.counters.messages_sent.add(1);
        let Some(history) = self.history_of() else { return };
        let is_deflated = deflate::is_deflated(frames);
        let (mut kind, mut message) = (Kind::Binary, Cow::Borrowed(&[][..]));
        while let Ok(Some((header, at))) = Header::decode(frames) {
            if header.opcode == Opcode::Text {
                kind = Kind::Text;
            }
            // They are in memory, so the length is a `usize`.
            let len = usize::try_from(header.payload_len).unwrap_or(usize::MAX);
            let (payload, behind) = frames[at..].split_at(len.min(frames.len() - at));
            if message.is_empty() {
                message = payload.into();
            } else {
                message.to_mut().extend_from_slice(payload);
            }
            frames = behind;
        }
        if is_deflated {
            message = deflate::inflate_alone(&message).into();
        }
        history.add(Sender::Server, kind, &message);
    }

    pub(crate) fn history_of(&self) -> Option<&History> {
        self.extra.as_ref()?.history.as_ref()
    }
}

/// Counts what a connection, or a server, has sent and received. A message counts once, whatever
/// its fragments; bytes are those of whole frames, and of the response that opened a connection, before
/// TLS.
///
/// ```
/// # fn show(hub: &wirelet_host::Hub) {
/// println!("{} messages came in", hub.totals().traffic.messages_received);
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// Messages from the peer.
    pub messages_received: u64,
    /// Messages to the peer.
    pub messages_sent: u64,
    /// Bytes from the peer, behind its request.
    pub bytes_received: u64,
    /// Bytes to the peer, with the response that accepted it.
    pub bytes_sent: u64,
    /// Messages that the peer did not get because it reads too slowly.
    pub messages_dropped: u64,
}

impl std::ops::AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.messages_received += other.messages_received;
        self.messages_sent += other.messages_sent;
        self.bytes_received += other.bytes_received;
        self.bytes_sent += other.bytes_sent;
        self.messages_dropped += other.messages_dropped;
    }
}

/// Counters that any thread reads.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) messages_received: Counter,
    pub(crate) messages_sent: Counter,
    pub(crate) bytes_received: Counter,
    pub(crate) bytes_sent: Counter,
}

impl Counters {
    fn read(&self) -> Traffic {
        Traffic {
            messages_received: self.messages_received.read(),
            messages_sent: self.messages_sent.read(),
            bytes_received: self.bytes_received.read(),
            bytes_sent: self.bytes_sent.read(),
            ..Traffic::default()
        }
    }
}

/// A number that only one thread at a time adds to, so that it needs no locked instruction.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, n: usize) {
        self.0.store(self.read() + n as u64, Ordering::Relaxed);
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
