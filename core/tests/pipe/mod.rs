//! An in-memory pipe with two ends, that reads and writes short and blocks.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::cell::Cell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use embedded_io::{ErrorKind, ErrorType};

/// What a socket says that is set not to block.
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
        ErrorKind::Other
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

#[derive(Debug, Default)]
struct Way {
    bytes: VecDeque<u8>,
    closed: bool,
    writes: usize,
    flushes: usize,
}

/// One end; returns [`WouldBlock`] where a socket would.
#[derive(Clone, Debug)]
pub(crate) struct End {
    from: Arc<Mutex<Way>>,
    to: Arc<Mutex<Way>>,
    shape: Shape,
}

pub(crate) fn pipe(shape: Shape) -> (End, End) {
    let (a, b) = (Arc::default(), Arc::default());
    (End { from: Arc::clone(&a), to: Arc::clone(&b), shape }, End { from: b, to: a, shape })
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
}

impl ErrorType for End {
    type Error = WouldBlock;
}

impl embedded_io::Read for End {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, WouldBlock> {
        assert!(!buf.is_empty(), "a read into no space cannot be told from the end of file");
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
        let mut way = self.to.lock().unwrap();
        let n = buf.len().min(self.shape.write).min(self.shape.capacity - way.bytes.len());
        if n == 0 {
            return Err(WouldBlock);
        }
        way.bytes.extend(&buf[..n]);
        way.writes += 1;
        Ok(n)
    }

    fn flush(&mut self) -> Result<(), WouldBlock> {
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

/// Decides, for all ends of one test, at which awaits the task is told to wait.
#[derive(Clone, Debug, Default)]
pub(crate) struct Awaits {
    passed: Rc<Cell<usize>>,
    stop_at: Rc<Cell<Option<usize>>>,
}

impl Awaits {
    /// How many awaits have been reached.
    pub(crate) fn passed(&self) -> usize {
        self.passed.get()
    }

    /// Makes the await number `at` pend once.
    pub(crate) fn stop_at(&self, at: usize) {
        self.stop_at.set(Some(at));
    }

    /// Tells whether the await asked for has pended since.
    pub(crate) fn has_stopped(&self) -> bool {
        self.stop_at.get().is_none()
    }

    fn reach(&self) -> bool {
        let at = self.passed.get();
        self.passed.set(at + 1);
        if self.stop_at.get() == Some(at) {
            self.stop_at.set(None);
            return true;
        }
        false
    }
}

/// An async end; its task polls again at once when it would block.
#[derive(Clone, Debug)]
pub(crate) struct Async(pub(crate) End, pub(crate) Awaits);

impl Async {
    async fn wait<T>(
        awaits: &Awaits,
        mut call: impl FnMut() -> Result<T, WouldBlock>,
    ) -> Result<T, WouldBlock> {
        poll_fn(|context| {
            if !awaits.reach()
                && let Ok(value) = call()
            {
                return Poll::Ready(Ok(value));
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }
}

impl ErrorType for Async {
    type Error = WouldBlock;
}

impl embedded_io_async::Read for Async {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, WouldBlock> {
        Self::wait(&self.1, || embedded_io::Read::read(&mut self.0, buf)).await
    }
}

impl embedded_io_async::Write for Async {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, WouldBlock> {
        Self::wait(&self.1, || embedded_io::Write::write(&mut self.0, buf)).await
    }

    async fn flush(&mut self) -> Result<(), WouldBlock> {
        Self::wait(&self.1, || embedded_io::Write::flush(&mut self.0)).await
    }
}
