//! Servers made by hand, which hand out what they were asked.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::opening::accepted;
use super::read_head;

/// Answers the head of each request by what `answer` makes of it, and waits for the client to leave.
/// The heads can be received.
pub(crate) fn answering(
    answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
) -> (SocketAddr, mpsc::Receiver<String>) {
    listening("127.0.0.1:0", answer)
}

/// The same at another address.
pub(crate) fn listening(
    addr: &str,
    answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
) -> (SocketAddr, mpsc::Receiver<String>) {
    let listener = TcpListener::bind(addr).unwrap();
    let addr = listener.local_addr().unwrap();
    let (heads, received) = mpsc::channel();
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for socket in listener.incoming() {
            let (answer, heads) = (Arc::clone(&answer), heads.clone());
            thread::spawn(move || {
                let mut socket = socket.unwrap();
                // One that has found another way says nothing.
                if matches!(socket.peek(&mut [0]), Ok(0) | Err(_)) {
                    return;
                }
                let head = read_head(&mut socket);
                let bytes = answer(&head);
                let _ = heads.send(head);
                socket.write_all(&bytes).unwrap();
                // A server ends TCP first.
                let _ = socket.shutdown(Shutdown::Write);
                let _ = socket.read_to_end(&mut Vec::new());
            });
        }
    });
    (addr, received)
}

/// Accepts each connection and closes it cleanly.
pub(crate) fn accepting() -> (SocketAddr, mpsc::Receiver<String>) {
    answering(closing)
}

/// The answer that accepts a request, and a close frame.
pub(crate) fn closing(head: &str) -> Vec<u8> {
    [accepted(head).as_bytes(), b"\x88\x02\x03\xe8"].concat()
}

/// A listener whose backlog is full, so that it answers nobody who connects, and those who fill it.
#[cfg(target_os = "linux")]
pub(crate) struct Dead {
    pub(crate) listener: TcpListener,
    waiting: Vec<socket2::Socket>,
}

#[cfg(target_os = "linux")]
impl Dead {
    pub(crate) fn at(addr: &str) -> Self {
        use socket2::{Domain, Socket, Type};
        let new = || Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let listener = new();
        let addr: SocketAddr = addr.parse().unwrap();
        listener.bind(&addr.into()).unwrap();
        listener.listen(0).unwrap();
        let addr = listener.local_addr().unwrap();
        let waiting = (0..4).map(|_| {
            let socket = new();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&addr);
            socket
        });
        let dead = Self { waiting: waiting.collect(), listener: listener.into() };
        thread::sleep(Duration::from_millis(200));
        dead
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// Lets those who fill the backlog go, and others in for so long; returns how many have come and
    /// not left.
    pub(crate) fn revive(self, time: Duration) -> usize {
        drop(self.waiting);
        self.listener.set_nonblocking(true).unwrap();
        let (begin, mut peers) = (Instant::now(), Vec::new());
        while begin.elapsed() < time {
            peers.extend(self.listener.accept().ok());
            thread::sleep(Duration::from_millis(20));
        }
        let is_there = |socket: &mut TcpStream| {
            socket.set_nonblocking(true).unwrap();
            let read = socket.read(&mut [0]);
            read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
        };
        peers.iter_mut().map(|(socket, _)| is_there(socket)).filter(|is_there| *is_there).count()
    }
}
