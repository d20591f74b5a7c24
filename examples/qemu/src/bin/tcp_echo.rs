//! A plain TCP echo server on smoltcp: what a WebSocket server is measured against.

#![no_std]
#![no_main]

use semihosting as _; // the panic handler, which is needed also where nothing else is

#[cfg(target_arch = "arm")]
mod lm3s6965evb {
    use app::Board;
    use boards::lm3s6965evb::{self, Lm3s6965evb};
    use smoltcp::iface::{Config, Interface, SocketSet, SocketStorage};
    use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
    use smoltcp::wire::{EthernetAddress, IpCidr, Ipv4Address};

    const ADDRESS: Ipv4Address = Ipv4Address::new(10, 0, 2, 15);
    const GATEWAY: Ipv4Address = Ipv4Address::new(10, 0, 2, 2);
    const PORT: u16 = 80;

    #[cortex_m_rt::entry]
    fn main() -> ! {
        echo(&mut lm3s6965evb::take())
    }

    fn echo(board: &mut Lm3s6965evb) -> ! {
        let mut interface = interface(board);
        let (mut received, mut to_send) = ([0; 1024], [0; 1024]);
        let socket =
            Socket::new(SocketBuffer::new(&mut received[..]), SocketBuffer::new(&mut to_send[..]));
        let mut storage = [SocketStorage::EMPTY];
        let mut sockets = SocketSet::new(&mut storage[..]);
        let handle = sockets.add(socket);

        loop {
            let now = board.now();
            interface.poll(now, board.nic(), &mut sockets);
            serve(sockets.get_mut::<Socket>(handle));
            let delay = interface.poll_delay(now, &sockets);
            board.wait(delay);
        }
    }

    fn interface(board: &mut Lm3s6965evb) -> Interface {
        let mut config = Config::new(EthernetAddress(board.mac()).into());
        config.random_seed = u64::from(board.random()) << 32 | u64::from(board.random());
        let now = board.now();
        let mut interface = Interface::new(config, board.nic(), now);
        interface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(ADDRESS.into(), 24)).expect("there is room for one");
        });
        interface.routes_mut().add_default_ipv4_route(GATEWAY).expect("there is room for one");
        interface
    }

    fn serve(socket: &mut Socket<'_>) {
        if !socket.is_open() {
            socket.listen(PORT).expect("the port is not 0, and the socket is closed");
        }
        let mut bytes = [0; 256];
        while socket.can_recv() && socket.can_send() {
            let room = bytes.len().min(socket.send_capacity() - socket.send_queue());
            let n = socket.recv_slice(&mut bytes[..room]).expect("there are bytes");
            socket.send_slice(&bytes[..n]).expect("there is room for them");
        }
        if socket.state() == State::CloseWait && !socket.can_recv() {
            socket.close();
        }
    }
}
