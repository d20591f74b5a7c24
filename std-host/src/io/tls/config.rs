//! How a server does TLS: its certificates, and whom it lets in.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme,
    client::danger::HandshakeSignatureValid,
};

use super::named::is_refused_by_its_issuer_alone;
use super::pem::{CertificateFiles, LoadError, read_authorities};
use crate::io::tls::Tls;

/// The certificates of a server and their private keys, read from PEM files; or a prepared configuration of
/// TLS, for what files do not say, such as ACME. Clones share them.
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
    files: Option<TlsFiles>,
    config: RwLock<Arc<ServerConfig>>,
}

/// What a server does TLS by, read from PEM files: several certificates, and certificates of clients.
///
/// ```no_run
/// use wirelet_host::{CertificateFiles, Certificates, TlsFiles};
///
/// # fn main() -> Result<(), wirelet_host::LoadError> {
/// let certificates = Certificates::load_files(TlsFiles {
///     certificates: vec![
///         CertificateFiles::new("example.com.pem", "example.com-key.pem"),
///         CertificateFiles::new("example.org.pem", "example.org-key.pem"),
///     ],
///     client_ca: vec!["devices.pem".into()],
///     ..TlsFiles::default()
/// })?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct TlsFiles {
    /// At least one. Clients get the first that is for the name which they ask for (SNI) and of a kind of key
    /// that they know, and if none is, the first.
    pub certificates: Vec<CertificateFiles>,
    /// Certificates of authorities, one of which has to have signed those of the clients, or certificates of
    /// clients themselves: a client without such a one is refused. If empty, clients need none.
    pub client_ca: Vec<PathBuf>,
    /// How much a record that is sent carries at most, and 5 bytes for its header, from 32 to 16389 (16 KiB, the
    /// default), as rustls has it: a client must keep a whole one in memory.
    pub max_fragment_size: Option<usize>,
}

impl Certificates {
    /// Reads the certificate chain, the server's own certificate first, and the private key (PKCS#8,
    /// PKCS#1 or SEC1).
    ///
    /// # Errors
    ///
    /// [`LoadError`], which names the file.
    pub fn load(chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Self, LoadError> {
        let certificates = vec![CertificateFiles::new(chain, key)];
        Self::load_files(TlsFiles { certificates, ..TlsFiles::default() })
    }

    /// Reads several, and more.
    ///
    /// # Errors
    ///
    /// [`LoadError`], which names the file.
    pub fn load_files(files: TlsFiles) -> Result<Self, LoadError> {
        let config = server_config(&files)?;
        Ok(Self::new(Some(files), config))
    }

    fn new(files: Option<TlsFiles>, config: Arc<ServerConfig>) -> Self {
        Self { shared: Arc::new(Shared { files, config: RwLock::new(config) }) }
    }

    /// Reads the files again, for connections from now on. Of a prepared configuration there are none, and
    /// nothing changes.
    ///
    /// # Errors
    ///
    /// [`LoadError`]; all stays as it was then.
    pub fn reload(&self) -> Result<(), LoadError> {
        if let Some(files) = &self.shared.files {
            self.replace(server_config(files)?);
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

fn server_config(files: &TlsFiles) -> Result<Arc<ServerConfig>, LoadError> {
    let provider = provider();
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(LoadError::Config)?;
    let builder = if files.client_ca.is_empty() {
        builder.with_no_client_auth()
    } else {
        builder.with_client_cert_verifier(ClientVerifier::load(&files.client_ca, &provider)?)
    };
    let by_name = ByName::load(&files.certificates, &provider)?;
    let mut config = builder.with_cert_resolver(Arc::new(by_name));
    config.alpn_protocols = vec![ALPN.to_vec()];
    // Clients that come back need no memory here.
    config.ticketer = ring::Ticketer::new().map_err(LoadError::Config)?;
    config.max_fragment_size = files.max_fragment_size;
    Ok(Arc::new(config))
}

/// Certificates, of which each client gets one by the name that it asks for.
#[derive(Debug)]
struct ByName {
    first: Arc<CertifiedKey>,
    others: Vec<Arc<CertifiedKey>>,
}

impl ByName {
    fn load(files: &[CertificateFiles], provider: &CryptoProvider) -> Result<Self, LoadError> {
        let load = |files: &CertificateFiles| {
            let (chain, key) = files.read()?;
            let key = CertifiedKey::from_der(chain, key, provider);
            key.map(Arc::new).map_err(|error| files.refuse(error))
        };
        let mut keys = files.iter().map(load);
        let first = keys.next().ok_or(LoadError::NoFiles)??;
        Ok(Self { first, others: keys.collect::<Result<_, _>>()? })
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let all = || [&self.first].into_iter().chain(&self.others);
        let is_known =
            |key: &&Arc<CertifiedKey>| key.key.choose_scheme(hello.signature_schemes()).is_some();
        let name = hello.server_name().and_then(|name| ServerName::try_from(name).ok());
        let found = name.and_then(|name| {
            let is_for_name = |key: &&Arc<CertifiedKey>| is_for(key, &name);
            all().filter(is_for_name).find(is_known).or_else(|| all().find(is_for_name))
        });
        found.or_else(|| all().find(is_known)).or(Some(&self.first)).map(Arc::clone)
    }
}

fn is_for(key: &CertifiedKey, name: &ServerName<'_>) -> bool {
    let certificate = key.end_entity_cert().and_then(ParsedCertificate::try_from);
    certificate.is_ok_and(|certificate| verify_server_name(&certificate, name).is_ok())
}

/// Checks certificates of clients, of which each must have one.
#[derive(Debug)]
struct ClientVerifier {
    authorities: Arc<dyn ClientCertVerifier>,
    named: Vec<CertificateDer<'static>>,
}

impl ClientVerifier {
    fn load(paths: &[PathBuf], provider: &Arc<CryptoProvider>) -> Result<Arc<Self>, LoadError> {
        let (named, roots) = read_authorities(paths)?;
        let authorities =
            WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(provider))
                .build()
                .map_err(|error| LoadError::NoAuthorities(Error::General(error.to_string())))?;
        Ok(Arc::new(Self { authorities, named }))
    }
}

impl ClientCertVerifier for ClientVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.authorities.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.authorities.verify_client_cert(end_entity, intermediates, now);
        verified.or_else(|error| {
            let is_named = self.named.contains(end_entity);
            if is_named && is_refused_by_its_issuer_alone(&error) {
                return Ok(ClientCertVerified::assertion());
            }
            Err(error)
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// What is spoken inside: a WebSocket begins as HTTP/1.1.
pub(super) const ALPN: &[u8] = b"http/1.1";

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
