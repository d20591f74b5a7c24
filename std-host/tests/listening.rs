//! Every place that a server can listen at, and TLS with what attacks it.

mod harness;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZero;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned};
use tokio::runtime::Runtime;
use wirelet_host::rustls;
use wirelet_host::{
    Builder, Certificates, Echo, Ending, Hub, Limits, Listen, Origins, Shutdown, Status,
};

use harness::certificates::Issued;
use harness::tls::begin_tls;
use harness::{BINARY, CLOSE, LIMIT, TEXT, frame, read_frame, read_head, tcp, within};

/// A server with a runtime of its own.
struct Running {
    addresses: Vec<wirelet_host::Address>,
    urls: Vec<String>,
    hub: Hub,
    shutdown: Shutdown,
    runtime: Runtime,
}

impl Running {
    fn start(builder: Builder) -> Self {
        let runtime = Runtime::new().unwrap();
        let server = runtime.block_on(builder.origins(Origins::Any).bind(Echo)).unwrap();
        let running = Self {
            addresses: server.addresses().into(),
            urls: server.urls().collect(),
            hub: server.hub(),
            shutdown: server.shutdown(),
            runtime,
        };
        running.runtime.spawn(server.run());
        running
    }

    fn addr(&self, i: usize) -> SocketAddr {
        self.addresses[i].tcp().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.begin();
    }
}

/// Does the handshake, and sees a text and a long message come back.
fn talk(stream: &mut (impl Read + Write)) {
    stream.write_all(harness::upgrade_request().as_bytes()).unwrap();
    assert!(read_head(stream).starts_with("HTTP/1.1 101 "));
    let long: Vec<u8> = (0..=250).cycle().take(1_000_000).collect();
    for _ in 0..2 {
        stream.write_all(&[frame(TEXT, b"hello"), frame(BINARY, &long)].concat()).unwrap();
        assert_eq!(read_frame(stream), (TEXT, b"hello".to_vec()));
        assert!(read_frame(stream) == (BINARY, long.clone()));
    }
    stream.write_all(&frame(CLOSE, b"\x03\xe8")).unwrap();
    assert_eq!(read_frame(stream), (CLOSE, b"\x03\xe8".to_vec()));
    harness::ended(stream);
}

/// Speaks TLS, and trusts whom the file says.
fn tls<S: Read + Write>(issued: &Issued, stream: S) -> StreamOwned<ClientConnection, S> {
    begin_tls(stream, &issued.ca(), "localhost")
}

#[test]
fn one_server_listens_at_several_places() {
    let issued = Issued::new();
    let certificates = Certificates::load(issued.chain(), issued.key()).unwrap();
    let handed_over = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = handed_over.local_addr().unwrap().port();
    let server = Running::start(
        Builder::new()
            .listen("127.0.0.1:0")
            .listen(Listen::tcp("localhost:0").with_tls(certificates))
            .listen(handed_over),
    );
    talk(&mut tcp(server.addr(0)));
    talk(&mut tls(&issued, tcp(server.addr(1))));
    talk(&mut tcp(server.addr(2)));
    assert_eq!(server.urls[0], format!("ws://{}", server.addr(0)));
    assert_eq!(server.urls[1], format!("wss://{}", server.addr(1)));
    assert_eq!(server.addr(2).port(), port);
}

#[cfg(unix)]
#[test]
fn a_unix_socket_is_made_replaced_when_it_is_stale_and_removed_at_the_end() {
    use std::os::unix::net::{UnixListener, UnixStream};

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("echo.sock");
    drop(UnixListener::bind(&path).unwrap()); // it stays, and nobody listens
    let server = Running::start(Builder::new().listen(Listen::unix(&path)));
    assert_eq!(server.urls[0], format!("ws+unix:{}", path.display()));
    talk(&mut UnixStream::connect(&path).unwrap());

    let second = Builder::new().listen(Listen::unix(&path)).bind(Echo);
    let error = server.runtime.block_on(second).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    talk(&mut UnixStream::connect(&path).unwrap());

    server.shutdown.begin();
    within(LIMIT, || !path.exists());
}

#[cfg(unix)]
#[test]
fn the_socket_of_a_successor_outlives_the_server_before_it() {
    use std::os::unix::net::UnixStream;

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("echo.sock");
    let place = || Builder::new().listen(Listen::unix(&path));
    let first = Running::start(place());
    std::fs::remove_file(&path).unwrap();
    let second = Running::start(place());
    let Running { shutdown, runtime, .. } = &first;
    shutdown.begin();
    within(LIMIT, || runtime.metrics().num_alive_tasks() == 0); // it has ended
    talk(&mut UnixStream::connect(&path).unwrap());
    second.shutdown.begin();
    within(LIMIT, || !path.exists());
}

#[cfg(unix)]
#[test]
fn a_unix_socket_has_its_mode_before_anybody_can_connect() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::net::UnixStream;

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("echo.sock");
    let mode = || Some(std::fs::symlink_metadata(&path).ok()?.permissions().mode() & 0o7777);
    let place = |mode| Builder::new().listen(Listen::unix(&path).with_mode(mode));
    for wanted in [0o600, 0o660, 0o777] {
        let server = Running::start(place(wanted));
        assert_eq!(mode(), Some(wanted));
        talk(&mut UnixStream::connect(&path).unwrap());
        server.shutdown.begin();
        within(LIMIT, || !path.exists());
    }
    // Whoever connects as soon as that can be finds it so: where the mode comes after, some of these do not.
    let runtime = Runtime::new().unwrap();
    for i in 0..300 {
        let path = directory.path().join(i.to_string());
        let watching = std::thread::spawn({
            let path = path.clone();
            move || {
                while UnixStream::connect(&path).is_err() {}
                std::fs::symlink_metadata(&path).unwrap().permissions().mode() & 0o7777
            }
        });
        let listen = Listen::unix(&path).with_mode(0o600);
        let server = runtime.block_on(Builder::new().listen(listen).bind(Echo)).unwrap();
        assert_eq!(watching.join().unwrap(), 0o600, "in round {i}");
        drop(server);
        assert!(!path.exists());
    }

    for other in [Listen::tcp("127.0.0.1:0"), TcpListener::bind("127.0.0.1:0").unwrap().into()] {
        let result = runtime.block_on(Builder::new().listen(other.with_mode(0o600)).bind(Echo));
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_socket_is_never_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notes.txt");
    std::fs::write(&path, "dear diary").unwrap();
    let runtime = Runtime::new().unwrap();
    let result = runtime.block_on(Builder::new().listen(Listen::unix(&path)).bind(Echo));
    assert_eq!(result.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "dear diary");
}

#[cfg(target_os = "linux")]
#[test]
fn threads_with_sockets_of_their_own_share_a_port() {
    let threads = NonZero::new(3).unwrap();
    let builder = || Builder::new().threads(threads).reuse_port(true);
    let server = Running::start(builder().listen("127.0.0.1:0"));
    // Another one of the same kind may listen there, too.
    let second = Running::start(builder().listen(server.addr(0)));
    let mut streams: Vec<_> = (0..100).map(|_| harness::handshake(server.addr(0))).collect();
    harness::settle(&mut streams);
    let (n, m) = (server.hub.connections().len(), second.hub.connections().len());
    assert_eq!(n + m, 100);
    assert!(n > 0 && m > 0, "{n} and {m}");
    drop(streams);
    // And one of another kind may not.
    let other = server.runtime.block_on(Builder::new().listen(server.addr(0)).bind(Echo));
    assert_eq!(other.unwrap_err().kind(), io::ErrorKind::AddrInUse);
}

/// As in nginx: RFC 3493 §5.3.
#[test]
fn both_families_are_listened_at_with_one_port_in_either_order() {
    for reuse_port in [false, true] {
        for v4_first in [false, true] {
            // Somebody else may take the port meanwhile.
            let running = (0..20).find_map(|_| {
                let probe = TcpListener::bind("127.0.0.1:0").unwrap();
                let port = probe.local_addr().unwrap().port();
                drop(probe);
                let mut places = [format!("[::]:{port}"), format!("0.0.0.0:{port}")];
                if v4_first {
                    places.reverse();
                }
                let builder = places.into_iter().fold(Builder::new(), Builder::listen);
                let runtime = Runtime::new().unwrap();
                let bound = runtime.block_on(builder.reuse_port(reuse_port).bind(Echo));
                let server = bound.ok()?;
                let shutdown = server.shutdown();
                runtime.spawn(server.run());
                Some((port, shutdown, runtime))
            });
            let (port, shutdown, _runtime) = running.expect("both can be bound");
            talk(&mut tcp(format!("127.0.0.1:{port}").parse().unwrap()));
            talk(&mut tcp(format!("[::1]:{port}").parse().unwrap()));
            shutdown.begin();
        }
    }
    // Alone it takes both, where the system has it so.
    let server = Running::start(Builder::new().listen("[::]:0"));
    let port = server.addr(0).port();
    talk(&mut tcp(format!("[::1]:{port}").parse().unwrap()));
    #[cfg(target_os = "linux")]
    talk(&mut tcp(format!("127.0.0.1:{port}").parse().unwrap()));
}

#[test]
fn no_place_to_listen_at_is_an_error() {
    let runtime = Runtime::new().unwrap();
    assert!(runtime.block_on(Builder::new().bind(Echo)).is_err());
    assert!(runtime.block_on(Builder::new().listen("no such host:1").bind(Echo)).is_err());
}

fn start_tls(issued: &Issued, limits: Limits) -> (Running, Certificates) {
    let certificates = Certificates::load(issued.chain(), issued.key()).unwrap();
    let place = Listen::tcp("127.0.0.1:0").with_tls(certificates.clone());
    (Running::start(Builder::new().limits(limits).listen(place)), certificates)
}

#[test]
fn new_connections_take_a_reloaded_certificate_and_old_ones_go_on() {
    let issued = Issued::new();
    let (server, certificates) = start_tls(&issued, Limits::default());
    let mut old = tls(&issued, tcp(server.addr(0)));
    old.write_all(harness::upgrade_request().as_bytes()).unwrap();
    assert!(read_head(&mut old).starts_with("HTTP/1.1 101 "));

    let trusts_the_first = std::fs::read(issued.ca()).unwrap();
    issued.renew(&["localhost"]);
    talk_fails(&mut tls(&issued, tcp(server.addr(0)))); // the server has not read it yet
    certificates.reload().unwrap();
    talk(&mut tls(&issued, tcp(server.addr(0))));
    std::fs::write(issued.ca(), trusts_the_first).unwrap();
    talk_fails(&mut tls(&issued, tcp(server.addr(0))));

    old.write_all(&frame(TEXT, b"still here")).unwrap();
    assert_eq!(read_frame(&mut old), (TEXT, b"still here".to_vec()));
}

#[test]
fn a_prepared_configuration_asks_for_certificates_of_clients_until_another_takes_its_place() {
    let (issued, other) = (Issued::new(), Issued::new());
    let chain_of = |issued: &Issued| vec![CertificateDer::from_pem_file(issued.chain()).unwrap()];
    let key_of = |issued: &Issued| PrivateKeyDer::from_pem_file(issued.key()).unwrap();
    let provider = || Arc::new(rustls::crypto::ring::default_provider());
    let roots = |issued: &Issued| {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(issued.ca()).unwrap()).unwrap();
        roots
    };
    let builder = || {
        ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
    };
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots(&issued)), provider());
    let strict = builder()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(chain_of(&issued), key_of(&issued))
        .unwrap();
    let certificates = Certificates::from(Arc::new(strict));
    let place = Listen::tcp("127.0.0.1:0").with_tls(certificates.clone());
    let server = Running::start(Builder::new().listen(place));

    let known = |own: &Issued| {
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots(&issued))
            .with_client_auth_cert(chain_of(own), key_of(own))
            .unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let session = ClientConnection::new(Arc::new(config), name).unwrap();
        StreamOwned::new(session, tcp(server.addr(0)))
    };
    let is_refused = |mut stream: StreamOwned<ClientConnection, TcpStream>| {
        // In TLS 1.3 the client learns it behind its own part of the handshake.
        let _ = stream.write_all(harness::upgrade_request().as_bytes());
        let mut response = Vec::new();
        let result = stream.read_to_end(&mut response);
        let is_told = result.as_ref().is_err_and(|error| !harness::is_time_out(error));
        assert!(is_told && response.is_empty(), "{result:?}: {response:?}");
    };
    talk(&mut known(&issued));
    is_refused(tls(&issued, tcp(server.addr(0))));
    is_refused(known(&other));
    let endings = || server.hub.totals().endings;
    within(LIMIT, || endings().of(Ending::TlsFailure) == 2);
    // There are no files to read again, and nothing changes by that.
    certificates.reload().unwrap();
    is_refused(tls(&issued, tcp(server.addr(0))));

    let lenient =
        builder().with_no_client_auth().with_single_cert(chain_of(&issued), key_of(&issued));
    certificates.replace(Arc::new(lenient.unwrap()));
    talk(&mut tls(&issued, tcp(server.addr(0))));
}

fn talk_fails(stream: &mut StreamOwned<ClientConnection, TcpStream>) {
    let error = stream.write_all(harness::upgrade_request().as_bytes()).unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
}

#[test]
fn a_tls_handshake_that_is_dribbled_or_silent_is_cut_at_the_deadline() {
    let issued = Issued::new();
    let limits = Limits { handshake_time: Duration::from_millis(500), ..Limits::default() };
    let (server, _) = start_tls(&issued, limits);
    let start = Instant::now();
    let mut silent = tcp(server.addr(0));
    // The header of a record that never becomes whole.
    let mut dribbled = tcp(server.addr(0));
    let hello = [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], &[0; 400]].concat();
    let mut n = 0;
    while dribbled.write_all(&hello[n..=n]).is_ok() {
        n += 1;
        assert!(start.elapsed() < Duration::from_secs(7), "never cut");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(start.elapsed() >= Duration::from_millis(500));
    harness::ended(&mut silent);
    talk(&mut tls(&issued, tcp(server.addr(0))));
}

#[test]
fn what_is_no_tls_is_refused_and_disturbs_nobody() {
    let issued = Issued::new();
    // Nobody is refused because of that.
    let handshake_time = Duration::from_secs(3600);
    let (server, _) = start_tls(&issued, Limits { handshake_time, ..Limits::default() });
    let mut good = tls(&issued, tcp(server.addr(0)));
    good.write_all(harness::upgrade_request().as_bytes()).unwrap();
    read_head(&mut good);

    let mut plain = tcp(server.addr(0));
    plain.write_all(harness::upgrade_request().as_bytes()).unwrap();
    let (answer, _) = harness::read_to_end(&mut plain);
    assert!(answer.len() <= 16 && !answer.starts_with(b"HTTP"), "{answer:?}"); // at most an alert

    // Resets at every stage of a handshake.
    for n in [0, 1, 5, 100, 300] {
        let mut stream = tcp(server.addr(0));
        let mut session = tls(&issued, io::empty()).conn;
        let mut hello = Vec::new();
        session.write_tls(&mut hello).unwrap();
        stream.write_all(&hello[..n.min(hello.len())]).unwrap();
        harness::reset(stream);
    }
    good.write_all(&frame(TEXT, b"undisturbed")).unwrap();
    assert_eq!(read_frame(&mut good), (TEXT, b"undisturbed".to_vec()));
    within(LIMIT, || server.hub.connections().len() == 1);
}

#[test]
fn a_flood_over_tls_that_is_never_read_stops_being_read() {
    let issued = Issued::new();
    let certificates = Certificates::load(issued.chain(), issued.key()).unwrap();
    let server = Running::start(
        Builder::new()
            .threads(NonZero::<usize>::MIN)
            .listen(Listen::tcp("127.0.0.1:0").with_tls(certificates))
            .listen("127.0.0.1:0"),
    );
    let mut flooding = tls(&issued, tcp(server.addr(0)));
    flooding.write_all(harness::upgrade_request().as_bytes()).unwrap();
    read_head(&mut flooding);
    flooding.sock.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
    let block = frame(BINARY, &vec![7; 1 << 20]);
    // On the same thread.
    let mut other = harness::handshake(server.addr(1));
    harness::stuff(&mut flooding, &block, 180 << 20, || {
        harness::settle(std::slice::from_mut(&mut other));
    });
    // It is still there, and reads nothing.
    let flood = server.hub.connections().remove(0);
    let received = flood.traffic().bytes_received;
    talk(&mut tls(&issued, tcp(server.addr(0))));
    assert_eq!((flood.status(), flood.traffic().bytes_received), (Status::Open, received));
}
