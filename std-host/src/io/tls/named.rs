//! Certificates that are trusted because they were named themselves, such as `openssl req -x509` makes them.

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, Error};
use webpki::EndEntityCert;

/// Tells whether a certificate was refused for no other reason than that it is one of an authority, or that its
/// issuer is unknown or has only the same name: what does not count for one that was named itself. Whether it is valid now was asked
/// before; what keys may be used for (`extendedKeyUsage`) is not asked for an authority's.
pub(super) fn is_refused_by_its_issuer_alone(error: &Error) -> bool {
    match error {
        Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => true,
        Error::InvalidCertificate(CertificateError::Other(error)) => {
            matches!(error.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
        }
        _ => false,
    }
}

/// Checks that a certificate that was named itself is for this server: by its alternative names; by its common
/// name if it has no others, as those have that were made without thinking of them.
pub(super) fn verify_name(
    certificate: &CertificateDer<'_>,
    name: &ServerName<'_>,
) -> Result<(), Error> {
    let parsed = rustls::server::ParsedCertificate::try_from(certificate)?;
    match rustls::client::verify_server_name(&parsed, name) {
        Err(Error::InvalidCertificate(CertificateError::NotValidForNameContext {
            presented,
            ..
        })) if presented.is_empty() && is_common_name(certificate, &name.to_str()) => Ok(()),
        result => result,
    }
}

/// Tells whether the subject of a certificate has this as its common name.
fn is_common_name(certificate: &CertificateDer<'_>, name: &str) -> bool {
    let Ok(certificate) = EndEntityCert::try_from(certificate) else { return false };
    let mut rest = certificate.subject();
    // RFC 5280 §4.1.2.4: a sequence of sets of pairs, each of a type and a value.
    while let Some((set, behind)) = value(rest) {
        if let Some((pair, _)) = value(set)
            && let Some(text) = pair.strip_prefix(COMMON_NAME)
            && let Some((text, _)) = value(text)
        {
            return text.eq_ignore_ascii_case(name.as_bytes());
        }
        rest = behind;
    }
    false
}

/// Takes one value of DER off, of less than 64 KiB and of any type; returns it and what is behind it.
fn value(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = match der {
        [_, len @ ..=0x7f, rest @ ..] | [_, 0x81, len, rest @ ..] => (usize::from(*len), rest),
        [_, 0x82, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        _ => return None,
    };
    rest.split_at_checked(len)
}

/// The type `id-at-commonName`, 2.5.4.3.
const COMMON_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x04, 0x03];
