//! The wire and its clock, without a stack.

use std::thread;

use smoltcp::phy::{Device as _, RxToken as _, TxToken as _};
use smoltcp::time::{Duration, Instant};
use wirelet_example_smoltcp::link::{Conditions, Link, LinkEnd, Traffic};
use wirelet_example_smoltcp::stack::Machine as _;

const PACKETS: u8 = 200;

/// Sends numbered packets from one end, one every `interval`; returns the numbers that arrive at the
/// other, with the times at which they do.
fn send(conditions: &Conditions, interval: Duration) -> (Vec<(u8, Instant)>, Traffic) {
    let (link, [mut from, mut to]) = Link::new(conditions);
    let end = Instant::from_secs(100);
    let arrived = thread::scope(|threads| {
        threads.spawn(move || {
            for n in 0..PACKETS {
                let now = from.now();
                from.transmit(now).unwrap().consume(1, |packet| packet[0] = n);
                from.wait(now + interval);
            }
        });
        let mut arrived = Vec::new();
        while to.now() < end {
            to.wait(end);
            let now = to.now();
            while let Some((packet, _)) = to.receive(now) {
                packet.consume(|packet| arrived.push((packet[0], now)));
            }
        }
        arrived
    });
    (arrived, link.traffic())
}

fn numbers(arrived: &[(u8, Instant)]) -> Vec<u8> {
    arrived.iter().map(|(n, _)| *n).collect()
}

const SECOND: Duration = Duration::from_secs(1);
const INTERVAL: Duration = Duration::from_millis(10);

#[test]
fn a_perfect_wire_brings_all_in_order_after_its_delay() {
    for delay in [Duration::ZERO, INTERVAL, SECOND] {
        let (arrived, traffic) = send(&Conditions { delay, ..Conditions::PERFECT }, INTERVAL);
        let expected: Vec<_> =
            (0..PACKETS).map(|n| (n, Instant::ZERO + delay + INTERVAL * u32::from(n))).collect();
        assert_eq!(arrived, expected);
        assert_eq!(traffic, Traffic { sent: PACKETS.into(), longest: 1, ..Traffic::default() });
    }
}

#[test]
fn what_is_lost_does_not_arrive() {
    for loss in [10, 50, 100] {
        let (arrived, traffic) = send(&Conditions { loss, ..Conditions::PERFECT }, INTERVAL);
        assert_eq!(arrived.len() + traffic.lost, PACKETS.into());
        assert!(numbers(&arrived).is_sorted());
        let expected = usize::from(PACKETS) * usize::from(loss) / 100;
        assert!(traffic.lost.abs_diff(expected) <= 20, "{traffic:?}");
    }
}

#[test]
fn what_is_doubled_arrives_twice() {
    let (arrived, traffic) = send(&Conditions { duplicate: 30, ..Conditions::PERFECT }, INTERVAL);
    let numbers = numbers(&arrived);
    assert_eq!(numbers.len(), usize::from(PACKETS) + traffic.duplicated);
    assert!(traffic.duplicated.abs_diff(60) <= 20, "{traffic:?}");
    let copies: Vec<_> = numbers.chunk_by(|n, m| n == m).map(<[u8]>::len).collect();
    assert_eq!(copies.len(), PACKETS.into());
    assert!(copies.iter().all(|n| (1..=2).contains(n)));
}

#[test]
fn jitter_lets_packets_overtake_each_other() {
    let jitter = Duration::from_millis(100);
    let (arrived, traffic) = send(&Conditions { jitter, ..Conditions::PERFECT }, INTERVAL);
    let mut numbers = numbers(&arrived);
    assert!(!numbers.is_sorted() && traffic.overtaking > 50, "{traffic:?}");
    for (n, at) in &arrived {
        let sent = Instant::ZERO + INTERVAL * u32::from(*n);
        let least = sent + Conditions::PERFECT.delay;
        assert!((least..=least + jitter).contains(at));
    }
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..PACKETS));
}

#[test]
fn the_longest_packet_is_told_with_its_ethernet_header() {
    let (_, [end, _]) = Link::new(&Conditions { mtu: 576, ..Conditions::PERFECT });
    assert_eq!(end.capabilities().max_transmission_unit, 590);
}

#[test]
fn time_goes_on_while_both_wait_and_when_one_has_left() {
    let (_, [mut first, second]) = Link::new(&Conditions::PERFECT);
    let alone = |mut end: LinkEnd| {
        let mut times = Vec::new();
        for n in 1..=3 {
            end.wait(Instant::ZERO + SECOND * (2 * n));
            times.push(end.now().total_millis());
        }
        times
    };
    let second = thread::spawn(move || alone(second));
    first.wait(Instant::ZERO + SECOND);
    assert_eq!(first.now(), Instant::ZERO + SECOND);
    first.wait(Instant::ZERO + SECOND * 3);
    assert_eq!(first.now(), Instant::ZERO + SECOND * 3);
    drop(first);
    assert_eq!(second.join().unwrap(), [2000, 4000, 6000]);
}
