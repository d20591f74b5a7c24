//! The floor: what one read and one write cost, without WebSocket. An echo of plain bytes on epoll; or,
//! with `--broadcast SIZE`, every SIZE bytes that a connection sends go to all connections.

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;

use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let message_len = match (args.next().as_deref(), args.next()) {
        (None, None) => None,
        (Some("--broadcast"), Some(size)) => Some(size.parse()?),
        _ => return Err("usage: raw [--broadcast SIZE]".into()),
    };
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("listening on tcp://{}", listener.local_addr()?);
    let mut peers = Peers { all: Vec::new(), message_len, buffer: vec![0; BUFFER_BYTES] };
    let mut events = Events::with_capacity(1024);
    loop {
        match poll.poll(&mut events, None) {
            // As when a tracer attaches.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            result => result?,
        }
        for event in &events {
            if event.token() == LISTENER {
                peers.accept(&listener, &poll)?;
            } else {
                peers.serve(event);
            }
        }
    }
}

/// The connections, each at the place that its token names.
struct Peers {
    all: Vec<Option<Peer>>,
    /// Bytes of a message that goes to all; `None` if each gets back its own.
    message_len: Option<usize>,
    /// What is read, for all connections.
    buffer: Vec<u8>,
}

struct Peer {
    stream: TcpStream,
    /// What has been read of a message to all.
    message: Vec<u8>,
    /// What the socket has not taken yet. While there is any, nothing is read.
    unsent: Vec<u8>,
}

impl Peers {
    fn accept(&mut self, listener: &TcpListener, poll: &Poll) -> io::Result<()> {
        loop {
            let mut stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            stream.set_nodelay(true)?;
            let free = self.all.iter().position(Option::is_none).unwrap_or(self.all.len());
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut stream, Token(free), interest)?;
            let peer = Some(Peer { stream, message: Vec::new(), unsent: Vec::new() });
            if free == self.all.len() {
                self.all.push(peer);
            } else {
                self.all[free] = peer;
            }
        }
    }

    /// Does what an event lets a connection do; one that ends or breaks is dropped.
    fn serve(&mut self, event: &Event) {
        let Token(i) = event.token();
        if !matches!(self.advance(i, event), Ok(true)) {
            self.all[i] = None;
        }
    }

    /// Writes and reads what there is; tells whether the connection goes on.
    fn advance(&mut self, i: usize, event: &Event) -> io::Result<bool> {
        let Some(peer) = &mut self.all[i] else { return Ok(false) };
        peer.write_unsent()?;
        while let Some(peer) = &mut self.all[i]
            && peer.unsent.is_empty()
        {
            let n = match peer.stream.read(&mut self.buffer) {
                Ok(0) => return Ok(false),
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            };
            match self.message_len {
                None => peer.write(&self.buffer[..n])?,
                Some(len) => {
                    peer.message.extend_from_slice(&self.buffer[..n]);
                    let whole = peer.message.len() / len * len;
                    let messages: Vec<u8> = peer.message.drain(..whole).collect();
                    for message in messages.chunks(len) {
                        for peer in self.all.iter_mut().flatten() {
                            peer.write(message)?;
                        }
                    }
                }
            }
            // A read that leaves room has emptied the socket; more would make a new event.
            if n < self.buffer.len() && !event.is_read_closed() {
                break;
            }
        }
        Ok(true)
    }
}

impl Peer {
    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while self.unsent.is_empty() && !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(n) => bytes = &bytes[n..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        self.unsent.extend_from_slice(bytes);
        Ok(())
    }

    fn write_unsent(&mut self) -> io::Result<()> {
        let unsent = std::mem::take(&mut self.unsent);
        self.write(&unsent)
    }
}

const LISTENER: Token = Token(usize::MAX);

/// The size that was found to take the least time for messages of 64 KiB and 1 MiB.
const BUFFER_BYTES: usize = 256 * 1024;
