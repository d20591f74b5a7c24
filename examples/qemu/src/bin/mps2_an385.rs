//! The WebSocket server on Arm's MPS2 board with FPGA image AN385.

#![no_std]
#![no_main]

use semihosting as _; // the panic handler, which is needed also where nothing else is

#[cfg(target_arch = "arm")]
#[cortex_m_rt::entry]
fn main() -> ! {
    app::server::run(&mut boards::mps2_an385::take())
}
