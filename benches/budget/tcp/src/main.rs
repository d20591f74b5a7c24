//! Firmware that echoes over TCP, with smoltcp on lm3s6965evb: what the WebSocket takes beyond an
//! echo of raw bytes where the rest of the firmware is no toy.
#![no_std]
#![no_main]

use boards::lm3s6965evb;
use echo::{Chosen, Echo};
use semihosting as _; // the panic handler
use smoltcp::iface::{SocketSet, SocketStorage};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use static_cell::ConstStaticCell;

mod stack;

use stack::Stack;

static MEMORY: ConstStaticCell<<Chosen as Echo>::Memory> = ConstStaticCell::new(Chosen::MEMORY);

#[cortex_m_rt::entry]
fn main() -> ! {
    let mut board = lm3s6965evb::take();
    let memory = MEMORY.take();
    let (mut received, mut to_send) = ([0; 1024], [0; 1024]);
    let socket =
        Socket::new(SocketBuffer::new(&mut received[..]), SocketBuffer::new(&mut to_send[..]));
    let mut storage = [SocketStorage::EMPTY];
    let mut sockets = SocketSet::new(&mut storage[..]);
    let handle = sockets.add(socket);
    let mut stack = Stack::new(&mut board, sockets, handle);
    loop {
        stack.accept();
        // However one session has ended, the next begins.
        let _ = Chosen::run(&mut stack, memory);
        stack.close();
    }
}
