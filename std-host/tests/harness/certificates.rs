//! Certificates for tests, made anew each time.

use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

/// A directory with the PEM files of a server that is called `localhost` and `127.0.0.1`.
pub(crate) struct Issued {
    directory: TempDir,
}

impl Issued {
    pub(crate) fn new() -> Self {
        Self::for_names(&["localhost", "127.0.0.1"])
    }

    pub(crate) fn for_names(names: &[&str]) -> Self {
        let issued = Self { directory: TempDir::new().unwrap() };
        issued.renew(names);
        issued
    }

    /// Writes other files in the place of the first, of another authority.
    pub(crate) fn renew(&self, names: &[&str]) {
        let mut authority = CertificateParams::default();
        // Or openssl takes the leaf, which has the name of all of rcgen's, for one that signed itself.
        authority.distinguished_name.push(DnType::CommonName, "the tests' authority");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate().unwrap();
        let ca = authority.self_signed(&authority_key).unwrap();
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate().unwrap();
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let leaf = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        for (path, pem) in
            [(self.ca(), ca.pem()), (self.chain(), leaf.pem()), (self.key(), key.serialize_pem())]
        {
            std::fs::write(path, pem).unwrap();
        }
    }

    /// The certificate of the authority, which clients have to trust.
    pub(crate) fn ca(&self) -> PathBuf {
        self.path("ca.pem")
    }

    pub(crate) fn chain(&self) -> PathBuf {
        self.path("chain.pem")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.path("key.pem")
    }

    /// Where another file may lie.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}
