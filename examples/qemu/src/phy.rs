//! smoltcp's view of a network interface.

use emulated_nic::{MAX_FRAME_LEN, Nic};
use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

/// Makes a [`Nic`] a [`Device`], with room for one frame in each direction.
#[derive(Debug)]
pub struct Phy<N> {
    nic: N,
    received: [u8; MAX_FRAME_LEN],
    transmitted: [u8; MAX_FRAME_LEN],
}

impl<N> Phy<N> {
    pub(crate) const fn new(nic: N) -> Self {
        Self { nic, received: [0; MAX_FRAME_LEN], transmitted: [0; MAX_FRAME_LEN] }
    }
}

impl<N: Nic> Phy<N> {
    pub(crate) fn mac(&self) -> [u8; 6] {
        self.nic.mac()
    }

    pub(crate) fn acknowledge_interrupt(&mut self) {
        self.nic.acknowledge_interrupt();
    }
}

impl<N: Nic> Device for Phy<N> {
    type RxToken<'a>
        = RxToken<'a>
    where
        N: 'a;
    type TxToken<'a>
        = TxToken<'a, N>
    where
        N: 'a;

    fn receive(&mut self, _now: Instant) -> Option<(RxToken<'_>, TxToken<'_, N>)> {
        // What is received may have to be answered at once.
        if !self.nic.can_transmit() {
            return None;
        }
        let len = self.nic.receive(&mut self.received)?;
        let received = RxToken(self.received.get(..len)?);
        Some((received, TxToken { nic: &mut self.nic, frame: &mut self.transmitted }))
    }

    fn transmit(&mut self, _now: Instant) -> Option<TxToken<'_, N>> {
        if !self.nic.can_transmit() {
            return None;
        }
        Some(TxToken { nic: &mut self.nic, frame: &mut self.transmitted })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = MAX_FRAME_LEN;
        capabilities
    }
}

/// A received frame.
#[derive(Debug)]
pub struct RxToken<'a>(&'a [u8]);

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

/// Room for one frame to send.
#[derive(Debug)]
pub struct TxToken<'a, N> {
    nic: &'a mut N,
    frame: &'a mut [u8; MAX_FRAME_LEN],
}

impl<N: Nic> phy::TxToken for TxToken<'_, N> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let frame = &mut self.frame[..len]; // len ≤ max_transmission_unit
        let result = f(frame);
        self.nic.transmit(frame);
        result
    }
}
