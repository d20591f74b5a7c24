//! Reading certificates and keys, and why that fails.

use std::fmt;
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{CertificateError, RootCertStore};

use super::words;

/// PEM files with a certificate and its private key (PKCS#8, PKCS#1 or SEC1).
///
/// ```
/// use wirelet_host::CertificateFiles;
///
/// let files = CertificateFiles::new("fullchain.pem", "privkey.pem");
/// assert_eq!(files.key.to_str(), Some("privkey.pem"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate, and behind it those of the authorities between it and the one that is trusted.
    pub chain: PathBuf,
    /// The key of the first of them.
    pub key: PathBuf,
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
    /// No certificate was named at all.
    NoFiles,
    /// TLS cannot be done in this way.
    Config(rustls::Error),
}

impl CertificateFiles {
    /// Names both.
    pub fn new(chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self { chain: chain.into(), key: key.into() }
    }

    /// Reads both.
    pub(super) fn read(&self) -> Result<Identity, LoadError> {
        let chain = read_certificates(&self.chain)?;
        let path = &self.key;
        let key = PrivateKeyDer::from_pem_file(path).map_err(|error| match error {
            pem::Error::NoItemsFound => LoadError::NoKey { path: path.clone() },
            error => LoadError::new(path, error),
        })?;
        Ok((chain, key))
    }

    /// Says that key and certificate are of no use together.
    pub(super) fn refuse(&self, error: rustls::Error) -> LoadError {
        LoadError::Refused { path: self.key.clone(), error }
    }
}

/// A certificate chain, and the key of the first in it.
pub(super) type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// Reads certificates that are to be trusted.
pub(super) fn read_authorities(
    paths: &[PathBuf],
) -> Result<(Vec<CertificateDer<'static>>, RootCertStore), LoadError> {
    let (mut all, mut roots) = (Vec::new(), RootCertStore::empty());
    for path in paths {
        for certificate in read_certificates(path)? {
            // One by one, so that the error can tell in which file it is.
            roots
                .add(certificate.clone())
                .map_err(|error| LoadError::Refused { path: path.clone(), error })?;
            all.push(certificate);
        }
    }
    Ok((all, roots))
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
            Self::Pem { path, error } => {
                write!(f, "{} is no PEM file: {}", path.display(), words::of_pem(error))
            }
            Self::NoCertificate { path } => {
                write!(f, "{} holds no certificate (-----BEGIN CERTIFICATE-----)", path.display())
            }
            Self::NoKey { path } => {
                write!(f, "{} holds no private key (-----BEGIN PRIVATE KEY-----)", path.display())
            }
            Self::Refused { path, error } => {
                write!(f, "{} is of no use: ", path.display())?;
                match error {
                    rustls::Error::InconsistentKeys(_) => {
                        f.write_str("this key and the certificate do not belong together")
                    }
                    rustls::Error::InvalidCertificate(CertificateError::BadEncoding) => {
                        f.write_str("it is no certificate as X.509 has them")
                    }
                    error => words::describe(error, f),
                }
            }
            Self::NoAuthorities(error) => {
                f.write_str("no certificate can be checked, name a file of authorities: ")?;
                words::describe(error, f)
            }
            Self::NoFiles => f.write_str("no certificate is named"),
            Self::Config(error) => words::describe(error, f),
        }
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error),
            Self::Pem { error, .. } => Some(error),
            Self::Refused { error, .. } | Self::NoAuthorities(error) | Self::Config(error) => {
                Some(error)
            }
            Self::NoCertificate { .. } | Self::NoKey { .. } | Self::NoFiles => None,
        }
    }
}
