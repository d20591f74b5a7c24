//! How a server is set up.

use std::fmt;
use std::io;
use std::num::NonZero;
use std::thread;

use crate::connection::Connection;
use crate::hub::Hub;
use crate::hub::outbox::{Policy, Room};
use crate::io::located::located;
use crate::server::Server;
use crate::server::handler::{Handler, Sink};
use crate::server::limits::Limits;
use crate::server::listener::Listen;
use crate::server::origins::{Gate, Hosts, Origins};
use crate::server::service::Service;
use crate::server::shared::Serve;

/// Sets a [`Server`] or a [`Service`] up.
///
/// ```
/// use wirelet_host::{Builder, Echo, Limits, Origins};
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let server = Builder::new()
///     .limits(Limits { connections: 100, ..Limits::default() })
///     .origins(Origins::Only(vec!["https://example.com".into()]))
///     .listen("127.0.0.1:0")
///     .bind(Echo)
///     .await?;
/// println!("listening on {}", server.url());
/// # Ok::<(), std::io::Error>(())
/// # });
/// ```
#[derive(Debug, Default)]
#[must_use]
pub struct Builder {
    limits: Limits,
    gate: Gate,
    policy: Policy,
    history: usize,
    threads: Option<NonZero<usize>>,
    reuse_port: bool,
    places: Vec<Listen>,
}

impl Builder {
    /// Begins with the defaults, and no place to listen at.
    pub fn new() -> Self {
        Self::default()
    }

    /// Listens here too.
    pub fn listen(mut self, place: impl Into<Listen>) -> Self {
        self.places.push(place.into());
        self
    }

    /// Takes other limits than the default.
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Lets in pages of other origins than the default, [`Origins::Same`].
    pub fn origins(mut self, origins: Origins) -> Self {
        self.gate.origins = origins;
        self
    }

    /// Answers requests for other hosts than the default, [`Hosts::ByPlace`]: these alone, or
    /// [`Hosts::Any`].
    pub fn hosts(mut self, hosts: impl Into<Hosts>) -> Self {
        self.gate.hosts = hosts.into();
        self
    }

    /// Says what to do with messages for peers that read too slowly. Default: [`Policy::Close`].
    pub const fn slow_peers(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Keeps the last `n` messages of each connection, for [`Peer::history`](crate::Peer::history).
    /// Default: none.
    pub const fn history(mut self, n: usize) -> Self {
        self.history = n;
        self
    }

    /// Serves on so many threads. Default: as many as there are processors.
    pub const fn threads(mut self, threads: NonZero<usize>) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Gives each thread a socket of its own for each address of TCP (`SO_REUSEPORT`): the system
    /// spreads connections over them, and over other programs that do the same. Default: no.
    pub const fn reuse_port(mut self, yes: bool) -> Self {
        self.reuse_port = yes;
        self
    }

    /// Listens, and takes from the system what the threads will need.
    ///
    /// # Errors
    ///
    /// If there is no place to listen at, or one that cannot be listened at, which is named, or not
    /// enough for so many threads, such as open files.
    pub async fn bind<H: Handler>(self, handler: H) -> io::Result<Server<H>> {
        self.bind_any(handler, None).await
    }

    /// Listens, and gives each connection as a value to `serve`, whose future runs in a task of its own
    /// in the runtime that [`Server::run`] is called in. What it returns is for the log: how a
    /// connection ended that did so by an error.
    ///
    /// ```
    /// use wirelet_host::{Builder, Client, Connection, ConnectionError, OwnedMessage};
    ///
    /// async fn count(mut connection: Connection) -> Result<(), ConnectionError> {
    ///     let mut n = 0; // of this connection, and without a mutex
    ///     while let Some(message) = connection.receive().await {
    ///         if message?.is_data() {
    ///             n += 1;
    ///             connection.send(format!("{n}")).await?;
    ///         }
    ///     }
    ///     Ok(())
    /// }
    ///
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// let server = Builder::new().listen("127.0.0.1:0").bind_async(count).await?;
    /// let url = server.url();
    /// tokio::spawn(server.run());
    ///
    /// let mut client = Client::connect(&url).await?;
    /// client.send("hello").await?;
    /// assert_eq!(client.receive().await?, OwnedMessage::from("1"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    pub async fn bind_async<F, Fut, E>(self, serve: F) -> io::Result<Server<Sink>>
    where
        F: Fn(Connection) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display + 'static,
    {
        self.bind_async_with(Sink, serve).await
    }

    /// As [`bind_async`](Self::bind_async), with a handler that is asked about requests, and about nothing
    /// else: who may come in, and what a plain request is answered.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    pub async fn bind_async_with<H, F, Fut, E>(self, handler: H, serve: F) -> io::Result<Server<H>>
    where
        H: Handler,
        F: Fn(Connection) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display + 'static,
    {
        let serve = move |connection| {
            let serving = serve(connection);
            tokio::spawn(async move {
                if let Err(error) = serving.await {
                    tracing::debug!("a connection ended: {error}");
                }
            });
        };
        self.bind_any(handler, Some(Box::new(serve))).await
    }

    async fn bind_any<H: Handler>(
        mut self,
        handler: H,
        serve: Option<Serve>,
    ) -> io::Result<Server<H>> {
        if self.places.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "there is no place to listen at",
            ));
        }
        let threads = self.threads.or_else(|| thread::available_parallelism().ok());
        let threads = threads.map_or(1, NonZero::get);
        let mut bound = Vec::new();
        for place in std::mem::take(&mut self.places) {
            let name = place.to_string();
            let result = place.bind(self.reuse_port.then_some(threads)).await;
            bound.push(result.map_err(|error| located(name, error))?);
        }
        self.gate.is_local = bound.iter().all(|bound| bound.address.is_local());
        let name = format!("{} with {threads} threads", bound[0].address);
        let service = self.service_of(handler, serve);
        Server::new(bound, threads, service).map_err(|error| located(name, error))
    }

    /// Makes a server without a place to listen at, for connections that another HTTP server has
    /// accepted.
    pub fn service<H: Handler>(self, handler: H) -> Service<H> {
        self.service_of(handler, None)
    }

    fn service_of<H: Handler>(self, handler: H, serve: Option<Serve>) -> Service<H> {
        let Limits { queue_bytes, message_bytes, .. } = self.limits;
        let room = Room { refused: queue_bytes, ahead: queue_bytes.max(message_bytes) };
        let hub = Hub::new(room, self.policy, self.history);
        Service::new(handler, self.limits, self.gate, hub, serve)
    }
}

impl<H: Handler> Server<H> {
    /// Listens at `place`, such as `127.0.0.1:8567`, with all defaults; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// As [`Builder::bind`].
    pub async fn bind(place: impl Into<Listen>, handler: H) -> io::Result<Self> {
        Builder::new().listen(place).bind(handler).await
    }
}
