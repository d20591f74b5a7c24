//! TLS of `wirelet serve`, as arguments.

use std::iter;
use std::path::PathBuf;

use clap::Args;
use wirelet_host::{CertificateFiles, Certificates, TlsFiles};

use crate::units::{Size, parse_fragment};

/// Certificates and keys.
#[derive(Args, Debug)]
pub(super) struct TlsArgs {
    /// Speak TLS over TCP, with the certificate chain in this PEM file; may be repeated, with a --key for each:
    /// clients get the first that is for the name they ask for, or else the first. SIGHUP reads all files again
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Vec<PathBuf>,
    /// The private key of the certificate, a PEM file; the first --key is for the first --cert
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Vec<PathBuf>,
    /// Let in over TLS who has a certificate of an authority in this PEM file, or one that is in it itself, and
    /// nobody else; may be repeated
    #[arg(long, value_name = "FILE", requires = "cert")]
    client_ca: Vec<PathBuf>,
    /// How much one record of TLS that is sent carries at most, from 27 bytes to 16 KiB, for clients with little
    /// memory: 512, 1024, 2048 or 4096, as they would ask for by `max_fragment_length` [default: 16 KiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_fragment, requires = "cert")]
    max_tls_fragment: Option<Size>,
}

impl TlsArgs {
    /// Reads what is named; `None` if nothing is.
    pub(super) fn certificates(&self) -> Result<Option<Certificates>, String> {
        if self.cert.is_empty() {
            return Ok(None);
        }
        let pairs = iter::zip(&self.cert, &self.key);
        let files = TlsFiles {
            certificates: pairs.map(|(cert, key)| CertificateFiles::new(cert, key)).collect(),
            client_ca: self.client_ca.clone(),
            max_fragment_size: self.max_tls_fragment.map(|size| size.0),
        };
        Certificates::load_files(files).map(Some).map_err(|error| error.to_string())
    }

    /// Says what is wrong that clap cannot see.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.cert.len() == self.key.len() {
            Ok(())
        } else {
            Err("each --cert has a --key, in the same order; their numbers differ")
        }
    }
}
