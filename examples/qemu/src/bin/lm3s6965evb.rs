//! The WebSocket server on the Stellaris LM3S6965 evaluation board.

#![no_std]
#![no_main]

use semihosting as _; // the panic handler, which is needed also where nothing else is

#[cfg(target_arch = "arm")]
#[cortex_m_rt::entry]
fn main() -> ! {
    app::server::run(&mut boards::lm3s6965evb::take())
}
