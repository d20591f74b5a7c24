//! The listener, the sessions, and the loop that waits for all of them at once.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use wirelet::Deadline;

use crate::limits::Limits;
use crate::session::{Scratch, Session, Turn, is_temporary};

/// Echoes for as many clients as its limits let in.
#[derive(Debug)]
pub(crate) struct Server {
    listener: TcpListener,
    sessions: Vec<Session>,
    scratch: Scratch,
    limits: Limits,
    /// The listener rests until then, since the machine had no socket to give.
    rest: Option<Deadline>,
    started: Instant,
}

impl Server {
    pub(crate) fn bind(address: &str, limits: Limits) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(Self {
            listener,
            sessions: Vec::new(),
            scratch: Scratch::new(),
            limits,
            rest: None,
            started: Instant::now(),
        })
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until waiting itself fails.
    pub(crate) fn run(mut self) -> io::Result<Infallible> {
        loop {
            self.turn()?;
        }
    }

    /// Waits until something is ready or due, and does it.
    fn turn(&mut self) -> io::Result<()> {
        let mut ready = self.wait()?.into_iter();
        let now = self.now();
        let Self { sessions, scratch, limits, .. } = self;
        let mut n_open = sessions.iter().filter(|session| session.is_open()).count();
        for (session, ready) in sessions.iter_mut().zip(ready.by_ref()) {
            let was_open = session.is_open();
            let full = n_open >= limits.connections;
            session.serve(ready, &Turn { now, full, limits }, scratch);
            n_open += usize::from(session.is_open() && !was_open);
        }
        sessions.retain(|session| !session.is_over());
        if ready.next() == Some(true) {
            self.accept(now);
        }
        Ok(())
    }

    /// Waits; tells of each session, and of the listener if it listens, whether it is ready.
    fn wait(&self) -> io::Result<Vec<bool>> {
        let now = self.now();
        let mut fds: Vec<_> = self.sessions.iter().map(Session::interest).collect();
        let resting = self.rest.and_then(|rest| rest.remaining(now));
        if resting.is_none() && self.has_room() {
            fds.push(PollFd::new(&self.listener, PollFlags::IN));
        }
        let next = self.sessions.iter().map(|session| session.wait(now)).chain(resting).min();
        let timeout = next.and_then(|next| Timespec::try_from(next).ok());
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(fds.iter().map(|fd| !fd.revents().is_empty()).collect())
    }

    fn accept(&mut self, now: Duration) {
        while self.has_room() {
            match self.listener.accept() {
                // An error here is that of a client which has left already.
                Ok((stream, _)) => self.sessions.extend(Session::new(stream, now, &self.limits)),
                Err(error) if is_temporary(&error) => return,
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    // The listener stays ready: to try again at once would be to spin.
                    eprintln!("cannot accept: {error}; trying again in {REST:?}");
                    self.rest = Some(Deadline::after(REST, now));
                    return;
                }
            }
        }
    }

    fn has_room(&self) -> bool {
        self.sessions.len() < self.limits.connections + self.limits.spare_sockets
    }

    /// Time as the engine wants it: since any fixed moment.
    fn now(&self) -> Duration {
        self.started.elapsed()
    }
}

const REST: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
