//! Accepting connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::{Semaphore, watch};
use tracing::Instrument as _;
use wirelet::CloseCode;

use crate::handler::Handler;
use crate::handshake::{self, Failed};
use crate::hub::Hub;
use crate::limits::Limits;
use crate::session::{Session, linger};

/// A WebSocket server on a TCP port.
///
/// ```
/// use wirelet_host::{Echo, Limits, Server};
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let server = Server::bind("127.0.0.1:0", Echo)
///     .await?
///     .with_limits(Limits { connections: 100, ..Limits::default() });
/// println!("listening on ws://{}", server.local_addr());
/// let shutdown = server.shutdown();
/// let running = tokio::spawn(server.run());
///
/// shutdown.begin(); // close 1001 to everyone
/// running.await.unwrap();
/// # Ok::<(), std::io::Error>(())
/// # });
/// ```
#[derive(Debug)]
pub struct Server<H> {
    listener: TcpListener,
    local_addr: SocketAddr,
    shared: Shared<H>,
}

/// What a server and the tasks of its connections have in common.
#[derive(Debug)]
pub(crate) struct Shared<H> {
    pub(crate) handler: H,
    pub(crate) limits: Limits,
    pub(crate) hub: Hub,
    shutdown: Shutdown,
}

/// Ends a running [`Server`], from any thread.
///
/// ```
/// # fn stop(shutdown: &wirelet_host::Shutdown) {
/// shutdown.begin();
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Shutdown(Arc<watch::Sender<bool>>);

impl Shutdown {
    /// Drops connections that have not sent their request yet, closes all others with 1001, and
    /// lets [`Server::run`] return when they have ended, at the latest after twice
    /// [`Limits::close_time`] (closing handshake, end of TCP) and a second.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }
}

impl<H: Handler> Server<H> {
    /// Listens on `addr`; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// If the address cannot be listened on.
    pub async fn bind(addr: impl ToSocketAddrs, handler: H) -> io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        let local_addr = listener.local_addr()?;
        let shared = Shared {
            handler,
            limits: Limits::default(),
            hub: Hub::default(),
            shutdown: Shutdown::default(),
        };
        Ok(Self { listener, local_addr, shared })
    }

    /// Takes other limits than the default.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.shared.limits = limits;
        self
    }

    /// Returns the address that is listened on.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Returns the way to all connections.
    #[must_use]
    pub fn hub(&self) -> Hub {
        self.shared.hub.clone()
    }

    /// Returns what ends the server.
    #[must_use]
    pub fn shutdown(&self) -> Shutdown {
        self.shared.shutdown.clone()
    }

    /// Serves until [`Shutdown::begin`]. To drop the future stops accepting, and leaves the open
    /// connections to their tasks.
    pub async fn run(self) {
        let shared = Arc::new(self.shared);
        let mut shutdown = shared.shutdown.0.subscribe();
        let slots = shared.limits.connections.saturating_add(REFUSALS).min(Semaphore::MAX_PERMITS);
        let semaphore = Arc::new(Semaphore::new(slots));
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                _ = shutdown.wait_for(|begun| *begun) => break,
            };
            match accepted {
                Ok((stream, remote_addr)) => spawn(stream, remote_addr, &shared, &semaphore),
                Err(error) => {
                    // Such as no file descriptor left: others must end before it helps to go on.
                    tracing::warn!("accepting a connection failed, pausing: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(self.listener);
        shared.hub.close_all(CloseCode::GOING_AWAY);
        // A closing handshake, then the end of TCP; each has its time limit.
        let limit = 2 * shared.limits.close_time + Duration::from_secs(1);
        let all = u32::try_from(slots).unwrap_or(u32::MAX);
        let _ = tokio::time::timeout(limit, semaphore.acquire_many(all)).await;
    }
}

/// Starts the task of a connection, or drops it if not even a refusal can be afforded.
fn spawn<H: Handler>(
    stream: TcpStream,
    remote_addr: SocketAddr,
    shared: &Arc<Shared<H>>,
    semaphore: &Arc<Semaphore>,
) {
    let Ok(slot) = Arc::clone(semaphore).try_acquire_owned() else {
        tracing::debug!(%remote_addr, "dropped: too many connections");
        return;
    };
    let full = semaphore.available_permits() < REFUSALS;
    let shared = Arc::clone(shared);
    let task = async move {
        serve(stream, remote_addr, shared, full).await;
        drop(slot);
    };
    tokio::spawn(task.instrument(tracing::debug_span!("connection", %remote_addr)));
}

/// Serves one connection, from TCP's beginning to its end.
async fn serve<H: Handler>(
    mut stream: TcpStream,
    remote_addr: SocketAddr,
    shared: Arc<Shared<H>>,
    full: bool,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("TCP_NODELAY: {error}");
    }
    let limits = &shared.limits;
    let mut shutdown = shared.shutdown.0.subscribe();
    let handshake = tokio::select! {
        handshake = handshake::accept(&mut stream, limits.handshake_bytes, full) => handshake,
        () = tokio::time::sleep(limits.handshake_time) => {
            return tracing::debug!("no request within {:?}", limits.handshake_time);
        }
        _ = shutdown.wait_for(|begun| *begun) => return,
    };
    drop(shutdown);
    let accepted = match handshake {
        Ok(accepted) => accepted,
        Err(failed) => {
            log_failed(&failed);
            if matches!(failed, Failed::Refused(..)) {
                let _ = tokio::time::timeout(limits.close_time, linger(&mut stream)).await;
            }
            return;
        }
    };
    // In the hub first, so that who has read the acceptance misses no message to all.
    let entry = shared.hub.enter(remote_addr, accepted.path, limits.queue_bytes);
    if let Err(error) = stream.write_all(&accepted.response).await {
        return log_failed(&Failed::Io(error));
    }
    tracing::debug!(id = %entry.peer.id, path = entry.peer.path, "open");
    Session::new(stream, entry, Arc::clone(&shared)).run(accepted.early).await;
}

fn log_failed(failed: &Failed) {
    match failed {
        Failed::Refused(status, why) => tracing::debug!("refused with {}: {why}", status.get()),
        Failed::Eof => tracing::debug!("left before the end of the request"),
        Failed::Io(error) => tracing::debug!("failed before the end of the request: {error}"),
    }
}

/// How many connections beyond the limit are told so at a time; others are dropped.
const REFUSALS: usize = 64;

/// How long to wait after an accept that failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
