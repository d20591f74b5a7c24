//! Handing a connection over from a worker thread to a task.

use std::io;

use crate::connection::bounds::Bounds;
use crate::connection::{Connection, Ties};
use crate::io::duplex::Transport;
use crate::io::stream::{Plain, Stream};
use crate::server::session::Accepted;

/// Makes a connection of a socket whose acceptance has been written, with what came behind the request.
/// The socket must be registered nowhere else; must be called inside of a tokio runtime, to which it
/// goes.
///
/// # Errors
///
/// The runtime does not take the socket.
pub(crate) fn connection(
    stream: Stream,
    early: Vec<u8>,
    accepted: Accepted,
    bounds: Bounds,
    ties: Ties,
) -> io::Result<Connection> {
    let (plain, tls) = match stream {
        Stream::Plain(plain) => (plain, None),
        Stream::Tls(both) => (both.1, Some(both.0)),
        Stream::Task(_) => return Err(io::Error::other("it is served by a task already")),
    };
    let transport = match plain {
        Plain::Tcp(stream) => {
            Transport::with_tls(tokio::net::TcpStream::from_std(stream.into())?, tls)
        }
        #[cfg(unix)]
        Plain::Unix(stream) => {
            Transport::with_tls(tokio::net::UnixStream::from_std(stream.into())?, tls)
        }
    };
    let agreement = accepted.compression();
    let description = accepted.into_description();
    Ok(Connection::accepted(transport, early, bounds, description, agreement, ties))
}
