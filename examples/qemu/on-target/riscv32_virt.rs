//! The tests, on the board `riscv32_virt`.

#![no_std]
#![no_main]

use semihosting as _; // the panic handler, which is needed also where nothing else is

#[cfg(target_arch = "riscv32")]
mod suite;

#[cfg(target_arch = "riscv32")]
#[riscv_rt::entry]
fn main() -> ! {
    suite::run(&mut boards::riscv32_virt::take())
}
