//! What a handler says to a request.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;

use http::StatusCode;
use wirelet::handshake::{Request, Upgrade};

use crate::hub::peer::Data;

/// A response to a plain request, or one that refuses a connection; the connection is closed behind
/// it.
///
/// ```
/// let page = wirelet_host::Response::new(b"<p>Hello".into());
/// # let _ = page;
/// ```
pub type Response = http::Response<Cow<'static, [u8]>>;

/// Says in the log, and not to the client, what would let a refused request in: an extension of a
/// [`Response`].
///
/// ```
/// use wirelet_host::{Answer, Hint, StatusCode};
///
/// let answer = Answer::refuse(StatusCode::NOT_FOUND, "there is no such room")
///     .with_hint("--rooms");
/// let Answer::Refuse(response) = answer else { unreachable!() };
/// assert_eq!(response.extensions().get(), Some(&Hint("--rooms")));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint(pub &'static str);

/// A client's request for a connection, which has passed all checks of RFC 6455 §4.2.1.
///
/// ```
/// use wirelet_host::{Accept, Answer, Handshake, StatusCode};
///
/// fn only_chat(handshake: &Handshake<'_>) -> Answer {
///     match handshake.request.path() {
///         "/chat" => Accept::new()
///             .with_subprotocol(handshake.upgrade.choose_subprotocol(&["chat.v2", "chat"]))
///             .into(),
///         _ => Answer::refuse(StatusCode::NOT_FOUND, "the only path is /chat"),
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Handshake<'r> {
    /// Path, query and header fields.
    pub request: Request<'r>,
    /// Host, origin and subprotocols.
    pub upgrade: Upgrade<'r>,
    /// The address of the client, which a [trusted proxy](crate::Builder::trusted_proxies) may have told,
    /// maybe without a port, which is 0 then; `None` on a Unix socket.
    pub remote_addr: Option<SocketAddr>,
    /// The address of this machine at which the connection has come; `None` on a Unix socket, and in a
    /// [`Service`](crate::Service).
    pub local_addr: Option<SocketAddr>,
    /// The connection has come by TLS, as far as to this server; what a proxy has decrypted has not.
    pub is_tls: bool,
}

/// Lets a client in; with nothing special, or with what is given.
///
/// ```
/// use wirelet_host::Accept;
///
/// struct User(String);
///
/// let accept = Accept::new()
///     .with_header("Set-Cookie", "session=1")
///     .with_data(User("ada".into())); // later `peer.data::<User>()`
/// # let _ = accept;
/// ```
#[derive(Default)]
#[must_use]
pub struct Accept {
    pub(crate) subprotocol: Option<Cow<'static, str>>,
    pub(crate) headers: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    pub(crate) data: Option<Data>,
}

impl Accept {
    /// Begins with nothing special.
    pub fn new() -> Self {
        Self::default()
    }

    /// Chooses a subprotocol, which must be one of those that the client offers.
    pub fn with_subprotocol(mut self, name: Option<impl Into<Cow<'static, str>>>) -> Self {
        self.subprotocol = name.map(Into::into);
        self
    }

    /// Adds a header field to the response.
    pub fn with_header(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Keeps something with the connection, as [`Peer::data`](crate::Peer::data).
    pub fn with_data<T: Any + Send + Sync>(mut self, data: T) -> Self {
        self.data = Some(Box::new(data));
        self
    }
}

impl fmt::Debug for Accept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accept")
            .field("subprotocol", &self.subprotocol)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

/// What a [`Handler`](crate::Handler) says to a client that asks for a connection.
///
/// ```
/// use wirelet_host::{Accept, Answer, Handshake, StatusCode};
///
/// # async fn user_of(token: String) -> Option<u64> { None }
/// fn who_has_a_token(handshake: &Handshake<'_>) -> Answer {
///     let Some(token) = handshake.request.query().map(str::to_owned) else {
///         return Answer::refuse(StatusCode::UNAUTHORIZED, "a token is missing");
///     };
///     Answer::later(async move {
///         match user_of(token).await {
///             Some(user) => Accept::new().with_data(user).into(),
///             None => Answer::refuse(StatusCode::FORBIDDEN, "the token is not valid"),
///         }
///     })
/// }
/// ```
#[must_use]
#[non_exhaustive]
pub enum Answer {
    /// It may come in.
    Accept(Accept),
    /// It may not. The status is 200 or more.
    Refuse(Response),
    /// That takes a while, up to [`Limits::handshake_time`](crate::Limits::handshake_time) since the
    /// accept of TCP; beyond it the client is answered 503. Dropped when the client leaves.
    Later(Later),
}

/// An answer to come.
pub type Later = Pin<Box<dyn Future<Output = Answer> + Send>>;

impl Answer {
    /// Refuses with a status and a line of text.
    pub fn refuse(status: StatusCode, why: impl fmt::Display) -> Self {
        Self::Refuse(refusal(status, &why))
    }

    /// Adds to a refusal what would let the request in, for the log.
    pub fn with_hint(mut self, hint: &'static str) -> Self {
        if let Self::Refuse(response) = &mut self {
            response.extensions_mut().insert(Hint(hint));
        }
        self
    }

    /// Answers when the future has; it runs in the tokio runtime of the server.
    pub fn later(answer: impl Future<Output = Self> + Send + 'static) -> Self {
        Self::Later(Box::pin(answer))
    }
}

impl From<Accept> for Answer {
    fn from(accept: Accept) -> Self {
        Self::Accept(accept)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accept(accept) => f.debug_tuple("Accept").field(accept).finish(),
            Self::Refuse(response) => f.debug_tuple("Refuse").field(&response.status()).finish(),
            Self::Later(_) => f.debug_tuple("Later").finish_non_exhaustive(),
        }
    }
}

/// As [`refusal`], with a hint.
pub(crate) fn refusal_with_hint(
    status: StatusCode,
    why: &dyn fmt::Display,
    hint: &'static str,
) -> Response {
    let mut response = refusal(status, why);
    response.extensions_mut().insert(Hint(hint));
    response
}

/// A response with a line of text.
pub(crate) fn refusal(status: StatusCode, why: &dyn fmt::Display) -> Response {
    let mut response = Response::new(format!("{why}\n").into_bytes().into());
    *response.status_mut() = status;
    response
}
