//! The trial: nothing is lost, changed or put out of order, whatever the wire does.

mod common;

use common::BAD;
use smoltcp::time::Duration;
use wirelet_example_smoltcp::exchange::{Report, Setup, Way, run};
use wirelet_example_smoltcp::link::Conditions;

const WAYS: [Way; 2] = [Way::Blocking, Way::ZeroBuffer];

/// Runs a thousand messages each way with 10 % loss, and looks whether the wire was as bad as it
/// was meant to be.
fn a_thousand_messages(client: Way, server: Way) {
    let setup = Setup { conditions: BAD, ring: 2048, messages: 1000 };
    let report = run(&setup, client, server).unwrap();
    let traffic = report.traffic;
    assert!((8..=12).contains(&(traffic.lost * 100 / traffic.sent)), "{traffic:?}");
    assert!(traffic.duplicated > 100 && traffic.overtaking > 1000, "{traffic:?}");
    for (sent, seen) in report.sent.into_iter().zip(report.seen) {
        assert!(sent > 1_000_000, "{report:?}");
        assert!(seen.pongs > 40, "{report:?}");
    }
    for (way, seen) in [client, server].into_iter().zip(report.seen) {
        match way {
            Way::Blocking => assert_eq!(seen.wrapped, 0),
            Way::ZeroBuffer => assert!(seen.wrapped > 500, "{report:?}"),
        }
    }
}

#[test]
fn blocking_ends_lose_nothing() {
    a_thousand_messages(Way::Blocking, Way::Blocking);
}

#[test]
fn zero_buffer_ends_lose_nothing() {
    a_thousand_messages(Way::ZeroBuffer, Way::ZeroBuffer);
}

#[test]
fn a_blocking_client_and_a_zero_buffer_server_lose_nothing() {
    a_thousand_messages(Way::Blocking, Way::ZeroBuffer);
}

#[test]
fn a_zero_buffer_client_and_a_blocking_server_lose_nothing() {
    a_thousand_messages(Way::ZeroBuffer, Way::Blocking);
}

/// Runs 100 messages each way in all four pairings.
fn each_pairing(setup: &Setup, check: impl Fn(&Report)) {
    for client in WAYS {
        for server in WAYS {
            let report = run(setup, client, server)
                .unwrap_or_else(|failure| panic!("{client}, {server}, {setup:?}: {failure}"));
            check(&report);
        }
    }
}

#[test]
fn packets_of_any_size_will_do() {
    // 68: RFC 791, "Every internet module must be able to forward a datagram of 68 octets without
    // further fragmentation."
    for (mtu, ring) in [(68, 2048), (576, 2048), (9000, 16_384)] {
        let setup = Setup { conditions: Conditions { mtu, ..BAD }, ring, messages: 25 };
        each_pairing(&setup, |report| {
            assert_eq!(report.traffic.longest, mtu + 14, "with the Ethernet header");
        });
    }
}

#[test]
fn rings_of_any_size_will_do() {
    for ring in [256, 257, 1000, 4096, 65_536] {
        each_pairing(&Setup { conditions: BAD, ring, messages: 50 }, |_| {});
    }
}

#[test]
fn a_long_way_takes_long_and_changes_nothing() {
    for delay in [0, 1, 100, 1000].map(Duration::from_millis) {
        let conditions = Conditions { delay, ..BAD };
        each_pairing(&Setup { conditions, ring: 2048, messages: 50 }, |report| {
            // Two handshakes and two closes, at the least.
            assert!(report.elapsed > delay * 5, "{report:?}");
        });
    }
}

#[test]
fn packets_that_overtake_each_other_or_come_twice_change_nothing() {
    let much = Conditions { duplicate: 50, jitter: Duration::from_millis(500), ..BAD };
    each_pairing(&Setup { conditions: much, ring: 2048, messages: 50 }, |report| {
        assert!(report.traffic.duplicated * 3 > report.traffic.sent, "{report:?}");
        assert!(report.traffic.overtaking * 5 > report.traffic.sent, "{report:?}");
    });
}

#[test]
fn loss_of_any_degree_changes_nothing() {
    for loss in [0, 1, 30, 50] {
        let conditions = Conditions { loss, ..BAD };
        each_pairing(&Setup { conditions, ring: 2048, messages: 50 }, |report| {
            assert_eq!(report.traffic.lost == 0, loss == 0, "{report:?}");
        });
    }
}

#[test]
fn many_courses_of_events_end_well() {
    for seed in 100..105 {
        let conditions = Conditions { seed, ..BAD };
        each_pairing(&Setup { conditions, ring: 2048, messages: 50 }, |_| {});
    }
}

#[test]
fn the_same_seed_is_the_same_course_of_events() {
    let setup = |seed| Setup { conditions: Conditions { seed, ..BAD }, ring: 2048, messages: 50 };
    for client in WAYS {
        for server in WAYS {
            let report = |seed| run(&setup(seed), client, server).unwrap();
            assert_eq!(report(7), report(7));
            assert_ne!(report(7), report(8));
        }
    }
}

#[test]
fn a_wire_that_loses_all_is_told_as_a_failure() {
    let setup = Setup { conditions: Conditions { loss: 100, ..BAD }, ring: 2048, messages: 1 };
    for client in WAYS {
        for server in WAYS {
            let failure = run(&setup, client, server).unwrap_err().to_string();
            let why = "has failed: the peer has not answered in time";
            assert_eq!(failure, format!("the client {why}; the server {why}"));
        }
    }
}
