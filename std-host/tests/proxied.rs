//! Who a connection is from when a proxy has passed it on, and how many each address may have.

mod harness;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZero;
use std::time::Duration;

use harness::certificates::Issued;
use harness::opening::upgrade_to;
use harness::tls::begin_tls;
use harness::{CLOSE, TEXT, frame, read_frame, read_head, tcp, within};
use wirelet::Message;
use wirelet_host::{
    Answer, Builder, Certificates, Context, Ending, Handler, Handshake, Hub, IpNet, Limits, Listen,
    Server, Shutdown, Sink, StatusCode,
};

/// Tells each connection where it is from; the handshake must have known it, too.
struct Whoami;

impl Handler for Whoami {
    fn handshake(&self, handshake: &Handshake<'_>) -> Answer {
        let addr = handshake.remote_addr;
        match handshake.request.path() {
            "/no" => Answer::refuse(StatusCode::FORBIDDEN, "not you"),
            _ => wirelet_host::Accept::new().with_data(addr).into(),
        }
    }

    fn opened(&self, context: &mut Context<'_>) {
        let addr = context.peer().remote_addr();
        assert_eq!(context.peer().data::<Option<SocketAddr>>(), Some(&addr));
        context.send(addr.map_or("unix".into(), |addr| addr.to_string()).as_str());
    }

    fn message(&self, _message: Message<'_>, _context: &mut Context<'_>) {}
}

/// A server on a runtime of its own, until it goes.
struct Running {
    addrs: Vec<SocketAddr>,
    hub: Hub,
    shutdown: Shutdown,
    _runtime: tokio::runtime::Runtime,
}

fn run<H: Handler>(bind: impl Future<Output = std::io::Result<Server<H>>>) -> Running {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(bind).unwrap();
    let addrs = server.addresses().iter().filter_map(wirelet_host::Address::tcp).collect();
    let (hub, shutdown) = (server.hub(), server.shutdown());
    runtime.spawn(server.run());
    Running { addrs, hub, shutdown, _runtime: runtime }
}

fn start(builder: Builder) -> Running {
    run(builder.listen("127.0.0.1:0").bind(Whoami))
}

impl Running {
    fn ended(&self, ending: Ending) -> u64 {
        self.hub.totals().endings.of(ending)
    }

    /// Waits until this is what has ended, and how.
    fn has_counted(&self, wanted: &[(&str, u64)]) {
        let ended =
            || -> Vec<_> { self.hub.totals().endings.iter().filter(|(_, n)| *n > 0).collect() };
        for _ in 0..600 {
            if ended() == wanted {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(ended(), wanted);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.begin();
    }
}

fn networks<const N: usize>(networks: [&str; N]) -> [IpNet; N] {
    networks.map(|network| network.parse().unwrap())
}

fn asking(path: &str, fields: &str) -> Vec<u8> {
    let request = harness::upgrade_request().replace("/chat", path);
    request.replace("Host:", &format!("{fields}Host:")).into_bytes()
}

/// Asks for a connection; returns where it is from, after a whole life.
fn whoami(stream: &mut (impl Read + Write), fields: &str) -> String {
    stream.write_all(&asking("/", fields)).unwrap();
    let head = read_head(stream);
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let (first, text) = read_frame(stream);
    assert_eq!(first, TEXT);
    stream.write_all(&frame(CLOSE, b"\x03\xe8")).unwrap();
    assert_eq!(read_frame(stream), (CLOSE, b"\x03\xe8".to_vec()));
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    String::from_utf8(text).unwrap()
}

/// Opens a connection for good; returns the status.
fn open(addr: SocketAddr, fields: &str) -> (u16, TcpStream) {
    let mut socket = tcp(addr);
    socket.write_all(&asking("/", fields)).unwrap();
    let head = read_head(&mut socket);
    (head.split(' ').nth(1).unwrap().parse().unwrap(), socket)
}

/// Reads to the end, which may be a reset.
fn is_dropped(socket: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    match socket.read_to_end(&mut rest) {
        Ok(_) => rest.is_empty(),
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

const V1: &[u8] = b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 80\r\n";

/// `2001:db8::7`, port 5000, and three bytes of what nobody knows.
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x21\x00\x27\
    \x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\
    \x13\x88\x00\x50\xee\x00\x00";

const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00";

#[test]
fn a_proxy_header_says_who_a_connection_is_from_however_it_is_cut() {
    let server = start(Builder::new().proxy_protocol(true));
    for (header, addr) in [(V1, "192.0.2.7:5000"), (V2, "[2001:db8::7]:5000")] {
        for cut in 0..=header.len() {
            let mut socket = tcp(server.addrs[0]);
            socket.write_all(&header[..cut]).unwrap();
            // So that the first piece is read alone.
            std::thread::sleep(Duration::from_millis(2));
            let behind = [&header[cut..], &asking("/", "")].concat();
            socket.write_all(&behind).unwrap();
            assert!(read_head(&mut socket).starts_with("HTTP/1.1 101 "), "cut at {cut}");
            assert_eq!(read_frame(&mut socket), (TEXT, addr.as_bytes().to_vec()), "cut at {cut}");
        }
    }
    // A check of the proxy's own.
    for header in [LOCAL, b"PROXY UNKNOWN\r\n"] {
        let mut socket = tcp(server.addrs[0]);
        let own = socket.local_addr().unwrap().to_string();
        socket.write_all(header).unwrap();
        assert_eq!(whoami(&mut socket, ""), own);
    }
    // One that only looks whether somebody listens.
    drop(tcp(server.addrs[0]));
    within(Duration::from_secs(30), || server.ended(Ending::LeftBeforeOpen) == 1);
}

#[test]
fn a_proxy_header_stands_before_tls_and_on_unix_sockets() {
    let issued = Issued::new();
    let certificates = Certificates::load(issued.chain(), issued.key()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let builder = Builder::new()
        .proxy_protocol(true)
        .listen(Listen::tcp("127.0.0.1:0").with_tls(certificates));
    #[cfg(unix)]
    let path = directory.path().join("socket");
    #[cfg(unix)]
    let builder = builder.listen(Listen::unix(&path));
    let server = run(builder.bind(Whoami));
    for (header, addr) in [(V1, "192.0.2.7:5000"), (V2, "[2001:db8::7]:5000")] {
        let mut socket = tcp(server.addrs[0]);
        socket.write_all(header).unwrap();
        let mut tls = begin_tls(socket, &issued.ca(), "localhost");
        assert_eq!(whoami(&mut tls, ""), addr);
        #[cfg(unix)]
        {
            let mut socket = std::os::unix::net::UnixStream::connect(&path).unwrap();
            socket.write_all(header).unwrap();
            assert_eq!(whoami(&mut socket, ""), addr);
        }
    }
    drop(directory);
}

#[test]
fn who_sends_no_proxy_header_or_is_no_trusted_proxy_is_dropped() {
    let limits = Limits { handshake_time: Duration::from_millis(300), ..Limits::default() };
    let server = start(Builder::new().proxy_protocol(true).limits(limits));
    for begin in [&asking("/", "")[..], b"PROXY TCP4 evil\r\n", &V2[..13], b"\x16\x03\x01"] {
        let mut socket = tcp(server.addrs[0]);
        socket.write_all(begin).unwrap();
        assert!(is_dropped(&mut socket), "{}", begin.escape_ascii());
    }
    let mut silent = tcp(server.addrs[0]);
    assert!(is_dropped(&mut silent));
    // The beginning of one that does not come to its end is silence.
    server.has_counted(&[("no_request", 2), ("no_proxy_header", 3)]);

    // Whose word is believed is the operator's to say, and then nobody else's, of this machine or not.
    let elsewhere = networks(["192.0.2.0/24"]);
    let server = start(Builder::new().proxy_protocol(true).trusted_proxies(elsewhere));
    let mut socket = tcp(server.addrs[0]);
    let _ = socket.write_all(&[V1, &asking("/", "")].concat());
    assert!(is_dropped(&mut socket));
    server.has_counted(&[("untrusted_proxy", 1)]);
}

#[test]
fn trusted_proxies_tell_the_client_by_the_fields_of_a_request_and_others_do_not() {
    let forwarded = "Forwarded: for=6.6.6.6, for=\"192.0.2.7:5000\";proto=https\r\n";
    let list = "X-Forwarded-For: 6.6.6.6, 2001:db8::7, 10.0.0.9\r\n";
    let trusting = Builder::new().trusted_proxies(networks(["127.0.0.0/8", "10.0.0.0/8"]));
    let server = start(trusting.proxy_protocol(false));
    for (fields, addr) in [(forwarded, "192.0.2.7:5000"), (list, "[2001:db8::7]:0")] {
        assert_eq!(whoami(&mut tcp(server.addrs[0]), fields), addr);
    }
    let distrusting = Builder::new().trusted_proxies(networks(["10.0.0.0/8", "::1/128"]));
    for builder in [Builder::new(), distrusting] {
        let server = start(builder);
        for fields in [forwarded, list] {
            let mut socket = tcp(server.addrs[0]);
            let own = socket.local_addr().unwrap().to_string();
            assert_eq!(whoami(&mut socket, fields), own);
        }
    }
    // Both ways, one behind the other: the proxy in front tells of a proxy that is trusted, too.
    let both = Builder::new().trusted_proxies(networks(["127.0.0.1/32", "192.0.2.7/32"]));
    let server = start(both.proxy_protocol(true));
    for (header, fields, addr) in [
        (V1, forwarded, "6.6.6.6:0"),
        (V1, list, "10.0.0.9:0"),
        (V2, forwarded, "[2001:db8::7]:5000"),
        (V1, "", "192.0.2.7:5000"),
    ] {
        let mut socket = tcp(server.addrs[0]);
        socket.write_all(header).unwrap();
        assert_eq!(whoami(&mut socket, fields), addr, "{fields}");
    }
}

#[tokio::test]
async fn a_request_from_another_http_server_is_looked_at_alike() {
    let service = Builder::new()
        .trusted_proxies(networks(["10.0.0.0/8"]))
        .limits(Limits { connections_per_address: 1, ..Limits::default() })
        .service(Whoami);
    let request = upgrade_to("/").header("X-Forwarded-For", "192.0.2.7").body(()).unwrap();
    for (from, addr) in [
        (Some("[::ffff:10.0.0.1]:99"), "192.0.2.7:0"),
        (Some("[::ffff:192.0.2.9]:99"), "192.0.2.9:99"),
        (None, "unix"), // Whoever that is.
    ] {
        let from = from.map(|from| from.parse().unwrap());
        let (_, upgrade) = service.answer(&request, from).await.unwrap();
        // One more of this address is one too many, until the first has gone.
        let second = service.answer(&request, from).await;
        assert_eq!(
            second.as_ref().err().map(http::Response::status),
            from.map(|_| StatusCode::SERVICE_UNAVAILABLE)
        );
        drop(second);
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let serving = tokio::spawn(upgrade.serve(ours));
        let mut text = vec![0; 2 + addr.len()];
        tokio::io::AsyncReadExt::read_exact(&mut theirs, &mut text).await.unwrap();
        assert_eq!(&text[2..], addr.as_bytes());
        drop(theirs);
        tokio::time::timeout(Duration::from_secs(30), serving).await.unwrap().unwrap();
        drop(service.answer(&request, from).await.unwrap());
    }
}

#[test]
fn ipv4_is_shown_as_ipv4_also_on_a_socket_of_both() {
    let server = run(Builder::new().listen("[::]:0").bind(Whoami));
    let port = server.addrs[0].port();
    let mut socket = tcp(([127, 0, 0, 1], port).into());
    let own = socket.local_addr().unwrap().to_string();
    assert!(own.starts_with("127.0.0.1:"), "{own}");
    assert_eq!(whoami(&mut socket, ""), own);
}

fn per_address(n: usize) -> Builder {
    let limits = Limits { connections_per_address: n, ..Limits::default() };
    Builder::new().limits(limits).trusted_proxies(networks(["127.0.0.1/32"]))
}

#[test]
fn an_address_has_so_many_connections_and_the_next_when_one_has_ended() {
    let server = start(per_address(2));
    let from = |addr: &str| open(server.addrs[0], &format!("X-Forwarded-For: {addr}\r\n"));
    let (mut first, second) = (from("192.0.2.7"), from("192.0.2.7:5000"));
    assert_eq!((first.0, second.0), (101, 101));
    for _ in 0..3 {
        assert_eq!(from("192.0.2.7").0, 503);
    }
    // Not the others behind the same proxy, nor the proxy itself.
    let others =
        [from("192.0.2.8"), from("192.0.2.8"), from("[2001:db8::1]"), open(server.addrs[0], "")];
    assert_eq!(others.each_ref().map(|other| other.0), [101; 4]);
    // A network of IPv6 is one address.
    assert_eq!([from("[2001:db8::2]").0, from("[2001:db8:0:1::2]").0], [101, 101]);
    within(Duration::from_secs(30), || from("[2001:db8::3]").0 == 101);
    first.1.write_all(&frame(CLOSE, b"\x03\xe8")).unwrap();
    first.1.read_to_end(&mut Vec::new()).unwrap();
    within(Duration::from_secs(30), || from("192.0.2.7").0 == 101);
    drop(second);
    within(Duration::from_secs(30), || {
        let two = [from("192.0.2.7"), from("192.0.2.7")];
        two.iter().all(|one| one.0 == 101)
    });
    assert!(server.ended(Ending::TooManyFromAddress) >= 3);
}

#[test]
fn a_request_that_is_refused_counts_for_no_longer_than_its_answer_takes() {
    let limits = Limits { connections: 1, connections_per_address: 1, ..Limits::default() };
    let server = start(Builder::new().limits(limits));
    let lingering: Vec<_> = (0..20)
        .map(|_| {
            let mut socket = tcp(server.addrs[0]);
            socket.write_all(&asking("/no", "")).unwrap();
            assert!(read_head(&mut socket).starts_with("HTTP/1.1 403 "));
            socket
        })
        .collect();
    let (status, _open) = open(server.addrs[0], "");
    assert_eq!(status, 101);
    assert_eq!(open(server.addrs[0], "").0, 503);
    drop(lingering);
}

#[test]
fn a_connection_that_a_task_serves_counts_until_the_task_drops_it() {
    let (drop_it, dropped) = tokio::sync::watch::channel(false);
    let builder = per_address(1).listen("127.0.0.1:0");
    let server = run(builder.bind_async_with(Sink, move |connection| {
        let mut dropped = dropped.clone();
        async move {
            let _ = dropped.wait_for(|yes| *yes).await;
            drop(connection);
            Ok::<(), String>(())
        }
    }));
    let (status, _socket) = open(server.addrs[0], "");
    assert_eq!(status, 101);
    assert_eq!(open(server.addrs[0], "").0, 503);
    drop_it.send_replace(true);
    within(Duration::from_secs(30), || open(server.addrs[0], "").0 == 101);
}

#[test]
fn silent_sockets_take_no_place_and_give_way_to_whoever_comes() {
    let limits = Limits { connections: 2, handshakes: 5, ..Limits::default() };
    let server = start(Builder::new().limits(limits).threads(NonZero::<usize>::MIN));
    let addr = server.addrs[0];
    // As many as there may be, which are twice as many as the connections.
    let mut silent: Vec<_> = (0..5).map(|_| tcp(addr)).collect();
    silent[4].write_all(b"GET / HTTP/1.1\r\n").unwrap();
    let (status, mut first) = open(addr, "");
    assert_eq!(status, 101);
    assert_eq!(read_frame(&mut first).0, TEXT);
    assert!(is_dropped(&mut silent[0]), "the oldest is not the one that went");
    server.has_counted(&[("dropped", 1)]);
    // Whoever comes is served, however many are silent.
    let mut crowd: Vec<_> = (0..200).map(|_| tcp(addr)).collect();
    let (status, second) = open(addr, "");
    assert_eq!(status, 101);
    // And what is too much is told so.
    let (status, third) = open(addr, "");
    assert_eq!(status, 503);
    for socket in silent.iter_mut().skip(1).chain(&mut crowd[..190]) {
        assert!(is_dropped(socket));
    }
    // Those that are open have felt nothing.
    first.write_all(&frame(harness::PING, b"still here")).unwrap();
    assert_eq!(read_frame(&mut first), (harness::PONG, b"still here".to_vec()));
    drop((first, second, third, silent, crowd));
    within(Duration::from_secs(30), || {
        let ended: u64 = server.hub.totals().endings.iter().map(|(_, n)| n).sum();
        ended == 2 + 1 + 5 + 200
    });
    // All is as it was.
    let again = [open(addr, ""), open(addr, "")];
    assert_eq!(again.each_ref().map(|one| one.0), [101, 101]);
}

#[test]
fn the_share_of_handshakes_of_each_thread_lets_all_in_whoever_is_silent() {
    let limits = Limits { connections: 100, handshakes: 8, ..Limits::default() };
    let threads = NonZero::new(4).unwrap();
    let server = start(Builder::new().limits(limits).threads(threads));
    let _silent: Vec<_> = (0..50).map(|_| tcp(server.addrs[0])).collect();
    let open: Vec<_> = (0..50).map(|_| open(server.addrs[0], "")).collect();
    assert!(open.iter().all(|one| one.0 == 101));
    assert_eq!(server.hub.totals().open, 50);
}

#[test]
fn a_connection_keeps_its_request_if_that_was_asked_for() {
    for keeps in [true, false] {
        let server = start(Builder::new().keep_requests(keeps));
        let (status, _socket) = open(server.addrs[0], "User-Agent: test\r\n");
        assert_eq!(status, 101);
        let peers = server.hub.connections();
        let request = peers[0].request();
        let agent = request.and_then(|request| request.header("User-Agent"));
        assert_eq!(agent, keeps.then_some(&b"test"[..]));
    }
}
