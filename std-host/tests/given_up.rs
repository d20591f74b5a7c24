//! Deliveries that are given up. A program of its own, because it looks at the memory of the process.

mod harness;

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::pin::pin;
use std::task::{self, Waker};
use std::time::Duration;

use harness::{TEXT, read_frame};
use wirelet_host::{Policy, Server, Sink};

/// Connects with a small receive buffer.
fn narrow(addr: SocketAddr) -> TcpStream {
    let socket =
        socket2::Socket::new(socket2::Domain::for_address(addr), socket2::Type::STREAM, None)
            .unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&addr.into()).unwrap();
    let mut socket = TcpStream::from(socket);
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    socket.write_all(harness::upgrade_request().as_bytes()).unwrap();
    assert!(harness::read_head(&mut socket).starts_with("HTTP/1.1 101 "));
    socket
}

#[test]
fn a_delivery_that_is_given_up_leaves_nothing_behind() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(Server::bind("127.0.0.1:0", Sink)).unwrap();
    let (addr, hub) = (server.addresses()[0].tcp().unwrap(), server.hub());
    runtime.spawn(server.run());
    let mut peer = narrow(addr);
    let id = hub.connections()[0].id();
    hub.with_policy(Policy::Drop).send_to(id, &vec![0; 8 << 20][..]).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let give_up = || {
        for _ in 0..100_000 {
            let mut delivery = pin!(hub.deliver_to(id, "never"));
            assert!(
                delivery.as_mut().poll(&mut task::Context::from_waker(Waker::noop())).is_pending()
            );
        }
    };
    let rss = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).map(str::to_owned);
        line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).unwrap_or(0)
    };
    give_up();
    let before = rss();
    give_up();
    assert!(rss() < before + 4096, "{} KiB more after 100,000", rss() - before);
    // Who goes on waiting is served, when there is room.
    let delivery = runtime.spawn(async move { hub.deliver_to(id, "at last").await });
    assert_eq!(read_frame(&mut peer).1.len(), 8 << 20);
    assert_eq!(read_frame(&mut peer), (TEXT, b"at last".to_vec()));
    runtime.block_on(delivery).unwrap().unwrap();
}
