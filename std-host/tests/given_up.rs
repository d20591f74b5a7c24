//! Deliveries that are given up. A program of its own, because it looks at the memory of the process.
#![cfg(target_os = "linux")]

mod harness;

use std::pin::pin;
use std::task::{self, Waker};
use std::time::Duration;

use harness::{TEXT, read_frame};
use wirelet_host::{Policy, Server, Sink};

#[test]
fn a_delivery_that_is_given_up_leaves_nothing_behind() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(Server::bind("127.0.0.1:0", Sink)).unwrap();
    let (addr, hub) = (server.addresses()[0].tcp().unwrap(), server.hub());
    runtime.spawn(server.run());
    let mut peer = harness::narrow(addr);
    let id = hub.connections()[0].id();
    // More than the system takes, for some time, as it may yet find room.
    let mut n_full = 0;
    while n_full < 20 {
        let sent = hub.with_policy(Policy::Drop).send_to(id, &vec![0; 8 << 20][..]);
        n_full = if sent.is_ok() { 0 } else { n_full + 1 };
        std::thread::sleep(Duration::from_millis(20));
    }
    // One that was taken while the worker was with the first may have been dropped by the policy.
    let n_long = hub.totals().traffic.messages_sent;
    let give_up = || {
        for _ in 0..100_000 {
            let mut delivery = pin!(hub.deliver_to(id, "never"));
            assert!(
                delivery.as_mut().poll(&mut task::Context::from_waker(Waker::noop())).is_pending()
            );
        }
    };
    let rss = || -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    give_up();
    let before = rss();
    give_up();
    // 100,000 wakers would take more than 2 MB.
    assert!(rss() < before + 1024, "{} KiB more after 100,000", rss() - before);
    // Who goes on waiting is served, when there is room.
    let delivery = runtime.spawn(async move { hub.deliver_to(id, "at last").await });
    for _ in 0..n_long {
        assert_eq!(read_frame(&mut peer).1.len(), 8 << 20);
    }
    assert_eq!(read_frame(&mut peer), (TEXT, b"at last".to_vec()));
    runtime.block_on(delivery).unwrap().unwrap();
}
