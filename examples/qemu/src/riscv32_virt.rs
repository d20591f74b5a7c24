//! QEMU's own board `virt`, with one 32-bit RISC-V processor.

use core::num::NonZero;
use core::ptr::NonNull;

use emulated_nic::{Virtio, VirtioBuffers};
use riscv::register::{mcause, mepc, mie};
use riscv_rt::TrapFrame;
use safe_mmio::fields::{ReadPure, ReadPureWrite, ReadWrite};
use safe_mmio::{UniqueMmioPointer, field, field_shared};
use semihosting::{eprintln, process};
use smoltcp::time::{Duration, Instant};
use static_cell::ConstStaticCell;

use crate::machine::in_ticks;
use crate::{Clock, Machine};

/// The board.
pub type Riscv32Virt = Machine<Virtio, RiscvClock>;

/// Takes the board into use.
///
/// # Panics
///
/// It has been taken before, or has no network device.
#[must_use]
pub fn take() -> Riscv32Virt {
    static BUFFERS: ConstStaticCell<VirtioBuffers> = ConstStaticCell::new(VirtioBuffers::new());
    let buffers = BUFFERS.take();
    // SAFETY: a virtio device lies there, and is given out only once, as the buffers are.
    let nic = unsafe { Virtio::new(NETWORK, buffers) };
    Machine::new(nic, RiscvClock::new())
}

/// Reads the time of the machine, and wakes the processor with its comparator.
#[derive(Debug)]
pub struct RiscvClock {
    timer: UniqueMmioPointer<'static, Timer>,
    interrupts: UniqueMmioPointer<'static, InterruptController>,
}

impl RiscvClock {
    fn new() -> Self {
        // SAFETY: that is what lies there on this board, and `take` comes here only once.
        let mut clock = unsafe {
            Self {
                timer: UniqueMmioPointer::new(NonNull::with_exposed_provenance(TIMER)),
                interrupts: UniqueMmioPointer::new(NonNull::with_exposed_provenance(PLIC)),
            }
        };
        field!(clock.interrupts, network_priority).write(1);
        field!(clock.interrupts, threshold).write(0);
        field!(clock.interrupts, enable).write(1 << NETWORK_INTERRUPT);
        // WFI ends for an interrupt that is enabled here, and no handler runs as long as `mstatus`
        // holds all of them back. So none can fall between the last look at the interface and WFI.
        // SAFETY: no handler runs, so there is no critical section to break.
        unsafe {
            mie::set_mext();
            mie::set_mtimer();
        }
        clock
    }

    fn ticks(&self) -> u64 {
        loop {
            let high = field_shared!(self.timer, time_high).read();
            let low = field_shared!(self.timer, time_low).read();
            // Else the lower half has come around in between.
            if field_shared!(self.timer, time_high).read() == high {
                return u64::from(high) << 32 | u64::from(low);
            }
        }
    }

    fn set_alarm(&mut self, ticks: u64) {
        // With all bits set in the lower half there is no moment at which the alarm is too early.
        field!(self.timer, alarm_low).write(u32::MAX);
        field!(self.timer, alarm_high).write((ticks >> 32) as u32);
        field!(self.timer, alarm_low).write((ticks & 0xffff_ffff) as u32);
    }
}

impl Clock for RiscvClock {
    fn now(&self) -> Instant {
        Instant::from_micros((self.ticks() * 1000 / u64::from(TICKS_PER_MS)).cast_signed())
    }

    fn sleep(&mut self, at_most: Option<Duration>) {
        let ticks = in_ticks(at_most, TICKS_PER_MS, u32::MAX);
        self.set_alarm(self.ticks() + u64::from(ticks));
        riscv::asm::wfi();
        let interrupt = field!(self.interrupts, claim).read();
        if interrupt != 0 {
            field!(self.interrupts, claim).write(interrupt);
        }
    }
}

#[unsafe(export_name = "ExceptionHandler")]
fn exception(_frame: &TrapFrame) -> ! {
    eprintln!("exception {} at {:#x}", mcause::read().code(), mepc::read());
    process::exit(101) // as a panic does
}

/// The machine's timer, from its comparator on.
#[repr(C)]
struct Timer {
    alarm_low: ReadPureWrite<u32>, // 0x4000
    alarm_high: ReadPureWrite<u32>,
    _other_harts: [u32; 0x1ffc],
    time_low: ReadPure<u32>, // 0xbff8
    time_high: ReadPure<u32>,
}

/// The platform-level interrupt controller (PLIC), from the priority of the network on.
#[repr(C)]
struct InterruptController {
    network_priority: ReadPureWrite<u32>, // 0x4
    _other_priorities: [u32; 0x7fe],
    enable: ReadPureWrite<u32>, // 0x2000
    _other_contexts: [u32; 0x7_f7ff],
    threshold: ReadPureWrite<u32>, // 0x20_0000
    claim: ReadWrite<u32>,         // 0x20_0004
}

const NETWORK: NonZero<usize> = NonZero::new(0x1000_1000).unwrap();
const NETWORK_INTERRUPT: u32 = 1;
const TIMER: NonZero<usize> = NonZero::new(0x0200_4000).unwrap();
const PLIC: NonZero<usize> = NonZero::new(0x0c00_0004).unwrap();

/// Of the machine's time: 10 MHz.
const TICKS_PER_MS: u32 = 10_000;
