//! The clock and the alarm of embassy-time.
//!
//! `SysTick` only counts: QEMU loses interrupts of a fast periodic timer, but never a count. A
//! general-purpose timer interrupts when the next waker is due.

use core::cell::RefCell;
use core::num::NonZero;
use core::ptr::NonNull;
use core::task::Waker;

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use embassy_sync::blocking_mutex::CriticalSectionMutex;
use embassy_time_driver::{Driver, time_driver_impl};
use embassy_time_queue_utils::Queue;
use safe_mmio::fields::ReadPureWrite;
use safe_mmio::{UniqueMmioPointer, field};

use crate::interrupts::Interrupt;

time_driver_impl!(static DRIVER: TimeDriver = TimeDriver(CriticalSectionMutex::new(RefCell::new(State::new()))));

/// Starts the clock at zero.
pub(crate) fn start(mut systick: SYST) {
    systick.set_clock_source(SystClkSource::Core);
    systick.set_reload(SYSTICK_MAX);
    systick.clear_current();
    systick.enable_counter();

    // SAFETY: nothing else uses timer 0, and there is no second SYST to come here with again.
    let alarm = unsafe { Alarm::new() };
    DRIVER.with(|state| {
        state.alarm = Some(alarm);
        state.set_alarm();
    });
    Interrupt::Timer0A.enable();
}

/// Wakes whoever is due.
pub(crate) fn on_interrupt() {
    DRIVER.with(State::set_alarm);
}

struct TimeDriver(CriticalSectionMutex<RefCell<State>>);

impl TimeDriver {
    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        self.0.lock(|state| f(&mut state.borrow_mut()))
    }
}

impl Driver for TimeDriver {
    fn now(&self) -> u64 {
        self.with(State::now)
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        self.with(|state| {
            if state.queue.schedule_wake(at, waker) {
                state.set_alarm();
            }
        });
    }
}

struct State {
    /// Ticks of `SysTick` since the start.
    counted: u64,
    queue: Queue,
    /// `None` before the start.
    alarm: Option<Alarm>,
}

impl State {
    const fn new() -> Self {
        Self { counted: 0, queue: Queue::new(), alarm: None }
    }

    /// Returns the microseconds since the start.
    ///
    /// The lower bits of `counted` are those of `SysTick`, which counts down and comes around every
    /// 1.3 s; the alarm sees to it that this is called more often.
    fn now(&mut self) -> u64 {
        let counter = u64::from(SYST::get_current().wrapping_neg());
        self.counted += counter.wrapping_sub(self.counted) & u64::from(SYSTICK_MAX);
        self.counted * 2 / TICKS_IN_2_US
    }

    /// Wakes whoever is due, and sets the alarm for the next.
    fn set_alarm(&mut self) {
        let now = self.now();
        let next = self.queue.next_expiration(now);
        let wait = next.saturating_sub(now).clamp(1, MAX_WAIT_US);
        if let Some(alarm) = &mut self.alarm {
            alarm.set(u32::try_from(wait * TICKS_IN_2_US / 2).unwrap_or(u32::MAX));
        }
    }
}

/// General-purpose timer 0, which interrupts once when its time is over.
struct Alarm {
    timer: UniqueMmioPointer<'static, Timer>,
}

impl Alarm {
    /// # Safety
    ///
    /// Nothing else uses timer 0.
    unsafe fn new() -> Self {
        // SAFETY: the registers lie there on this chip, and the caller promises the rest.
        let mut timer =
            unsafe { UniqueMmioPointer::new(NonNull::<Timer>::with_exposed_provenance(TIMER_0)) };
        field!(timer, control).write(0);
        field!(timer, configuration).write(timer::WHOLE);
        field!(timer, mode).write(timer::ONE_SHOT);
        field!(timer, interrupt_mask).write(timer::TIME_OUT);
        Self { timer }
    }

    /// Ends the interrupt that is on, and interrupts after `ticks`.
    fn set(&mut self, ticks: u32) {
        // The timer takes a new interval when it is started.
        field!(self.timer, control).write(0);
        field!(self.timer, interrupt_clear).write(timer::TIME_OUT);
        field!(self.timer, interval).write(ticks);
        field!(self.timer, control).write(timer::ENABLE);
    }
}

/// The first registers of a general-purpose timer; chapter 10 of the LM3S6965 data sheet.
#[repr(C)]
struct Timer {
    configuration: ReadPureWrite<u32>,
    mode: ReadPureWrite<u32>,
    _mode_b: u32,
    control: ReadPureWrite<u32>,
    _reserved: [u32; 2],
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

const TIMER_0: NonZero<usize> = NonZero::new(0x4003_0000).unwrap();

/// `SysTick` has 24 bits.
const SYSTICK_MAX: u32 = 0x00ff_ffff;
/// The processor's clock after reset: 12.5 MHz.
const TICKS_IN_2_US: u64 = 25;
/// Less than half the time that `SysTick` takes to come around.
const MAX_WAIT_US: u64 = 500_000;
