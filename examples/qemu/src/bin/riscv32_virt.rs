//! The WebSocket server on QEMU's own RISC-V board.

#![no_std]
#![no_main]

use semihosting as _; // the panic handler, which is needed also where nothing else is

#[cfg(target_arch = "riscv32")]
#[riscv_rt::entry]
fn main() -> ! {
    app::server::run(&mut boards::riscv32_virt::take())
}
