//! Two network cards, the bad wire between them, and a clock that takes no time.
//!
//! Each end is run by a thread of its own, as if it were a program on a machine of its own. Time
//! stands still while either has something to do; when both wait, it moves on to what comes next,
//! a packet or a deadline. Only one end runs at a time, so all that happens depends on the seed
//! alone, and minutes of time-outs and retransmissions pass in milliseconds.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::ETHERNET_HEADER_LEN;

use crate::stack::Machine;

/// Says how bad the wire is, in both directions.
#[derive(Clone, Copy, Debug)]
pub struct Conditions {
    /// How many of 100 packets get lost.
    pub loss: u8,
    /// How many of 100 packets arrive twice.
    pub duplicate: u8,
    /// How long a packet is on its way.
    pub delay: Duration,
    /// How much longer it may be, at random: packets overtake each other.
    pub jitter: Duration,
    /// The longest IP packet in bytes.
    pub mtu: usize,
    /// What all chance depends on.
    pub seed: u64,
}

impl Conditions {
    /// Describes a wire that takes a millisecond and makes no errors.
    pub const PERFECT: Self = Self {
        loss: 0,
        duplicate: 0,
        delay: Duration::from_millis(1),
        jitter: Duration::ZERO,
        mtu: 1500,
        seed: 0,
    };
}

/// Counts the packets that both ends have sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// All of them.
    pub sent: usize,
    /// Those that did not arrive.
    pub lost: usize,
    /// Those that arrived twice.
    pub duplicated: usize,
    /// Those that arrived before one that was sent earlier.
    pub overtaking: usize,
    /// The length of the longest in bytes, with its Ethernet header.
    pub longest: usize,
}

/// Watches the wire.
#[derive(Debug)]
pub struct Link(Arc<Shared>);

impl Link {
    /// Makes a wire with two ends, of which the first begins.
    #[must_use]
    pub fn new(conditions: &Conditions) -> (Self, [LinkEnd; 2]) {
        let shared = Arc::new(Shared {
            wire: Mutex::new(Wire {
                conditions: *conditions,
                chance: StdRng::seed_from_u64(conditions.seed),
                now: Instant::ZERO,
                running: 0,
                ends: [End::new(), End::new()],
                serial: 0,
                traffic: Traffic::default(),
            }),
            turned: Condvar::new(),
        });
        let ends = [0, 1].map(|side| LinkEnd { side, shared: Arc::clone(&shared) });
        (Self(shared), ends)
    }

    /// Returns what has been sent.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.0.lock().traffic
    }
}

/// One end of the wire, with the clock; for one thread. When it is dropped, time goes on without it.
#[derive(Debug)]
pub struct LinkEnd {
    side: usize,
    shared: Arc<Shared>,
}

impl LinkEnd {
    /// Lends the wire when it is this end's turn.
    fn turn(&self) -> MutexGuard<'_, Wire> {
        let others_turn = |wire: &mut Wire| wire.running != self.side;
        let wire = self.shared.turned.wait_while(self.shared.lock(), others_turn);
        wire.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Machine for LinkEnd {
    fn now(&self) -> Instant {
        self.turn().now
    }

    fn wait(&mut self, deadline: Instant) {
        let mut wire = self.turn();
        // A processor takes time, too: without, one that polls all the time would stop the clock.
        let earliest = wire.now + Duration::from_micros(1);
        wire.ends[self.side].wakes_at = deadline.max(earliest);
        wire.pass_turn();
        drop(wire);
        self.shared.turned.notify_all();
        // Returns when the turn has come back.
        drop(self.turn());
    }
}

impl Drop for LinkEnd {
    fn drop(&mut self) {
        let mut wire = self.shared.lock();
        wire.ends[self.side].gone = true;
        if wire.running == self.side {
            wire.pass_turn();
        }
        drop(wire);
        self.shared.turned.notify_all();
    }
}

impl Device for LinkEnd {
    type RxToken<'a> = Received;
    type TxToken<'a> = Transmit<'a>;

    fn receive(&mut self, _timestamp: Instant) -> Option<(Received, Transmit<'_>)> {
        let packet = self.turn().take(self.side)?;
        Some((Received(packet), Transmit(self)))
    }

    fn transmit(&mut self, _timestamp: Instant) -> Option<Transmit<'_>> {
        Some(Transmit(self))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = self.turn().conditions.mtu + ETHERNET_HEADER_LEN;
        capabilities
    }
}

/// A packet that has arrived.
#[derive(Debug)]
pub struct Received(Vec<u8>);

impl phy::RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

/// The right to send a packet.
#[derive(Debug)]
pub struct Transmit<'a>(&'a LinkEnd);

impl phy::TxToken for Transmit<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut packet = vec![0; len];
        let result = f(&mut packet);
        self.0.turn().send(self.0.side, packet);
        result
    }
}

#[derive(Debug)]
struct Shared {
    wire: Mutex<Wire>,
    turned: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Wire> {
        self.wire.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Wire {
    conditions: Conditions,
    chance: StdRng,
    now: Instant,
    /// The side whose turn it is.
    running: usize,
    ends: [End; 2],
    /// Tells packets apart that arrive at the same time.
    serial: u64,
    traffic: Traffic,
}

/// What the wire knows of one end.
#[derive(Debug)]
struct End {
    arriving: BTreeMap<(Instant, u64), Vec<u8>>,
    /// What it waits for, if no packet comes first.
    wakes_at: Instant,
    gone: bool,
}

impl End {
    const fn new() -> Self {
        Self { arriving: BTreeMap::new(), wakes_at: Instant::ZERO, gone: false }
    }

    fn next(&self) -> Instant {
        let arrival = self.arriving.first_key_value().map(|((at, _), _)| *at);
        arrival.map_or(self.wakes_at, |at| at.min(self.wakes_at))
    }
}

impl Wire {
    /// Moves time on to what comes next, and lets run whom it comes to.
    fn pass_turn(&mut self) {
        let there = self.ends.iter().enumerate().filter(|(_, end)| !end.gone);
        if let Some((side, end)) = there.min_by_key(|(_, end)| end.next()) {
            self.now = self.now.max(end.next());
            self.running = side;
        }
    }

    fn send(&mut self, from: usize, packet: Vec<u8>) {
        self.traffic.sent += 1;
        self.traffic.longest = self.traffic.longest.max(packet.len());
        if self.happens(self.conditions.loss) {
            self.traffic.lost += 1;
            return;
        }
        let to = 1 - from;
        if self.happens(self.conditions.duplicate) {
            self.traffic.duplicated += 1;
            self.carry(to, packet.clone());
        }
        self.carry(to, packet);
    }

    fn carry(&mut self, to: usize, packet: Vec<u8>) {
        let more = self.chance.random_range(0..=self.conditions.jitter.total_micros());
        let arrival = self.now + self.conditions.delay + Duration::from_micros(more);
        let arriving = &mut self.ends[to].arriving;
        if arriving.last_key_value().is_some_and(|((last, _), _)| *last > arrival) {
            self.traffic.overtaking += 1;
        }
        arriving.insert((arrival, self.serial), packet);
        self.serial += 1;
    }

    fn happens(&mut self, percent: u8) -> bool {
        self.chance.random_range(0..100) < percent
    }

    fn take(&mut self, side: usize) -> Option<Vec<u8>> {
        let next = self.ends[side].arriving.first_entry()?;
        (next.key().0 <= self.now).then(|| next.remove())
    }
}
