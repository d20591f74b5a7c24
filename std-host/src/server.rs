//! A server: where it listens, and the worker threads that serve.

pub(crate) mod answer;
pub(crate) mod builder;
mod hand_over;
pub(crate) mod handler;
pub(crate) mod handshake;
pub(crate) mod hold;
pub(crate) mod limits;
pub(crate) mod listener;
pub(crate) mod origins;
pub(crate) mod service;
pub(crate) mod session;
pub(crate) mod worker;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::hub::Hub;
use crate::hub::wake::{Mail, Order};
use crate::server::builder::Builder;
use crate::server::handler::Handler;
use crate::server::listener::{Address, Bound, Listen};
use crate::server::service::{Service, Shared, Shutdown};
use crate::server::worker::Worker;

/// A WebSocket server. A [`Builder`] makes one with other settings than the default.
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
/// running.await.unwrap();
/// # Ok::<(), std::io::Error>(())
/// # });
/// ```
#[derive(Debug)]
pub struct Server<H> {
    bound: Vec<Bound>,
    addresses: Vec<Address>,
    threads: usize,
    service: Service<H>,
}

impl<H: Handler> Server<H> {
    /// Listens at `place`, such as `127.0.0.1:8567`; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// If the place cannot be listened at.
    pub async fn bind(place: impl Into<Listen>, handler: H) -> io::Result<Self> {
        Builder::new().listen(place).bind(handler).await
    }

    pub(crate) fn new(bound: Vec<Bound>, threads: usize, service: Service<H>) -> Self {
        let addresses = bound.iter().map(|bound| bound.address.clone()).collect();
        Self { bound, addresses, threads, service }
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

    /// Serves until [`Shutdown::begin`]. To drop the future stops accepting, and leaves the open
    /// connections to their threads.
    ///
    /// Handlers are called on threads of the server, inside of the tokio runtime that this is
    /// called on.
    pub async fn run(self) {
        let Self { bound, threads, service, .. } = self;
        let shared = service.shared();
        let (running, mut all_ended) = mpsc::channel::<Infallible>(1);
        let mut stop = StopAccepting(Vec::new());
        for i in 0..threads {
            match start(&bound, shared, &running, i) {
                Ok(mail) => stop.0.push(mail),
                Err(error) => tracing::error!("a worker cannot be started: {error}"),
            }
        }
        drop(running);
        tokio::select! {
            () = shared.shutdown.begun() => {}
            _ = all_ended.recv() => return, // no worker could be started
        }
        drop(bound);
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
    bound: &[Bound],
    shared: &Arc<Shared<H>>,
    running: &mpsc::Sender<Infallible>,
    i: usize,
) -> io::Result<Arc<Mail>> {
    let doors = bound.iter().map(|bound| bound.door(i)).collect::<io::Result<_>>()?;
    let worker = Worker::new(doors, Arc::clone(shared))?;
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
