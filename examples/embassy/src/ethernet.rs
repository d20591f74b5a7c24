//! The network interface, for embassy-net.

use core::num::NonZero;
use core::task::Context;

use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState, RxToken, TxToken};
use embassy_sync::waitqueue::AtomicWaker;
use emulated_nic::{MAX_FRAME_LEN, Nic, Stellaris};
use static_cell::StaticCell;

use crate::interrupts::Interrupt;

/// The Ethernet controller of the chip, with room for one frame each way.
pub(crate) struct Ethernet {
    nic: Stellaris,
    received: &'static mut Frame,
    transmitted: &'static mut Frame,
}

/// A received frame lies in the buffer.
pub(crate) struct Received<'a>(&'a mut [u8]);

/// The interface can take a frame.
pub(crate) struct Transmit<'a> {
    nic: &'a mut Stellaris,
    frame: &'a mut Frame,
}

type Frame = [u8; MAX_FRAME_LEN];

impl Ethernet {
    /// Switches the interface on.
    ///
    /// # Panics
    ///
    /// It is on already.
    pub(crate) fn new() -> Self {
        let received = RECEIVED.init_with(|| [0; MAX_FRAME_LEN]);
        let transmitted = TRANSMITTED.init_with(|| [0; MAX_FRAME_LEN]);
        // SAFETY: the controller lies there on this board, and nothing else uses it: this is reached
        // once.
        let mut nic = unsafe { Stellaris::new(CONTROLLER) };
        nic.enable_interrupt();
        Self { nic, received, transmitted }
    }
}

/// Wakes the network's task.
///
/// The interface keeps interrupting until it is acknowledged, which that task does; until then
/// the interrupt is off.
pub(crate) fn on_interrupt() {
    Interrupt::Ethernet.disable();
    WAKER.wake();
}

impl Driver for Ethernet {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Transmit<'a>;

    fn receive(&mut self, cx: &mut Context<'_>) -> Option<(Received<'_>, Transmit<'_>)> {
        WAKER.register(cx.waker());
        // Before the look for a frame: one that comes in between interrupts again.
        self.nic.acknowledge_interrupt();
        Interrupt::Ethernet.enable();
        if !can_transmit(&mut self.nic, cx) {
            return None;
        }
        let len = self.nic.receive(self.received)?;
        let received = Received(self.received.get_mut(..len)?);
        Some((received, Transmit { nic: &mut self.nic, frame: self.transmitted }))
    }

    fn transmit(&mut self, cx: &mut Context<'_>) -> Option<Transmit<'_>> {
        can_transmit(&mut self.nic, cx)
            .then_some(Transmit { nic: &mut self.nic, frame: self.transmitted })
    }

    fn link_state(&mut self, _cx: &mut Context<'_>) -> LinkState {
        LinkState::Up // QEMU's cable is never pulled
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = MAX_FRAME_LEN;
        capabilities.max_burst_size = Some(1);
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(self.nic.mac())
    }
}

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

impl TxToken for Transmit<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let frame = &mut self.frame[..len]; // embassy-net keeps to the capabilities
        let result = f(frame);
        self.nic.transmit(frame);
        result
    }
}

/// There is no interrupt for a frame that has left, so the task tries again soon; sending one
/// takes 0.1 ms.
fn can_transmit(nic: &mut Stellaris, cx: &mut Context<'_>) -> bool {
    let can_transmit = nic.can_transmit();
    if !can_transmit {
        cx.waker().wake_by_ref();
    }
    can_transmit
}

// Not inside `Ethernet`, which is moved, so that these would pass over the stack.
static RECEIVED: StaticCell<Frame> = StaticCell::new();
static TRANSMITTED: StaticCell<Frame> = StaticCell::new();

static WAKER: AtomicWaker = AtomicWaker::new();

const CONTROLLER: NonZero<usize> = NonZero::new(0x4004_8000).unwrap();
