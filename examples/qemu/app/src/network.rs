//! The board's place in the network that QEMU makes for it.

use smoltcp::iface::{Config, Interface};
use smoltcp::wire::{EthernetAddress, Ipv4Address, Ipv4Cidr};

use crate::Board;

/// Brings up the network interface of the board, with its fixed address.
pub(crate) fn interface(board: &mut impl Board) -> Interface {
    let mut config = Config::new(EthernetAddress(board.mac()).into());
    // From it come the sequence numbers of TCP, which nobody must be able to guess.
    config.random_seed = u64::from(board.random()) << 32 | u64::from(board.random());
    let now = board.now();
    let mut interface = Interface::new(config, board.nic(), now);
    interface.update_ip_addrs(|addresses| {
        addresses.push(ADDRESS.into()).expect("a new interface has room for an address");
    });
    interface
        .routes_mut()
        .add_default_ipv4_route(GATEWAY)
        .expect("a new interface has room for a route");
    interface
}

/// The board.
const ADDRESS: Ipv4Cidr = Ipv4Cidr::new(Ipv4Address::new(10, 0, 2, 15), 24);

/// The host.
const GATEWAY: Ipv4Address = Ipv4Address::new(10, 0, 2, 2);
