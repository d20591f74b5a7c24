//! Keys that are known before.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::pki_types::CertificateDer;
use rustls::server::ParsedCertificate;

/// The SHA-256 of the public key of a server (its `SubjectPublicKeyInfo`), written `sha256/` and base64 as HPKP
/// (RFC 7469) and browsers have it, or `sha256//` as curl's `--pinnedpubkey` has it.
///
/// ```
/// use wirelet_host::{ClientOptions, Pin};
///
/// let pin: Pin = "sha256/YLh1dUR9y6Kja30RrAn7JKnbQG/uEtLMkBgFF2Fuihg=".parse()?;
/// let options = ClientOptions { pins: vec![pin], ..ClientOptions::default() };
/// # let _ = options;
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pin([u8; 32]);

impl Pin {
    /// Returns the pin of the key of a certificate.
    ///
    /// # Errors
    ///
    /// This is no certificate.
    pub fn of(certificate: &CertificateDer<'_>) -> Result<Self, rustls::Error> {
        let key = ParsedCertificate::try_from(certificate)?.subject_public_key_info();
        let sha256 = TLS13_AES_128_GCM_SHA256.tls13().map(|suite| suite.common.hash_provider);
        let hash = sha256.map(|sha256| sha256.hash(&key));
        let hash = hash.and_then(|hash| hash.as_ref().try_into().ok());
        Ok(Self(hash.ok_or(rustls::Error::EncryptError)?))
    }
}

impl FromStr for Pin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || format!("{text:?} is no pin; one is sha256/ and the base64 of 32 bytes");
        let base64 = text.strip_prefix("sha256/").ok_or_else(refuse)?;
        // Base64 may begin with a slash; its length tells.
        let base64 = match base64.strip_prefix('/') {
            Some(rest) if rest.trim_end_matches('=').len() == 43 => rest,
            _ => base64,
        };
        let hash = STANDARD.decode(base64).map_err(|_| refuse())?;
        Ok(Self(hash.try_into().map_err(|_| refuse())?))
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256/{}", STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_notations_are_read_also_of_a_hash_that_begins_with_a_slash() {
        for first in [0x00, 0xff] {
            let mut hash = [7; 32];
            hash[0] = first; // 0xff and what follows make a slash
            hash[1] = first;
            let pin = Pin(hash);
            let text = pin.to_string();
            assert_eq!(text.contains("//"), first == 0xff, "{text}");
            assert_eq!(text.parse(), Ok(pin));
            assert_eq!(text.replacen("sha256/", "sha256//", 1).parse(), Ok(pin));
        }
        for text in ["", "sha256/", "sha256/AAAA", "md5/AAAA", "sha256/not base64"] {
            assert!(text.parse::<Pin>().unwrap_err().contains("sha256/"), "{text}");
        }
    }
}
