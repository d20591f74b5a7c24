//! A peer that is gone: what has come of it is told before what fails.

use embassy_futures::block_on;
use embedded_io::{Error as _, ErrorKind, ErrorType};
use wirelet::{CloseCode, Error, Message, Received, Storage, asynch, blocking};

use crate::common::{TestRole, on_both_roles};

/// A socket from which all this comes, and which fails to be written to.
struct Socket {
    bytes: Vec<u8>,
    fails: ErrorKind,
}

impl ErrorType for Socket {
    type Error = ErrorKind;
}

impl embedded_io::Read for Socket {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, ErrorKind> {
        let n = buf.len().min(self.bytes.len());
        buf[..n].copy_from_slice(&self.bytes[..n]);
        self.bytes.drain(..n);
        if n == 0 { Err(self.fails) } else { Ok(n) }
    }
}

impl embedded_io::Write for Socket {
    fn write(&mut self, _buf: &[u8]) -> Result<usize, ErrorKind> {
        Err(self.fails)
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        Err(self.fails)
    }
}

impl embedded_io_async::Read for Socket {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, ErrorKind> {
        embedded_io::Read::read(self, buf)
    }
}

impl embedded_io_async::Write for Socket {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, ErrorKind> {
        embedded_io::Write::write(self, buf)
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        embedded_io::Write::flush(self)
    }
}

/// What a call has told, in words.
fn told<S>(result: &Result<(Received<'_, Message<'_>>, S), Error<ErrorKind>>) -> String {
    match result {
        Ok((Received::Data(message), _)) => String::from_utf8_lossy(message.as_bytes()).into(),
        Ok((Received::Ping(payload), _)) => format!("ping {}", payload.escape_ascii()),
        Ok((Received::Pong(_), _)) => "pong".into(),
        Ok((Received::Close(close), _)) => {
            assert_eq!(close.code(), Some(CloseCode::INTERNAL_ERROR));
            format!("close {}", close.reason())
        }
        Err(Error::Transport(error)) => format!("{:?}", error.kind()),
        Err(error) => format!("{error:?}"),
    }
}

const GONE: [ErrorKind; 4] = [
    ErrorKind::BrokenPipe,
    ErrorKind::ConnectionReset,
    ErrorKind::ConnectionAborted,
    ErrorKind::NotConnected,
];

/// Receives by both drivers, two pings that cannot be answered and what comes last, and then that
/// nothing more can come.
fn receive<Ro: TestRole>(last: &[u8], fails: ErrorKind, n: usize) -> [Vec<String>; 2] {
    let pings = [b"1", b"2"].map(|payload| Ro::received(0x89, payload)).concat();
    let socket = || Socket { bytes: [&pings[..], last].concat(), fails };
    let mut storage = Storage::<64, 64, 256>::new();
    let mut ws = blocking::WebSocket::new(socket(), Ro::role(), storage.buffers());
    let blocking = (0..n).map(|_| told(&ws.receive())).collect();
    let mut storage = Storage::<64, 64, 256>::new();
    let mut ws = asynch::WebSocket::new(socket(), Ro::role(), storage.buffers());
    let asynch = (0..n).map(|_| told(&block_on(ws.receive()))).collect();
    [blocking, asynch]
}

fn what_has_come_is_told_before_the_answer_fails<Ro: TestRole>() {
    for fails in GONE {
        let failure = format!("{fails:?}");
        for (last, words) in [
            (Ro::received(0x81, b"news"), "news"),
            (Ro::received(0x88, b"\x03\xf3full"), "close full"),
        ] {
            for told in receive::<Ro>(&last, fails, 3) {
                assert_eq!(told, ["ping 1", "ping 2", words]);
            }
        }
        for told in receive::<Ro>(&Ro::received(0x81, b"news"), fails, 5) {
            assert_eq!(told[3..], [&*failure, &*failure], "and then it is told again and again");
        }
    }
}

fn what_is_only_slow_is_answered_before_it_is_told<Ro: TestRole>() {
    for told in receive::<Ro>(&Ro::received(0x81, b"news"), ErrorKind::TimedOut, 4) {
        assert_eq!(told, ["ping 1", "ping 2", "TimedOut", "TimedOut"]);
    }
}

fn the_end_fails_though_something_has_come<Ro: TestRole>() {
    let bytes = [Ro::received(0x89, b"1"), Ro::received(0x81, b"news")].concat();
    let mut storage = Storage::<64, 64, 256>::new();
    let socket = Socket { bytes, fails: ErrorKind::BrokenPipe };
    let mut ws = blocking::WebSocket::new(socket, Ro::role(), storage.buffers());
    assert_eq!(told(&ws.receive()), "ping 1");
    assert_eq!(ws.finish(), Err(Error::Transport(ErrorKind::BrokenPipe)));
    assert_eq!(told(&ws.receive()), "news");
}

on_both_roles!(
    what_has_come_is_told_before_the_answer_fails,
    what_is_only_slow_is_answered_before_it_is_told,
    the_end_fails_though_something_has_come,
);
