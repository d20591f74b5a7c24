//! Whom a client trusts, who it is, and how long what it sends may be.

use std::path::PathBuf;

use clap::Args;
use wirelet_host::{CertificateFiles, ClientOptions, Pin};

use crate::units::{Size, parse_fragment, parse_size};

/// How TLS is done.
#[derive(Args, Debug)]
pub(crate) struct Trust {
    /// Trust the authorities in this PEM file, besides those that the system trusts; or the very certificate of
    /// the server, which may have signed itself; may be repeated
    #[arg(long, value_name = "FILE")]
    ca: Vec<PathBuf>,
    /// Trust a server that has this key, and no other: `sha256/` and the base64 of the SHA-256 of its public
    /// key, or `sha256//` as for curl; may be repeated, for a key to come. Names and authorities do not count
    /// then, but for those of --ca
    #[arg(long, value_name = "sha256/BASE64")]
    pin: Vec<Pin>,
    /// Trust any certificate but for --pin: whoever is on the way can read and change everything
    #[arg(long, conflicts_with = "ca")]
    insecure: bool,
    /// Show this certificate to servers that ask for one, a PEM file; behind it stand those of the authorities in
    /// between
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// The private key of the certificate, a PEM file
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// How much one record of TLS that is sent carries at most, from 27 bytes to 16 KiB, for servers with little
    /// memory: 512, 1024, 2048 or 4096, as they would ask for by `max_fragment_length` [default: 16 KiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_fragment)]
    max_tls_fragment: Option<Size>,
}

/// How messages are sent.
#[derive(Args, Debug)]
pub(crate) struct Frames {
    /// The longest payload of a frame that is sent: longer messages leave in fragments, for servers with little
    /// memory. 0: each is one frame
    #[arg(long, value_name = "SIZE", default_value_t = Size(0), value_parser = parse_size)]
    max_frame: Size,
}

impl Trust {
    /// Returns options that have these as well.
    pub(crate) fn add(self, options: ClientOptions) -> ClientOptions {
        let (cert, key) = (self.cert, self.key);
        ClientOptions {
            ca_files: self.ca,
            pins: self.pin,
            danger_accept_invalid_certs: self.insecure,
            client_auth_cert: cert.zip(key).map(|(cert, key)| CertificateFiles::new(cert, key)),
            max_fragment_size: self.max_tls_fragment.map(|size| size.0),
            ..options
        }
    }
}

impl Frames {
    /// Returns options that have this as well.
    pub(crate) fn add(self, options: ClientOptions) -> ClientOptions {
        ClientOptions { frame_bytes: self.max_frame.0, ..options }
    }
}
