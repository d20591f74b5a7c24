//! What the boards with an Arm Cortex-M have in common.

use core::cell::Cell;

use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::NVIC;
use smoltcp::time::Instant;

/// Lets interrupts end WFI, but never run a handler.
///
/// WFI also ends for an interrupt that PRIMASK holds back. With that set for ever there is no code
/// that runs between other code, and no interrupt can fall between the last look at the interface
/// and WFI: it stays pending, and WFI ends at once.
pub(crate) fn wake_without_handlers<I: InterruptNumber>(interrupts: impl IntoIterator<Item = I>) {
    cortex_m::interrupt::disable();
    for interrupt in interrupts {
        // SAFETY: no handler runs, so there is no critical section to break.
        unsafe { NVIC::unmask(interrupt) };
    }
}

/// Makes one long count out of a counter that is short and begins again.
///
/// Time is lost when [`now`](Self::now) is not called at least once each time around.
#[derive(Debug)]
pub(crate) struct Ticks {
    counted: Cell<u64>,
    /// The highest value of the counter: 2ⁿ − 1.
    max: u32,
    per_ms: u32,
}

impl Ticks {
    /// Begins with a counter that stands at 0, and counts `per_ms` in a millisecond.
    pub(crate) const fn new(max: u32, per_ms: u32) -> Self {
        Self { counted: Cell::new(0), max, per_ms }
    }

    /// Returns the time at which the counter has the value `counter`.
    pub(crate) fn now(&self, counter: u32) -> Instant {
        let before = self.counted.get();
        // Both have the same lower bits.
        let since = u64::from(counter).wrapping_sub(before) & u64::from(self.max);
        let now = before + since;
        self.counted.set(now);
        Instant::from_micros((now * 1000 / u64::from(self.per_ms)).cast_signed())
    }
}
