//! Two machines on a wire, each a thread.
#![allow(dead_code, reason = "no test needs all of it")]

use std::thread;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use smoltcp::time::Duration;
use smoltcp::wire::{IpAddress, IpEndpoint, Ipv4Address};
use wirelet::Random;
use wirelet_example_smoltcp::TcpError;
use wirelet_example_smoltcp::link::{Conditions, Link, LinkEnd};
use wirelet_example_smoltcp::stack::{Rings, Stack};

pub(crate) type Machine<'r> = Stack<'r, LinkEnd>;

pub(crate) const PORT: u16 = 80;
pub(crate) const CLIENT_PORT: u16 = 49_152;
pub(crate) const SERVER: IpEndpoint =
    IpEndpoint::new(IpAddress::Ipv4(Ipv4Address::new(10, 0, 0, 2)), PORT);

/// For each wait, in simulated time.
pub(crate) const LIMIT: Duration = Duration::from_secs(60 * 60);

/// The wire that most tests take.
pub(crate) const BAD: Conditions = Conditions {
    loss: 10,
    duplicate: 2,
    delay: Duration::from_millis(20),
    jitter: Duration::from_millis(10),
    mtu: 1500,
    seed: 1,
};

/// Draws masking keys that are the same in every run.
pub(crate) fn random() -> impl Random {
    let mut rng = StdRng::seed_from_u64(1);
    move |bytes: &mut [u8]| rng.fill_bytes(bytes)
}

/// Lets a connected client and server run; each stays on the network when it has ended.
pub(crate) fn connected<C: Send, S: Send>(
    conditions: &Conditions,
    receive_ring: usize,
    client: impl FnOnce(&mut Machine<'_>) -> C + Send,
    server: impl FnOnce(&mut Machine<'_>) -> S + Send,
) -> (C, S) {
    let (_, ends) = Link::new(conditions);
    on_wire(
        ends,
        receive_ring,
        |stack| {
            stack.connect(SERVER, CLIENT_PORT, LIMIT).expect("the server listens");
            client(stack)
        },
        |stack| {
            stack.accept(PORT, LIMIT).expect("the client connects");
            server(stack)
        },
    )
}

/// Lets two machines run that are not connected yet.
pub(crate) fn on_wire<C: Send, S: Send>(
    [client_end, server_end]: [LinkEnd; 2],
    receive_ring: usize,
    client: impl FnOnce(&mut Machine<'_>) -> C + Send,
    server: impl FnOnce(&mut Machine<'_>) -> S + Send,
) -> (C, S) {
    thread::scope(|threads| {
        let server = threads.spawn(move || with_stack(server_end, 2, receive_ring, stay(server)));
        let client = with_stack(client_end, 1, receive_ring, stay(client));
        (client, server.join().expect("the server has not panicked"))
    })
}

/// Lets the machine stay on the network when its program has ended.
fn stay<R>(program: impl FnOnce(&mut Machine<'_>) -> R) -> impl FnOnce(&mut Machine<'_>) -> R {
    |stack| {
        let result = program(stack);
        let _timed_out = stack.until(LIMIT, |_| Ok::<Option<()>, TcpError>(None));
        result
    }
}

/// Lets a program run on the machine 10.0.0.`number`, which has two sockets.
pub(crate) fn with_stack<R>(
    end: LinkEnd,
    number: u8,
    receive_ring: usize,
    program: impl FnOnce(&mut Machine<'_>) -> R,
) -> R {
    let mut memory = [(); 2].map(|()| (vec![0; receive_ring], vec![0; 2048]));
    let [first, second] = memory.each_mut().map(|(receive, transmit)| Rings { receive, transmit });
    let mut stack = Stack::new(end, Ipv4Address::new(10, 0, 0, number), number.into(), first);
    stack.add_socket(second);
    program(&mut stack)
}
