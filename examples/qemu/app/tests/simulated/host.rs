//! A host with many TCP connections, and the board at the other end of its cable.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use app::Board;
use app::server::{Rings, SLOTS, Server, Status};
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::Socket as AnySocket;
use smoltcp::socket::tcp::{RecvError, Socket, SocketBuffer, State};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetAddress, IpCidr, Ipv4Address};

use crate::link::{Cable, Nic};

/// The host, the server on its board, and the time of both.
pub struct Host {
    pub server: Server<'static>,
    board: TestBoard,
    network: Network,
    cable: Rc<RefCell<Cable>>,
    next_port: u16,
    /// Bytes of the rings of the next connections.
    pub ring_len: usize,
}

/// A TCP connection of the host.
#[derive(Clone, Copy)]
pub struct Tcp {
    handle: SocketHandle,
    port: u16,
}

impl Host {
    pub fn new() -> Self {
        let (board_nic, host_nic, cable) = Nic::pair();
        let clock = Rc::new(Cell::new(Instant::ZERO));
        let mut board = TestBoard::new(board_nic, clock.clone());
        let rings = vec![Rings::EMPTY; SLOTS].leak().try_into().unwrap();
        let sockets = Box::leak(Box::new([SocketStorage::EMPTY; SLOTS]));
        let server = Server::new(rings, sockets, &mut board);
        let network = Network::new(host_nic, clock, Ipv4Address::new(10, 0, 2, 2));
        Self { server, board, network, cable, next_port: 49152, ring_len: 1 << 16 }
    }

    /// Lets the network lose so many of a thousand frames.
    pub fn lose(&self, of_a_thousand: u32) {
        self.cable.borrow_mut().loss = of_a_thousand;
    }

    pub fn lost(&self) -> u32 {
        self.cable.borrow().lost
    }

    pub fn now(&self) -> Instant {
        self.network.clock.get()
    }

    pub fn status(&self) -> Status {
        self.server.status(self.now())
    }

    /// Lets time pass until `done` says so; tells whether it did within `limit`.
    pub fn run_until(&mut self, limit: Duration, mut done: impl FnMut(&mut Self) -> bool) -> bool {
        let end = self.now() + limit;
        let mut n_polls = 0;
        loop {
            let board = self.server.poll(&mut self.board);
            self.network.poll();
            if done(self) {
                return true;
            }
            let now = self.now();
            if now >= end {
                return false;
            }
            // On to when there is something to do.
            let host = self.network.idle();
            let next = [board, host].into_iter().flatten().map(|idle| now + idle);
            let arrival = self.cable.borrow().next_arrival();
            let next = next.chain(arrival).fold(end, Instant::min).max(now);
            self.network.clock.set(next);
            n_polls = if next > now { 0 } else { n_polls + 1 };
            assert!(n_polls < 10_000, "the board is never done");
        }
    }

    pub fn run_for(&mut self, time: Duration) {
        self.run_until(time, |_| false);
    }

    /// Begins to connect.
    pub fn start_to_connect(&mut self) -> Tcp {
        let port = self.next_port;
        self.next_port = port.checked_add(1).unwrap_or(49152);
        self.cable.borrow_mut().gone.remove(&port);
        let mut socket = tcp_socket(self.ring_len);
        socket
            .connect(self.network.interface.context(), (Ipv4Address::new(10, 0, 2, 15), 80), port)
            .unwrap();
        Tcp { handle: self.network.sockets.add(socket), port }
    }

    /// Connects; tells whether the board let it.
    pub fn connect(&mut self) -> Option<Tcp> {
        let tcp = self.start_to_connect();
        let answered = self.run_until(PATIENCE, |host| {
            let socket = host.socket(tcp);
            socket.may_send() || !socket.is_open()
        });
        assert!(answered, "the board is silent");
        self.socket(tcp).may_send().then_some(tcp)
    }

    pub fn socket(&mut self, tcp: Tcp) -> &mut Socket<'static> {
        self.network.sockets.get_mut(tcp.handle)
    }

    /// Sends `bytes`, as far as the board takes them within `limit`; returns how many.
    pub fn send_within(&mut self, limit: Duration, tcp: Tcp, bytes: &[u8]) -> usize {
        let mut sent = 0;
        self.run_until(limit, |host| {
            sent += host.socket(tcp).send_slice(&bytes[sent..]).unwrap_or(0);
            sent == bytes.len() || !host.socket(tcp).may_send()
        });
        sent
    }

    pub fn send(&mut self, tcp: Tcp, bytes: &[u8]) {
        assert_eq!(self.send_within(PATIENCE, tcp, bytes), bytes.len());
    }

    /// Takes what has been received.
    pub fn receive(&mut self, tcp: Tcp) -> Vec<u8> {
        let mut bytes = vec![0; 1 << 16];
        let n = self.socket(tcp).recv_slice(&mut bytes).unwrap_or(0);
        bytes.truncate(n);
        bytes
    }

    /// Receives all until the board closes TCP; `None` if it resets it, or is silent.
    pub fn receive_to_end(&mut self, tcp: Tcp) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let ended = self.run_until(PATIENCE, |host| {
            bytes.extend(host.receive(tcp));
            !host.socket(tcp).may_recv()
        });
        let closed = self.socket(tcp).recv_slice(&mut [0]) == Err(RecvError::Finished);
        (ended && closed).then_some(bytes)
    }

    /// Tells whether the board resets the connection within `limit`.
    pub fn is_reset_within(&mut self, limit: Duration, tcp: Tcp) -> bool {
        self.run_until(limit, |host| {
            let _ = host.receive(tcp);
            !host.socket(tcp).is_open()
        })
    }

    /// Closes TCP, and waits until the board knows.
    pub fn close(&mut self, tcp: Tcp) {
        self.socket(tcp).close();
        let closed = self.run_until(PATIENCE, |host| !host.socket(tcp).is_open());
        assert!(closed, "the board leaves TCP half open");
    }

    pub fn reset(&mut self, tcp: Tcp) {
        self.socket(tcp).abort();
        self.network.poll(); // sends the reset
        self.network.sockets.remove(tcp.handle);
    }

    /// Forgets the connections that have ended.
    pub fn forget_closed(&mut self) {
        let is_closed = |(handle, socket): (SocketHandle, &AnySocket<'_>)| match socket {
            AnySocket::Tcp(tcp) => (tcp.state() == State::Closed).then_some(handle),
        };
        let closed: Vec<_> = self.network.sockets.iter().filter_map(is_closed).collect();
        for handle in closed {
            self.network.sockets.remove(handle);
        }
    }

    /// Is gone from one moment to the next: nothing is sent, and nothing arrives.
    pub fn vanish(&mut self, tcp: Tcp) {
        self.cable.borrow_mut().gone.insert(tcp.port);
        self.network.sockets.remove(tcp.handle);
    }
}

/// The host's or an echo server's TCP/IP.
pub struct Network {
    pub interface: Interface,
    pub sockets: SocketSet<'static>,
    nic: Nic,
    clock: Rc<Cell<Instant>>,
}

impl Network {
    pub fn new(mut nic: Nic, clock: Rc<Cell<Instant>>, address: Ipv4Address) -> Self {
        let config = Config::new(EthernetAddress([2, 0, 0, 0, 0, 2]).into());
        let mut interface = Interface::new(config, &mut nic, clock.get());
        interface.update_ip_addrs(|list| list.push(IpCidr::new(address.into(), 24)).unwrap());
        Self { interface, sockets: SocketSet::new(Vec::new()), nic, clock }
    }

    pub fn poll(&mut self) {
        self.interface.poll(self.clock.get(), &mut self.nic, &mut self.sockets);
    }

    /// Returns for how long there is nothing to do, unless a frame comes.
    pub fn idle(&mut self) -> Option<Duration> {
        self.interface.poll_delay(self.clock.get(), &self.sockets)
    }
}

/// The board, on which nothing waits: the clock is moved by the test.
pub struct TestBoard {
    nic: Nic,
    clock: Rc<Cell<Instant>>,
    random: Xoshiro256PlusPlus,
}

impl TestBoard {
    pub fn new(nic: Nic, clock: Rc<Cell<Instant>>) -> Self {
        Self { nic, clock, random: Xoshiro256PlusPlus::seed_from_u64(1) }
    }
}

impl Board for TestBoard {
    type Nic = Nic;

    fn nic(&mut self) -> &mut Nic {
        &mut self.nic
    }

    fn mac(&self) -> [u8; 6] {
        [2, 0, 0, 0, 0, 1]
    }

    fn now(&self) -> Instant {
        self.clock.get()
    }

    fn wait(&mut self, _: Option<Duration>) {
        unreachable!("the server does not wait; `run` does");
    }

    fn random(&mut self) -> u32 {
        self.random.next_u32()
    }
}

pub fn tcp_socket(ring_len: usize) -> Socket<'static> {
    let ring = || SocketBuffer::new(vec![0; ring_len]);
    let mut socket = Socket::new(ring(), ring());
    socket.set_nagle_enabled(false);
    socket
}

/// How long the board may take for what it does at once, with every segment lost a few times.
pub const PATIENCE: Duration = Duration::from_secs(60);
