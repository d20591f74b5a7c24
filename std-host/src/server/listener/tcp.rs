//! Sockets of TCP: those that listen, and the options of those that are accepted.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use mio::net::TcpStream;
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, TcpKeepalive, Type};

use super::BACKLOG;

/// What the system is to look after on each connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TcpOptions {
    pub(crate) keepalive: Option<Duration>,
    pub(crate) user_timeout: Option<Duration>,
}

impl TcpOptions {
    /// Sets the options of a socket that was accepted. One that is gone already is noticed later.
    pub(crate) fn set(&self, stream: &TcpStream) {
        let _ = stream.set_nodelay(true);
        let socket = SockRef::from(stream);
        // What the system has taken and not sent is nothing that a peer could have read. With
        // little of it, a ping soon reaches the peer, and it shows soon that one does not read.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let _ = socket.set_tcp_notsent_lowat(NOT_SENT);
        if let Some(time) = self.keepalive {
            // Whole seconds, which the system wants.
            let keepalive = TcpKeepalive::new().with_time(time.max(Duration::from_secs(1)));
            let _ = socket.set_tcp_keepalive(&keepalive);
        }
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if self.user_timeout.is_some() {
            let _ = socket.set_tcp_user_timeout(self.user_timeout);
        }
    }
}

/// Binds the first address of a name that can be bound. With `n`, it gets so many sockets, and other programs may
/// have more. `v4_ports` are those that other sockets of the server have on IPv4.
pub(super) async fn bind(
    addr: &str,
    n: Option<usize>,
    v4_ports: &[u16],
) -> io::Result<Vec<TcpListener>> {
    let mut result = Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    for addr in tokio::net::lookup_host(addr).await? {
        result = bind_sockets(addr, n, v4_ports);
        if result.is_ok() {
            break;
        }
    }
    result
}

fn bind_sockets(
    mut addr: SocketAddr,
    n: Option<usize>,
    v4_ports: &[u16],
) -> io::Result<Vec<TcpListener>> {
    let mut sockets = Vec::new();
    for _ in 0..n.unwrap_or(1) {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        // Or the port could not be taken for a minute after the last server ended.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        #[cfg(all(unix, not(target_os = "solaris"), not(target_os = "illumos")))]
        if n.is_some() {
            socket.set_reuse_port(true)?;
        }
        // RFC 3493 §5.3: `[::]` alone may take IPv4, too, and cannot where another has the port.
        if addr.is_ipv6() && v4_ports.contains(&addr.port()) {
            socket.set_only_v6(true)?;
        }
        socket.bind(&SockAddr::from(addr))?;
        socket.listen(BACKLOG)?;
        let listener = TcpListener::from(socket);
        addr = listener.local_addr()?;
        sockets.push(listener);
    }
    Ok(sockets)
}

/// So much may wait in the system to be sent for the first time, in bytes.
#[cfg(any(target_os = "linux", target_os = "android"))]
const NOT_SENT: u32 = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accepted_socket_has_the_options_that_were_asked_for() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let accept = |options: TcpOptions| {
            let _peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (stream, _) = listener.accept().unwrap();
            let stream = TcpStream::from_std(stream);
            options.set(&stream);
            assert!(stream.nodelay().unwrap());
            stream
        };
        let plain = accept(TcpOptions::default());
        assert!(!SockRef::from(&plain).keepalive().unwrap());
        let (minute, second) = (Duration::from_secs(60), Duration::from_millis(1500));
        let set = accept(TcpOptions { keepalive: Some(minute), user_timeout: Some(second) });
        let set = SockRef::from(&set);
        assert!(set.keepalive().unwrap());
        #[cfg(target_os = "linux")]
        {
            assert_eq!(set.tcp_keepalive_time().unwrap(), minute);
            assert_eq!(set.tcp_user_timeout().unwrap(), Some(second));
            assert_eq!(SockRef::from(&plain).tcp_user_timeout().unwrap(), None);
        }
    }
}
