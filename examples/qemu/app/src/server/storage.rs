//! The memory of the server that TCP works in.

use smoltcp::iface::{SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::tcp::{Socket, SocketBuffer};

use super::SLOTS;

/// The rings of one socket: what it has received and not used yet, and what it sends until that is
/// acknowledged.
#[derive(Clone, Copy, Debug)]
pub struct Rings {
    receive: [u8; RING_LEN],
    transmit: [u8; RING_LEN],
}

impl Rings {
    /// Zeros, so that they take no flash in a static.
    pub const EMPTY: Self = Self { receive: [0; RING_LEN], transmit: [0; RING_LEN] };
}

/// Makes a socket of each pair of rings.
pub(super) fn make_sockets<'a>(
    rings: &'a mut [Rings; SLOTS],
    storage: &'a mut [SocketStorage<'a>; SLOTS],
) -> (SocketSet<'a>, [SocketHandle; SLOTS]) {
    let mut sockets = SocketSet::new(&mut storage[..]);
    let handles = rings.each_mut().map(|Rings { receive, transmit }| {
        let mut socket =
            Socket::new(SocketBuffer::new(&mut receive[..]), SocketBuffer::new(&mut transmit[..]));
        // Answers leave in one write, and the acknowledgement with them: nothing to wait for.
        socket.set_nagle_enabled(false);
        socket.set_ack_delay(None);
        sockets.add(socket)
    });
    (sockets, handles)
}

/// Bytes of a ring: a full segment of TCP (1460) and a little more. Messages may be longer.
///
/// Both rings have the same, so that what has been received can be echoed at once, and the peer's
/// window opens wide. Into a narrow one it sends with delay, in small pieces, for ever.
pub const RING_LEN: usize = 2048;

// A board with 64 KiB of memory has as much again for its stack and its drivers.
#[cfg(target_pointer_width = "32")]
const _: () = assert!(
    size_of::<[Rings; SLOTS]>()
        + size_of::<[SocketStorage<'_>; SLOTS]>()
        + size_of::<super::Server<'_>>()
        <= 32 * 1024
);
