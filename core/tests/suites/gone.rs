//! A peer that is gone: what has come of it is told before what fails.

use std::collections::VecDeque;

use embassy_futures::block_on;
use embedded_io::{Error as _, ErrorKind, ErrorType};
use wirelet::{CloseCode, Error, Message, Received, Storage, asynch, blocking};

use crate::common::{TestRole, on_both_roles};

/// A socket from which these reads come, and which fails to be written to.
struct Socket {
    reads: VecDeque<Vec<u8>>,
    fails: ErrorKind,
}

impl ErrorType for Socket {
    type Error = ErrorKind;
}

impl embedded_io::Read for Socket {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, ErrorKind> {
        let Some(bytes) = self.reads.pop_front() else { return Err(self.fails) };
        buf[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
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

/// Receives so often, by both drivers, what comes in these reads.
fn receive<const TX: usize, Ro: TestRole>(
    reads: &[Vec<u8>],
    fails: ErrorKind,
    n: usize,
) -> [Vec<String>; 2] {
    let socket = || Socket { reads: reads.iter().cloned().collect(), fails };
    let mut storage = Storage::<1024, 64, TX>::new();
    let mut ws = blocking::WebSocket::new(socket(), Ro::role(), storage.buffers());
    let blocking = (0..n).map(|_| told(&ws.receive())).collect();
    let mut storage = Storage::<1024, 64, TX>::new();
    let mut ws = asynch::WebSocket::new(socket(), Ro::role(), storage.buffers());
    let asynch = (0..n).map(|_| told(&block_on(ws.receive()))).collect();
    [blocking, asynch]
}

/// Pings that cannot be answered, news between them, and a close that says why.
fn frames<Ro: TestRole>() -> Vec<Vec<u8>> {
    vec![
        Ro::received(0x89, &[b'1'; 100]),
        Ro::received(0x89, &[b'2'; 100]),
        Ro::received(0x81, b"news"),
        Ro::received(0x89, &[b'3'; 100]),
        Ro::received(0x81, b"more"),
        Ro::received(0x88, b"\x03\xf3full"),
    ]
}

fn all_that_has_come_is_told_though_no_answer_can_leave<Ro: TestRole>() {
    let ping = |digit: &str| format!("ping {}", digit.repeat(100));
    let words = [&*ping("1"), &ping("2"), "news", &ping("3"), "more", "close full"];
    for fails in GONE {
        // At once; a frame a read, most of which lie in the system when the first answer fails; in two.
        for n_in_one in [6, 1, 4] {
            let reads: Vec<Vec<u8>> = frames::<Ro>().chunks(n_in_one).map(<[_]>::concat).collect();
            // Where all answers have room until they would leave, and where the second has none.
            for told in
                [receive::<1024, Ro>(&reads, fails, 7), receive::<131, Ro>(&reads, fails, 7)]
                    .concat()
            {
                assert_eq!(told[..6], words, "{fails:?}, {n_in_one} in a read");
                assert_eq!(told[6], "Closed");
            }
        }
    }
}

fn where_no_close_comes_the_failure_is_told_last_and_again<Ro: TestRole>() {
    for fails in GONE {
        let reads = frames::<Ro>()[..3].concat();
        for told in receive::<131, Ro>(&[reads], fails, 5) {
            let failure = format!("{fails:?}");
            assert_eq!(told[2..], ["news", &failure, &failure]);
        }
    }
}

fn what_is_only_slow_is_answered_before_it_is_told<Ro: TestRole>() {
    let reads = [Ro::received(0x89, b"1"), Ro::received(0x81, b"news")].concat();
    for told in receive::<256, Ro>(&[reads], ErrorKind::TimedOut, 3) {
        assert_eq!(told, ["ping 1", "TimedOut", "TimedOut"]);
    }
}

fn the_end_fails_though_something_has_come<Ro: TestRole>() {
    let reads = [Ro::received(0x89, b"1"), Ro::received(0x81, b"news")].concat();
    let socket = Socket { reads: [reads].into(), fails: ErrorKind::BrokenPipe };
    let mut storage = Storage::<64, 64, 256>::new();
    let mut ws = blocking::WebSocket::new(socket, Ro::role(), storage.buffers());
    assert_eq!(told(&ws.receive()), "ping 1");
    assert_eq!(ws.finish(), Err(Error::Transport(ErrorKind::BrokenPipe)));
    assert_eq!(told(&ws.receive()), "news");
}

on_both_roles!(
    all_that_has_come_is_told_though_no_answer_can_leave,
    where_no_close_comes_the_failure_is_told_last_and_again,
    what_is_only_slow_is_answered_before_it_is_told,
    the_end_fails_though_something_has_come,
);
