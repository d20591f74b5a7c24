//! An in-memory pipe with two ends, that reads and writes short, blocks, and fails.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use embedded_io::{ErrorKind, ErrorType};

use crate::common::TestRng;

/// What a socket says that is set not to block, or that has waited for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WouldBlock;

impl std::fmt::Display for WouldBlock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("would block")
    }
}

impl std::error::Error for WouldBlock {}

impl embedded_io::Error for WouldBlock {
    fn kind(&self) -> ErrorKind {
        ErrorKind::TimedOut
    }
}

/// How the pipe misbehaves: bytes at most in one read, in one write, and on the way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) read: usize,
    pub(crate) write: usize,
    pub(crate) capacity: usize,
}

pub(crate) const SHAPES: [Shape; 5] = [
    Shape { read: 1, write: 1, capacity: 1 },
    Shape { read: 2, write: 3, capacity: 5 },
    Shape { read: 7, write: 64, capacity: 64 },
    Shape { read: 4096, write: 1, capacity: 9000 },
    Shape { read: 4096, write: 4096, capacity: 9000 },
];

/// A pipe that does at once whatever it is asked for.
pub(crate) const WIDE: Shape = Shape { read: 4096, write: 4096, capacity: usize::MAX };

#[derive(Debug)]
struct Way {
    bytes: VecDeque<u8>,
    capacity: usize,
    closed: bool,
    writes: usize,
    flushes: usize,
}

/// The calls of one end.
#[derive(Debug)]
struct Calls {
    n: usize,
    fail: Fail,
}

/// Which calls are told to come again, although they need not.
#[derive(Debug)]
enum Fail {
    Never,
    At(usize),
    /// Each call once before it succeeds.
    First,
    /// One in so many.
    OneIn(usize, TestRng),
}

/// One end; returns [`WouldBlock`] where a socket would, and where it is told to.
#[derive(Clone, Debug)]
pub(crate) struct End {
    from: Arc<Mutex<Way>>,
    to: Arc<Mutex<Way>>,
    shape: Shape,
    calls: Arc<Mutex<Calls>>,
}

pub(crate) fn pipe(shape: Shape) -> (End, End) {
    let way = || {
        let (bytes, capacity) = (VecDeque::new(), shape.capacity);
        Arc::new(Mutex::new(Way { bytes, capacity, closed: false, writes: 0, flushes: 0 }))
    };
    let calls = || Arc::new(Mutex::new(Calls { n: 0, fail: Fail::Never }));
    let (a, b) = (way(), way());
    let (from, to) = (Arc::clone(&a), Arc::clone(&b));
    (End { from, to, shape, calls: calls() }, End { from: b, to: a, shape, calls: calls() })
}

impl End {
    /// The peer reads an end of file behind what is on the way.
    pub(crate) fn hang_up(&self) {
        self.to.lock().unwrap().closed = true;
    }

    /// How often this end was written and flushed.
    pub(crate) fn writes_and_flushes(&self) -> (usize, usize) {
        let way = self.to.lock().unwrap();
        (way.writes, way.flushes)
    }

    /// Puts bytes on the way to the other end, however many.
    pub(crate) fn put(&self, bytes: &[u8]) {
        self.to.lock().unwrap().bytes.extend(bytes);
    }

    /// Takes all that the other end has written.
    pub(crate) fn take(&self) -> Vec<u8> {
        self.from.lock().unwrap().bytes.drain(..).collect()
    }

    /// Lets the other end take so many bytes that it has not read.
    pub(crate) fn set_capacity(&self, capacity: usize) {
        self.to.lock().unwrap().capacity = capacity;
    }

    /// How often this end was read, written or flushed, whether it could be or not.
    pub(crate) fn calls(&self) -> usize {
        self.calls.lock().unwrap().n
    }

    /// Makes the call number `at`, from now on, fail.
    pub(crate) fn fail_at(&self, at: usize) {
        let mut calls = self.calls.lock().unwrap();
        calls.fail = Fail::At(calls.n.saturating_add(at));
    }

    /// Makes each call fail once before it succeeds.
    pub(crate) fn fail_first(&self) {
        self.calls.lock().unwrap().fail = Fail::First;
    }

    /// Makes one call in `n` fail.
    pub(crate) fn fail_one_in(&self, n: usize, rng: TestRng) {
        self.calls.lock().unwrap().fail = Fail::OneIn(n, rng);
    }

    /// Makes no call fail any more.
    pub(crate) fn fail_never(&self) {
        self.calls.lock().unwrap().fail = Fail::Never;
    }

    /// Tells whether the call that was to fail has failed.
    pub(crate) fn has_failed(&self) -> bool {
        let calls = self.calls.lock().unwrap();
        matches!(calls.fail, Fail::At(at) if at < calls.n)
    }

    fn call(&self) -> Result<(), WouldBlock> {
        let mut calls = self.calls.lock().unwrap();
        let n = calls.n;
        calls.n += 1;
        let fails = match &mut calls.fail {
            Fail::Never => false,
            Fail::At(at) => *at == n,
            Fail::First => n.is_multiple_of(2),
            Fail::OneIn(one_in, rng) => rng.below(*one_in) == 0,
        };
        if fails { Err(WouldBlock) } else { Ok(()) }
    }
}

impl ErrorType for End {
    type Error = WouldBlock;
}

impl embedded_io::Read for End {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, WouldBlock> {
        assert!(!buf.is_empty(), "a read into no space cannot be told from the end of file");
        self.call()?;
        let mut way = self.from.lock().unwrap();
        if way.bytes.is_empty() {
            return if way.closed { Ok(0) } else { Err(WouldBlock) };
        }
        let n = buf.len().min(self.shape.read).min(way.bytes.len());
        for (slot, byte) in buf.iter_mut().zip(way.bytes.drain(..n)) {
            *slot = byte;
        }
        Ok(n)
    }
}

impl embedded_io::Write for End {
    fn write(&mut self, buf: &[u8]) -> Result<usize, WouldBlock> {
        assert!(!buf.is_empty(), "a write of nothing cannot be told from the end");
        self.call()?;
        let mut way = self.to.lock().unwrap();
        let space = way.capacity.saturating_sub(way.bytes.len());
        let n = buf.len().min(self.shape.write).min(space);
        if n == 0 {
            return Err(WouldBlock);
        }
        way.bytes.extend(&buf[..n]);
        way.writes += 1;
        Ok(n)
    }

    fn flush(&mut self) -> Result<(), WouldBlock> {
        self.call()?;
        self.to.lock().unwrap().flushes += 1;
        Ok(())
    }
}

/// An end that waits for the thread at the other one.
#[derive(Clone, Debug)]
pub(crate) struct Blocking(pub(crate) End);

fn wait<T>(mut call: impl FnMut() -> Result<T, WouldBlock>) -> T {
    loop {
        match call() {
            Ok(value) => return value,
            Err(WouldBlock) => std::thread::yield_now(),
        }
    }
}

impl ErrorType for Blocking {
    type Error = WouldBlock;
}

impl embedded_io::Read for Blocking {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, WouldBlock> {
        Ok(wait(|| embedded_io::Read::read(&mut self.0, buf)))
    }
}

impl embedded_io::Write for Blocking {
    fn write(&mut self, buf: &[u8]) -> Result<usize, WouldBlock> {
        Ok(wait(|| embedded_io::Write::write(&mut self.0, buf)))
    }

    fn flush(&mut self) -> Result<(), WouldBlock> {
        embedded_io::Write::flush(&mut self.0)
    }
}

/// An async end that is never ready with an error: its task polls again at once.
#[derive(Clone, Debug)]
pub(crate) struct Async(pub(crate) End);

impl Async {
    async fn wait<T>(mut call: impl FnMut() -> Result<T, WouldBlock>) -> Result<T, WouldBlock> {
        poll_fn(|context| match call() {
            Ok(value) => Poll::Ready(Ok(value)),
            Err(WouldBlock) => {
                // The other end may be a thread.
                std::thread::yield_now();
                context.waker().wake_by_ref();
                Poll::Pending
            }
        })
        .await
    }
}

impl ErrorType for Async {
    type Error = WouldBlock;
}

impl embedded_io_async::Read for Async {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, WouldBlock> {
        Self::wait(|| embedded_io::Read::read(&mut self.0, buf)).await
    }
}

impl embedded_io_async::Write for Async {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, WouldBlock> {
        Self::wait(|| embedded_io::Write::write(&mut self.0, buf)).await
    }

    async fn flush(&mut self) -> Result<(), WouldBlock> {
        Self::wait(|| embedded_io::Write::flush(&mut self.0)).await
    }
}

/// An async end that is always ready, if with an error.
#[derive(Clone, Debug)]
pub(crate) struct Ready(pub(crate) End);

impl ErrorType for Ready {
    type Error = WouldBlock;
}

impl embedded_io_async::Read for Ready {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, WouldBlock> {
        embedded_io::Read::read(&mut self.0, buf)
    }
}

impl embedded_io_async::Write for Ready {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, WouldBlock> {
        embedded_io::Write::write(&mut self.0, buf)
    }

    async fn flush(&mut self) -> Result<(), WouldBlock> {
        embedded_io::Write::flush(&mut self.0)
    }
}
