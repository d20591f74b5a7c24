//! All open connections by id; sending to one of them, or to all.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use wirelet::{CloseCode, Connection, Message, Server};

use crate::mail::{Letter, Mail};
use crate::outbox::{Outbox, Put};

/// Names a connection; unique for the life of a server.
///
/// ```
/// # fn show(id: wirelet_host::ConnectionId) {
/// println!("connection {id}");
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(u64);

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Describes an open connection.
///
/// ```
/// # fn show(peer: &wirelet_host::Peer) {
/// println!("{} from {} asked for {}", peer.id, peer.remote_addr, peer.path);
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Peer {
    /// Its name.
    pub id: ConnectionId,
    /// The address at the other end of TCP.
    pub remote_addr: SocketAddr,
    /// When the opening handshake was done.
    pub connected_at: SystemTime,
    /// The path of the request, without the query.
    pub path: Arc<str>,
    pub(crate) outbox: Outbox,
    /// Where its worker is told, and by which slot it knows the connection.
    mail: (Arc<Mail>, usize),
}

impl Peer {
    /// Puts a frame into the outbox; tells whether it was taken.
    fn put(&self, frame: Arc<[u8]>) -> bool {
        let put = self.outbox.put(frame, self.mail.0.queue_bytes());
        match put {
            Put::Done { first: true } => self.tell(),
            Put::Full => {
                tracing::debug!(id = %self.id, "the peer reads too slowly");
                self.tell();
            }
            Put::Done { first: false } | Put::Gone => {}
        }
        matches!(put, Put::Done { .. })
    }

    fn close(&self, code: CloseCode) {
        self.outbox.close(code);
        self.tell();
    }

    fn tell(&self) {
        let (mail, slot) = &self.mail;
        mail.send(Letter { slot: *slot, id: self.id });
    }
}

/// Reaches all connections of a server, from any thread.
///
/// ```
/// use wirelet_host::{Echo, Server};
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let server = Server::bind("127.0.0.1:0", Echo).await?;
/// let hub = server.hub();
/// tokio::spawn(server.run());
/// hub.send_to_all("to everybody"); // encoded once
/// # Ok::<(), std::io::Error>(())
/// # });
/// ```
#[derive(Clone, Debug, Default)]
pub struct Hub(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    peers: Mutex<Peers>,
}

#[derive(Debug, Default)]
struct Peers {
    /// In the order of their ids, which only grow; and so, mostly, in that of their places in memory.
    open: Vec<Arc<Peer>>,
    last_id: u64,
    /// Most connections ask for the same path, and share it.
    last_path: Arc<str>,
    /// The code with which the server closes all connections, also new ones.
    closing: Option<CloseCode>,
}

impl Peers {
    fn position(&self, id: ConnectionId) -> Option<usize> {
        self.open.binary_search_by_key(&id, |peer| peer.id).ok()
    }

    fn get(&self, id: ConnectionId) -> Option<Arc<Peer>> {
        self.position(id).map(|i| Arc::clone(&self.open[i]))
    }
}

impl Hub {
    /// Sends a message to one connection. Returns false if there is no such connection, or it is
    /// closing because its peer reads too slowly.
    pub fn send_to<'m>(&self, id: ConnectionId, message: impl Into<Message<'m>>) -> bool {
        let peer = self.peers().get(id);
        peer.is_some_and(|peer| peer.put(encode(message.into())))
    }

    /// Sends a message to every connection; it is encoded once and shared. Returns how many took
    /// it.
    pub fn send_to_all<'m>(&self, message: impl Into<Message<'m>>) -> usize {
        let frame = encode(message.into());
        self.peers().open.iter().filter(|peer| peer.put(Arc::clone(&frame))).count()
    }

    /// Begins to close a connection. Returns false if there is no such connection.
    #[expect(clippy::must_use_candidate, reason = "a connection that has gone is closed")]
    pub fn close(&self, id: ConnectionId, code: CloseCode) -> bool {
        let peer = self.peers().get(id);
        peer.inspect(|peer| peer.close(code)).is_some()
    }

    /// Returns all open connections.
    #[must_use]
    pub fn connections(&self) -> Vec<Arc<Peer>> {
        self.peers().open.clone()
    }

    pub(crate) fn close_all(&self, code: CloseCode) {
        let mut peers = self.peers();
        peers.closing = Some(code);
        for peer in &peers.open {
            peer.close(code);
        }
    }

    /// Adds a connection; it leaves when the returned guard is dropped.
    pub(crate) fn enter(
        &self,
        remote_addr: SocketAddr,
        path: &str,
        mail: (Arc<Mail>, usize),
    ) -> Entry {
        let mut peers = self.peers();
        peers.last_id += 1;
        let id = ConnectionId(peers.last_id);
        if *peers.last_path != *path {
            peers.last_path = path.into();
        }
        let peer = Arc::new(Peer {
            id,
            remote_addr,
            connected_at: SystemTime::now(),
            path: Arc::clone(&peers.last_path),
            outbox: Outbox::default(),
            mail,
        });
        if let Some(code) = peers.closing {
            peer.close(code);
        }
        peers.open.push(Arc::clone(&peer));
        drop(peers);
        Entry { hub: self.clone(), peer }
    }

    fn peers(&self) -> MutexGuard<'_, Peers> {
        self.0.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a connection in the hub as long as it lives.
pub(crate) struct Entry {
    hub: Hub,
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
        let mut peers = self.hub.peers();
        if let Some(i) = peers.position(self.peer.id) {
            peers.open.remove(i);
        }
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
