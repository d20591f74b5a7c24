//! One run of `wirelet connect`, with what it said and what the server saw of it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command};
use std::sync::mpsc;
use std::thread;

use crate::harness::connect::start;
use crate::harness::{self, CLOSE, LIMIT, TEXT};

/// A program that runs.
pub(crate) struct Connect {
    child: Child,
    pub(crate) stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    /// What it has printed until now.
    printed: String,
}

/// How it ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) printed: String,
    pub(crate) said: String,
}

impl Connect {
    pub(crate) fn to(url: &str, args: &[&str]) -> Self {
        let mut child = start(&[&[url], args].concat());
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdin, stdout, printed: String::new() }
    }

    /// Types a line, or the beginning of one.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stdin.as_mut().unwrap().write_all(bytes).unwrap();
    }

    /// Waits for a line.
    pub(crate) fn line(&mut self) -> &mut Self {
        self.stdout.read_line(&mut self.printed).unwrap();
        self
    }

    /// Sends a signal of this name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Ended {
        let stdout = self.stdout;
        let printing = thread::spawn(move || read(stdout));
        let printed = self.printed + &printing.join().unwrap();
        Self::ended(&mut self.child, printed)
    }

    /// Waits for a line, and for the end.
    pub(crate) fn line_then_end(mut self) -> Ended {
        self.line();
        self.end()
    }

    /// Reads no more of the output, does something, and waits for the end.
    pub(crate) fn end_unheard_after(mut self, then: impl FnOnce()) -> Ended {
        drop(self.stdout);
        then();
        Self::ended(&mut self.child, self.printed)
    }

    fn ended(child: &mut Child, printed: String) -> Ended {
        let said = read(child.stderr.take().unwrap());
        Ended { code: child.wait().unwrap().code(), printed, said }
    }
}

fn read(mut from: impl std::io::Read) -> String {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Accepts one connection and serves it; what that returns can be asked for.
pub(crate) fn serve<T: Send + 'static>(
    work: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (String, mpsc::Receiver<T>) {
    let (addr, seen) = listen(|socket| work(harness::accept(socket)));
    (format!("ws://{addr}/"), seen)
}

/// The same, before the opening handshake.
pub(crate) fn listen<T: Send + 'static>(
    work: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (SocketAddr, mpsc::Receiver<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let (sender, seen) = mpsc::channel();
    thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        let _ = sender.send(work(socket));
    });
    (addr, seen)
}

/// Reads to the close frame of a client; returns its code. 1005 is that there is none, 1006 no close frame, as browsers
/// have it.
pub(crate) fn close_code(socket: &mut TcpStream) -> u16 {
    let frames = std::iter::from_fn(|| harness::read_client_frame(socket));
    match frames.into_iter().find(|(first, _)| *first == CLOSE) {
        None => 1006,
        Some((_, payload)) => payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code)),
    }
}

/// A close frame of a server.
pub(crate) fn close(code: u16, reason: &str) -> Vec<u8> {
    server_frame(CLOSE, &[&code.to_be_bytes()[..], reason.as_bytes()].concat())
}

/// A short text of a server.
pub(crate) fn text(text: &str) -> Vec<u8> {
    server_frame(TEXT, text.as_bytes())
}

pub(crate) fn server_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    [&[first, u8::try_from(payload.len()).unwrap()][..], payload].concat()
}
