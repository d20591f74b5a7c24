//! What a server does, whoever accepts its connections; and serving one that another HTTP server has
//! accepted.

use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::{StatusCode, Version};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tracing::{Instrument as _, Span};

use crate::connection::Connection;
use crate::hub::Hub;
use crate::hub::endings::Ending;
use crate::hub::wake::{Bell, WakeQueue, Woken};
use crate::io::duplex::Transport;
use crate::io::scratch;
use crate::io::stream::{Stream, TaskStream};
use crate::server::answer::{Answer, Response, refusal};
use crate::server::handler::Handler;
use crate::server::handshake::{self, Way};
use crate::server::log;
use crate::server::proxies::canonical;
use crate::server::session::{Accepted, Session};
use crate::server::shared::{Place, Rules, Serve, Shared};
use crate::server::shutdown::Shutdown;
use crate::server::timer::{Millis, millis};
use crate::server::turn::Turn;

/// A server without a place to listen at: it serves connections that another HTTP server (hyper,
/// axum) has accepted. [`Builder::service`](crate::Builder::service) makes one. Clones are the same.
///
/// ```
/// use http::Request;
/// use wirelet_host::{Builder, Echo};
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let service = Builder::new().service(Echo);
/// let request = Request::get("/")
///     .header("Host", "example.com")
///     .header("Upgrade", "websocket")
///     .header("Connection", "Upgrade")
///     .header("Sec-WebSocket-Version", "13")
///     .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
///     .body(())
///     .unwrap();
/// let (response, upgrade) = service.answer(&request, None).await.unwrap();
/// assert_eq!(response.headers()["Sec-WebSocket-Accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// // The HTTP server sends the response, and hands out the connection:
/// let (connection, _client) = tokio::io::duplex(1024);
/// tokio::spawn(upgrade.serve(connection));
/// # });
/// ```
pub struct Service<H> {
    shared: Arc<Shared<H>>,
}

/// A connection that was accepted, and waits for its byte stream.
///
/// ```no_run
/// # async fn f(upgrade: wirelet_host::Upgrade<wirelet_host::Echo>, stream: tokio::net::TcpStream) {
/// upgrade.serve(stream).await;
/// # }
/// ```
#[must_use = "the client waits to be served"]
pub struct Upgrade<H> {
    accepted: Accepted,
    place: Place<H>,
}

impl<H> fmt::Debug for Service<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("hub", &self.shared.hub).finish_non_exhaustive()
    }
}

impl<H> fmt::Debug for Upgrade<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrade").field("accepted", &self.accepted).finish_non_exhaustive()
    }
}

impl<H> Clone for Service<H> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<H: Handler> Service<H> {
    pub(crate) fn new(handler: H, rules: Rules, hub: Hub, serve: Option<Serve>) -> Self {
        Self { shared: Shared::new(handler, rules, hub, serve) }
    }

    pub(crate) const fn shared(&self) -> &Arc<Shared<H>> {
        &self.shared
    }

    /// Returns the way to all connections.
    #[must_use]
    pub fn hub(&self) -> Hub {
        self.shared.hub.clone()
    }

    /// Returns what ends the connections.
    #[must_use]
    pub fn shutdown(&self) -> Shutdown {
        self.shared.shutdown.clone()
    }

    /// Waits until [`Shutdown::begin`] or a [drain](Shutdown::drain) closes the connections, and the last
    /// of them has ended.
    ///
    /// ```
    /// use wirelet_host::{Builder, Drain, Echo};
    ///
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// let service = Builder::new().service(Echo);
    /// // In a route of axum, `service.answer`. And when the program shall end:
    /// service.shutdown().drain(Drain::default()).await;
    /// service.ended().await;
    /// # });
    /// ```
    pub async fn ended(&self) {
        self.shared.shutdown.draining().await;
        self.shared.count.none_left().await;
    }

    /// Checks a request for a connection, and asks the handler. Returns the response that accepts it,
    /// which the HTTP server has to send before it hands out the byte stream to
    /// [`serve`](Upgrade::serve). If `remote_addr` is that of a
    /// [trusted proxy](crate::Builder::trusted_proxies), the request says who it is from.
    ///
    /// # Errors
    ///
    /// The response that refuses it, whole: with the header fields that a [`Server`](crate::Server) sends.
    pub fn answer<B>(
        &self,
        request: &http::Request<B>,
        remote_addr: Option<SocketAddr>,
    ) -> impl Future<Output = Result<(http::Response<()>, Upgrade<H>), Response>> + Send + use<H, B>
    {
        let head = head_of(request);
        let proxies = &self.shared.rules.proxies;
        let mut remote_addr = remote_addr.map(canonical);
        if remote_addr.is_some() && proxies.may_forward(remote_addr) {
            remote_addr = handshake::client(&head, remote_addr, proxies);
        }
        let place = Place::take(&self.shared, remote_addr);
        let shared = Arc::clone(&self.shared);
        async move {
            let (result, ending) = match place {
                Ok(place) => {
                    let judging = judge(&head, remote_addr, place);
                    let span = log::span_of_request(remote_addr);
                    (judging.instrument(span).await, Ending::Answered)
                }
                Err(full) => (Err(full.response()), full.ending()),
            };
            result.map_err(|response| {
                log::answered(&response, &head, remote_addr, &shared.refusals);
                shared.handler.answered(&head, &response, remote_addr);
                shared.hub.count_ending(ending);
                let response = handshake::complete(&response, &head);
                shared.hub.count_response(response.status());
                response
            })
        }
    }
}

/// Decides about a request, and waits for the handler if it takes its time.
async fn judge<H: Handler>(
    head: &[u8],
    remote_addr: Option<SocketAddr>,
    place: Place<H>,
) -> Result<(http::Response<()>, Upgrade<H>), Response> {
    let mut answer = handshake::judge(head, Way { remote_addr, ..Way::default() }, &place.shared);
    let accept = loop {
        match answer {
            Answer::Accept(accept) => break accept,
            Answer::Refuse(response) => return Err(response),
            Answer::Later(later) => answer = later.await,
        }
    };
    let mut out = Vec::new();
    let compression = place.shared.rules.compression.as_ref();
    let agreed = handshake::accept(head, &accept, compression, &mut out).ok_or_else(|| {
        refusal(StatusCode::INTERNAL_SERVER_ERROR, &"the acceptance cannot be sent")
    })?;
    let kept = place.shared.rules.keeps_requests.then(|| head.into());
    // Its place counts it by its address.
    let accepted = Accepted::new(agreed, accept, remote_addr, kept, None);
    Ok((handshake::parse(&out), Upgrade { accepted, place }))
}

impl<H: Handler> Upgrade<H> {
    /// Returns the connection as a value, for a program that is not made of callbacks: beyond the
    /// request, the handler is not told of it, nor is it in the [`Hub`]. The limits hold, and
    /// [`Shutdown::begin`] closes it with 1001, or a [drain](Shutdown::drain) in its time with its code.
    ///
    /// ```
    /// # use wirelet_host::{Builder, ConnectionError, Echo, Service, Upgrade};
    /// async fn echo(
    ///     upgrade: Upgrade<Echo>,
    ///     stream: tokio::io::DuplexStream, // from hyper or axum
    /// ) -> Result<(), ConnectionError> {
    ///     let mut connection = upgrade.connection(stream);
    ///     while let Some(message) = connection.receive().await {
    ///         let message = message?;
    ///         if message.is_data() {
    ///             connection.send(message).await?;
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn connection(self, stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Connection {
        let Self { accepted, place } = self;
        let (bounds, ties) = place.for_connection();
        let agreement = accepted.compression();
        let description = accepted.into_description();
        let transport = Transport::new(stream);
        Connection::accepted(transport, Vec::new(), bounds, description, agreement, ties)
    }

    /// Serves the connection until it ends. If dropped before, the connection ends without a closing
    /// handshake, and the handler is told [`Closed::Abandoned`](crate::Closed::Abandoned).
    pub async fn serve(self, stream: impl AsyncRead + AsyncWrite + Send + 'static) {
        let Self { accepted, place } = self;
        let bell = Arc::new(Notify::new());
        let worker = Worker {
            queue: Arc::new(WakeQueue::new(Bell::Task(Arc::clone(&bell)))),
            hub: place.shared.hub.for_calls(),
            place,
            began: Instant::now(),
        };
        let stream = Stream::Task(Box::new(TaskStream::new(stream)));
        let session = Session::over(stream, worker.now());
        let span = log::span_of_request(accepted.remote_addr());
        // In its place before the handler is called, which may panic.
        let mut task = Task { session, worker };
        task.worker.turn(&span, |turn| task.session.accept_elsewhere(accepted, turn));
        while !task.session.is_over() {
            let rest = task.session.due(&task.worker.place.shared.times);
            let rest = Duration::from_millis(rest.saturating_sub(task.worker.now()));
            let mut sleep = pin!(tokio::time::sleep(rest));
            let mut rung = pin!(bell.notified());
            poll_fn(|context| {
                task.poll(context);
                let is_due = task.session.is_over()
                    || task.session.wants_turn()
                    || rung.as_mut().poll(context).is_ready()
                    || sleep.as_mut().poll(context).is_ready();
                if is_due { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            // Others on this thread have their turn, too.
            tokio::task::consume_budget().await;
        }
    }
}

/// A connection and the task that serves it alone.
struct Task<H: Handler> {
    session: Session,
    /// Dropped last, as it keeps the connection's place.
    worker: Worker<H>,
}

struct Worker<H> {
    queue: Arc<WakeQueue>,
    hub: Hub,
    place: Place<H>,
    began: Instant,
}

impl<H: Handler> Task<H> {
    /// Does all that can be done now.
    fn poll(&mut self, context: &Context<'_>) {
        let Self { worker, session } = self;
        if let Some(stream) = session.stream().task() {
            stream.set_waker(context.waker());
        }
        let mut woken = Woken::default();
        worker.queue.take(&mut woken);
        worker.turn(&session.span(), |turn| {
            if !woken.tokens.is_empty() {
                session.note_woken();
            }
            session.note_readable();
            session.turn(turn);
            if session.due(&turn.shared.times) <= turn.now {
                session.expire(turn);
            }
        });
    }
}

impl<H: Handler> Drop for Task<H> {
    fn drop(&mut self) {
        let span = self.session.span();
        let _in_span = span.enter();
        self.session.abandon(&self.worker.place.shared);
    }
}

impl<H: Handler> Worker<H> {
    fn now(&self) -> Millis {
        millis(self.began.elapsed())
    }

    fn turn<T>(&mut self, span: &Span, run: impl FnOnce(&mut Turn<'_, H>) -> T) -> T {
        let now = self.now();
        let _in_span = span.enter();
        scratch::with(|input| {
            run(&mut Turn {
                shared: &self.place.shared,
                hub: &mut self.hub,
                queue: &self.queue,
                slot: 0,
                input,
                output: &mut Vec::new(),
                frames: &mut Vec::new(),
                span,
                now,
            })
        })
    }
}

/// Writes a request as it was on the wire, so that one parser checks all.
fn head_of<B>(request: &http::Request<B>) -> Vec<u8> {
    let version = match request.version() {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_11 => "HTTP/1.1",
        _ => "HTTP/2", // refused: its WebSockets begin otherwise (RFC 8441)
    };
    let mut head = format!("{} {} {version}\r\n", request.method(), request.uri()).into_bytes();
    for (name, value) in request.headers() {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}
