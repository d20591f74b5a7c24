//! A cable that loses frames, in memory.

use std::cell::RefCell;
use std::collections::{HashSet, VecDeque};
use std::rc::Rc;

use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetFrame, EthernetProtocol, Ipv4Packet, TcpPacket};

/// One end of a cable.
pub struct Nic {
    cable: Rc<RefCell<Cable>>,
    end: usize,
}

/// What lies between the two ends.
pub struct Cable {
    /// The frames on their way to each end, and when they get there.
    to: [VecDeque<(Instant, Vec<u8>)>; 2],
    /// How many of a thousand frames are lost.
    pub loss: u32,
    /// TCP ports of hosts that are gone: their frames vanish, in both directions.
    pub gone: HashSet<u16>,
    /// How many frames have been lost by chance.
    pub lost: u32,
    random: Xoshiro256PlusPlus,
}

impl Nic {
    /// Makes a cable and its two ends.
    pub fn pair() -> (Self, Self, Rc<RefCell<Cable>>) {
        let cable = Rc::new(RefCell::new(Cable {
            to: [VecDeque::new(), VecDeque::new()],
            loss: 0,
            gone: HashSet::new(),
            lost: 0,
            random: Xoshiro256PlusPlus::seed_from_u64(6455),
        }));
        (Self { cable: cable.clone(), end: 0 }, Self { cable: cable.clone(), end: 1 }, cable)
    }
}

impl Cable {
    /// Returns when the next frame arrives.
    pub fn next_arrival(&self) -> Option<Instant> {
        self.to.iter().filter_map(|frames| frames.front()).map(|(at, _)| *at).min()
    }

    fn put(&mut self, now: Instant, end: usize, frame: Vec<u8>) {
        if self.loss > 0 && self.random.next_u32() % 1000 < self.loss {
            self.lost += 1;
        } else if !ports(&frame).is_some_and(|ports| ports.iter().any(|p| self.gone.contains(p))) {
            self.to[end].push_back((now + DELAY, frame));
        }
    }
}

impl Device for Nic {
    type RxToken<'a> = Received;
    type TxToken<'a> = Transmit<'a>;

    fn receive(&mut self, now: Instant) -> Option<(Received, Transmit<'_>)> {
        let mut cable = self.cable.borrow_mut();
        cable.to[self.end].front().filter(|(at, _)| *at <= now)?;
        let (_, frame) = cable.to[self.end].pop_front()?;
        drop(cable);
        Some((Received(frame), Transmit { nic: self, now }))
    }

    fn transmit(&mut self, now: Instant) -> Option<Transmit<'_>> {
        Some(Transmit { nic: self, now })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

/// A frame that has arrived.
pub struct Received(Vec<u8>);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

/// Room for a frame.
pub struct Transmit<'a> {
    nic: &'a Nic,
    now: Instant,
}

impl TxToken for Transmit<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.nic.cable.borrow_mut().put(self.now, 1 - self.nic.end, frame);
        result
    }
}

/// Returns source and destination port of a TCP segment.
fn ports(frame: &[u8]) -> Option<[u16; 2]> {
    let ethernet = EthernetFrame::new_checked(frame).ok()?;
    if ethernet.ethertype() != EthernetProtocol::Ipv4 {
        return None;
    }
    let ip = Ipv4Packet::new_checked(ethernet.payload()).ok()?;
    let tcp = TcpPacket::new_checked(ip.payload()).ok()?;
    Some([tcp.src_port(), tcp.dst_port()])
}

/// How long a frame is on its way.
const DELAY: Duration = Duration::from_millis(1);
