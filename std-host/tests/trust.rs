//! Whom clients and servers trust over TLS, and which certificate a server shows.
#![cfg(all(feature = "client", feature = "server", feature = "tls"))]

#[path = "harness/certificates.rs"]
mod certificates;

use std::path::{Path, PathBuf};

use certificates::Issued;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, date_time_ymd};
use tempfile::TempDir;
use wirelet_host::rustls::pki_types::CertificateDer;
use wirelet_host::rustls::pki_types::pem::PemObject as _;
use wirelet_host::{
    Builder, CertificateFiles, Certificates, Client, ClientError, ClientOptions, Echo, Hosts,
    Listen, LoadError, OwnedMessage, Pin, Server, TlsFiles,
};

/// A certificate that has signed itself, as `openssl req -x509` makes it, and its files.
struct SelfSigned {
    directory: TempDir,
}

impl SelfSigned {
    fn new(names: &[&str]) -> Self {
        Self::with(names, |_| {})
    }

    fn with(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Self {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::OrganizationName, "devices");
        params.distinguished_name.push(DnType::CommonName, "device.test");
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let this = Self { directory: TempDir::new().unwrap() };
        std::fs::write(this.files().chain, certificate.pem()).unwrap();
        std::fs::write(this.files().key, key.serialize_pem()).unwrap();
        this
    }

    fn files(&self) -> CertificateFiles {
        let path = |name| self.directory.path().join(name);
        CertificateFiles::new(path("cert.pem"), path("key.pem"))
    }

    fn cert(&self) -> PathBuf {
        self.files().chain
    }
}

fn files(issued: &Issued) -> CertificateFiles {
    CertificateFiles::new(issued.chain(), issued.key())
}

fn pin(path: &Path) -> Pin {
    Pin::of(&CertificateDer::from_pem_file(path).unwrap()).unwrap()
}

/// Serves, and returns its port.
async fn serve(files: TlsFiles) -> u16 {
    let certificates = Certificates::load_files(files).unwrap();
    serve_with(certificates).await
}

async fn serve_with(certificates: Certificates) -> u16 {
    let place = Listen::tcp("127.0.0.1:0").with_tls(certificates);
    let server = Builder::new().hosts(Hosts::Any).listen(place).bind(Echo).await.unwrap();
    let port = server.addresses()[0].tcp().unwrap().port();
    tokio::spawn(server.run());
    port
}

async fn serve_one(certificate: CertificateFiles) -> u16 {
    serve(TlsFiles { certificates: vec![certificate], ..TlsFiles::default() }).await
}

/// Connects to a name that leads to this machine, and has something echoed.
async fn echo(host: &str, port: u16, options: &ClientOptions) -> Result<(), ClientError> {
    let resolve = vec![format!("*:{port}:127.0.0.1").parse().unwrap()];
    let options = ClientOptions { resolve, ..options.clone() };
    let mut client = Client::connect_with(&format!("wss://{host}:{port}/"), &options).await?;
    client.send("hello").await?;
    match client.receive().await? {
        OwnedMessage::Text(text) => assert_eq!(&*text, "hello"),
        other => panic!("{other}"),
    }
    Ok(())
}

fn trusting(path: &Path) -> ClientOptions {
    ClientOptions { ca_files: vec![path.to_owned()], ..ClientOptions::default() }
}

#[track_caller]
fn is_not_trusted(result: Result<(), ClientError>, why: &str) {
    let error = result.expect_err("it is not trusted");
    assert!(matches!(error, ClientError::Tls(_)), "{error:?}");
    let said = error.to_string();
    assert!(said.contains(why), "{said}");
    assert!(!said.contains(['(', '{']) || why.contains('('), "no Debug of Rust: {said}");
}

#[tokio::test]
async fn a_certificate_that_signed_itself_is_trusted_if_that_very_file_is_named() {
    let device = SelfSigned::new(&["localhost", "127.0.0.1"]);
    let port = serve_one(device.files()).await;
    for host in ["localhost", "127.0.0.1"] {
        echo(host, port, &trusting(&device.cert())).await.unwrap();
    }
    // Of another key, though of the same subject.
    let other = SelfSigned::new(&["localhost"]);
    is_not_trusted(echo("localhost", port, &trusting(&other.cert())).await, "an authority's");
    is_not_trusted(
        echo("localhost", port, &ClientOptions::default()).await,
        "it is an authority's, and was not named itself",
    );
}

#[tokio::test]
async fn one_that_was_named_itself_is_for_its_names_and_its_time_alone() {
    let device = SelfSigned::new(&["localhost"]);
    let port = serve_one(device.files()).await;
    let result = echo("other.test", port, &trusting(&device.cert())).await;
    is_not_trusted(result, "not valid for name \"other.test\"");
    // Its common name does not count beside others.
    let result = echo("device.test", port, &trusting(&device.cert())).await;
    is_not_trusted(result, "not valid for name");

    for (from, to, why) in [(1990, 1991, "expired"), (2990, 2991, "not valid yet")] {
        let device = SelfSigned::with(&["localhost"], |params| {
            params.not_before = date_time_ymd(from, 1, 1);
            params.not_after = date_time_ymd(to, 1, 1);
        });
        let port = serve_one(device.files()).await;
        is_not_trusted(echo("localhost", port, &trusting(&device.cert())).await, why);
    }
}

#[tokio::test]
async fn one_that_was_named_itself_and_has_no_other_names_is_for_its_common_name() {
    for is_ca in [true, false] {
        let device = SelfSigned::with(&[], |params| {
            if !is_ca {
                params.is_ca = IsCa::ExplicitNoCa;
            }
        });
        let port = serve_one(device.files()).await;
        echo("device.test", port, &trusting(&device.cert())).await.unwrap();
        echo("Device.Test", port, &trusting(&device.cert())).await.unwrap();
        let result = echo("other.test", port, &trusting(&device.cert())).await;
        is_not_trusted(result, "for none at all");
    }
}

#[tokio::test]
async fn one_that_an_unknown_authority_has_signed_is_trusted_if_it_was_named_itself() {
    let issued = Issued::new();
    let port = serve_one(files(&issued)).await;
    echo("localhost", port, &trusting(&issued.chain())).await.unwrap();
    is_not_trusted(
        echo("localhost", port, &ClientOptions::default()).await,
        "its issuer is unknown",
    );
}

#[tokio::test]
async fn a_pin_is_enough_and_only_the_key_counts() {
    let (device, other) = (SelfSigned::new(&["a.test"]), SelfSigned::new(&["localhost"]));
    let port = serve_one(device.files()).await;
    let pinned = |paths: &[PathBuf]| {
        let pins = paths.iter().map(|path| pin(path)).collect();
        ClientOptions { pins, ..ClientOptions::default() }
    };
    echo("localhost", port, &pinned(&[device.cert()])).await.unwrap();
    echo("localhost", port, &pinned(&[other.cert(), device.cert()])).await.unwrap();
    let wrong = pinned(&[other.cert()]);
    is_not_trusted(echo("localhost", port, &wrong).await, "none of those that are pinned");

    // What else is asked for has to be right as well, and does not make up for a wrong key.
    let both = ClientOptions { ca_files: vec![device.cert()], ..pinned(&[device.cert()]) };
    echo("a.test", port, &both).await.unwrap();
    is_not_trusted(echo("localhost", port, &both).await, "not valid for name");
    let ca = ClientOptions { ca_files: vec![device.cert()], ..wrong.clone() };
    is_not_trusted(echo("a.test", port, &ca).await, "pinned");
    let insecure = ClientOptions { danger_accept_invalid_certs: true, ..wrong };
    is_not_trusted(echo("a.test", port, &insecure).await, "pinned");
}

#[tokio::test]
async fn who_wants_no_checks_gets_none() {
    let device = SelfSigned::with(&["a.test"], |params| {
        params.not_after = date_time_ymd(1991, 1, 1);
    });
    let port = serve_one(device.files()).await;
    let options = ClientOptions { danger_accept_invalid_certs: true, ..ClientOptions::default() };
    echo("localhost", port, &options).await.unwrap();
}

#[tokio::test]
async fn a_client_is_let_in_by_a_certificate_of_the_authority_or_one_that_was_named_itself() {
    let (server, authority, stranger) = (Issued::new(), Issued::new(), Issued::new());
    let device = SelfSigned::new(&["device.test"]);
    let port = serve(TlsFiles {
        certificates: vec![files(&server)],
        client_ca: vec![authority.ca(), device.cert()],
        ..TlsFiles::default()
    })
    .await;
    let showing = |client_auth_cert| ClientOptions { client_auth_cert, ..trusting(&server.ca()) };
    for let_in in [files(&authority), device.files()] {
        echo("localhost", port, &showing(Some(let_in))).await.unwrap();
    }
    let result = echo("localhost", port, &showing(None)).await;
    is_not_trusted(result, "it wants a certificate of ours (");
    for refused in [files(&stranger), SelfSigned::new(&["device.test"]).files()] {
        let error = echo("localhost", port, &showing(Some(refused))).await.unwrap_err();
        let said = error.to_string();
        assert!(said.contains("the peer refused TLS") && said.contains("alert"), "{said}");
    }
    let mut missing = showing(Some(CertificateFiles::new("no-such.pem", server.key())));
    let error = missing.prepare_tls().unwrap_err();
    assert!(error.to_string().starts_with("cannot read no-such.pem"), "{error}");
    let mut mixed = showing(Some(CertificateFiles::new(stranger.chain(), server.key())));
    let error = mixed.prepare_tls().unwrap_err();
    assert!(matches!(error, LoadError::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains("do not belong together"), "{error}");
}

#[tokio::test]
async fn each_name_has_its_certificate_and_other_names_the_first() {
    let (first, second, wild) = (
        Issued::for_names(&["first.test", "127.0.0.1"]),
        Issued::for_names(&["second.test"]),
        Issued::for_names(&["*.third.test"]),
    );
    let certificates = Certificates::load_files(TlsFiles {
        certificates: [&first, &second, &wild].map(files).into(),
        ..TlsFiles::default()
    })
    .unwrap();
    let port = serve_with(certificates.clone()).await;
    let ca = |issued: &Issued| trusting(&issued.ca());
    for (host, issued) in [
        ("first.test", &first),
        ("second.test", &second),
        ("SECOND.test", &second),
        ("a.third.test", &wild),
        ("127.0.0.1", &first), // no name is asked for
    ] {
        echo(host, port, &ca(issued)).await.unwrap();
    }
    let result = echo("other.test", port, &ca(&first)).await;
    is_not_trusted(result, "but for first.test, ");
    let result = echo("a.b.third.test", port, &ca(&first)).await;
    is_not_trusted(result, "but for first.test, ");

    // All are read again, or none is.
    second.renew(&["second.test"]);
    wild.renew(&["*.fourth.test"]);
    certificates.reload().unwrap();
    echo("second.test", port, &ca(&second)).await.unwrap();
    echo("a.fourth.test", port, &ca(&wild)).await.unwrap();
    first.renew(&["first.test"]);
    std::fs::write(wild.key(), "no key").unwrap();
    assert!(matches!(certificates.reload(), Err(LoadError::NoKey { .. })));
    is_not_trusted(echo("first.test", port, &ca(&first)).await, "its signature is wrong");
    assert!(matches!(Certificates::load_files(TlsFiles::default()), Err(LoadError::NoFiles)));
}

#[tokio::test]
async fn urls_of_the_other_scheme_are_told_apart() {
    let issued = Issued::new();
    let port = serve_one(files(&issued)).await;
    let error = Client::connect(&format!("ws://127.0.0.1:{port}/")).await.unwrap_err();
    assert!(matches!(error, ClientError::SpeaksTls), "{error:?}");
    assert!(error.to_string().contains("wss://") && !error.is_temporary(), "{error}");

    let server = Server::bind("127.0.0.1:0", Echo).await.unwrap();
    let port = server.addresses()[0].tcp().unwrap().port();
    tokio::spawn(server.run());
    is_not_trusted(
        echo("localhost", port, &ClientOptions::default()).await,
        "a URL that begins with ws://",
    );
}
