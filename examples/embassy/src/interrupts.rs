//! The two interrupts in use, and what ends the firmware.

use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::NVIC;
use cortex_m_rt::{ExceptionFrame, exception};

use crate::{ethernet, time};

/// Numbers of table 2-9 of the LM3S6965 data sheet.
#[derive(Clone, Copy)]
pub(crate) enum Interrupt {
    Timer0A = 19,
    Ethernet = 42,
}

impl Interrupt {
    pub(crate) fn enable(self) {
        // SAFETY: no critical section here is one by masking single interrupts.
        unsafe { NVIC::unmask(self) };
    }

    pub(crate) fn disable(self) {
        NVIC::mask(self);
    }
}

// SAFETY: the numbers are those of the chip, and do not change.
unsafe impl InterruptNumber for Interrupt {
    fn number(self) -> u16 {
        self as u16
    }
}

/// Without the crate of a device, the vector table of cortex-m-rt sends every interrupt here.
#[exception]
unsafe fn DefaultHandler(number: i16) {
    match number {
        TIMER_0A => time::on_interrupt(),
        ETHERNET => ethernet::on_interrupt(),
        _ => panic!("interrupt {number} was not enabled"),
    }
}

#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    panic!("hard fault: {frame:?}");
}

const TIMER_0A: i16 = Interrupt::Timer0A as i16;
const ETHERNET: i16 = Interrupt::Ethernet as i16;
