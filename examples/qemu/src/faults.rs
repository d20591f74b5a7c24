//! Ends QEMU with a message where an Arm Cortex-M would stand still.

use core::arch::naked_asm;

use cortex_m::peripheral::{MPU, SCB};
use cortex_m_rt::{ExceptionFrame, exception};
use semihosting::{eprintln, process};

/// Lets a stack that overflows fault.
///
/// On silicon there is no memory below the stack, see `memory/`; QEMU ignores what is written there
/// on some boards. So the memory protection unit forbids it.
pub(crate) fn guard_stack(mpu: &mut MPU) {
    #[expect(clippy::cast_possible_truncation, reason = "addresses have 32 bits")]
    let guard_start = (&raw const _stack_end).addr() as u32 - GUARD_LEN;
    let size = GUARD_LEN.trailing_zeros() - 1; // 2 to the power of n + 1
    // SAFETY: nothing uses this memory; all else stays as it is for privileged code, which all is.
    unsafe {
        mpu.rnr.write(0);
        mpu.rbar.write(guard_start);
        mpu.rasr.write(rasr::NO_EXECUTION | rasr::NO_ACCESS | size << 1 | rasr::ENABLE);
        mpu.ctrl.write(ctrl::OTHERS_AS_WITHOUT | ctrl::ENABLE);
    }
    cortex_m::asm::dsb();
    cortex_m::asm::isb();
}

/// Begins a new stack if the fault is that there is no more stack.
#[unsafe(naked)]
#[unsafe(export_name = "HardFault")]
unsafe extern "C" fn hard_fault() -> ! {
    naked_asm!(
        "mov r0, sp",
        "ldr r1, ={stack_end}",
        "cmp r0, r1",
        "bhs {report}",
        "ldr r1, ={stack_start}",
        "mov sp, r1",
        "b {report}",
        stack_start = sym _stack_start,
        stack_end = sym _stack_end,
        report = sym report_hard_fault,
    )
}

extern "C" fn report_hard_fault(frame: *const ExceptionFrame) -> ! {
    if frame.addr() < (&raw const _stack_end).addr() {
        eprintln!("stack overflow");
    } else {
        // SAFETY: the processor has put it there.
        let frame = unsafe { &*frame };
        // SAFETY: only read.
        let status = unsafe { (*SCB::PTR).cfsr.read() };
        let (pc, lr) = (frame.pc(), frame.lr());
        eprintln!("hard fault at {pc:#x}, called from {lr:#x}; CFSR is {status:#x}");
    }
    process::exit(EXIT_CODE)
}

#[exception]
unsafe fn DefaultHandler(number: i16) {
    eprintln!("exception or interrupt {number}, which nothing handles");
    process::exit(EXIT_CODE)
}

unsafe extern "C" {
    // From `memory.x`.
    static _stack_start: u8;
    static _stack_end: u8;
}

/// In the register for attributes and size.
mod rasr {
    pub(super) const ENABLE: u32 = 1 << 0;
    pub(super) const NO_ACCESS: u32 = 0b000 << 24;
    pub(super) const NO_EXECUTION: u32 = 1 << 28;
}

/// In the control register.
mod ctrl {
    pub(super) const ENABLE: u32 = 1 << 0;
    /// What no region covers is as if there were no memory protection unit.
    pub(super) const OTHERS_AS_WITHOUT: u32 = 1 << 2;
}

/// Bytes; more than any function has on the stack, and a divisor of where the stack lies.
const GUARD_LEN: u32 = 64 * 1024;

/// That of a panic.
const EXIT_CODE: i32 = 101;
