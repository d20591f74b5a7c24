//! A TAP interface of Linux: there the network is real, and so is the time.

use std::io;
use std::os::fd::AsRawFd as _;

use smoltcp::phy::{self, Device, DeviceCapabilities, Medium, TunTapInterface};
use smoltcp::time::Instant;

use crate::stack::Machine;

/// A network card that Linux lends to a program.
#[derive(Debug)]
pub struct Tap(TunTapInterface);

impl Tap {
    /// Attaches to the interface called `name`.
    ///
    /// # Errors
    ///
    /// It is not there and may not be made, it is in use, or it belongs to someone else.
    pub fn open(name: &str) -> io::Result<Self> {
        TunTapInterface::new(name, Medium::Ethernet).map(Self)
    }
}

impl Machine for Tap {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wait(&mut self, deadline: Instant) {
        let now = Instant::now();
        if now < deadline {
            // When a signal interrupts it, it returns early, which is allowed.
            phy::wait(self.0.as_raw_fd(), Some(deadline - now)).ok();
        }
    }
}

impl Device for Tap {
    type RxToken<'a> = <TunTapInterface as Device>::RxToken<'a>;
    type TxToken<'a> = <TunTapInterface as Device>::TxToken<'a>;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        self.0.receive(now)
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        self.0.transmit(now)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.0.capabilities()
    }
}
