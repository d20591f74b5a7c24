//! The tests, on the board `lm3s6965evb`.

#![no_std]
#![no_main]

use semihosting as _; // the panic handler, which is needed also where nothing else is

#[cfg(target_arch = "arm")]
mod suite;

#[cfg(target_arch = "arm")]
#[cortex_m_rt::entry]
fn main() -> ! {
    suite::run(&mut boards::lm3s6965evb::take())
}
