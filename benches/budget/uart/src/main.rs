//! Firmware that echoes over a UART, to be looked at: with nothing else in it, the flash that it
//! takes beyond an echo of raw bytes is what the WebSocket costs.
#![no_std]
#![no_main]

use core::panic::PanicInfo;

use cortex_m_rt::entry;
use echo::{Chosen, Echo};
use static_cell::ConstStaticCell;

#[cfg(any(feature = "log", feature = "defmt"))]
mod logging;
mod registers;

use registers::Uart;

static MEMORY: ConstStaticCell<<Chosen as Echo>::Memory> = ConstStaticCell::new(Chosen::MEMORY);

#[entry]
fn main() -> ! {
    #[cfg(feature = "log")]
    logging::text::start();
    let memory = MEMORY.take();
    loop {
        // However one session has ended, the next begins.
        let _ = Chosen::run(Uart, memory);
    }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}
