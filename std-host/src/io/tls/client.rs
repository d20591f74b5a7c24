//! How a client does TLS: whom it trusts, and who it is.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier;

use super::config::{ALPN, provider};
use super::named::{is_refused_by_its_issuer_alone, verify_name};
use super::pem::{CertificateFiles, LoadError, read_authorities};
use super::pin::Pin;

/// Whom to trust, and who this client is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trust {
    pub(crate) ca_files: Vec<PathBuf>,
    pub(crate) pins: Vec<Pin>,
    pub(crate) accepts_invalid: bool,
    pub(crate) client_auth_cert: Option<CertificateFiles>,
    pub(crate) max_fragment_size: Option<usize>,
}

/// Trusts the authorities of the system and those in PEM files, unless it is to trust in another way.
pub(crate) fn client_config(trust: &Trust) -> Result<Arc<ClientConfig>, LoadError> {
    let provider = provider();
    let goes_by_pin_alone = !trust.pins.is_empty() && trust.ca_files.is_empty();
    let verifier = ServerVerifier {
        pins: trust.pins.clone(),
        authorities: if trust.accepts_invalid || goes_by_pin_alone {
            None
        } else {
            Some(Authorities::load(&trust.ca_files, &provider)?)
        },
        provider: Arc::clone(&provider),
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(LoadError::Config)?
        .dangerous() // to put another verifier in
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match &trust.client_auth_cert {
        None => builder.with_no_client_auth(),
        Some(files) => {
            let (chain, key) = files.read()?;
            builder.with_client_auth_cert(chain, key).map_err(|error| files.refuse(error))?
        }
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.max_fragment_size = trust.max_fragment_size;
    Ok(Arc::new(config))
}

/// Checks certificates of servers: by pins if there are any, and by authorities unless none are to count.
#[derive(Debug)]
struct ServerVerifier {
    pins: Vec<Pin>,
    authorities: Option<Authorities>,
    provider: Arc<CryptoProvider>,
}

/// Those of the system, and those that were named.
#[derive(Debug)]
struct Authorities {
    all: Verifier,
    named: Vec<CertificateDer<'static>>,
    /// Trusts the named ones alone, and says for what reason it refuses, in the same way on each system.
    by_named: Option<Arc<WebPkiServerVerifier>>,
}

impl Authorities {
    fn load(ca_files: &[PathBuf], provider: &Arc<CryptoProvider>) -> Result<Self, LoadError> {
        let (named, roots) = read_authorities(ca_files)?;
        let by_named = if roots.is_empty() {
            None
        } else {
            let builder =
                WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::clone(provider));
            let build = |error: rustls::client::VerifierBuilderError| {
                LoadError::NoAuthorities(Error::General(error.to_string()))
            };
            Some(builder.build().map_err(build)?)
        };
        let all = Verifier::new_with_extra_roots(named.clone(), Arc::clone(provider))
            .map_err(LoadError::NoAuthorities)?;
        Ok(Self { all, named, by_named })
    }
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if !self.pins.is_empty() && !self.pins.contains(&Pin::of(end_entity)?) {
            return Err(CertificateError::ApplicationVerificationFailure.into());
        }
        let Some(authorities) = &self.authorities else {
            return Ok(ServerCertVerified::assertion());
        };
        let Authorities { all, named, by_named } = authorities;
        // The very certificate that was named: byte by byte.
        if let Some(by_named) = by_named.as_ref().filter(|_| named.contains(end_entity)) {
            match by_named.verify_server_cert(end_entity, intermediates, name, ocsp, now) {
                Err(error) if is_refused_by_its_issuer_alone(&error) || is_for_name(&error) => {
                    verify_name(end_entity, name)?;
                }
                result => return result,
            }
            return Ok(ServerCertVerified::assertion());
        }
        all.verify_server_cert(end_entity, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Tells whether all is well with a certificate but its name, which is asked last.
const fn is_for_name(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
        )
    )
}
