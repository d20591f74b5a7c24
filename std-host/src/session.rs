//! An open connection of a server: the task that serves it.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncWriteExt as _, Interest};
use tokio::net::TcpStream;
use wirelet::{Action, Deadline, Keepalive, Received, Server};

use crate::endpoint::{Endpoint, Failure};
use crate::handler::{Closed, Context, Handler};
use crate::handshake::is_temporary;
use crate::hub::Entry;
use crate::scratch;
use crate::server::Shared;

/// One connection from its handshake on.
pub(crate) struct Session<H> {
    stream: TcpStream,
    endpoint: Endpoint<Server>,
    /// What the socket has not taken yet. While there is any, nothing is read, so that a peer that
    /// sends and never reads holds up itself alone.
    unsent: Vec<u8>,
    keepalive: Keepalive,
    /// Runs from the moment at which a close frame was sent or ordered.
    close_deadline: Option<Deadline>,
    /// Why the connection ends; what is unsent goes out first if it can.
    end: Option<Closed>,
    started: Instant,
    entry: Entry,
    shared: Arc<Shared<H>>,
}

impl<H: Handler> Session<H> {
    pub(crate) fn new(stream: TcpStream, entry: Entry, shared: Arc<Shared<H>>) -> Self {
        let limits = &shared.limits;
        Self {
            stream,
            endpoint: Endpoint::new(Server, limits.message_bytes),
            unsent: Vec::new(),
            keepalive: Keepalive::new(limits.ping_interval, limits.ping_timeout, Duration::ZERO),
            close_deadline: None,
            end: None,
            started: Instant::now(),
            entry,
            shared,
        }
    }

    /// Serves the connection to its end; `early` came together with the request.
    pub(crate) async fn run(mut self, mut early: Vec<u8>) {
        scratch::with(|scratch| {
            let link = self.endpoint.link(&mut scratch.output);
            self.shared.handler.opened(&mut Context::new(link, &self.entry.peer, &self.shared.hub));
            self.process(&mut early, &mut scratch.output);
            self.write(&scratch.output);
        });
        drop(early);
        while !self.is_over() {
            self.turn().await;
        }
        let Self { mut stream, end, entry, shared, .. } = self;
        let peer = Arc::clone(&entry.peer);
        drop(entry);
        let closed = end.unwrap_or(Closed::Eof);
        tracing::debug!("{closed}");
        shared.handler.closed(&peer, &closed);
        if !matches!(closed, Closed::Eof | Closed::Io(_)) {
            let _ = tokio::time::timeout(shared.limits.close_time, linger(&mut stream)).await;
        }
    }

    /// Waits for one thing to happen and handles it.
    async fn turn(&mut self) {
        let interest = if self.unsent.is_empty() { Interest::READABLE } else { Interest::WRITABLE };
        let wait = self.wait();
        tokio::select! {
            ready = self.stream.ready(interest) => match ready {
                Err(error) => self.end = Some(Closed::Io(error)),
                Ok(_) if self.unsent.is_empty() => self.read(),
                Ok(_) => self.write_unsent(),
            },
            () = self.entry.peer.outbox.wait() => self.take_outbox(),
            () = tokio::time::sleep(wait) => self.tick(),
        }
    }

    /// Takes what the socket has, at most a buffer full, and sends all replies to it in one write.
    fn read(&mut self) {
        scratch::with(|scratch| match self.stream.try_read(&mut scratch.input) {
            Ok(0) => {
                self.end.get_or_insert(Closed::Eof);
            }
            Ok(n) => {
                self.keepalive.heard(self.now());
                self.process(&mut scratch.input[..n], &mut scratch.output);
                self.write(&scratch.output);
            }
            Err(error) if is_temporary(&error) => {}
            Err(error) => self.end = Some(Closed::Io(error)),
        });
    }

    /// Handles received bytes; appends the replies to `out`.
    fn process(&mut self, input: &mut [u8], out: &mut Vec<u8>) {
        let Self { endpoint, entry, shared, end, .. } = self;
        let result = endpoint.receive(input, out, |received, link| match received {
            Received::Data(message) => {
                let mut context = Context::new(link.reborrow(), &entry.peer, &shared.hub);
                shared.handler.message(message, &mut context);
            }
            Received::Ping(_) | Received::Pong(_) => {}
            Received::Close(close) => {
                *end = Some(Closed::ByPeer { code: close.code(), reason: close.reason().into() });
            }
        });
        match result {
            Ok(()) => {}
            Err(Failure::Protocol(error)) => self.end = Some(Closed::Protocol(error)),
            Err(Failure::Capacity(error)) => self.end = Some(Closed::Capacity(error)),
            Err(Failure::EmptyFragments) => self.end = Some(Closed::EmptyFragments),
        }
        if self.end.is_some() || self.endpoint.is_close_sent() {
            self.start_close_deadline();
        }
    }

    /// Sends what other tasks have put into the outbox.
    fn take_outbox(&mut self) {
        if self.entry.peer.outbox.is_closing() {
            self.start_close_deadline();
        }
        if !self.unsent.is_empty() || self.endpoint.is_close_sent() {
            return; // later, or never
        }
        let taken = self.entry.peer.outbox.take();
        scratch::with(|scratch| {
            let mut link = self.endpoint.link(&mut scratch.output);
            for frame in &taken.frames {
                link.append_encoded(frame);
            }
            if let Some(code) = taken.close {
                // Only a close that was sent already could stand against it.
                let _ = link.close(code.into());
            }
            self.write(&scratch.output);
        });
    }

    /// Writes `out` behind what is unsent.
    fn write(&mut self, mut out: &[u8]) {
        while self.unsent.is_empty() && !out.is_empty() {
            match self.stream.try_write(out) {
                Ok(n) => out = &out[n..],
                Err(error) if is_temporary(&error) => break,
                Err(error) => {
                    self.end = Some(Closed::Io(error));
                    return;
                }
            }
        }
        self.unsent.extend_from_slice(out);
    }

    fn write_unsent(&mut self) {
        let unsent = std::mem::take(&mut self.unsent);
        self.write(&unsent);
        if self.unsent.is_empty() {
            self.take_outbox();
        }
    }

    /// How long nothing has to happen.
    fn wait(&mut self) -> Duration {
        match self.close_deadline {
            Some(deadline) => deadline.remaining(self.now()).unwrap_or_default(),
            None => self.keepalive.remaining(self.now()),
        }
    }

    /// Does what is due.
    fn tick(&mut self) {
        let now = self.now();
        if let Some(deadline) = self.close_deadline {
            if deadline.remaining(now).is_none() {
                self.unsent = Vec::new();
                self.end.get_or_insert(Closed::TimedOut);
            }
            return;
        }
        match self.keepalive.poll(now) {
            Action::Wait(_) => {}
            Action::Ping => scratch::with(|scratch| {
                // No close has been sent, or its deadline would be running.
                let _ = self.endpoint.link(&mut scratch.output).ping(b"");
                self.write(&scratch.output);
            }),
            Action::Disconnect => self.end = Some(Closed::TimedOut),
        }
    }

    fn start_close_deadline(&mut self) {
        let now = self.now();
        self.close_deadline.get_or_insert(Deadline::after(self.shared.limits.close_time, now));
    }

    fn is_over(&self) -> bool {
        match self.end {
            None => false,
            Some(Closed::Eof | Closed::Io(_) | Closed::TimedOut) => true,
            Some(_) => self.unsent.is_empty(),
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }
}

/// Ends our direction of TCP first, as §7.1.1 wants of a server, and waits for the peer's end, so
/// that no reset overtakes the close frame.
pub(crate) async fn linger(stream: &mut TcpStream) -> io::Result<()> {
    stream.shutdown().await?;
    loop {
        stream.readable().await?;
        match scratch::with(|scratch| stream.try_read(&mut scratch.input)) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if is_temporary(&error) => {}
            Err(error) => return Err(error),
        }
    }
}
