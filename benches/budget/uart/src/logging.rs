//! The loggers of the features `log` and `defmt`.

#[cfg(feature = "log")]
pub(crate) mod text {
    use core::fmt::Write as _;

    use log::{LevelFilter, Log, Metadata, Record};

    use crate::registers::Uart;

    /// Writes a line for each record.
    struct Logger;

    impl Log for Logger {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn log(&self, record: &Record<'_>) {
            let _ = writeln!(Text(Uart), "{} {}", record.level(), record.args());
        }

        fn flush(&self) {}
    }

    struct Text(Uart);

    impl core::fmt::Write for Text {
        fn write_str(&mut self, text: &str) -> core::fmt::Result {
            embedded_io::Write::write_all(&mut self.0, text.as_bytes())
                .map_err(|_| core::fmt::Error)
        }
    }

    /// Logs everything from now on.
    pub(crate) fn start() {
        // It fails only if there is a logger already.
        if log::set_logger(&Logger).is_ok() {
            log::set_max_level(LevelFilter::Trace);
        }
    }
}

#[cfg(feature = "defmt")]
mod frames {
    use embedded_io::Write as _;

    use crate::registers::Uart;

    /// Writes what defmt encodes, without its framing.
    #[defmt::global_logger]
    struct Logger;

    // SAFETY: no interrupt is on, so nothing can come between `acquire` and `release`, and no
    // record is made while another one is written.
    unsafe impl defmt::Logger for Logger {
        fn acquire() {}

        unsafe fn flush() {}

        unsafe fn release() {}

        unsafe fn write(bytes: &[u8]) {
            let _ = Uart.write_all(bytes);
        }
    }
}
