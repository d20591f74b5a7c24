//! A server: where it listens, and the worker threads that serve.

mod addresses;
pub(crate) mod answer;
pub(crate) mod builder;
mod count;
mod hand_over;
pub(crate) mod handler;
pub(crate) mod handshake;
mod handshakes;
pub(crate) mod limits;
pub(crate) mod listener;
pub(crate) mod liveness;
mod log;
pub(crate) mod origins;
mod proxies;
mod proxy_header;
pub(crate) mod service;
pub(crate) mod session;
mod shared;
pub(crate) mod shutdown;
pub(crate) mod timer;
mod turn;
pub(crate) mod worker;

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::hub::Hub;
use crate::hub::wake::{Order, WakeQueue};
use crate::server::handler::Handler;
use crate::server::listener::{Address, Bound};
use crate::server::liveness::Liveness;
use crate::server::service::Service;
use crate::server::shutdown::Shutdown;
use crate::server::worker::Worker;

/// A WebSocket server. A [`Builder`](crate::Builder) makes one with other settings than the default.
///
/// ```
/// use wirelet_host::{Echo, Server};
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let server = Server::bind("127.0.0.1:0", Echo).await?;
/// println!("listening on {}", server.url());
/// let shutdown = server.shutdown();
/// let running = tokio::spawn(server.run());
///
/// shutdown.begin(); // close 1001 to everyone
/// running.await.unwrap()?;
/// # Ok::<(), std::io::Error>(())
/// # });
/// ```
pub struct Server<H> {
    bound: Vec<Bound>,
    addresses: Vec<Address>,
    workers: Vec<Worker<H>>,
    service: Service<H>,
}

impl<H: Handler> Server<H> {
    /// Makes all that the threads will need of the system, so that none is missing later.
    pub(crate) fn new(bound: Vec<Bound>, threads: usize, service: Service<H>) -> io::Result<Self> {
        let addresses = bound.iter().map(|bound| bound.address.clone()).collect();
        let worker = |i| {
            let doors = bound.iter().enumerate().filter_map(|(n, bound)| bound.door(n, i, threads));
            let doors = doors.collect::<io::Result<_>>()?;
            Worker::new(doors, Arc::clone(service.shared()), threads)
        };
        let mut workers = (0..threads).map(worker).collect::<io::Result<Vec<_>>>()?;
        let team: Vec<_> = workers.iter().map(Worker::queue).collect();
        for worker in &mut workers {
            worker.share_among(&team);
        }
        Ok(Self { bound, addresses, workers, service })
    }

    /// Returns the addresses that are listened at.
    #[must_use]
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Returns the URL of the first of them, such as `ws://127.0.0.1:8567`. Clients on this machine
    /// can connect to it, unless it is a Unix socket's.
    #[must_use]
    pub fn url(&self) -> String {
        self.urls().next().unwrap_or_default()
    }

    /// Returns the URL of each of them.
    pub fn urls(&self) -> impl Iterator<Item = String> {
        self.bound.iter().map(|bound| {
            let scheme = if bound.is_tls() { "wss" } else { "ws" };
            match &bound.address {
                Address::Tcp(addr) => format!("{scheme}://{addr}"),
                #[cfg(unix)]
                address @ Address::Unix(_) => format!("{scheme}+{address}"),
            }
        })
    }

    /// Returns the way to all connections.
    #[must_use]
    pub fn hub(&self) -> Hub {
        self.service.hub()
    }

    /// Returns what ends the server.
    #[must_use]
    pub fn shutdown(&self) -> Shutdown {
        self.service.shutdown()
    }

    /// Returns what tells, while the server runs, whether all its threads go on.
    #[must_use]
    pub fn liveness(&self) -> Liveness {
        Liveness::new(self.workers.iter().map(Worker::queue))
    }

    /// Serves until [`Shutdown::begin`], or to the end of a [drain](Shutdown::drain). To drop the future stops accepting, and leaves the open
    /// connections to their threads.
    ///
    /// Handlers are called on threads of the server, inside of the tokio runtime that this is
    /// called on.
    ///
    /// # Errors
    ///
    /// If the system gives not all the threads, or if all of them have failed.
    pub async fn run(self) -> io::Result<()> {
        let Self { bound, workers, service, .. } = self;
        let shared = service.shared();
        let (running, mut all_ended) = mpsc::channel::<Infallible>(1);
        let stop = StopAccepting(workers.iter().map(Worker::queue).collect());
        for (i, worker) in workers.into_iter().enumerate() {
            start(worker, running.clone(), i)?;
        }
        drop(running);
        tokio::select! {
            () = shared.shutdown.draining() => {}
            _ = all_ended.recv() => return Err(io::Error::other("all threads of the server have ended")),
        }
        drop(bound);
        for queue in &stop.0 {
            queue.order(Order::StopAccepting);
        }
        tokio::select! {
            () = shared.shutdown.begun() => {}
            _ = all_ended.recv() => return Ok(()),
        }
        for queue in &stop.0 {
            queue.order(Order::End);
        }
        let limit = shared.rules.limits.close_limit.saturating_add(Duration::from_secs(1));
        let _ = tokio::time::timeout(limit, all_ended.recv()).await;
        Ok(())
    }
}

impl<H> fmt::Debug for Server<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("addresses", &self.addresses)
            .field("threads", &self.workers.len())
            .finish_non_exhaustive()
    }
}

/// Starts a worker, which holds `running` until it ends.
fn start<H: Handler>(
    worker: Worker<H>,
    running: mpsc::Sender<Infallible>,
    i: usize,
) -> io::Result<()> {
    let runtime = Handle::current();
    thread::Builder::new().name(format!("wirelet-{i}")).spawn(move || {
        let _inside = runtime.enter();
        worker.run();
        drop(running);
    })?;
    Ok(())
}

/// Lets the workers end with their last connection.
struct StopAccepting(Vec<Arc<WakeQueue>>);

impl Drop for StopAccepting {
    fn drop(&mut self) {
        for queue in &self.0 {
            queue.order(Order::StopAccepting);
        }
    }
}
