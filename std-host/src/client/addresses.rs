//! From a name to TCP: all its addresses, each a little later than the one before (RFC 8305, "happy
//! eyeballs").

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::names::Resolve;
use crate::io::located::located;

/// Connects to the first address that answers. The error names each that was tried.
pub(super) async fn connect(
    host: &str,
    port: u16,
    resolve: &[Resolve],
    deadline: Instant,
) -> io::Result<TcpStream> {
    race(&find(host, port, resolve, deadline).await?, deadline).await
}

/// Finds the addresses of a host, of which there is one at least, in the order in which to try them.
pub(super) async fn find(
    host: &str,
    port: u16,
    resolve: &[Resolve],
    deadline: Instant,
) -> io::Result<Vec<SocketAddr>> {
    let addrs = match Resolve::find(resolve, host, port) {
        Some(addrs) => addrs.iter().map(|addr| SocketAddr::new(*addr, port)).collect(),
        None => timeout_at(deadline, lookup_host((host, port)))
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            .map_err(|error| located(host, error))?
            .collect(),
    };
    match interleaved(addrs) {
        addrs if addrs.is_empty() => {
            Err(io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address")))
        }
        addrs => Ok(addrs),
    }
}

/// Takes addresses of both families by turns (RFC 8305 §4), and none twice.
fn interleaved(mut addrs: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let mut seen = Vec::new();
    addrs.retain(|addr| {
        !seen.contains(addr) && {
            seen.push(*addr);
            true
        }
    });
    let is_first = |addr: &SocketAddr| addr.is_ipv6() == addrs[0].is_ipv6();
    let (first, second): (Vec<_>, Vec<_>) = addrs.iter().copied().partition(is_first);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut all = Vec::with_capacity(addrs.len());
    while all.len() < addrs.len() {
        all.extend(first.next());
        all.extend(second.next());
    }
    all
}

/// Connects to one after the other, without waiting long for any; the others are dropped as soon as
/// one is connected.
pub(super) async fn race(addrs: &[SocketAddr], deadline: Instant) -> io::Result<TcpStream> {
    let mut addrs = addrs.iter().copied();
    let mut tried: Vec<Attempt> = Vec::new();
    let mut under_way = JoinSet::new();
    let mut next_at = Instant::now();
    loop {
        tokio::select! {
            Some(ended) = under_way.join_next() => {
                let (i, result): (usize, io::Result<TcpStream>) = ended.map_err(io::Error::other)?;
                match result {
                    Ok(socket) => {
                        socket.set_nodelay(true)?;
                        return Ok(socket);
                    }
                    Err(error) => tried[i].error = Some(error),
                }
                // §5: the next begins "if an attempt fails", too.
                next_at = Instant::now();
                if under_way.is_empty() && addrs.len() == 0 {
                    return Err(Unreachable(tried).into());
                }
            }
            () = sleep_until(next_at), if addrs.len() > 0 => {
                if let Some(addr) = addrs.next() {
                    let i = tried.len();
                    tried.push(Attempt { addr, error: None });
                    under_way.spawn(async move { (i, TcpStream::connect(addr).await) });
                    next_at = Instant::now() + ATTEMPT_DELAY;
                }
            }
            () = sleep_until(deadline) => return Err(Unreachable(tried).into()),
        }
    }
}

/// An address that was tried; without an error, it has not answered in time.
#[derive(Debug)]
struct Attempt {
    addr: SocketAddr,
    error: Option<io::Error>,
}

/// No address answers.
#[derive(Debug)]
struct Unreachable(Vec<Attempt>);

impl From<Unreachable> for io::Error {
    fn from(error: Unreachable) -> Self {
        let failed = |attempt: &Attempt| attempt.error.as_ref().map(Self::kind);
        let kinds = error.0.iter().map(|attempt| failed(attempt).unwrap_or(TIMED_OUT));
        let kind = kinds.max_by_key(|kind| *kind == TIMED_OUT).unwrap_or(TIMED_OUT);
        Self::new(kind, error)
    }
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, Attempt { addr, error }) in self.0.iter().enumerate() {
            let separator = if i == 0 { "" } else { "; " };
            match error {
                Some(error) => write!(f, "{separator}{addr}: {error}")?,
                None => write!(f, "{separator}{addr}: no answer in time")?,
            }
        }
        Ok(())
    }
}

impl Error for Unreachable {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.iter().find_map(|attempt| attempt.error.as_ref()).map(|error| error as _)
    }
}

const TIMED_OUT: io::ErrorKind = io::ErrorKind::TimedOut;

/// How long after one attempt the next begins, while none has ended. RFC 8305 §5: "a simple
/// implementation can have a fixed delay [...] RECOMMENDED value [...] is 250 milliseconds".
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;

    fn addrs(text: &str) -> Vec<SocketAddr> {
        text.split_whitespace().map(|addr| SocketAddr::new(addr.parse().unwrap(), 80)).collect()
    }

    #[test]
    fn families_take_turns_and_the_first_stays_the_first() {
        for (given, order) in [
            ("", ""),
            ("::1 ::2 ::3 0.0.0.1 0.0.0.2", "::1 0.0.0.1 ::2 0.0.0.2 ::3"),
            ("0.0.0.1 ::1 ::2 ::1 ::3", "0.0.0.1 ::1 ::2 ::3"),
            ("0.0.0.1 0.0.0.2", "0.0.0.1 0.0.0.2"),
        ] {
            assert_eq!(interleaved(addrs(given)), addrs(order), "{given}");
        }
    }
}
