//! Counting instructions, on an emulator that runs one every so many nanoseconds.

/// Starts the counter.
pub(crate) fn start() {
    imp::start();
}

/// Returns the time, for [`between`].
pub(crate) fn now() -> u32 {
    imp::now()
}

/// Returns the number of instructions that were executed between two times.
pub(crate) fn between(earlier: u32, later: u32) -> u32 {
    imp::between(earlier, later)
}

#[cfg(target_arch = "arm")]
mod imp {
    //! `SysTick`, which counts down 24 bits at 25 MHz. With `-icount shift=8` an instruction takes 256 ns,
    //! 6.4 ticks, so that rounding to whole ticks does not matter.

    use core::ptr::with_exposed_provenance_mut;

    const CONTROL: usize = 0xe000_e010;
    const RELOAD: usize = 0xe000_e014;
    const CURRENT: usize = 0xe000_e018;
    const MAX: u32 = 0x00ff_ffff;
    const NS_PER_TICK: u32 = 40;
    const NS_PER_INSTRUCTION: u32 = 256;

    pub(super) fn start() {
        // SAFETY: these registers belong to `SysTick`, which nobody else uses.
        unsafe {
            with_exposed_provenance_mut::<u32>(RELOAD).write_volatile(MAX);
            with_exposed_provenance_mut::<u32>(CURRENT).write_volatile(0);
            // On, at the clock of the processor, without an interrupt.
            with_exposed_provenance_mut::<u32>(CONTROL).write_volatile(0b101);
        }
    }

    #[inline]
    pub(super) fn now() -> u32 {
        // SAFETY: reading this register has no effect.
        unsafe { with_exposed_provenance_mut::<u32>(CURRENT).read_volatile() }
    }

    pub(super) fn between(earlier: u32, later: u32) -> u32 {
        let ticks = earlier.wrapping_sub(later) & MAX;
        (ticks * NS_PER_TICK + NS_PER_INSTRUCTION / 2) / NS_PER_INSTRUCTION
    }
}

#[cfg(target_arch = "riscv32")]
mod imp {
    //! `minstret`, which counts just this.

    use core::arch::asm;

    pub(super) fn start() {}

    #[inline]
    pub(super) fn now() -> u32 {
        let count;
        // SAFETY: reading a counter has no effect.
        unsafe { asm!("csrr {}, minstret", out(reg) count) };
        count
    }

    pub(super) fn between(earlier: u32, later: u32) -> u32 {
        later.wrapping_sub(earlier)
    }
}
