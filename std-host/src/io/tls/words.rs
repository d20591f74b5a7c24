//! What goes wrong in TLS, in words for people: rustls names it as Rust does.

use std::fmt::{self, Write as _};

use rustls::pki_types::pem;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

/// Says what went wrong.
pub(crate) fn describe(error: &Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match error {
        Error::InvalidCertificate(error) => {
            f.write_str("the peer's certificate is not trusted: ")?;
            of_certificate(error, f)
        }
        // Each record begins with its type, and nothing else that is spoken does so.
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => f.write_str(
            "the peer does not speak TLS; a server without it has a URL that begins with ws://",
        ),
        Error::InvalidMessage(error) => {
            write!(f, "the peer does not speak TLS as it should: {}", words(error))
        }
        Error::AlertReceived(alert) => {
            f.write_str("the peer refused TLS: ")?;
            of_alert(*alert, f)
        }
        Error::NoCertificatesPresented => f.write_str("the peer has sent no certificate"),
        Error::PeerIncompatible(error) => {
            write!(f, "the peer's TLS has too little in common with ours: {}", words(error))
        }
        Error::PeerMisbehaved(error) => write!(f, "the peer broke TLS: {}", words(error)),
        Error::General(why) => write!(f, "TLS: {why}"),
        Error::Other(error) => write!(f, "TLS: {}", error.0),
        error => write!(f, "TLS: {}", words(error)),
    }
}

fn of_certificate(error: &CertificateError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match error {
        CertificateError::UnknownIssuer => f.write_str("its issuer is unknown"),
        CertificateError::ExpiredContext { time, not_after } => {
            let ago = time.as_secs().saturating_sub(not_after.as_secs());
            write!(f, "it has expired {} ago, by the clock of this machine", Span(ago))
        }
        CertificateError::NotValidYetContext { time, not_before } => {
            let ahead = not_before.as_secs().saturating_sub(time.as_secs());
            write!(f, "it is not valid yet, but in {}, by the clock of this machine", Span(ahead))
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            write!(f, "not valid for name \"{}\", but for ", expected.to_str())?;
            if presented.is_empty() {
                return f.write_str("none at all, as it has no subjectAltName");
            }
            // Each is such as `DnsName("localhost")`.
            let names = presented.iter().map(|name| {
                let name = name.split_once('(').map_or(&**name, |(_, name)| name);
                name.trim_matches([')', '"'])
            });
            f.write_str(&names.collect::<Vec<_>>().join(", "))
        }
        CertificateError::BadSignature => f.write_str("its signature is wrong"),
        CertificateError::ApplicationVerificationFailure => {
            f.write_str("its key is none of those that are pinned")
        }
        CertificateError::Other(error) => match error.0.downcast_ref() {
            Some(webpki::Error::CaUsedAsEndEntity) => {
                f.write_str("it is an authority's, and was not named itself")
            }
            _ => f.write_str(&words(&error.0)),
        },
        error => f.write_str(&words(error)),
    }
}

/// A time in seconds, roughly.
struct Span(u64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            s @ ..120 => write!(f, "{s} s"),
            s @ ..7200 => write!(f, "{} minutes", s / 60),
            s @ ..172_800 => write!(f, "{} hours", s / 3600),
            s => write!(f, "{} days", s / 86_400),
        }
    }
}

fn of_alert(alert: AlertDescription, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match alert {
        AlertDescription::CertificateRequired => {
            f.write_str("it wants a certificate of ours (alert certificate required)")
        }
        AlertDescription::UnknownCA => {
            f.write_str("it does not know who issued our certificate (alert unknown CA)")
        }
        AlertDescription::UnrecognisedName => {
            f.write_str("it has no such name (alert unrecognised name)")
        }
        AlertDescription::Unknown(number) => write!(f, "alert {number}"),
        alert => write!(f, "alert {}", words(&alert)),
    }
}

/// Says why something is no PEM.
pub(super) fn of_pem(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no end".into(),
        pem::Error::IllegalSectionStart { .. } => "the beginning of a section is wrong".into(),
        pem::Error::Base64Decode(_) => "what a section holds is no base64".into(),
        error => words(error),
    }
}

/// Takes a name of Rust apart: of `UnexpectedMessage("x")` remains `unexpected message: x`.
fn words(name: &(impl fmt::Debug + ?Sized)) -> String {
    let mut words = String::new();
    let mut last = ' ';
    for char in format!("{name:?}").chars() {
        match char {
            '(' | '{' => words.push_str(": "),
            ')' | '}' | '"' => {}
            char if char.is_ascii_uppercase() && last.is_ascii_lowercase() => {
                words.push(' ');
                words.push(char.to_ascii_lowercase());
            }
            char if char.is_ascii_uppercase() && !last.is_ascii_uppercase() => {
                words.push(char.to_ascii_lowercase());
            }
            char => {
                let _ = words.write_char(char); // to a string
            }
        }
        last = char;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Said(Error);

    impl fmt::Display for Said {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            describe(&self.0, f)
        }
    }

    #[test]
    fn names_of_rust_become_words() {
        assert_eq!(
            words(&InvalidMessage::MissingData("ClientHello")),
            "missing data: client hello"
        );
        assert_eq!(words(&AlertDescription::HandshakeFailure), "handshake failure");
        let error = rustls::OtherError(std::sync::Arc::new(webpki::Error::EmptyEkuExtension));
        for (error, said) in [
            (
                Error::InvalidCertificate(CertificateError::Other(error)),
                "the peer's certificate is not trusted: empty eku extension",
            ),
            (
                Error::AlertReceived(AlertDescription::BadCertificate),
                "the peer refused TLS: alert bad certificate",
            ),
            (
                Error::AlertReceived(AlertDescription::Unknown(200)),
                "the peer refused TLS: alert 200",
            ),
            (
                Error::PeerIncompatible(rustls::PeerIncompatible::NoCipherSuitesInCommon),
                "the peer's TLS has too little in common with ours: no cipher suites in common",
            ),
        ] {
            assert_eq!(Said(error).to_string(), said);
        }
    }
}
