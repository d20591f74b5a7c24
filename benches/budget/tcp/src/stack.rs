//! A board's TCP as a socket that blocks.

use app::Board;
use embedded_io::{ErrorKind, ErrorType, Read, Write};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::socket::tcp::{RecvError, Socket};
use smoltcp::wire::{EthernetAddress, IpCidr, Ipv4Address};

/// The one socket of a board and what runs it.
pub(crate) struct Stack<'a, B> {
    board: &'a mut B,
    interface: Interface,
    sockets: SocketSet<'a>,
    handle: SocketHandle,
}

impl<'a, B: Board> Stack<'a, B> {
    pub(crate) fn new(board: &'a mut B, sockets: SocketSet<'a>, handle: SocketHandle) -> Self {
        let mut config = Config::new(EthernetAddress(board.mac()).into());
        config.random_seed = u64::from(board.random()) << 32 | u64::from(board.random());
        let now = board.now();
        let mut interface = Interface::new(config, board.nic(), now);
        interface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(ADDRESS.into(), 24)).expect("there is room for one");
        });
        interface.routes_mut().add_default_ipv4_route(GATEWAY).expect("there is room for one");
        Self { board, interface, sockets, handle }
    }

    /// Waits for a client.
    pub(crate) fn accept(&mut self) {
        self.until(|socket| {
            if !socket.is_open() {
                socket.listen(PORT).expect("the port is not 0, and the socket is closed");
            }
            socket.may_recv().then_some(())
        });
    }

    /// Closes, and waits until the client has done so too.
    pub(crate) fn close(&mut self) {
        self.until(|socket| {
            socket.close();
            (!socket.is_active()).then_some(())
        });
    }

    /// Runs the stack until `f` has a result.
    fn until<T>(&mut self, mut f: impl FnMut(&mut Socket<'a>) -> Option<T>) -> T {
        loop {
            let now = self.board.now();
            self.interface.poll(now, self.board.nic(), &mut self.sockets);
            if let Some(result) = f(self.sockets.get_mut(self.handle)) {
                return result;
            }
            let delay = self.interface.poll_delay(now, &self.sockets);
            self.board.wait(delay);
        }
    }
}

impl<B> ErrorType for Stack<'_, B> {
    type Error = ErrorKind;
}

impl<B: Board> Read for Stack<'_, B> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize, ErrorKind> {
        self.until(|socket| match socket.recv_slice(out) {
            Ok(0) => None,
            Ok(n) => Some(Ok(n)),
            Err(RecvError::Finished) => Some(Ok(0)),
            Err(RecvError::InvalidState) => Some(Err(ErrorKind::ConnectionReset)),
        })
    }
}

impl<B: Board> Write for Stack<'_, B> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.until(|socket| match socket.send_slice(bytes) {
            Ok(0) => None,
            Ok(n) => Some(Ok(n)),
            Err(_) => Some(Err(ErrorKind::ConnectionReset)),
        })
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        self.interface.poll(self.board.now(), self.board.nic(), &mut self.sockets);
        Ok(())
    }
}

const ADDRESS: Ipv4Address = Ipv4Address::new(10, 0, 2, 15);
const GATEWAY: Ipv4Address = Ipv4Address::new(10, 0, 2, 2);
const PORT: u16 = 80;
