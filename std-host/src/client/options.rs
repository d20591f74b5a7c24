//! How to connect.

#[cfg(any(unix, feature = "tls"))]
use std::path::PathBuf;
#[cfg(feature = "tls")]
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "tls")]
use rustls::ClientConfig;
use tokio::time::Instant;

use super::names::{ConnectTo, Resolve};
use super::proxy::Proxy;
use crate::compression::Compression;
use crate::connection::bounds::Bounds;
#[cfg(feature = "tls")]
use crate::io::tls::client::{Trust, client_config};
#[cfg(feature = "tls")]
use crate::io::tls::pem::{CertificateFiles, LoadError};
#[cfg(feature = "tls")]
use crate::io::tls::pin::Pin;

/// Says how to connect; the default offers nothing and waits 10 s.
///
/// ```
/// use wirelet_host::ClientOptions;
///
/// let options = ClientOptions {
///     headers: vec![("Authorization".into(), "Bearer 123".into())],
///     ..ClientOptions::default()
/// };
/// # let _ = options;
/// ```
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// The value of `Host`, instead of the URL's host; TCP and TLS go by the URL.
    pub host: Option<String>,
    /// The value of `Origin`.
    pub origin: Option<String>,
    /// Subprotocols to offer, the best first.
    pub subprotocols: Vec<String>,
    /// Header fields to add to the request. One named `Authorization` goes before the URL's user and
    /// password.
    pub headers: Vec<(String, String)>,
    /// Addresses of names, instead of those that the system knows; the first that fits counts.
    pub resolve: Vec<Resolve>,
    /// Other hosts and ports to connect to than those of the URL; the first that fits counts.
    pub connect_to: Vec<ConnectTo>,
    /// Proxies to go through. By default none, whatever the environment says; see
    /// [`Proxy::from_env`]. A Unix socket goes before them.
    pub proxy: Option<Proxy>,
    /// How many redirects are followed, with those headers that are no secrets if they lead to another
    /// origin; never from `wss://` to `ws://`. By default none: they are
    /// [`ClientError::Refused`](crate::ClientError::Refused).
    pub redirects: usize,
    /// For looking the name up, TCP, TLS and the opening handshake together.
    pub handshake_time: Duration,
    /// The longest message to be received, in bytes.
    pub message_bytes: usize,
    /// Offers to compress messages. By default not.
    pub compression: Option<Compression>,
    /// The longest payload of a frame to be sent, in bytes: messages that are longer leave in fragments, for
    /// servers with little memory. By default 0: each message is one frame.
    pub frame_bytes: usize,
    /// The most that waits for the server to read it before [`Client::has_room`](crate::Client::has_room)
    /// says no and [`SendHalf::send`](crate::SendHalf::send) waits, in bytes; one message may be longer.
    pub queue_bytes: usize,
    /// Pings the server when nothing has moved for so long, in neither direction, and gives it up when
    /// nothing does for as long again. Works while something is waited for.
    pub keepalive: Option<Duration>,
    /// Waits so long, from the last progress, for the server's part of the closing handshake, and then
    /// for its end of TCP.
    pub close_time: Duration,
    /// PEM files with certificates of authorities to trust, besides those that the system trusts; or with the
    /// very certificate of a server, which may have signed itself.
    #[cfg(feature = "tls")]
    pub ca_files: Vec<PathBuf>,
    /// Trust servers that have one of these keys, and no others. Who signed their certificate and for which
    /// names does not count then, unless there are `ca_files`: they have to be right as well.
    #[cfg(feature = "tls")]
    pub pins: Vec<Pin>,
    /// Trust any certificate but for `pins`: whoever is on the way can read and change everything. For tests.
    #[cfg(feature = "tls")]
    pub danger_accept_invalid_certs: bool,
    /// The certificate of this client, for servers that ask for one.
    #[cfg(feature = "tls")]
    pub client_auth_cert: Option<CertificateFiles>,
    /// How much a record of TLS that is sent carries at most, and 5 bytes for its header, from 32 to 16389, as
    /// rustls has it, for servers with little memory. Default: 16389, which is 16 KiB.
    #[cfg(feature = "tls")]
    pub max_fragment_size: Option<usize>,
    /// How TLS is done, instead of by all of these.
    #[cfg(feature = "tls")]
    pub tls: Option<Arc<ClientConfig>>,
    /// Connect to this Unix socket, not to the host of the URL.
    #[cfg(unix)]
    pub unix_socket: Option<PathBuf>,
}

impl ClientOptions {
    /// Reads the authorities of the system, [`ca_files`](Self::ca_files) and
    /// [`client_auth_cert`](Self::client_auth_cert) into [`tls`](Self::tls) unless that is set. It takes some
    /// 10 ms, which otherwise each connection to a `wss://` URL spends.
    ///
    /// # Errors
    ///
    /// [`LoadError`].
    ///
    /// ```
    /// use wirelet_host::ClientOptions;
    ///
    /// let mut options =
    ///     ClientOptions { ca_files: vec!["no-such.pem".into()], ..ClientOptions::default() };
    /// let error = options.prepare_tls().unwrap_err();
    /// assert!(error.to_string().starts_with("cannot read no-such.pem: "));
    /// ```
    #[cfg(feature = "tls")]
    pub fn prepare_tls(&mut self) -> Result<(), LoadError> {
        if self.tls.is_none() {
            self.tls = Some(client_config(&self.trust())?);
        }
        Ok(())
    }
}

impl ClientOptions {
    /// What goes into a configuration of TLS.
    #[cfg(feature = "tls")]
    pub(super) fn trust(&self) -> Trust {
        Trust {
            ca_files: self.ca_files.clone(),
            pins: self.pins.clone(),
            accepts_invalid: self.danger_accept_invalid_certs,
            client_auth_cert: self.client_auth_cert.clone(),
            max_fragment_size: self.max_fragment_size,
        }
    }

    /// What a proxy is reached by: what is for the server alone is left out.
    #[cfg(feature = "tls")]
    pub(super) fn for_proxy(&self) -> Self {
        let is_for_server = !self.pins.is_empty()
            || self.danger_accept_invalid_certs
            || self.client_auth_cert.is_some();
        Self {
            pins: Vec::new(),
            danger_accept_invalid_certs: false,
            client_auth_cert: None,
            tls: self.tls.clone().filter(|_| !is_for_server),
            ..self.clone()
        }
    }

    /// Returns until when a connection that begins now has to be open.
    pub(super) fn deadline(&self) -> Instant {
        let now = Instant::now();
        now.checked_add(self.handshake_time).unwrap_or(now + FOR_EVER)
    }
}

impl From<&ClientOptions> for Bounds {
    fn from(options: &ClientOptions) -> Self {
        let keepalive = options.keepalive.unwrap_or_default();
        Self {
            message_bytes: options.message_bytes,
            frame_bytes: options.frame_bytes,
            unsent_bytes: options.queue_bytes,
            // As much as one message may have.
            unreceived_bytes: options.message_bytes,
            ping_interval: keepalive,
            ping_timeout: keepalive,
            close_time: options.close_time,
            close_limit: CLOSE_LIMIT,
        }
    }
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            host: None,
            origin: None,
            subprotocols: Vec::new(),
            headers: Vec::new(),
            resolve: Vec::new(),
            connect_to: Vec::new(),
            proxy: None,
            redirects: 0,
            handshake_time: Duration::from_secs(10),
            message_bytes: 16 * 1024 * 1024,
            compression: None,
            frame_bytes: 0,
            queue_bytes: 64 * 1024,
            keepalive: None,
            close_time: Duration::from_secs(5),
            #[cfg(feature = "tls")]
            ca_files: Vec::new(),
            #[cfg(feature = "tls")]
            pins: Vec::new(),
            #[cfg(feature = "tls")]
            danger_accept_invalid_certs: false,
            #[cfg(feature = "tls")]
            client_auth_cert: None,
            #[cfg(feature = "tls")]
            max_fragment_size: None,
            #[cfg(feature = "tls")]
            tls: None,
            #[cfg(unix)]
            unix_socket: None,
        }
    }
}

/// How long a closing handshake and the end of TCP take at most, whatever moves.
const CLOSE_LIMIT: Duration = Duration::from_secs(120);

/// More than anybody waits.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
