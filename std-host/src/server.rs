//! Accepting connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
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
    handler: Arc<H>,
    limits: Limits,
    hub: Hub,
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
pub struct Shutdown(Arc<Notify>);

impl Shutdown {
    /// Closes every connection with 1001 and lets [`Server::run`] return when they have ended, at
    /// the latest after [`Limits::close_time`] and a little.
    pub fn begin(&self) {
        self.0.notify_one();
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
        Ok(Self {
            listener,
            local_addr,
            handler: Arc::new(handler),
            limits: Limits::default(),
            hub: Hub::default(),
            shutdown: Shutdown::default(),
        })
    }

    /// Takes other limits than the default.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Returns the address that is listened on.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Returns the way to all connections.
    #[must_use]
    pub fn hub(&self) -> Hub {
        self.hub.clone()
    }

    /// Returns what ends the server.
    #[must_use]
    pub fn shutdown(&self) -> Shutdown {
        self.shutdown.clone()
    }

    /// Serves until [`Shutdown::begin`]. To drop the future stops accepting, and leaves the open
    /// connections to their tasks.
    pub async fn run(self) {
        let slots = self.limits.connections.saturating_add(REFUSALS).min(Semaphore::MAX_PERMITS);
        let semaphore = Arc::new(Semaphore::new(slots));
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = self.shutdown.0.notified() => break,
            };
            match accepted {
                Ok((stream, remote_addr)) => self.spawn(stream, remote_addr, &semaphore),
                Err(error) => {
                    // Such as no file descriptor left: others must end before it helps to go on.
                    tracing::warn!("accepting a connection failed, pausing: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(self.listener);
        self.hub.close_all(CloseCode::GOING_AWAY);
        // A closing handshake, then the end of TCP; each has its time limit.
        let limit = 2 * self.limits.close_time + Duration::from_secs(1);
        let all = u32::try_from(slots).unwrap_or(u32::MAX);
        let _ = tokio::time::timeout(limit, semaphore.acquire_many(all)).await;
    }

    /// Starts the task of a connection, or drops it if not even a refusal can be afforded.
    fn spawn(&self, stream: TcpStream, remote_addr: SocketAddr, semaphore: &Arc<Semaphore>) {
        let Ok(slot) = Arc::clone(semaphore).try_acquire_owned() else {
            tracing::debug!(%remote_addr, "dropped: too many connections");
            return;
        };
        let full = semaphore.available_permits() < REFUSALS;
        let task = serve(
            stream,
            remote_addr,
            Arc::clone(&self.handler),
            self.hub.clone(),
            self.limits,
            full,
            slot,
        );
        tokio::spawn(task.instrument(tracing::debug_span!("connection", %remote_addr)));
    }
}

/// Serves one connection, from TCP's beginning to its end.
async fn serve<H: Handler>(
    mut stream: TcpStream,
    remote_addr: SocketAddr,
    handler: Arc<H>,
    hub: Hub,
    limits: Limits,
    full: bool,
    _slot: OwnedSemaphorePermit,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("TCP_NODELAY: {error}");
    }
    let handshake = handshake::accept(&mut stream, &limits, full);
    let accepted = match tokio::time::timeout(limits.handshake_time, handshake).await {
        Ok(Ok(accepted)) => accepted,
        Ok(Err(failed)) => {
            log_failed(&failed);
            if matches!(failed, Failed::Refused(..)) {
                let _ = tokio::time::timeout(limits.close_time, linger(&mut stream)).await;
            }
            return;
        }
        Err(_) => {
            tracing::debug!("no request within {:?}", limits.handshake_time);
            return;
        }
    };
    let entry = hub.enter(remote_addr, accepted.path, limits.queue_bytes);
    tracing::debug!(id = %entry.peer.id, path = entry.peer.path, "open");
    Session::new(stream, entry, handler, &limits).run(accepted.early).await;
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
