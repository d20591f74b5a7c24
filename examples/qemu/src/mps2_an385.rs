//! Arm's MPS2 with the FPGA image AN385: Cortex-M3, 4 MiB for code, 4 MiB for data.

use core::num::NonZero;
use core::ptr::NonNull;

use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{NVIC, SCB, SYST};
use emulated_nic::Lan9118;
use safe_mmio::UniqueMmioPointer;
use safe_mmio::fields::ReadPure;
use smoltcp::time::{Duration, Instant};

use crate::arm::{self, Ticks};
use crate::machine::in_ticks;
use crate::{Clock, Machine, faults};

/// The board.
pub type Mps2An385 = Machine<Lan9118, Mps2Clock>;

/// Takes the board into use.
///
/// # Panics
///
/// It has been taken before.
#[must_use]
pub fn take() -> Mps2An385 {
    let mut peripherals = cortex_m::Peripherals::take().expect("the board is taken once");
    faults::guard_stack(&mut peripherals.MPU);
    // SAFETY: the chip lies there on this board, and is given out only once.
    let nic = unsafe { Lan9118::new(ETHERNET) };
    Machine::new(nic, Mps2Clock::new(peripherals.SYST))
}

/// Reads the board's cycle counter, and wakes the processor with `SysTick`.
///
/// The counter's 32 bits come around every 172 s, `SysTick` every 0.67 s: a sleep is not longer.
pub struct Mps2Clock {
    ticks: Ticks,
    counter: UniqueMmioPointer<'static, ReadPure<u32>>,
    alarm: SYST,
}

impl Mps2Clock {
    fn new(mut alarm: SYST) -> Self {
        alarm.set_clock_source(SystClkSource::Core);
        alarm.enable_interrupt();
        arm::wake_without_handlers([Interrupt::Ethernet]);
        // SAFETY: the counter lies there on this board; reading it has no side effects.
        let counter = unsafe { UniqueMmioPointer::new(NonNull::with_exposed_provenance(COUNTER)) };
        Self { ticks: Ticks::new(u32::MAX, TICKS_PER_MS), counter, alarm }
    }
}

impl Clock for Mps2Clock {
    fn now(&self) -> Instant {
        self.ticks.now(self.counter.read())
    }

    fn sleep(&mut self, at_most: Option<Duration>) {
        let ticks = in_ticks(at_most, TICKS_PER_MS, SYSTICK_MAX);
        if ticks == 0 {
            return;
        }
        self.alarm.set_reload(ticks);
        self.alarm.clear_current();
        self.alarm.enable_counter();
        cortex_m::asm::wfi();
        self.alarm.disable_counter();
        SCB::clear_pendst();
        NVIC::unpend(Interrupt::Ethernet);
    }
}

#[derive(Clone, Copy)]
enum Interrupt {
    Ethernet = 13,
}

// SAFETY: this is the number in the interrupt table of application note AN385.
unsafe impl InterruptNumber for Interrupt {
    fn number(self) -> u16 {
        self as u16
    }
}

const ETHERNET: NonZero<usize> = NonZero::new(0x4020_0000).unwrap();
const COUNTER: NonZero<usize> = NonZero::new(0x4002_8018).unwrap();

/// The clock of the board, of its counter and of the processor: 25 MHz.
const TICKS_PER_MS: u32 = 25_000;
/// `SysTick` has 24 bits.
const SYSTICK_MAX: u32 = 0x00ff_ffff;
