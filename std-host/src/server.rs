//! A server: where it listens, what it does, and the workers that do it.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread;
use std::time::Duration;

use tokio::net::ToSocketAddrs;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use wirelet::CloseCode;

use crate::handler::Handler;
use crate::hub::Hub;
use crate::limits::Limits;
use crate::mail::{Mail, Order};
use crate::worker::Worker;

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
    threads: usize,
    shared: Shared<H>,
}

/// What the workers of a server have in common.
#[derive(Debug)]
pub(crate) struct Shared<H> {
    pub(crate) handler: H,
    pub(crate) limits: Limits,
    pub(crate) hub: Hub,
    /// Connections, refused ones too.
    pub(crate) n_connections: AtomicUsize,
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
        let listener = tokio::net::TcpListener::bind(addr).await?.into_std()?;
        let local_addr = listener.local_addr()?;
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let shared = Shared {
            handler,
            limits: Limits::default(),
            hub: Hub::default(),
            n_connections: AtomicUsize::new(0),
            shutdown: Shutdown::default(),
        };
        Ok(Self { listener, local_addr, threads, shared })
    }

    /// Takes other limits than the default.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.shared.limits = limits;
        self
    }

    /// Serves on `threads` threads, at least one. Default: as many as there are processors.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
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
    /// connections to their threads.
    ///
    /// Handlers are called on threads of the server, inside of the tokio runtime that this is
    /// called on.
    pub async fn run(self) {
        let Self { listener, threads, shared, .. } = self;
        let shared = Arc::new(shared);
        let (running, mut all_ended) = mpsc::channel::<Infallible>(1);
        let mut stop = StopAccepting(Vec::new());
        for i in 0..threads {
            match start(&listener, &shared, &running, i) {
                Ok(mail) => stop.0.push(mail),
                Err(error) => tracing::error!("a worker cannot be started: {error}"),
            }
        }
        drop((listener, running));
        let mut shutdown = shared.shutdown.0.subscribe();
        tokio::select! {
            _ = shutdown.wait_for(|begun| *begun) => {}
            _ = all_ended.recv() => return, // no worker could be started
        }
        shared.hub.close_all(CloseCode::GOING_AWAY);
        for mail in &stop.0 {
            mail.order(Order::End);
        }
        // A closing handshake, then the end of TCP; each has its time limit.
        let limit = 2 * shared.limits.close_time + Duration::from_secs(1);
        let _ = tokio::time::timeout(limit, all_ended.recv()).await;
    }
}

/// Starts a worker, which holds `running` until it ends.
fn start<H: Handler>(
    listener: &TcpListener,
    shared: &Arc<Shared<H>>,
    running: &mpsc::Sender<Infallible>,
    i: usize,
) -> io::Result<Arc<Mail>> {
    let worker = Worker::new(listener, Arc::clone(shared))?;
    let mail = worker.mail();
    let (running, runtime) = (running.clone(), Handle::current());
    thread::Builder::new().name(format!("wirelet-{i}")).spawn(move || {
        let _inside = runtime.enter();
        worker.run();
        drop(running);
    })?;
    Ok(mail)
}

/// Lets the workers end with their last connection.
struct StopAccepting(Vec<Arc<Mail>>);

impl Drop for StopAccepting {
    fn drop(&mut self) {
        for mail in &self.0 {
            mail.order(Order::StopAccepting);
        }
    }
}

/// How many connections beyond the limit are told so at a time; others are dropped.
pub(crate) const REFUSALS: usize = 64;
