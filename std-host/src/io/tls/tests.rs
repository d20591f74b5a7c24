//! Two ends, and ways between them that take and hand out as little as one wants.

use std::cell::RefCell;
use std::collections::VecDeque;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::certificates::Issued;
use super::config::Certificates;
use super::*;

/// Bytes on their way in one direction, as many as `room`.
struct Way {
    bytes: VecDeque<u8>,
    room: usize,
    is_ended: bool,
    /// Nobody reads them.
    is_broken: bool,
}

/// One end of two ways, which moves at most `size` bytes at a time.
struct End<'w> {
    from: &'w RefCell<Way>,
    to: &'w RefCell<Way>,
    size: usize,
}

/// Two ends of a connection, and the ways between them.
struct Pair {
    client: Tls,
    server: Tls,
    up: RefCell<Way>,
    down: RefCell<Way>,
    size: usize,
}

impl Read for End<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let from = &mut self.from.borrow_mut();
        if from.bytes.is_empty() && !from.is_ended {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let n = buf.len().min(self.size);
        from.bytes.read(&mut buf[..n])
    }
}

impl Write for End<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let to = &mut self.to.borrow_mut();
        if to.is_broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        match buf.len().min(self.size).min(to.room - to.bytes.len()) {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            n => to.bytes.write(&buf[..n]),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Pair {
    /// Ends that move `size` bytes at a time, three times before the stream is full.
    fn new(size: usize) -> Self {
        let issued = Issued::new();
        let config = Certificates::load(issued.chain(), issued.key()).unwrap().config();
        let way = || {
            RefCell::new(Way {
                bytes: VecDeque::new(),
                room: size.saturating_mul(3),
                is_ended: false,
                is_broken: false,
            })
        };
        Self {
            client: Tls::client(trusting(&issued), "localhost".try_into().unwrap()).unwrap(),
            server: Tls::server(config).unwrap(),
            up: way(),
            down: way(),
            size,
        }
    }

    fn at_client(&mut self) -> (&mut Tls, End<'_>) {
        (&mut self.client, End { from: &self.down, to: &self.up, size: self.size })
    }

    fn at_server(&mut self) -> (&mut Tls, End<'_>) {
        (&mut self.server, End { from: &self.up, to: &self.down, size: self.size })
    }

    /// Sends both ways until all has arrived.
    fn exchange(&mut self, up: &[u8], down: &[u8]) {
        let (mut n_up, mut n_down) = (0, 0);
        let (mut at_server, mut at_client) = (Vec::new(), Vec::new());
        while at_server.len() < up.len() || at_client.len() < down.len() {
            let (tls, mut stream) = self.at_client();
            n_up += write_some(tls, &mut stream, &up[n_up..]);
            read_some(tls, &mut stream, &mut at_client);
            let (tls, mut stream) = self.at_server();
            n_down += write_some(tls, &mut stream, &down[n_down..]);
            read_some(tls, &mut stream, &mut at_server);
        }
        assert!(at_server == up && at_client == down, "{} bytes at a time", self.size);
    }
}

fn trusting(issued: &Issued) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(issued.ca()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap();
    Arc::new(config.with_root_certificates(roots).with_no_client_auth())
}

/// Writes in two pieces; returns how much was taken.
fn write_some(tls: &mut Tls, stream: &mut End<'_>, bytes: &[u8]) -> usize {
    let (front, back) = bytes.split_at(bytes.len() / 3);
    match tls.write(stream, &[IoSlice::new(front), IoSlice::new(back)]) {
        Ok(n) => n,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
        Err(error) => panic!("{error}"),
    }
}

/// Reads once, into two places; tells whether that was the end.
fn read_some(tls: &mut Tls, stream: &mut End<'_>, received: &mut Vec<u8>) -> bool {
    let (mut front, mut back) = ([0; 7], [0; 5000]);
    match tls.read(stream, &mut [IoSliceMut::new(&mut front), IoSliceMut::new(&mut back)]) {
        Ok(n) => {
            received.extend([&front[..], &back].concat()[..n].iter());
            n == 0
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
        Err(error) => panic!("{error}"),
    }
}

fn bytes(len: usize) -> Vec<u8> {
    (0..=250).cycle().take(len).collect()
}

#[test]
fn both_ends_understand_each_other_however_few_bytes_move_at_a_time() {
    for size in 1..=40 {
        // Two records, and the beginning of a third.
        Pair::new(size).exchange(&bytes(35_000), &bytes(33_000));
    }
}

#[test]
fn a_megabyte_goes_through_in_both_directions() {
    Pair::new(3001).exchange(&bytes(1_000_000), &bytes(1_000_001));
}

#[test]
fn what_waits_for_a_stream_that_is_full_is_bounded() {
    let mut pair = Pair::new(1000);
    pair.exchange(b"client", b"server");
    let (tls, mut stream) = pair.at_client();
    let mut n_taken = 0;
    loop {
        match write_some(tls, &mut stream, &bytes(100_000)) {
            0 => break,
            n => n_taken += n,
        }
    }
    assert!(tls.wants_write());
    assert!((60_000..80_000).contains(&n_taken), "{n_taken} bytes were taken");
}

#[test]
fn what_is_written_during_the_handshake_is_bounded_and_leaves_after_it() {
    let mut pair = Pair::new(1000);
    let (tls, mut stream) = pair.at_client();
    let mut n_taken = 0;
    while tls.session.is_handshaking() {
        match write_some(tls, &mut stream, &bytes(100_000)[n_taken..]) {
            0 => break,
            n => n_taken += n,
        }
    }
    assert_eq!(n_taken, UNSENT_BYTES);
    pair.exchange(b"", b"!");
    assert!(!pair.client.session.is_handshaking());
    let mut received = Vec::new();
    while received.len() < n_taken {
        let (tls, mut stream) = pair.at_client();
        tls.flush(&mut stream).unwrap();
        let (tls, mut stream) = pair.at_server();
        read_some(tls, &mut stream, &mut received);
    }
    assert!(received == bytes(n_taken));
}

#[test]
fn reading_until_it_is_drained_leaves_nothing_behind_at_any_size_of_the_buffer() {
    for len in (1..50).chain([4096, 16_000, 16_384, 16_385, 70_000]) {
        let mut pair = Pair::new(usize::MAX);
        pair.exchange(b"client", b"server");
        let all = bytes(50_000);
        let (tls, mut stream) = pair.at_client();
        assert_eq!(write_some(tls, &mut stream, &all), all.len());
        tls.shutdown(&mut stream).unwrap();
        // The one event for all of it.
        let (mut received, mut is_ended) = (Vec::new(), false);
        let (tls, mut stream) = pair.at_server();
        while !is_ended {
            let mut buf = vec![0; len];
            let n = tls.read(&mut stream, &mut [IoSliceMut::new(&mut buf)]).unwrap();
            assert!(!tls.is_drained(), "the end has yet to be read");
            received.extend_from_slice(&buf[..n]);
            is_ended = n == 0;
        }
        assert!(received == all, "{len} bytes at a time");
    }
}

#[test]
fn a_read_that_finds_all_there_is_says_so() {
    let mut pair = Pair::new(usize::MAX);
    pair.exchange(b"client", b"server");
    let (tls, mut stream) = pair.at_client();
    write_some(tls, &mut stream, b"Hello");
    let (tls, mut stream) = pair.at_server();
    for (len, is_drained) in [(4, false), (100, true)] {
        let mut buf = vec![0; len];
        tls.read(&mut stream, &mut [IoSliceMut::new(&mut buf)]).unwrap();
        assert_eq!(tls.is_drained(), is_drained, "{len}");
    }
}

#[test]
fn a_close_notify_ends_one_direction_and_not_the_other() {
    for size in [1, 7, 40, 10_000] {
        let mut pair = Pair::new(size);
        pair.exchange(b"client", b"server");
        let mut at_server = Vec::new();
        pair.client.session.send_close_notify();
        loop {
            let (tls, mut stream) = pair.at_client();
            tls.flush(&mut stream).unwrap();
            let (tls, mut stream) = pair.at_server();
            if read_some(tls, &mut stream, &mut at_server) {
                break;
            }
        }
        assert_eq!(at_server, b"");
        pair.exchange(b"", b"the server goes on");
    }
}

#[test]
fn the_end_of_the_stream_is_an_end_behind_what_came_before() {
    let mut pair = Pair::new(usize::MAX);
    pair.exchange(b"client", b"server");
    let (tls, mut stream) = pair.at_client();
    write_some(tls, &mut stream, b"last");
    pair.up.borrow_mut().is_ended = true;
    let mut received = Vec::new();
    let (tls, mut stream) = pair.at_server();
    assert!(!read_some(tls, &mut stream, &mut received));
    assert_eq!(received, b"last");
    assert!(read_some(tls, &mut stream, &mut received));
}

#[test]
fn what_has_come_is_read_though_nothing_can_be_written() {
    let mut pair = Pair::new(200);
    pair.exchange(b"client", b"server");
    pair.up.borrow_mut().room = 0;
    let (tls, mut stream) = pair.at_client();
    assert_eq!(write_some(tls, &mut stream, b"waits"), 5);
    pair.up.borrow_mut().is_broken = true;
    let text = b"behind the break ".repeat(10);
    let (tls, mut stream) = pair.at_server();
    for piece in text.chunks(50) {
        assert_eq!(write_some(tls, &mut stream, piece), piece.len());
    }
    pair.down.borrow_mut().is_ended = true;
    let mut received = Vec::new();
    let (tls, mut stream) = pair.at_client();
    while !read_some(tls, &mut stream, &mut received) {}
    assert_eq!(received, text);
    let (tls, mut stream) = pair.at_client();
    assert_eq!(tls.flush(&mut stream).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
}

#[test]
fn an_end_during_the_handshake_is_an_error() {
    let mut pair = Pair::new(usize::MAX);
    let (tls, mut stream) = pair.at_client();
    tls.flush(&mut stream).unwrap();
    pair.up.borrow_mut().bytes.truncate(100);
    pair.up.borrow_mut().is_ended = true;
    let error = failure(pair.at_server());
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    assert!(error.to_string().contains("during the TLS handshake"), "{error}");
}

#[test]
fn what_is_no_tls_is_refused_with_an_alert() {
    let mut pair = Pair::new(usize::MAX);
    pair.up.borrow_mut().bytes.extend(b"GET / HTTP/1.1\r\n\r\n");
    let error = failure(pair.at_server());
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert!(error.to_string().contains("does not speak TLS"), "{error}");
    // A record of type alert (21), which is fatal (2).
    let alert = pair.down.borrow().bytes.iter().copied().collect::<Vec<_>>();
    assert_eq!((alert[0], alert[5]), (21, 2), "{alert:?}");
}

#[test]
fn what_came_before_a_record_that_was_tampered_with_is_read_first() {
    let mut pair = Pair::new(usize::MAX);
    pair.exchange(b"client", b"server");
    let (tls, mut stream) = pair.at_client();
    write_some(tls, &mut stream, b"good");
    write_some(tls, &mut stream, b"evil");
    *pair.up.borrow_mut().bytes.back_mut().unwrap() ^= 1;
    let mut received = Vec::new();
    let (tls, mut stream) = pair.at_server();
    read_some(tls, &mut stream, &mut received);
    assert_eq!(received, b"good");
    assert_eq!(failure(pair.at_server()).kind(), io::ErrorKind::InvalidData);
}

#[test]
fn each_end_says_why_a_certificate_was_refused() {
    for (name, why) in [("example.org", "not valid for name"), ("localhost", "is not trusted")] {
        let mut pair = Pair::new(usize::MAX);
        if name == "localhost" {
            let config = trusting(&Issued::new());
            pair.client = Tls::client(config, name.try_into().unwrap()).unwrap();
        } else {
            let issued = Issued::for_names(&[name]);
            let config = Certificates::load(issued.chain(), issued.key()).unwrap().config();
            pair.client = Tls::client(trusting(&issued), "localhost".try_into().unwrap()).unwrap();
            pair.server = Tls::server(config).unwrap();
        }
        let (tls, mut stream) = pair.at_client();
        tls.flush(&mut stream).unwrap();
        let (tls, mut stream) = pair.at_server();
        read_some(tls, &mut stream, &mut Vec::new());
        let error = failure(pair.at_client());
        assert!(error.to_string().contains(why), "{error}");
        let error = failure(pair.at_server());
        assert!(error.to_string().contains("refused TLS: "), "{error}");
    }
}

/// Reads what must not be read.
#[track_caller]
fn failure((tls, mut stream): (&mut Tls, End<'_>)) -> io::Error {
    let mut buf = [0; 100];
    tls.read(&mut stream, &mut [IoSliceMut::new(&mut buf)]).unwrap_err()
}
