//! TI's Stellaris LM3S6965 evaluation board: Cortex-M3, 256 KiB of flash, 64 KiB of RAM.

use core::num::NonZero;
use core::ptr::NonNull;

use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{NVIC, SYST};
use emulated_nic::Stellaris;
use safe_mmio::fields::ReadPureWrite;
use safe_mmio::{UniqueMmioPointer, field};
use smoltcp::time::{Duration, Instant};

use crate::arm::{self, Ticks};
use crate::machine::in_ticks;
use crate::{Clock, Machine, faults};

/// The board.
pub type Lm3s6965evb = Machine<Stellaris, StellarisClock>;

/// Takes the board into use.
///
/// # Panics
///
/// It has been taken before.
#[must_use]
pub fn take() -> Lm3s6965evb {
    let mut peripherals = cortex_m::Peripherals::take().expect("the board is taken once");
    faults::guard_stack(&mut peripherals.MPU);
    // SAFETY: the controller lies there on this board, and is given out only once.
    let nic = unsafe { Stellaris::new(ETHERNET) };
    Machine::new(nic, StellarisClock::new(peripherals.SYST))
}

/// Counts the ticks of `SysTick`, and wakes the processor with a general-purpose timer.
///
/// `SysTick`'s 24 bits come around every 1.3 s, so the processor sleeps for a second at most.
#[derive(Debug)]
pub struct StellarisClock {
    ticks: Ticks,
    alarm: UniqueMmioPointer<'static, Timer>,
}

impl StellarisClock {
    fn new(mut systick: SYST) -> Self {
        systick.set_clock_source(SystClkSource::Core);
        systick.set_reload(SYSTICK_MAX);
        systick.clear_current();
        systick.enable_counter();

        // SAFETY: timer 0 lies there on this board, and `take` comes here only once.
        let mut alarm =
            unsafe { UniqueMmioPointer::new(NonNull::<Timer>::with_exposed_provenance(TIMER)) };
        field!(alarm, control).write(0);
        field!(alarm, configuration).write(timer::WHOLE);
        field!(alarm, mode).write(timer::ONE_SHOT);
        field!(alarm, interrupt_mask).write(timer::TIME_OUT);

        arm::wake_without_handlers([Interrupt::Ethernet, Interrupt::Timer]);
        Self { ticks: Ticks::new(SYSTICK_MAX, TICKS_PER_MS), alarm }
    }
}

impl Clock for StellarisClock {
    fn now(&self) -> Instant {
        self.ticks.now(SYSTICK_MAX - SYST::get_current()) // it counts down
    }

    fn sleep(&mut self, at_most: Option<Duration>) {
        let ticks = in_ticks(at_most, TICKS_PER_MS, MAX_SLEEP);
        if ticks == 0 {
            return;
        }
        field!(self.alarm, interval).write(ticks);
        field!(self.alarm, control).write(timer::ENABLE);
        cortex_m::asm::wfi();
        field!(self.alarm, control).write(0);
        field!(self.alarm, interrupt_clear).write(timer::TIME_OUT);
        NVIC::unpend(Interrupt::Timer);
        NVIC::unpend(Interrupt::Ethernet);
    }
}

#[repr(C)]
struct Timer {
    configuration: ReadPureWrite<u32>,
    mode: ReadPureWrite<u32>,
    _mode_b: u32,
    control: ReadPureWrite<u32>,
    _synchronization: [u32; 2],
    interrupt_mask: ReadPureWrite<u32>,
    _interrupt_status: [u32; 2],
    interrupt_clear: ReadPureWrite<u32>,
    interval: ReadPureWrite<u32>,
}

mod timer {
    /// One timer of 32 bits, not two of 16.
    pub(super) const WHOLE: u32 = 0;
    pub(super) const ONE_SHOT: u32 = 1;
    pub(super) const ENABLE: u32 = 1 << 0;
    pub(super) const TIME_OUT: u32 = 1 << 0;
}

#[derive(Clone, Copy)]
enum Interrupt {
    Timer = 19,
    Ethernet = 42,
}

// SAFETY: these are the numbers in table 2-9 of the data sheet, and they do not change.
unsafe impl InterruptNumber for Interrupt {
    fn number(self) -> u16 {
        self as u16
    }
}

const ETHERNET: NonZero<usize> = NonZero::new(0x4004_8000).unwrap();
const TIMER: NonZero<usize> = NonZero::new(0x4003_0000).unwrap();

/// `SysTick` counts `0x00ff_ffff`, …, 1, 0, and begins again.
const SYSTICK_MAX: u32 = 0x00ff_ffff;
/// The processor's clock after reset: 12.5 MHz.
const TICKS_PER_MS: u32 = 12_500;
/// A second, in ticks: less than `SysTick` takes to come around.
const MAX_SLEEP: u32 = 1000 * TICKS_PER_MS;
