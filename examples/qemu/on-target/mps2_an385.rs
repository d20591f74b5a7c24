//! The tests, on the board `mps2_an385`.

#![no_std]
#![no_main]

use semihosting as _; // the panic handler, which is needed also where nothing else is

#[cfg(target_arch = "arm")]
mod suite;

#[cfg(target_arch = "arm")]
#[cortex_m_rt::entry]
fn main() -> ! {
    suite::run(&mut boards::mps2_an385::take())
}
