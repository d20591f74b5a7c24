//! One machine on the network: a smoltcp interface and its TCP sockets, of which one is in use at a
//! time.

use core::mem;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::Device;
use smoltcp::socket::tcp;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetAddress, IpCidr, IpEndpoint, Ipv4Address};

use crate::TcpError;

/// What a stack needs of the machine that it runs on: packets, by [`Device`], and time.
pub trait Machine: Device {
    /// Returns the time since some beginning.
    fn now(&self) -> Instant;

    /// Waits until a packet has come, or until `deadline`. It may return earlier.
    fn wait(&mut self, deadline: Instant);
}

/// The memory of a TCP socket, in bytes that have been received and not been read, and that have
/// been written and not been acknowledged.
#[derive(Debug)]
pub struct Rings<'r> {
    /// Its length is the window that the peer is granted.
    pub receive: &'r mut [u8],
    /// Holds what may have to be sent again.
    pub transmit: &'r mut [u8],
}

/// A machine, its stack, and its TCP sockets.
pub struct Stack<'r, M> {
    machine: M,
    interface: Interface,
    sockets: SocketSet<'r>,
    in_use: SocketHandle,
    /// Those that listen, or have a client that waits.
    others: Vec<SocketHandle>,
}

impl<'r, M: Machine> Stack<'r, M> {
    /// Puts a machine on the network `address`.0/24. What `seed` makes must not be foreseeable in a
    /// network with strangers: it is where TCP's sequence numbers come from.
    pub fn new(mut machine: M, address: Ipv4Address, seed: u64, rings: Rings<'r>) -> Self {
        let [.., number] = address.octets();
        // Locally administered.
        let hardware_address = EthernetAddress([0x02, 0, 0, 0, 0, number]);
        let mut config = Config::new(hardware_address.into());
        config.random_seed = seed;
        let now = machine.now();
        let mut interface = Interface::new(config, &mut machine, now);
        interface.update_ip_addrs(|addresses| {
            // There is room for one.
            addresses.push(IpCidr::new(address.into(), 24)).ok();
        });
        let mut sockets = SocketSet::new(Vec::new());
        let in_use = sockets.add(new_socket(rings));
        Self { machine, interface, sockets, in_use, others: Vec::new() }
    }

    /// Adds a socket, for a client that comes while another is served: smoltcp has no backlog, and
    /// refuses whom no socket is there for.
    pub fn add_socket(&mut self, rings: Rings<'r>) {
        self.others.push(self.sockets.add(new_socket(rings)));
    }

    /// Gives up every connection whose peer is silent for so long, keep-alives or not.
    pub fn give_up_after(&mut self, silence: Duration) {
        for handle in self.others.iter().chain([&self.in_use]) {
            self.sockets.get_mut::<tcp::Socket<'_>>(*handle).set_timeout(Some(silence));
        }
    }

    /// Opens a connection.
    ///
    /// # Errors
    ///
    /// Any [`TcpError`].
    pub fn connect(
        &mut self,
        remote: IpEndpoint,
        local_port: u16,
        limit: Duration,
    ) -> Result<(), TcpError> {
        let socket = self.sockets.get_mut::<tcp::Socket<'_>>(self.in_use);
        socket.connect(self.interface.context(), remote, local_port)?;
        self.until(limit, |socket| match socket.state() {
            tcp::State::SynSent | tcp::State::SynReceived => Ok(None),
            tcp::State::Closed => Err(TcpError::Reset),
            _ => Ok(Some(())),
        })
    }

    /// Waits for a connection to `port`, and uses the socket that has it.
    ///
    /// # Errors
    ///
    /// Any [`TcpError`].
    pub fn accept(&mut self, port: u16, limit: Duration) -> Result<(), TcpError> {
        self.run(limit, |stack| {
            let is_there = stack.take_connected();
            stack.let_one_listen(port)?;
            Ok(is_there.then_some(()))
        })
    }

    /// Closes the connection, and waits until the peer has closed it, too. Aborts it if there was
    /// an error.
    ///
    /// # Errors
    ///
    /// [`TcpError::TimedOut`].
    pub fn close(&mut self, limit: Duration) -> Result<(), TcpError> {
        let closed = self.until(limit, |socket| {
            socket.close();
            // A full ring would keep the peer's FIN from coming.
            while socket.recv(|ring| (ring.len(), ring.len())).is_ok_and(|n| n > 0) {}
            Ok((!socket.is_open()).then_some(()))
        });
        if closed.is_err() {
            self.socket().abort();
            self.poll();
        }
        closed
    }

    /// Tells the machine's time.
    pub fn now(&self) -> Instant {
        self.machine.now()
    }

    /// Lends the socket in use.
    pub fn socket(&mut self) -> &mut tcp::Socket<'r> {
        self.sockets.get_mut(self.in_use)
    }

    /// Takes what packets have come, and sends what there is to send. Does not wait.
    pub fn poll(&mut self) {
        self.interface.poll(self.machine.now(), &mut self.machine, &mut self.sockets);
    }

    /// Runs the stack until `ready` finds something in the socket in use; it is asked whenever
    /// something has happened. What it writes leaves when the stack runs again.
    ///
    /// # Errors
    ///
    /// Those of `ready`, and [`TcpError::TimedOut`]: it has found nothing within `limit`.
    pub fn until<R, E: From<TcpError>>(
        &mut self,
        limit: Duration,
        mut ready: impl FnMut(&mut tcp::Socket<'r>) -> Result<Option<R>, E>,
    ) -> Result<R, E> {
        self.run(limit, |stack| ready(stack.socket()))
    }

    fn run<R, E: From<TcpError>>(
        &mut self,
        limit: Duration,
        mut ready: impl FnMut(&mut Self) -> Result<Option<R>, E>,
    ) -> Result<R, E> {
        let deadline = self.machine.now() + limit;
        loop {
            self.poll();
            if let Some(result) = ready(self)? {
                return Ok(result);
            }
            let now = self.machine.now();
            if now >= deadline {
                return Err(TcpError::TimedOut.into());
            }
            // Not later than the stack wants to: to retransmit, say, or to acknowledge.
            let due = self.interface.poll_at(now, &self.sockets);
            self.machine.wait(due.map_or(deadline, |due| due.min(deadline)));
        }
    }

    /// Tells whether there is a socket with a connection, which is now in use.
    fn take_connected(&mut self) -> bool {
        let is_connected = |handle| self.sockets.get::<tcp::Socket<'_>>(handle).may_send();
        if is_connected(self.in_use) {
            return true;
        }
        let connected = self.others.iter().position(|handle| is_connected(*handle));
        if let Some(at) = connected {
            mem::swap(&mut self.in_use, &mut self.others[at]);
        }
        connected.is_some()
    }

    /// Sees to it that one of the sockets listens, if one is free. Of two, smoltcp would give a SYN
    /// that comes again to the one that has not answered it.
    fn let_one_listen(&mut self, port: u16) -> Result<(), TcpError> {
        let mut free = None;
        for handle in self.others.iter().chain([&self.in_use]) {
            match self.sockets.get::<tcp::Socket<'_>>(*handle).state() {
                tcp::State::Listen | tcp::State::SynReceived => return Ok(()),
                tcp::State::Closed | tcp::State::TimeWait => free = Some(*handle),
                _ => {}
            }
        }
        if let Some(handle) = free {
            self.sockets.get_mut::<tcp::Socket<'_>>(handle).listen(port)?;
        }
        Ok(())
    }
}

fn new_socket(rings: Rings<'_>) -> tcp::Socket<'_> {
    let mut socket = tcp::Socket::new(
        tcp::SocketBuffer::new(rings.receive),
        tcp::SocketBuffer::new(rings.transmit),
    );
    // Messages are written whole. Nagle's algorithm would keep one back until the peer has
    // acknowledged the one before.
    socket.set_nagle_enabled(false);
    // Where packets overtake each other and get lost, smoltcp 0.14 may take a window for closed
    // that has been opened, and not probe it: both ends would wait for ever. The answer to a
    // keep-alive tells the window again.
    socket.set_keep_alive(Some(KEEP_ALIVE));
    socket
}

/// How long a peer is silent until it is asked whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
