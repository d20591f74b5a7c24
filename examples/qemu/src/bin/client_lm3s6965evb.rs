//! A WebSocket client on the Stellaris LM3S6965 evaluation board.

#![no_std]
#![no_main]

use semihosting as _; // the panic handler, which is needed also where nothing else is

#[cfg(target_arch = "arm")]
mod lm3s6965evb {
    use app::client;
    use semihosting::{eprintln, println, process};

    #[cortex_m_rt::entry]
    fn main() -> ! {
        match client::run(&mut boards::lm3s6965evb::take(), client::SERVER) {
            Ok(report) => {
                println!("{report}");
                process::exit(0)
            }
            Err(error) => {
                eprintln!("{error}");
                process::exit(1)
            }
        }
    }
}
