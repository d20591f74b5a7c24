//! How a server is set up.

use std::fmt;
use std::io;
use std::num::NonZero;
use std::thread;
use std::time::Duration;

use ipnet::IpNet;

use crate::compression::Compression;
use crate::connection::Connection;
use crate::hub::Hub;
use crate::hub::outbox::{Policy, Room};
use crate::io::located::located;
use crate::server::Server;
use crate::server::handler::{Handler, Sink};
use crate::server::limits::Limits;
use crate::server::listener::{Listen, TcpOptions};
use crate::server::origins::{Hosts, Origins};
use crate::server::service::Service;
use crate::server::shared::{Rules, Serve};

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
    rules: Rules,
    policy: Policy,
    history: usize,
    threads: Option<NonZero<usize>>,
    reuse_port: bool,
    options: TcpOptions,
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
        self.rules.limits = limits;
        self
    }

    /// Lets in pages of other origins than the default, [`Origins::Same`].
    pub fn origins(mut self, origins: Origins) -> Self {
        self.rules.gate.origins = origins;
        self
    }

    /// Answers requests for other hosts than the default, [`Hosts::ByPlace`]: these alone, or
    /// [`Hosts::Any`].
    pub fn hosts(mut self, hosts: impl Into<Hosts>) -> Self {
        self.rules.gate.hosts = hosts.into();
        self
    }

    /// Believes these proxies when they say who a connection is from: by `X-Forwarded-For` or `Forwarded`
    /// (RFC 7239) in a request, or in front of it with [`proxy_protocol`](Self::proxy_protocol). The client is the
    /// last that is named and is none of them. If a request has both fields and they differ, a client may have
    /// sent one of them, and none is believed. Unix sockets count as trusted, as only those can write to them who
    /// may. Default: none.
    ///
    /// ```
    /// use wirelet_host::{Builder, IpNet};
    ///
    /// let proxies: [IpNet; 2] = ["127.0.0.1/32".parse()?, "10.0.0.0/8".parse()?];
    /// let builder = Builder::new().trusted_proxies(proxies);
    /// # let _ = builder;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn trusted_proxies(mut self, proxies: impl IntoIterator<Item = IpNet>) -> Self {
        self.rules.proxies.trusted = proxies.into_iter().collect();
        self
    }

    /// Expects the PROXY protocol, version 1 or 2, in front of each connection, before TLS, and takes the
    /// client's address from it. Only from [`trusted_proxies`](Self::trusted_proxies), or from this machine if
    /// none are named: other connections are dropped, as are those that begin otherwise. Default: no.
    pub const fn proxy_protocol(mut self, yes: bool) -> Self {
        self.rules.proxies.has_header = yes;
        self
    }

    /// Keeps the head of each request that opens a connection, for [`Peer::request`](crate::Peer::request).
    /// Default: no.
    pub const fn keep_requests(mut self, yes: bool) -> Self {
        self.rules.keeps_requests = yes;
        self
    }

    /// Lets the system probe a connection of TCP that is silent for so long (`SO_KEEPALIVE`), in whole
    /// seconds. Default: no, as [`Limits::ping_interval`] does better: it is answered by the program at
    /// the other end, and through proxies.
    pub const fn tcp_keepalive(mut self, silence: Duration) -> Self {
        self.options.keepalive = Some(silence);
        self
    }

    /// Lets the system end a connection of TCP on which what was sent is not acknowledged for so long
    /// (`TCP_USER_TIMEOUT`), in whole ms; on Linux and Android alone. Default: what the system does, some 15 minutes.
    pub const fn tcp_user_timeout(mut self, time: Duration) -> Self {
        self.options.user_timeout = Some(time);
        self
    }

    /// Says what to do with messages for peers that read too slowly. Default: [`Policy::Close`].
    pub const fn slow_peers(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Sends messages with more than so many bytes in fragments of at most as many, for clients with little
    /// memory; text is not cut inside a code point of one that fits. 0 turns it off. Default: 0, each message is
    /// one frame.
    ///
    /// ```
    /// use wirelet_host::Builder;
    ///
    /// let builder = Builder::new().frame_bytes(4096);
    /// # let _ = builder;
    /// ```
    pub const fn frame_bytes(mut self, bytes: usize) -> Self {
        self.rules.frame_bytes = bytes;
        self
    }

    /// Compresses messages for clients that can do it too. Default: none are, and offers are declined.
    ///
    /// ```
    /// use wirelet_host::{Builder, Compression};
    ///
    /// let builder = Builder::new().compression(Compression::new());
    /// # let _ = builder;
    /// ```
    pub fn compression(mut self, compression: impl Into<Option<Compression>>) -> Self {
        self.rules.compression = compression.into();
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
    /// enough for so many threads, such as open files; `InvalidInput` for an origin or a host that nothing
    /// can match.
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
        self.rules
            .gate
            .check_lists()
            .map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?;
        let threads = self.threads.or_else(|| thread::available_parallelism().ok());
        let threads = threads.map_or(1, NonZero::get);
        let mut bound = Vec::new();
        let v4_ports: Vec<u16> = self.places.iter().filter_map(Listen::v4_port).collect();
        for place in std::mem::take(&mut self.places) {
            let name = place.to_string();
            let n = self.reuse_port.then_some(threads);
            let result = place.bind(n, &v4_ports, self.options).await;
            bound.push(result.map_err(|error| located(name, error))?);
        }
        self.rules.gate.is_local = bound.iter().all(|bound| bound.address.is_local());
        let name = format!("{} with {threads} threads", bound[0].address);
        let service = self.service_of(handler, serve);
        Server::new(bound, threads, service).map_err(|error| located(name, error))
    }

    /// Makes a server without a place to listen at, for connections that another HTTP server has
    /// accepted. An origin or a host that nothing can match is told in the log.
    pub fn service<H: Handler>(self, handler: H) -> Service<H> {
        if let Err(why) = self.rules.gate.check_lists() {
            tracing::error!("{why}");
        }
        self.service_of(handler, None)
    }

    fn service_of<H: Handler>(self, handler: H, serve: Option<Serve>) -> Service<H> {
        let Limits { queue_bytes, message_bytes, .. } = self.rules.limits;
        let room = Room { refused: queue_bytes, ahead: queue_bytes.max(message_bytes) };
        let hub = Hub::new(room, self.policy, self.rules.frame_bytes, self.history);
        Service::new(handler, self.rules, hub, serve)
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
