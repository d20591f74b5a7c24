//! What TLS needs from files: certificates, keys and roots.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_platform_verifier::Verifier;

use crate::io::tls::Tls;

/// The certificate of a server and its private key, read from PEM files; or a prepared configuration of
/// TLS, for what files do not say: certificates of clients, one for each name (SNI), ACME. Clones share
/// them.
///
/// ```no_run
/// use wirelet_host::Certificates;
///
/// # fn main() -> Result<(), wirelet_host::LoadError> {
/// let certificates = Certificates::load("fullchain.pem", "privkey.pem")?;
/// // When the files have been renewed, for new connections:
/// if let Err(error) = certificates.reload() {
///     eprintln!("the old certificate goes on: {error}");
/// }
/// # Ok(())
/// # }
/// ```
///
/// ```no_run
/// use std::sync::Arc;
/// use wirelet_host::rustls::ServerConfig;
/// use wirelet_host::{Certificates, Listen};
///
/// # fn f(config: Arc<ServerConfig>, other: Arc<ServerConfig>) {
/// let certificates = Certificates::from(config);
/// let place = Listen::tcp("0.0.0.0:443").with_tls(certificates.clone());
/// // Later, for new connections:
/// certificates.replace(other);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Certificates {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    files: Option<Files>,
    config: RwLock<Arc<ServerConfig>>,
}

#[derive(Debug)]
struct Files {
    chain: PathBuf,
    key: PathBuf,
}

/// Why a PEM file cannot be used.
///
/// ```
/// use wirelet_host::Certificates;
///
/// let error = Certificates::load("no-such.pem", "privkey.pem").unwrap_err();
/// assert!(error.to_string().starts_with("cannot read no-such.pem: "));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// The file cannot be read.
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// The file is no PEM.
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        error: pem::Error,
    },
    /// The file holds no certificate.
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The file holds no private key.
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// What is in the file cannot be used, in most cases because key and certificate do not belong
    /// together.
    Refused {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: rustls::Error,
    },
    /// The system trusts no authority, and no file was named.
    NoAuthorities(rustls::Error),
}

impl Certificates {
    /// Reads the certificate chain, the server's own certificate first, and the private key (PKCS#8,
    /// PKCS#1 or SEC1).
    ///
    /// # Errors
    ///
    /// [`LoadError`], which names the file.
    pub fn load(chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Self, LoadError> {
        let (chain, key) = (chain.into(), key.into());
        let config = server_config(&chain, &key)?;
        Ok(Self::new(Some(Files { chain, key }), config))
    }

    fn new(files: Option<Files>, config: Arc<ServerConfig>) -> Self {
        Self { shared: Arc::new(Shared { files, config: RwLock::new(config) }) }
    }

    /// Reads the files again, for connections from now on. Of a prepared configuration there are none, and
    /// nothing changes.
    ///
    /// # Errors
    ///
    /// [`LoadError`]; all stays as it was then.
    pub fn reload(&self) -> Result<(), LoadError> {
        if let Some(Files { chain, key }) = &self.shared.files {
            self.replace(server_config(chain, key)?);
        }
        Ok(())
    }

    /// Takes another configuration, for connections from now on.
    pub fn replace(&self, config: Arc<ServerConfig>) {
        *self.shared.config.write().unwrap_or_else(PoisonError::into_inner) = config;
    }

    /// Begins a session with who has connected.
    pub(crate) fn start(&self) -> io::Result<Tls> {
        Tls::server(self.config()).map_err(io::Error::other)
    }

    /// What a new connection takes.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.shared.config.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Takes a configuration as it is; clients offer the protocol `http/1.1` in ALPN, or none.
impl From<Arc<ServerConfig>> for Certificates {
    fn from(config: Arc<ServerConfig>) -> Self {
        Self::new(None, config)
    }
}

fn server_config(chain: &Path, key: &Path) -> Result<Arc<ServerConfig>, LoadError> {
    let refuse = |error| LoadError::Refused { path: key.to_owned(), error };
    let certificates = read_certificates(chain)?;
    let private_key = PrivateKeyDer::from_pem_file(key).map_err(|error| match error {
        pem::Error::NoItemsFound => LoadError::NoKey { path: key.to_owned() },
        error => LoadError::new(key, error),
    })?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(refuse)?
        .with_no_client_auth()
        .with_single_cert(certificates, private_key)
        .map_err(refuse)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    // Clients that come back need no memory here.
    config.ticketer = ring::Ticketer::new().map_err(refuse)?;
    Ok(Arc::new(config))
}

/// Trusts the authorities of the system, and those in PEM files.
pub(crate) fn client_config(ca_files: &[PathBuf]) -> Result<Arc<ClientConfig>, LoadError> {
    let mut authorities = Vec::new();
    for path in ca_files {
        let certificates = read_certificates(path)?;
        // Tried one by one, so that the error can tell in which file it is.
        let mut tried = RootCertStore::empty();
        for certificate in &certificates {
            tried
                .add(certificate.clone())
                .map_err(|error| LoadError::Refused { path: path.clone(), error })?;
        }
        authorities.extend(certificates);
    }
    let verifier = Verifier::new_with_extra_roots(authorities, provider())
        .map_err(LoadError::NoAuthorities)?;
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(LoadError::NoAuthorities)?
        .dangerous() // to put another verifier in; this one is as strict
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Arc::new(config))
}

/// Reads all certificates of a file, of which there is at least one.
fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, LoadError> {
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| LoadError::new(path, error))?;
    if certificates.is_empty() {
        return Err(LoadError::NoCertificate { path: path.to_owned() });
    }
    Ok(certificates)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

impl LoadError {
    fn new(path: &Path, error: pem::Error) -> Self {
        let path = path.to_owned();
        match error {
            pem::Error::Io(error) => Self::Io { path, error },
            error => Self::Pem { path, error },
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, error } => write!(f, "cannot read {}: {error}", path.display()),
            Self::Pem { path, error } => write!(f, "{} is no PEM file: {error}", path.display()),
            Self::NoCertificate { path } => {
                write!(f, "{} holds no certificate (-----BEGIN CERTIFICATE-----)", path.display())
            }
            Self::NoKey { path } => {
                write!(f, "{} holds no private key (-----BEGIN PRIVATE KEY-----)", path.display())
            }
            Self::Refused { path, error } => write!(f, "{} is of no use: {error}", path.display()),
            Self::NoAuthorities(error) => {
                write!(f, "no certificate can be checked, name a file of authorities: {error}")
            }
        }
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error),
            Self::Pem { error, .. } => Some(error),
            Self::Refused { error, .. } | Self::NoAuthorities(error) => Some(error),
            Self::NoCertificate { .. } | Self::NoKey { .. } => None,
        }
    }
}

/// What is spoken inside: a WebSocket begins as HTTP/1.1.
const ALPN: &[u8] = b"http/1.1";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::tls::certificates::Issued;

    #[test]
    fn bad_files_are_named_with_what_is_wrong() {
        let (good, other) = (Issued::new(), Issued::new());
        let (empty, cut) = (good.path("empty.pem"), good.path("cut.pem"));
        std::fs::write(&empty, "").unwrap();
        std::fs::write(&cut, "-----BEGIN CERTIFICATE-----\nMIIB\n").unwrap();
        for (chain, key, named, why) in [
            (good.path("none"), good.key(), good.path("none"), "cannot read"),
            (good.chain(), good.path("none"), good.path("none"), "cannot read"),
            (empty.clone(), good.key(), empty.clone(), "holds no certificate"),
            (good.key(), good.key(), good.key(), "holds no certificate"),
            (good.chain(), good.chain(), good.chain(), "holds no private key"),
            (cut.clone(), good.key(), cut.clone(), "is no PEM"),
            (good.chain(), other.key(), other.key(), "is of no use"),
        ] {
            let error = Certificates::load(&chain, &key).unwrap_err().to_string();
            assert!(error.contains(&named.display().to_string()), "{error}");
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn a_reload_takes_the_new_files_and_keeps_the_old_ones_if_those_are_bad() {
        let issued = Issued::new();
        let certificates = Certificates::load(issued.chain(), issued.key()).unwrap();
        let first = certificates.config();
        issued.renew(&["localhost"]);
        certificates.clone().reload().unwrap();
        let second = certificates.config();
        assert!(!Arc::ptr_eq(&first, &second));
        std::fs::write(issued.key(), "gone").unwrap();
        assert!(matches!(certificates.reload(), Err(LoadError::NoKey { .. })));
        assert!(Arc::ptr_eq(&second, &certificates.config()));
    }
}
