//! The executor, which sleeps by WFI.
//!
//! The ready-made one of embassy-executor sleeps by WFE, which QEMU does not wait for: the host's
//! processor would be busy for ever.

use core::sync::atomic::{AtomicBool, Ordering};

use cortex_m::asm::wfi;
use embassy_executor::{Spawner, raw};
use static_cell::StaticCell;

/// Runs all tasks, for ever; `start` spawns the first.
pub(crate) fn run(start: impl FnOnce(Spawner)) -> ! {
    let executor: &'static raw::Executor =
        EXECUTOR.init_with(|| raw::Executor::new(core::ptr::null_mut()));
    start(executor.spawner());
    loop {
        // SAFETY: this executor runs nowhere else, and not inside itself.
        unsafe { executor.poll() };
        // No interrupt can fall between the look at the flag and WFI: it stays pending, and WFI
        // ends at once, also when PRIMASK holds the handler back.
        cortex_m::interrupt::free(|_| {
            if !IS_PENDING.load(Ordering::Relaxed) {
                wfi();
            }
        });
        IS_PENDING.store(false, Ordering::Relaxed);
    }
}

/// Called by embassy when a task has been woken, also from interrupts.
// SAFETY: embassy-executor names this symbol and its signature, and nothing else defines it.
#[unsafe(export_name = "__pender")]
fn pender(_context: *mut ()) {
    IS_PENDING.store(true, Ordering::Relaxed);
}

static EXECUTOR: StaticCell<raw::Executor> = StaticCell::new();
static IS_PENDING: AtomicBool = AtomicBool::new(false);
